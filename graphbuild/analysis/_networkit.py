"""Reproducible runs of NetworKit, an optional library."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphbuild._util import require

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def single_threaded(seed: int) -> Iterator[None]:
    """Run NetworKit on one thread and with a fixed seed inside the ``with`` block.

    With several threads, the same seed would give different results.
    """
    networkit = require("networkit", extra="analysis")
    threads = networkit.getMaxNumberOfThreads()
    networkit.setNumberOfThreads(1)
    networkit.setSeed(seed, False)  # noqa: FBT003  positional-only in NetworKit
    try:
        yield
    finally:
        networkit.setNumberOfThreads(threads)
