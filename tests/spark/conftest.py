"""A cluster, and a session for each way to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.spark.cluster import start_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from tests.spark.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with start_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


# The order matters: PySpark starts no classic session after a session of Spark Connect.
@pytest.fixture(scope="session", params=["--master", "--remote"])
def option(request: pytest.FixtureRequest) -> str:
    """The option of ``graphbuild dataset`` that selects a way to use the cluster."""
    return str(request.param)


@pytest.fixture(scope="session")
def url(option: str, cluster: Cluster) -> str:
    """The value of the option."""
    return cluster.master_url if option == "--master" else cluster.connect_url


@pytest.fixture(scope="session")
def session(option: str, url: str, cluster: Cluster) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession  # noqa: PLC0415  not installed when `make test` runs

    with pytest.MonkeyPatch.context() as patch:
        for name, text in cluster.variables.items():
            patch.setenv(name, text)
        builder = SparkSession.builder
        created = (
            builder.master(url) if option == "--master" else builder.remote(url)
        ).getOrCreate()
        yield created
        created.stop()
