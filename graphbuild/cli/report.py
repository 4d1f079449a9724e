"""``graphbuild report``: write a report about a campaign."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import on_signal
from graphbuild.cli import options
from graphbuild.cli.campaign_file import find_campaign_file, open_for_reading, warn_if_incomplete
from graphbuild.cli.compare import read_snapshot
from graphbuild.cli.console import print_json, spinner
from graphbuild.cli.export import file_json, print_files, remove_unfinished_and_exit

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.report import Baseline


def report(
    store_path: options.StoreOption = None,
    out: options.OutOption = options.DEFAULT_OUT,
    baseline: options.BaselineOption = None,
    since: options.SinceOption = None,
    seed: options.SeedOption = 0,
    *,
    embed: Annotated[
        bool, typer.Option("--embed", help="Keep the images inside report.md, as data: URLs.")
    ] = False,
    json: options.JsonOption = False,
) -> None:
    """Write a report: report.md and report.html.

    The report contains a summary, the incomplete subjects, the clusters with their evidence and
    files, the bridges and a timeline. With --since or --baseline, the report also contains the
    changes. The images of report.md are SVG files beside it, or inside with --embed. The HTML page
    contains its images. It has no scripts and loads nothing from the network.

    With --json, the output lists the files and every claim of the report: its numbers and the
    observations that prove it. "graphbuild verify" verifies these claims later.
    """
    from graphbuild.report import make_report

    if baseline or since is not None:
        options.check_comparison(baseline, since, None)
    path = find_campaign_file(store_path)
    with open_for_reading(path) as store:
        earlier = read_baseline(path, baseline, since)
        with on_signal(remove_unfinished_and_exit), spinner() as show_step:
            show_step("writing the report")
            made = make_report(store, earlier, seed=seed)
            written = made.write(out, embed=embed)
        if json:
            print_json({"files": [file_json(each) for each in written], **made.claims_json()})
        else:
            print_files(written)
        warn_if_incomplete(store)


def read_baseline(path: Path, baseline: Path | None, since: float | None) -> Baseline | None:
    """Return the earlier snapshot: another campaign file, or ``path`` at the time ``since``."""
    from graphbuild.report import Baseline

    if baseline:
        return Baseline(baseline.name, read_snapshot(baseline, None))
    if since is None:
        return None
    date = datetime.fromtimestamp(since, UTC).isoformat()
    name = date.removesuffix("+00:00").removesuffix("T00:00:00")
    return Baseline(name, read_snapshot(path, since), since)
