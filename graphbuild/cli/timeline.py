"""``graphbuild timeline``: count references by publication date."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import read_incidence
from graphbuild.cli.console import print_json, print_line, print_rows, shorten

if TYPE_CHECKING:
    from graphbuild.analysis import Span
    from graphbuild.models import Entity

_BAR_WIDTH = 40  # characters, of the month with most references


def timeline(
    store: options.StoreOption = None,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    clusters: Annotated[
        bool, typer.Option("--clusters", help="Dates of clusters instead of collections.")
    ] = False,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show the publication dates of references."""
    from graphbuild.analysis import build_timeline, find_communities

    incidence = read_incidence(store, merge=merge)
    found = find_communities(incidence) if clusters or json else None
    times = build_timeline(incidence, found)
    if json:
        print_json(
            {
                "campaign": _span_json(times.whole),
                "collections": [_span_json(span) for span in times.collections],
                "clusters": [_span_json(span) for span in times.clusters],
            }
        )
        return
    whole = times.whole
    total = format_count(whole.reports, "reference")
    print_line(f"{total}, {whole.undated:,} without a date (UTC)")
    most = max(whole.months.values(), default=1)
    for month, count in whole.months.items():
        print_line(f"{month}  {count:>6,}  {'#' * -(-count * _BAR_WIDTH // most)}")
    print_line()
    spans = times.clusters if clusters else times.collections
    rows = [
        (
            shorten(span.name),
            span.reports,
            span.undated,
            _describe(span.first),
            _describe(span.last),
        )
        for span in sorted(spans, key=lambda span: (-span.reports, span.key))[:limit]
    ]
    kind = "cluster" if clusters else "collection"
    print_rows((kind, "references", "undated", "first", "last"), rows, len(spans))


def _describe(reference: Entity | None) -> str:
    from graphbuild.analysis import day_of

    return "-" if reference is None else f"{day_of(reference)} {shorten(reference.label)}"


def _span_json(span: Span) -> dict[str, object]:
    ends = {name: end and end.key for name, end in (("first", span.first), ("last", span.last))}
    return {**asdict(span), **ends}
