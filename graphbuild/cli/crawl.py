"""``graphbuild crawl``: request the references of the seeds and store the responses."""

from __future__ import annotations

import random
import shlex
import time
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_writing, save_clusters
from graphbuild.cli.console import notice, print_json, print_line
from graphbuild.cli.crawl_run import find_key, run_crawl
from graphbuild.cli.errors import ExitCode
from graphbuild.cli.option_conflicts import refuse_combinations
from graphbuild.cli.progress import crawl_progress
from graphbuild.cli.seed_lists import read_seed_lists, require_seeds, seed_list_json, summarize
from graphbuild.cli.shards import choose_shard
from graphbuild.cli.status import (
    MAX_LISTED,
    has_problem,
    open_lists,
    print_descriptions,
    print_inferred,
    print_open_lists,
    print_totals,
    print_verification,
)
from graphbuild.errors import AuthenticationError, SeedError
from graphbuild.models import FAILED, PENDING

if TYPE_CHECKING:
    from graphbuild.api.auth import ApiKey
    from graphbuild.crawler import PageChoice
    from graphbuild.seeds import Seed, SeedList
    from graphbuild.store import Store
    from graphbuild.store.models import RemainingCalls


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
    shard: options.ShardOption = None,
    api_flavor: options.ApiFlavorOption = "auto",
    describe: options.DescribeOption = None,
    api_key: options.ApiKeyOption = None,  # noqa: ARG001  the callback refuses any value
    *,
    allow_empty: options.AllowEmptyOption = False,
    direct: options.DirectOption = False,
    frugal: options.FrugalOption = False,
    complete: options.CompleteOption = False,
    retry_failed: options.RetryFailedOption = False,
    only: options.OnlyOption = False,
    quick: options.QuickOption = False,
    decide: options.DecideOption = None,
    json: options.JsonOption = False,
) -> None:
    """Request the references of the seeds and store the responses.

    Without seeds, the crawl continues with the pending subjects of the campaign file.

    You can stop a crawl at any time with Ctrl-C. To continue, run the same command again. It
    requests only the missing pages, and makes no calls if the campaign is complete.
    """
    from graphbuild.api.client import Client
    from graphbuild.api.rate_limit import RateLimiter
    from graphbuild.crawler import DEFAULT_PER_NODE, Crawl

    if only and not seeds:
        raise typer.BadParameter("needs a seed list", param_hint="--only")
    per_node = per_node or DEFAULT_PER_NODE
    used = {
        "--depth": bool(depth),
        "--verify-inferred": verify_inferred is not None,
        "--complete": complete,
        "--frugal": frugal,
        "--direct": direct,
        "--describe": bool(describe),
        "--quick": quick,
        "--decide": decide is not None,
        "--only": only,
        "--shard": shard is not None,
    }
    refuse_combinations({name for name, is_used in used.items() if is_used})
    seed_list = read_seed_lists(seeds or [], format_name, column, allow_empty=allow_empty)
    require_seeds(seed_list, seeds or [])
    _refuse_api_key(seed_list)
    if seeds:
        notice(summarize(seed_list))
    with open_for_writing(store_path, create=bool(seeds)) as store:
        part = choose_shard(store, shard, only=only)
        added = store.add_seeds(seed_list)
        if part:
            store.tasks.restrict_to_shard(part)
        elif seeds:
            # A crawl with --decide reads first pages like --quick, and then pages of any list.
            first_only = quick or decide is not None
            _announce_earlier_lists(
                store, seed_list, per_node, only=only, direct=direct, quick=first_only
            )
        _requeue_lists(
            store, refresh, verify_inferred, complete=complete, retry_failed=retry_failed
        )
        _add_lists(store, depth, api_flavor, direct=direct)
        store.descriptions.add(describe or ())
        calls_before, pages, paused = store.calls.count(), 0, ""
        if store.tasks.has_pending(unread=quick):  # otherwise, the crawl needs no API key
            key, limiter = find_key(store), RateLimiter(per_minute)
            with Client(
                key, base_url=base_url, rate_limiter=limiter, api_flavor=api_flavor
            ) as client:
                crawler = Crawl(
                    client,
                    store,
                    max_calls=max_calls,
                    per_day=per_day,
                    frugal=frugal,
                    depth=depth,
                    per_node=per_node,
                    direct=direct,
                    workers=workers,
                    describe=describe or (),
                    quick=quick,
                    decide=_page_choice(store, decide),
                )
                progress = crawl_progress(
                    store,
                    limiter,
                    per_day=per_day,
                    per_node=per_node,
                    quick=quick,
                    max_calls=decide,
                    hidden=json,
                )
                pages, paused = run_crawl(crawler, client.clock, progress)
        store.check_in_place()
        calls, totals = store.calls.count() - calls_before, store.totals()
        has_failed_description = any(row.state == FAILED for row in store.description_statuses())
        if json:
            run = {"calls": calls, "pages": pages, "paused": paused, "added": added}
            print_json(
                {
                    "run": {**run, **seed_list_json(seed_list)},
                    "campaign": asdict(totals),
                    "open": asdict(open_lists(store)),
                }
            )
        else:
            _print_summary(store, calls, pages, paused)
        if not paused:
            save_clusters(store)
    if paused:
        raise typer.Exit(ExitCode.PAUSED)
    if totals.complete + totals.pending < totals.lists or has_failed_description:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _page_choice(store: Store, calls: int | None) -> PageChoice | None:
    """Return how --decide chooses a number of pages; None without --decide."""
    if calls is None:
        return None
    from graphbuild.analysis import choose_open_files
    from graphbuild.crawler import PageChoice

    return PageChoice(calls, partial(choose_open_files, store))


