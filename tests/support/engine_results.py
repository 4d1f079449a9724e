"""Compare the results of an engine with the exports and analyses of one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd

from graphbuild.analysis import Incidence
from graphbuild.engines import build_incidence
from graphbuild.exporters import export_all
from graphbuild.exporters.dataframes import edges_frame, nodes_frame, observations_frame
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from graphbuild.engines import Engine
    from graphbuild.graph.builder import Graph
    from graphbuild.models import ClusterTable

FRAMES = {"nodes": nodes_frame, "edges": edges_frame, "observations": observations_frame}
OF_CLUSTERS = frozenset(
    ["cluster", "cluster_name", "cluster_color", "subcluster", "doubtful", "other_cluster"]
)


def graph_without_clusters(path: Path, *, timestamps: bool = True) -> Graph:
    with Store.read(path) as store:
        return build_graph(
            store.observations(direct=True),
            subjects=store.subjects(times=timestamps),
            links=store.links(),
            timestamps=timestamps,
        )


def export_campaigns(paths: Iterable[Path], folder: Path, *, timestamps: bool = True) -> None:
    """Export campaign files into one dataset, each under the name of its file."""
    for path in paths:
        graph = graph_without_clusters(path, timestamps=timestamps)
        export_all(graph, folder, ["dataset"], campaign=path.stem)


def check_tables(
    engine: Engine,
    graph: Graph,
    *,
    ignored: Iterable[str] = (),
    clusters: ClusterTable | None = None,
) -> None:
    """Check that the tables have the columns and the rows of the DataFrames of a graph."""
    for name, frame_of in FRAMES.items():
        expected = frame_of(graph)
        found = engine.table(name, clusters).read_all()
        assert found.column_names == list(expected.columns), name
        columns = [column for column in expected.columns if column not in ignored]
        rows = list(_rows(found.to_pandas(ignore_metadata=True), columns))
        assert sorted(rows, key=repr) == sorted(_rows(expected, columns), key=repr), name
        check_order(found)


def check_order(table: pa.Table) -> None:
    """Check that the rows are sorted by their node keys."""
    names = table.column_names
    if names[0] == "subject_type":
        keys = [
            (f"{row['subject_type']}:{row['subject_id']}", row["reference_id"])
            for row in table.to_pylist()
        ]
    else:
        keys = list(
            zip(*(table[name].to_pylist() for name in names[: 1 + (names[0] != "id")]), strict=True)
        )
    assert keys == sorted(keys)


def check_incidence(engine: Engine, expected: Incidence) -> None:
    """Check that the relations give an incidence with equal fields, and attributes of entities."""
    relations = engine.relations()
    found = build_incidence(relations)
    for found_entities, entities in zip(found.entities, expected.entities, strict=True):
        assert [_entity(each) for each in found_entities] == [_entity(each) for each in entities]
    for array in ("triples", "inferred"):
        assert np.array_equal(getattr(found, array), getattr(expected, array)), array
    sizes = engine.sizes()
    assert sizes.observations == len(expected.triples)
    parts = ("file_sources", "source_references", "file_references")
    others = ("exceptions", "source_triples", "inferred")
    assert sizes.pairs == sum(len(getattr(relations, name)) for name in (*parts, *others))


def count_differences(left: Path, right: Path, ignored: Iterable[str] = ()) -> tuple[int, int]:
    """Compare two tables in Parquet files or folders, whose rows can be in any order.

    Return the number of rows of ``right``, and the number of rows that only one of both has.
    """
    with duckdb.connect(config={"memory_limit": "6GB"}) as connection:
        tables = [connection.read_parquet(_pattern(path)) for path in (left, right)]
        assert tables[0].columns == tables[1].columns
        kept = ", ".join(name for name in tables[1].columns if name not in set(ignored))
        for name, table in zip(("a", "b"), tables, strict=True):
            table.project(kept).create_view(name)
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM b),"
            " (SELECT count(*) FROM (FROM a EXCEPT ALL FROM b))"
            " + (SELECT count(*) FROM (FROM b EXCEPT ALL FROM a))"
        ).fetchone()
    assert counts
    return counts[0], counts[1]


def _pattern(path: Path) -> str:
    return f"{path}/*.parquet" if path.is_dir() else str(path)


def incidence_of(graph: Graph) -> Incidence:
    """Return the incidence of the observations of a graph, one object for each observation."""
    return Incidence.from_observations(extract_observations(graph, direct=True))


def _entity(entity: Any) -> tuple[str, str, dict[str, object]]:
    return entity.key, entity.label, dict(entity.attributes)


def _rows(frame: pd.DataFrame, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    cells = ([_comparable(cell) for cell in frame[name].astype(object)] for name in columns)
    return zip(*cells, strict=True)


def _comparable(cell: Any) -> Any:
    if isinstance(cell, list | np.ndarray):
        return tuple(cell)
    if cell is None or pd.isna(cell):
        return None
    return cell.isoformat() if isinstance(cell, pd.Timestamp) else cell
