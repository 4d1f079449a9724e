"""Clusters of files, as :func:`graphbuild.analysis.find_clusters` returns them."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphbuild.models import ClusterTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from graphbuild.analysis.distinctiveness import DistinctiveEntity
    from graphbuild.analysis.evidence_sources import Strength
    from graphbuild.analysis.incidence import Numbers
    from graphbuild.models import Entity


@dataclass(frozen=True, slots=True)
class Subcluster:
    """A group of files in a cluster.

    Attributes:
        label: A short name, such as ``3b``; the number of the cluster if it is not split.
        files: The files, sorted by key.
        top_collections: Up to five collections that distinguish the subcluster from the other files
            of the cluster, in the order of ``Cluster.top_collections``.
        top_references: Up to five such references.
    """

    label: str
    files: tuple[Entity, ...]
    top_collections: tuple[DistinctiveEntity, ...] = ()
    top_references: tuple[DistinctiveEntity, ...] = ()


class DoubtfulFile(NamedTuple):
    """A file between two clusters.

    Attributes:
        file: The file.
        other: The number of the other cluster to which it is nearly as similar as to its own.
    """

    file: Entity
    other: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster of files.

    Attributes:
        number: The rank of the cluster by size; 1 is the largest cluster.
        name: A name that no other cluster has; see ``graphbuild.analysis.cluster_names``.
        files: The files, sorted by key.
        top_collections: Up to five collections that distinguish the cluster from all other files,
            by descending log-likelihood ratio; see :class:`DistinctiveEntity`.
        top_references: Up to five such references, in the same order.
        stability: The Jaccard index of this cluster and the most similar cluster of a run with a
            tenth of the evidence left out, averaged over all runs (Hennig 2007, Comput. Stat. Data
            Anal. 52).
        subclusters: The groups of files in the cluster, the largest first; the whole cluster if the
            evidence for each split could be chance.
        doubtful: The files that are nearly as similar to another cluster, sorted by key.
    """

    number: int
    name: str
    files: tuple[Entity, ...]
    top_collections: tuple[DistinctiveEntity, ...]
    top_references: tuple[DistinctiveEntity, ...]
    stability: float
    subclusters: tuple[Subcluster, ...] = ()
    doubtful: tuple[DoubtfulFile, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """The clusters of a campaign. Iteration yields each :class:`Cluster`.

    Attributes:
        clusters: The clusters, the largest first. A file without shared evidence is a cluster of
            one file.
        labels: The cluster number of each file, from 1, in the order of ``Incidence.files``.
        min_similarity: The minimum mean similarity of the files of two clusters that are merged.
        modularity: The modularity of the clusters in the graph of similar files: the share of all
            similarity that lies inside clusters, minus the share that would lie there by chance
            (Newman and Girvan 2004, Phys. Rev. E 69, 026113).
        strengths: The strength of each cluster by number; empty if a campaign file does not store
            it. Then, :func:`graphbuild.analysis.measure_clusters` measures it.
    """

    clusters: tuple[Cluster, ...]
    labels: Numbers
    min_similarity: float
    modularity: float
    strengths: Mapping[int, Strength] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.clusters)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.clusters)

    @property
    def mean_stability(self) -> float:
        """Return the mean stability over all files; 1 if there are no files."""
        sizes = [len(cluster.files) for cluster in self.clusters]
        stability = [cluster.stability for cluster in self.clusters]
        return float(np.average(stability, weights=sizes)) if sizes else 1.0

    def to_table(self) -> ClusterTable:
        """Return all results but the distinctive collections and references."""
        return ClusterTable(
            {file.key: each.number for each in self.clusters for file in each.files},
            tuple(each.name for each in self.clusters),
            tuple(each.stability for each in self.clusters),
            self.min_similarity,
            self.modularity,
            {
                file.key: number
                for each in self.clusters
                if len(each.subclusters) > 1
                for number, part in enumerate(each.subclusters, start=1)
                for file in part.files
            },
            {file.key: other for each in self.clusters for file, other in each.doubtful},
            tuple(astuple(self.strengths[number]) for number in sorted(self.strengths)),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per file.

        Columns: ``file`` (node key), ``cluster`` (number), ``cluster_name``, ``stability``,
        ``subcluster`` (label), ``doubtful`` (whether the file is nearly as similar to another
        cluster), ``other_cluster`` (number of that cluster), and of the cluster ``sources`` and
        ``breaking_point``, which are missing if they were not measured.
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        columns = ["file", *("cluster", "cluster_name", "stability", "subcluster", "doubtful")]
        columns += ["other_cluster", "sources", "breaking_point"]
        frame = pd.DataFrame(self._rows(), columns=columns)
        integers = dict.fromkeys(("other_cluster", "sources", "breaking_point"), "Int64")
        types = {"cluster_name": "category", "subcluster": "str", "doubtful": "bool", **integers}
        return frame.astype(types)

    def _rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the rows of :meth:`to_frame`."""
        for each in self.clusters:
            others = dict(each.doubtful)
            strength = self.strengths.get(each.number)
            numbers = (strength.sources, strength.breaking_point) if strength else (None, None)
            of_cluster = each.number, each.name, each.stability
            label_of = {file: part.label for part in each.subclusters for file in part.files}
            for file in each.files:
                doubt = file in others, others.get(file)
                yield file.key, *of_cluster, label_of.get(file, str(each.number)), *doubt, *numbers
