"""``graphbuild export``: write the graph of a campaign to files."""

from __future__ import annotations

import shlex
from pathlib import Path
from signal import raise_signal
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import format_count, on_signal
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_reading, warn_if_incomplete
from graphbuild.cli.console import notice, print_json, print_line, spinner
from graphbuild.errors import ExportError
from graphbuild.exporters.formats import DEFAULT_FORMATS, FORMATS, describe_file, get_format
from graphbuild.exporters.output_files import CAMPAIGN, CSV_BOM, CSV_GUARD, FULL_PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from signal import Signals

    from graphbuild.exporters import ExportedFile
    from graphbuild.graph.builder import Graph

FULL = "full"
HEAVY_BYTES = 50_000_000  # size above which Gephi opens a file slowly
_GEPHI_FORMATS = {"graphml", "gexf"}
_REPORT_FILES = {
    "report-clusters.svg": "image of report.md: the clusters",
    "report-timeline.svg": "image of report.md: the timeline",
    "report.md": "the report in Markdown",
    "report.html": "the report as one page, to open in a browser or print",
}


def _check_view(name: str) -> str:
    from graphbuild.graph.views import VIEWS

    if name not in VIEWS:
        raise typer.BadParameter(f"no view {name!a}; use one of {', '.join(VIEWS)}")
    return name


def export(
    store_path: options.StoreOption = None,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMATS",
            help=f"Formats, separated by commas: {', '.join(FORMATS)}.",
        ),
    ] = ",".join(DEFAULT_FORMATS),
    out: options.OutOption = options.DEFAULT_OUT,
    *,
    view: Annotated[
        str,
        typer.Option(
            callback=_check_view,
            metavar="NAME",
            help="Graph to write: full; folded (nodes of one type with the same neighbors become "
            "one node, except collections and reports in related_from); backbone (only one "
            "reference of each group with the same neighbors); files or collections (an edge "
            "connects two files, or two collections, that share references); files-collections "
            "(an edge connects a file and a collection that an observation contains).",
        ),
    ] = FULL,
    observed_only: Annotated[
        bool, typer.Option("--observed-only", help="Leave out inferred edges and observations.")
    ] = False,
    timestamps: Annotated[
        bool,
        typer.Option(
            "--timestamps",
            help="Add times to edges from subjects to references (first and last response with the "
            "edge), and to subjects (last response).",
        ),
    ] = False,
    places: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep the places of nodes, and the labels and notes that you typed, from an "
            "earlier page, GraphML or GEXF file (also one that Gephi saved), or from a JSON file "
            "that the page saved. New nodes are placed near their neighbors and marked.",
        ),
    ] = None,
    no_csv_guard: Annotated[
        bool,
        typer.Option(
            "--no-csv-guard",
            help="Write CSV for programs, without apostrophes before cells that look like "
            "formulas. Do not open such a file in a spreadsheet.",
        ),
    ] = False,
    csv_bom: Annotated[
        bool,
        typer.Option(
            "--csv-bom",
            help="Start CSV files with a byte order mark, so that Excel shows characters beyond "
            "ASCII correctly.",
        ),
    ] = False,
    no_reduction: Annotated[
        bool,
        typer.Option(
            "--no-reduction",
            help="Start the HTML page with the whole graph, even if it has more than 15,000 nodes "
            "and edges after folding. Such a page needs WebGL.",
        ),
    ] = False,
    campaign: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Name of the campaign in a dataset, which can contain several campaigns (default: "
            "name of the campaign file). An earlier export of this campaign is replaced.",
        ),
    ] = None,
    json: options.JsonOption = False,
) -> None:
    """Write the graph for Gephi, browsers and other programs.

    Existing files are replaced atomically. With one format, --out can also be a file with a suffix
    of the format, such as --to graphml --out campaign.graphml.
    """
    from graphbuild.analysis.campaign_clusters import read_graph
    from graphbuild.exporters.atomic_write import make_folder
    from graphbuild.exporters.output import export_all, export_file
    from graphbuild.exporters.places import apply_places, read_places
    from graphbuild.graph.views import view as select_view

    formats = _parse_formats(to)
    is_file = _is_file_of_format(out, formats)
    given = {
        "--no-csv-guard": (CSV_GUARD, no_csv_guard),
        "--csv-bom": (CSV_BOM, csv_bom),
        "--no-reduction": (FULL_PAGE, no_reduction),
        "--campaign": (CAMPAIGN, campaign is not None),
    }
    _refuse_unused_options(formats, given)
    _refuse_derived_view(formats, view)
    known = read_places(places) if places else None
    with open_for_reading(store_path) as store:
        with on_signal(remove_unfinished_and_exit), spinner() as show_step:
            graph = read_graph(
                store, observed_only=observed_only, timestamps=timestamps, on_progress=show_step
            )
            shown, positions = select_view(graph, view), None
            if known:
                show_step("placing the new nodes")
                shown, positions = apply_places(shown, known)
            if is_file:
                show_step(f"writing {out.name}")
                make_folder(out.parent)
                files = [export_file(shown, out, positions=positions, full=no_reduction)]
            else:
                files = export_all(
                    shown,
                    out,
                    formats,
                    positions=positions,
                    name_suffix="" if view == FULL else view,
                    csv_guard=not no_csv_guard,
                    csv_bom=csv_bom,
                    full=no_reduction,
                    campaign=store.path.stem if campaign is None else campaign,
                    on_progress=show_step,
                )
        nodes, edges = len(shown), shown.number_of_edges()
        all_nodes, all_edges = len(graph), graph.number_of_edges()
        if json:
            exported = {"view": view, "nodes": nodes, "edges": edges}
            if known:
                exported["new"] = _count_new_nodes(shown)
            whole = {"nodes": all_nodes, "edges": all_edges}
            print_json({**exported, "whole": whole, "files": [file_json(each) for each in files]})
            return
        if view != FULL:
            part = f"{format_count(nodes, 'node')} and {format_count(edges, 'edge')}"
            print_line(f"view {view}: {part} of {all_nodes:,} and {all_edges:,}")
        print_files(files)
        if known:
            new = _count_new_nodes(shown)
            verb = "is" if new == 1 else "are"
            kept = format_count(nodes - new, "node")
            print_line(f"{kept} kept their places; {new:,} {verb} new since {places}")
        warnings = (f"{each.path.name}: {each.warnings}" for each in files if each.warnings)
        for line in dict.fromkeys(warnings):
            notice(line)
        if view == FULL:
            _warn_if_heavy(files, store.path)
        warn_if_incomplete(store)


