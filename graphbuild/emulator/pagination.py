"""Pages of a list: parse the limit and the cursor of a request, and create the JSON of a page."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, quote

from graphbuild.emulator.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.emulator.http_messages import Json

DEFAULT_LIMIT = 10
MAX_LIMIT = 40
EMBEDDED_LIMIT = 20  # maximum number of items of a relationship in the JSON of an object


class PageParams(NamedTuple):
    """The part of a list that a request selects."""

    limit: int  # maximum number of items
    offset: int = 0  # index of the first item
    cursor: str | None = None  # the cursor in the request; None if the request has none


def parse_page_params(query: str) -> PageParams:
    """Read ``limit`` and ``cursor`` from a query string; raise ``ServiceError`` if one is invalid.

    If the query contains several cursors or limits, the first one is used, as in the API. The limit
    of the query takes precedence over the limit in the cursor; the API documentation does not
    specify this case.
    """
    fields = parse_qs(query, keep_blank_values=True)
    cursor = fields.get("cursor", [None])[0]
    position = PageParams(DEFAULT_LIMIT) if cursor is None else _decode_cursor(cursor)
    limit = _parse_limit(fields["limit"][0]) if "limit" in fields else position.limit
    return PageParams(limit, position.offset, cursor)


def encode_cursor(limit: int, offset: int) -> str:
    """Encode the limit and offset of a page as a cursor, in the same way as the API."""
    text = json.dumps({"limit": limit, "offset": offset})
    return base64.b64encode(text.encode()).decode()


def serialize_page(url: str, params: PageParams, data: list[Json], count: int) -> Json:
    """Return a page of the list at ``url``.

    ``data`` contains the items of the page, and ``count`` is the number of items in the whole list.
    """
    meta: Json = {"count": count}
    links: Json = {"self": page_url(url, params.limit, params.cursor)}
    following = params.offset + params.limit
    if following < count:
        meta["cursor"] = encode_cursor(params.limit, following)
        links["next"] = page_url(url, params.limit, meta["cursor"])
    return {"meta": meta, "data": data, "links": links}


def page_url(url: str, limit: int, cursor: str | None) -> str:
    """Return the URL of a page, with the parameters in the order of the API documentation."""
    prefix = f"cursor={quote(cursor, safe='')}&" if cursor is not None else ""
    return f"{url}?{prefix}limit={limit}"


def serialize_embedded(url: str, name: str, data: Sequence[Json], count: int) -> Json:
    """Return the JSON of a relationship inside the object at ``url``.

    ``name`` is the relationship. ``data`` contains its first items (at most ``EMBEDDED_LIMIT``),
    and ``count`` is the number of all items.
    """
    first = f"{url}/relationships/{name}?limit={EMBEDDED_LIMIT}"
    links = {"self": first, "related": f"{url}/{name}"}
    if count <= EMBEDDED_LIMIT:
        return {"data": data, "links": links}
    cursor = encode_cursor(EMBEDDED_LIMIT, EMBEDDED_LIMIT)
    links["next"] = f"{first}&cursor={quote(cursor, safe='')}"
    return {"data": data, "meta": {"cursor": cursor}, "links": links}


def _decode_cursor(cursor: str) -> PageParams:
    try:
        position = json.loads(base64.b64decode(cursor, validate=True))
        limit, offset = int(position["limit"]), int(position["offset"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ServiceError("BadRequestError", "Invalid cursor") from error
    if offset < 0:
        raise ServiceError("BadRequestError", "Invalid cursor")
    return PageParams(_check_limit(limit), offset)


def _parse_limit(text: str) -> int:
    # int() alone would accept "4_0", " 40" and digits of other scripts.
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ServiceError("BadRequestError", "Limit must be an integer")
    return _check_limit(int(text))


def _check_limit(limit: int) -> int:
    if limit > MAX_LIMIT:
        raise ServiceError("BadRequestError", f"Limit can't be larger than {MAX_LIMIT}")
    if limit < 1:
        raise ServiceError("BadRequestError", "Limit must be a positive integer")
    return limit
