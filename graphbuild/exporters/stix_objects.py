"""Build the objects of a STIX 2.1 bundle from nodes.

* Files, and valid domains, IP addresses and URLs, become observables. Their ids are computed as the
  standard defines, so that other programs give the same observable the same id. An extension of a
  file would change its id. So the attributes are in a ``note`` about the observable.
* All other nodes become domain objects. An extension of the object contains the type, the id and
  all attributes of the VirusTotal object.

https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html, sections 2.9, 3 to 7.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from graphbuild.exporters.columns import extra_attributes
from graphbuild.exporters.cti_types import (
    CAMPAIGN,
    GROUPING,
    INTRUSION_SET,
    MALWARE,
    MAX_NAME,
    REPORT,
    TOOL,
    VULNERABILITY,
    cve_id,
    file_hashes,
    object_name,
    parse_timestamp,
    safe_link,
    stable_uuid,
    stix_type,
    value_observable,
)
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.sanitize import (
    NO_TITLE,
    format_value,
    label_text,
    url_host,
    xml_text,
)
from graphbuild.models import FILE, HASH_TYPES, SUBJECT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Object = dict[str, Any]

UNKNOWN_TIME = "1970-01-01T00:00:00.000Z"
# Labels of reports whose publication date is unknown: the date is the day on which a crawl first
# saw the reference, or 1970-01-01 if this day is unknown, too.
FIRST_SEEN_LABEL = "date-first-seen"
UNKNOWN_DATE_LABEL = "date-unknown"
_SPEC_VERSION = "2.1"
_MAX_INTEGER = 2**53 - 1  # the greatest integer that the standard allows
_WITH_ALIASES = frozenset({MALWARE, TOOL, CAMPAIGN, INTRUSION_SET})  # types with ``aliases``
_MAX_ALIASES = 100
_GRAPH_ATTRIBUTES = frozenset({"type", "label", "id"})
_OBSERVABLE_NAMESPACE = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # section 2.9
_HASH_NAMES = {each.name: each.label for each in HASH_TYPES}  # as the standard spells them
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

_CONTEXT = "suspicious-activity"  # of groupings

_RELEASED = "2026-01-01T00:00:00.000Z"  # creation time of the identity


IDENTITY_ID = f"identity--{stable_uuid('identity')}"


def new_object(
    object_id: str, created_at: str, modified_at: str = "", /, **properties: object
) -> Object:
    """Return an object with the common properties and ``properties``.

    The type of the object is the part of its id before ``--``. Without ``modified_at``, the object
    is modified when it was created.
    """
    creator = {} if object_id == IDENTITY_ID else {"created_by_ref": IDENTITY_ID}
    return {
        "type": object_id.partition("--")[0],
        "spec_version": _SPEC_VERSION,
        "id": object_id,
        **creator,
        "created": created_at,
        "modified": modified_at or created_at,
        **properties,
    }


IDENTITY = new_object(
    IDENTITY_ID,
    _RELEASED,
    name="graphbuild",
    description="Builds graphs from VirusTotal relationships: file, reference, collection.",
    identity_class="system",
)
# docs/stix-extension.json contains the definition. It is not part of bundles, because platforms
# such as OpenCTI reject objects of this type.
EXTENSION_ID = f"extension-definition--{stable_uuid('extension', '1')}"


# --- common properties ---------------------------------------------------------------------------


class Date(NamedTuple):
    """The creation date of an object. Dates that the API states are the smallest.

    Attributes:
        label: Empty if the API states the date; otherwise, a label that says what the date is.
        time: The date as a STIX timestamp.
    """

    label: str
    time: str


UNKNOWN_DATE = Date(UNKNOWN_DATE_LABEL, UNKNOWN_TIME)


class NodeObject(NamedTuple):
    """A node, with the id and the date of its STIX object."""

    key: str
    node: Mapping[str, Any]
    id: str
    date: Date


def creation_date(node: Mapping[str, Any], first_seen: float | None) -> Date:
    """Return the creation date of a node or, if the API states none, the day of ``first_seen``.

    ``first_seen`` is the time of the first response with the node, in seconds since 1970, or None.
    """
    stated = _format_time(node.get("creation_date"))
    if stated != UNKNOWN_TIME:
        return Date("", stated)
    if first_seen is None or not parse_timestamp(int(first_seen)):
        return UNKNOWN_DATE
    return Date(FIRST_SEEN_LABEL, f"{_format_time(int(first_seen))[:10]}T00:00:00.000Z")


def _format_time(seconds: object) -> str:
    moment = parse_timestamp(seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z") if moment else UNKNOWN_TIME


def is_number(value: object) -> bool:
    """Return whether ``value`` is a number that STIX allows: a finite float or 53-bit integer."""
    if isinstance(value, float):
        return math.isfinite(value)
    return type(value) is int and abs(value) <= _MAX_INTEGER


def is_container(object_id: str) -> bool:
    """Return whether an object id is that of a report or a grouping."""
    return object_id.startswith((f"{REPORT}--", f"{GROUPING}--"))


def relationship(source: str, verb: str, target: str, date: str, **properties: object) -> Object:
    """Return a relationship, such as ``indicates``, from the object id ``source`` to ``target``.

    ``date`` is the creation time of the relationship, as a STIX timestamp.
    """
    own_id = f"relationship--{stable_uuid(source, verb, target)}"
    ends = {"relationship_type": verb, "source_ref": source, "target_ref": target}
    return new_object(own_id, date, **ends, **properties)


def _virustotal(node: Mapping[str, Any]) -> Object:
    """Return an external reference that contains the id of the VirusTotal object."""
    return {"source_name": "virustotal", "external_id": xml_text(str(node["id"]))}


def _extension(node: Mapping[str, Any], warnings: ExportWarnings) -> Object:
    """Return the extension of an object: type and id of its node, and its attributes as JSON."""
    others = {name: value for name, value in node.items() if name not in _GRAPH_ATTRIBUTES}
    attributes = extra_attributes(others, warnings)
    return {
        "extension_type": "property-extension",
        "entity_type": xml_text(str(node["type"])),
        "entity_id": xml_text(str(node["id"])),
        **({"attributes": attributes} if attributes else {}),
    }


# --- domain objects: reports, groupings, families, campaigns, actors -----------------------------


def domain_object_id(key: str, node: Mapping[str, Any]) -> str:
    """Return the id of a node's domain object; a node without a STIX type becomes a grouping."""
    return f"{stix_type(node) or GROUPING}--{stable_uuid(key)}"


