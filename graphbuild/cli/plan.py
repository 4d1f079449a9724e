"""The price of a crawl, told before anything is spent."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.api.rate_limit import day_start
from graphbuild.cli import quota
from graphbuild.cli.console import result
from graphbuild.models import FILE, detect_hash_type

if TYPE_CHECKING:
    from graphbuild.cli.crawl import Limits
    from graphbuild.cli.quota import Left
    from graphbuild.crawler.cost_estimate import CostEstimate
    from graphbuild.models import Entity
    from graphbuild.seeds import SeedList
    from graphbuild.store import Store


@dataclass(frozen=True, slots=True)
class Plan:
    """What a crawl would come to.

    Attributes:
        seeds: how many of each kind.
        repeats: lines that name a seed again.
        rejected: lines that are no seed.
        known: how many of the seeds the campaign file has, by how they stand.
        cost: the calls to make, including those for earlier seeds.
        completion: the time (UTC) at which the calls would be made, if a limit is known.
        left: what the service says is left of the quotas, if it was asked and told.
    """

    seeds: dict[str, int]
    repeats: int
    rejected: int
    known: dict[str, int]
    cost: CostEstimate
    completion: dict[str, str]
    left: Left | None = None


def plan(
    seeds: SeedList,
    store: Store | None,
    limits: Limits,
    left: Left | None = None,
    *,
    refresh: float | None = None,
) -> Plan:
    """What a crawl of ``seeds`` into ``store`` would cost at those ``limits``; makes no call.

    With ``refresh``, as if what is older than so many seconds were asked again.
    """
    known = store.known(seed.entity for seed in seeds) if store else {}
    before = 0.0 if refresh is None else time.time() - refresh
    price = _price(len(seeds) - len(known), store, before)
    return Plan(
        seeds=dict(Counter(_kind(seed.entity) for seed in seeds)),
        repeats=seeds.repeats,
        rejected=len(seeds.rejected),
        known=dict(Counter(known.values())),
        cost=price,
        completion=_ends(price, store, limits, left),
        left=left,
    )


def _kind(entity: Entity) -> str:
    """Of a file, by which hash it is asked about; of anything else its type."""
    return (detect_hash_type(entity.id) or FILE) if entity.type == FILE else entity.type


def _price(new: int, store: Store | None, before: float) -> CostEstimate:
    from graphbuild.api.client import LIMIT
    from graphbuild.crawler.cost_estimate import estimate_cost

    if store is None:
        return estimate_cost(unseen=new, left=0, mean_pages=None)
    work = store.work_left(LIMIT, before)
    return estimate_cost(
        unseen=work.unseen + new, left=work.left, mean_pages=store.mean_pages(LIMIT)
    )


def _ends(
    price: CostEstimate, store: Store | None, limits: Limits, left: Left | None
) -> dict[str, str]:
    from graphbuild.crawler.cost_estimate import estimate_completion

    now = time.time()
    spent = store.calls(since=day_start(now).timestamp()) if store else 0
    per_day, spent = _day(limits.per_day, spent, left)
    if limits.per_minute is None and not per_day:
        return {}
    ends: dict[str, str] = {}
    for name, calls in (("at least", price.at_least), ("expected", price.expected)):
        with suppress(OverflowError):  # beyond the year 9999 is no date
            if calls is not None:
                end = estimate_completion(
                    calls,
                    now=now,
                    per_minute=limits.per_minute,
                    per_day=per_day,
                    spent_today=spent,
                )
                ends[name] = end.isoformat(timespec="minutes")
    return ends


def _day(per_day: int | None, spent: int, left: Left | None) -> tuple[int | None, int]:
    """How many calls a day may hold, by the user's limit and the service's, and today's gone."""
    daily = left.of("daily") if left else None
    if daily is None or not daily.allowed:
        return per_day, spent
    most = min(daily.allowed, per_day or daily.allowed)
    today = min(daily.left, most - spent if per_day else most)
    return most, most - max(0, today)


def as_json(planned: Plan) -> dict[str, object]:
    """The same for scripts."""
    told = asdict(planned)
    del told["left"]
    return {**told, "quota": quota.as_json(planned.left)}


def tell(planned: Plan) -> None:
    """The same in words."""
    passed = f"{format_count(planned.repeats, 'repeat')}, {planned.rejected:,} rejected"
    result(f"{_listed(planned.seeds) or 'no seeds'}; {passed}")
    if planned.known:
        result(f"already in the campaign file: {_listed(planned.known)}")
    price = planned.cost
    if price.exact:
        result(f"{format_count(price.at_least, 'call')}: every number of references is known")
    else:
        result(f"at least {format_count(price.at_least, 'call')}: each has one page of 40, or more")
        if price.expected is None:
            result("how many more cannot be told before some first pages are read")
        else:
            result(f"about {format_count(price.expected, 'call')}, by the files known so far")
    if planned.left:
        quota.tell(planned.left)
        _tell_month(price, planned.left)
    for name, at in planned.completion.items():
        result(f"done, with {name} that many: {at}")


def _tell_month(price: CostEstimate, left: Left) -> None:
    monthly = left.of("monthly")
    resets_at = monthly and monthly.resets_at(left.at)
    if monthly and resets_at and price.at_least > monthly.left:
        result(f"more than is left this month: the rest waits until {quota.in_words(resets_at)}")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items()))
