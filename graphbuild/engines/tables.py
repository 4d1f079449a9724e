"""The tables that engines compute: their columns, and writing them as Parquet files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from graphbuild._util import require
from graphbuild.exporters.atomic_write import make_folder, open_atomic
from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    INT,
    NODE_COLUMNS,
    OBSERVATION_COLUMNS,
    TABLES,
    TEXT,
    Column,
    columns_for,
)
from graphbuild.exporters.results import ExportedFile, ExportWarnings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from graphbuild.engines.engine import Engine
    from graphbuild.models import ClusterTable

NODES, EDGES, OBSERVATIONS = "nodes", "edges", "observations"
OUTPUT_TABLES = (NODES, EDGES, OBSERVATIONS)


def table_columns(name: str, seed_columns: Iterable[str] = ()) -> list[Column]:
    """Return the columns of one of ``OUTPUT_TABLES``; nodes also have ``seed_columns``."""
    if name == NODES:
        seeds = [Column(each, TEXT, "From the seed list.", each) for each in seed_columns]
        return [*columns_for(NODE_COLUMNS, TABLES), *seeds]
    if name == EDGES:
        # The weight of an edge is a number of observations.
        return [
            replace(each, dtype=INT) if each.name == "weight" else each
            for each in columns_for(EDGE_COLUMNS, TABLES)
        ]
    return OBSERVATION_COLUMNS


def write_tables(
    engine: Engine, folder: Path, clusters: ClusterTable | None = None
) -> list[ExportedFile]:
    """Write ``nodes.parquet``, ``edges.parquet`` and ``observations.parquet`` into ``folder``.

    Each file is replaced atomically. Only a part of the rows is in memory at a time. ``clusters``
    is the argument of :meth:`Engine.table`.

    Raises:
        DatasetError: The dataset cannot be read.
        ExportError: A file cannot be written.
    """
    make_folder(folder)
    return [
        _write_table(engine.table(name, clusters), folder / f"{name}.parquet")
        for name in OUTPUT_TABLES
    ]


def _write_table(reader: pa.RecordBatchReader, path: Path) -> ExportedFile:
    parquet = require("pyarrow.parquet", extra="duckdb")
    with open_atomic(path) as stream:
        with parquet.ParquetWriter(stream, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
        size = stream.tell()
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return ExportedFile(path, size, digest, ExportWarnings())
