"""``graphbuild import``: store API responses that were saved as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_writing, save_clusters
from graphbuild.cli.console import limit_by_kind, notice, print_json, print_line
from graphbuild.cli.errors import ExitCode
from graphbuild.cli.status import print_status, status_json
from graphbuild.models import COLLECTION, REFERENCE, Entity, is_object_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.store.models import FetchedPage
    from graphbuild.store.saved_responses import RejectedFile


def _parse_subject(text: str) -> Entity:
    from graphbuild.seeds.indicators import parse_indicator

    kind, _, object_id = text.partition(":")
    if kind in {COLLECTION, REFERENCE} and is_object_id(object_id):
        return Entity(kind, object_id)
    try:
        return parse_indicator(text.strip()).entity
    except ValueError as problem:
        raise typer.BadParameter(f"{text!a} {problem}") from None


def _parse_relationship(text: str) -> str:
    from graphbuild.api.endpoints import RELATIONSHIPS, classic_relationship

    if (name := classic_relationship(text)) not in RELATIONSHIPS:
        names = ", ".join(RELATIONSHIPS)
        raise typer.BadParameter(f"unknown relationship {text[:40]!a}; use one of {names}")
    return name


def import_(
    responses: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="Saved responses or objects of lists: JSON files, also compressed with gzip, or "
            "folders with such files.",
        ),
    ],
    store_path: options.StoreOption = None,
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Subject of responses without links.self, and of objects that vt-cli or vt-py "
            "printed: a hash, domain, IP address or URL, collection:ID or reference:ID.",
        ),
    ] = None,
    relationship: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            parser=_parse_relationship,
            help="Relationship of responses without links.self, and of objects.",
        ),
    ] = "related_references",
    *,
    json: options.JsonOption = False,
) -> None:
    """Import saved API responses, without an API key.

    The exit code is 4 if a part of the files is not valid, and 1 if no file contains a valid
    response.
    """
    from graphbuild.store.importer import import_responses

    pages = _Pages(responses, _parse_subject(subject) if subject else None, relationship)
    with open_for_writing(store_path, create=True) as store:
        new = import_responses(store, pages)
        for line in limit_by_kind(
            (each.reason, f"not imported: {each.path}: {each.reason}") for each in pages.refused
        ):
            notice(line)
        store.check_in_place()
        if json:
            counts = {"pages": pages.count, "new": new, "refused": len(pages.refused)}
            files = [{"path": str(each.path), "reason": each.reason} for each in pages.refused]
            print_json({"import": {**counts, "refused_files": files}, **status_json(store)})
        else:
            known = pages.count - new
            print_line(
                f"{format_count(new, 'page')} imported, {known:,} already stored, "
                f"{len(pages.refused):,} refused"
            )
            print_status(store)
        save_clusters(store)
    if not pages.count:
        raise typer.Exit(ExitCode.ERROR)
    if pages.refused:
        raise typer.Exit(ExitCode.INCOMPLETE)


class _Pages:
    """Iterates over the pages in saved responses, counts them, and collects refused files."""

    def __init__(self, paths: list[Path], subject: Entity | None, relationship: str) -> None:
        self._arguments = paths, subject, relationship
        self.count = 0
        self.refused: list[RejectedFile] = []

    def __iter__(self) -> Iterator[FetchedPage]:
        from graphbuild.store.models import FetchedPage
        from graphbuild.store.saved_responses import iterate_responses

        for found in iterate_responses(*self._arguments):
            if isinstance(found, FetchedPage):
                self.count += 1
                yield found
            else:
                self.refused.append(found)
