"""Define the export formats, and find a format by its name or a file suffix.

To add a format, write a module with a writer, and add a :class:`Format` to the list at the end of
this module. The command line, ``gb.export``, the documentation and the tests use this list.

A writer writes one file of a format: ``writer(graph, stream, **options) -> ExportWarnings``. It
must accept the options in ``OutputFile.options``. The writer of an ``OutputFolder`` writes several
files: ``writer(graph, folder, **options) -> ExportedFile``.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from graphbuild.errors import ExportError
from graphbuild.exporters.output_files import (
    CAMPAIGN,
    CSV_BOM,
    CSV_GUARD,
    FULL_PAGE,
    NAME_SUFFIX,
    OPTIONS,
    POSITIONS,
    OutputFile,
    OutputFolder,
)

if TYPE_CHECKING:
    from graphbuild.exporters.output_files import Writer
    from graphbuild.exporters.results import ExportWarnings
    from graphbuild.graph.builder import Graph


@dataclass(frozen=True, slots=True)
class Format:
    """An export format.

    Attributes:
        name: The name for ``--to``.
        files: The files, in the order in which they are written.
        readers: The programs that open the files, in Markdown, for the documentation.
        contents: The data that the files contain, in Markdown, for the documentation.
        suffixes: The file suffixes that select this format, such as ``.graphml``. If a suffix ends
            in ``.gz``, the file is compressed with gzip. A format with several files has no suffix.
        required_library: The optional library that the format needs; empty if it needs none.
        refuses_derived_views: Whether views with computed nodes or edges are refused, because the
            programs that read this format treat its content as observed facts.
        folder: The files and folders of a format without a fixed list of files; None otherwise.
    """

    name: str
    files: tuple[OutputFile, ...]
    readers: str
    contents: str
    suffixes: tuple[str, ...] = ()
    required_library: str = ""
    refuses_derived_views: bool = False
    folder: OutputFolder | None = None

    def __post_init__(self) -> None:
        unknown = self.options - OPTIONS.keys()
        if unknown or not self.names or (self.suffixes and len(self.files) != 1):
            raise ValueError(
                f"format {self.name}: needs at least one file, known options, and no suffix if it"
                " has several files"
            )

    @property
    def options(self) -> set[str]:
        """The names of the options that at least one writer of the format accepts."""
        return {option for each in self._outputs for option in each.options}

    @property
    def names(self) -> list[str]:
        """The names of the files, and of the folders if there are any."""
        folders = self.folder.names if self.folder else ()
        return [*(file.name for file in self.files), *folders]

    @property
    def _outputs(self) -> tuple[OutputFile | OutputFolder, ...]:
        return (*self.files, self.folder) if self.folder else self.files


FORMATS: dict[str, Format] = {}  # by name, in the order of the help and the documentation
DEFAULT_FORMATS = ("graphml", "html", "csv")


def register(*added: Format) -> None:
    """Add formats to ``FORMATS``.

    Raises:
        ValueError: A registered format has the same name, file name or suffix.
    """
    for new in added:
        taken = {name for each in FORMATS.values() for name in each.names} | {*suffixes()}
        if new.name in FORMATS or taken & {*new.names, *new.suffixes}:
            raise ValueError(f"format {new.name}: its name, a file name or a suffix is in use")
        FORMATS[new.name] = new


def get_format(name: str) -> Format:
    """Return the format called ``name``.

    Raises:
        ExportError: There is no such format, or the library that it requires is not installed. If
            the library is missing, the message contains the command to install it.
    """
    if name not in FORMATS:
        raise ExportError(f"{name}: no such format; choose from {', '.join(FORMATS)}")
    library = FORMATS[name].required_library
    if library and find_spec(library) is None:
        raise ExportError(
            f"{name} needs {library}, which is not installed; run: pip install {library}"
        )
    return FORMATS[name]


def suffixes() -> dict[str, Format]:
    """Return a dictionary from each file suffix to its format, in the order of ``FORMATS``."""
    return {suffix: each for each in FORMATS.values() for suffix in each.suffixes}


def format_of_path(path: object) -> tuple[Format, Writer]:
    """Return the format that the suffix of ``path`` selects, and the writer of its file.

    If several suffixes match, the longest one is used: ``graph.stix.json`` is STIX, not JSON. For a
    suffix that ends in ``.gz``, the writer compresses the file.

    Raises:
        ExportError: No format has this suffix, or the library of the format is not installed.
    """
    known = suffixes()
    matching = [suffix for suffix in known if str(path).lower().endswith(suffix)]
    if not matching:
        raise ExportError(f"{path}: no format has this suffix; choose from {', '.join(known)}")
    suffix = max(matching, key=len)
    chosen = get_format(known[suffix].name)
    writer = chosen.files[0].write
    return chosen, _compressed(writer) if suffix.endswith(".gz") else writer


def _compressed(writer: Writer) -> Writer:
    def write(graph: Graph, stream: BinaryIO, **options: Any) -> ExportWarnings:  # noqa: ANN401  several types
        # The gzip header contains no file name and no date, so that equal graphs give equal bytes.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as compressed:
            return writer(graph, cast("BinaryIO", compressed), **options)

    return write


def add_name_suffix(name: str, name_suffix: str) -> str:
    """Return ``name`` with ``name_suffix`` before its first dot, as in ``graph-folded.graphml``."""
    stem, dot, extension = name.partition(".")
    return f"{stem}-{name_suffix}{dot}{extension}" if name_suffix else name


def describe_file(name: str) -> str:
    """Return the description of an exported file; empty if no format has a file of this name.

    The name may contain a name suffix, as in ``graph-folded.graphml``.
    """
    for file in (file for each in FORMATS.values() for file in each.files):
        stem, dot, extension = file.name.partition(".")
        has_suffix = name.startswith(f"{stem}-") and name.endswith(f"{dot}{extension}")
        if name == file.name or has_suffix:
            return file.description
    folders = (each.folder for each in FORMATS.values() if each.folder)
    return next((each.description for each in folders if each.names[0] == name), "")


def markdown_table() -> str:
    """Return a Markdown table that documents all formats."""
    lines = ["| `--to` | files | read by | contents |", "| --- | --- | --- | --- |"]
    for each in FORMATS.values():
        files = ", ".join(f"`{name}`" for name in each.names)
        lines.append(f"| `{each.name}` | {files} | {each.readers} | {each.contents} |")
    return "\n".join(lines)


# --- the formats ---------------------------------------------------------------------------------

_GEXF_PURPOSE = "open it in Gephi; its timeline shows references by day"
_DOT_PURPOSE = "draw it with Graphviz: dot -Tsvg -O graph.dot (for over 1,000 nodes: sfdp)"
_INDICATORS = "an indicator for each file, domain, IP address and URL"
_TRIPLES = "one row per observation (subject, reference, collection)"
_CSV_OPTIONS = (CSV_GUARD, CSV_BOM)
_STIX_READERS = "platforms that read STIX 2.1"
_NEO4J_TABLE = "for neo4j-admin, see neo4j-import.txt"
register(
    Format(
        "graphml",
        (OutputFile("graph.graphml", "graphml:write_graphml", "open it in Gephi", (POSITIONS,)),),
        readers="Gephi, Gephi Lite, Cytoscape, igraph, networkx",
        contents="lossless, except that white space in texts becomes single spaces, and "
        "characters that XML forbids become U+FFFD",
        suffixes=(".graphml", ".graphml.gz"),
    ),
    Format(
        "gexf",
        (OutputFile("graph.gexf", "gexf:write_gexf", _GEXF_PURPOSE, (POSITIONS,)),),
        readers="Gephi, Gephi Lite",
        contents="the same as `graphml`, and [a timeline](#gexf)",
        suffixes=(".gexf", ".gexf.gz"),
    ),
    Format(
        "html",
        (
            OutputFile(
                "graph.html",
                "html.page:write_html",
                "open it in a browser; it works offline",
                (POSITIONS, FULL_PAGE),
            ),
        ),
        readers="any browser, offline",
        contents="for viewing; cannot be read back",
        suffixes=(".html",),
    ),
    Format(
        "csv",
        (
            OutputFile("nodes.csv", "csv:write_nodes", "one row per node", _CSV_OPTIONS),
            OutputFile("edges.csv", "csv:write_edges", "one row per edge", _CSV_OPTIONS),
            OutputFile("observations.csv", "csv:write_observations", _TRIPLES, _CSV_OPTIONS),
        ),
        readers="spreadsheets, pandas",
        contents="lossless, but without types; `observations.csv` contains all observations; "
        "[cells that look like formulas are guarded](#csv); NUL and lone surrogates become U+FFFD",
    ),
    Format(
        "xlsx",
        (OutputFile("graph.xlsx", "xlsx:write_workbook", "the three tables; open it in Excel"),),
        readers="Excel, LibreOffice; needs `graphbuild[xlsx]`",
        contents="the tables of `csv` as sheets of [text and number cells](#excel); long texts are "
        "truncated; characters that XML forbids become U+FFFD",
        suffixes=(".xlsx",),
        required_library="xlsxwriter",
    ),
    Format(
        "parquet",
        (
            OutputFile(
                "nodes.parquet", "parquet:write_nodes", "one row per node, with column types"
            ),
            OutputFile(
                "edges.parquet", "parquet:write_edges", "one row per edge, with column types"
            ),
            OutputFile(
                "observations.parquet",
                "parquet:write_observations",
                f"{_TRIPLES}, with column types",
            ),
        ),
        readers="pandas, DuckDB, Spark; needs `graphbuild[columnar]`",
        contents="lossless and [typed](#parquet), except that lone surrogates become U+FFFD",
        required_library="pyarrow",
    ),
    Format(
        "dataset",
        (),
        folder=OutputFolder(
            ("_graphbuild.json", "observations/", "entities/", "subjects/", "links/"),
            "dataset:write_dataset",
            "the list of the Parquet files of a dataset, with their checksums",
            (CAMPAIGN, NAME_SUFFIX),
        ),
        readers="pandas, DuckDB, Polars, Spark; needs `graphbuild[columnar]`",
        contents="lossless [tables of several campaigns](#dataset), partitioned by campaign, except"
        " that lone surrogates become U+FFFD",
        required_library="pyarrow",
        refuses_derived_views=True,
    ),
    Format(
        "json",
        (
            OutputFile(
                "graph.json", "json:write_node_link", "node-link data for networkx.node_link_graph"
            ),
        ),
        readers="[networkx](#json)",
        contents="lossless, except that lone surrogates become U+FFFD",
        suffixes=(".json",),
    ),
    Format(
        "jsonl",
        (
            OutputFile(
                "graph.jsonl", "json:write_lines", "one object per line: nodes, edges, observations"
            ),
        ),
        readers="programs that read a stream of [one object per line](#json)",
        contents="lossless, except that lone surrogates become U+FFFD",
        suffixes=(".jsonl",),
    ),
    Format(
        "cytoscape",
        (
            OutputFile(
                "graph.cyjs",
                "json:write_cytoscape",
                "open it in Cytoscape, or pass it to Cytoscape.js",
                (POSITIONS,),
            ),
        ),
        readers="Cytoscape, Cytoscape.js",
        contents="lossless, except that lone surrogates become U+FFFD; "
        "[some columns have other names](#json)",
        suffixes=(".cyjs",),
    ),
    Format(
        "stix",
        (
            OutputFile(
                "graph.stix.json",
                "stix:write_stix",
                "import it into a platform that reads STIX 2.1",
            ),
        ),
        readers=_STIX_READERS,
        contents="lossless ([details](#stix-21))",
        suffixes=(".stix.json",),
        refuses_derived_views=True,
    ),
    Format(
        "stix-indicators",
        (
            OutputFile(
                "indicators.stix.json",
                "stix:write_stix_with_indicators",
                f"a STIX 2.1 bundle with {_INDICATORS}",
            ),
        ),
        readers=_STIX_READERS,
        contents=f"the same as `stix`, and {_INDICATORS}",
        refuses_derived_views=True,
    ),
    Format(
        "stix-lean",
        (
            OutputFile(
                "lean.stix.json",
                "stix:write_lean_stix",
                "a STIX 2.1 bundle without the references that only one subject has",
            ),
        ),
        readers=_STIX_READERS,
        contents="the same as `stix`, but without the references that only one subject has, and "
        "without [the extension](#stix-21)",
        refuses_derived_views=True,
    ),
    Format(
        "misp",
        (OutputFile("graph.misp.json", "misp:write_misp", "import it into MISP as an event"),),
        readers="MISP, which imports it as an event",
        contents="the observations, as comments; [not all attributes of nodes](#misp)",
        suffixes=(".misp.json",),
        refuses_derived_views=True,
    ),
    Format(
        "neo4j",
        (
            OutputFile("nodes.neo4j.csv", "neo4j:write_nodes", _NEO4J_TABLE),
            OutputFile("edges.neo4j.csv", "neo4j:write_edges", _NEO4J_TABLE),
            OutputFile(
                "neo4j-import.txt",
                "neo4j:write_command",
                "the command that creates a Neo4j database from the two tables",
                (NAME_SUFFIX,),
            ),
        ),
        readers="`neo4j-admin`, with the command in `neo4j-import.txt`",
        contents="lossless, except that NUL and lone surrogates become U+FFFD; "
        "[not for spreadsheets](#neo4j)",
    ),
    Format(
        "dot",
        (OutputFile("graph.dot", "dot:write_dot", _DOT_PURPOSE),),
        readers="Graphviz",
        contents="the observations; of each node, only key, type and label",
        suffixes=(".dot",),
    ),
)
