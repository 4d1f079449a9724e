"""``graphbuild backup``: copy a campaign file, even during a crawl."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_reading
from graphbuild.cli.console import print_json, print_line


def backup(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Campaign file (default: the only one in the current folder, *.db).",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="COPY", help="Path of the copy, which must not exist yet."),
    ],
    json: options.JsonOption = False,
) -> None:
    """Copy a campaign file, even during a crawl.

    The copy contains every page that was stored before the command started. In contrast, a copy
    that another program makes during a crawl can lack the pages of the last seconds.
    """
    from graphbuild.store import Store

    with open_for_reading(file) as store:
        store.back_up(out)
    with Store.read(out) as copy:
        pages = copy.totals().pages
    if json:
        print_json({"copy": str(out), "pages": pages})
    else:
        print_line(f"{out}: {format_count(pages, 'page')}")
