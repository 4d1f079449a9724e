"""What a query asks of a single object: relationships inside it, attributes in it or not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from graphbuild.emulator.paging import encode_cursor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbuild.emulator.answers import Json

EMBEDDED = 20  # items of a relationship inside an object; nothing changes that


def parse_names(query: str, name: str) -> list[str]:
    """Read a list of names with commas; [] when there is none."""
    text = parse_qs(query).get(name, [""])[0]
    return [each for each in dict.fromkeys(map(str.strip, text.split(","))) if each]


def trim(attributes: Mapping[str, object], query: str) -> Json:
    """Keep what `attributes=` asks for, then drop what `exclude_attributes=` does."""
    kept, dropped = parse_names(query, "attributes"), parse_names(query, "exclude_attributes")
    return {
        name: value
        for name, value in attributes.items()
        if name in (kept or attributes) and name not in dropped
    }


def embed(place: str, name: str, shown: Sequence[Json], count: int) -> Json:
    """Wrap the first items of a relationship; `place` is the address of the object."""
    here = f"{place}/relationships/{name}?limit={EMBEDDED}"
    links = {"self": here, "related": f"{place}/{name}"}
    if count <= EMBEDDED:  # and there is no meta at all
        return {"data": shown, "links": links}
    cursor = encode_cursor(EMBEDDED, EMBEDDED)
    links["next"] = f"{here}&cursor={quote(cursor, safe='')}"
    return {"data": shown, "meta": {"cursor": cursor}, "links": links}