def domain_object(
    source: NodeObject, refs: Iterable[str], edges: list[Object], warnings: ExportWarnings
) -> Object:
    """Return the domain object of a node.

    Reports and groupings list the object ids ``refs`` as ``object_refs``; other objects ignore
    ``refs``. The extension of the object contains ``edges``.
    """
    node, kind, created = source.node, stix_type(source.node), source.date.time
    modified = max(created, _format_time(node.get("last_modification_date")))
    name, required = object_name(node, warnings), _required_properties(source.date, kind)
    # The current time is never used, so that equal graphs give equal bytes.
    body = new_object(source.id, created, modified, name=name, **required)
    if is_container(source.id):
        # The standard forbids an empty list, so an object without ``refs`` lists the identity.
        body["object_refs"] = list(dict.fromkeys(refs)) or [IDENTITY_ID]
    if kind in _WITH_ALIASES and (aliases := _aliases(node, name)):
        body["aliases"] = aliases
    body["external_references"] = list(_external_references(node, kind))
    extension = _extension(node, warnings) | ({"edges": edges} if edges else {})
    body["extensions"] = {EXTENSION_ID: extension}
    return body


def _required_properties(date: Date, kind: str | None) -> Object:
    """Return the properties of a domain object that depend on its STIX type."""
    if kind == REPORT:
        labels = {"labels": [date.label]} if date.label else {}
        return {"report_types": ["threat-report"], "published": date.time, **labels}
    if kind == MALWARE:
        return {"is_family": True}
    if kind in {TOOL, CAMPAIGN, INTRUSION_SET, VULNERABILITY}:
        return {}
    return {"context": _CONTEXT if kind == GROUPING else "unspecified"}


def campaign_grouping(campaign: str, dates: Iterable[str], refs: list[str]) -> Object:
    """Return a grouping that represents a campaign; it lists the objects with the ids ``refs``.

    ``campaign`` is the UUID of the campaign, and ``dates`` are the dates of its subjects.
    """
    known = sorted(dates) or [UNKNOWN_TIME]
    own_id = f"{GROUPING}--{stable_uuid('grouping', campaign)}"
    properties = {"name": "VirusTotal references, from graphbuild", "context": _CONTEXT}
    return new_object(own_id, known[0], known[-1], **properties, object_refs=refs)


def _aliases(node: Mapping[str, Any], name: str) -> list[str]:
    """Return the API's name and the alternative names of a collection, except ``name``.

    At most ``_MAX_ALIASES`` names are returned.
    """
    # The parser joins lists of texts with "; ".
    texts = [node.get("name"), *str(node.get("alt_names") or "").split("; ")]
    known = (text for text in texts if isinstance(text, str) and text.strip())
    names = dict.fromkeys(label_text(text, MAX_NAME) for text in known)
    return [each for each in names if each not in {name, NO_TITLE}][:_MAX_ALIASES]


def _external_references(node: Mapping[str, Any], kind: str | None) -> Iterator[Object]:
    """Yield the external references of a node: a safe URL, a CVE number and its VirusTotal id."""
    link = safe_link(node.get("url") or node.get("link"))
    if link:
        yield {"source_name": url_host(link), "url": link}
    cve = cve_id(node) if kind == VULNERABILITY else None
    if cve:
        yield {"source_name": "cve", "external_id": cve}
    yield _virustotal(node)


# --- observables: files, domains, IP addresses, URLs ---------------------------------------------


