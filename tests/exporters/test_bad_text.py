"""Every bad text of the corpus, written by every exporter and read back by another library.

One contract holds for all formats. The changes that each format makes to a text are implemented
here a second time.
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
from tests.exporters.test_dot import pydot, unquote
from tests.exporters.test_html import data_of
from tests.exporters.test_neo4j import import_rows
from tests.exporters.test_stix import entity_keys, extension_or_nothing
from tests.support.expected import NODE_COLUMNS, clean, parse_json_attributes
from tests.support.graphs import HOSTILE, with_title
from tests.support.mixed_campaigns import hostile_text_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Files = Mapping[str, bytes]
    Nodes = dict[str, dict[str, Any]]

csv.field_size_limit(sys.maxsize)
GRAPHS = {"corpus": hostile_text_graph, "titles": partial(with_title, *HOSTILE)}
REQUIRED_ATTRIBUTES = {"type", "label", "id"}  # attributes that every node has
COMPRESSED_SUFFIXES = {".graphml.gz": "graphml", ".gexf.gz": "gexf"}


# --- expected text per format --------------------------------------------------------------------


def unchanged(_displayed_name: str, text: str) -> str:
    return text


def utf8_text(_displayed_name: str, text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode."""
    return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def csv_text(_displayed_name: str, text: str) -> str:
    return utf8_text("", text).replace("\0", "\ufffd")


def xml_text(name: str, text: str) -> str | None:
    """Clean texts of columns; JSON escapes what XML cannot hold. Empty texts are omitted."""
    return (clean(text) or None) if name in NODE_COLUMNS or name == "name" else text


def html_text(name: str, text: str) -> str:
    return text if name == "url" or len(text) <= 4_000 else text[:3_999] + "…"


