"""``graphbuild explain``: show how two nodes are connected."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import escape_markdown, escape_unprintable, format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_reading, warn_if_incomplete
from graphbuild.cli.console import attributes_json, print_json, print_line
from graphbuild.cli.strength import (
    describe_strength,
    find_duplicates_if_installed,
    strength_json,
)
from graphbuild.models import REFERENCES, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbuild.analysis import EvidencePath
    from graphbuild.models import Observation

_MAX_LINES = 10  # lines about observations to print per step
_MAX_LINE = 5_000  # characters; each text within a line is truncated separately


def explain(
    one: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="Key, title, name, URL, hash or id of a node, or the first 8 or more characters "
            "of its id.",
        ),
    ],
    other: Annotated[
        str, typer.Argument(metavar="B", help="The other node, given in the same way.")
    ],
    store_path: options.StoreOption = None,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show all paths, and all observations of each step.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json: options.JsonOption = False,
) -> None:
    """Show the shortest paths between two nodes.

    Each path is listed with the observations that support its steps; by default, with one line per
    reference and at most ten references per step. URLs are defanged, except in JSON. JSON always
    contains all paths and observations.
    """
    from graphbuild.analysis import (
        EvidenceGraph,
        as_incidence,
        describe_node,
        describe_step,
        measure_pair,
    )

    with open_for_reading(store_path) as store:
        warn_if_incomplete(store)
        incidence = as_incidence(store)
        subjects = [
            status.subject
            for status in store.statuses()
            if status.relationship == RELATED_REFERENCES
        ]
        evidence = EvidenceGraph(store.observations(direct=True), subjects)
    ends = evidence.find_node(one), evidence.find_node(other)
    paths = evidence.shortest_paths(*ends)
    duplicates = find_duplicates_if_installed(evidence.references)
    strength = measure_pair(incidence, duplicates, *ends) if duplicates else None
    if json:
        source, target = ends[0].key, ends[1].key
        paths_json = [_path_json(path) for path in paths]
        shown = strength_json(strength) if strength else {}
        print_json({"source": source, "target": target, **shown, "paths": paths_json})
        return
    quote = _quote_markdown if markdown else _quote
    names = " and ".join(describe_node(end, quote) for end in ends)
    count = evidence.count_paths(*ends)
    if not count:
        print_line(f"no observation connects {names}", _MAX_LINE)
        return
    for number, path in enumerate(paths if show_all else islice(paths, limit), start=1):
        if number == 1:
            steps = format_count(len(path.steps), "step")
            title = f"{format_count(count, 'shortest path')} of {steps} between {names}"
            print_line(f"# {title}" if markdown else title, _MAX_LINE)
            if strength:
                if markdown:
                    print_line()
                print_line(describe_strength(strength))
        print_line()
        for position, step in enumerate(path.steps):
            indent = "   " if position else f"{number}. "
            line_break = "  " if markdown else ""
            print_line(f"{indent}{describe_step(step, quote, duplicates)}{line_break}", _MAX_LINE)
        print_line()
        _print_observations(path, quote, show_all=show_all)
    if not show_all and count > limit:
        print_line(f"… and {count - limit:,} more; --all shows every path")


def _print_observations(path: EvidencePath, quote: Callable[[str], str], *, show_all: bool) -> None:
    """Print the observations of each step: at most ten lines, with one line per reference.

    With ``show_all``, print one line per observation.
    """
    from graphbuild.analysis import describe_observation
    from graphbuild.analysis.formatting import describe_observations

    for step in path.steps:
        if show_all:
            lines = [describe_observation(each, quote) for each in step.observations]
        else:
            lines = describe_observations(step.observations, quote)
        shown = lines if show_all else lines[:_MAX_LINES]
        for line in shown:
            print_line(f"   - {line}", _MAX_LINE)
        if len(shown) < len(lines):
            hidden = format_count(len(lines) - len(shown), "more reference")
            print_line(f"   - … and {hidden}")


def _quote(text: str) -> str:
    return f'"{escape_unprintable(text)}"'


def _quote_markdown(text: str) -> str:
    return f"“{escape_markdown(text)}”"


def _path_json(path: EvidencePath) -> list[dict[str, object]]:
    steps: list[dict[str, object]] = []
    for step in path.steps:
        observations: list[dict[str, object]] = []
        for each in step.observations:
            triple = attributes_json(each, "subject", "reference", "related_from", "provenance")
            names = ("title", "url", "creation_date")
            shown = {name: each.reference.attributes.get(name) for name in names}
            observations.append({**triple, **shown, **_direct_json(each)})
        steps.append({**attributes_json(step, "source", "target"), "observations": observations})
    return steps


def _direct_json(observation: Observation) -> dict[str, object]:
    """Return the relationship of a direct reference by its name; empty for other observations."""
    is_direct = observation.relationship == REFERENCES
    return {"relationship": observation.relationship} if is_direct else {}
