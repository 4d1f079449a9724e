"""Addresses to answers: objects, listings of objects, listings of descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from graphbuild.emulator.answers import ServiceError
from graphbuild.emulator.paging import envelope, parse_ask
from graphbuild.emulator.world import Collection, File, Item, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from graphbuild.emulator.answers import Json
    from graphbuild.emulator.world import World

Thing = File | Reference | Collection

SINGULAR = {"files": "file", "references": "reference", "collections": "collection"}


class Routes:
    """All that a key with every privilege can read of a world."""

    def __init__(self, world: World, base: str) -> None:
        self.world = world
        self.base = base

    def read(self, path: str, query: str) -> Json:
        """Answer `/{endpoint}/{id}`, `.../{relationship}` or `.../relationships/{relationship}`.

        Raises:
            ServiceError: there is no such thing, or the query is wrong.
        """
        match [unquote(part) for part in path.strip("/").split("/")]:
            case [endpoint, name]:
                return {"data": self._object(self._find(endpoint, name))}
            case [endpoint, name, "relationships", relationship]:
                items = self._list(endpoint, name, relationship)
                return self._page(path, query, items, self._descriptor)
            case [endpoint, name, relationship]:
                items = self._list(endpoint, name, relationship)
                return self._page(path, query, items, self._full)
        raise ServiceError(404, "Resource not found.")

    def _find(self, endpoint: str, name: str) -> Thing:
        found: Thing | None = None
        match endpoint:
            case "files":
                found = self.world.file(name)
            case "references":
                found = self.world.references.get(name.lower())
            case "collections":
                found = self.world.collections.get(name)
            case _:
                raise ServiceError(404, "Resource not found.")
        if found is None:
            raise ServiceError(404, f'{SINGULAR[endpoint].capitalize()} "{name}" not found')
        return found

    def _list(self, endpoint: str, name: str, relationship: str) -> Sequence[Item]:
        thing = self._find(endpoint, name)
        match thing, relationship:
            case File(), "related_references":
                return self.world.related(thing)
            case File(), "references":
                return _items("reference", thing.direct)
            case File(), "collections":
                return _items("collection", thing.collections)
            case Collection(), "references":
                return _items("reference", thing.references)
            case Collection() | Reference(), "files":
                return _items("file", self.world.members(thing.id))
            case Reference(), "collections":
                return _items("collection", self.world.holders(thing.id))
        raise ServiceError(404, f'Relationship "{relationship}" not found')

    def _page(
        self, path: str, query: str, items: Sequence[Item], show: Callable[[Item], Json]
    ) -> Json:
        ask = parse_ask(query)
        shown = items[ask.offset : ask.offset + ask.limit]
        return envelope(self.base + path, ask, [show(item) for item in shown], len(items))

    def _full(self, item: Item) -> Json:
        return self._object(self._thing(item)) | self._context(item)

    def _descriptor(self, item: Item) -> Json:
        return {"type": item.type, "id": item.id} | self._context(item)

    def _thing(self, item: Item) -> Thing:
        kept: Mapping[str, Mapping[str, Thing]] = {
            "file": self.world.files,
            "reference": self.world.references,
            "collection": self.world.collections,
        }
        return kept[item.type][item.id]

    def _context(self, item: Item) -> Json:
        if item.holders is None:
            return {}
        return {"context_attributes": {"related_from": [self._mention(i) for i in item.holders]}}

    def _mention(self, name: str) -> Json:
        collection = self.world.collections[name]
        told = {"attributes": {"name": collection.name}} if collection.mentions_name else {}
        return told | {"type": "collection", "id": name}

    def _object(self, thing: Thing) -> Json:
        match thing:
            case File():
                endpoint, attributes = "files", _file_attributes(thing)
            case Reference():
                endpoint, attributes = "references", {"url": thing.url, **thing.attributes}
            case Collection():
                endpoint, attributes = "collections", self._collection_attributes(thing)
        return {
            "attributes": attributes,
            "type": SINGULAR[endpoint],
            "id": thing.id,
            "links": {"self": f"{self.base}/{endpoint}/{thing.id}"},
        }

    def _collection_attributes(self, thing: Collection) -> Json:
        known = {
            "name": thing.name,
            "collection_type": thing.collection_type,
            "origin": thing.origin,
            "references_count": len(set(thing.references)),
            "files_count": len(self.world.members(thing.id)),
        }
        return {name: value for name, value in known.items() if value is not None}


def _file_attributes(file: File) -> Json:
    hashes = {"sha256": file.sha256, "sha1": file.sha1, "md5": file.md5}
    return {kind: value for kind, value in hashes.items() if value}


def _items(kind: str, names: Iterable[str]) -> list[Item]:
    return [Item(kind, name) for name in sorted(set(names))]