def observable(node: Mapping[str, Any]) -> Object | None:
    """Return a node as an observable, without an id; None if the node becomes a domain object."""
    if node["type"] == FILE:
        return _file(node)
    found = value_observable(node)
    if found is None:
        return None
    return {"type": found.stix_type, SUBJECT_TYPES[node["type"]].stix_property: found.value}


def _file(node: Mapping[str, Any]) -> Object:
    hashes = {_HASH_NAMES[name]: digest for name, digest in file_hashes(node).items()}
    # The standard requires a hash or a name. If no hash is known, the name is the id, which can be
    # any text if the file did not come from the API.
    body = {"hashes": hashes} if hashes else {"name": xml_text(str(node["id"]))}
    size = node.get("size")
    known_size = {"size": size} if type(size) is int and 0 <= size <= _MAX_INTEGER else {}
    return {"type": "file", **body, **known_size}


def observable_id(body: Object) -> str:
    """Return the id that STIX defines: a UUID of the identifying properties in RFC 8785 JSON."""
    identifying = {name: value for name, value in body.items() if name not in {"type", "size"}}
    if "hashes" in identifying:
        # The standard uses only the first hash, in the order MD5, SHA-1, SHA-256.
        identifying["hashes"] = dict([next(iter(identifying["hashes"].items()))])
    text = json.dumps(identifying, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{body['type']}--{stable_uuid(text, namespace=_OBSERVABLE_NAMESPACE)}"


def observable_object(object_id: str, body: Object) -> Object:
    """Return an observable with the id ``object_id``."""
    return {"type": body["type"], "spec_version": _SPEC_VERSION, "id": object_id, **body}


def needs_note(node: Mapping[str, Any], body: Object) -> bool:
    """Return whether a node may have data that its observable ``body`` lacks.

    This is the case if the node has attributes other than type, label and id, or if the type and id
    of the node cannot be derived from the observable.
    """
    return len(node) > len(_GRAPH_ATTRIBUTES) or not _is_complete(node, body)


def _is_complete(node: Mapping[str, Any], body: Object) -> bool:
    """Return whether the type and id of a node can be derived from its observable."""
    if "hashes" in body:
        return list(body["hashes"].values()) == [node["id"]]
    return "name" not in body and node["id"] in body.values()


def note(
    source: NodeObject, neighbors: Iterable[Mapping[str, Any]], warnings: ExportWarnings
) -> Object:
    """Return a note about an observable: the type, id and attributes of its node.

    The text also contains the names and URLs of the nodes ``neighbors``. The note is ``modified``
    at the time ``crawl_fetched_at``, if the node has this attribute.
    """
    node, created = source.node, source.date.time
    title = object_name(node, warnings)
    others = node.keys() - _GRAPH_ATTRIBUTES
    lines = sorted(xml_text(f"{name}: {format_value(node[name])}") for name in others)
    fetched = node.get("crawl_fetched_at")
    is_time = isinstance(fetched, str) and _TIMESTAMP.fullmatch(fetched)
    return new_object(
        f"note--{stable_uuid('note', source.key)}",
        created,
        max(created, str(fetched).replace("Z", ".000Z")) if is_time else created,
        abstract=title,
        content="\n".join([*lines, *map(_neighbor_line, neighbors)]) or title,
        object_refs=[source.id],
        external_references=[_virustotal(node)],
        extensions={EXTENSION_ID: _extension(node, warnings)},
    )


def _neighbor_line(node: Mapping[str, Any]) -> str:
    """Return the type, the name and the URL of a reference or collection."""
    link = safe_link(node.get("url") or node.get("link"))
    name = object_name(node, ExportWarnings())
    return " ".join(filter(None, (f"{xml_text(str(node['type']))}:", name, link)))


# --- indicators ----------------------------------------------------------------------------------


def indicator(source: NodeObject, body: Object, valid_from: str) -> Iterator[Object]:
    """Yield an indicator for an observable, and the relationship that connects the two."""
    own_id, node = indicator_id(source.key), source.node
    yield new_object(
        own_id,
        valid_from,
        name=object_name(node, ExportWarnings()),
        description="VirusTotal relates it to public references; see its relationships.",
        indicator_types=["unknown"],
        pattern=_pattern(body),
        pattern_type="stix",
        pattern_version=_SPEC_VERSION,
        valid_from=valid_from,
        external_references=[_virustotal(node)],
    )
    yield relationship(own_id, "related-to", source.id, valid_from)


def indicator_id(key: str) -> str:
    """Return the id of the indicator for the node with the key ``key``."""
    return f"indicator--{stable_uuid('indicator', key)}"


def _pattern(body: Object) -> str:
    """Return a STIX pattern for an observable: its strongest hash, or else its name or value."""
    if "hashes" in body:
        name, text = list(body["hashes"].items())[-1]
        path = f"file:hashes.'{name}'"
    else:
        field = "name" if "name" in body else "value"
        path, text = f"{body['type']}:{field}", body[field]
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"[{path} = '{escaped}']"
