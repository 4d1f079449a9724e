"""Write a dataset: a folder of Parquet files with the tables of one or more campaigns.

The layout is that of Hive partitions, which DuckDB, Polars, pandas and Spark read::

    _graphbuild.json                                                  the manifest
    {observations,entities,subjects,links}/campaign=NAME/bucket=00..3f/part-0.parquet

All rows of a node are in the bucket of its key. Only one group of rows is in memory at a time. The
manifest lists the columns of each table, and the files of each campaign with their checksums.
"""

from __future__ import annotations

import hashlib
import json
import os
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from graphbuild.errors import ExportError
from graphbuild.exporters.columns import CATEGORY
from graphbuild.exporters.dataset_commit import MANIFEST, staging_folder, write_manifest
from graphbuild.exporters.dataset_tables import dataset_columns, dataset_tables
from graphbuild.exporters.parquet import ARROW_TYPES, write_rows
from graphbuild.exporters.results import ExportedFile, ExportWarnings
from graphbuild.exporters.sanitize import replace_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from graphbuild.exporters.columns import Column
    from graphbuild.exporters.dataset_tables import Table
    from graphbuild.exporters.rows import Row
    from graphbuild.graph.builder import Graph

# Increase this number if the number of buckets changes, or if a column is removed, renamed or gets
# another meaning. ``read_campaigns`` must then accept both the old number and the new one, because
# docs/stability.md promises that all versions 1.x of graphbuild read these datasets.
VERSION = 1
BUCKETS = 64
_FORMAT = "graphbuild dataset"
_MAX_FOLDER_NAME = 255  # bytes, on most file systems
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"  # programs read this partition value as null
# Categories are plain strings, because some programs cannot unite the categories of several files.
_TYPES = {**ARROW_TYPES, CATEGORY: pa.string()}


def write_dataset(
    graph: Graph, folder: Path, *, campaign: str, name_suffix: str = ""
) -> ExportedFile:
    """Write ``graph`` as a campaign of the dataset ``folder``; return the written manifest.

    An earlier export of the same campaign is replaced, and other campaigns are kept.

    Args:
        graph: A graph without nodes and edges that graphbuild computed, such as groups.
        folder: An existing folder.
        campaign: Name of the campaign.
        name_suffix: Text added to the name of the campaign, such as the name of a view.

    Raises:
        ExportError: The campaign name is invalid (empty, reserved or too long), the folder contains
            a manifest that this version cannot read, or a file cannot be written.
    """
    name = f"{campaign}-{name_suffix}" if name_suffix else campaign
    partition = _partition_name(name)
    warnings = ExportWarnings()
    keys = _keys_by_bucket(graph)
    with staging_folder(folder) as staging:
        campaigns = read_campaigns(folder / MANIFEST)
        campaigns[replace_surrogates(name)] = {
            table: _write_table(content, staging, f"{table}/{partition}", keys, warnings)
            for table, content in dataset_tables(graph, warnings).items()
        }
        manifest = _manifest(campaigns)
        write_manifest(staging, manifest)
    digest = hashlib.sha256(manifest).hexdigest()
    return ExportedFile(folder / MANIFEST, len(manifest), digest, warnings)


def bucket_of(key: str) -> int:
    """Return the bucket of a node key: the first byte of its SHA-256, modulo ``BUCKETS``."""
    return hashlib.sha256(replace_surrogates(str(key)).encode()).digest()[0] % BUCKETS


def _partition_name(campaign: str) -> str:
    """Return the folder name of a campaign, such as ``campaign=spring%202026``.

    The name is percent-encoded, so it contains no characters with a meaning in paths. Programs that
    read Hive partitions decode it.
    """
    name = f"campaign={quote(replace_surrogates(campaign), safe='')}"
    if not campaign or campaign == _HIVE_NULL:
        raise ExportError(f"{campaign!a}: is not a valid name of a campaign; choose another name")
    if len(name) > _MAX_FOLDER_NAME:
        raise ExportError(f"{campaign[:40]!a}…: is too long as a name; choose a shorter name")
    return name


# --- files ---------------------------------------------------------------------------------------


def _write_table(
    table: Table,
    staging: Path,
    partition: str,
    keys: list[list[str]],
    warnings: ExportWarnings,
) -> list[dict[str, Any]]:
    """Write the files of a table of one campaign, and return their manifest entries.

    ``keys`` contains the node keys of each bucket.
    """
    schema = dataset_schema(table.columns)
    files = []
    for bucket, rows in _rows_by_bucket(table, keys):
        path = f"{partition}/bucket={bucket:02x}/part-0.parquet"
        files.append({"path": path, **_write_file(staging / path, rows, schema, warnings)})
    return files


def _rows_by_bucket(table: Table, keys: list[list[str]]) -> Iterator[tuple[int, Iterator[Row]]]:
    """Yield the buckets that have rows.

    If the table is empty, yield one empty bucket, because programs refuse a table without files.
    """
    is_empty = True
    for bucket, nodes in enumerate(keys):
        rows = table.rows(nodes)
        first = next(rows, None)
        if first is not None:
            is_empty = False
            yield bucket, chain([first], rows)
    if is_empty:
        yield 0, iter(())


def _keys_by_bucket(graph: Iterable[str]) -> list[list[str]]:
    buckets: list[list[str]] = [[] for _ in range(BUCKETS)]
    for key in graph:
        buckets[bucket_of(key)].append(key)
    return buckets


def _write_file(
    path: Path, rows: Iterator[Row], schema: pa.Schema, warnings: ExportWarnings
) -> dict[str, Any]:
    """Write a file, and return its number of rows, its size and its checksum."""
    path.parent.mkdir(parents=True)
    with path.open("x+b") as stream:
        count = write_rows(rows, schema, stream, warnings)
        stream.flush()
        os.fsync(stream.fileno())
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"rows": count, "bytes": stream.tell(), "sha256": digest}


def dataset_schema(columns: Iterable[Column]) -> pa.Schema:
    """Return the schema of a file with these columns."""
    return pa.schema([(each.name, _TYPES[each.dtype]) for each in columns])


# --- the manifest --------------------------------------------------------------------------------


def _manifest(campaigns: dict[str, Any]) -> bytes:
    tables = {
        table: [{"name": each.name, "type": str(each.type)} for each in dataset_schema(columns)]
        for table, columns in dataset_columns().items()
    }
    content = {"format": _FORMAT, "version": VERSION, "buckets": BUCKETS, "tables": tables}
    ordered = {name: campaigns[name] for name in sorted(campaigns)}
    text = json.dumps({**content, "campaigns": ordered}, indent=1)
    return f"{text}\n".encode()


def read_campaigns(path: Path) -> dict[str, Any]:
    """Return the files of each campaign and table in the manifest ``path``; {} if it is missing.

    Raises:
        ExportError: The file is not the manifest of a dataset, or it is of another version.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        content = None
    is_known = isinstance(content, dict) and content.get("format") == _FORMAT
    if not is_known or not isinstance(content.get("campaigns"), dict):
        raise ExportError(f"{path}: is not the manifest of a dataset; choose another folder")
    if content.get("version") != VERSION:
        raise ExportError(
            f"{path}: belongs to a dataset of another version of graphbuild; choose another folder"
        )
    campaigns: dict[str, Any] = content["campaigns"]
    return campaigns
