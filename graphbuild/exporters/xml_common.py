"""What both XML formats do alike: which ids stand in the file, and a line for each edge.

Nothing here grows with the graph but what is written: an edge's line is made, handed on, forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from graphbuild.errors import ExportError
from graphbuild.exporters.sanitize import ExportWarnings, xml_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import networkx as nx

    Positions = Mapping[str, tuple[float, float]]
    Edge = dict[str, Any]

About = Callable[
    [dict[str, Any], ExportWarnings], str
]  # an edge, from the quote behind its target on
Since = Callable[[str], str]  # a node's key, and what tells from when on it is there

_ROOM = 4_000_000  # characters of what is said of edges, kept to be said again
_SHARE = 400  # what an entry takes beside its text, roughly
# All that an edge says, if it says so many things: the usual ones, and nothing beside them.
_USUAL = {
    len(names): itemgetter(*names)
    for names in (
        ("relation", "weight"),
        ("relation", "weight", "provenance", "related_from"),
        ("relation", "weight", "provenance", "related_from", "first_seen", "last_seen"),
    )
}


# --- ids: checked before the first byte -----------------------------------------------------------


def escaped(text: str) -> str:
    """``text`` as it can stand between quotes."""
    if "&" in text or "<" in text or '"' in text or ">" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        return text.replace(">", "&gt;").replace('"', "&quot;")
    return text


def written_ids(graph: nx.DiGraph[str]) -> dict[str, str]:
    """The node keys that must be escaped, as they are written; nearly always none.

    Raises:
        ExportError: a node key cannot be an XML id.
    """
    odd: dict[str, str] = {}
    for key in graph:
        if not _is_id(key):
            raise ExportError(
                f"node {ascii(key)[:80]}: no XML id can be empty or hold white space or control"
                " characters; rename the node"
            )
        written = escaped(key)
        if written != key:
            odd[key] = written
    return odd


def _is_id(key: object) -> bool:
    return isinstance(key, str) and key != "" and " " not in key and xml_text(key) == key


def place_text(place: tuple[float, float]) -> tuple[str, str]:
    """A place as plain floats, whatever computed them, and zero without a sign."""
    return repr(float(place[0]) + 0.0), repr(float(place[1]) + 0.0)


# --- edges ---------------------------------------------------------------------------------------


def edge_lines(
    graph: nx.DiGraph[str],
    ids: Mapping[str, str],
    warnings: ExportWarnings,
    about: About,
    since: Since | None = None,
) -> Iterator[str]:
    """A line for each edge.

    Its id follows from its content, so that an edge bears the same in every export and in every
    format; it is unique, as Gephi drops an edge otherwise. Many edges say the same of themselves:
    that is made once.

    Args:
        graph: whose edges.
        ids: the node keys that are written in another way.
        warnings: where it is counted what could not be carried as it was.
        about: writes what an edge says of itself.
        since: writes from when on a node is there, in texts that compare as the times do; an edge
            is there when both its ends are.
    """
    sayings = _Sayings(about, warnings)
    known, usual, written = sayings.known, _USUAL, ids.get
    for source, targets in graph.adjacency():
        begin, relation = f'source="{written(source, source)}" target="', None
        earliest = since(source) if since else ""
        for target, edge in targets.items():
            if edge["relation"] != relation:
                relation = edge["relation"]
                begun = sha256(f"{relation}\n{source}\n".encode())
            digest = begun.copy()
            digest.update(target.encode())
            try:
                key = usual[len(edge)](edge)
                said = known.get(key) if type(key[1]) is int else None
            except (KeyError, TypeError):  # it says something else, or says it in a list
                key = said = None
            if said is None:
                said = sayings.new(key, edge)
            start = max(earliest, since(target)) if since else ""
            yield (
                f'<edge id="e{digest.hexdigest()[:16]}" {begin}{written(target, target)}"'
                f"{start}{said}\n"
            )


class _Sayings:
    """What edges say of themselves, made once for all that say the same, within some room."""

    def __init__(self, about: About, warnings: ExportWarnings) -> None:
        self.known: dict[tuple[Any, ...], str] = {}
        self._about = about
        self._remarks = warnings
        self._remarked = warnings.total
        self._room = _ROOM

    def new(self, key: tuple[Any, ...] | None, edge: Edge) -> str:
        """What ``edge`` says, kept under ``key`` if there is one that tells it from all others."""
        said = self._about(edge, self._remarks)
        # True and 1.0 are equal to 1 and written otherwise; what is remarked on counts each time.
        remarked, self._remarked = self._remarked, self._remarks.total
        if key is not None and type(key[1]) is int and self._remarked == remarked:
            self._keep(key, said)
        return said

    def _keep(self, key: tuple[Any, ...], said: str) -> None:
        self._room -= len(said) + _SHARE
        if self._room < 0:
            self.known.clear()
            self._room = _ROOM
        self.known[key] = said
