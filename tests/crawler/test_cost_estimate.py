"""Cost estimates: number of calls and time of completion."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.api.rate_limit import RateLimiter
from graphbuild.crawler.cost_estimate import CostEstimate, estimate_completion, estimate_cost
from graphbuild.emulator import Api, generate_family_world, generate_world
from tests.support.shell import seeds

if TYPE_CHECKING:
    from tests.support.shell import Shell

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_only_the_minimum_is_known_before_the_first_page():
    assert estimate_cost(unseen=5, left=0, mean_pages=None) == CostEstimate(5, None, exact=False)


def test_the_expected_cost_uses_the_mean_pages_of_known_files():
    assert estimate_cost(unseen=10, left=3, mean_pages=2.5) == CostEstimate(13, 28, exact=False)
    assert estimate_cost(unseen=10, left=0, mean_pages=0.5) == CostEstimate(10, 10, exact=False)


def test_the_estimate_is_exact_once_all_numbers_are_known():
    assert estimate_cost(unseen=0, left=7, mean_pages=2.5) == CostEstimate(7, 7, exact=True)


@pytest.mark.parametrize(
    ("calls", "per_minute", "per_day", "spent", "after"),
    [
        (0, 4, 500, 0, timedelta(0)),
        (4, 4, None, 0, timedelta(0)),
        (5, 4, None, 0, timedelta(minutes=1)),
        (9, 4, None, 0, timedelta(minutes=2)),
        (500, None, 500, 0, timedelta(0)),
        (501, None, 500, 0, timedelta(hours=12)),
        (501, None, 500, 500, timedelta(hours=36)),
        (1000, 4, 500, 500, timedelta(hours=36, minutes=124)),
        (10, None, None, 0, timedelta(0)),
    ],
)
def test_completion_respects_minute_and_day_limits(calls, per_minute, per_day, spent, after):
    end = estimate_completion(
        calls, now=NOON.timestamp(), per_minute=per_minute, per_day=per_day, spent_today=spent
    )
    assert end == NOON + after


@given(st.integers(0, 200), st.integers(1, 9), st.integers(1, 50), st.integers(0, 60))
def test_completion_is_that_of_a_simulated_crawl(calls, per_minute, per_day, spent):
    rate_limiter, now, today, day = RateLimiter(per_minute), NOON.timestamp(), spent, NOON.date()
    for _ in range(calls):
        if today >= per_day:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
            now, today, day = midnight.timestamp(), 0, midnight.date()
        while (wait := rate_limiter.acquire(now)) > 0:
            now += wait
        if datetime.fromtimestamp(now, UTC).date() != day:
            today, day = 0, datetime.fromtimestamp(now, UTC).date()
        rate_limiter.record(now)
        today += 1
    end = estimate_completion(
        calls, now=NOON.timestamp(), per_minute=per_minute, per_day=per_day, spent_today=spent
    )
    assert abs(end.timestamp() - now) <= 60


def run_plan(shell: Shell, *arguments: object) -> dict:
    result = shell("plan", "seeds.txt", "--store", "c.db", "--json", *arguments)
    assert result.returncode == 0
    return json.loads(result.stdout)


def test_after_the_first_pages_the_plan_equals_the_calls_made(shell, service) -> None:
    world = generate_world(3)
    api = Api(world)
    options = ("--store", "c.db", "--base-url", service(api))
    seeds(shell, *world.hashes())
    before = run_plan(shell)
    assert before["cost"] == {"at_least": 67, "expected": None, "exact": False}
    assert api.log == []
    assert shell("crawl", "seeds.txt", *options, "--max-calls", 67).returncode == 3
    cost = run_plan(shell)["cost"]
    assert cost["exact"]
    assert shell("crawl", "seeds.txt", *options).returncode == 0
    assert cost["at_least"] == cost["expected"] == api.calls - 67
    assert run_plan(shell)["cost"] == {"at_least": 0, "expected": 0, "exact": True}


def test_plan_makes_no_request_and_needs_no_key(shell) -> None:
    del shell.environment["VT_APIKEY"]
    hashes = generate_family_world(500, 1).hashes()
    seeds(shell, *hashes, "a" * 32, hashes[0], "nonsense")
    result = shell("plan", "seeds.txt", "--per-minute", 4, "--per-day", 500)
    assert result.returncode == 0
    assert "1 md5, 500 sha256; 1 duplicate, 1 rejected" in result.stdout
    assert "at least 501 calls" in result.stdout
    assert "finished, with the fewest calls: 20" in result.stdout
    assert not (shell.folder / "c.db").exists()
