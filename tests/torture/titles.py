"""Rows of the corpus that are texts of a report: shown literally everywhere, executed nowhere.

Each goes over HTTP into a crawl, out through every exporter, and back through a reader that is not
ours where there is one. What a page does in a browser is another test's matter; here the page must
not have one tag more than with a harmless text.
"""

from __future__ import annotations

import base64
import csv
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import networkx as nx

from graphbuild.exporters import read_graphml
from graphbuild.exporters.sanitize import guard_cell, replace_surrogates, unguard_cell, xml_text
from tests.torture.answers import exported, judge
from tests.torture.payloads import COLLECTION, reference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.torture.answers import Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_TAG = re.compile(r"<(?:script|img|svg|iframe|style|link|object|embed)\b", re.IGNORECASE)
_HARMLESS = "Harmless"
_tags: dict[str, int] = {}


def run(row: Mapping[str, Any], folder: Path, table: Table) -> str:
    """What is wrong; empty if nothing is."""
    if not _tags:
        (folder / "harmless").mkdir()
        _crawl({"field": "title", "text": _HARMLESS}, folder / "harmless", table)
        _tags["page"] = len(_TAG.findall(_page(folder / "harmless")))
    return _crawl(row, folder, table) or _graphml(row, folder) or _csv(row, folder) or _html(folder)


def _crawl(row: Mapping[str, Any], folder: Path, table: Table) -> str:
    body = base64.b64encode(json.dumps(_payload(row)).encode()).decode()  # no names in it
    answer = {"kind": "page", "answers": [{"base64": body}], "expect": "OK"}
    came = table.ask(answer, folder)
    return judge({**answer, "calls": 1}, came) or exported(folder)


def _payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """A page of one reference and one collection, one of which bears the text."""
    named = row["field"] == "name"
    report = {"title": "A title", "url": "https://good.example/"}
    family = {"name": "A name"}
    (family if named else report)[row["field"]] = row["text"]
    behind = {"type": "collection", "id": COLLECTION, "attributes": family}
    item = {
        "type": "reference",
        "id": reference(1),
        "attributes": report,
        "context_attributes": {"related_from": [behind]},
    }
    return {"meta": {"count": 1}, "data": [item]}


def _key(row: Mapping[str, Any]) -> str:
    return f"collection:{COLLECTION}" if row["field"] == "name" else f"reference:{reference(1)}"


def _graphml(row: Mapping[str, Any], folder: Path) -> str:
    """Ours gives the text back as its character map says; networkx at least reads the file."""
    path, text = folder / "graph.graphml", row["text"]
    found = read_graphml(path).nodes[_key(row)].get(row["field"], "")
    exact = row["field"] in {"name", "further_text"}  # no column of its own: it stands in JSON
    expected = text if exact else xml_text(text)
    if found != expected and not (text.strip() == "" and not found):
        return f"GraphML gives back {found[:60]!a}, not {expected[:60]!a}"
    if nx.read_graphml(path).number_of_nodes() != 3:
        return "networkx reads another number of nodes"
    return ""


def _csv(row: Mapping[str, Any], folder: Path) -> str:
    """As many rows as nodes, no cell that starts a formula, and the text comes back."""
    csv.field_size_limit(sys.maxsize)
    with (folder / "nodes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if len(rows) != 3:
        return f"CSV has {len(rows)} rows, not 3"
    cells = [cell for each in rows for cell in each.values()]
    started = [cell for cell in cells if cell.lstrip(" \u00a0\ufeff\u200b").startswith(_FORMULA)]
    if started:
        return f"a cell starts a formula: {started[0][:40]!a}"
    mine = next(each for each in rows if each["key"] == _key(row))
    if row["field"] == "further_text":
        return ""  # it stands in the JSON of the last column
    expected = unguard_cell(guard_cell(replace_surrogates(row["text"])))
    found = unguard_cell(mine[row["field"]])
    return "" if found == expected else f"CSV gives back {found[:60]!a}, not {expected[:60]!a}"


def _html(folder: Path) -> str:
    page = _page(folder)
    if len(_TAG.findall(page)) != _tags["page"]:
        return "the page has other tags than with a harmless text"
    return "" if page.rstrip().endswith("</html>") else "the page does not end as it should"


def _page(folder: Path) -> str:
    return (folder / "graph.html").read_text("utf-8")
