"""networkx and igraph hold of an exported file what the graph says, to the last value."""

from __future__ import annotations

import math

import igraph
import networkx as nx
import pytest

from tests.support.expected import Held, as_told
from tests.support.exported import NAMES


def by_networkx(path):
    graph = nx.read_graphml(path)
    return Held(
        graph.is_directed(),
        {key: as_told(dict(values)) for key, values in graph.nodes(data=True)},
        {(source, target): dict(values) for source, target, values in graph.edges(data=True)},
        *({}, {}),
    )


def by_igraph(path):
    """It fills what is absent: with "", NaN, or false. An "&" in an id it leaves half unescaped."""
    graph = igraph.Graph.Read_GraphML(str(path))
    keys = [key.replace("&#38;", "&") for key in graph.vs["id"]]
    return Held(
        graph.is_directed(),
        {keys[vertex.index]: as_told(_borne(vertex.attributes())) for vertex in graph.vs},
        {(keys[edge.source], keys[edge.target]): _borne(edge.attributes()) for edge in graph.es},
        *({}, {}),
    )


def _borne(values):
    return {
        name: value
        for name, value in values.items()
        if name != "id" and value != "" and value is not False and not _is_nan(value)
    }


def _is_nan(value):
    return isinstance(value, float) and math.isnan(value)


def _as_igraph_holds(column, value):
    """Its numbers are doubles; what is false is as if absent; it drops the ids of edges."""
    if column == "id":
        return None
    if isinstance(value, bool):
        return value or None
    return float(value) if isinstance(value, int) else value


READERS = {
    "networkx": (by_networkx, lambda _column, value: value),
    "igraph": (by_igraph, _as_igraph_holds),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_reader_holds_the_graph(exported, name, reader):
    read, change = READERS[reader]
    made = exported(name)
    found, due = read(made.path), made.held.each(change)
    assert found.directed is True
    assert set(found.nodes) == set(made.graph)
    assert found.nodes == due.nodes
    assert set(found.edges) == set(made.graph.edges)
    assert found.edges == due.edges


@pytest.mark.parametrize("name", NAMES)
def test_types_are_those_of_the_graph(exported, name):
    """Equal is not enough: to Python, 1 equals 1.0 and true."""
    made = exported(name)
    found = by_networkx(made.path)
    for held, due in ((found.nodes, made.held.nodes), (found.edges, made.held.edges)):
        for key, values in due.items():
            assert {n: type(v) for n, v in held[key].items()} == {
                n: type(v) for n, v in values.items()
            }
