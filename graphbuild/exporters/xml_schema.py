"""What an XML file says of nodes and edges: the names, and under each name a clean text.

How a name and its text are spelled is the format's business: whoever asks for texts says so with a
:data:`Spell`. What has no name of its own goes into ``attributes``, as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.extra_attributes import further, holds
from graphbuild.exporters.sanitize import (
    created,
    is_exportable,
    label_text,
    replaced,
    url_host,
    xml_text,
)
from graphbuild.graph.builder import RELATED_FROM
from graphbuild.models import FILE, HASH_TYPES, INFERRED, OBSERVED, REFERENCE, detect_hash_type

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from graphbuild.exporters.sanitize import ExportWarnings

    Edges = Mapping[str, dict[str, Any]]  # of one node, by the nodes they lead to

Spell = Callable[[str, str], str]  # a name and a clean text that is not empty, as the file has them

# What is declared, in this order. There is no ``name`` on purpose: Cytoscape would take it for the
# node's key; collections have theirs in the label, in full among ``attributes``.
NODE_KEYS = {
    "label": "string",
    "type": "string",
    "color": "string",
    "size": "double",
    "x": "double",
    "y": "double",
    "community": "long",
    "group_size": "long",
    "seed": "boolean",
    "state": "string",
    "crawl_pages": "long",
    "crawl_expected_count": "long",
    "crawl_received": "long",
    "crawl_inferred": "long",
    "crawl_http_status": "long",
    "crawl_warning": "string",
    "crawl_fetched_at": "string",
    "hop": "long",
    **{each.name: "string" for each in reversed(HASH_TYPES)},
    "url": "string",
    "title": "string",
    "author": "string",
    "domain": "string",
    "creation_date": "long",
    "created": "string",
    "collections": "long",
    "collection_type": "string",
    "origin": "string",
    "tags": "string",
    "attributes": "string",
}
EDGE_KEYS = {
    "relation": "string",
    "weight": "double",
    "observations": "long",
    "provenance": "string",
    "first_seen": "string",
    "last_seen": "string",
    "related_from": "string",
}
_EDGE_NAMES = frozenset(EDGE_KEYS) - {"observations"}
_PROVENANCE = (OBSERVED, INFERRED)
_TIMES = ("first_seen", "last_seen")
_COUNT = 2**53  # the largest whole number that a double, and so a weight, holds exactly


# --- nodes ---------------------------------------------------------------------------------------


def facts(
    attributes: dict[str, Any],
    spell: Spell,
    warnings: ExportWarnings,
    seed_keys: Container[str] = (),
) -> list[str]:
    """What is known of a node: the API's values, what follows from each alone, and a seed list's.

    The label is not among them, nor the type: formats have a place of their own for these.

    Args:
        attributes: the node's.
        spell: how the format writes a text under its name.
        warnings: where it is counted what could not be carried as it was.
        seed_keys: the names from seed lists that have a key of their own.
    """
    parts: list[str] = []
    rest: dict[str, Any] = {}
    for name, value in attributes.items():
        column = _COLUMNS.get(name)
        if column and (type(value) is column[0] or holds(column[0], value)):
            write = column[1]
            if write:
                parts.append(write(name, value, spell, warnings))
        elif name in seed_keys and isinstance(value, str):
            parts.append(_text(name, value, spell, warnings))
        else:
            rest[name] = value
    if rest:
        parts.append(_further(rest, spell, warnings))
    return parts


def label_of(attributes: dict[str, Any]) -> str:
    """The label, as every format shows it; empty where what stands there is no text."""
    label = attributes.get("label")
    return label_text(label) if isinstance(label, str) else ""


def type_of(attributes: dict[str, Any], spell: Spell, warnings: ExportWarnings) -> str:
    """The type: Gephi makes no column of a colour, so a picture is partitioned by this."""
    return _text("type", attributes["type"], spell, warnings)


def identity(attributes: dict[str, Any], targets: Edges, spell: Spell) -> str:
    """A file's hash under the name of its kind; how many collections are behind a reference."""
    if attributes["type"] == REFERENCE:
        behind = sum(edge["relation"] == RELATED_FROM for edge in targets.values())
        return spell("collections", str(behind))
    kind = detect_hash_type(attributes["id"]) if attributes["type"] == FILE else None
    return spell(kind, attributes["id"]) if kind else ""


