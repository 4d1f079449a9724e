"""``graphbuild explain``: show how two nodes are connected."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import escape_markdown, escape_unprintable, format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_reading, warn_if_incomplete
from graphbuild.cli.console import attributes_json, print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from graphbuild.analysis import Deduplication, EvidenceGraph, EvidencePath
    from graphbuild.models import Entity

_MAX_OBSERVATIONS = 10  # per step
_MAX_LINE = 5_000  # characters; each text within a line is truncated separately


def explain(
    one: Annotated[str, typer.Argument(metavar="A", help="Hash, id, title or name of a node.")],
    other: Annotated[
        str, typer.Argument(metavar="B", help="Hash, id, title or name of another node.")
    ],
    store_path: options.StoreOption = None,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    show_all: Annotated[
        bool, typer.Option("--all", help="All paths with all their observations.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Output in Markdown.")] = False,
    json: options.JsonOption = False,
) -> None:
    """Show the shortest paths between two nodes.

    Each path is listed with the observations that support it. URLs are defanged, except in JSON.
    JSON always contains all paths.
    """
    from graphbuild.analysis import EvidenceGraph

    with open_for_reading(store_path) as store:
        warn_if_incomplete(store)
        evidence = EvidenceGraph(store.observations())
    ends = evidence.find_node(one), evidence.find_node(other)
    paths = evidence.shortest_paths(*ends)
    if json:
        print_json(
            {
                "source": ends[0].key,
                "target": ends[1].key,
                "paths": [_path_json(path) for path in paths],
            }
        )
        return
    count = evidence.count_paths(*ends)
    _print_paths(
        ends,
        count,
        paths if show_all else islice(paths, limit),
        _find_duplicates(evidence),
        markdown=markdown,
        max_observations=None if show_all else _MAX_OBSERVATIONS,
    )
    if not show_all and count > limit:
        print_line(f"… and {count - limit:,} more; --all shows every path")


def _find_duplicates(evidence: EvidenceGraph) -> Deduplication | None:
    """Return the duplicate references, or None if an optional library is not installed."""
    from graphbuild.analysis import find_duplicates
    from graphbuild.errors import MissingLibraryError

    try:
        return find_duplicates(evidence.references)
    except MissingLibraryError:
        return None


def _print_paths(
    ends: tuple[Entity, Entity],
    count: int,
    paths: Iterable[EvidencePath],
    duplicates: Deduplication | None,
    *,
    markdown: bool,
    max_observations: int | None,
) -> None:
    from graphbuild.analysis import describe_node, describe_observation, describe_step

    quote: Callable[[str], str] = _quote_markdown if markdown else _quote
    names = " and ".join(describe_node(end, quote) for end in ends)
    if not count:
        print_line(f"no observation connects {names}", _MAX_LINE)
        return
    for number, path in enumerate(paths, start=1):
        if number == 1:
            steps = format_count(len(path.steps), "step")
            title = f"{format_count(count, 'shortest path')} of {steps} between {names}"
            print_line(f"# {title}" if markdown else title, _MAX_LINE)
        print_line()
        for position, step in enumerate(path.steps):
            indent = "   " if position else f"{number}. "
            line_break = "  " if markdown else ""
            print_line(f"{indent}{describe_step(step, quote, duplicates)}{line_break}", _MAX_LINE)
        print_line()
        for step in path.steps:
            for observation in step.observations[:max_observations]:
                print_line(f"   - {describe_observation(observation, quote)}", _MAX_LINE)
            hidden = len(step.observations[max_observations:]) if max_observations else 0
            if hidden:
                print_line(f"   - … and {hidden:,} more observations")


def _quote(text: str) -> str:
    return f'"{escape_unprintable(text)}"'


def _quote_markdown(text: str) -> str:
    return f"“{escape_markdown(text)}”"


def _path_json(path: EvidencePath) -> list[dict[str, object]]:
    return [
        {
            **attributes_json(step, "source", "target"),
            "observations": [
                {
                    **attributes_json(each, "subject", "reference", "related_from", "provenance"),
                    "title": each.reference.attributes.get("title"),
                    "url": each.reference.attributes.get("url"),
                    "creation_date": each.reference.attributes.get("creation_date"),
                }
                for each in step.observations
            ],
        }
        for step in path.steps
    ]
