"""Start Sail, a light engine that clients of Spark Connect can use; it needs no Java."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def start_sail() -> Iterator[str]:
    """Start a server of Spark Connect in this process, and yield its URL."""
    os.environ.setdefault("RUST_LOG", "error")
    with TemporaryDirectory() as tables, pytest.MonkeyPatch.context() as patch:
        _import_client()
        from pysail.spark import SparkConnectServer  # noqa: PLC0415  reads the environment
        from pyspark.sql.connect.dataframe import DataFrame  # noqa: PLC0415  slow

        def persist(frame: DataFrame) -> DataFrame:
            path = f"{tables}/{uuid4()}"
            frame.write.parquet(path)
            return frame.sparkSession.read.schema(frame.schema).parquet(path)

        # Sail ignores persist(), and would compute each table again for each query.
        patch.setattr(DataFrame, "persist", persist)
        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        _, port = server.listening_address
        try:
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.stop()


def _import_client() -> None:
    """Import the client of Spark Connect.

    The import ends a process whose main module has no file, such as a worker of pytest-xdist.
    """
    main = sys.modules["__main__"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "__file__", __file__, raising=False)
        importlib.import_module("pyspark.sql.connect.session")