def _announce_earlier_lists(
    store: Store, seeds: SeedList, per_node: int, *, only: bool, direct: bool, quick: bool
) -> None:
    """Log the number of requests for subjects that are only in earlier seed lists.

    With ``only``, restrict the run to the subjects of ``seeds`` and the entities found from them.
    """
    total = _remaining_calls(store, per_node, direct=direct, quick=quick)
    store.restrict_tasks(seeds)
    left = _remaining_calls(store, per_node, direct=direct, quick=quick)
    earlier = total.at_least - left.at_least
    if earlier:
        at_least = "at least " if total.unknown_lists else ""
        requests = f"{at_least}{format_count(earlier, 'request')}"
        notice(
            f"{requests} for subjects of earlier lists are left for a crawl without --only"
            if only
            else f"{requests} of this run are for subjects of earlier lists; --only leaves them out"
        )
    if not only:
        store.restrict_tasks(None)


def _remaining_calls(store: Store, per_node: int, *, direct: bool, quick: bool) -> RemainingCalls:
    """Return the number of calls that the crawl still needs.

    With ``direct``, include the lists of direct references that the crawl has yet to add. With
    ``quick``, count only one call per list.
    """
    from graphbuild.api.client import LIMIT
    from graphbuild.store.models import RemainingCalls

    added = store.tasks.count_without_direct() if direct else 0
    if quick:
        return RemainingCalls(unknown_lists=0, known_pages=store.tasks.quick_calls() + added)
    calls = store.tasks.remaining_calls(LIMIT, per_node=per_node)
    return replace(calls, unknown_lists=calls.unknown_lists + added)


def _requeue_lists(
    store: Store,
    refresh: float | None,
    verify_inferred: float | None,
    *,
    complete: bool,
    retry_failed: bool,
) -> None:
    """Set the lists and descriptions that each option selects to pending, and log their number.

    ``refresh`` is an age in seconds, and ``verify_inferred`` a share (0 to 1).
    """
    from graphbuild.api.client import LIMIT

    if complete:
        calls = format_count(store.tasks.completion_calls(LIMIT), "call")
        lists = format_count(store.tasks.complete(), "list")
        notice(f"requesting the pages that --frugal left out of {lists}: up to {calls}")
    if retry_failed:
        count = store.tasks.retry_failed()
        notice(f"failed, short or incomplete lists and descriptions to request again: {count:,}")
    if refresh is not None:
        count = store.tasks.refresh(time.time() - refresh)
        notice(f"old lists and descriptions to request again: {count:,}")
    if verify_inferred is not None:
        count = store.tasks.audit(verify_inferred, random.SystemRandom())
        notice(f"verifying inferred references of {format_count(count, 'list')}, chosen at random")


def _add_lists(store: Store, depth: int, api_flavor: str, *, direct: bool) -> None:
    """Add tasks for the lists that --depth and --direct request for the stored entities."""
    if api_flavor == "auto":
        api_flavor = store.api_info.flavor() or api_flavor
    for level in range(depth):
        store.tasks.expand(level, api_flavor)
    if direct:
        store.tasks.add_direct()


def _refuse_api_key(seeds: SeedList) -> None:
    """Raise SeedError if a seed contains the user's API key, which must not be stored."""
    from graphbuild.api.auth import find_api_key

    try:
        key = find_api_key()
    except AuthenticationError:
        return  # there is no valid key; if the crawl needs one, it reports this error later
    if any(_contains(seed, key) for seed in seeds):
        raise SeedError("the seed list contains your API key; remove it (it was not sent)")


def _contains(seed: Seed, key: ApiKey) -> bool:
    """Return whether ``key`` is the id of ``seed``, or a whole token of its URL or a column."""
    values = (*seed.entity.attributes.values(), *seed.attributes.values())
    return seed.entity.id == key.reveal().lower() or any(
        key.is_in(value) for value in values if isinstance(value, str)
    )


def _print_summary(store: Store, calls: int, pages: int, paused: str) -> None:
    """Print the totals of the campaign, the numbers of this run, and the first 20 problems.

    Then log why the run paused or, if it finished, the command that exports the graph.
    """
    print_totals(store)
    print_line(f"this run: {format_count(calls, 'call')}, {format_count(pages, 'page')}")
    print_open_lists(store)
    print_inferred(store)
    print_verification(store)
    if any(True for _ in store.description_statuses()):
        print_descriptions(store)
    warning_count = store.totals().warnings
    if warning_count:
        warnings = format_count(warning_count, "warning")
        print_line(f"{warnings} about the pages; see status --warnings")
    _print_problems(store)
    if paused:
        notice(f"paused: {paused}")
    elif store.totals().references:
        notice(f"next: graphbuild export --store {shlex.quote(str(store.path))} --out output")


def _print_problems(store: Store) -> None:
    """Print the first 20 lists and descriptions with a problem, and the reasons.

    Pending lists and descriptions are omitted.
    """
    rows = (*store.statuses(), *store.description_statuses())
    problems = [row for row in rows if row.state != PENDING and has_problem(row)]
    for row in problems[:MAX_LISTED]:
        print_line(f"{row.subject.readable_id}: {row.state}: {row.detail or row.error_code}")
    if len(problems) > MAX_LISTED:
        hidden = len(problems) - MAX_LISTED
        print_line(f"… and {hidden:,} more; 'graphbuild status --all' lists every subject")
