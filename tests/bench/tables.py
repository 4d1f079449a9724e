"""Compare writing tables and JSON of large graphs with pandas, and with networkx and json.

The DataFrames for pandas are prepared before; graphbuild writes from the graph. Run as a script,
this file measures one writer in its own process.
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

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import networkx as nx
import pandas as pd
import pyarrow as pa

from graphbuild.exporters import csv as csv_format
from graphbuild.exporters import dataframes, export_all
from graphbuild.exporters import json as json_format
from graphbuild.exporters import parquet as parquet_format
from graphbuild.graph.builder import build_graph
from tests.bench.graphs import observations
from tests.bench.rows import Row, paired
from tests.bench.usage import Used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Graph = nx.DiGraph[str]
    Write = Callable[[], None]
    Side = Callable[[Graph, Path], tuple[Write, Callable[[], Iterable[str]]]]

_EDGES = 100_000
_MANY_EDGES = 1_000_000
_CSV_GOAL = 0.3
_JSON_GOAL = 0.25
# Parquet is built from rows; it must not take longer than CSV with pandas.
_PARQUET_GOAL = 1.0
_MEMORY_GOAL = 20.0
_DATASET_MEMORY_GOAL = 16.0
_MIB = 1 << 20
_TABLES = ("nodes", "edges", "observations")
_PANDAS = "pandas to_csv, frames ready"


def csv(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Compare writing nodes, edges and observations as CSV with pandas."""
    cpu = _cpu(("csv", "pandas"), edges, pairs)
    case = f"CSV, {edges:,} edges"
    return [paired(f"{case}: CPU", *cpu, _PANDAS, _CSV_GOAL), _memory(case, "csv", edges, None)]