def for_columns(change: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """Apply ``change`` to texts with a column of their own, not to those stored as JSON."""
    columns = {"title", "url", "author", "name", "collection_type", "origin", "tags", "state"}
    return lambda name, text: change(name, text) if name in columns else text


# --- node attributes as read by each library -----------------------------------------------------


def merge_json_attributes(rows: dict[str, dict[str, Any]]) -> Nodes:
    """Merge the columns of each row with the attributes stored as JSON."""
    return {key: row | json.loads(row.get("attributes") or "{}") for key, row in rows.items()}


def read_with_networkx(read: Callable[[io.BytesIO], nx.Graph], name: str, files: Files) -> Nodes:
    graph = read(io.BytesIO(files[name]))
    nodes = {key: parse_json_attributes(dict(node)) for key, node in graph.nodes.items()}
    for node in nodes.values():
        node.update(node.pop("attributes", {}))
        if "api_name" in node:
            node["name"] = node.pop("api_name")
    return nodes


def read_csv(files: Files) -> Nodes:
    def rows(table: str) -> list[dict[str, Any]]:
        read = csv.DictReader(io.StringIO(files[f"{table}.csv"].decode(), newline=""))
        return [{name: unguard_cell(cell) for name, cell in row.items()} for row in read]

    return nodes_from_tables(rows)


def read_parquet(files: Files) -> Nodes:
    def rows(table: str) -> list[dict[str, Any]]:
        frame = pd.read_parquet(io.BytesIO(files[f"{table}.parquet"]), dtype_backend="pyarrow")
        records: list[dict[str, Any]] = (
            frame.astype(object).where(frame.notna(), None).to_dict("records")
        )
        return records

    return nodes_from_tables(rows)


def read_dataset(files: Files) -> Nodes:
    def rows(table: str) -> list[dict[str, Any]]:
        contents = [data for path, data in files.items() if path.startswith(f"{table}/")]
        frame = pd.concat([pd.read_parquet(io.BytesIO(data)) for data in contents])
        return list(frame.astype(object).where(frame.notna(), None).to_dict("records"))

    nodes = {row["id"]: row | {"id": row["entity_id"]} for row in rows("entities")}
    for row in rows("subjects"):
        key, seeds = row.pop("id"), json.loads(row.pop("seed_attributes") or "{}")
        nodes[key] |= row | seeds
    return merge_json_attributes(nodes)


def nodes_from_tables(rows: Callable[[str], list[dict[str, Any]]]) -> Nodes:
    """Return the nodes, after checking that observations repeat their values."""
    nodes = {row["id"]: {**row, "id": row["entity_id"]} for row in rows("nodes")}
    for row in rows("observations"):
        reference = nodes[f"{row['reference_type']}:{row['reference_id']}"]
        assert (row["reference_title"], row["reference_url"]) == (
            reference["title"],
            reference["url"],
        )
        if row["related_from_id"]:
            collection = nodes[f"{row['related_from_type']}:{row['related_from_id']}"]
            name = collection["name"] or collection["title"]  # reports have a title
            assert (row["related_from_name"] or None) == (name or None)
    return merge_json_attributes(nodes)


def read_node_link(files: Files) -> Nodes:
    graph = nx.node_link_graph(json.loads(files["graph.json"]), edges="edges")
    return {key: dict(attributes) for key, attributes in graph.nodes.items()}


def read_json_lines(files: Files) -> Nodes:
    lines = map(json.loads, files["graph.jsonl"].decode().split("\n")[:-1])
    return {line["key"]: line["attributes"] for line in lines if line["kind"] == "node"}


def read_cytoscape(files: Files) -> Nodes:
    nodes = [each["data"] for each in json.loads(files["graph.cyjs"])["elements"]["nodes"]]
    rows = {
        node["id"]: {**node, "id": node["entity_id"], "name": node.get("api_name")}
        for node in nodes
    }
    return merge_json_attributes(rows)


def read_html(files: Files) -> Nodes:
    data = data_of(files["graph.html"].decode())
    names = [each["name"] for each in data["types"]]
    return {
        node.get("key", f"{names[node['type']]}:{node['attributes']['id']}"): node["attributes"]
        for node in data["nodes"]
    }


def read_with_stix2(name: str, files: Files) -> Nodes:
    objects = stix2.parse(files[name].decode(), allow_custom=False).objects
    keys = entity_keys(objects)
    nodes: Nodes = {key: {} for key in keys.values()}
    for each in objects:
        records = extension_or_nothing(each)
        if "entity_id" in records:
            key = f"{records['entity_type']}:{records['entity_id']}"
            nodes[key] = json.loads(records.get("attributes", "{}"))
    return nodes


def read_with_pymisp(files: Files) -> Nodes:
    event = pymisp.MISPEvent()
    event.load(files["graph.misp.json"].decode())
    return {
        each.comment: {a.object_relation: a.value for a in each.attributes}
        for each in event.objects
    }


def read_neo4j(files: Files) -> Nodes:
    rows = import_rows(files["nodes.neo4j.csv"].decode())
    return merge_json_attributes({row["key"]: row for row in rows})


def read_with_pydot(files: Files) -> Nodes:
    """Unescape ampersands: the exporter escapes those that could start a character reference."""
    (graph,) = pydot.graph_from_dot_data(files["graph.dot"].decode())
    return {
        unquote(each.get_name()): {
            "label": unquote(each.get_attributes()["label"]).replace("&amp;", "&")
        }
        for each in graph.get_nodes()
        if each.get_name() not in {"node", "edge", "graph"}
    }


XML_READERS = (nx.read_graphml, "graph.graphml"), (nx.read_gexf, "graph.gexf")
# Formats that contain all attributes: the function that reads them, and the expected text.
FULL_FORMATS: dict[str, tuple[Callable[[Files], Nodes], Callable[[str, str], str | None]]] = {
    "graphml": (partial(read_with_networkx, *XML_READERS[0]), xml_text),
    "gexf": (partial(read_with_networkx, *XML_READERS[1]), xml_text),
    "csv": (read_csv, for_columns(csv_text)),
    "parquet": (read_parquet, for_columns(utf8_text)),
    "dataset": (read_dataset, for_columns(utf8_text)),
    "json": (read_node_link, utf8_text),
    "jsonl": (read_json_lines, utf8_text),
    "cytoscape": (read_cytoscape, for_columns(utf8_text)),
    "html": (read_html, html_text),
    "stix": (partial(read_with_stix2, "graph.stix.json"), unchanged),
    "stix-indicators": (partial(read_with_stix2, "indicators.stix.json"), unchanged),
    "neo4j": (read_neo4j, for_columns(csv_text)),
}
# Formats that contain only a name: the function that reads them, and its maximum length.
NAME_ONLY_FORMATS = {"misp": (read_with_pymisp, 16_000), "dot": (read_with_pydot, 80)}


def test_every_format_is_covered():
    # Excel truncates long texts; test_xlsx.py compares the sheets with the CSV tables. test_stix.py
    # compares the objects of lean bundles with those of whole ones.
    assert {*FULL_FORMATS, *NAME_ONLY_FORMATS, "xlsx", "stix-lean"} == set(FORMATS)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Files]:
    """Return a function that exports a graph in every format and returns the files."""
    cache: dict[str, Files] = {}

    def write(name: str) -> Files:
        if name not in cache:
            folder = tmp_path_factory.mktemp(name)
            graph = GRAPHS[name]()
            positions = {key: (math.sin(n), float(n)) for n, key in enumerate(graph)}
            export_all(graph, folder, FORMATS, positions=positions)
            paths = [path for path in folder.rglob("*") if path.is_file()]
            cache[name] = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
        return cache[name]

    return write