def day_of(attributes: dict[str, Any]) -> str:
    """The day a reference is from, ``2018-01-12``; empty for any other node, or if not known."""
    seconds = attributes.get("creation_date")
    if attributes["type"] != REFERENCE or not isinstance(seconds, int):
        return ""
    return "" if isinstance(seconds, bool) else created(seconds)


def cleaned(value: str, warnings: ExportWarnings) -> str:
    """``value`` as an XML file holds it; possibly empty, which Gephi reads as nothing."""
    text = xml_text(value)
    if text is not value and replaced(value) != value:
        warnings.cleaned += 1
    _count_misread(text, warnings)
    return text


def _count_misread(text: str, warnings: ExportWarnings) -> None:
    if "INF" in text or (len(text) == len("null") and text.lower() == "null"):
        warnings.misread += 1


def _text(name: str, value: str, spell: Spell, warnings: ExportWarnings) -> str:
    text = cleaned(value, warnings)
    return spell(name, text) if text else ""


def _url(name: str, value: str, spell: Spell, warnings: ExportWarnings) -> str:
    return _text("domain", url_host(value), spell, warnings) + _text(name, value, spell, warnings)


def _number(name: str, value: int, spell: Spell, warnings: ExportWarnings) -> str:
    if is_exportable(value):
        return spell(name, str(value))
    warnings.omitted += 1
    return ""


def _date(name: str, value: int, spell: Spell, warnings: ExportWarnings) -> str:
    day = created(value)
    return _number(name, value, spell, warnings) + (spell("created", day) if day else "")


def _flag(name: str, value: bool, spell: Spell, _: ExportWarnings) -> str:  # noqa: FBT001  a value
    return spell(name, "true" if value else "false")


def _further(rest: dict[str, Any], spell: Spell, warnings: ExportWarnings) -> str:
    text = further(rest, warnings)
    _count_misread(text, warnings)
    return spell("attributes", text) if text else ""


# The attributes that have a key of their own: the kind of value it takes, and how it is written.
# The id stands in the node's key already.
_COLUMNS: dict[str, tuple[type, Callable[[str, Any, Spell, ExportWarnings], str] | None]] = {
    "label": (str, None),
    "type": (str, None),
    "id": (str, None),
    "community": (int, _number),
    "group_size": (int, _number),
    "seed": (bool, _flag),
    "state": (str, _text),
    "crawl_pages": (int, _number),
    "crawl_expected_count": (int, _number),
    "crawl_received": (int, _number),
    "crawl_inferred": (int, _number),
    "crawl_http_status": (int, _number),
    "crawl_warning": (str, _text),
    "crawl_fetched_at": (str, _text),
    "hop": (int, _number),
    "url": (str, _url),
    "title": (str, _text),
    "author": (str, _text),
    "creation_date": (int, _date),
    "collection_type": (str, _text),
    "origin": (str, _text),
    "tags": (str, _text),
}
NODE_KINDS = {name: kind for name, (kind, _) in _COLUMNS.items()}


# --- edges ---------------------------------------------------------------------------------------


def edge_facts(
    edge: dict[str, Any], spell: Spell, warnings: ExportWarnings
) -> tuple[str, str, str]:
    """What is known of an edge: its relation, its weight as a number, and all else."""
    weight, counted = _weight(edge.get("weight", 1), warnings)
    rest = spell("observations", counted) if counted else ""
    if edge.get("provenance") in _PROVENANCE:
        rest += spell("provenance", edge["provenance"])
    for name in _TIMES:
        if name in edge:
            rest += _text(name, edge[name], spell, warnings)
    if edge.get("related_from"):
        rest += _text("related_from", " ".join(edge["related_from"]), spell, warnings)
    if not _EDGE_NAMES.issuperset(edge):
        warnings.omitted += len(edge.keys() - _EDGE_NAMES)
    return _text("relation", edge["relation"], spell, warnings), weight, rest


def _weight(weight: object, warnings: ExportWarnings) -> tuple[str, str]:
    """The weight, above zero as Gephi drops the edge else; and as a count, where it is one.

    It is 1.0 where there is no such number.
    """
    if type(weight) is int and 0 < weight <= _COUNT:
        return f"{weight}.0", str(weight)
    if isinstance(weight, float) and math.isfinite(weight) and weight > 0:
        return repr(float(weight)), ""
    warnings.omitted += 1
    return "1.0", ""
