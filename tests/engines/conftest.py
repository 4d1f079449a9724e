"""Both engines: DuckDB, and Spark through Sail.

Sail is an engine that speaks the protocol of Spark Connect without Java, and starts in a second.
`make spark` tests with Spark itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest

from graphbuild.engines.duckdb import DuckDBEngine
from graphbuild.engines.spark import SparkEngine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from graphbuild.engines import Engine


class OpenEngine(Protocol):
    def __call__(self, folder: Path, campaigns: Sequence[str] = ()) -> Engine: ...


@pytest.fixture(scope="session")
def session() -> Iterator[SparkSession]:
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer  # noqa: PLC0415  reads the environment
    from pyspark.sql import SparkSession  # noqa: PLC0415  slow

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
    yield session
    session.stop()
    server.stop()


@pytest.fixture(params=["duckdb", "spark"])
def open_engine(request: pytest.FixtureRequest) -> OpenEngine:
    if request.param == "duckdb":
        return DuckDBEngine
    session: SparkSession = request.getfixturevalue("session")
    return lambda folder, campaigns=(): SparkEngine(session, folder, campaigns)
