"""Graphs exported as a user exports them, for tests with third-party readers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

import graphbuild as gb
from graphbuild.analysis.campaign_clusters import add_found_clusters
from graphbuild.api.auth import ApiKey
from graphbuild.emulator import Api, Emulator, load_world
from graphbuild.graph.builder import build_graph
from graphbuild.graph.layout import compute_layout
from graphbuild.models import Entity, Link, Observation
from tests.integration.test_sample import SAMPLE, needs_sample
from tests.support import graphs
from tests.support.expected import expected
from tests.support.keys import CANARY
from tests.support.paths import DATA
from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

    import networkx as nx

    from tests.support.expected import GraphContent

    Positions = dict[str, tuple[float, float]]

NAMES = ["demo", pytest.param("sample", marks=needs_sample), "hostile"]
AVAILABLE_NAMES = ["demo", "sample", "hostile"] if SAMPLE.is_dir() else ["demo", "hostile"]


@dataclass(frozen=True)
class Exported:
    """A graph and its GraphML file.

    Attributes:
        graph: the exported graph.
        positions: the positions of its nodes.
        path: the GraphML file.
    """

    graph: nx.DiGraph[str]
    positions: Positions
    path: Path

    @cached_property
    def expected(self) -> GraphContent:
        """The content that every reader must find."""
        return expected(self.graph, self.positions)


def export(name: str, folder: Path) -> Exported:
    """Create one of the graphs and export it to ``folder``."""
    return {"demo": _demo, "sample": _sample, "hostile": _hostile}[name](folder)


def _demo(folder: Path) -> Exported:
    """Run the ``demo`` command."""
    process = Shell(folder)("demo", "--out", ".")
    assert process.returncode == 0, process.stderr
    with gb.Store.read(folder / "campaign.db") as store:
        graph = gb.build_graph(store)
    return Exported(graph, compute_layout(graph), folder / "graph.graphml")


def _sample(folder: Path) -> Exported:
    """Crawl the real sample."""
    world = load_world(SAMPLE / "observations.jsonl")
    with (
        Emulator(Api(world)) as emulator,
        gb.Store.open(folder / "c.db") as store,
        gb.Client(ApiKey(CANARY), base_url=emulator.base_url) as client,
    ):
        store.add_seeds(gb.read_seeds(SAMPLE / "hashes.txt"))
        for _ in gb.Crawl(client, store):
            pass
        graph = build_graph(
            store.observations(), subjects=store.subjects(times=True), timestamps=True
        )
    add_found_clusters(graph)
    return Exported(graph, compute_layout(graph), gb.export(graph, folder / "graph.graphml"))


def _hostile(folder: Path) -> Exported:
    graph = hostile_graph()
    add_found_clusters(graph)
    positions = {key: (math.sin(n) * 10 ** (n % 5), -12.5 * n) for n, key in enumerate(graph)}
    path = gb.export(graph, folder / "graph.graphml", positions=positions)
    return Exported(graph, positions, path)


# --- hostile texts -------------------------------------------------------------------------------

_CORPUS = DATA / "corpus.jsonl"
# Texts with a special meaning in XML or to a reader of graph files.
_SPECIAL_TEXTS = (
    *(f"a{chr(code)}b" for code in (*range(0x20), *range(0x7F, 0xA1))),
    *("]]>", "]]]>", "]]>]]>", "]]]]>>", "]]> ]]>", "<![CDATA[x]]>", "a ]]> b & c", "]]", ">", "]"),
    *("& & &", "< > & < >", "&lt; &gt;", "&#32;&#x20;", "> <", "<!-- & -->", "<?x?>", "&nosuch;"),
    *("INF", "-INF", "INFINITY", "LODEINFO & INFRA", "]]>INF", "Infinity", "inf", "NaN"),
    *("NULL", "nUlL", " null ", "nullnull", "[a, b]", "2018-01-01", "true", "1,5", "a;b", "0x1F"),
    *("👩‍👩‍👧‍👦 🇩🇪", "\U0001fffe\U0010ffff", "\ufdd0", "\udc00\ud800", "\ud83e", "e\u0301 é"),
    *("\u202e\u202dx", "a\u2066\u2067b\u2069", "\u200f\u061cx", "\u202a \u202a", "\u3000\u2003"),
    *("x" * 70_000, "<&> " * 9_000, "ab " * 20_000, "]]>" * 9_000, "& " * 9_000, "é🦠 " * 9_000),
)
_IDS = ("-1", "1", "e\u0301", "\u00e9", "CON", "A", "a", "=x", "a:b", "]]", "a&b<c>\"d'e]]>", "🦠")
_TYPES = ("x-INF&<odd>", "null", "domain")
_URLS = (
    "https://user:pw@evil.example:8443/x?a=1&b=<x>",
    "ftp://files.example/",
    "http://null/",
    "https://[::1]/",
    "javascript:alert(1)",
    "//evil.example/x",
    "data:text/html,<script>alert(1)</script>",
)
_NUMBERS = (0, -1, 1_515_715_200, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, True, 1.5, "soon", None)
_FLOATS = (0.5, -0.0, 1e300, 5e-324, math.nan, math.inf, -math.inf)
_WEIGHTS = (1, 3, 0.25, 2**53, 2**53 + 1, 1e-9, 0, -1, math.nan, math.inf, True, "2", None)


def hostile_graph() -> nx.DiGraph[str]:
    """Return a graph with every hostile text in every field, and numbers at their limits."""
    rows = map(json.loads, _CORPUS.read_text(encoding="utf-8").splitlines())
    texts = [
        *graphs.HOSTILE,
        *_SPECIAL_TEXTS,
        *(row["text"] for row in rows if row["kind"] == "title"),
    ]
    files = [
        Entity("file", f"{n:0{(32, 40, 64)[n % 3]}x}", {"seed": n % 2 == 0, "state": text, **more})
        for n, text in enumerate(texts)
        for more in ({"crawl_detail": text, "seed_note": text, "seed_family": texts[n - 1]},)
    ]
    graph = build_graph(
        (
            Observation(files[n], _report(n, texts), _collection(n, text))
            for n, text in enumerate(texts)
        ),
        subjects=files,
        links=[Link(files[0], "files", Entity(each, ident)) for ident in _IDS for each in _TYPES],
        timestamps=True,
    )
    for n, (*_, edge) in enumerate(graph.edges(data=True)):
        edge["weight"] = _WEIGHTS[n % len(_WEIGHTS)]
    for n, node in enumerate(graph.nodes.values()):
        node["group_size"] = (n, None, "2", 2**63 - 1)[n % 4]
    graph.add_edge(files[1].key, files[1].key, relation="tied <to> itself & INF", weight=2)
    return graph


def _report(number: int, texts: list[str]) -> Entity:
    attributes = {
        "title": texts[number],
        "author": texts[number - 1],
        "url": _URLS[number % len(_URLS)],
        "creation_date": _NUMBERS[number % len(_NUMBERS)],
        "hop": _NUMBERS[number % 5],
        "further": texts[number - 2],
        "color": texts[number - 3],
        "<odd> & ]]> name": _FLOATS[number % len(_FLOATS)],
    }
    return Entity("reference", f"{number:064x}", attributes)


def _collection(number: int, text: str) -> Entity:
    attributes = dict.fromkeys(("name", "collection_type", "origin", "tags"), text)
    return Entity("collection", f"c{number}", attributes | {"community": _NUMBERS[number % 6]})
