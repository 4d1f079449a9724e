"""Open a session of Apache Spark, and describe its errors."""

from __future__ import annotations

import re
import socket
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from graphbuild._util import require
from graphbuild.errors import DatasetError, MissingLibraryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

_TIMEOUT = 10.0  # seconds to connect to a server
_DEFAULT_PORT = 15_002  # of Spark Connect
# Parameters, such as a token, can follow the address.
_REMOTE = re.compile(r"sc://(?P<host>[^/:;@\s]+)(:(?P<port>[0-9]{1,5}))?(/.*)?", re.ASCII)


@contextmanager
def open_session(*, master: str | None = None, remote: str | None = None) -> Iterator[SparkSession]:
    """Open a session, and stop it at the end of the ``with`` block.

    Args:
        master: The URL of a cluster, such as ``spark://host:7077`` or ``local[2]``. It needs the
            package ``pyspark`` and Java.
        remote: The URL of a server of Spark Connect, such as ``sc://host:15002``.

    Raises:
        MissingLibraryError: The package is not installed.
        DatasetError: The URL is invalid, or the cluster or server cannot be reached.
    """
    address = _check_server(remote) if remote else _check_full_package(master or "")
    sql = require("pyspark.sql", extra="spark")
    with warnings.catch_warnings():
        # The engine exchanges Arrow tables with PySpark, which warns of versions of pandas.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support", FutureWarning)
        try:
            builder = sql.SparkSession.builder
            if remote:
                session: SparkSession = builder.remote(remote).create()
            else:
                builder = builder.master(master).appName("graphbuild")
                session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
                session.sparkContext.setLogLevel("ERROR")
        except spark_errors() as error:
            raise DatasetError(
                f"{address}: Spark cannot start a session: {find_cause(error)}"
            ) from None
        try:
            yield session
        finally:
            session.stop()


def spark_errors() -> tuple[type[Exception], ...]:
    """Return the types of the exceptions that PySpark raises."""
    from pyspark.errors import PySparkException  # noqa: PLC0415  part of an extra

    try:
        from py4j.protocol import Py4JError  # noqa: PLC0415  part of an extra
    except ImportError:  # it is not part of the client of Spark Connect
        return (PySparkException,)
    return PySparkException, Py4JError


def find_cause(error: Exception) -> str:
    """Return the line of the message that describes the cause."""
    first, *others = str(error).splitlines() or [type(error).__name__]
    # py4j first names the Java object that was called.
    is_call = first.startswith("An error occurred while calling") and others
    return others[0].removeprefix(": ") if is_call else first


def _check_full_package(master: str) -> str:
    """Return ``master``; raise MissingLibraryError if only the client is installed."""
    if not find_spec("py4j"):
        raise MissingLibraryError(
            "--master needs the package pyspark; install it, but first uninstall pyspark-client,"
            " which must not be installed beside it"
        )
    return master


def _check_server(remote: str) -> str:
    """Return the address without parameters; raise DatasetError if no server listens there.

    The client would try to connect for minutes.
    """
    found = _REMOTE.fullmatch(remote)
    if not found:  # the message must not contain a token
        raise DatasetError("the URL of Spark Connect must look like sc://host:15002")
    host, port = found["host"], int(found["port"] or _DEFAULT_PORT)
    try:
        socket.create_connection((host, port), _TIMEOUT).close()
    except (OSError, OverflowError) as error:
        raise DatasetError(f"sc://{host}:{port}: cannot connect: {error}") from None
    return f"sc://{host}:{port}"
