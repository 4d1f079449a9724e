"""Tables and JSON of graphs of 100,000 and 1,000,000 edges, beside pandas and networkx with json.

pandas writes frames that are ready; we write from the graph. Run as a script, this file is one side
in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import tracemalloc
from csv import reader
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # as a script, where nothing says where the package is
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import networkx as nx
import pandas as pd
import pyarrow as pa

from graphbuild.exporters import csv as csv_format
from graphbuild.exporters import dataframes
from graphbuild.exporters import json as json_format
from graphbuild.exporters import parquet as parquet_format
from graphbuild.graph.builder import build_graph
from tests.bench.graphs import observations
from tests.bench.rows import Row, paired
from tests.bench.usage import Used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Graph = nx.DiGraph[str]
    Act = Callable[[], None]
    Side = Callable[[Graph, Path], tuple[Act, Callable[[], Iterable[str]]]]

_EDGES = 100_000
_MANY_EDGES = 1_000_000
_GOAL = 0.25
# Parquet is written from plain rows: a user must not wait longer for it than for pandas's CSV.
_PARQUET_GOAL = 1.0
_MEMORY_GOAL = 20.0
_MIB = 1 << 20
_TABLES = ("nodes", "edges", "observations")
_PANDAS = "pandas to_csv, frames ready"


def csv(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Nodes, edges and observations as CSV."""
    cpu = _cpu(("csv", "pandas"), edges, pairs)
    case = f"CSV, {edges:,} edges"
    return [paired(f"{case}: CPU", *cpu, _PANDAS, _GOAL), _memory(case, "csv", edges, None)]


def parquet(pairs: int, edges: int = _EDGES) -> list[Row]:
    """The same tables as Parquet, beside pandas writing them as CSV."""
    cpu = _cpu(("parquet", "pandas-typed"), edges, pairs)
    case = f"Parquet, {edges:,} edges"
    return [
        paired(f"{case}: CPU", *cpu, _PANDAS, _PARQUET_GOAL),
        _memory(case, "parquet", edges, None),
    ]


