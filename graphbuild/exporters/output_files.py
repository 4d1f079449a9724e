"""Define the outputs of an export format: single files, or a folder of files.

The module of a writer is imported on first use, because it may load large libraries, which
``graphbuild --help`` does not need.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from graphbuild.exporters.results import ExportedFile, ExportWarnings
    from graphbuild.graph.builder import Graph

    Writer: TypeAlias = Callable[..., ExportWarnings]

POSITIONS, CSV_GUARD, FULL_PAGE, NAME_SUFFIX = "positions", "csv_guard", "full", "name_suffix"
CSV_BOM, CAMPAIGN = "csv_bom", "campaign"
OPTIONS = {
    POSITIONS: "position of each node by node key, y upwards; if empty, HTML computes a layout, and"
    " other formats contain no positions",
    CSV_GUARD: "whether cells that look like formulas get an apostrophe",
    CSV_BOM: "whether CSV files start with a byte order mark",
    FULL_PAGE: "whether the HTML page draws a large graph as a whole, with WebGL",
    NAME_SUFFIX: "text added to each file name, such as the name of a view",
    CAMPAIGN: "name of the campaign in a dataset, which can contain several campaigns",
}


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One of the files of a format."""

    name: str
    writer: Writer | str  # or "MODULE:FUNCTION" in this package
    description: str  # the content or purpose of the file, displayed after an export
    options: tuple[str, ...] = ()  # the keys of OPTIONS that the writer accepts

    def write(self, graph: Graph, stream: BinaryIO, **options: Any) -> ExportWarnings:  # noqa: ANN401  several types
        """Write ``graph`` to ``stream``, and return the counts of changed and omitted values."""
        writer = _import(self.writer) if isinstance(self.writer, str) else self.writer
        result: ExportWarnings = writer(graph, stream, **options)
        return result


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """The files and folders of a format whose number depends on the graph."""

    names: tuple[str, ...]  # first the file that lists all others, then the folders
    writer: str  # "MODULE:FUNCTION" in this package
    description: str  # displayed after an export
    options: tuple[str, ...] = ()  # the keys of OPTIONS that the writer accepts

    def write(self, graph: Graph, folder: Path, **options: Any) -> ExportedFile:  # noqa: ANN401  several types
        """Write ``graph`` into ``folder``, and return the file that lists all others."""
        result: ExportedFile = _import(self.writer)(graph, folder, **options)
        return result


def _import(name: str) -> Callable[..., Any]:
    """Return the function that ``MODULE:FUNCTION`` names."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"graphbuild.exporters.{module}"), function)
    return found
