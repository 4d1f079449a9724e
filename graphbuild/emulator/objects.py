"""How things look in an answer: as objects, as lines of a listing, as mentions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.emulator.models import Collection, File, Indicator, Reference, Report

if TYPE_CHECKING:
    from graphbuild.emulator.answers import Json
    from graphbuild.emulator.models import Item, Thing
    from graphbuild.emulator.world import World

# Where the things of a type are.
ENDPOINTS = {
    "file": "files",
    "domain": "domains",
    "ip_address": "ip_addresses",
    "url": "urls",
    "reference": "references",
    "collection": "collections",
}
TYPES = {endpoint: kind for kind, endpoint in ENDPOINTS.items()}

# How the text of a 404 calls a type, where it is not the word with a capital; of a url documented.
_CALLED = {"url": "URL", "ip_address": "IP address"}


def call(kind: str) -> str:
    """Return what a type is called in a sentence."""
    return _CALLED.get(kind, kind.capitalize())


def show_object(world: World, thing: Thing, base: str) -> Json:
    """Show a thing with all that is known of it."""
    kind = _type(thing)
    return {
        "attributes": _attributes(world, thing),
        "type": kind,
        "id": thing.id,
        "links": {"self": f"{base}/{ENDPOINTS[kind]}/{thing.id}"},
    }


def show_full(world: World, item: Item, base: str) -> Json:
    """Show a line of a listing as an object, with what it has to do with whom was asked about."""
    return show_object(world, world.thing(item), base) | _context(world, item)


def show_descriptor(world: World, item: Item) -> Json:
    """Show a line of a listing by type and id, and what it has to do with whom was asked about."""
    return {"type": item.type, "id": item.id} | _context(world, item)


def _type(thing: Thing) -> str:
    match thing:
        case File() | Indicator():
            return thing.type
        case Reference():
            return "reference"
    return "collection"


def _attributes(world: World, thing: Thing) -> Json:
    match thing:
        case File():
            return _file_attributes(thing)
        case Indicator():
            return {"url": thing.text} if thing.type == "url" else {}
        case Reference():
            return {"url": thing.url, **thing.attributes}
        case Report():
            return _report_attributes(thing.reference)
        case Collection():
            return _collection_attributes(world, thing)


def _file_attributes(file: File) -> Json:
    told = {
        "sha256": file.sha256,
        "sha1": file.sha1,
        "md5": file.md5,
        "meaningful_name": file.name,
    }
    return {kind: value for kind, value in told.items() if value}


def _report_attributes(reference: Reference) -> Json:
    # The title has become a name. That such reports are crowdsourced is inferred, not documented.
    told = {"name" if name == "title" else name: v for name, v in reference.attributes.items()}
    kind = {"collection_type": "report", "origin": "Crowdsourced"}
    return {"link": reference.url, **told, **kind}


def _collection_attributes(world: World, thing: Collection) -> Json:
    known = {
        "name": thing.name,
        "collection_type": thing.collection_type,
        "origin": thing.origin,
        "references_count": len(set(thing.references)),
        "files_count": len(world.members(thing.id)),
    }
    others = ("domain", "ip_address", "url")
    counts = {f"{ENDPOINTS[kind]}_count": len(world.members(thing.id, kind)) for kind in others}
    known |= {name: count or None for name, count in counts.items()}
    return {name: value for name, value in known.items() if value is not None}


def _context(world: World, item: Item) -> Json:
    if item.holders is None:
        return {}
    mention = _mention_at_length if item.type == "collection" else _mention
    found = [mention(world.collections[name]) for name in item.holders]
    return {"context_attributes": {"related_from": found}}


def _mention(collection: Collection) -> Json:
    told = {"attributes": {"name": collection.name}} if collection.mentions_name else {}
    return told | {"type": "collection", "id": collection.id}


def _mention_at_length(collection: Collection) -> Json:
    """Mention a collection as the younger generation does."""
    if not collection.mentions_name:
        return _mention(collection)
    told: Json = {
        "name": collection.name,
        "tags": [],
        "origin": collection.origin,
        "collection_type": collection.collection_type or "collection",
    }
    known = {name: value for name, value in told.items() if value is not None}
    return {"type": "collection", "id": collection.id, "attributes": known}
