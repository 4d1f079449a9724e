"""The registry of export formats.

A format is one module with a writer and one :func:`register` call. The command line,
:func:`graphbuild.export`, the documentation and the tests read the registry; nothing else lists the
formats. A writer is ``writer(graph, stream, **options) -> ExportWarnings``. It gets the options
that its file names. :func:`lazy` imports a writer on first use, so that listing the formats loads
no library.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from graphbuild.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    import networkx as nx

    from graphbuild.exporters.results import ExportWarnings

    Graph: TypeAlias = nx.DiGraph[str]
    Positions: TypeAlias = Mapping[str, tuple[float, float]]
    Writer: TypeAlias = Callable[..., ExportWarnings]

POSITIONS, CSV_GUARD, FULL_PAGE, NAME_SUFFIX = "positions", "csv_guard", "full", "name_suffix"
OPTIONS = {
    POSITIONS: "position of each node; the layout is computed if None",
    CSV_GUARD: "whether cells that look like formulas get an apostrophe",
    FULL_PAGE: "whether the HTML page shows a large graph without reduction",
    NAME_SUFFIX: "part of the file names, such as the name of a view",
}


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One of the files of a format.

    Attributes:
        name: the file name.
        writer: writes the file.
        description: the purpose of the file, shown after an export.
        options: the options that the writer takes, of :data:`OPTIONS`.
    """

    name: str
    writer: Writer
    description: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """An export format.

    Attributes:
        name: the name for ``--to``.
        files: the files it consists of.
        readers: programs that open it, in Markdown, for the documentation.
        contents: what it carries, in Markdown, for the documentation.
        suffixes: suffixes of a path that select it; a suffix that ends in ``.gz`` is compressed.
        requires: an optional library that it needs; empty if it needs none.
        observed_only: whether its readers take every statement as a fact, so that views with
            computed nodes or edges are refused.
    """

    name: str
    files: tuple[OutputFile, ...]
    readers: str
    contents: str
    suffixes: tuple[str, ...] = ()
    requires: str = ""
    observed_only: bool = False

    def __post_init__(self) -> None:
        unknown = self.options - OPTIONS.keys()
        if unknown or not self.files or (self.suffixes and len(self.files) > 1):
            raise ValueError(
                f"format {self.name}: needs a file, known options, and no suffix if it has several"
            )

    @property
    def options(self) -> set[str]:
        """The options that its writers take."""
        return {option for file in self.files for option in file.options}


FORMATS: dict[str, Format] = {}
DEFAULT_FORMATS = ("graphml", "html", "csv")


def register(new: Format) -> None:
    """Add a format.

    Raises:
        ValueError: its name, a file name or a suffix belongs to another format.
    """
    others = [each for each in FORMATS.values() if each.name != new.name]
    taken = {file.name for each in others for file in each.files} | set(suffixes())
    if new.name in FORMATS or taken & {*(file.name for file in new.files), *new.suffixes}:
        raise ValueError(f"format {new.name}: its name, a file or a suffix is in use")
    FORMATS[new.name] = new


def get_format(name: str) -> Format:
    """Return the format of this name, if the library it needs is installed.

    Raises:
        ExportError: there is no such format, or its library is missing.
    """
    if name not in FORMATS:
        raise ExportError(f"{name}: no such format; we have {', '.join(FORMATS)}")
    check_requirements([name])
    return FORMATS[name]


def check_requirements(names: Iterable[str]) -> None:
    """Check that the libraries of formats are installed.

    Raises:
        ExportError: a library is missing.
    """
    for name in names:
        library = FORMATS[name].requires
        if library and find_spec(library) is None:
            raise ExportError(
                f"{name} needs {library}, which is not installed; run: pip install {library}"
            )


def suffixes() -> list[str]:
    """Return the suffixes of paths that select a format."""
    return [suffix for each in FORMATS.values() for suffix in each.suffixes]


def format_of_path(path: object) -> tuple[Format, Writer]:
    """Return the format that the longest suffix of ``path`` selects, and its writer.

    Raises:
        ExportError: no format has such a suffix, or its library is missing.
    """
    name = str(path).lower()
    matching = [suffix for suffix in suffixes() if name.endswith(suffix)]
    if not matching:
        raise ExportError(f"{path}: no exporter; we have {', '.join(suffixes())}")
    suffix = max(matching, key=len)
    (chosen,) = (each for each in FORMATS.values() if suffix in each.suffixes)
    check_requirements([chosen.name])
    writer = chosen.files[0].writer
    return chosen, _compressed(writer) if suffix.endswith(".gz") else writer


def _compressed(writer: Writer) -> Writer:
    def write(graph: Graph, stream: BinaryIO, **options: Any) -> ExportWarnings:  # noqa: ANN401  several types
        # Without name and date in the header: the same graph gives the same bytes.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as compressed:
            return writer(graph, cast("BinaryIO", compressed), **options)

    return write


def lazy(target: str, **fixed: object) -> Writer:
    """Return a writer that imports its module on first use.

    Args:
        target: module of this package and function, ``dot:write_dot``.
        fixed: arguments for every call.
    """
    module, _, function = target.partition(":")

    def write(graph: Graph, stream: BinaryIO, **options: Any) -> ExportWarnings:  # noqa: ANN401  several types
        writer: Writer = getattr(import_module(f"graphbuild.exporters.{module}"), function)
        return writer(graph, stream, **fixed, **options)

    return write


def add_suffix(name: str, suffix: str) -> str:
    """Return a file name with a suffix before its extension: ``graph-folded.graphml``."""
    stem, dot, extension = name.partition(".")
    return f"{stem}-{suffix}{dot}{extension}" if suffix else name


def describe_file(name: str) -> str:
    """Return the purpose of an exported file, with or without a suffix in its name."""
    for each in FORMATS.values():
        for file in each.files:
            stem, dot, extension = file.name.partition(".")
            if name == file.name or (
                name.startswith(f"{stem}-") and name.endswith(f"{dot}{extension}")
            ):
                return file.description
    return ""


def markdown_table() -> str:
    """Return the documentation of all formats as a Markdown table."""
    lines = ["| `--to` | files | read by | contents |", "| --- | --- | --- | --- |"]
    for each in FORMATS.values():
        files = ", ".join(f"`{file.name}`" for file in each.files)
        lines.append(f"| `{each.name}` | {files} | {each.readers} | {each.contents} |")
    return "\n".join(lines)