def is_exportable(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("format_name", FULL_FORMATS)
def test_every_attribute_is_read_back(
    format_name: str, name: str, files: Callable[[str], Files]
) -> None:
    read, change = FULL_FORMATS[format_name]
    graph, nodes = GRAPHS[name](), read(files(name))
    assert set(nodes) == set(graph)
    for key, node in graph.nodes.items():
        for attribute, value in node.items():
            if attribute in REQUIRED_ATTRIBUTES or not is_exportable(value):
                continue
            expected = change(attribute, value) if isinstance(value, str) else value
            actual = nodes[key].get(utf8_text("", attribute), nodes[key].get(attribute))
            assert actual == expected, (key, attribute)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("format_name", NAME_ONLY_FORMATS)
def test_every_name_is_cleaned_and_shortened(
    format_name: str, name: str, files: Callable[[str], Files]
) -> None:
    read, max_length = NAME_ONLY_FORMATS[format_name]
    graph, nodes = GRAPHS[name](), read(files(name))
    assert set(nodes) == set(graph)
    for key, node in graph.nodes.items():
        shown = _displayed_name(node["label"], max_length)
        if node["type"] == "file" and format_name == "misp":  # the file name is optional
            file_name = node.get("meaningful_name", "").strip()
            assert nodes[key].get("filename") == (shown if file_name else None)
        else:
            assert shown in nodes[key].values(), key


def _displayed_name(text: str, max_length: int) -> str:
    text = clean(re.sub("[\u202a-\u202e\u2066-\u2069]", "", text))
    if not any(c.isprintable() and c != " " for c in text):
        return "(no title)"
    return text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"


@pytest.mark.parametrize("suffix", COMPRESSED_SUFFIXES)
@pytest.mark.parametrize("name", GRAPHS)
def test_a_compressed_file_has_the_same_content(
    suffix: str, name: str, files: Callable[[str], Files], tmp_path: Path
) -> None:
    graph = GRAPHS[name]()
    positions = {key: (math.sin(n), float(n)) for n, key in enumerate(graph)}
    path = export(graph, tmp_path / f"graph{suffix}", positions=positions)
    with gzip.open(path) as stream:
        assert stream.read() == files(name)[f"graph.{COMPRESSED_SUFFIXES[suffix]}"]
