"""Write the tables of engines as Parquet files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from graphbuild._util import require
from graphbuild.engines.tables import OUTPUT_TABLES
from graphbuild.exporters.atomic_write import make_folder, open_atomic
from graphbuild.exporters.results import ExportedFile, ExportWarnings

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from graphbuild.engines.engine import Engine
    from graphbuild.models import ClusterTable


def write_tables(
    engine: Engine, folder: Path, clusters: ClusterTable | None = None
) -> list[ExportedFile]:
    """Write ``nodes.parquet``, ``edges.parquet`` and ``observations.parquet`` into ``folder``.

    Each file is replaced atomically. Only some of the rows are in memory at a time. ``clusters``
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
