"""``graphbuild merge``: unite campaign files, such as the shards of a crawl."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_writing, read_store, save_clusters
from graphbuild.cli.console import limit_by_kind, notice, print_json, print_line
from graphbuild.cli.status import print_status, status_json

if TYPE_CHECKING:
    from graphbuild.store.merge_result import MergeResult


def merge(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES...", help="Campaign files to merge; they are only read."),
    ],
    store_path: Annotated[
        Path,
        typer.Option(
            "--store",
            metavar="FILE",
            help="Campaign file to merge into: a new one, or one that is extended.",
        ),
    ],
    *,
    json: options.JsonOption = False,
) -> None:
    """Merge campaign files, such as the shards of a crawl.

    Merging the shards gives the same exports as one crawl without --shard. Merging a file again
    changes nothing. If a merge is interrupted, run the same command again.
    """
    from graphbuild.store.merge import merge as merge_file

    results: list[MergeResult] = []
    with ExitStack() as opened:
        # Open all files first: if one of them is not a campaign file, nothing is merged.
        sources = [opened.enter_context(read_store(path)) for path in files]
        _refuse_target(files, store_path)
        store = opened.enter_context(open_for_writing(store_path, create=True))
        for source in sources:
            results.append(merge_file(store, source))
            if not json:
                print_line(_describe(results[-1]))
        conflicts = [
            (each.problem, f"conflict: {each}") for one in results for each in one.conflicts
        ]
        for line in limit_by_kind(conflicts):
            notice(line)
        store.check_in_place()
        if json:
            print_json({"merge": [asdict(each) for each in results], **status_json(store)})
        else:
            print_status(store)
        save_clusters(store)


def _refuse_target(files: list[Path], store_path: Path) -> None:
    """Raise BadParameter if the file to merge into is one of the files to merge."""
    for each in files:
        if store_path.exists() and store_path.samefile(each):
            raise typer.BadParameter(
                f"{each} is also a file to merge; choose a new file", param_hint="--store"
            )


def _describe(result: MergeResult) -> str:
    if not result.is_new():
        return f"{result.source}: nothing new"
    counts = {
        "entity": result.entities,
        "seed": result.seeds,
        "list": result.lists,
        "page": result.pages,
        "inference": result.inferences,
        "call": result.calls,
        "watch event": result.events,
    }
    new = ", ".join(format_count(count, name) for name, count in counts.items() if count)
    return f"{result.source}: {new} added or updated"
