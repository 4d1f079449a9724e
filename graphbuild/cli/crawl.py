"""``graphbuild crawl``: request the references of seeds and store every response."""

from __future__ import annotations

import random
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_writing
from graphbuild.cli.console import notice, print_json, print_line
from graphbuild.cli.crawl_runner import run_crawl
from graphbuild.cli.errors import ExitCode
from graphbuild.cli.seed_lists import read_seed_lists
from graphbuild.cli.summary import print_problems, print_totals, print_verification
from graphbuild.errors import AuthenticationError, SeedError

if TYPE_CHECKING:
    from graphbuild.cli.crawl_runner import Outcome
    from graphbuild.seeds import Seed, SeedList
    from graphbuild.store import Store


def crawl(
    seeds: options.SeedsArgument = None,
    store_path: options.StoreOption = None,
    format_name: options.FormatOption = "auto",
    column: options.ColumnOption = None,
    base_url: options.BaseUrlOption = options.DEFAULT_BASE_URL,
    per_minute: options.PerMinuteOption = None,
    per_day: options.PerDayOption = None,
    max_calls: options.MaxCallsOption = None,
    depth: options.DepthOption = 0,
    per_node: options.PerNodeOption = None,
    refresh: options.RefreshOption = None,
    verify_inferred: options.VerifyInferredOption = None,
    workers: options.WorkersOption = 1,
    api_flavor: options.ApiFlavorOption = "auto",
    api_key: options.ApiKeyOption = None,  # noqa: ARG001  the callback refuses any value
    *,
    allow_empty: options.AllowEmptyOption = False,
    frugal: options.FrugalOption = False,
    json: options.JsonOption = False,
) -> None:
    """Request the references of seeds and store the responses.

    Without seeds, the crawl continues with the pending subjects of the campaign file.

    You can stop a crawl at any time (Ctrl-C). Run the same command again to continue: no page is
    requested twice, and a crawl of a complete campaign makes no calls.
    """
    seed_list = read_seed_lists(seeds or [], format_name, column, allow_empty=allow_empty)
    _refuse_api_key(seed_list)
    with open_for_writing(store_path, create=bool(seeds)) as store:
        added = store.add_seeds(seed_list)
        _requeue_subjects(store, refresh, verify_inferred)
        outcome = run_crawl(
            store,
            base_url,
            per_minute=per_minute,
            per_day=per_day,
            max_calls=max_calls,
            frugal=frugal,
            depth=depth,
            per_node=per_node,
            workers=workers,
            api_flavor=api_flavor,
            show_progress=not json,
        )
        outcome.added, outcome.rejected = added, len(seed_list.rejected)
        totals = store.totals()
        if json:
            print_json({"run": asdict(outcome), "campaign": asdict(totals)})
        else:
            print_outcome(store, outcome)
    if outcome.paused:
        raise typer.Exit(ExitCode.PAUSED)
    if totals.failed or totals.incomplete:
        raise typer.Exit(ExitCode.INCOMPLETE)


def print_outcome(store: Store, outcome: Outcome) -> None:
    """Print the state of the campaign after a crawl, and what this run did."""
    print_totals(store)
    print_line(
        f"this run: {format_count(outcome.calls, 'call')}, {format_count(outcome.pages, 'page')}"
    )
    print_verification(store)
    if warnings := store.totals().warnings:
        print_line(f"{format_count(warnings, 'warning')} about the pages; see status --warnings")
    print_problems(store)
    if outcome.paused:
        notice(f"paused: {outcome.paused}")


def _requeue_subjects(store: Store, refresh: float | None, verify_inferred: float | None) -> None:
    """Make the subjects pending again that --refresh and --verify-inferred select."""
    if refresh is not None:
        count = store.tasks.refresh(time.time() - refresh)
        notice(f"requesting {format_count(count, 'subject')} again")
    if verify_inferred is not None:
        count = store.tasks.audit(verify_inferred, random.SystemRandom())
        notice(
            f"verifying inferred references of {format_count(count, 'subject')}, chosen at random"
        )


def _refuse_api_key(seeds: SeedList) -> None:
    """Raise SeedError if a seed contains the user's API key, before the seeds are stored."""
    from graphbuild.api.auth import find_api_key

    try:
        key = find_api_key().reveal().lower()
    except AuthenticationError:
        return  # no key can leak; run_crawl reports a missing key if it needs one
    if any(_contains(seed, key) for seed in seeds):
        raise SeedError("the seed list contains your API key; remove it (it was not sent)")


def _contains(seed: Seed, key: str) -> bool:
    """Return whether ``key`` is the id of a seed, or part of a text attribute or column."""
    values = (*seed.entity.attributes.values(), *seed.attributes.values())
    return seed.entity.id == key or any(
        key in value.lower() for value in values if isinstance(value, str)
    )
