"""Move overlapping discs apart."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Pairs: TypeAlias = NDArray[np.intp]

# The gaps are in units of the layout.
GAP = 26.0  # intended distance between the borders of two discs
MIN_GAP = 4.5  # minimum distance between the borders of two discs, if GAP cannot be reached
_COMPRESSED_DENSITY = 0.4  # intended share of the bounding box that discs and gaps cover
_STEPS = 120  # maximum number of steps, in each of which all close discs are moved apart
_STEPS_PER_SEARCH = 6  # number of steps for which the found pairs of close discs are used
_MAX_COMPARED = 300  # maximum number of discs for which all pairs are compared


def remove_overlaps(centers: Floats, radii: Floats) -> Floats:
    """Return new centers, with the borders of any two discs at least ``MIN_GAP`` apart.

    In each step, discs whose borders are closer than ``GAP`` are moved apart. The smaller of two
    discs moves farther. If borders are closer than ``MIN_GAP`` after the last step, the distances
    between all centers are enlarged. All ``centers`` must be different, because two equal centers
    give no direction of movement.
    """
    padded = radii + GAP / 2
    for step in range(_STEPS):
        search = step % _STEPS_PER_SEARCH == 0
        if search:
            pairs = close_pairs(centers, padded, margin=GAP)
        shift = _shift(centers, padded, pairs)
        if search and not shift.any():
            return centers
        centers = centers + shift
    return centers * _required_scale(centers, radii)


def compress(centers: Floats, radii: Floats) -> Floats:
    """Return centers for the same discs, closer together if they are sparse, without overlaps."""
    if len(centers) == 1:
        return centers
    width, height = np.ptp(centers, axis=0) + 2 * radii.max()
    covered = float(np.sum((2 * radii + GAP) ** 2))
    share = covered / (width * height * _COMPRESSED_DENSITY)
    return centers if share >= 1 else remove_overlaps(centers * math.sqrt(share), radii)


def _shift(centers: Floats, radii: Floats, pairs: Pairs) -> Floats:
    """Return the movement of each disc in one step. The ``radii`` include half of ``GAP``."""
    one, two = pairs[:, 0], pairs[:, 1]
    offset = centers[one] - centers[two]
    distance = np.maximum(np.hypot(offset[:, 0], offset[:, 1]), 1e-6)
    overlap = np.maximum(radii[one] + radii[two] - distance, 0.0)
    share = radii[two] ** 2 / (radii[one] ** 2 + radii[two] ** 2)
    move = offset * (overlap / distance)[:, None]
    shift = np.zeros_like(centers)
    for axis in (0, 1):
        shift[:, axis] = np.bincount(one, move[:, axis] * share, len(radii))
        shift[:, axis] -= np.bincount(two, move[:, axis] * (1 - share), len(radii))
    return shift


def _required_scale(centers: Floats, radii: Floats) -> float:
    """Return the factor (at least 1) for all centers that makes all gaps at least ``MIN_GAP``."""
    pairs = close_pairs(centers, radii, margin=MIN_GAP)
    offset = centers[pairs[:, 0]] - centers[pairs[:, 1]]
    distance = np.maximum(np.hypot(offset[:, 0], offset[:, 1]), 1e-3)
    required = radii[pairs[:, 0]] + radii[pairs[:, 1]] + MIN_GAP
    return float(np.max(required / distance, initial=1.0))


def close_pairs(centers: Floats, radii: Floats, *, margin: float) -> Pairs:
    """Return the pairs of discs with a gap smaller than ``margin``.

    The result has one row per pair: the indices of the two discs, the smaller index first. The rows
    are sorted.

    If there are at most 300 discs, all pairs are compared. Otherwise, only discs of more than four
    times the median radius are compared with all discs. The remaining discs are sorted by x. Each
    is compared with the next disc, then with the second next, and so on, until no compared discs
    are close in x.
    """
    large_radius = 4 * np.median(radii) if len(radii) > _MAX_COMPARED else 0.0
    large, small = np.flatnonzero(radii > large_radius), np.flatnonzero(radii <= large_radius)
    x, y = (centers[large, axis][:, None] - centers[:, axis] for axis in (0, 1))
    one, two = np.nonzero(x * x + y * y < (radii[large, None] + radii + margin) ** 2)
    found = [np.column_stack((large[one], two))]
    by_x = small[np.argsort(centers[small, 0], kind="stable")]
    reach = 2 * radii[small].max(initial=0.0) + margin
    for step in range(1, len(by_x)):
        one, two = by_x[:-step], by_x[step:]
        near = centers[two, 0] - centers[one, 0] < reach
        if not near.any():
            break
        one, two = one[near], two[near]
        distance = np.hypot(*(centers[one] - centers[two]).T)
        found.append(np.column_stack((one, two))[distance < radii[one] + radii[two] + margin])
    pairs = np.sort(np.concatenate(found), axis=1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]  # no disc with itself
    # Each pair is packed into one integer, because np.unique is slower for rows.
    codes = np.unique(pairs[:, 0] * len(radii) + pairs[:, 1])
    return np.column_stack(np.divmod(codes, len(radii)))
