"""Convert objects to the JSON of the API: full objects, list items and descriptors.

A descriptor contains the type, the id and the context attributes of an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from graphbuild.emulator.http_messages import BASE_URL
from graphbuild.emulator.models import (
    ENDPOINTS,
    INDICATOR_TYPES,
    Collection,
    File,
    Indicator,
    Reference,
    Report,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.emulator.http_messages import Json
    from graphbuild.emulator.models import ApiObject, ListItem
    from graphbuild.emulator.world import World


def serialize_object(world: World, entity: ApiObject) -> Json:
    """Return the JSON of an object with all its attributes."""
    return {
        "attributes": _attributes(world, entity),
        "type": entity.type,
        "id": entity.id,
        "links": {"self": f"{BASE_URL}/{ENDPOINTS[entity.type]}/{entity.id}"},
    }


def serialize_item(world: World, item: ListItem) -> Json:
    """Return the JSON of a list item: the full object with the context attributes of the item."""
    return serialize_object(world, world.resolve(item)) | _context(world, item)


def serialize_descriptor(world: World, item: ListItem) -> Json:
    """Return the JSON of a list item: only its type, id and context attributes."""
    return {"type": item.type, "id": item.id} | _context(world, item)


def parse_list(query: str, name: str) -> list[str]:
    """Return the distinct values of the comma-separated parameter ``name`` in a query string."""
    text = parse_qs(query).get(name, [""])[0]
    return [each for each in dict.fromkeys(map(str.strip, text.split(","))) if each]


def select_attributes(attributes: Mapping[str, object], query: str) -> Json:
    """Return the attributes that a query selects.

    The parameter ``attributes`` lists the wanted attributes; by default, all are wanted. The
    parameter ``exclude_attributes`` lists attributes to leave out.
    """
    included = parse_list(query, "attributes") or attributes
    excluded = parse_list(query, "exclude_attributes")
    return {
        name: value
        for name, value in attributes.items()
        if name in included and name not in excluded
    }


def _attributes(world: World, entity: ApiObject) -> Json:
    match entity:
        case File():
            hashes = {"sha256": entity.sha256, "sha1": entity.sha1, "md5": entity.md5}
            known = hashes | {"meaningful_name": entity.name}
            return {name: value for name, value in known.items() if value} | dict(entity.attributes)
        case Indicator():
            return {"url": entity.text} if entity.type == "url" else {}
        case Reference():
            return {"url": entity.url, **entity.attributes}
        case Report():
            return _report_attributes(entity.reference)
        case Collection():
            return _collection_attributes(world, entity)


def _report_attributes(reference: Reference) -> Json:
    attributes = dict(reference.attributes)
    if "title" in attributes:
        attributes["name"] = attributes.pop("title")
    # The origin is a guess, because the API documentation does not state the origin of reports.
    constants = {"collection_type": "report", "origin": "Crowdsourced"}
    return {"link": reference.url, **attributes, **constants}


def _collection_attributes(world: World, collection: Collection) -> Json:
    counts = {
        f"{ENDPOINTS[each]}_count": len(world.members(collection.id, each)) or None
        for each in INDICATOR_TYPES
    }
    return _without_none(
        {
            "name": collection.name,
            "collection_type": collection.collection_type,
            "origin": collection.origin,
            "references_count": len(set(collection.references)),
            "files_count": len(world.members(collection.id)),
            **counts,
            **collection.attributes,
        }
    )


def _context(world: World, item: ListItem) -> Json:
    if item.related_from is None:
        return {}
    is_gti = item.type == "collection"
    mentions = [_mention(world.source(each), is_gti=is_gti) for each in item.related_from]
    return {"context_attributes": {"related_from": mentions}}


def _mention(source: Collection | Report, *, is_gti: bool) -> Json:
    """Return the JSON of an item of ``related_from``; the flavor ``gti`` has more attributes."""
    descriptor = {"type": source.type, "id": source.id}
    if isinstance(source, Report):
        known = _report_attributes(source.reference)
        name, origin, kind = known.get("name"), known["origin"], known["collection_type"]
    elif source.mentions_name:
        name, origin, kind = source.name, source.origin, source.collection_type or "collection"
    else:
        return descriptor
    attributes = {"name": name}
    if is_gti:
        attributes |= {"tags": [], "origin": origin, "collection_type": kind}
    return {"attributes": _without_none(attributes), **descriptor}


def _without_none(values: Json) -> Json:
    return {name: value for name, value in values.items() if value is not None}
