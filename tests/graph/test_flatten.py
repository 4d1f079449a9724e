"""A flattened graph is accepted by the writers of networkx and by pyvis."""

from __future__ import annotations

import networkx as nx
import pytest
from pyvis.network import Network

import graphbuild as gb
from graphbuild.graph.views import VIEWS, view
from graphbuild.models import Observation
from tests.support.graphs import EMOTET, GANG, HOSTILE, OTHERS, REPORT, campaign, with_title

WRITERS = {
    "graphml": (nx.write_graphml, nx.read_graphml),
    "gexf": (nx.write_gexf, nx.read_gexf),
    "gml": (nx.write_gml, nx.read_gml),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("graph", [campaign(), with_title(*HOSTILE)], ids=["campaign", "hostile"])
def test_networkx_writes_a_flattened_graph_and_reads_it_back(name, graph, tmp_path):
    write, read = WRITERS[name]
    write(gb.flatten(graph), tmp_path / "graph")
    found = read(tmp_path / "graph")
    assert set(found) == set(graph)
    assert set(found.edges) == set(graph.edges)


def test_pyvis_shows_a_flattened_graph():
    network = Network(directed=True)
    network.from_nx(gb.flatten(campaign()))
    assert {node["id"] for node in network.nodes} == set(campaign())
    assert len(network.edges) == campaign().number_of_edges()


def test_attributes_become_scalars_and_the_graph_is_not_changed():
    graph = campaign()
    graph.nodes[EMOTET.key]["title"] = None
    flat = gb.flatten(graph)
    assert flat.edges[EMOTET.key, REPORT.key]["related_from"] == f"- {OTHERS.key} {GANG.key}"
    assert flat.nodes[GANG.key]["entity_id"] == GANG.id
    assert "title" not in flat.nodes[EMOTET.key]
    assert list(flat) == list(graph)
    assert graph.nodes[GANG.key]["id"] == GANG.id
    assert isinstance(graph.edges[EMOTET.key, REPORT.key]["related_from"], tuple)


def test_the_times_of_nodes_are_not_part_of_a_flattened_graph():
    graph = gb.build_graph([Observation(EMOTET, REPORT, None, first_seen=1.0)])
    graph.graph["title"] = "A campaign"
    assert gb.flatten(graph).graph == {"title": "A campaign"}


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_can_be_flattened(name, tmp_path):
    nx.write_graphml(gb.flatten(view(campaign(), name)), tmp_path / "graph")
