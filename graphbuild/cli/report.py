"""The report of a campaign: one Markdown file and one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild.cli import compare, export, options, status
from graphbuild.cli.console import Doing, result_json
from graphbuild.cli.errors import told
from graphbuild.cli.signals import on_signal

if TYPE_CHECKING:
    from graphbuild.report import Before


def add_to(app: typer.Typer) -> None:
    """Add the command to those of ``app``."""
    app.command(short_help="Write all of it on one page, to read, print and send.")(report)


def report(  # noqa: PLR0913  each is an option of the command
    store: options.StoreOption,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder to write into; made if missing.")
    ] = Path("output"),
    against: options.AgainstOption = None,
    since: options.SinceOption = None,
    seed: options.SeedOption = 0,
    *,
    json: options.JsonOption = False,
) -> None:
    """Write what the campaign says on one page: report.md and report.html.

    What is missing, the clusters with their evidence, bridges, the timeline, and with --since or
    --against what is new. Pictures are inside; the page runs nothing and asks nobody.
    """
    from graphbuild.report import write_report
    from graphbuild.store import Store

    if against or since:
        options.refuse_no_side(against, since, None)
    with told(), Store.read(store) as campaign:
        before = _before(store, against, since)
        with on_signal(export.tidy_up), Doing() as doing:
            doing.now("writing the report")
            written = write_report(campaign, out, before, seed=seed)
        if json:
            result_json({"files": [export.file_json(each) for each in written]})
        else:
            export.tell_files(written)
            status.gaps(campaign)


def _before(store: Path, against: Path | None, since: str | None) -> Before | None:
    from graphbuild.report import Before

    if against:
        return Before(against.name, compare.snapshot(against, None))
    return Before(since, compare.snapshot(store, since)) if since else None
