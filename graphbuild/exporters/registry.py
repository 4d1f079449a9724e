"""The registry of export formats: how a format is described, registered and looked up.

The formats themselves are listed in ``formats.py``, one :func:`register` call per format. The
command line, :func:`graphbuild.export`, the documentation and the tests get the formats from this
registry.

Each file of a format has a writer: ``writer(graph, stream, **options) -> ExportWarnings``. It is
called with the options that its :class:`OutputFile` lists. :func:`lazy_writer` imports the module
of a writer on first use, so that listing the formats loads no library.
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
    POSITIONS: "position of each node; None to compute the layout, empty to omit positions",
    CSV_GUARD: "whether cells that look like formulas get an apostrophe",
    FULL_PAGE: "whether the HTML page shows a large graph without reduction",
    NAME_SUFFIX: "text added to each file name, such as the name of a view",
}


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One of the files of a format.

    Attributes:
        name: The file name, such as ``graph.graphml``.
        writer: The function that writes the file.
        description: The purpose of the file, shown after an export.
        options: The options that the writer accepts; each is a key of :data:`OPTIONS`.
    """

    name: str
    writer: Writer
    description: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """An export format.

    Attributes:
        name: The name for ``--to``.
        files: The files that an export in this format writes.
        readers: The programs that open the files, in Markdown, for the documentation.
        contents: Which data the files contain, in Markdown, for the documentation.
        suffixes: The file suffixes that select this format, such as ``.graphml``. If a suffix ends
            in ``.gz``, the file is compressed with gzip. Empty if the format has several files.
        required_library: The optional library that the format needs; empty if it needs none.
        refuses_derived_views: Whether views with computed nodes or edges are refused, because the
            programs that read this format treat its content as observed facts.
    """

    name: str
    files: tuple[OutputFile, ...]
    readers: str
    contents: str
    suffixes: tuple[str, ...] = ()
    required_library: str = ""
    refuses_derived_views: bool = False

    def __post_init__(self) -> None:
        unknown = self.options - OPTIONS.keys()
        if unknown or not self.files or (self.suffixes and len(self.files) > 1):
            raise ValueError(
                f"format {self.name}: needs at least one file, known options, and no suffix if it"
                " has several files"
            )

    @property
    def options(self) -> set[str]:
        """The options that at least one of its writers accepts."""
        return {option for file in self.files for option in file.options}


FORMATS: dict[str, Format] = {}
DEFAULT_FORMATS = ("graphml", "html", "csv")


def register(new: Format) -> None:
    """Add a format to the registry.

    Raises:
        ValueError: The name of the format, one of its file names or one of its suffixes belongs to
            another format.
    """
    others = [each for each in FORMATS.values() if each.name != new.name]
    taken = {file.name for each in others for file in each.files} | set(suffixes())
    if new.name in FORMATS or taken & {*(file.name for file in new.files), *new.suffixes}:
        raise ValueError(f"format {new.name}: its name, a file name or a suffix is in use")
    FORMATS[new.name] = new


def get_format(name: str) -> Format:
    """Return the format called ``name``.

    Raises:
        ExportError: There is no such format, or the library that it requires is not installed.
    """
    if name not in FORMATS:
        raise ExportError(f"{name}: no such format; choose from {', '.join(FORMATS)}")
    check_required_libraries([name])
    return FORMATS[name]


def check_required_libraries(names: Iterable[str]) -> None:
    """Check that the libraries required by the formats ``names`` are installed.

    Raises:
        ExportError: A library is not installed; the message contains the command to install it.
    """
    for name in names:
        library = FORMATS[name].required_library
        if library and find_spec(library) is None:
            raise ExportError(
                f"{name} needs {library}, which is not installed; run: pip install {library}"
            )


def suffixes() -> list[str]:
    """Return the suffixes of all formats, in the order in which the formats were registered."""
    return [suffix for each in FORMATS.values() for suffix in each.suffixes]


def format_of_path(path: object) -> tuple[Format, Writer]:
    """Return the format that the suffix of ``path`` selects, and its writer.

    If several suffixes match, the longest one counts: ``graph.stix.json`` is STIX, not JSON.

    Raises:
        ExportError: No format has this suffix, or the library that it requires is not installed.
    """
    name = str(path).lower()
    matching = [suffix for suffix in suffixes() if name.endswith(suffix)]
    if not matching:
        raise ExportError(f"{path}: no format has this suffix; choose from {', '.join(suffixes())}")
    suffix = max(matching, key=len)
    (chosen,) = (each for each in FORMATS.values() if suffix in each.suffixes)
    check_required_libraries([chosen.name])
    writer = chosen.files[0].writer
    return chosen, _compressed(writer) if suffix.endswith(".gz") else writer


def _compressed(writer: Writer) -> Writer:
    def write(graph: Graph, stream: BinaryIO, **options: Any) -> ExportWarnings:  # noqa: ANN401  several types
        # No file name and no date in the gzip header, so that the same graph gives the same bytes.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as compressed:
            return writer(graph, cast("BinaryIO", compressed), **options)

    return write


def lazy_writer(target: str, **fixed: object) -> Writer:
    """Return a writer that imports the module with the function on first use.

    Args:
        target: A module of this package and a function in it, such as ``dot:write_dot``.
        fixed: Arguments that every call of the function gets, in addition to its options.
    """
    module, _, function = target.partition(":")

    def write(graph: Graph, stream: BinaryIO, **options: Any) -> ExportWarnings:  # noqa: ANN401  several types
        writer: Writer = getattr(import_module(f"graphbuild.exporters.{module}"), function)
        return writer(graph, stream, **fixed, **options)

    return write


def add_name_suffix(name: str, name_suffix: str) -> str:
    """Return the file name with ``name_suffix`` before its first dot: ``graph-folded.graphml``."""
    stem, dot, extension = name.partition(".")
    return f"{stem}-{name_suffix}{dot}{extension}" if name_suffix else name


def describe_file(name: str) -> str:
    """Return the purpose of an exported file; empty if no format has a file of this name.

    The name may contain a name suffix, as in ``graph-folded.graphml``.
    """
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
