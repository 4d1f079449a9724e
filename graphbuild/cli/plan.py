"""``graphbuild plan``: estimate the calls of a crawl before it starts."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.api.endpoints import AUTO
from graphbuild.api.rate_limit import day_start
from graphbuild.cli import options, quota
from graphbuild.cli.campaign_file import campaign_files, find_campaign_file
from graphbuild.cli.console import print_json, print_line
from graphbuild.cli.probe import probe_key
from graphbuild.cli.seed_lists import (
    count_kinds,
    read_seed_lists,
    require_seeds,
    seed_list_json,
    summarize,
)
from graphbuild.cli.shards import find_shard, read_shard, seeds_of_shard
from graphbuild.models import FILE

if TYPE_CHECKING:
    from collections.abc import Container

    from graphbuild.cli.quota import RemainingQuota
    from graphbuild.crawler.cost_estimate import CostEstimate
    from graphbuild.models import Entity
    from graphbuild.seeds import SeedList
    from graphbuild.store import Store

# The numbers of calls whose completion times are printed.
_BILL_NAMES = {
    "at least": "the fewest calls",
    "expected": "the expected calls",
    "quick": "the calls of --quick",
}


def plan(
    seeds: options.SeedsArgument = None,
    store_path: options.StoreOption = None,
    format_name: options.FormatOption = "auto",
    column: options.ColumnOption = None,
    per_minute: options.PerMinuteOption = None,
    per_day: options.PerDayOption = None,
    depth: options.DepthOption = 0,
    per_node: options.PerNodeOption = None,
    refresh: options.RefreshOption = None,
    user: options.UserOption = None,
    base_url: options.BaseUrlOption = options.DEFAULT_BASE_URL,
    api_flavor: options.ApiFlavorOption = "auto",
    shard: options.ShardOption = None,
    *,
    direct: options.DirectOption = False,
    probe: options.ProbeOption = False,
    complete: options.CompleteOption = False,
    allow_empty: options.AllowEmptyOption = False,
    json: options.JsonOption = False,
) -> None:
    """Estimate how many calls a crawl needs and when it ends.

    The number is exact if the first page of every list is stored. Otherwise, the command prints a
    lower bound and, if some first pages are stored, an estimate. With --depth, the number does not
    include the lists of entities that the crawl has yet to find. The number of calls of a crawl
    with --quick is exact.

    If your user name is known (see --user), the remaining quota is requested, which costs no call.
    With --probe, one call checks whether your key may request references.
    """
    from graphbuild.crawler import DEFAULT_PER_NODE

    per_node = per_node or DEFAULT_PER_NODE
    seed_list = read_seed_lists(seeds or [], format_name, column, allow_empty=allow_empty)
    require_seeds(seed_list, seeds or [])
    path = _find_existing_file(store_path)
    part = find_shard(path, shard)
    seed_list = seeds_of_shard(seed_list, part)
    readable = None
    if probe:
        readable = probe_key(
            path,
            base_url=base_url,
            api_flavor=api_flavor,
            per_minute=per_minute,
            per_day=per_day,
        )
    remaining = quota.request_quota(user, base_url)
    if path:
        with read_shard(path, part) as store:
            found = _count_found_lists(store, depth, per_node, api_flavor, direct=direct)
            before = 0.0 if refresh is None else time.time() - refresh
            estimate = _estimate_rest(
                store, seed_list, found, before, per_node, complete=complete, direct=direct
            )
    else:
        estimate = _estimate_new(seed_list, depth, direct=direct)
    if depth or complete:  # --quick cannot be combined with these options
        estimate.quick_calls = None
    found, known, cost = estimate.found, estimate.known, estimate.cost
    completion = _completion_times(estimate, per_minute, per_day, remaining)
    if json:
        print_json(
            {
                "seeds": dict(count_kinds(seed_list)),
                "duplicates": seed_list.duplicates,
                **seed_list_json(seed_list),
                "known": dict(Counter(known.values())),
                "cost": asdict(cost),
                "quick_calls": estimate.quick_calls,
                "description_calls": estimate.description_calls,
                **found.to_json(),
                "completion": completion,
                "quota": quota.quota_json(remaining),
                "probe": {"relationship": readable} if readable else None,
            }
        )
        return
    if readable:
        print_line(f"this API key may read {readable} (checked with 1 call)")
    print_line(summarize(seed_list))
    if known:
        print_line(f"already in the campaign file: {_format_counts(Counter(known.values()))}")
    _print_cost(estimate)
    if remaining:
        quota.print_quota(remaining)
        _print_monthly_shortage(cost, remaining)
    files = format_count(estimate.description_calls["files"], "call")
    collections = format_count(estimate.description_calls["collections"], "call")
    print_line(
        f"more with --describe: {collections} for the collections found so far, {files} for the"
        " files"
    )
    _print_found_lists(found)
    for name, end in completion.items():
        print_line(f"finished, with {_BILL_NAMES[name]}: {end}")
    if not user:
        print_line(quota.USER_NAME_HINT)


@dataclass(slots=True)
class _Estimate:
    """What is known about the calls of a crawl before it starts."""

    cost: CostEstimate
    quick_calls: int | None  # number of calls with --quick; None if it cannot be used
    found: _FoundLists
    known: dict[Entity, str] = field(default_factory=dict)  # states of the seeds that are stored
    # The number of calls that --describe adds, by kind of object.
    description_calls: dict[str, int] = field(
        default_factory=lambda: {"collections": 0, "files": 0}
    )
    calls_today: int = 0  # calls that were already made on the current UTC day


def _estimate_new(seeds: SeedList, depth: int, *, direct: bool) -> _Estimate:
    """Estimate the calls of a crawl of a new campaign file."""
    from graphbuild.crawler.cost_estimate import estimate_cost

    lists = _lists_per_seed(direct=direct) * len(seeds)
    cost = estimate_cost(unseen=lists, left=0, mean_pages=None)
    estimate = _Estimate(cost, lists, _FoundLists(depth))
    estimate.description_calls["files"] = _count_files(seeds, ())
    return estimate


def _estimate_rest(
    store: Store,
    seeds: SeedList,
    found: _FoundLists,
    before: float,
    per_node: int,
    *,
    complete: bool,
    direct: bool,
) -> _Estimate:
    """Estimate the calls that a stored campaign still needs, including those of new ``seeds``.

    The arguments have the meaning of the options. ``before`` is the time (seconds since 1970) of
    the oldest response that --refresh keeps.
    """
    from graphbuild.api.client import LIMIT
    from graphbuild.crawler.cost_estimate import estimate_cost

    known = store.known_states(seed.entity for seed in seeds)
    work = store.tasks.remaining_calls(
        LIMIT, before, complete=complete, per_node=per_node, reopen=found.depth > 0
    )
    added = store.tasks.count_without_direct() if direct else 0
    added += _lists_per_seed(direct=direct) * (len(seeds) - len(known))
    if found.depth and (added or before):
        found.is_complete = False
    cost = estimate_cost(
        unseen=work.unknown_lists + added + found.counts.total(),
        left=work.known_pages,
        mean_pages=store.tasks.mean_pages(LIMIT, per_node),
    )
    description_calls = {name: each.calls for name, each in store.descriptions.counts().items()}
    description_calls["files"] += _count_files(seeds, known)
    return _Estimate(
        replace(cost, exact=cost.exact and found.is_complete),
        store.tasks.quick_calls(before) + added,
        found,
        known,
        description_calls,
        store.calls.count(since=day_start(time.time()).timestamp()),
    )


def _lists_per_seed(*, direct: bool) -> int:
    """Return the number of lists that a crawl requests for each seed."""
    return 2 if direct else 1


def _count_files(seeds: SeedList, known: Container[Entity]) -> int:
    """Return the number of files among the seeds that are not known."""
    return sum(seed.entity.type == FILE and seed.entity not in known for seed in seeds)


@dataclass(slots=True)
class _FoundLists:
    """The lists that --depth adds to a crawl."""

    depth: int
    # The number of lists to add for the entities found so far, by object type and relationship.
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    is_complete: bool = False  # whether the crawl can find no further entity with a list to add

    def to_json(self) -> dict[str, object]:
        """Return the counts as JSON data; an empty dictionary if ``depth`` is 0."""
        if not self.depth:
            return {}
        rows = [
            {"type": entity_type, "relationship": relationship, "lists": count}
            for (entity_type, relationship), count in sorted(self.counts.items())
        ]
        return {"found": rows, "found_is_complete": self.is_complete}


def _count_found_lists(
    store: Store, depth: int, per_node: int, api_flavor: str, *, direct: bool
) -> _FoundLists:
    """Count the lists that a crawl to ``depth`` would add for the entities found so far."""
    if not depth:
        return _FoundLists(depth, is_complete=True)
    flavor = api_flavor if api_flavor != AUTO else store.api_info.flavor() or AUTO
    counts, above = (
        store.tasks.count_found(each, flavor, direct=direct) for each in (depth, depth - 1)
    )
    is_complete = not (above or store.tasks.can_find_more(depth, per_node))
    return _FoundLists(depth, counts, is_complete)


def _print_found_lists(found: _FoundLists) -> None:
    if not found.depth:
        return
    counts = [
        f"{relationship} of {format_count(count, entity_type.replace('_', ' '))}"
        for (entity_type, relationship), count in sorted(found.counts.items())
    ]
    lists = format_count(found.counts.total(), "list")
    text = f"--depth {found.depth} adds {lists} of the entities found so far"
    print_line(": ".join(filter(None, (text, ", ".join(counts)))))
    if not found.is_complete:
        print_line("the crawl can find more entities, whose lists are not included")


def _find_existing_file(store_path: Path | None) -> Path | None:
    """Return the path of the campaign file, or None if there is no such file yet."""
    if store_path is None and not campaign_files(Path()):
        return None
    path = find_campaign_file(store_path)
    return path if path.exists() else None


def _completion_times(
    estimate: _Estimate,
    per_minute: int | None,
    per_day: int | None,
    remaining: RemainingQuota | None,
) -> dict[str, str]:
    """Return when the last call can be made (ISO 8601, UTC), if a limit is known.

    The key ``at least`` is for the lower bound of the number of calls, ``expected`` for the
    estimate, and ``quick`` for the calls of --quick.
    """
    from graphbuild.crawler.cost_estimate import estimate_completion

    per_day, calls_today = _daily_limit(per_day, estimate.calls_today, remaining)
    if per_minute is None and not per_day:
        return {}
    times: dict[str, str] = {}
    bills = {
        "at least": estimate.cost.at_least,
        "expected": estimate.cost.expected,
        "quick": estimate.quick_calls,
    }
    for name, calls in bills.items():
        with suppress(OverflowError):  # later than the year 9999
            if calls is not None:
                end = estimate_completion(
                    calls,
                    now=time.time(),
                    per_minute=per_minute,
                    per_day=per_day,
                    spent_today=calls_today,
                )
                times[name] = end.isoformat(timespec="minutes")
    return times


def _daily_limit(
    per_day: int | None, calls_today: int, remaining: RemainingQuota | None
) -> tuple[int | None, int]:
    """Return the maximum number of calls per UTC day, and how many calls count as made today.

    The maximum is ``per_day``, or the daily quota of the service if that is known and smaller. It
    is None if both are unknown.
    """
    daily = remaining.for_window("daily") if remaining else None
    if daily is None or not daily.allowed:
        return per_day, calls_today
    limit = min(daily.allowed, per_day or daily.allowed)
    left = min(daily.remaining, limit - calls_today if per_day else limit)
    return limit, limit - max(0, left)


def _print_cost(estimate: _Estimate) -> None:
    cost = estimate.cost
    if cost.exact:
        print_line(f"{format_count(cost.at_least, 'call')} (exact: each list's length is known)")
    else:
        print_line(f"at least {format_count(cost.at_least, 'call')}: one per page of 40 references")
        if cost.expected is None:
            print_line("for an estimate, the first page of at least one subject is needed")
        else:
            calls = format_count(cost.expected, "call")
            print_line(f"about {calls}, estimated from the subjects whose first page is stored")
    if estimate.quick_calls is not None:
        print_line(f"with --quick, {format_count(estimate.quick_calls, 'call')}: one per list")


def _print_monthly_shortage(cost: CostEstimate, remaining: RemainingQuota) -> None:
    monthly = remaining.for_window("monthly")
    resets_at = monthly and monthly.resets_at(remaining.requested_at)
    if monthly and resets_at and cost.at_least > monthly.remaining:
        reset = quota.format_utc(resets_at)
        print_line(f"the monthly quota is too small; the remaining calls must wait until {reset}")


def _format_counts(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items()))
