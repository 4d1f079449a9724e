"""Listings by pages: limit, cursor and the envelope around the items."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, quote

from graphbuild.emulator.answers import ServiceError

if TYPE_CHECKING:
    from graphbuild.emulator.answers import Json

DEFAULT_LIMIT = 10
MAX_LIMIT = 40


class Ask(NamedTuple):
    """Which part of a listing a request wants; `cursor` as it was sent."""

    limit: int
    offset: int = 0
    cursor: str | None = None


def encode_cursor(limit: int, offset: int, **more: int) -> str:
    """Write a cursor as the service does; `more` makes another text for the same place."""
    text = json.dumps({"limit": limit, "offset": offset, **more})
    return base64.b64encode(text.encode()).decode()


def parse_ask(query: str) -> Ask:
    """Read limit and cursor from a query string.

    Of several cursors the first wins, as the service has it. Which limit wins when the
    query and the cursor differ is not documented: here the query, then the cursor.
    """
    fields = parse_qs(query, keep_blank_values=True)
    cursor = fields.get("cursor", [None])[0]
    place = _decode_cursor(cursor) if cursor is not None else Ask(DEFAULT_LIMIT)
    limit = _parse_limit(fields["limit"][0]) if "limit" in fields else place.limit
    return Ask(limit, place.offset, cursor)


def envelope(place: str, ask: Ask, data: list[Json], count: int) -> Json:
    """Wrap one page; `place` is the address of the listing, without a query."""
    meta: Json = {"count": count}
    links: Json = {"self": link(place, ask.limit, ask.cursor)}
    following = ask.offset + ask.limit
    if following < count:
        meta["cursor"] = encode_cursor(ask.limit, following)
        links["next"] = link(place, ask.limit, meta["cursor"])
    return {"meta": meta, "data": data, "links": links}


def link(place: str, limit: int, cursor: str | None) -> str:
    """Write the address of a page, in the order of the documented sample."""
    before = f"cursor={quote(cursor, safe='')}&" if cursor is not None else ""
    return f"{place}?{before}limit={limit}"


def _decode_cursor(cursor: str) -> Ask:
    try:
        place = json.loads(base64.b64decode(cursor, validate=True))
        limit, offset = int(place["limit"]), int(place["offset"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ServiceError(400, "Invalid cursor") from error
    if offset < 0:
        raise ServiceError(400, "Invalid cursor")
    return Ask(_check_limit(limit), offset)


def _parse_limit(text: str) -> int:
    # int() alone would also take "4_0", " 40" and digits of other scripts, and refuse 5,000 digits.
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ServiceError(400, "Limit must be an integer")
    return _check_limit(int(text))


def _check_limit(limit: int) -> int:
    if limit > MAX_LIMIT:
        raise ServiceError(400, f"Limit can't be larger than {MAX_LIMIT}")
    if limit < 1:
        raise ServiceError(400, "Limit must be a positive integer")
    return limit
