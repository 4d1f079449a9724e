"""A thousand random graphs: what was observed comes back out of every file that claims so.

Each file is read by a reader that is not ours, and the facts are put together from what it found.
"""

from __future__ import annotations

import csv
import io
import json

import networkx as nx
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from graphbuild.exporters import FORMATS
from tests.support.observed_graphs import observed_graphs

csv.field_size_limit(2**31 - 1)
IN_EACH = 200  # seven formats: more than a thousand


def files(form, graph):
    """The files of a format, by name."""
    found = {}
    options = {"positions": {}} if "positions" in FORMATS[form].options else {}
    for file in FORMATS[form].files:
        stream = io.BytesIO()
        file.writer(graph, stream, **options)
        found[file.name] = stream.getvalue()
    return found


def node(key):
    """Type and id of a node's key: no type holds a colon."""
    return tuple(key.split(":", 1))


def behind(key):
    return None if key == "-" else node(key)


def unguarded(cell):
    """An id without the apostrophes of the guard; no id holds one but the one that is one."""
    return cell.replace("'", "") or cell


def from_table(rows):
    """What rows of observations say, and which pairs were observed."""
    facts = {
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
    return facts, pairs


def from_edges(edges):
    """What edges say, given as source, target and attributes."""
    asked = [each for each in edges if each[2]["relation"] == "related_references"]
    facts = {(node(s), node(t), behind(key)) for s, t, e in asked for key in e["related_from"]}
    return facts, {(node(s), node(t)) for s, t, e in asked if e["provenance"] == "observed"}


def by_csv(found):
    text = found["observations.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    ids = ("subject_id", "reference_id", "related_from_id")
    return from_table([row | {name: unguarded(row[name]) for name in ids} for row in rows])


def by_pandas(found):
    frame = pd.read_parquet(io.BytesIO(found["observations.parquet"]))
    return from_table(frame.astype(object).where(frame.notna(), None).to_dict("records"))


def by_networkx(found):
    graph = nx.node_link_graph(json.loads(found["graph.json"]), edges="edges")
    assert isinstance(graph, nx.DiGraph)
    return from_edges(graph.edges(data=True))


def from_texts(graph):
    """XML formats hold no lists: the keys stand in one text, with one space between."""
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
    told = [row for row in rows if row["kind"] == "observation"]
    facts = {
        (
            node(row["subject"]),
            node(row["reference"]),
            row["related_from"] and node(row["related_from"]),
        )
        for row in told
    }
    assert facts == from_edges(edges)[0]
    assert len(facts) == len(told)
    seen = {(n["subject"], n["reference"]) for n in told if n["provenance"] == "observed"}
    return facts, {(node(subject), node(reference)) for subject, reference in seen}


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


@pytest.mark.parametrize("form", READERS)
@settings(max_examples=IN_EACH, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(world=observed_graphs())
def test_what_was_observed_comes_back(form, world):
    facts, observed = READERS[form](files(form, world.graph))
    assert facts == world.triples
    assert observed == world.observed
