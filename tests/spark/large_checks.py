"""Check that the Spark engine computes the tables of a large export.

The environment variable ``EXPORT`` names the folder of ``graphbuild export --to dataset,parquet``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graphbuild.engines import OUTPUT_TABLES, build_incidence
from graphbuild.engines.duckdb import DuckDBEngine
from graphbuild.engines.spark import SparkEngine
from tests.support.engine_results import count_differences

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER = Path(os.environ["EXPORT"]).absolute()


@pytest.mark.parametrize("name", OUTPUT_TABLES)
def test_a_table_equals_the_exported_one(name: str, session: SparkSession, tmp_path: Path) -> None:
    with SparkEngine(session, FOLDER) as engine:
        engine.dataframe(name).write.parquet(str(tmp_path / name))
    rows, different = count_differences(tmp_path / name, FOLDER / f"{name}.parquet")
    assert rows > 0
    assert different == 0


def test_the_observations_equal_those_that_duckdb_reads(session: SparkSession) -> None:
    with SparkEngine(session, FOLDER) as engine:
        found = build_incidence(engine.relations())
    with DuckDBEngine(FOLDER) as engine:
        expected = build_incidence(engine.relations())
    assert found.entities == expected.entities
    assert np.array_equal(found.triples, expected.triples)
    assert np.array_equal(found.inferred, expected.inferred)
