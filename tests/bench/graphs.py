"""A graph of 100,000 edges as GraphML, beside what networkx writes.

Run as a script, this file is one side in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # as a script, where nothing says where the package is
    sys.path[:0] = [str(Path(__file__).resolve().parents[each]) for each in (2, 1)]

import networkx as nx
from bench.rows import Row, paired
from bench.usage import Used

from graphbuild.entities import Entity
from graphbuild.exporters.graphml import write_graphml
from graphbuild.graph import build_graph
from graphbuild.observations import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    Graph = nx.DiGraph[str]

_EDGES = 100_000
_EACH = 200  # references a file
_GOAL = 0.1
_MEMORY_GOAL = 20.0
_MIB = 1 << 20
_LINE = re.compile(rb'<edge [^>]*?source="([^"]*)" target="([^"]*)"')


def graphml(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Write it; the graph itself is made before the clock runs."""
    sides = [{name: _run(name, edges) for name in ("ours", "networkx")} for _ in range(pairs)]
    for side in sides:
        assert side["ours"]["found"] == side["networkx"]["found"], "the two files differ"
    cpu = {name: [side[name]["cpu"] for side in sides] for name in ("ours", "networkx")}
    ours, theirs = ([side[name]["grown"] / _MIB for side in sides] for name in cpu)
    case = f"GraphML, {sides[0]['ours']['found'][0]:,} edges"
    most = max(ours)
    return [
        paired(f"{case}: CPU", cpu["ours"], cpu["networkx"], "networkx.write_graphml_lxml", _GOAL),
        Row(
            f"{case}: memory to write it",
            f"{most:.0f} MiB",
            f"{max(theirs):.0f} MiB networkx.write_graphml_lxml",
            most,
            _MEMORY_GOAL,
            shown="{:.0f} MiB",
        ),
    ]


def _run(side: str, edges: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, side, str(edges)], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- the sides -----------------------------------------------------------------------------------


def observations(edges: int) -> Iterator[Observation]:
    """Files that share reports, each through the collection of its family."""
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
        for n in range(10 * _EACH)
    ]
    for number in range(edges):
        file, place = divmod(number, _EACH)
        report = (file * 31 + place) % len(reports)
        behind = collections[report % len(collections)]
        yield Observation(Entity("file", f"{file:064x}"), reports[report], behind)


def _plain(graph: Graph) -> Graph:
    """The same graph with lists as texts: networkx writes no others."""
    plain: Graph = nx.DiGraph()
    plain.add_nodes_from(graph.nodes(data=True))
    for source, target, known in graph.edges(data=True):
        scalars = {
            name: value if isinstance(value, str | int | float) else " ".join(value)
            for name, value in known.items()
        }
        plain.add_edge(source, target, **scalars)
    return plain


def _main() -> None:
    side, edges = sys.argv[1], int(sys.argv[2])
    graph = build_graph(observations(edges))
    theirs = _plain(graph) if side == "networkx" else None
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "graph.graphml"
        used = Used()
        if theirs is None:
            with path.open("wb") as stream:
                write_graphml(graph, stream)
        else:
            nx.write_graphml_lxml(theirs, path)
        spent = used.so_far()
        found = sorted(_LINE.findall(path.read_bytes()))
    digest = hashlib.sha256(b"\n".join(map(b" ".join, found))).hexdigest()
    json.dump({**spent, "found": [len(found), digest]}, sys.stdout)


if __name__ == "__main__":
    _main()
