"""Both engines: DuckDB, and Spark with Sail as its server. `make spark` tests with Spark itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from graphbuild.engines.duckdb import DuckDBEngine
from graphbuild.engines.spark import SparkEngine
from graphbuild.engines.spark_session import open_session
from tests.support.sail import start_sail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from graphbuild.engines import Engine


class OpenEngine(Protocol):
    def __call__(self, folder: Path, campaigns: Sequence[str] = ()) -> Engine: ...


@pytest.fixture(scope="session")
def session() -> Iterator[SparkSession]:
    with start_sail() as url, open_session(remote=url) as session:
        yield session


@pytest.fixture(params=["duckdb", "spark"])
def open_engine(request: pytest.FixtureRequest) -> OpenEngine:
    if request.param == "duckdb":
        return DuckDBEngine
    session: SparkSession = request.getfixturevalue("session")
    return lambda folder, campaigns=(): SparkEngine(session, folder, campaigns)
