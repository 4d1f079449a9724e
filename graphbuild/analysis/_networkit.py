"""Run NetworKit, an optional library, with reproducible results."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphbuild._util import require

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def single_threaded(seed: int) -> Iterator[None]:
    """Limit NetworKit to one thread in the ``with`` block, and set its random seed.

    With several threads, runs with the same seed can give different results. After the block, the
    number of threads is restored, but not the seed.
    """
    networkit = require("networkit", extra="analysis")
    threads = networkit.getMaxNumberOfThreads()
    networkit.setNumberOfThreads(1)
    networkit.setSeed(seed, False)  # noqa: FBT003  positional-only in NetworKit
    try:
        yield
    finally:
        networkit.setNumberOfThreads(threads)
