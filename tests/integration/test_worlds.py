"""Observations of random graphs are read back from every format that contains them.

Each file is read by another library, and the observations are assembled from its result.
"""

from __future__ import annotations

import csv
import io
import json

import networkx as nx
import pandas as pd
from hypothesis import HealthCheck, given, settings

from graphbuild.exporters import FORMATS
from tests.support.observed_graphs import observed_graphs

csv.field_size_limit(2**31 - 1)


def export_files(format_name, graph):
    """Return the files of a format by name."""
    found = {}
    options = {"positions": {}} if "positions" in FORMATS[format_name].options else {}
    for file in FORMATS[format_name].files:
        stream = io.BytesIO()
        file.write(graph, stream, **options)
        found[file.name] = stream.getvalue()
    return found


def node(key):
    """Split a node key into type and id; types contain no colon."""
    return tuple(key.split(":", 1))


def collection_of(key):
    return None if key == "-" else node(key)


def remove_guard(cell):
    """Remove the apostrophes that protect spreadsheets; no id contains one, except a single one."""
    return cell.replace("'", "") or cell


def from_table(rows):
    """Return the observations in table rows, and the observed pairs."""
    observations = {
        (
            (row["subject_type"], row["subject_id"]),
            (row["reference_type"], row["reference_id"]),
            (row["related_from_type"], row["related_from_id"]) if row["related_from_id"] else None,
        )
        for row in rows
    }
    pairs = {
        ((row["subject_type"], row["subject_id"]), (row["reference_type"], row["reference_id"]))
        for row in rows
        if row["provenance"] == "observed"
    }
    return observations, pairs


def from_edges(edges):
    """Return the observations in edges (source, target, attributes), and the observed pairs."""
    reference_edges = [each for each in edges if each[2]["relation"] == "related_references"]
    observations = {
        (node(s), node(t), collection_of(key))
        for s, t, e in reference_edges
        for key in e["related_from"]
    }
    return observations, {
        (node(s), node(t)) for s, t, e in reference_edges if e["provenance"] == "observed"
    }


def by_csv(found):
    text = found["observations.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    ids = ("subject_id", "reference_id", "related_from_id")
    return from_table([row | {name: remove_guard(row[name]) for name in ids} for row in rows])


def by_pandas(found):
    frame = pd.read_parquet(io.BytesIO(found["observations.parquet"]))
    return from_table(frame.astype(object).where(frame.notna(), None).to_dict("records"))


def by_networkx(found):
    graph = nx.node_link_graph(json.loads(found["graph.json"]), edges="edges")
    assert isinstance(graph, nx.DiGraph)
    return from_edges(graph.edges(data=True))


def from_texts(graph):
    """Split ``related_from``, which is a space-separated text in XML formats."""
    assert isinstance(graph, nx.DiGraph)
    return from_edges(
        (source, target, edge | {"related_from": edge.get("related_from", "").split(" ")})
        for source, target, edge in graph.edges(data=True)
    )


def by_graphml(found):
    return from_texts(nx.read_graphml(io.BytesIO(found["graph.graphml"])))


def by_gexf(found):
    return from_texts(nx.read_gexf(io.BytesIO(found["graph.gexf"])))


def by_lines(found):
    rows = [json.loads(line) for line in found["graph.jsonl"].decode().split("\n")[:-1]]
    edges = [(row["source"], row["target"], row) for row in rows if row["kind"] == "edge"]
    stated = [row for row in rows if row["kind"] == "observation"]
    observations = {
        (
            node(row["subject"]),
            node(row["reference"]),
            row["related_from"] and node(row["related_from"]),
        )
        for row in stated
    }
    assert observations == from_edges(edges)[0]
    assert len(observations) == len(stated)
    seen = {(n["subject"], n["reference"]) for n in stated if n["provenance"] == "observed"}
    return observations, {(node(subject), node(reference)) for subject, reference in seen}


def by_cytoscape(found):
    graph = nx.cytoscape_graph(json.loads(found["graph.cyjs"]))
    assert isinstance(graph, nx.DiGraph)
    return from_edges(graph.edges(data=True))


READERS = {
    "graphml": by_graphml,
    "gexf": by_gexf,
    "csv": by_csv,
    "parquet": by_pandas,
    "json": by_networkx,
    "jsonl": by_lines,
    "cytoscape": by_cytoscape,
}


# Creating a random graph takes longer than writing and reading it, so all formats share the graphs.
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(world=observed_graphs())
def test_observations_are_read_back_from_every_format(world):
    for format_name, read in READERS.items():
        observations, observed = read(export_files(format_name, world.graph))
        assert observations == world.triples, format_name
        assert observed == world.observed, format_name
