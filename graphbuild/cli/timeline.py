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
    from collections.abc import Mapping

    from graphbuild.analysis import TimelineSeries
    from graphbuild.models import Entity

_MAX_BAR_LENGTH = 40  # characters


def timeline(
    store_path: options.StoreOption = None,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    clusters: Annotated[
        bool, typer.Option("--clusters", help="List clusters instead of collections.")
    ] = False,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Count references by month and by collection.

    A reference counts in the month (UTC) of its publication. For each collection, the references
    with the first and the last publication date are shown.
    """
    from graphbuild.analysis import build_timeline, find_clusters

    incidence = read_incidence(store_path, merge=merge)
    found = find_clusters(incidence) if clusters or json else None
    times = build_timeline(incidence, found)
    if json:
        collections = [_series_json(series) for series in times.collections]
        by_cluster = [_series_json(series) for series in times.clusters]
        campaign = _series_json(times.campaign)
        print_json({"campaign": campaign, "collections": collections, "clusters": by_cluster})
        return
    whole = times.campaign
    total = format_count(whole.references, "reference")
    print_line(f"{total}, {whole.undated:,} without a date; months in UTC")
    _print_months(whole.months)
    print_line()
    kind, listed = ("cluster", times.clusters) if clusters else ("collection", times.collections)
    rows: list[tuple[object, ...]] = []
    for series in sorted(listed, key=lambda series: (-series.references, series.key))[:limit]:
        ends = _describe(series.first), _describe(series.last)
        rows.append((shorten(series.name), series.references, series.undated, *ends))
    print_rows((kind, "references", "undated", "first", "last"), rows, len(listed))


def _print_months(months: Mapping[str, int]) -> None:
    """Print a line with a bar per month, and a line per gap between the months."""
    most = max(months.values(), default=1)
    previous = None
    for month, count in months.items():
        number = _month_number(month)
        if previous is not None and number > previous + 1:
            empty = format_count(number - previous - 1, "month")
            print_line(f"{'…':7}  {empty} without references")
        print_line(f"{month}  {count:>6,}  {'#' * -(-count * _MAX_BAR_LENGTH // most)}")
        previous = number


def _month_number(month: str) -> int:
    """Return the number of months from year 0 to a month such as ``2018-01``."""
    year, _, number = month.partition("-")
    return 12 * int(year) + int(number)


def _describe(reference: Entity | None) -> str:
    from graphbuild.analysis import publication_date

    return "-" if reference is None else f"{publication_date(reference)} {shorten(reference.label)}"


def _series_json(series: TimelineSeries) -> dict[str, object]:
    ends = {name: end and end.key for name, end in (("first", series.first), ("last", series.last))}
    return {**asdict(series), **ends}
