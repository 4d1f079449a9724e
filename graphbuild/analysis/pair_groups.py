"""Group pairs of nodes that differ only in nodes with identical evidence.

Files of one family often have the same collections. Five such files would fill ten rows of a table
that say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from graphbuild.analysis.incidence import group_identical_rows

if TYPE_CHECKING:
    from graphbuild.analysis.incidence import Incidence, Numbers
    from graphbuild.analysis.overlap import Overlaps
    from graphbuild.models import Entity

_ENDS = "source", "target"


@dataclass(frozen=True, slots=True, eq=False)
class PairGroups:
    """Groups of pairs that have the same numbers, because their nodes have the same evidence.

    Attributes:
        pairs: The first pair of each group, in the order of the pairs.
        counts: The number of pairs of each group.
        group_of_pair: The index of the group of each pair that was grouped.
    """

    pairs: Overlaps
    counts: Numbers
    group_of_pair: Numbers
    _kinds: Numbers  # the same number for nodes with the same evidence and references

    def __len__(self) -> int:
        return len(self.pairs)

    def nodes(self, group: int) -> tuple[tuple[Entity, ...], tuple[Entity, ...]]:
        """Return the nodes that the pairs of a group connect, each side sorted by key.

        If all pairs are pairs of nodes with the same evidence, both sides are the same.
        """
        source, target = (self._alike(int(self.pairs.columns[end][group])) for end in _ENDS)
        return source, target

    def _alike(self, node: int) -> tuple[Entity, ...]:
        alike = np.flatnonzero(self._kinds == self._kinds[node])
        return tuple(self.pairs.nodes[number] for number in alike.tolist())


def group_pairs(pairs: Overlaps, incidence: Incidence) -> PairGroups:
    """Group pairs whose nodes have the same evidence and the same references.

    ``incidence`` must be the data from which the pairs were computed. If one pair of a group is in
    ``pairs``, all of them must be, as in the result of :meth:`Overlaps.significant`.
    """
    if pairs.nodes == incidence.files:
        matrices = [incidence.file_evidence, incidence.file_references]
    else:
        matrices = [incidence.collection_references]
    kinds = group_identical_rows(sparse.hstack(matrices, format="csr"))
    low, high = np.sort([kinds[pairs.columns[end]] for end in _ENDS], axis=0)
    _, first, group, counts = np.unique(
        low * (kinds.max(initial=0) + 1) + high,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return PairGroups(pairs.select(first[order]), counts[order], rank[group], kinds)
