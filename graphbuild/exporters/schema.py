"""What stands in a row of each table: nodes, edges and observations.

CSV, Parquet and the frames of pandas all show these columns, the latter two with these types; how a
value is written there is told there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.extra_attributes import further, holds
from graphbuild.exporters.sanitize import created, is_exportable, shown, url_host
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.models import OBSERVED, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import networkx as nx

    from graphbuild.exporters.sanitize import ExportWarnings

NODE_COLUMNS = (
    "key",
    "type",
    "id",
    "label",
    "title",
    "url",
    "author",
    "creation_date",
    "created",
    "domain",
    "name",
    "collection_type",
    "origin",
    "tags",
    "seed",
    "state",
    "crawl_pages",
    "crawl_expected_count",
    "crawl_received",
    "crawl_inferred",
    "crawl_http_status",
    "crawl_warning",
    "crawl_fetched_at",
    "degree",
    "attributes",
)
EDGE_COLUMNS = (
    "source",
    "target",
    "relation",
    "weight",
    "related_from",
    "provenance",
    "first_seen",
    "last_seen",
)
OBSERVATION_COLUMNS = (
    "subject_type",
    "subject_id",
    "reference_id",
    "related_from_type",
    "related_from_id",
    "reference_type",
    "reference_url",
    "reference_title",
    "related_from_name",
    "provenance",
)
# The attributes among these columns that are not texts; the derived ones are no attributes.
COUNTS = tuple(
    f"crawl_{name}" for name in ("pages", "expected_count", "received", "inferred", "http_status")
)
_OTHERS = dict.fromkeys(("creation_date", *COUNTS), int) | {"seed": bool}
_DERIVED = frozenset({"key", "created", "domain", "degree", "attributes"})
_KINDS: dict[str, type] = {n: _OTHERS.get(n, str) for n in NODE_COLUMNS if n not in _DERIVED}
_PLACES = {name: place for place, name in enumerate(NODE_COLUMNS)}
_TEXTS = {name: _PLACES[name] for name, kind in _KINDS.items() if kind is str}
_KEY, _CREATED, _DOMAIN, _DEGREE, _ATTRIBUTES = map(
    _PLACES.__getitem__, ("key", "created", "domain", "degree", "attributes")
)
OTHER_PLACES = tuple(_PLACES[name] for name in (*_OTHERS, "degree"))  # of what is no text

# What a column holds; all others hold text.
TEXT = "text"
WORD = "word"  # one of few
WHOLE = "whole number"
BROKEN = "broken number"
TRUTH = "truth"
TIME = "time"  # UTC
KEYS = "keys"  # a list of texts
_KINDS_OF_COLUMNS = {
    **dict.fromkeys(("type", "state", "collection_type", "origin", "relation", "provenance"), WORD),
    **dict.fromkeys(("subject_type", "reference_type", "related_from_type"), WORD),
    **dict.fromkeys(("creation_date", "degree", "weight", *COUNTS), WHOLE),
    **dict.fromkeys(("created", "crawl_fetched_at", "first_seen", "last_seen"), TIME),
    "seed": TRUTH,
}


def kinds_of(columns: Iterable[str], **others: str) -> dict[str, str]:
    """What each column holds, ``others`` being what some hold here."""
    return {name: others.get(name) or _KINDS_OF_COLUMNS.get(name, TEXT) for name in columns}


# What an edge says of itself, and what of it is usually there.
USUAL = ("relation", "weight", "provenance", "related_from", "first_seen", "last_seen")
Said = tuple[Any, ...]
_ABSENT = (None, 1, None, (), None, None)
_PICKED = {count: itemgetter(*USUAL[:count]) for count in (2, 4, 6)}


def node_rows(
    graph: nx.DiGraph[str],
    columns: Sequence[str],
    warnings: ExportWarnings,
    nothing: str | None = None,
) -> Iterator[list[Any]]:
    """The nodes, each as its values in the order of the columns.

    Args:
        graph: has the nodes.
        columns: ``NODE_COLUMNS``, and behind them those of seed lists.
        warnings: where it is counted what no column holds.
        nothing: what stands where nothing is known.
    """
    empty = [nothing] * len(columns)
    degrees = iter(graph.degree())
    ours = {name: place for place, name in enumerate(columns) if name not in _PLACES}
    for _, attributes in graph.nodes(data=True):
        row: list[Any] = empty.copy()
        row[_KEY], row[_DEGREE] = next(degrees)
        rest: dict[str, Any] = {}
        for name, value in attributes.items():
            if type(value) is str and name in _TEXTS:  # as nearly all are
                row[_TEXTS[name]] = value
            else:
                place = _place(name, value, ours)
                if place is None:
                    rest[name] = value
                else:
                    row[place] = value
        if "url" in attributes and row[_TEXTS["url"]]:
            row[_DOMAIN] = url_host(row[_TEXTS["url"]]) or nothing
        if "creation_date" in attributes and "creation_date" not in rest:
            row[_CREATED] = created(attributes["creation_date"]) or nothing
        if rest:
            row[_ATTRIBUTES] = further(rest, warnings) or nothing
        yield row


def _place(name: str, value: object, ours: Mapping[str, int]) -> int | None:
    """The place of the column that takes an attribute; None where there is none."""
    kind = _KINDS.get(name)
    if kind is not None and holds(kind, value) and is_exportable(value):
        return _PLACES[name]
    return ours.get(name) if isinstance(value, str) else None


def by_source(
    graph: nx.DiGraph[str],
) -> Iterator[tuple[str, Iterable[tuple[str, dict[str, Any]]]]]:
    """The edges in their order: each source, and with it its targets and what the edges say."""
    for source, targets in graph.adjacency():
        yield source, targets.items()


def usual(edge: Mapping[str, Any]) -> Said | None:
    """What an edge says, to know it by again, if it says what edges usually do; else None.

    Usual are the first two, four or six of ``USUAL``, and a whole number as weight.
    """
    pick = _PICKED.get(len(edge))
    if pick is None:
        return None
    try:
        said: Said = pick(edge)
    except KeyError:
        return None
    # True and 1.0 are equal to 1 and written otherwise; a list cannot be looked up.
    plain = type(said[1]) is int and (said[2:] == () or type(said[3]) is tuple)
    return said if plain else None


def said_of(edge: Mapping[str, Any]) -> Said:
    """What an edge says, in the order of ``USUAL``; less of it where it says less."""
    told = edge.get
    return usual(edge) or (
        edge["relation"],
        told("weight", 1),
        told("provenance"),
        tuple(told("related_from", ())),
        told("first_seen"),
        told("last_seen"),
    )


def in_full(said: Said) -> Said:
    """The same with what is missing at its end."""
    return *said, *_ABSENT[len(said) :]


def named(behind: Iterable[str]) -> list[str]:
    """The collections among what is behind an edge."""
    return [key for key in behind if key != NO_COLLECTION]


def keys_of(relation: str, behind: Iterable[str]) -> list[str] | None:
    """The collections behind an edge; None where there are none to name, as it is no provenance."""
    keys = tuple(behind)
    return named(keys) if keys or relation == RELATED_REFERENCES else None


def kind_of_weights(graph: nx.DiGraph[str]) -> str:
    """Whole numbers; broken ones where a view has such."""
    kinds = {type(edge.get("weight")) for _, targets in by_source(graph) for _, edge in targets}
    return BROKEN if any(issubclass(kind, float) for kind in kinds) else WHOLE


def weight_of(value: object, kind: str, warnings: ExportWarnings) -> float | None:
    """The weight of an edge as such a number; what is none is left out."""
    if isinstance(value, int | float) and not isinstance(value, bool) and is_exportable(value):
        return float(value) if kind == BROKEN else int(value)
    warnings.omitted += 1
    return None


def text_of(value: object) -> str | None:
    """What a node tells, as text, whatever it is."""
    return None if value is None else shown(value)


def time_of(text: object, warnings: ExportWarnings) -> datetime | None:
    """A time of ours, which is one in UTC; anything else is left out."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        warnings.omitted += 1
        return None


def observed(graph: nx.DiGraph[str]) -> Iterator[tuple[str, str, str, str]]:
    """The observations: the keys of subject, reference and collection, and the provenance.

    ``NO_COLLECTION`` is the key of the collection where none was named.
    """
    for source, target, edge in graph.edges(data=True):
        if edge["relation"] == RELATED_REFERENCES:
            provenance = edge.get("provenance", OBSERVED)
            for key in edge["related_from"]:
                yield source, target, key, provenance


def known(graph: nx.DiGraph[str], key: str) -> Mapping[str, Any]:
    """What is known of a node: nothing of ``NO_COLLECTION``, its key of one a view leaves out."""
    if key in graph:
        return graph.nodes[key]
    node_type, _, node_id = key.partition(":")
    return {} if key == NO_COLLECTION else {"type": node_type, "id": node_id}
