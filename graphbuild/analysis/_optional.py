"""The libraries of the extra ``analysis``, loaded when they are first needed."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from graphbuild.errors import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRA = "analysis"


def library(name: str) -> Any:  # noqa: ANN401  a module
    """The module ``name`` of a library that not everybody installs.

    Raises:
        AnalysisError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        root = name.partition(".")[0]
        raise AnalysisError(
            f"this needs {root}, which is not installed; run: pip install 'graphbuild[{EXTRA}]'"
        ) from None


@contextmanager
def on_one_thread(networkit: Any, seed: int) -> Iterator[None]:  # noqa: ANN401  the module
    """NetworKit drawing from ``seed`` on one thread: with more, the same seed gives others."""
    threads = networkit.getMaxNumberOfThreads()
    networkit.setNumberOfThreads(1)
    networkit.setSeed(seed, False)  # noqa: FBT003  its own signature
    try:
        yield
    finally:
        networkit.setNumberOfThreads(threads)
