"""Measure the memory that a call needs."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def traced_peak(call: Callable[[], T]) -> tuple[T, int]:
    """Return the result of ``call``, and the most bytes that Python allocated during it."""
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
