"""Compute tables and evidence pairs from a dataset with a query engine.

A dataset is the folder that ``graphbuild export --to dataset`` writes. An engine creates no Python
object per observation, and can read datasets that are larger than the memory::

    from pathlib import Path
    from graphbuild.engines import build_incidence
    from graphbuild.engines.duckdb import DuckDBEngine

    with DuckDBEngine(Path("lake")) as engine:
        nodes = engine.table("nodes").read_all()  # a pyarrow.Table
        incidence = build_incidence(engine.relations())

Pass the incidence to functions such as ``analysis.find_clusters`` and ``analysis.find_overlaps``.
"""

from graphbuild.engines.dataset_files import DatasetFiles
from graphbuild.engines.engine import Engine, PendingList, Sizes
from graphbuild.engines.relations import Relations, build_incidence
from graphbuild.engines.tables import OUTPUT_TABLES
from graphbuild.engines.writer import write_tables

__all__ = [
    "OUTPUT_TABLES",
    "DatasetFiles",
    "Engine",
    "PendingList",
    "Relations",
    "Sizes",
    "build_incidence",
    "write_tables",
]
