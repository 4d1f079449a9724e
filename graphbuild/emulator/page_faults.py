"""Faults inside a page: valid JSON that says something odd."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.emulator.answers import Answer
from graphbuild.emulator.objects import TYPES
from graphbuild.emulator.paging import encode_cursor, link, parse_ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbuild.emulator.answers import Json
    from graphbuild.emulator.faults import Fault
    from graphbuild.emulator.paging import Ask

ODD_DATES = (0, -1, -62135596801, 1515715200000, 253402214400, 2**63, 1.5, True, "1515715200", None)
_ENDPOINTS = "|".join(TYPES)
CONTROLS = "\x00\x07\x0b\x1b[2J\x1b]52;c;cm0=\x07\x7f\u0085\u2028\u202e\u200b\ufeff\ufffe"


class Change(NamedTuple):
    """A page to spoil: what was asked, the number of the request, the value of the fault."""

    page: Json
    ask: Ask
    number: int
    value: str

    def go_on_at(self, cursor: str) -> None:
        """Put a cursor where the page has them."""
        place = self.page["links"]["self"].partition("?")[0]
        self.page["meta"]["cursor"] = cursor
        self.page["links"]["next"] = link(place, self.ask.limit, cursor)

    def cursor(self, offset: int) -> str:
        """Write the cursor of another place."""
        return encode_cursor(self.ask.limit, offset)

    def fresh_cursor(self, offset: int) -> str:
        """Write a cursor that was never seen before."""
        return encode_cursor(self.ask.limit, offset, turn=self.number)


def change_page(answer: Answer, fault: Fault, target: str, number: int) -> Answer:
    """Spoil a page of a listing; any other answer stays as it is."""
    page = json.loads(answer.body)
    if not isinstance(page.get("data"), list):
        return answer
    value = fault.value.decode() if isinstance(fault.value, bytes) else str(fault.value)
    change = Change(page, parse_ask(target.partition("?")[2]), number, value)
    PAGE_FAULTS[fault.kind][1](change)
    return Answer.of(answer.status, page)


def _cursor_cycle(change: Change) -> None:
    # First page -> A, A -> B, B -> A.
    limit, offset = change.ask.limit, change.ask.offset
    change.go_on_at(change.cursor(2 * limit if offset == limit else limit))


def _null_cursor(change: Change) -> None:
    change.page["meta"].setdefault("cursor", None)
    change.page["links"].setdefault("next", None)


def _empty_page(change: Change) -> None:
    change.page["data"] = []
    change.go_on_at(change.fresh_cursor(change.ask.offset))


def _count(make: Callable[[int], object]) -> Callable[[Change], None]:
    def spoil(change: Change) -> None:
        change.page["meta"]["count"] = make(change.page["meta"]["count"])

    return spoil


def _other_self(change: Change) -> None:
    links, other = change.page["links"], rf"/\1/{'0' * 64}/"
    links["self"] = re.sub(rf"/({_ENDPOINTS})/[^/?]+/", other, links["self"], count=1)


def _hostile_next(change: Change) -> None:
    change.page["links"]["next"] = change.value or "http://evil.example/api/v3/files/x?cursor=x"


def _item_errors(change: Change) -> None:
    # The documented form of a related object that the service does not hold.
    for item in change.page["data"][::2]:
        message = f'{item["type"]} with id "{item["id"]}" not found'
        kept = {"id": item["id"], "type": item["type"]}
        item.clear()
        item.update({"error": {"code": "NotFoundError", "message": message}, **kept})


def _related_from(*values: object) -> Callable[[Change], None]:
    """Give the items these values of `related_from` in turn."""

    def spoil(change: Change) -> None:
        for number, item in enumerate(change.page["data"]):
            item["context_attributes"] = {"related_from": values[number % len(values)]}

    return spoil


def _no_related_from(change: Change) -> None:
    # Another context exists in the wild, of objects that are shared.
    for item in change.page["data"]:
        item["context_attributes"] = {"shared_with_me": False, "role": "viewer"}


def _unknown_types(change: Change) -> None:
    for item in change.page["data"]:
        for holder in item.get("context_attributes", {}).get("related_from", []):
            holder["type"] = "constellation"


def _odd_items(change: Change) -> None:
    odd: list[object] = [
        None,
        1,
        "x",
        [],
        {},
        {"type": "reference"},
        {"type": "file", "id": "0" * 64},
    ]
    change.page["data"] = odd + change.page["data"]


def _duplicates(change: Change) -> None:
    change.page["data"] = [item for item in change.page["data"] for _ in range(2)]


def _attribute(name: str, *values: object) -> Callable[[Change], None]:
    """Give the items these values of an attribute in turn."""

    def spoil(change: Change) -> None:
        for number, item in enumerate(change.page["data"]):
            item.setdefault("attributes", {})[name] = values[number % len(values)]

    return spoil


def _control_titles(change: Change) -> None:
    for item in change.page["data"]:
        attributes = item.setdefault("attributes", {})
        attributes["title"] = CONTROLS + str(attributes.get("title", ""))


def _no_attributes(change: Change) -> None:
    for item in change.page["data"]:
        item.pop("attributes", None)


# A kind: what it does, and how it changes the page.
PAGE_FAULTS: Mapping[str, tuple[str, Callable[[Change], object]]] = {
    "same_cursor": (
        "the same cursor on every page",
        lambda change: change.go_on_at(change.cursor(change.ask.limit)),
    ),
    "cursor_cycle": ("cursors A, B, A, B", _cursor_cycle),
    "fresh_cursor": (
        "a cursor never seen before, to the same items",
        lambda change: change.go_on_at(change.fresh_cursor(change.ask.offset)),
    ),
    "extra_cursor": (
        "a cursor on every page, the last too: an empty page follows",
        lambda change: change.go_on_at(change.cursor(change.ask.offset + change.ask.limit)),
    ),
    "overlap": (
        "the list grew: the next page begins with the last item of this one",
        lambda change: change.go_on_at(change.cursor(change.ask.offset + change.ask.limit - 1)),
    ),
    "gap": (
        "the list shrank: an item falls between two pages",
        lambda change: change.go_on_at(change.cursor(change.ask.offset + change.ask.limit + 1)),
    ),
    "null_cursor": ("null where there is no cursor", _null_cursor),
    "empty_page": ("no items, and a fresh cursor to this same place", _empty_page),
    "count_high": ("count larger than what there is", _count(lambda count: count + 1000)),
    "count_low": ("count smaller than what there is", _count(lambda _: 1)),
    "count_missing": ("no count", lambda change: change.page["meta"].pop("count")),
    "count_negative": ("count -1", _count(lambda _: -1)),
    "count_text": ("count in a string", _count(str)),
    "no_meta": ("no meta", lambda change: change.page.pop("meta")),
    "null_meta": ("meta null", lambda change: change.page.update(meta=None)),
    "no_links": ("no links", lambda change: change.page.pop("links")),
    "other_self": ("links.self names another file", _other_self),
    "hostile_next": ("links.next at another place (value)", _hostile_next),
    "item_errors": ("every other item is an error object", _item_errors),
    "odd_items": ("items that are none before the true ones", _odd_items),
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
        "related_from an object, [null], text, without type or id",
        _related_from({}, [None], "x", [{"id": "x"}], [{"type": "collection"}], [{"id": 5}]),
    ),
    "unknown_types": ("related_from of a type never met", _unknown_types),
    "duplicates": ("every item twice", _duplicates),
    "odd_dates": (
        "dates zero, negative, in milliseconds, text, ...",
        _attribute("creation_date", *ODD_DATES),
    ),
    "odd_titles": ("titles null, number, list, empty", _attribute("title", None, 5, [], "")),
    "control_titles": ("titles with control and bidi characters", _control_titles),
}