def parquet(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Compare writing the same tables as Parquet with pandas writing them as CSV."""
    cpu = _cpu(("parquet", "pandas-typed"), edges, pairs)
    case = f"Parquet, {edges:,} edges"
    return [
        paired(f"{case}: CPU", *cpu, _PANDAS, _PARQUET_GOAL),
        _memory(case, "parquet", edges, None),
    ]


def dataset(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Compare writing a dataset with writing the same graph as Parquet tables."""
    cpu = _cpu(("dataset", "parquet-observations"), edges, pairs)
    case = f"dataset, {edges:,} edges"
    peaks = [_run(side, edges, "traced")["peak"] / _MIB for side in ("dataset", "parquet")]
    more = peaks[0] - peaks[1]
    ours, other = (f"{peak:.0f} MiB" for peak in peaks)
    title = f"{case}: memory beyond that of Parquet"
    return [
        paired(f"{case}: CPU", *cpu, "Parquet tables", None),
        Row(title, ours, other, more, _DATASET_MEMORY_GOAL, shown="{:.0f} MiB"),
    ]


def json_(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Compare node-link data with ``json.dump``, and with ``json.dumps``, which needs memory."""
    ours, dump, dumps = _cpu(("json", "dump", "dumps"), edges, pairs)
    case = f"node-link JSON, {edges:,} edges"
    return [
        paired(f"{case}: CPU", ours, dump, "json.dump(nx.node_link_data)", _JSON_GOAL),
        paired(f"{case}: CPU", ours, dumps, "json.dumps(nx.node_link_data)", None),
        _memory(case, "json", edges, _MEMORY_GOAL),
    ]


many_csv = partial(csv, edges=_MANY_EDGES)
many_parquet = partial(parquet, edges=_MANY_EDGES)
many_dataset = partial(dataset, edges=_MANY_EDGES)
many_json = partial(json_, edges=_MANY_EDGES)


def _cpu(names: Sequence[str], edges: int, pairs: int) -> list[list[float]]:
    """Run the sides in turn and return their CPU seconds; their output must be equal."""
    turns = [[_run(name, edges) for name in names] for _ in range(pairs)]
    for turn in turns:
        assert len({side["found"] for side in turn}) == 1, "the sides do not write the same"
    return [[side["cpu"] for side in sides] for sides in zip(*turns, strict=True)]


def _memory(case: str, side: str, edges: int, goal: float | None) -> Row:
    # Allocations are traced, because free memory hides the growth of the process.
    peak = _run(side, edges, "traced")["peak"] / _MIB
    return Row(
        f"{case}: memory to write it", f"{peak:.0f} MiB", "-", peak, goal, shown="{:.0f} MiB"
    )


def _run(side: str, edges: int, *options: str) -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, __file__, side, str(edges), *options],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(process.stdout)
    return found


# --- sides: a function to measure, and one that reads the written content ------------------------


def _csv(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
    def write() -> None:
        for name in _TABLES:
            with (folder / name).open("wb") as stream:
                _CSV[name](graph, stream)

    return write, lambda: _cells(folder)


def _pandas(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
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


def _parquet(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
    def write() -> None:
        for name in _TABLES:
            with (folder / name).open("wb") as stream:
                _PARQUET[name](graph, stream)

    def read() -> Iterable[str]:
        for name in _TABLES:
            frame = pd.read_parquet(folder / name, dtype_backend="numpy_nullable")
            yield from _texts(_flat(frame).astype("string").fillna(""))

    return write, read


def _parquet_observations(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
    """Write all tables, and read the observations as rows of node keys, sorted."""

    def read() -> Iterable[str]:
        frame = pd.read_parquet(folder / "observations", dtype_backend="numpy_nullable")
        names = ("subject", "reference", "related_from")
        keys = [frame[f"{n}_type"].astype("string") + ":" + frame[f"{n}_id"] for n in names]
        yield from sorted("\0".join(row) for row in zip(*keys, strict=True))

    return _parquet(graph, folder)[0], read


def _dataset(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
    def write() -> None:
        export_all(graph, folder, ["dataset"])

    def read() -> Iterable[str]:
        frame = pd.read_parquet(folder / "observations", dtype_backend="numpy_nullable")
        keys = [frame[name] for name in ("subject", "reference", "related_from")]
        yield from sorted("\0".join(row) for row in zip(*keys, strict=True))

    return write, read


def _typed(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
    frames = {name: _flat(make(graph)) for name, make in _FRAMES.items()}

    def write() -> None:
        for name, frame in frames.items():
            frame.to_csv(folder / name, index=False)

    def read() -> Iterable[str]:
        for name in _TABLES:
            yield from _texts(pd.read_csv(folder / name, dtype=str, keep_default_na=False))

    return write, read


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with lists as texts, as in CSV."""
    if "related_from" not in frame:
        return frame
    lists = frame["related_from"]
    return frame.assign(related_from=[None if keys is None else " ".join(keys) for keys in lists])


def _texts(frame: pd.DataFrame) -> Iterable[str]:
    for column in frame:
        yield str(column)
        yield from frame[column]


def _json(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
    def write() -> None:
        with (folder / "json").open("wb") as stream:
            json_format.write_node_link(graph, stream)

    return write, lambda: _objects(folder)


def _dump(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
    def write() -> None:
        with (folder / "json").open("w", encoding="utf-8") as stream:
            json.dump(nx.node_link_data(graph, edges="edges"), stream)

    return write, lambda: _objects(folder)


def _dumps(graph: Graph, folder: Path) -> tuple[Write, Callable[[], Iterable[str]]]:
    def write() -> None:
        text = json.dumps(nx.node_link_data(graph, edges="edges"))
        (folder / "json").write_text(text, encoding="utf-8")

    return write, lambda: _objects(folder)


def _objects(folder: Path) -> Iterable[str]:
    document = json.loads((folder / "json").read_bytes())
    for each in (*document.pop("nodes"), *document.pop("edges"), document):
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
    "parquet-observations": _parquet_observations,
    "dataset": _dataset,
    "pandas-typed": _typed,
    "json": _json,
    "dump": _dump,
    "dumps": _dumps,
}


def _main() -> None:
    side, edges = sys.argv[1], int(sys.argv[2])
    graph = build_graph(observations(edges))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        write, read = SIDES[side](graph, Path(folder))
        if "traced" in sys.argv:
            tracemalloc.start()
            write()
            peak = tracemalloc.get_traced_memory()[1] + pa.default_memory_pool().max_memory()
            json.dump({"peak": peak}, sys.stdout)
            return
        used = Used()
        write()
        used_resources = used.so_far()
        digest = hashlib.sha256()
        for text in read():
            digest.update(f"{text}\n".encode())
    json.dump({**used_resources, "found": digest.hexdigest()}, sys.stdout)


if __name__ == "__main__":
    _main()
