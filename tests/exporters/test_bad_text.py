"""Every bad text of the corpus through every exporter: read by another, it says what it said.

One contract for all formats. How a text may change on its way into each is told here a second time.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import networkx as nx
import pandas as pd
import pymisp
import pytest
import stix2

from graphbuild.exporters import FORMATS, export, export_all
from graphbuild.exporters.sanitize import unguard_cell
from tests.exporters.test_dot import plain, pydot
from tests.exporters.test_html import data_of
from tests.exporters.test_neo4j import imported
from tests.exporters.test_stix import entity_keys, extension_or_nothing
from tests.support.expected import NODE_COLUMNS, as_told, clean
from tests.support.graphs import HOSTILE, with_title
from tests.support.mixed_campaigns import hostile_text_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Files = Mapping[str, bytes]
    Found = dict[str, dict[str, Any]]

csv.field_size_limit(sys.maxsize)
GRAPHS = {"corpus": hostile_text_graph, "titles": partial(with_title, *HOSTILE)}
CONTRACT = {"type", "label", "id"}  # names of the graph's own
PACKED = {".graphml.gz": "graphml", ".gexf.gz": "gexf"}


# --- what becomes of a text ----------------------------------------------------------------------


def as_it_is(_name: str, text: str) -> str:
    return text


def in_utf8(_name: str, text: str) -> str:
    """Half surrogate pairs have no bytes."""
    return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def in_a_cell(_name: str, text: str) -> str:
    return in_utf8("", text).replace("\0", "\ufffd")


def in_xml(name: str, text: str) -> str | None:
    """Cleaned where it has a column; JSON escapes what XML cannot hold. Empty text is absent."""
    return (clean(text) or None) if name in NODE_COLUMNS else text


def on_a_page(name: str, text: str) -> str:
    return text if name == "url" or len(text) <= 4_000 else text[:3_999] + "…"


def with_columns(change: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """What stands in a column changes so; what stands in JSON does not."""
    kept = {"title", "url", "author", "name", "collection_type", "origin", "tags", "state"}
    return lambda name, text: change(name, text) if name in kept else text


# --- what each reader finds of the nodes ---------------------------------------------------------


def with_attributes(rows: dict[str, dict[str, Any]]) -> Found:
    """With what stands in JSON beside the columns."""
    return {key: row | json.loads(row.get("attributes") or "{}") for key, row in rows.items()}


def by_networkx(read: Callable[[io.BytesIO], nx.Graph], name: str, found: Files) -> Found:
    nodes = {k: as_told(dict(known)) for k, known in read(io.BytesIO(found[name])).nodes.items()}
    return {key: known | known.pop("attributes", {}) for key, known in nodes.items()}


def by_csv(found: Files) -> Found:
    def rows(table: str) -> list[dict[str, Any]]:
        read = csv.DictReader(io.StringIO(found[f"{table}.csv"].decode(), newline=""))
        return [{name: unguard_cell(cell) for name, cell in row.items()} for row in read]

    return from_tables(rows)


def by_pandas(found: Files) -> Found:
    def rows(table: str) -> list[dict[str, Any]]:
        frame = pd.read_parquet(io.BytesIO(found[f"{table}.parquet"]), dtype_backend="pyarrow")
        told: list[dict[str, Any]] = (
            frame.astype(object).where(frame.notna(), None).to_dict("records")
        )
        return told

    return from_tables(rows)


def from_tables(rows: Callable[[str], list[dict[str, Any]]]) -> Found:
    """The nodes; what the observations repeat of them is the same."""
    nodes = {row["key"]: row for row in rows("nodes")}
    for row in rows("observations"):
        reference = nodes[f"{row['reference_type']}:{row['reference_id']}"]
        assert (row["reference_title"], row["reference_url"]) == (
            reference["title"],
            reference["url"],
        )
        if row["related_from_id"]:
            behind = nodes[f"{row['related_from_type']}:{row['related_from_id']}"]
            assert row["related_from_name"] == behind["name"]
    return with_attributes(nodes)


def by_node_link(found: Files) -> Found:
    graph = nx.node_link_graph(json.loads(found["graph.json"]), edges="edges")
    return {key: dict(known) for key, known in graph.nodes.items()}


def by_lines(found: Files) -> Found:
    lines = map(json.loads, found["graph.jsonl"].decode().split("\n")[:-1])
    return {line["key"]: line["attributes"] for line in lines if line["kind"] == "node"}


def by_cytoscape(found: Files) -> Found:
    nodes = [each["data"] for each in json.loads(found["graph.cyjs"])["elements"]["nodes"]]
    rows = {node["id"]: {**node, "name": node.get("api_name")} for node in nodes}
    return with_attributes(rows)


def by_page(found: Files) -> Found:
    data = data_of(found["graph.html"].decode())
    names = [each["name"] for each in data["types"]]
    return {
        node.get("key", f"{names[node['type']]}:{node['attributes']['id']}"): node["attributes"]
        for node in data["nodes"]
    }


def by_stix2(name: str, found: Files) -> Found:
    objects = stix2.parse(found[name].decode(), allow_custom=False).objects
    keys = entity_keys(objects)
    nodes: Found = {key: {} for key in keys.values()}
    for each in objects:
        told = extension_or_nothing(each)
        if "entity_id" in told:
            key = f"{told['entity_type']}:{told['entity_id']}"
            nodes[key] = json.loads(told.get("attributes", "{}"))
    return nodes


def by_pymisp(found: Files) -> Found:
    event = pymisp.MISPEvent()
    event.load(found["graph.misp.json"].decode())
    return {
        each.comment: {a.object_relation: a.value for a in each.attributes}
        for each in event.objects
    }


def by_neo4j(found: Files) -> Found:
    rows = imported(found["nodes.neo4j.csv"].decode())
    return with_attributes({row["key"]: row for row in rows})


def by_pydot(found: Files) -> Found:
    """An ampersand that Graphviz would take for the start of a character is one for it."""
    (graph,) = pydot.graph_from_dot_data(found["graph.dot"].decode())
    return {
        plain(each.get_name()): {
            "label": plain(each.get_attributes()["label"]).replace("&amp;", "&")
        }
        for each in graph.get_nodes()
        if each.get_name() not in {"node", "edge", "graph"}
    }


IN_XML = (nx.read_graphml, "graph.graphml"), (nx.read_gexf, "graph.gexf")
# Whatever is known of a node stands in these files: who reads it, and how a text may change.
WHOLE: dict[str, tuple[Callable[[Files], Found], Callable[[str, str], str | None]]] = {
    "graphml": (partial(by_networkx, *IN_XML[0]), in_xml),
    "gexf": (partial(by_networkx, *IN_XML[1]), in_xml),
    "csv": (by_csv, with_columns(in_a_cell)),
    "parquet": (by_pandas, with_columns(in_utf8)),
    "json": (by_node_link, in_utf8),
    "jsonl": (by_lines, in_utf8),
    "cytoscape": (by_cytoscape, with_columns(in_utf8)),
    "html": (by_page, on_a_page),
    "stix": (partial(by_stix2, "graph.stix.json"), as_it_is),
    "stix-indicators": (partial(by_stix2, "indicators.stix.json"), as_it_is),
    "neo4j": (by_neo4j, with_columns(in_a_cell)),
}
# These show a name only, so long and cleaned as names are.
NAMED = {"misp": (by_pymisp, 16_000), "dot": (by_pydot, 80)}


def test_every_format_is_held_to_the_contract():
    assert {*WHOLE, *NAMED} == set(FORMATS)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Files]:
    """The files of every format, of a graph."""
    made: dict[str, Files] = {}

    def write(name: str) -> Files:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            graph = GRAPHS[name]()
            places = {key: (math.sin(n), float(n)) for n, key in enumerate(graph)}
            written = export_all(graph, folder, FORMATS, positions=places)
            made[name] = {each.path.name: each.path.read_bytes() for each in written}
        return made[name]

    return write


def is_exportable(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("form", WHOLE)
def test_every_text_comes_back(form: str, name: str, found: Callable[[str], Files]) -> None:
    read, change = WHOLE[form]
    graph, nodes = GRAPHS[name](), read(found(name))
    assert set(nodes) == set(graph)
    for key, node in graph.nodes.items():
        for attribute, value in node.items():
            if attribute in CONTRACT or not is_exportable(value):
                continue
            due = change(attribute, value) if isinstance(value, str) else value
            met = nodes[key].get(in_utf8("", attribute), nodes[key].get(attribute))
            assert met == due, (key, attribute)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("form", NAMED)
def test_every_name_is_shown_harmlessly(
    form: str, name: str, found: Callable[[str], Files]
) -> None:
    read, longest = NAMED[form]
    graph, nodes = GRAPHS[name](), read(found(name))
    assert set(nodes) == set(graph)
    for key, node in graph.nodes.items():
        shown = _name(node["label"], longest)
        if node["type"] == "file" and form == "misp":  # its hash; its name where it has one
            named = node.get("meaningful_name", "").strip()
            assert nodes[key].get("filename") == (shown if named else None)
        else:
            assert shown in nodes[key].values(), key


def _name(text: str, longest: int) -> str:
    text = clean(re.sub("[\u202a-\u202e\u2066-\u2069]", "", text))
    if not any(c.isprintable() and c != " " for c in text):
        return "(no title)"
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("name", GRAPHS)
def test_a_packed_file_is_the_same(
    suffix: str, name: str, found: Callable[[str], Files], tmp_path: Path
) -> None:
    graph = GRAPHS[name]()
    places = {key: (math.sin(n), float(n)) for n, key in enumerate(graph)}
    path = export(graph, tmp_path / f"graph{suffix}", positions=places)
    with gzip.open(path) as stream:
        assert stream.read() == found(name)[f"graph.{PACKED[suffix]}"]
