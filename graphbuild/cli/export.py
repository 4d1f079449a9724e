"""Files in and out: saved answers taken in, exports written and told."""

from __future__ import annotations

from dataclasses import dataclass
from signal import raise_signal
from typing import TYPE_CHECKING

import typer

from graphbuild._util import format_count
from graphbuild.cli.console import Doing, notice, result, result_json
from graphbuild.cli.signals import on_signal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from signal import Signals

    from graphbuild.exporters import ExportedFile
    from graphbuild.models import Entity
    from graphbuild.store import Fetched, Store
    from graphbuild.store.importer import Refused

FULL = "full"
_OPENED_BY = {
    "graph.graphml": "open it in Gephi",
    "graph.gexf": "open it in Gephi, where its timeline shows reports by their day",
    "graph.html": "open it in a browser; it needs no network",
    "nodes.csv": "one row a file, reference or collection",
    "edges.csv": "one row an edge",
    "observations.csv": "one row a (file, reference, collection)",
    "nodes.parquet": "the same tables with types: pandas.read_parquet",
    "edges.parquet": "one row an edge, with types",
    "observations.parquet": "one row a (file, reference, collection), with types",
    "graph.json": "node-link data for networkx.node_link_graph",
    "graph.jsonl": "an object a line: nodes, edges, observations",
    "graph.cyjs": "open it in Cytoscape, or give it to Cytoscape.js",
    "graph.stix.json": "import it into a platform that reads STIX 2.1",
    "graph.misp.json": "import it into MISP, as an event in its own JSON",
    "nodes.neo4j.csv": "for neo4j-admin, as neo4j-import.txt says",
    "edges.neo4j.csv": "for neo4j-admin, as neo4j-import.txt says",
    "neo4j-import.txt": "the one command that makes a Neo4j database of both",
    "graph.dot": "draw it with Graphviz: dot -Tsvg -O graph.dot; sfdp for over a thousand nodes",
    "report.md": "the report as Markdown, pictures inside",
    "report.html": "the report as one page; open it in a browser, or print it",
    "indicators.stix.json": "a STIX 2.1 bundle that has an indicator for each file and name",
}


