"""Addresses to answers: objects, listings of objects, listings of descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from graphbuild.emulator.answers import ServiceError
from graphbuild.emulator.config import USUAL
from graphbuild.emulator.dialects import LOCKED, relationships, speaks
from graphbuild.emulator.models import Report, report_id
from graphbuild.emulator.objects import TYPES, call, show_descriptor, show_full, show_object
from graphbuild.emulator.paging import envelope, parse_ask
from graphbuild.emulator.query_params import EMBEDDED, embed, parse_names, trim

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.emulator.answers import Json
    from graphbuild.emulator.config import Choices
    from graphbuild.emulator.models import Item, Thing
    from graphbuild.emulator.world import World


class Reader(NamedTuple):
    """Who reads: in which dialect, and whether what is locked stays so."""

    dialect: str = "classic"
    is_public: bool = False


class Routes:
    """All that can be read of a world."""

    def __init__(self, world: World, base: str, choices: Choices = USUAL) -> None:
        self.world = world
        self.base = base
        self.choices = choices

    def read(self, path: str, query: str, reader: Reader) -> Json:
        """Answer `/{endpoint}/{id}`, `.../{relationship}` or `.../relationships/{relationship}`.

        Raises:
            ServiceError: there is no such thing, it is locked, or the query is wrong.
        """
        _check_lock(path.split("/"), reader)
        match [unquote(part) for part in path.strip("/").split("/")]:
            case [endpoint, name]:
                thing = self._find(endpoint, name, reader)
                return {"data": self._object(path, query, thing, reader)}
            case [endpoint, name, "relationships", relationship]:
                thing = self._find(endpoint, name, reader)
                items = self._list(thing, relationship, reader)
                return self._page(path, query, thing, items)
            case [endpoint, name, relationship]:
                thing = self._find(endpoint, name, reader)
                items = self._list(thing, relationship, reader)
                return self._page(path, query, thing, items, full=True)
        raise ServiceError(404, "Resource not found.")

    def _find(self, endpoint: str, name: str, reader: Reader) -> Thing:
        is_gone = endpoint == "references" and not speaks(reader.dialect, "classic")
        if endpoint not in TYPES or is_gone:
            raise ServiceError(404, "Resource not found.")
        kind = TYPES[endpoint]
        found = self.world.find(kind, name)
        if found is None and kind == "collection" and speaks(reader.dialect, "gti"):
            found = self._report(name, reader)
        if found is None:
            raise ServiceError(404, f'{call(kind)} "{name}" not found')
        return found

    def _report(self, name: str, reader: Reader) -> Report | None:
        prefix = report_id("")
        reference = self.world.references.get(name.removeprefix(prefix).lower())
        if reference is None or not name.startswith(prefix):
            return None
        _check_lock(["reports"], reader)
        return Report(reference)

    def _list(self, thing: Thing, relationship: str, reader: Reader) -> Sequence[Item]:
        _check_lock([relationship], reader)
        lister = relationships(thing, reader.dialect).get(relationship)
        if lister is None:
            message = f'Relationship "{relationship}" not found'
            raise ServiceError(self.choices.no_relationship, message)
        return lister(self.world, thing)

    def _page(
        self, path: str, query: str, thing: Thing, items: Sequence[Item], *, full: bool = False
    ) -> Json:
        ask = parse_ask(query)
        cut = items[ask.offset : ask.offset + ask.limit]
        shown = [
            show_full(self.world, item, self.base) if full else show_descriptor(self.world, item)
            for item in cut
        ]
        return envelope(self._place(path, thing), ask, shown, len(items))

    def _object(self, path: str, query: str, thing: Thing, reader: Reader) -> Json:
        shown = show_object(self.world, thing, self.base)
        shown["attributes"] = trim(shown["attributes"], query)
        asked = parse_names(query, "relationships")
        told = parse_names(query, "relationship_attributes")
        found = {name: self._embedded(thing, name, reader) for name in asked}
        embedded = {
            name: embed(
                self._place(path, thing),
                name,
                [self._told(item, told) for item in items[:EMBEDDED]],
                len(items),
            )
            for name, items in found.items()
            if items is not None
        }
        return shown | ({"relationships": embedded} if asked else {})

    def _embedded(self, thing: Thing, name: str, reader: Reader) -> Sequence[Item] | None:
        try:
            return self._list(thing, name, reader)
        except ServiceError:
            if self.choices.forgiving_embeds:
                return None
            raise

    def _told(self, item: Item, names: Sequence[str]) -> Json:
        shown = show_descriptor(self.world, item)
        full = show_full(self.world, item, self.base)["attributes"] if names else {}
        told = {name: full[name] for name in names if name in full}
        return shown | ({"attributes": told} if told else {})

    def _place(self, path: str, thing: Thing) -> str:
        """Return the address that links begin with."""
        if self.choices.canonical_links:
            _, endpoint, _, *rest = path.split("/")
            path = "/".join(["", endpoint, thing.id, *rest])
        return self.base + path


def _check_lock(words: Iterable[str], reader: Reader) -> None:
    if reader.is_public and not LOCKED.isdisjoint(words):
        raise ServiceError(403)
