"""Corpus rows that are texts of a reference: no export may change or execute them.

Each text is served to a crawl, exported in all formats and read back, with third-party readers if
there are any. The HTML page must have the same tags as with a harmless text; its behavior in a
browser is tested elsewhere.
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
from tests.torture.payloads import COLLECTION, reference
from tests.torture.responses import check_exports, judge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.torture.responses import CorpusServer

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_TAG = re.compile(r"<(?:script|img|svg|iframe|style|link|object|embed)\b", re.IGNORECASE)
_HARMLESS = "Harmless"
_tags: dict[str, int] = {}


def run(row: Mapping[str, Any], folder: Path, server: CorpusServer) -> str:
    """Return what is wrong, or an empty string."""
    if not _tags:
        (folder / "harmless").mkdir()
        _crawl({"field": "title", "text": _HARMLESS}, folder / "harmless", server)
        _tags["page"] = len(_TAG.findall(_page(folder / "harmless")))
    return (
        _crawl(row, folder, server) or _graphml(row, folder) or _csv(row, folder) or _html(folder)
    )


def _crawl(row: Mapping[str, Any], folder: Path, server: CorpusServer) -> str:
    body = base64.b64encode(json.dumps(_payload(row)).encode()).decode()  # without placeholders
    answer = {"kind": "page", "answers": [{"base64": body}], "expect": "OK"}
    crawled = server.crawl_row(answer, folder)
    return judge({**answer, "calls": 1}, crawled) or check_exports(folder)


def _payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of one reference and one collection, one of which has the text."""
    is_name = row["field"] == "name"
    reference_attributes = {"title": "A title", "url": "https://good.example/"}
    collection_attributes = {"name": "A name"}
    attributes = collection_attributes if is_name else reference_attributes
    attributes[row["field"]] = row["text"]
    collection = {"type": "collection", "id": COLLECTION, "attributes": collection_attributes}
    item = {
        "type": "reference",
        "id": reference(1),
        "attributes": reference_attributes,
        "context_attributes": {"related_from": [collection]},
    }
    return {"meta": {"count": 1}, "data": [item]}


def _key(row: Mapping[str, Any]) -> str:
    return f"collection:{COLLECTION}" if row["field"] == "name" else f"reference:{reference(1)}"


def _graphml(row: Mapping[str, Any], folder: Path) -> str:
    """Check the text in GraphML, and that networkx reads the file."""
    path, text = folder / "graph.graphml", row["text"]
    found = read_graphml(path).nodes[_key(row)].get(row["field"], "")
    # Attributes without a column of their own are stored as JSON, without a change.
    expected = text if row["field"] == "further_text" else xml_text(text)
    if found != expected and not (text.strip() == "" and not found):
        return f"GraphML gives back {found[:60]!a}, not {expected[:60]!a}"
    if nx.read_graphml(path).number_of_nodes() != 3:
        return "networkx reads a different number of nodes"
    return ""


def _csv(row: Mapping[str, Any], folder: Path) -> str:
    """Check the number of rows, that no cell is a formula, and the text."""
    csv.field_size_limit(sys.maxsize)
    with (folder / "nodes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if len(rows) != 3:
        return f"CSV has {len(rows)} rows, not 3"
    cells = [cell for each in rows for cell in each.values()]
    started = [
        cell for cell in cells if cell.lstrip(" \u00a0\ufeff\u200b").startswith(_FORMULA_STARTS)
    ]
    if started:
        return f"a cell starts a formula: {started[0][:40]!a}"
    mine = next(each for each in rows if each["id"] == _key(row))
    if row["field"] == "further_text":
        return ""  # stored as JSON in the last column
    expected = unguard_cell(guard_cell(replace_surrogates(row["text"])))
    found = unguard_cell(mine[row["field"]])
    return "" if found == expected else f"CSV gives back {found[:60]!a}, not {expected[:60]!a}"


def _html(folder: Path) -> str:
    page = _page(folder)
    if len(_TAG.findall(page)) != _tags["page"]:
        return "the page has different tags than with a harmless text"
    return "" if page.rstrip().endswith("</html>") else "the page is not complete"


def _page(folder: Path) -> str:
    return (folder / "graph.html").read_text("utf-8")
