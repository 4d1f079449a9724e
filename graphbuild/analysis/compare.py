"""Compare two campaigns, or two snapshots of one campaign, and their clusters.

The module :mod:`diff` defines which entities and observations are added, removed or unknown. The
module :mod:`cluster_evolution` matches the clusters.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from graphbuild.analysis.cluster_evolution import ClusterMatching
from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.diff import Changes, SnapshotPair
from graphbuild.analysis.incidence import COLLECTIONS, REFERENCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from graphbuild.analysis.cluster_evolution import ClusterChange, MovedFile
    from graphbuild.analysis.cluster_models import Clustering
    from graphbuild.analysis.diff import Snapshot, Triple
    from graphbuild.models import Entity


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The differences between two snapshots.

    Attributes:
        files: Changes of the ``fetched_subjects`` of the two snapshots. A subject is added if only
            the later snapshot has it, and removed if only the earlier snapshot has it. The groups
            ``unknown_before`` and ``unknown_after`` are empty.
        cluster_changes: Changes of the clusters, sorted by kind in the order of ``CHANGE_KINDS``.
        moved_files: Files whose clusters in the two snapshots do not match, sorted by key. A file
            is omitted if it is the only file of both clusters.
        before: The clusters of the earlier snapshot.
        after: The clusters of the later snapshot.
        incomplete_before: Subjects that are not ``complete`` in the earlier snapshot, each with its
            state.
        incomplete_after: Subjects that are not ``complete`` in the later snapshot, each with its
            state.
        inferred_before: Observations in ``observations.unknown_before`` whose reference the earlier
            snapshot inferred for the subject. Collections of inferred references may be missing.
        inferred_after: Observations in ``observations.unknown_after`` whose reference the later
            snapshot inferred for the subject.
    """

    files: Changes[Entity]
    references: Changes[Entity]
    collections: Changes[Entity]
    observations: Changes[Triple]
    cluster_changes: tuple[ClusterChange, ...]
    moved_files: tuple[MovedFile, ...]
    before: Clustering
    after: Clustering
    incomplete_before: tuple[tuple[Entity, str], ...]
    incomplete_after: tuple[tuple[Entity, str], ...]
    inferred_before: tuple[Triple, ...]
    inferred_after: tuple[Triple, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per subject, reference and collection.

        Columns: ``kind`` (``file`` for all subjects, ``reference`` or ``collection``), ``key``
        (node key), ``label``, ``change`` (the name of a field of :class:`Changes`, such as
        ``added``).
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        kinds = {"file": self.files, "reference": self.references, "collection": self.collections}
        rows = [
            (kind, entity.key, entity.label, change.name)
            for kind, changes in kinds.items()
            for change in fields(changes)
            for entity in getattr(changes, change.name)
        ]
        frame = pd.DataFrame(rows, columns=["kind", "key", "label", "change"])
        return frame.astype({"kind": "category", "change": "category"})

    def cluster_changes_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per cluster change.

        Columns: ``change`` (the kind), ``before`` and ``after`` (cluster numbers, separated by
        spaces), ``similarity`` (0 to 1), ``added`` and ``removed`` (numbers of files), ``causes``
        (node keys, separated by spaces).
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (
                change.kind,
                " ".join(map(str, change.before)),
                " ".join(map(str, change.after)),
                change.similarity,
                len(change.added),
                len(change.removed),
                " ".join(cause.entity.key for cause in change.causes),
            )
            for change in self.cluster_changes
        ]
        columns = ["change", "before", "after", "similarity", "added", "removed", "causes"]
        return pd.DataFrame(rows, columns=columns).astype({"change": "category"})


def compare(old: Snapshot, new: Snapshot, *, seed: int = 0) -> Comparison:
    """Compare an earlier snapshot and a later one, and their clusters.

    If the two snapshots are exchanged, ``added`` and ``removed`` are exchanged in the result, and
    so are ``merged`` and ``split``. ``seed`` is an argument of :func:`find_clusters`.
    """
    pair = SnapshotPair(old, new)
    before, after = (find_clusters(each.incidence, seed=seed) for each in (old, new))
    matching = ClusterMatching(pair, (before, after))
    return Comparison(
        _file_changes(old.fetched_subjects, new.fetched_subjects),
        pair.entity_changes(REFERENCES),
        pair.entity_changes(COLLECTIONS),
        pair.observation_changes(),
        matching.changes(),
        matching.moved_files(),
        before,
        after,
        old.incomplete_subjects,
        new.incomplete_subjects,
        *pair.inferred_observations(),
    )


def _file_changes(old: Sequence[Entity], new: Sequence[Entity]) -> Changes[Entity]:
    before, after = set(old), set(new)
    return Changes(
        tuple(file for file in new if file not in before),
        tuple(file for file in old if file not in after),
        tuple(file for file in new if file in before),
    )
