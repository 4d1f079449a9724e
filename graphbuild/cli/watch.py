"""``graphbuild watch``: request old lists again, and report structural changes once."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import format_count, format_timestamp
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_writing, save_clusters
from graphbuild.cli.console import error, notice, spinner
from graphbuild.cli.crawl_run import find_key, run_crawl
from graphbuild.cli.errors import ExitCode
from graphbuild.cli.progress import crawl_progress
from graphbuild.cli.shards import choose_shard
from graphbuild.cli.watch_output import event_json, print_events
from graphbuild.errors import StoreError
from graphbuild.models import COMPLETE, PENDING, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.cli.event_file import EventFile
    from graphbuild.store import Store
    from graphbuild.store.watch import Period, WatchEvent

_DAY = 86_400.0  # seconds
_DEFAULT_AGE = 6 * _DAY  # less than the week between two runs


def watch(
    store_path: options.StoreOption = None,
    base_url: options.BaseUrlOption = options.DEFAULT_BASE_URL,
    refresh: Annotated[
        float | None,
        typer.Option(
            parser=options.parse_age,
            metavar="AGE",
            help="Age of the lists to request again, such as 90m, 20h, 6d or 2w (default: 6d). "
            "Choose less than the time between two runs.",
        ),
    ] = None,
    since: Annotated[
        float | None,
        typer.Option(
            parser=options.parse_date,
            metavar="DATE",
            help="Also report changes since DATE (00:00 UTC) that happened before the first run.",
        ),
    ] = None,
    min_files: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Minimum number of subjects in a collection to report."
        ),
    ] = 3,
    per_run: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Maximum calls of this run (default: no limit)."),
    ] = None,
    per_minute: options.PerMinuteOption = None,
    per_day: options.PerDayOption = None,
    max_calls: options.MaxCallsOption = None,
    workers: options.WorkersOption = 1,
    api_flavor: options.ApiFlavorOption = "auto",
    append: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Also append the events to FILE (JSON Lines), each event exactly once.",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Maximum number of events whose evidence is printed."
        ),
    ] = options.DEFAULT_LIMIT,
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per event and line, not text.")
    ] = False,
) -> None:
    """Request old lists again, and report structural changes once.

    The command compares the campaign with its state at the end of the last run, and reports:
    clusters that merged or split, files that changed cluster, references that tie clusters,
    collections with at least N subjects, and subjects that became known. Only certain changes are
    reported: those of subjects whose lists are complete in both states. The first run only stores
    the state.

    If a limit of calls or a quota ends a run, nothing is compared. The next run requests the
    remaining lists, and then compares.

    The exit code is 0 if there is nothing new, and 10 if events were reported. Otherwise, it is 3
    if the requests are not finished, and 4 if some lists failed or are not complete.
    """
    from graphbuild.api.client import Client
    from graphbuild.api.rate_limit import RateLimiter
    from graphbuild.crawler import DEFAULT_PER_NODE, Crawl

    with ExitStack() as opened:
        event_file = opened.enter_context(_open_event_file(append)) if append else None
        store = opened.enter_context(open_for_writing(store_path, create=False))
        _check_times(store, since)
        _requeue_old_lists(store, _DEFAULT_AGE if refresh is None else refresh)
        calls_before, paused, is_complete = store.calls.count(), "", True
        if store.tasks.has_pending():  # otherwise, the run needs no API key
            key, limiter = find_key(store), RateLimiter(per_minute)
            with Client(
                key, base_url=base_url, rate_limiter=limiter, api_flavor=api_flavor
            ) as client:
                crawler = Crawl(
                    client,
                    store,
                    max_calls=_limit_calls(max_calls, per_run, calls_before),
                    per_day=per_day,
                    workers=workers,
                )
                progress = crawl_progress(
                    store,
                    limiter,
                    per_day=per_day,
                    per_node=DEFAULT_PER_NODE,
                    quick=False,
                    max_calls=per_run,
                    hidden=json,
                )
                _, paused = run_crawl(crawler, client.clock, progress)
        store.check_in_place()
        if paused and per_run and store.calls.count() >= calls_before + per_run:
            paused = (
                f"the {format_count(per_run, 'call')} of this run are made; run again to continue"
            )
        if not paused:
            is_complete = _compare(store, since, min_files)
        events = store.watch.undelivered()
        if event_file:
            event_file.append(events)
        print_events(store.path.name, events, limit, json=json)
        store.watch.mark_delivered(events)
        if paused:
            notice(f"paused, so nothing was compared: {paused}")
        else:
            save_clusters(store)
    raise typer.Exit(_find_exit_code(events, paused, is_complete=is_complete))


def _open_event_file(path: Path) -> EventFile:
    from graphbuild.cli.event_file import EventFile  # needs POSIX

    return EventFile(path)


def _check_times(store: Store, since: float | None) -> None:
    """Raise an error if ``since`` or the end of the last run is not in the past."""
    now, known = time.time(), store.watch.period()
    if since is not None and since >= now:
        raise typer.BadParameter("expected a date in the past", param_hint="--since")
    if known and known.until >= now:
        raise StoreError(
            f"{store.path}: the last run of watch ended at {format_timestamp(known.until)}, which"
            " is not in the past; correct the clock of this machine"
        )


def _requeue_old_lists(store: Store, age: float) -> None:
    """Begin or continue a round: set lists to pending that were older than ``age`` (seconds)."""
    if part := choose_shard(store, None, only=False):
        store.tasks.restrict_to_shard(part)
    current = store.watch.begin_round(time.time(), max(age, _DAY))
    if current.replaces_unfinished:
        error(
            f"graphbuild: {store.path}: the earlier runs did not request all old lists in time, so"
            " nothing was compared, and all old lists are requested again; run watch more often, or"
            " allow more calls per run"
        )
    count = store.tasks.refresh(current.started_at - age, RELATED_REFERENCES)
    notice(f"old lists to request again: {count:,}")


def _limit_calls(max_calls: int | None, per_run: int | None, made: int) -> int | None:
    """Return the maximum number of calls of all runs, of which some were ``made`` before."""
    limits = [max_calls, per_run and made + per_run]
    return min((limit for limit in limits if limit is not None), default=None)


def _compare(store: Store, since: float | None, min_files: int) -> bool:
    """Store the changes since the last run; return whether all requested lists are complete."""
    from graphbuild.analysis import find_structural_changes, read_state

    until = max(time.time(), store.last_response_time() or 0.0)
    with store.transaction(), spinner() as show_step:
        show_step("comparing with the last run")
        newest = read_state(store)
        for period in _periods(store.watch.period(), since, until):
            before = read_state(store, period.since)
            after = newest if period.until == until else read_state(store, period.until)
            changes = find_structural_changes(before, after, min_files=min_files)
            events = [(change.identity, event_json(change, period)) for change in changes]
            store.watch.save(period, events)
    return {*newest.states.values()} <= {COMPLETE, PENDING}


def _periods(known: Period | None, since: float | None, until: float) -> Iterator[Period]:
    """Yield the periods to compare: from ``since`` to ``until``, without the known period."""
    from graphbuild.store.watch import Period

    if known is None:
        if since is None:
            notice("first run: later runs report the changes since now")
        yield Period(until if since is None else since, until)
        return
    if since is not None and since < known.since:
        yield Period(since, known.since)
    elif since is not None:
        notice(f"--since has no effect: changes since {format_timestamp(known.since)} are compared")
    yield Period(known.until, until)


def _find_exit_code(events: Sequence[WatchEvent], paused: str, *, is_complete: bool) -> ExitCode:
    if events:
        return ExitCode.NEW_EVENTS
    if paused:
        return ExitCode.PAUSED
    return ExitCode.SUCCESS if is_complete else ExitCode.INCOMPLETE