def formats(text: str) -> list[str]:
    """The formats named in ``text``, commas between.

    Raises:
        typer.BadParameter: one is unknown, or none is named.
    """
    from graphbuild.exporters import FORMATS

    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        said = f"no format {unknown[0]!a}" if unknown else "no format named"
        raise typer.BadParameter(f"{said}; we have {', '.join(FORMATS)}", param_hint="--to")
    return names


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        view: which of the views.
        nodes: how many are in the files, and edges.
        whole: how many nodes and edges the graph has.
        files: the files, in their order.
    """

    view: str
    nodes: int
    edges: int
    whole: tuple[int, int]
    files: list[ExportedFile]


def view_name(text: str) -> str:
    """The view named in ``text``.

    Raises:
        typer.BadParameter: there is none of that name.
    """
    from graphbuild.graph.views import VIEWS

    if text not in VIEWS:
        raise typer.BadParameter(f"no view {text!a}; we have {', '.join(VIEWS)}")
    return text


def refuse_idle(names: Sequence[str], *, raw: bool, full: bool) -> None:
    """Refuse ``--raw`` and ``--full`` where no format heeds them.

    Raises:
        typer.BadParameter: none of ``names`` does.
    """
    from graphbuild.exporters import FORMATS

    for option, asked in (("raw", raw), ("full", full)):
        heeding = [name for name, form in FORMATS.items() if getattr(form, option)]
        if asked and not set(heeding) & set(names):
            raise typer.BadParameter(
                f"goes with --to {', '.join(heeding)}", param_hint=f"--{option}"
            )


def refuse_derived(names: Sequence[str], view: str) -> None:
    """Refuse a view in which not all was told where a format may say nothing else.

    Raises:
        typer.BadParameter: one of ``names`` is such a format.
    """
    from graphbuild.exporters import FORMATS
    from graphbuild.graph.views import DERIVED_VIEWS, VIEWS

    refused = [name for name in names if FORMATS[name].told]
    if refused and view in DERIVED_VIEWS:
        others = " or ".join(name for name in VIEWS if name not in DERIVED_VIEWS)
        raise typer.BadParameter(
            f"{view} shows what no answer told, and {', '.join(refused)} would say it as a fact;"
            f" choose {others}, or other formats",
            param_hint="--view",
        )


def write(  # noqa: PLR0913  all but the first three are named
    store: Store,
    folder: Path,
    names: Sequence[str],
    *,
    view: str = FULL,
    observed_only: bool = False,
    times: bool = False,
    raw: bool = False,
    full: bool = False,
) -> Exported:
    """Write the store's graph into ``folder``.

    Args:
        store: the campaign.
        folder: where the files go; made if missing.
        names: the formats.
        view: how much of the graph; the names of the files tell it, but for the full one.
        observed_only: leave out what is inferred.
        times: tell when each edge was seen first and last.
        raw: leave the guard against formulas off the cells of tables.
        full: let the page begin with the whole picture, however large.

    Raises:
        ExportError: a file could not be written.
    """
    from graphbuild.exporters import export_all
    from graphbuild.graph.builder import build_graph
    from graphbuild.graph.views import view as view_of
    from graphbuild.models import OBSERVED

    observations = (
        one for one in store.observations() if one.provenance == OBSERVED or not observed_only
    )
    subjects, links = store.subjects(times=times), store.links()
    with on_signal(tidy_up), Doing() as doing:
        doing.now("reading the campaign")
        with store.snapshot():
            graph = build_graph(observations, subjects=subjects, links=links, times=times)
        seen = view_of(graph, view)
        named = "" if view == FULL else view
        files = export_all(seen, folder, names, named=named, raw=raw, full=full, tell=doing.now)
    whole = len(graph), graph.number_of_edges()
    return Exported(view, len(seen), seen.number_of_edges(), whole, files)


def tidy_up(signal: Signals) -> None:
    """Remove what is half written, and end as the signal means it."""
    from graphbuild.exporters import remove_unfinished

    remove_unfinished()
    raise_signal(signal)


def tell(exported: Exported) -> None:
    """Name each file, what it is for, and what it could not carry."""
    files, (nodes, edges) = exported.files, exported.whole
    if exported.view != FULL:
        shown, ties = format_count(exported.nodes, "node"), format_count(exported.edges, "edge")
        result(f"view {exported.view}: {shown} and {ties}; the whole has {nodes:,} and {edges:,}")
    tell_files(files, exported.view)
    said = dict.fromkeys(f"{each.path.name}: {each.warnings}" for each in files if each.warnings)
    for line in said:
        notice(line)


def tell_files(files: Sequence[ExportedFile], view: str = FULL) -> None:
    """Name each file, and what it is for."""
    for each in files:
        name = each.path.name.replace(f"-{view}.", ".")
        result(f"{each.path}  ({each.size:,} bytes; {_OPENED_BY[name]})")


def as_json(exported: Exported) -> dict[str, object]:
    """The same for scripts."""
    nodes, edges = exported.whole
    return {
        "view": exported.view,
        "nodes": exported.nodes,
        "edges": exported.edges,
        "whole": {"nodes": nodes, "edges": edges},
        "files": [file_json(each) for each in exported.files],
    }


def file_json(written: ExportedFile) -> dict[str, object]:
    """A file for scripts."""
    return {
        "path": str(written.path),
        "bytes": written.size,
        "sha256": written.sha256,
        "warnings": str(written.warnings),
    }


def read(answers: Sequence[Path], subject: Entity | None) -> tuple[list[Fetched], list[Refused]]:
    """Read saved answers; those that are none are told at once."""
    from graphbuild.store.importer import read_answers

    pages, refused = read_answers(answers, subject)
    for each in refused:
        notice(f"not taken in: {each.path}: {each.reason}")
    return pages, refused


def take_in(
    store: Store, pages: Sequence[Fetched], refused: Sequence[Refused], *, json: bool
) -> int:
    """Commit saved answers and tell what the campaign holds now; the exit code."""
    from graphbuild.cli import status
    from graphbuild.store.importer import import_answers

    new = import_answers(store, pages)
    if json:
        counts = {"pages": len(pages), "new": new, "refused": len(refused)}
        result_json({"import": counts, **status.status_json(store)})
    else:
        known = len(pages) - new
        result(
            f"{format_count(new, 'page')} taken in, {known:,} known already,"
            f" {len(refused):,} refused"
        )
        status.status(store, everything=False)
    if not pages:
        return 1
    return 4 if refused else 0
