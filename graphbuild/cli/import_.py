"""``graphbuild import``: store API responses that were saved as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_writing
from graphbuild.cli.console import limit_by_kind, notice, print_json, print_line
from graphbuild.cli.errors import ExitCode
from graphbuild.cli.status import print_status, status_json

if TYPE_CHECKING:
    from graphbuild.models import Entity


def _parse_subject(text: str) -> Entity:
    from graphbuild.seeds.indicators import parse_indicator

    try:
        return parse_indicator(text.strip()).entity
    except ValueError as problem:
        raise typer.BadParameter(f"{text!a} {problem}") from None


def import_(
    responses: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="Saved responses of related_references: JSON files with one page each.",
        ),
    ],
    store_path: options.StoreOption = None,
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Hash, domain, IP address or URL: the subject of responses without links.self.",
        ),
    ] = None,
    *,
    json: options.JsonOption = False,
) -> None:
    """Import saved API responses, without an API key.

    The exit code is 4 if some files are not valid responses, and 1 if no file is a valid response.
    """
    from graphbuild.store.importer import import_responses, read_responses

    pages, refused = read_responses(responses, _parse_subject(subject) if subject else None)
    for line in limit_by_kind(
        (each.reason, f"not imported: {each.path}: {each.reason}") for each in refused
    ):
        notice(line)
    with open_for_writing(store_path, create=True) as store:
        new = import_responses(store, pages)
        store.check_in_place()
        if json:
            counts = {"pages": len(pages), "new": new, "refused": len(refused)}
            files = [{"path": str(each.path), "reason": each.reason} for each in refused]
            print_json({"import": {**counts, "refused_files": files}, **status_json(store)})
        else:
            known = len(pages) - new
            print_line(
                f"{format_count(new, 'page')} imported, {known:,} already stored, "
                f"{len(refused):,} refused"
            )
            print_status(store)
    if not pages:
        raise typer.Exit(ExitCode.ERROR)
    if refused:
        raise typer.Exit(ExitCode.INCOMPLETE)
