"""Choose the files whose unread pages can change the clusters most, for ``crawl --decide``.

A collection *holds* a file in its cluster if most of the other files in the collection are in this
cluster, too. A collection with nearly all files of the campaign holds none of them. So the hold is
the share of the collection's files that are other files of the cluster, times the share of all
files that are not in the collection. The hold of a file is the greatest hold of its collections.
Direct references count like collections; see :attr:`Incidence.file_evidence`.

A file with a small hold is only in collections that also contain files of other clusters, or that
contain most files. A collection on an unread page can move such a file to another cluster.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from graphbuild.analysis.clusters import partition_files
from graphbuild.analysis.incidence import as_incidence

if TYPE_CHECKING:
    from collections.abc import Collection

    from graphbuild.analysis.incidence import Incidence, Numbers, Reals
    from graphbuild.models import Entity

# The share of the files that a call returns. The pages of these files are read before the clusters
# are computed again. With 1, a page of each file would be read in turn, which takes more calls.
# Measured with made-up worlds of ``make bench CASES=quick``: 1/8 is better than 1/4, 1/2 and 1.
_SHARE = 1 / 8


def choose_open_files(data: object, files: Collection[Entity]) -> list[Entity]:
    """Return the eighth of ``files`` with the smallest hold, smallest first.

    ``files`` are the files whose lists have unread pages. Files with equal holds keep their order.
    Files without observations have the hold 0. The number of files is rounded up. For ``data``,
    see :func:`graphbuild.analysis.as_incidence`.
    """
    incidence = as_incidence(data)
    holds = compute_holds(incidence, partition_files(incidence))
    hold_of = dict(zip(incidence.files, holds.tolist(), strict=True))
    ranked = sorted(files, key=lambda file: hold_of.get(file, 0.0))
    return ranked[: math.ceil(_SHARE * len(ranked))]


def compute_holds(incidence: Incidence, labels: Numbers) -> Reals:
    """Return the hold of each file (0 to 1), in the order of ``incidence.files``.

    ``labels`` contains the cluster number of each file.
    """
    evidence, count = incidence.file_evidence.tocoo(), len(incidence.files)
    sizes = np.bincount(evidence.col, minlength=evidence.shape[1])
    # For each piece of evidence of each file: the number of files of its cluster that have it.
    pairs = evidence.col * (labels.max(initial=0) + 1) + labels[evidence.row]
    _, pair, in_cluster = np.unique(pairs, return_inverse=True, return_counts=True)
    others = in_cluster[pair] - 1
    shares = others / sizes[evidence.col] * (1 - sizes[evidence.col] / max(1, count))
    holds = np.zeros(count)
    np.maximum.at(holds, evidence.row, shares)
    return holds
