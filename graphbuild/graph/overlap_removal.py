"""Move overlapping discs apart."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Pairs: TypeAlias = NDArray[np.intp]

GAP = 26.0  # intended distance between the borders of two discs
MIN_GAP = 4.5  # minimum distance between the borders of two discs, if GAP cannot be reached
_STEPS = 120  # maximum number of steps
_STEPS_PER_SEARCH = 6  # number of steps between two searches for close pairs
_MAX_COMPARED = 300  # maximum number of discs for which all pairs are compared


def remove_overlaps(centers: Floats, radii: Floats) -> Floats:
    """Return centers at which the borders of any two discs are at least ``MIN_GAP`` apart.

    In each step, discs that are closer than ``GAP`` are moved apart. The smaller of two discs moves
    farther. If discs are closer than ``MIN_GAP`` after the last step, the whole layout is enlarged.
    All ``centers`` must be different, because equal centers give no direction of movement.
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


def _shift(centers: Floats, radii: Floats, pairs: Pairs) -> Floats:
    """Return each disc's movement in one step, given radii that include half of ``GAP``."""
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
    """Return the factor, at least 1, by which to enlarge the layout for ``MIN_GAP``."""
    pairs = close_pairs(centers, radii, margin=MIN_GAP)
    offset = centers[pairs[:, 0]] - centers[pairs[:, 1]]
    distance = np.maximum(np.hypot(offset[:, 0], offset[:, 1]), 1e-3)
    required = radii[pairs[:, 0]] + radii[pairs[:, 1]] + MIN_GAP
    return float(np.max(required / distance, initial=1.0))


def close_pairs(centers: Floats, radii: Floats, *, margin: float) -> Pairs:
    """Return the pairs of discs with a gap smaller than ``margin``, as sorted pairs of indices.

    If there are at most 300 discs, all pairs are compared. Otherwise, only discs of more than four
    times the median radius are compared with all discs. The other discs are sorted by x. Each is
    compared with the next disc, then with the second next, and so on, until no compared discs are
    close in x.
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
    codes = np.unique(pairs[:, 0] * len(radii) + pairs[:, 1])  # faster than unique rows
    return np.column_stack(np.divmod(codes, len(radii)))
