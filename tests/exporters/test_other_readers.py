"""networkx and igraph read every value of an exported GraphML file."""

from __future__ import annotations

import math

import igraph
import networkx as nx
import pytest

from tests.support.expected import GraphContent, parse_json_attributes
from tests.support.exported import NAMES


def read_with_networkx(path):
    graph = nx.read_graphml(path)
    return GraphContent(
        graph.is_directed(),
        {key: parse_json_attributes(dict(values)) for key, values in graph.nodes(data=True)},
        {(source, target): dict(values) for source, target, values in graph.edges(data=True)},
        *({}, {}),
    )


def read_with_igraph(path):
    """Read with igraph, which replaces missing values by "", NaN or false and keeps ``&#38;``."""
    graph = igraph.Graph.Read_GraphML(str(path))
    keys = [key.replace("&#38;", "&") for key in graph.vs["id"]]
    return GraphContent(
        graph.is_directed(),
        {keys[v.index]: parse_json_attributes(_without_missing(v.attributes())) for v in graph.vs},
        {(keys[e.source], keys[e.target]): _without_missing(e.attributes()) for e in graph.es},
        *({}, {}),
    )


def _without_missing(values):
    return {
        name: value
        for name, value in values.items()
        if name != "id" and value != "" and value is not False and not _is_nan(value)
    }


def _is_nan(value):
    return isinstance(value, float) and math.isnan(value)


def _value_in_igraph(column, value):
    """Return the value in igraph: numbers are doubles, false is missing, edges have no id."""
    if column == "id":
        return None
    if isinstance(value, bool):
        return value or None
    return float(value) if isinstance(value, int) else value


READERS = {
    "networkx": (read_with_networkx, lambda _column, value: value),
    "igraph": (read_with_igraph, _value_in_igraph),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", NAMES)
def test_reader_finds_every_node_and_edge(exported, name, reader):
    read, change = READERS[reader]
    export = exported(name)
    content, expected = read(export.path), export.expected.map_values(change)
    assert content.directed is True
    assert set(content.nodes) == set(export.graph)
    assert content.nodes == expected.nodes
    assert set(content.edges) == set(export.graph.edges)
    assert content.edges == expected.edges


@pytest.mark.parametrize("name", NAMES)
def test_values_have_the_types_of_the_graph(exported, name):
    """Equality is not enough: in Python, 1 equals 1.0 and True."""
    export = exported(name)
    content = read_with_networkx(export.path)
    nodes, edges = export.expected.nodes, export.expected.edges
    for actual, expected in ((content.nodes, nodes), (content.edges, edges)):
        for key, values in expected.items():
            assert {n: type(v) for n, v in actual[key].items()} == {
                n: type(v) for n, v in values.items()
            }