def _count_new_nodes(graph: Graph) -> int:
    """Return the number of nodes that have no place in the file of ``--places``."""
    from graphbuild.exporters.places import IS_NEW

    return sum(1 for _, is_new in graph.nodes(data=IS_NEW) if is_new)


def _is_file_of_format(out: Path, formats: Sequence[str]) -> bool:
    """Return whether ``out`` is the file to write, not a folder.

    It is a file if its suffix selects a format, unless it is an existing folder. Raise
    BadParameter if other formats would have to be written into the file.
    """
    from graphbuild.exporters.formats import format_of_path

    try:
        selected, _ = format_of_path(out)
    except ExportError:
        return False
    if out.is_dir():
        return False
    if list(formats) != [selected.name]:
        raise typer.BadParameter(
            f"{out.name!a} is a file for --to {selected.name}; use a folder for other formats",
            param_hint="--out",
        )
    return True


def _warn_if_heavy(files: Sequence[ExportedFile], store_path: Path) -> None:
    """If a file is slow to open in Gephi, log a command that writes a smaller one."""
    for each in files:
        name = each.path.name.removesuffix(".gz").rpartition(".")[2]
        if name in _GEPHI_FORMATS and each.size > HEAVY_BYTES:
            store = shlex.quote(str(store_path))
            notice(
                f"{each.path.name} is large for Gephi ({each.size:,} bytes). A smaller file with "
                f"the same information: graphbuild export --store {store} --to {name} --view folded"
            )


def _parse_formats(text: str) -> list[str]:
    """Return the names of the formats in a text such as ``graphml,csv``.

    Raise BadParameter for an unknown format, and ExportError if a format needs a missing library.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        problem = f"no format {unknown[0]!a}" if unknown else "no format given"
        raise typer.BadParameter(f"{problem}; use any of {', '.join(FORMATS)}", param_hint="--to")
    for name in names:
        get_format(name)
    return names


def _refuse_unused_options(
    formats: Sequence[str], options_given: Mapping[str, tuple[str, bool]]
) -> None:
    """Raise BadParameter if the user gave an option that no format in ``formats`` supports.

    ``options_given`` maps each option to the option of the writers, and to whether it was given.
    """
    for option, (writer_option, given) in options_given.items():
        supporting = [name for name, each in FORMATS.items() if writer_option in each.options]
        if given and not set(supporting) & set(formats):
            raise typer.BadParameter(f"needs --to {', '.join(supporting)}", param_hint=option)


def _refuse_derived_view(formats: Sequence[str], view: str) -> None:
    """Raise BadParameter if a format would state the computed nodes or edges of a view as facts."""
    from graphbuild.graph.views import DERIVED_VIEWS, VIEWS

    refused = [name for name in formats if FORMATS[name].refuses_derived_views]
    if refused and view in DERIVED_VIEWS:
        others = " or ".join(name for name in VIEWS if name not in DERIVED_VIEWS)
        raise typer.BadParameter(
            f"the view {view} has computed nodes or edges, which {', '.join(refused)} would state "
            f"as facts; use the view {others}, or other formats",
            param_hint="--view",
        )


def remove_unfinished_and_exit(signal: Signals) -> None:
    """Remove the unfinished files of this process, then end the process by ``signal``."""
    from graphbuild.exporters.atomic_write import remove_unfinished

    remove_unfinished()
    raise_signal(signal)


def print_files(files: Sequence[ExportedFile]) -> None:
    """Print each file with its size in bytes and its purpose."""
    for each in files:
        purpose = _REPORT_FILES.get(each.path.name) or describe_file(each.path.name)
        print_line(f"{each.path}  ({each.size:,} bytes; {purpose})")


def file_json(written: ExportedFile) -> dict[str, object]:
    """Return path, size, checksum and warnings of a written file as JSON data."""
    return {
        "path": str(written.path),
        "bytes": written.size,
        "sha256": written.sha256,
        "warnings": str(written.warnings),
    }
