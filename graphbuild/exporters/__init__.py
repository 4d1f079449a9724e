"""Graphs become files: the door to all exporters.

An exporter takes a graph and an open file and knows no path; only this module does. A file is
written whole or not at all, and the same graph gives the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from graphbuild.errors import ExportError
from graphbuild.exporters import csv_tables, json
from graphbuild.exporters.atomic_write import make_folder, open_atomic, remove_unfinished
from graphbuild.exporters.gexf import write_gexf
from graphbuild.exporters.graphml import write_graphml
from graphbuild.exporters.graphml_reader import read_graphml
from graphbuild.exporters.sanitize import ExportWarnings
from graphbuild.graph.builder import restore_node_order, validate_graph
from graphbuild.graph.views import is_derived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import networkx as nx

    Graph: TypeAlias = nx.DiGraph[str]
    Positions: TypeAlias = Mapping[str, tuple[float, float]]
    Writer: TypeAlias = Callable[[Graph, BinaryIO, Positions | None], ExportWarnings]

__all__ = [
    "FORMATS",
    "ExportWarnings",
    "ExportedFile",
    "Format",
    "export",
    "export_all",
    "make_folder",
    "open_atomic",
    "read_graphml",
    "remove_unfinished",
    "write_gexf",
    "write_graphml",
]


@dataclass(frozen=True, slots=True)
class Format:
    """A choice of output.

    Attributes:
        files: the name of each file it makes, and what writes it.
        drawn: whether it shows where nodes stand, so that a layout is worth its time.
        raw: what writes the same files without the guard on their cells, where there is one.
        full: what writes them so that they begin with the whole picture, where they may not.
        needs: a library that not everybody installs, and the extra that brings it.
        renamed: what writes the same files under names with a word in them, where one of them
            names the others.
        told: whether it is for platforms that keep what it says as facts, so that nothing but
            what answers told may stand in it.
    """

    files: Mapping[str, Writer]
    drawn: bool = True
    raw: Mapping[str, Writer] | None = None
    full: Mapping[str, Writer] | None = None
    needs: tuple[str, str] | None = None
    renamed: Callable[[str], Mapping[str, Writer]] | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file that stands.

    Attributes:
        path: where.
        size: bytes, as read back from the disk.
        sha256: of what was read back.
        warnings: what could not be carried as it was.
    """

    path: Path
    size: int
    sha256: str
    warnings: ExportWarnings


def export(graph: Graph, path: str | Path, *, positions: Positions | None = None) -> Path:
    """Write ``graph`` to ``path``, in the format its suffix names; whole or not at all.

    Args:
        graph: a graph as :func:`~graphbuild.graph.builder.build_graph` makes it, or a view of one.
            Its order is that of the file; what ``graph.subgraph(...)`` shows stands in the order of
            the graph (a ``copy()`` of it does not: networkx gives that the order of a set).
        path: ends in ``.graphml``, ``.gexf``, either and ``.gz``, ``.html``, ``.stix.json``,
            ``.misp.json``, ``.dot``, ``.json``, ``.jsonl`` or ``.cyjs``. A link there is replaced
            itself.
        positions: a place for each node; None lays the graph out, empty goes without.

    Raises:
        ExportError: no such format, or one that cannot say what the graph says, or a graph without
            directions or with a node that tells no type or label, or the file cannot be written;
            what stood there still stands.
    """
    path = Path(path)
    form, writer = _by_suffix(path)
    validate_graph(graph)
    if form.told:
        _refuse_derived(graph, path)
    graph = restore_node_order(graph)
    if positions is None and form.drawn:
        positions = _layout(graph)
    return _write(graph, path, writer, positions).path


