"""Faults inside a page: valid JSON with unexpected content."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.emulator import Response
from graphbuild.emulator.models import OBJECT_TYPES
from graphbuild.emulator.pagination import encode_cursor, page_url, parse_page_params

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbuild.emulator.http_messages import Json
    from graphbuild.emulator.pagination import PageParams
    from tests.support.faults.fault import Fault

_DATES = (0, -1, -62135596801, 1515715200000, 253402214400, 2**63, 1.5, True, "1515715200", None)
_ENDPOINTS = "|".join(OBJECT_TYPES)
_CONTROL_CHARACTERS = (
    "\x00\x07\x0b\x1b[2J\x1b]52;c;cm0=\x07\x7f\u0085\u2028\u202e\u200b\ufeff\ufffe"
)


class Change(NamedTuple):
    """A page to change, its position in the list, the number of the request, and a value."""

    page: Json
    params: PageParams
    number: int
    value: str

    def continue_at(self, cursor: str) -> None:
        """Set the cursor of the next page."""
        url = self.page["links"]["self"].partition("?")[0]
        self.page["meta"]["cursor"] = cursor
        self.page["links"]["next"] = page_url(url, self.params.limit, cursor)

    def skip(self, shift: int = 0) -> None:
        """Set the cursor of the next page, shifted by a number of items."""
        self.continue_at(self.cursor(self.params.offset + self.params.limit + shift))

    def cursor(self, offset: int) -> str:
        """Return the cursor of an offset."""
        return encode_cursor(self.params.limit, offset)

    def new_cursor(self, offset: int) -> str:
        """Return a cursor of an offset that differs for each request."""
        fields = {"limit": self.params.limit, "offset": offset, "turn": self.number}
        return base64.b64encode(json.dumps(fields).encode()).decode()


def apply_page_fault(response: Response, fault: Fault, query: str, number: int) -> Response:
    """Change a page of a list; return any other response unchanged."""
    page = json.loads(response.body)
    if not isinstance(page.get("data"), list):
        return response
    PAGE_FAULTS[fault.kind][1](Change(page, parse_page_params(query), number, fault.text))
    return Response.from_json(response.status, page)


def _cursor_cycle(change: Change) -> None:
    # First page -> A, A -> B, B -> A.
    limit, offset = change.params.limit, change.params.offset
    change.continue_at(change.cursor(2 * limit if offset == limit else limit))


def _null_cursor(change: Change) -> None:
    change.page["meta"].setdefault("cursor", None)
    change.page["links"].setdefault("next", None)


def _empty_page(change: Change) -> None:
    change.page["data"] = []
    change.continue_at(change.new_cursor(change.params.offset))


def _count(make: Callable[[int], object]) -> Callable[[Change], None]:
    def apply(change: Change) -> None:
        change.page["meta"]["count"] = make(change.page["meta"]["count"])

    return apply


def _other_self(change: Change) -> None:
    links, other = change.page["links"], rf"/\1/{'0' * 64}/"
    links["self"] = re.sub(rf"/({_ENDPOINTS})/[^/?]+/", other, links["self"], count=1)


def _hostile_next(change: Change) -> None:
    change.page["links"]["next"] = change.value or "http://evil.example/api/v3/files/x?cursor=x"


def _item_errors(change: Change) -> None:
    # The documented format of a related object that the API does not have.
    for item in change.page["data"][::2]:
        message = f'{item["type"]} with id "{item["id"]}" not found'
        kept = {"id": item["id"], "type": item["type"]}
        item.clear()
        item.update({"error": {"code": "NotFoundError", "message": message}, **kept})


def _related_from(*values: object) -> Callable[[Change], None]:
    """Return a change that assigns the values of `related_from` to the items in turn."""

    def apply(change: Change) -> None:
        for number, item in enumerate(change.page["data"]):
            item["context_attributes"] = {"related_from": values[number % len(values)]}

    return apply


def _no_related_from(change: Change) -> None:
    # The API has such a context for shared objects.
    for item in change.page["data"]:
        item["context_attributes"] = {"shared_with_me": False, "role": "viewer"}


def _unknown_types(change: Change) -> None:
    for item in change.page["data"]:
        for holder in item.get("context_attributes", {}).get("related_from", []):
            holder["type"] = "constellation"


def _invalid_items(change: Change) -> None:
    invalid: list[object] = [
        None,
        1,
        "x",
        [],
        {},
        {"type": "reference"},
        {"type": "file", "id": "0" * 64},
    ]
    change.page["data"] = invalid + change.page["data"]


def _duplicates(change: Change) -> None:
    change.page["data"] = [item for item in change.page["data"] for _ in range(2)]


def _attribute(name: str, *values: object) -> Callable[[Change], None]:
    """Return a change that assigns the values of an attribute to the items in turn."""

    def apply(change: Change) -> None:
        for number, item in enumerate(change.page["data"]):
            item.setdefault("attributes", {})[name] = values[number % len(values)]

    return apply


def _control_titles(change: Change) -> None:
    for item in change.page["data"]:
        attributes = item.setdefault("attributes", {})
        attributes["title"] = _CONTROL_CHARACTERS + str(attributes.get("title", ""))


def _no_attributes(change: Change) -> None:
    for item in change.page["data"]:
        item.pop("attributes", None)


# Kind to a description, and a function that changes the page.
PAGE_FAULTS: Mapping[str, tuple[str, Callable[[Change], object]]] = {
    "same_cursor": (
        "the same cursor on every page",
        lambda change: change.continue_at(change.cursor(change.params.limit)),
    ),
    "cursor_cycle": ("cursors A, B, A, B", _cursor_cycle),
    "fresh_cursor": (
        "a new cursor to the same items",
        lambda change: change.continue_at(change.new_cursor(change.params.offset)),
    ),
    "extra_cursor": (
        "a cursor on the last page too, to an empty page",
        lambda change: change.continue_at(
            change.cursor(change.params.offset + change.params.limit)
        ),
    ),
    "overlap": (
        "the list has grown: the next page begins with the last item of this one",
        lambda change: change.continue_at(
            change.cursor(change.params.offset + change.params.limit - 1)
        ),
    ),
    "gap": (
        "the list has shrunk: the next page skips an item",
        lambda change: change.continue_at(
            change.cursor(change.params.offset + change.params.limit + 1)
        ),
    ),
    "null_cursor": ("null instead of a missing cursor", _null_cursor),
    "empty_page": ("no items, and a new cursor to the same position", _empty_page),
    "count_high": ("a count larger than the list", _count(lambda count: count + 1000)),
    "count_low": ("a count smaller than the list", _count(lambda _: 1)),
    "count_missing": ("no count", lambda change: change.page["meta"].pop("count")),
    "count_negative": ("count -1", _count(lambda _: -1)),
    "count_text": ("count as a string", _count(str)),
    "no_meta": ("no meta", lambda change: change.page.pop("meta")),
    "null_meta": ("meta null", lambda change: change.page.update(meta=None)),
    "no_links": ("no links", lambda change: change.page.pop("links")),
    "other_self": ("links.self names another file", _other_self),
    "hostile_next": ("links.next at another URL (value)", _hostile_next),
    "item_errors": ("every other item is an error object", _item_errors),
    "odd_items": ("invalid items before the regular ones", _invalid_items),
    "no_attributes": ("items without attributes", _no_attributes),
    "null_attributes": (
        "items with attributes null",
        lambda change: [item.update(attributes=None) for item in change.page["data"]],
    ),
    "no_context": (
        "items without context_attributes",
        lambda change: [item.pop("context_attributes", None) for item in change.page["data"]],
    ),
    "null_related_from": ("related_from null", _related_from(None)),
    "no_related_from": ("context_attributes without related_from", _no_related_from),
    "odd_related_from": (
        "related_from with wrong types, without type or id",
        _related_from({}, [None], "x", [{"id": "x"}], [{"type": "collection"}], [{"id": 5}]),
    ),
    "unknown_types": ("related_from of an unknown type", _unknown_types),
    "duplicates": ("every item twice", _duplicates),
    "odd_dates": (
        "dates zero, negative, in milliseconds, text, ...",
        _attribute("creation_date", *_DATES),
    ),
    "odd_titles": ("titles null, number, list, empty", _attribute("title", None, 5, [], "")),
    "control_titles": ("titles with control and bidi characters", _control_titles),
}
