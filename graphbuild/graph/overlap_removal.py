"""Move overlapping discs apart, with a grid to find the pairs that overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

Floats: TypeAlias = NDArray[np.float64]
Pairs: TypeAlias = NDArray[np.intp]

GAP = 26.0  # minimum distance between two discs
_STEPS = 120  # at most
_STEPS_PER_SEARCH = 6  # steps between two searches for overlapping pairs
_MAX_COMPARED = 300  # discs; for up to this number, all pairs are compared
_BLOCK = 2_000_000  # pairs in memory at once


def remove_overlaps(centers: Floats, radii: Floats) -> Floats:
    """Return centers at which no two discs overlap.

    In each step, overlapping discs push each other apart; the smaller of two moves farther. If any
    discs still overlap after the last step, the whole layout is enlarged.
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
    """Return the vector by which each disc moves in one step."""
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
    """Return the factor by which the layout must grow so that no two discs touch."""
    pairs = close_pairs(centers, radii, margin=1.0)
    offset = centers[pairs[:, 0]] - centers[pairs[:, 1]]
    distance = np.maximum(np.hypot(offset[:, 0], offset[:, 1]), 1e-3)
    required = radii[pairs[:, 0]] + radii[pairs[:, 1]] + 1.0
    return float(np.max(required / distance, initial=1.0))


def close_pairs(centers: Floats, radii: Floats, *, margin: float) -> Pairs:
    """Return the pairs of discs with a gap smaller than ``margin``, by sorted indices."""
    if len(radii) <= _MAX_COMPARED:
        return _pairs_with(centers, radii, np.arange(len(radii)), margin)
    # The few large discs are compared with all others. A grid whose cells were as large as these
    # discs would have all other discs in one cell.
    large = radii > 4 * np.median(radii)
    found = [_pairs_with(centers, radii, np.flatnonzero(large), margin)]
    small = np.flatnonzero(~large)
    reach = 2 * float(radii[small].max()) + margin
    for pairs in _grid_pairs(centers[small], reach):
        one, two = small[pairs[:, 0]], small[pairs[:, 1]]
        distance = np.hypot(*(centers[one] - centers[two]).T)
        found.append(np.column_stack((one, two))[distance < radii[one] + radii[two] + margin])
    ordered = np.sort(np.concatenate(found), axis=1)
    codes = np.unique(ordered[:, 0] * len(radii) + ordered[:, 1])  # faster than unique rows
    return np.column_stack(np.divmod(codes, len(radii)))


def _pairs_with(centers: Floats, radii: Floats, some: Pairs, margin: float) -> Pairs:
    """Return the close pairs in which at least one disc is among ``some``, by comparing all."""
    x, y = (centers[some, axis][:, None] - centers[:, axis] for axis in (0, 1))
    close = np.argwhere(x * x + y * y < (radii[some, None] + radii + margin) ** 2)
    close[:, 0] = some[close[:, 0]]
    once = close[:, 0] < close[:, 1] if len(some) == len(radii) else close[:, 0] != close[:, 1]
    return np.asarray(close[once], dtype=np.intp)


def _grid_pairs(centers: Floats, reach: float) -> Iterable[Pairs]:
    """Yield all pairs no farther apart than ``reach``, and some farther ones, in blocks.

    Each disc is paired with those in its own cell and in four neighboring ones.
    """
    cell = np.floor((centers - centers.min(axis=0)) / reach).astype(np.int64)
    rows = int(cell[:, 1].max()) + 3  # separates the columns
    key = cell[:, 0] * rows + cell[:, 1]
    order = np.argsort(key, kind="stable")
    key = key[order]
    for offset in (0, 1, rows - 1, rows, rows + 1):
        first = np.searchsorted(key, key + offset, "left")
        count = np.searchsorted(key, key + offset, "right") - first
        total = np.cumsum(count)
        start = 0
        while start < len(key):
            done = total[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(total, done + _BLOCK, "right")))
            counts = count[start:stop]
            one = np.repeat(np.arange(start, stop), counts)
            within = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
            two = np.repeat(first[start:stop], counts) + within
            different = one != two
            yield np.column_stack((order[one[different]], order[two[different]]))
            start = stop
