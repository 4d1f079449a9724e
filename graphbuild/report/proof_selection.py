"""Select the observations that prove claims about a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphbuild.analysis.incidence import FILES
from graphbuild.report.proofs import Proof, find_rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from graphbuild.analysis import Cluster
    from graphbuild.analysis.incidence import Numbers
    from graphbuild.models import Entity
    from graphbuild.report.data import ReportData

    FindProof = Callable[[], Sequence[Proof]]


def prove(data: ReportData, find_rows: Callable[[], Numbers]) -> FindProof:
    """Return a function that returns a proof of the observations ``find_rows()``."""
    return lambda: (Proof(data.incidence, find_rows()),)


def prove_with(data: ReportData, entities: Sequence[Entity]) -> FindProof:
    """Return a function that returns the observations of these collections and references."""
    return prove(data, lambda: find_rows_of(data.incidence, entities))


def find_all_rows(data: ReportData) -> Numbers:
    """Return the indices of all observations."""
    return np.arange(len(data.incidence.triples))


def find_rows_of_clusters(data: ReportData, clusters: Iterable[Cluster]) -> Numbers:
    """Return the indices of the observations of all files of these clusters."""
    numbers = [each.number for each in clusters]
    return np.flatnonzero(np.isin(_clusters_of_rows(data), numbers))


def find_shared_rows(data: ReportData, clusters: Iterable[Cluster]) -> Numbers:
    """Return the indices of the observations that connect the files of each of these clusters.

    These are the observations of the sources that at least two files of the cluster have.
    """
    numbers = [each.number for each in clusters]
    of_node = data.sources.of_node.tocoo()
    count = of_node.shape[1]
    held, files = np.unique(
        data.clustering.labels[of_node.row] * count + of_node.col, return_counts=True
    )
    cluster = _clusters_of_rows(data)
    is_shared = np.isin(cluster * count + data.sources.of_triple, held[files > 1])
    return np.flatnonzero(is_shared & np.isin(cluster, numbers))


def _clusters_of_rows(data: ReportData) -> Numbers:
    """Return the number of the cluster of each observation."""
    clusters: Numbers = data.clustering.labels[data.incidence.triples[:, FILES]]
    return clusters
