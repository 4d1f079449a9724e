"""Files in and out: saved answers taken in, exports written and told."""

from __future__ import annotations

from signal import raise_signal
from typing import TYPE_CHECKING

import typer

from graphbuild.cli.stopping import on_signal
from graphbuild.cli.terminal import counted, notice, result, result_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from signal import Signals

    from graphbuild.answers import Refused
    from graphbuild.entities import Entity
    from graphbuild.exporters import Written
    from graphbuild.store import Fetched, Store

_OPENED_BY = {
    "graph.graphml": "open it in Gephi",
    "graph.html": "open it in a browser; it needs no network",
    "nodes.csv": "one row a file, reference or collection",
    "edges.csv": "one row an edge",
    "observations.csv": "one row a (file, reference, collection)",
    "graph.stix.json": "import it into a platform that reads STIX 2.1",
    "graph.misp.json": "import it into MISP, as an event in its own JSON",
    "nodes.neo4j.csv": "for neo4j-admin, as neo4j-import.txt says",
    "edges.neo4j.csv": "for neo4j-admin, as neo4j-import.txt says",
    "neo4j-import.txt": "the one command that makes a Neo4j database of both",
    "graph.dot": "draw it with Graphviz: dot -Tsvg -O graph.dot; sfdp for over a thousand nodes",
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


def write(
    store: Store,
    folder: Path,
    names: Sequence[str],
    *,
    observed_only: bool = False,
    times: bool = False,
) -> list[Written]:
    """Write the store's graph into ``folder``; without what is inferred, with times, if told so.

    Raises:
        ExportError: a file could not be written.
    """
    from graphbuild.exporters import export_all
    from graphbuild.graph import build_graph
    from graphbuild.observations import OBSERVED

    observations = (
        one for one in store.observations() if one.evidence == OBSERVED or not observed_only
    )
    subjects, links = store.subjects(times=times), store.links()
    graph = build_graph(observations, subjects=subjects, links=links, times=times)
    with on_signal(_tidy_up):
        return export_all(graph, folder, names)


def _tidy_up(signal: Signals) -> None:
    from graphbuild.exporters import discard_unfinished

    discard_unfinished()
    raise_signal(signal)


def tell(written: Sequence[Written]) -> None:
    """Name each file, what it is for, and what it could not carry."""
    for each in written:
        result(f"{each.path}  ({each.bytes:,} bytes; {_OPENED_BY[each.path.name]})")
    said = dict.fromkeys(f"{each.path.name}: {each.remarks}" for each in written if each.remarks)
    for line in said:
        notice(line)


def as_json(written: Sequence[Written]) -> dict[str, object]:
    """The same for scripts."""
    return {
        "files": [
            {"path": str(each.path), "bytes": each.bytes, "sha256": each.sha256} for each in written
        ]
    }


def read(answers: Sequence[Path], subject: Entity | None) -> tuple[list[Fetched], list[Refused]]:
    """Read saved answers; those that are none are told at once."""
    from graphbuild.answers import read_answers

    pages, refused = read_answers(answers, subject)
    for each in refused:
        notice(f"not taken in: {each.path}: {each.reason}")
    return pages, refused


def take_in(
    store: Store, pages: Sequence[Fetched], refused: Sequence[Refused], *, json: bool
) -> int:
    """Commit saved answers and tell what the campaign holds now; the exit code."""
    from graphbuild.answers import import_answers
    from graphbuild.cli import showing

    new = import_answers(store, pages)
    if json:
        counts = {"pages": len(pages), "new": new, "refused": len(refused)}
        result_json({"import": counts, **showing.status_json(store)})
    else:
        known = len(pages) - new
        result(
            f"{counted(new, 'page')} taken in, {known:,} known already, {len(refused):,} refused"
        )
        showing.status(store, everything=False)
    if not pages:
        return 1
    return 4 if refused else 0
