"""The libraries of the extra ``analysis``, loaded when they are first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from graphbuild.errors import AnalysisError

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
