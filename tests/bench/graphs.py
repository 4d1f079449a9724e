"""Compare writing GraphML and GEXF with networkx: CPU time and memory.

Run as a script, this file writes one file in its own process.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import tracemalloc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import networkx as nx

from graphbuild.exporters import write_gexf, write_graphml
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.bench.rows import Row, paired
from tests.bench.steps import run_step
from tests.bench.usage import Used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Graph = nx.DiGraph[str]

_EDGES = 100_000
_MANY_EDGES = 1_000_000
_REFERENCES_PER_FILE = 200
# The ids of edges are hashes of their content, so that Gephi recognizes an edge in a later export.
# They take two fifths of the time of GraphML. GEXF is as fast, but networkx writes it more slowly.
_GOALS = {"graphml": 0.125, "gexf": 0.1}
_MEMORY_GOAL = 20.0
_MIB = 1 << 20
_LINE = re.compile(rb'<edge [^>]*?source="([^"]*)" target="([^"]*)"')
# Format -> its display name, the writer of graphbuild, the writer of networkx.
_FORMATS: dict[str, tuple[str, Callable[..., object], str]] = {
    "graphml": ("GraphML", write_graphml, "write_graphml_lxml"),
    "gexf": ("GEXF", write_gexf, "write_gexf"),
}
_run = partial(run_step, __file__)


def _compare_writers(format_name: str, pairs: int, edges: int = _EDGES) -> list[Row]:
    """Compare writing a graph; building the graph is not measured."""
    display_name, _, other_writer = _FORMATS[format_name]
    other = f"networkx.{other_writer}"
    runs = [
        {name: _run(format_name, name, edges) for name in ("ours", "networkx")}
        for _ in range(pairs)
    ]
    for run in runs:
        assert run["ours"]["found"] == run["networkx"]["found"], "the two files differ"
    cpu = {name: [run[name]["cpu"] for run in runs] for name in ("ours", "networkx")}
    growth = [run["networkx"]["grown"] / _MIB for run in runs]
    case = f"{display_name}, {runs[0]['ours']['found'][0]:,} edges"
    # Memory that is free after the graph is built hides allocations of the writer, so an additional
    # run traces them.
    traced = _run(format_name, "traced", edges)
    peak = max(*(run["ours"]["grown"] for run in runs), traced["peak"])
    return [
        paired(f"{case}: CPU", cpu["ours"], cpu["networkx"], other, _GOALS[format_name]),
        Row(
            f"{case}: memory to write it",
            f"{peak / _MIB:.0f} MiB",
            f"{max(growth):.0f} MiB {other}",
            peak / _MIB,
            _MEMORY_GOAL,
            shown="{:.0f} MiB",
        ),
    ]


graphml = partial(_compare_writers, "graphml")
gexf = partial(_compare_writers, "gexf")
many_graphml = partial(_compare_writers, "graphml", edges=_MANY_EDGES)
many_gexf = partial(_compare_writers, "gexf", edges=_MANY_EDGES)


# --- measured processes --------------------------------------------------------------------------


def observations(edges: int) -> Iterator[Observation]:
    """Yield observations of files that share reports, each with the collection of its family."""
    collections = [Entity("collection", f"c{n}", {"name": f"Family {n}"}) for n in range(50)]
    reports = [
        Entity(
            "reference",
            f"{n:064x}",
            {
                "title": f"Report {n} on a family & its tools – part {n % 7}",
                "url": f"https://blog.example/{n}?a=1&b=2",
                "author": f"Author {n % 300}",
                "creation_date": 1_500_000_000 + n * 1_000,
            },
        )
        for n in range(10 * _REFERENCES_PER_FILE)
    ]
    for number in range(edges):
        file, position = divmod(number, _REFERENCES_PER_FILE)
        report = (file * 31 + position) % len(reports)
        collection = collections[report % len(collections)]
        yield Observation(Entity("file", f"{file:064x}"), reports[report], collection)


def _simplify(graph: Graph) -> Graph:
    """Return the graph in a form that networkx can write: lists as texts, and no ``id``.

    In GEXF, networkx uses an attribute of that name as the key of the node.
    """
    simplified: Graph = nx.DiGraph()
    for key, attributes in graph.nodes(data=True):
        simplified.add_node(key, **{name: attributes[name] for name in attributes if name != "id"})
    for source, target, attributes in graph.edges(data=True):
        scalars = {
            name: value if isinstance(value, str | int | float) else " ".join(value)
            for name, value in attributes.items()
        }
        simplified.add_edge(source, target, **scalars)
    return simplified


def _main() -> None:
    format_name, side, edges = sys.argv[1], sys.argv[2], int(sys.argv[3])
    _, writer, name = _FORMATS[format_name]
    graph = build_graph(observations(edges))
    simplified = _simplify(graph) if side == "networkx" else None
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / f"graph.{format_name}"
        if side == "traced":
            tracemalloc.start()
        used = Used()
        if simplified is None:
            with path.open("wb") as stream:
                writer(graph, stream)
        else:
            getattr(nx, name)(simplified, path)
        measured = {**used.so_far(), "peak": tracemalloc.get_traced_memory()[1]}
        edge_lines = sorted(_LINE.findall(path.read_bytes()))
    digest = hashlib.sha256(b"\n".join(map(b" ".join, edge_lines))).hexdigest()
    json.dump({**measured, "found": [len(edge_lines), digest]}, sys.stdout)


if __name__ == "__main__":
    _main()
