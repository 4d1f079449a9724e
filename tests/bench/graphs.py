"""A graph as GraphML and as GEXF, beside what networkx writes.

Run as a script, this file is one side in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tracemalloc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # as a script, where nothing says where the package is
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import networkx as nx

from graphbuild.exporters import write_gexf, write_graphml
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.bench.rows import Row, paired
from tests.bench.usage import Used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Graph = nx.DiGraph[str]

_EDGES = 100_000
_MANY_EDGES = 1_000_000
_EACH = 200  # references a file
_GOAL = 0.1
_MEMORY_GOAL = 20.0
_MIB = 1 << 20
_LINE = re.compile(rb'<edge [^>]*?source="([^"]*)" target="([^"]*)"')
# How a form is called, what writes it, and what writes it otherwise.
_FORMS: dict[str, tuple[str, Callable[..., object], str]] = {
    "graphml": ("GraphML", write_graphml, "write_graphml_lxml"),
    "gexf": ("GEXF", write_gexf, "write_gexf"),
}


def _beside(form: str, pairs: int, edges: int = _EDGES) -> list[Row]:
    """Write it; the graph itself is made before the clock runs."""
    called, _, theirs = _FORMS[form]
    other = f"networkx.{theirs}"
    sides = [{name: _run(form, name, edges) for name in ("ours", "networkx")} for _ in range(pairs)]
    for side in sides:
        assert side["ours"]["found"] == side["networkx"]["found"], "the two files differ"
    cpu = {name: [side[name]["cpu"] for side in sides] for name in ("ours", "networkx")}
    grown = [side["networkx"]["grown"] / _MIB for side in sides]
    case = f"{called}, {sides[0]['ours']['found'][0]:,} edges"
    # What stood free after the graph was made hides what the process does not have to grow by: so
    # our side is watched once more, allocation by allocation.
    most = max(*(side["ours"]["grown"] for side in sides), _run(form, "watched", edges)["most"])
    return [
        paired(f"{case}: CPU", cpu["ours"], cpu["networkx"], other, _GOAL),
        Row(
            f"{case}: memory to write it",
            f"{most / _MIB:.0f} MiB",
            f"{max(grown):.0f} MiB {other}",
            most / _MIB,
            _MEMORY_GOAL,
            shown="{:.0f} MiB",
        ),
    ]


graphml = partial(_beside, "graphml")
gexf = partial(_beside, "gexf")
many_graphml = partial(_beside, "graphml", edges=_MANY_EDGES)
many_gexf = partial(_beside, "gexf", edges=_MANY_EDGES)


def _run(form: str, side: str, edges: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, form, side, str(edges)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
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
    """The same graph as networkx can write it: lists as texts; no ``id``, for which it has a use.

    In GEXF it takes an attribute of that name for the node's key.
    """
    plain: Graph = nx.DiGraph()
    for key, known in graph.nodes(data=True):
        plain.add_node(key, **{name: value for name, value in known.items() if name != "id"})
    for source, target, known in graph.edges(data=True):
        scalars = {
            name: value if isinstance(value, str | int | float) else " ".join(value)
            for name, value in known.items()
        }
        plain.add_edge(source, target, **scalars)
    return plain


def _main() -> None:
    form, side, edges = sys.argv[1], sys.argv[2], int(sys.argv[3])
    _, ours, name = _FORMS[form]
    graph = build_graph(observations(edges))
    theirs = _plain(graph) if side == "networkx" else None
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / f"graph.{form}"
        if side == "watched":
            tracemalloc.start()
        used = Used()
        if theirs is None:
            with path.open("wb") as stream:
                ours(graph, stream)
        else:
            getattr(nx, name)(theirs, path)
        told = {**used.so_far(), "most": tracemalloc.get_traced_memory()[1]}
        found = sorted(_LINE.findall(path.read_bytes()))
    digest = hashlib.sha256(b"\n".join(map(b" ".join, found))).hexdigest()
    json.dump({**told, "found": [len(found), digest]}, sys.stdout)


if __name__ == "__main__":
    _main()
