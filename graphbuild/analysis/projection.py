"""Compare the rows of a 0/1 matrix in pairs: count common columns, and compute Jaccard indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Matrix, Numbers, Reals


def project(matrix: Matrix, weights: NDArray[Any] | None = None) -> Matrix:
    """Return, for each pair of rows of a 0/1 matrix, the number of columns with a 1 in both rows.

    The result is an upper triangular matrix: entry (i, j) is the value for the rows i < j.

    Args:
        matrix: The 0/1 matrix.
        weights: A weight for each column. The result then contains the sum of the weights of the
            columns instead of their number.
    """
    weighted = matrix
    if weights is not None:
        weighted = sparse.csr_array(
            (weights[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
        )
    product = sparse.triu(weighted @ matrix.T, k=1, format="csr")
    product.eliminate_zeros()
    product.sort_indices()
    return product


def separate_groups(
    matrix: Matrix, weights: NDArray[Any], groups: Numbers
) -> tuple[Matrix, NDArray[Any]]:
    """Give each group its own copy of each of its columns, so that groups share no column.

    Then :func:`project` returns only pairs of rows of one group, and needs memory for these only.

    Args:
        matrix: A 0/1 matrix.
        weights: A weight for each column.
        groups: The number of a group for each row.

    Returns:
        The new matrix, and the weight of each of its columns.
    """
    group = np.repeat(groups, np.diff(matrix.indptr))
    keys, column = np.unique(group * matrix.shape[1] + matrix.indices, return_inverse=True)
    shape = matrix.shape[0], len(keys)
    separate = sparse.csr_array((matrix.data, column, matrix.indptr), shape=shape)
    return separate, weights[keys % matrix.shape[1]]


def jaccard(matrix: Matrix, source: Numbers, target: Numbers, shared: Numbers) -> Reals:
    """Return the Jaccard index of each pair of rows of a 0/1 matrix.

    For each pair, ``source`` and ``target`` contain the indices of the two rows, and ``shared``
    contains the number of columns with a 1 in both rows.
    """
    sizes = np.diff(matrix.indptr)
    index: Reals = shared / np.maximum(sizes[source] + sizes[target] - shared, 1)
    return index


def look_up(product: Matrix, source: Numbers, target: Numbers) -> NDArray[Any]:
    """Return the entries of ``product`` at the positions (``source[i]``, ``target[i]``).

    The positions must be sorted, and must include all positions whose entry is not 0.
    """
    pairs, entries = (
        np.ravel_multi_index(each, product.shape) for each in ((source, target), product.nonzero())
    )
    values = np.zeros(len(pairs), product.data.dtype)
    values[np.searchsorted(pairs, entries)] = product.data
    return values
