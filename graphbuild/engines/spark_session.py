"""Open a session of Apache Spark."""

from __future__ import annotations

import socket
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from graphbuild._util import require
from graphbuild.errors import DatasetError, MissingLibraryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

_TIMEOUT = 10.0  # seconds to connect to a server
_DEFAULT_PORT = 15_002  # of Spark Connect


@contextmanager
def open_session(*, master: str | None = None, remote: str | None = None) -> Iterator[SparkSession]:
    """Open a session, and stop it at the end of the ``with`` block.

    Args:
        master: The URL of a cluster, such as ``spark://host:7077`` or ``local[2]``. It needs the
            package ``pyspark`` and Java.
        remote: The URL of a server of Spark Connect, such as ``sc://host:15002``.

    Raises:
        MissingLibraryError: The package is not installed.
        DatasetError: The cluster or server cannot be reached.
    """
    # PySpark warns of versions of pandas, but the engine only exchanges Arrow tables with it.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    sql, errors = require("pyspark.sql", extra="spark"), require("pyspark.errors", extra="spark")
    builder = sql.SparkSession.builder
    try:
        if remote:
            _check_server(remote)
            session: SparkSession = builder.remote(remote).create()
        else:
            _check_full_package()
            builder = builder.master(master).appName("graphbuild")
            session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
            session.sparkContext.setLogLevel("ERROR")
    except errors.PySparkException as error:
        line = str(error).partition("\n")[0]
        raise DatasetError(f"{remote or master}: Spark cannot start a session: {line}") from None
    try:
        yield session
    finally:
        session.stop()


def _check_full_package() -> None:
    if not find_spec("py4j"):
        raise MissingLibraryError(
            "--master needs the package pyspark instead of pyspark-client; uninstall"
            " pyspark-client, then install pyspark, or use --remote"
        )


def _check_server(remote: str) -> None:
    """Try to connect, because the client would repeat a failed request for minutes."""
    url = urlsplit(remote)
    try:
        address = url.hostname, url.port or _DEFAULT_PORT
        socket.create_connection(address, _TIMEOUT).close()
    except (OSError, ValueError) as error:
        raise DatasetError(f"{remote.partition(';')[0]}: cannot connect: {error}") from None
