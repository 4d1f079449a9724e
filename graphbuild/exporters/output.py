"""Export a graph to one file or to a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.errors import ExportError
from graphbuild.exporters.atomic_write import make_folder, open_atomic
from graphbuild.exporters.formats import add_name_suffix, format_of_path, get_format
from graphbuild.exporters.output_files import (
    CAMPAIGN,
    CSV_BOM,
    CSV_GUARD,
    FULL_PAGE,
    NAME_SUFFIX,
    POSITIONS,
)
from graphbuild.exporters.results import ExportedFile
from graphbuild.graph.builder import validate_graph, with_stable_order
from graphbuild.graph.views import is_derived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from graphbuild.exporters.formats import Format
    from graphbuild.exporters.output_files import Writer
    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions


def export(graph: Graph, path: str | Path, *, positions: Positions | None = None) -> Path:
    """Write ``graph`` to ``path``, in the format that the suffix of ``path`` selects.

    The file is written completely or not at all. An existing file is replaced.

    Args:
        graph: A graph as :func:`~graphbuild.graph.builder.build_graph` returns it, or a view of it.
            Nodes and edges are written in the order of the graph. In a networkx view, such as
            ``graph.subgraph(...)``, their order is arbitrary, so they are sorted by node key.
        path: Ends in ``.graphml``, ``.gexf``, ``.graphml.gz``, ``.gexf.gz``, ``.html``,
            ``.stix.json``, ``.misp.json``, ``.dot``, ``.json``, ``.jsonl``, ``.cyjs``, ``.xlsx`` or
            the suffix of a registered format. If ``path`` is a symbolic link, the link is replaced,
            not the file that it refers to.
        positions: Position (x, y) of each node by node key, y upwards. If None, the layout is
            computed for formats with positions. If empty, HTML computes a layout, and files of
            other formats contain no positions.

    Returns the path of the file.

    Raises:
        ExportError: No format has this suffix, or the format requires a library that is not
            installed. The graph is not a ``DiGraph``, or the format cannot represent it. A node has
            no type or no label, or ``positions`` has no finite position for it. The file cannot be
            written.
    """
    return export_file(graph, path, positions=positions).path


def export_file(
    graph: Graph, path: str | Path, *, positions: Positions | None = None, full: bool = False
) -> ExportedFile:
    """Write ``graph`` to ``path`` as :func:`export` does; return the written file.

    ``full`` is as for :func:`export_all`.
    """
    path = Path(path)
    chosen, writer = format_of_path(path)
    validate_graph(graph)
    _refuse_derived(graph, [chosen], path)
    graph = with_stable_order(graph)
    options: dict[str, object] = {}
    if POSITIONS in chosen.options:
        options[POSITIONS] = _positions(graph, positions, [chosen])
    if FULL_PAGE in chosen.options:
        options[FULL_PAGE] = full
    return _write(graph, path, writer, options)


def export_all(  # noqa: PLR0913  all but the first three have defaults
    graph: Graph,
    folder: str | Path,
    formats: Iterable[str],
    *,
    positions: Positions | None = None,
    name_suffix: str = "",
    csv_guard: bool = True,
    csv_bom: bool = False,
    full: bool = False,
    campaign: str = "campaign",
    on_progress: Callable[[str], None] = lambda _: None,
) -> list[ExportedFile]:
    """Write ``graph`` into ``folder`` in several formats; compute the layout at most once.

    Each file is written completely or not at all. If an error occurs, the files already written
    remain.

    Args:
        graph: As for :func:`export`.
        folder: Folder for the files; it is created if it is missing.
        formats: Names of formats, which are the keys of ``FORMATS``.
        positions: As for :func:`export`.
        name_suffix: Text added to each file name, as in ``graph-NAME_SUFFIX.graphml``; or empty.
        csv_guard: Whether CSV cells that look like formulas get an apostrophe.
        csv_bom: Whether CSV files start with a byte order mark, which Excel needs to recognize
            UTF-8.
        full: Whether the HTML page draws a large graph as a whole, with WebGL. Otherwise, the page
            first draws a part of a large graph.
        campaign: Name of the campaign in a dataset. An earlier export of the same campaign into the
            dataset is replaced.
        on_progress: Function that is called before each step, with a description of the step.

    Returns the written files, in the order of writing. For a dataset, this is its manifest, which
    lists the other files.

    Raises:
        ExportError: A format does not exist, or requires a library that is not installed. The graph
            is not a ``DiGraph``, or a format cannot represent it. A node has no type or no label,
            or ``positions`` has no finite position for it. A file cannot be written.
    """
    chosen = [get_format(name) for name in dict.fromkeys(formats)]
    validate_graph(graph)
    refusing = ", ".join(each.name for each in chosen if each.refuses_derived_views)
    _refuse_derived(graph, chosen, refusing)
    graph = with_stable_order(graph)
    folder = make_folder(Path(folder))
    if positions is None and any(POSITIONS in each.options for each in chosen):
        on_progress("computing the layout")
    options = {
        POSITIONS: _positions(graph, positions, chosen),
        NAME_SUFFIX: name_suffix,
        CSV_GUARD: csv_guard,
        CSV_BOM: csv_bom,
        FULL_PAGE: full,
        CAMPAIGN: campaign,
    }
    written = []
    for each in chosen:
        for file in each.files:
            path = folder / add_name_suffix(file.name, name_suffix)
            on_progress(f"writing {path.name}")
            own = {name: options[name] for name in file.options}
            written.append(_write(graph, path, file.write, own))
        if each.folder:
            on_progress(f"writing {each.folder.names[0]} and its files")
            own = {name: options[name] for name in each.folder.options}
            written.append(each.folder.write(graph, folder, **own))
    return written


def _positions(
    graph: Graph, positions: Positions | None, formats: Sequence[Format]
) -> Positions | None:
    """Return ``positions``, or the computed layout if they are None and a format needs them."""
    if positions is not None or not any(POSITIONS in each.options for each in formats):
        return positions
    from graphbuild.graph.layout import compute_layout  # noqa: PLC0415  loads numpy

    return compute_layout(graph, folded=any(FULL_PAGE in each.options for each in formats))


def _refuse_derived(graph: Graph, formats: Iterable[Format], subject: object) -> None:
    """Raise ExportError about ``subject`` if ``graph`` is derived, which a format refuses."""
    if any(each.refuses_derived_views for each in formats) and is_derived(graph):
        raise ExportError(
            f"{subject}: must contain only facts of the API, but this view contains nodes or edges"
            " that graphbuild computed; export the full or the backbone view"
        )


def _write(graph: Graph, path: Path, writer: Writer, options: Mapping[str, object]) -> ExportedFile:
    with open_atomic(path) as stream:
        warnings = writer(graph, stream, **options)
        stream.flush()
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
    return ExportedFile(path, size, digest, warnings)