def json_(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Node-link data; ``json.dumps``, which has all of it in memory, for comparison."""
    ours, dump, dumps = _cpu(("json", "dump", "dumps"), edges, pairs)
    case = f"node-link JSON, {edges:,} edges"
    return [
        paired(f"{case}: CPU", ours, dump, "json.dump(nx.node_link_data)", _GOAL),
        paired(f"{case}: CPU", ours, dumps, "json.dumps(nx.node_link_data)", None),
        _memory(case, "json", edges, _MEMORY_GOAL),
    ]


many_csv = partial(csv, edges=_MANY_EDGES)
many_parquet = partial(parquet, edges=_MANY_EDGES)
many_json = partial(json_, edges=_MANY_EDGES)


def _cpu(names: Sequence[str], edges: int, pairs: int) -> list[list[float]]:
    """What each side took, in turns; what they wrote is checked to say the same."""
    turns = [[_run(name, edges) for name in names] for _ in range(pairs)]
    for turn in turns:
        assert len({side["found"] for side in turn}) == 1, "the sides do not write the same"
    return [[side["cpu"] for side in sides] for sides in zip(*turns, strict=True)]


def _memory(case: str, side: str, edges: int, goal: float | None) -> Row:
    # Watched allocation by allocation: what stood free before hides what a process needs.
    most = _run(side, edges, "watched")["most"] / _MIB
    return Row(
        f"{case}: memory to write it", f"{most:.0f} MiB", "-", most, goal, shown="{:.0f} MiB"
    )


def _run(side: str, edges: int, *watched: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, side, str(edges), *watched],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- the sides: what is done while the clock runs, and what the files then say -------------------


def _csv(graph: Graph, folder: Path) -> tuple[Act, Callable[[], Iterable[str]]]:
    def write() -> None:
        for name in _TABLES:
            with (folder / name).open("wb") as stream:
                _CSV[name](graph, stream)

    return write, lambda: _cells(folder)


def _pandas(graph: Graph, folder: Path) -> tuple[Act, Callable[[], Iterable[str]]]:
    _csv(graph, folder)[0]()
    frames = {
        name: pd.read_csv(folder / name, dtype=str, keep_default_na=False) for name in _TABLES
    }

    def write() -> None:
        for name, frame in frames.items():
            frame.to_csv(folder / name, index=False)

    return write, lambda: _cells(folder)


def _cells(folder: Path) -> Iterable[str]:
    for name in _TABLES:
        with (folder / name).open(encoding="utf-8", newline="") as stream:
            yield from map("\0".join, reader(stream))


def _parquet(graph: Graph, folder: Path) -> tuple[Act, Callable[[], Iterable[str]]]:
    def write() -> None:
        for name in _TABLES:
            with (folder / name).open("wb") as stream:
                _PARQUET[name](graph, stream)

    def said() -> Iterable[str]:
        for name in _TABLES:
            frame = pd.read_parquet(folder / name, dtype_backend="numpy_nullable")
            yield from _texts(_flat(frame).astype("string").fillna(""))

    return write, said


def _typed(graph: Graph, folder: Path) -> tuple[Act, Callable[[], Iterable[str]]]:
    frames = {name: _flat(make(graph)) for name, make in _FRAMES.items()}

    def write() -> None:
        for name, frame in frames.items():
            frame.to_csv(folder / name, index=False)

    def said() -> Iterable[str]:
        for name in _TABLES:
            yield from _texts(pd.read_csv(folder / name, dtype=str, keep_default_na=False))

    return write, said


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a text in place of each list, as a cell of CSV holds it."""
    if "related_from" not in frame:
        return frame
    lists = frame["related_from"]
    return frame.assign(related_from=[None if keys is None else " ".join(keys) for keys in lists])


def _texts(frame: pd.DataFrame) -> Iterable[str]:
    for column in frame:
        yield str(column)
        yield from frame[column]


def _json(graph: Graph, folder: Path) -> tuple[Act, Callable[[], Iterable[str]]]:
    def write() -> None:
        with (folder / "json").open("wb") as stream:
            json_format.write_node_link(graph, stream)

    return write, lambda: _objects(folder)


def _dump(graph: Graph, folder: Path) -> tuple[Act, Callable[[], Iterable[str]]]:
    def write() -> None:
        with (folder / "json").open("w", encoding="utf-8") as stream:
            json.dump(nx.node_link_data(graph, edges="edges"), stream)

    return write, lambda: _objects(folder)


def _dumps(graph: Graph, folder: Path) -> tuple[Act, Callable[[], Iterable[str]]]:
    def write() -> None:
        text = json.dumps(nx.node_link_data(graph, edges="edges"))
        (folder / "json").write_text(text, encoding="utf-8")

    return write, lambda: _objects(folder)


def _objects(folder: Path) -> Iterable[str]:
    said = json.loads((folder / "json").read_bytes())
    for each in (*said.pop("nodes"), *said.pop("edges"), said):
        yield json.dumps(each, sort_keys=True)


_CSV = {
    "nodes": csv_format.write_nodes,
    "edges": csv_format.write_edges,
    "observations": csv_format.write_observations,
}
_PARQUET = {
    "nodes": parquet_format.write_nodes,
    "edges": parquet_format.write_edges,
    "observations": parquet_format.write_observations,
}
_FRAMES = {
    "nodes": dataframes.nodes_frame,
    "edges": dataframes.edges_frame,
    "observations": dataframes.observations_frame,
}
SIDES: dict[str, Side] = {
    "csv": _csv,
    "pandas": _pandas,
    "parquet": _parquet,
    "pandas-typed": _typed,
    "json": _json,
    "dump": _dump,
    "dumps": _dumps,
}


def _main() -> None:
    side, edges = sys.argv[1], int(sys.argv[2])
    graph = build_graph(observations(edges))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        write, said = SIDES[side](graph, Path(folder))
        if "watched" in sys.argv:
            tracemalloc.start()
            write()
            most = tracemalloc.get_traced_memory()[1] + pa.default_memory_pool().max_memory()
            json.dump({"most": most}, sys.stdout)
            return
        used = Used()
        write()
        spent = used.so_far()
        digest = hashlib.sha256()
        for text in said():
            digest.update(f"{text}\n".encode())
    json.dump({**spent, "found": digest.hexdigest()}, sys.stdout)


if __name__ == "__main__":
    _main()
