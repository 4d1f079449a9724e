"""Pack the components of a graph into one picture.

A component is a list of discs with known positions. Small components are packed in a strip below
all others, with smaller gaps, because a large campaign can have hundreds of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.graph.overlap_removal import Floats

Point: TypeAlias = tuple[float, float]

_SMALL_DISCS, _SMALL_SHARE = 4, 0.03  # maximum size of a small component, see _is_small
_GAP, _SMALL_GAP = 60.0, 24.0  # distance between the bounding boxes of components
_ASPECT = 1.6  # intended ratio of width to height of the whole picture
_MAX_STRETCH = 1.5  # maximum factor for the width of a component that is too narrow


def pack_components(
    components: Sequence[list[int]], centers: Sequence[Floats], radii: Floats
) -> Floats:
    """Return a center for each disc, so that the bounding boxes of components do not overlap.

    Args:
        components: The indices of the discs of each component.
        centers: The centers of the discs of each component, in its own coordinates.
        radii: The radius of each disc.
    """
    packed = np.zeros((len(radii), 2))
    if not components:
        return packed
    turned = [_turn_wide(each) for each in centers]
    if not _is_small(components[0], components):
        turned[0] = _stretch(turned[0], radii[components[0]])
    boxes: list[Point] = []
    for component, points in zip(components, turned, strict=True):
        low, high = bounds(points, radii[component])
        packed[component] = points - low
        boxes.append((high[0] - low[0], high[1] - low[1]))
    for index, corner in _corners(components, boxes):
        packed[components[index]] += corner
    middle: Floats = np.mean(bounds(packed, radii), axis=0)
    return packed - middle


def _is_small(component: Sequence[int], components: Sequence[list[int]]) -> bool:
    """Return whether a component has few discs, at all or compared with the largest component."""
    largest = max(map(len, components))
    return len(component) <= max(_SMALL_DISCS, _SMALL_SHARE * largest)


def bounds(centers: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """Return the lower left and the upper right corner of the bounding box of discs."""
    reach = radii[:, None]
    return np.min(centers - reach, axis=0), np.max(centers + reach, axis=0)


def _turn_wide(centers: Floats) -> Floats:
    """Move the mean of the points to the origin, and turn the points so that they are wide."""
    centered = centers - centers.mean(axis=0)
    xx, yy = np.sum(centered**2, axis=0)
    angle = -0.5 * math.atan2(2 * float(np.sum(centered[:, 0] * centered[:, 1])), float(xx - yy))
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = centered[:, 0], centered[:, 1]
    return np.column_stack((cos * x - sin * y, sin * x + cos * y))


def _stretch(centers: Floats, radii: Floats) -> Floats:
    """Widen a component, so that it fills more of a picture with the intended aspect ratio."""
    low, high = bounds(centers, radii)
    width, height = high - low
    factor = min(max(_ASPECT * height / width, 1.0), _MAX_STRETCH)
    stretched: Floats = centers * np.array([factor, 1.0])
    return stretched


def _corners(
    components: Sequence[list[int]], boxes: Sequence[Point]
) -> Iterator[tuple[int, Point]]:
    """Yield the index of each component and the position of the lower left corner of its box."""
    small = [index for index, each in enumerate(components) if _is_small(each, components)]
    large = sorted(set(range(len(components))) - set(small))
    width, bottom = 0.0, 0.0
    for index, corner in _pack_boxes(boxes, large, _GAP, 0.0):
        width = max(width, corner[0] + boxes[index][0])
        bottom = min(bottom, corner[1])
        yield index, corner
    for index, (x, y) in _pack_boxes(boxes, small, _SMALL_GAP, width):
        yield index, (x, y + bottom - (_GAP if large else 0.0))


def _pack_boxes(
    boxes: Sequence[Point], chosen: Sequence[int], gap: float, min_width: float
) -> Iterator[tuple[int, Point]]:
    """Yield the index of each chosen box and the position of its lower left corner.

    ``boxes`` contains the width and height of each box. The boxes are packed into a strip of fixed
    width, the tallest first, from y = 0 downwards. Each box is placed in the topmost free rectangle
    that is large enough. The rest of this rectangle is divided into the space right of the box and
    the space below it.
    """
    padded = {index: (boxes[index][0] + gap, boxes[index][1] + gap) for index in chosen}
    area = sum(width * height for width, height in padded.values())
    widest = max((width for width, _ in padded.values()), default=0.0)
    strip = max(widest, min_width + gap, math.sqrt(area * _ASPECT))
    free = [(0.0, 0.0, math.inf, strip)]  # top (downwards), left, height, width
    for index in sorted(padded, key=lambda each: (-padded[each][1], -padded[each][0], each)):
        width, height = padded[index]
        space = min(s for s in free if s[2] >= height and s[3] >= width)
        top, left, free_height, free_width = space
        free.remove(space)
        free.append((top, left + width, height, free_width - width))
        free.append((top + height, left, free_height - height, free_width))
        yield index, (left, -top - boxes[index][1])
