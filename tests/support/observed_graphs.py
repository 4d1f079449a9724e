"""Random graphs together with the observations that exports must preserve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from graphbuild.graph.builder import build_graph
from graphbuild.models import INFERRED, OBSERVED, Entity, Link, Observation
from tests.support.graphs import any_text, odd_ids

if TYPE_CHECKING:
    import networkx as nx

Node = tuple[str, str]  # type and id
Triple = tuple[Node, Node, Node | None]  # subject, reference, collection


@dataclass(frozen=True)
class ObservedGraph:
    """Observations and their graph.

    Attributes:
        observations: in the order of observation; some occur twice.
        graph: the graph of these observations.
    """

    observations: list[Observation]
    graph: nx.DiGraph[str]

    @property
    def triples(self) -> set[Triple]:
        """The facts that an export must preserve."""
        return {
            (_node(one.subject), _node(one.reference), one.related_from and _node(one.related_from))
            for one in self.observations
        }

    @property
    def observed(self) -> set[tuple[Node, Node]]:
        """The pairs of subject and reference that were observed, not inferred."""
        return {
            (_node(one.subject), _node(one.reference))
            for one in self.observations
            if one.provenance == OBSERVED
        }


def _node(entity: Entity) -> Node:
    return entity.type, entity.id


_ids = st.sampled_from([f"{n:064x}" for n in range(4)]) | odd_ids
_names = st.sampled_from(["title", "url", "name", "author", "creation_date", "tags", "size", "a b"])
_values = any_text | st.integers(-(2**40), 2**40) | st.booleans() | st.floats(allow_nan=False)
_known = st.dictionaries(_names, _values, max_size=3)
_seeds = st.dictionaries(
    st.sampled_from(["seed", "state", "crawl_pages", "crawl_detail", "seed_family"]),
    any_text | st.booleans() | st.integers(0, 9),
    max_size=3,
)


def _entities(known: st.SearchStrategy[dict[str, object]], *types: str) -> st.SearchStrategy:
    return st.builds(Entity, st.sampled_from(types), _ids, known)


_observations = st.builds(
    Observation,
    _entities(_known, "file", "domain", "url"),
    _entities(_known, "reference"),
    st.none() | _entities(_known, "collection", "reference", "x-odd_type"),
    st.sampled_from([OBSERVED, INFERRED]),
    st.floats(0, 2e9),
    st.floats(0, 2e9),
)
_links = st.builds(
    Link,
    _entities(_known, "collection", "reference"),
    st.sampled_from(["files", "references"]),
    _entities(_known, "file", "reference"),
)


@st.composite
def observed_graphs(draw: st.DrawFn) -> ObservedGraph:
    """Draw a small graph with hostile texts, ids and attributes."""
    observations = draw(st.lists(_observations, max_size=8))
    observations += (
        draw(st.lists(st.sampled_from(observations), max_size=2)) if observations else []
    )
    graph = build_graph(
        observations,
        subjects=draw(st.lists(_entities(_seeds, "file"), max_size=2)),
        links=draw(st.lists(_links, max_size=2)),
        timestamps=draw(st.booleans()),
    )
    return ObservedGraph(observations, graph)