def export_all(  # noqa: PLR0913  all but the first three have their defaults
    graph: Graph,
    folder: str | Path,
    formats: Iterable[str],
    *,
    positions: Positions | None = None,
    named: str = "",
    raw: bool = False,
    full: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> list[ExportedFile]:
    """Write ``graph`` into ``folder`` in each of ``formats``, laid out at most once.

    The folder is made where it is missing. Each file is whole or absent; the files before a
    failing one stand.

    Args:
        graph: a graph as :func:`graphbuild.graph.builder.build_graph` makes it, or a view of one.
        folder: where the files go.
        formats: some of ``FORMATS``.
        positions: a place for each node; None lays the graph out, empty goes without.
        named: a word for the names of the files, behind their first: ``graph-WORD.graphml``.
        raw: CSV without the guard against formulas: for programs, not for spreadsheets.
        full: a page that begins with the whole picture, however large.
        tell: called with what is done next, as it may take long.

    Raises:
        ExportError: no such format, or not the library it needs, or one that cannot say what the
            graph says, or a graph without directions or with a node that tells no type or label
            (nothing is written then), or a file cannot be written.
    """
    chosen = {name: _format(name) for name in formats}
    told = [name for name, form in chosen.items() if form.told]
    validate_graph(graph)
    if told:
        _refuse_derived(graph, ", ".join(told))
    graph = restore_node_order(graph)
    folder = make_folder(Path(folder))
    if positions is None and any(form.drawn for form in chosen.values()):
        tell("finding a place for each node")
        positions = _layout(graph)
    files = [
        (_named(name, named), writer)
        for form in chosen.values()
        for name, writer in _writers(form, named, raw=raw, full=full).items()
    ]
    written = []
    for name, writer in files:
        tell(f"writing {name}")
        written.append(_write(graph, folder / name, writer, positions))
    return written


def _writers(form: Format, word: str, *, raw: bool, full: bool) -> Mapping[str, Writer]:
    if raw and form.raw:
        return form.raw
    if full and form.full:
        return form.full
    return form.renamed(word) if form.renamed else form.files


def _named(name: str, word: str) -> str:
    first, dot, rest = name.partition(".")
    return f"{first}-{word}{dot}{rest}" if word else name


# --- formats -------------------------------------------------------------------------------------


def _graphml(graph: Graph, stream: BinaryIO, positions: Positions | None) -> ExportWarnings:
    return write_graphml(graph, stream, positions=positions)


def _gexf(graph: Graph, stream: BinaryIO, positions: Positions | None) -> ExportWarnings:
    return write_gexf(graph, stream, positions=positions)


def _packed(writer: Writer) -> Writer:
    def write(graph: Graph, stream: BinaryIO, positions: Positions | None) -> ExportWarnings:
        # Neither name nor date inside: the same graph gives the same bytes.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
            return writer(graph, cast("BinaryIO", packed), positions)

    return write


def _page(*, full: bool) -> Writer:
    def write(graph: Graph, stream: BinaryIO, positions: Positions | None) -> ExportWarnings:
        from graphbuild.exporters.html.page import write_html  # noqa: PLC0415  loads a template engine

        write_html(graph, stream, positions=positions or None, full=full)
        return ExportWarnings()

    return write


def _csv(*, raw: bool) -> Mapping[str, Writer]:
    return {
        "nodes.csv": lambda graph, stream, _: csv_tables.write_nodes(graph, stream, raw=raw),
        "edges.csv": lambda graph, stream, _: csv_tables.write_edges(graph, stream, raw=raw),
        "observations.csv": lambda graph, stream, _: csv_tables.write_observations(
            graph, stream, raw=raw
        ),
    }


def _parquet(table: str) -> Writer:
    def write(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
        from graphbuild.exporters import parquet  # noqa: PLC0415  not everybody installs pyarrow

        return parquet.WRITERS[table](graph, stream)

    return write


def _json(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
    return json.write_node_link(graph, stream)


def _jsonl(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
    return json.write_lines(graph, stream)


def _cytoscape(graph: Graph, stream: BinaryIO, positions: Positions | None) -> ExportWarnings:
    return json.write_cytoscape(graph, stream, positions=positions)


def _stix(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
    from graphbuild.exporters.stix import write_stix  # noqa: PLC0415  not every run needs it

    return write_stix(graph, stream)


def _stix_indicators(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
    from graphbuild.exporters.stix import write_stix  # noqa: PLC0415  the same

    return write_stix(graph, stream, indicators=True)


def _misp(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
    from graphbuild.exporters.misp import write_misp  # noqa: PLC0415  the same

    return write_misp(graph, stream)


def _neo4j_nodes(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
    from graphbuild.exporters.neo4j import write_nodes  # noqa: PLC0415  the same

    return write_nodes(graph, stream)


def _neo4j_edges(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
    from graphbuild.exporters.neo4j import write_edges  # noqa: PLC0415  the same

    return write_edges(graph, stream)


def _neo4j(word: str) -> Mapping[str, Writer]:
    both = {"nodes.neo4j.csv": _neo4j_nodes, "edges.neo4j.csv": _neo4j_edges}

    def command(_: Graph, stream: BinaryIO, __: Positions | None) -> ExportWarnings:
        from graphbuild.exporters.neo4j import write_command  # noqa: PLC0415  the same

        return write_command(stream, *(_named(name, word) for name in both))

    return {**both, "neo4j-import.txt": command}


def _dot(graph: Graph, stream: BinaryIO, _: Positions | None) -> ExportWarnings:
    from graphbuild.exporters.dot import write_dot  # noqa: PLC0415  the same

    return write_dot(graph, stream)


FORMATS: Mapping[str, Format] = {
    "graphml": Format({"graph.graphml": _graphml}),
    "gexf": Format({"graph.gexf": _gexf}),
    "html": Format({"graph.html": _page(full=False)}, full={"graph.html": _page(full=True)}),
    "csv": Format(_csv(raw=False), drawn=False, raw=_csv(raw=True)),
    "parquet": Format(
        {
            "nodes.parquet": _parquet("nodes"),
            "edges.parquet": _parquet("edges"),
            "observations.parquet": _parquet("observations"),
        },
        drawn=False,
        needs=("pyarrow", "columnar"),
    ),
    "json": Format({"graph.json": _json}, drawn=False),
    "jsonl": Format({"graph.jsonl": _jsonl}, drawn=False),
    "cytoscape": Format({"graph.cyjs": _cytoscape}),
    "stix": Format({"graph.stix.json": _stix}, drawn=False, told=True),
    "stix-indicators": Format({"indicators.stix.json": _stix_indicators}, drawn=False, told=True),
    "misp": Format({"graph.misp.json": _misp}, drawn=False, told=True),
    "neo4j": Format(_neo4j(""), drawn=False, renamed=_neo4j),
    "dot": Format({"graph.dot": _dot}, drawn=False),
}
_SUFFIXES = {
    ".graphml": "graphml",
    ".graphml.gz": "graphml",
    ".gexf": "gexf",
    ".gexf.gz": "gexf",
    ".html": "html",
    ".stix.json": "stix",
    ".misp.json": "misp",
    ".dot": "dot",
    ".json": "json",
    ".jsonl": "jsonl",
    ".cyjs": "cytoscape",
}


def _by_suffix(path: Path) -> tuple[Format, Writer]:
    """The format of one file that the longest suffix of ``path`` names, and what writes it."""
    named = [suffix for suffix in _SUFFIXES if path.name.lower().endswith(suffix)]
    if not named:
        raise ExportError(f"{path}: no exporter; we have {', '.join(_SUFFIXES)}")
    suffix = max(named, key=len)
    form = FORMATS[_SUFFIXES[suffix]]
    (writer,) = form.files.values()
    return form, _packed(writer) if suffix.endswith(".gz") else writer


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise ExportError(f"{name}: no such format; we have {', '.join(FORMATS)}")
    form = FORMATS[name]
    if form.needs and find_spec(form.needs[0]) is None:
        library, extra = form.needs
        raise ExportError(
            f"{name} needs {library}, which is not installed;"
            f" run: pip install 'graphbuild[{extra}]'"
        )
    return form


def _refuse_derived(graph: Graph, what: object) -> None:
    if is_derived(graph):
        raise ExportError(
            f"{what}: is read as facts, and what this view counted or grouped was told by no"
            " answer; export the full or the backbone view"
        )


# --- files ---------------------------------------------------------------------------------------


def _write(graph: Graph, path: Path, writer: Writer, positions: Positions | None) -> ExportedFile:
    with open_atomic(path) as stream:
        warnings = writer(graph, stream, positions)
        stream.flush()
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
    return ExportedFile(path, size, digest, warnings)


def _layout(graph: Graph) -> Positions:
    from graphbuild.graph.layout import compute_layout  # noqa: PLC0415  loads numpy

    return compute_layout(graph)
