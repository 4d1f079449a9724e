"""The crawl loop: order of requests, events, errors, quotas and limits."""

from __future__ import annotations

import gzip
import math
import socket
from random import Random
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.api.rate_limit import RateLimiter
from graphbuild.crawler import Crawl
from graphbuild.emulator import Quota, generate_family_world, generate_world
from graphbuild.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    CrawlPaused,
    NotFoundError,
    QuotaExhaustedError,
)
from graphbuild.graph.builder import build_graph
from graphbuild.models import COMPLETE, FAILED, INCOMPLETE, PENDING, Status
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.crawler.campaign import Campaign
from tests.support.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.emulator import World

UNKNOWN = "d" * 64


@pytest.fixture
def make_campaign(tmp_path: Path):
    def make(world: World | None = None, **switches: object) -> Campaign:
        return Campaign(tmp_path / "campaign.db", world or generate_family_world(5, 90), **switches)

    return make


@pytest.mark.parametrize("seed", range(5))
def test_a_crawl_stores_exactly_the_observations_of_the_world(make_campaign, seed: int) -> None:
    world = generate_world(seed)
    campaign = make_campaign(world)
    campaign.crawl()
    assert campaign.triples() == world.triples()
    assert set(campaign.states().values()) == {COMPLETE}


@pytest.mark.parametrize("seed", range(5))
def test_a_crawl_makes_one_call_per_page_of_forty(make_campaign, seed: int) -> None:
    world = generate_world(seed)
    campaign = make_campaign(world)
    campaign.crawl()
    sizes = dict.fromkeys(world.hashes(), 0)
    for subject, _ in {(subject, reference) for subject, reference, _ in world.triples()}:
        sizes[subject] += 1
    assert campaign.api.calls == sum(max(1, math.ceil(size / 40)) for size in sizes.values())


def test_a_finished_campaign_costs_no_call(make_campaign) -> None:
    campaign = make_campaign()
    campaign.crawl()
    before = campaign.api.calls
    assert campaign.crawl() == []
    assert campaign.api.calls == before


def test_first_pages_of_all_subjects_come_first(make_campaign) -> None:
    events = make_campaign().crawl()
    assert [event.page_number for event in events] == [1] * 5 + [2, 3] * 5


@pytest.mark.parametrize(("name", "value"), [("depth", -1), ("per_node", 0), ("workers", 0)])
def test_a_number_that_is_too_small_is_refused(tmp_path, name: str, value: int) -> None:
    message = f"{name} is {value}; expected at least {value + 1}"
    with (
        Store.open(tmp_path / "c.db") as store,
        Client("0" * 64) as client,
        pytest.raises(ValueError, match=message),
    ):
        Crawl(client, store, **{name: value})


def test_a_stopped_iteration_is_resumed_by_a_new_crawl(make_campaign) -> None:
    campaign = make_campaign()
    client = campaign.client()
    with Store.open(campaign.path) as store:
        for event in Crawl(client, store):
            if event.page_number == 2:
                break
    campaign.crawl()
    assert campaign.api.calls == 15
    assert campaign.triples() == campaign.world.triples()


@pytest.mark.parametrize("steps", range(1, 7))
def test_recorded_calls_equal_those_made_after_any_number_of_steps(
    make_campaign, steps: int
) -> None:
    campaign = make_campaign()
    client = campaign.client()
    with Store.open(campaign.path) as store:
        for number, _ in enumerate(Crawl(client, store), 1):
            if number == steps:
                break
        assert store.calls.count() == campaign.api.calls == steps
    with Store.read(campaign.path) as store:
        assert store.calls.count() == steps


def test_a_call_is_recorded_before_it_is_made(make_campaign) -> None:
    campaign = make_campaign()
    seen = []
    respond = campaign.api.respond

    def look(*arguments: object) -> object:
        with Store.read(campaign.path) as store:
            seen.append(store.calls.count() - campaign.api.calls)
        return respond(*arguments)

    campaign.api.respond = look  # type: ignore[method-assign]
    campaign.crawl()
    assert seen == [1] * 15


def test_stop_ends_the_iteration_after_the_current_event(make_campaign) -> None:
    campaign = make_campaign()
    client = campaign.client()
    with Store.open(campaign.path) as store:
        crawl = Crawl(client, store)
        events = []
        for event in crawl:
            events.append(event)
            crawl.stop()
        assert len(events) == 1
        assert store.totals().pages == 1


def test_an_event_reports_page_new_references_status_and_warnings(make_campaign) -> None:
    campaign = make_campaign(generate_family_world(2, 90), faults=[Fault("count_text", after=5)])
    first, second = campaign.world.hashes()
    events = campaign.crawl()
    # First pages of all subjects, then the other pages of each.
    assert [
        (event.subject.id, event.page_number, event.new_references, event.status.state)
        for event in events
    ] == [
        (first, 1, 40, PENDING),
        (second, 1, 40, PENDING),
        (first, 2, 40, PENDING),
        (first, 3, 10, COMPLETE),
        (second, 2, 40, PENDING),
        (second, 3, 10, COMPLETE),
    ]
    assert [bool(event.warnings) for event in events] == [False] * 5 + [True]
    assert {(event.error, event.inferred_references) for event in events} == {(None, 0)}


def test_an_event_without_a_page_reports_inferred_references(make_campaign) -> None:
    campaign = make_campaign(generate_family_world(3, 90))
    *requested, third, second = campaign.crawl(frugal=True)
    assert [event.inferred_references for event in requested] == [0] * 5
    assert {third.subject.id, second.subject.id} == {*campaign.world.hashes()[1:]}
    for event in (second, third):
        assert (
            event.page_number,
            event.new_references,
            event.inferred_references,
            event.warnings,
        ) == (1, 0, 50, ())
        assert (event.status, event.error) == (Status(COMPLETE), None)


def stored_failure(campaign: Campaign, subject: str) -> tuple[object, ...]:
    with Store.read(campaign.path) as store:
        (row,) = [row for row in store.statuses() if row.subject.id == subject]
    return row.state, row.error_code, row.http_status, row.detail, row.fetched_at


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (("status", 404), "NotFoundError", 404),
        (("status", 503), "TransientError", 503),
        (("body", b'{"data": {}}'), "PayloadError", 200),
    ],
)
@pytest.mark.parametrize("page", [1, 2])
def test_a_refusal_is_reported_in_its_event_and_stored(
    make_campaign, page, fault, code, status
) -> None:
    campaign = make_campaign(
        generate_family_world(1, 90), faults=[Fault(*fault, after=page - 1, times=None)]
    )
    (subject,) = campaign.world.hashes()
    *_, event = campaign.crawl()
    assert (
        event.subject.id,
        event.page_number,
        event.new_references,
        event.inferred_references,
    ) == (subject, page, 0, 0)
    assert event.warnings == ()
    assert event.status == Status(FAILED, str(event.error))
    assert stored_failure(campaign, subject) == (
        FAILED,
        code,
        status,
        str(event.error),
        campaign.clock.now(),
    )


def test_an_unreachable_service_pauses_the_run_without_failed_subjects(make_campaign) -> None:
    campaign = make_campaign()
    with socket.socket() as closed_port:  # does not listen
        closed_port.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed_port.getsockname()[1]}/api/v3"
        client = Client(ApiKey("k" * 64), base_url=address, clock=campaign.clock)
        with (
            Store.open(campaign.path) as store,
            client,
            pytest.raises(CrawlPaused, match=r"cannot reach .*; run again later"),
        ):
            list(Crawl(client, store))
    assert set(campaign.states().values()) == {PENDING}
    with Store.read(campaign.path) as store:
        assert store.calls.count() == 0


def test_only_consecutive_failures_end_a_run_and_refusals_do_not_count(make_campaign) -> None:
    world = generate_family_world(12, 3)
    down = [Fault("status", 500, match=world.hashes()[n], times=None) for n in (0, 1, 3, 4, 6, 7)]
    not_found = [Fault("status", 404, match=world.hashes()[n], times=None) for n in (2, 8, 9, 10)]
    campaign = make_campaign(world, faults=[*down, *not_found])
    events = campaign.crawl()
    assert [event.error is None for event in events] == [n in {5, 11} for n in range(12)]


def test_consecutive_forbidden_subjects_end_a_deeper_run(make_campaign) -> None:
    refusals = [
        Fault("status", 403, match=f"references/{n}", times=None) for n in "0123456789abcdef"
    ]
    campaign = make_campaign(generate_family_world(1, 30), faults=refusals)
    with pytest.raises(CrawlPaused, match="3 subjects in a row"):
        campaign.crawl(depth=1)


def test_an_unknown_file_fails_and_is_not_requested_again(make_campaign) -> None:
    campaign = make_campaign()
    with Store.open(campaign.path) as store:
        store.add_seeds(parse_seeds([UNKNOWN]))
    (failed,) = [event for event in campaign.crawl() if event.error]
    assert isinstance(failed.error, NotFoundError)
    assert campaign.states()[UNKNOWN] == FAILED
    calls = campaign.api.calls
    campaign.crawl()
    assert campaign.api.calls == calls


@pytest.mark.parametrize(
    ("switch", "error"),
    [
        ({"keys": ["other"]}, AuthenticationError),
        ({"inactive_keys": ["k" * 64]}, AuthenticationError),
    ],
    ids=["unknown key", "inactive key"],
)
def test_a_refused_key_ends_the_run_after_one_request(
    make_campaign, switch: dict[str, object], error: type[Exception]
) -> None:
    campaign = make_campaign(**switch)
    with pytest.raises(error):
        campaign.crawl()
    assert len(campaign.api.log) == 1
    assert set(campaign.states().values()) == {PENDING}


def test_a_key_that_is_revoked_during_a_crawl_loses_no_page(make_campaign) -> None:
    campaign = make_campaign(faults=[Fault("status", 401, after=7, times=1)])
    with pytest.raises(AuthenticationError):
        campaign.crawl()
    campaign.crawl()
    assert campaign.triples() == campaign.world.triples()
    assert len(campaign.api.log) == 16


@pytest.mark.parametrize("kind", ["status=503", "html", "truncated", "reset", "cut", "gzip_cut"])
def test_a_transient_error_is_retried(make_campaign, kind: str) -> None:
    name, _, value = kind.partition("=")
    campaign = make_campaign(faults=[Fault(name, value, after=3, times=2)])
    campaign.crawl()
    assert campaign.triples() == campaign.world.triples()
    assert len(campaign.api.log) == 17
    assert len(campaign.clock.slept) == 2


def test_a_subject_that_keeps_failing_costs_four_calls_and_the_run_continues(make_campaign) -> None:
    world = generate_family_world(5, 30)
    campaign = make_campaign(
        world, faults=[Fault("status", 500, match=world.hashes()[1], times=None)]
    )
    events = campaign.crawl()
    assert [event.error is not None for event in events] == [False, True, False, False, False]
    assert len(campaign.api.log) == 8
    campaign.api.clear_faults()
    campaign.crawl()
    assert campaign.triples() == world.triples()


def test_a_run_ends_after_three_subjects_if_the_service_is_down(make_campaign) -> None:
    campaign = make_campaign(
        generate_family_world(50, 30), faults=[Fault("status", 500, times=None)]
    )
    with pytest.raises(CrawlPaused, match="3 subjects in a row"):
        campaign.crawl()
    assert len(campaign.api.log) == 12


def test_a_json_response_that_is_no_page_costs_one_call(make_campaign) -> None:
    world = generate_family_world(3, 30)
    campaign = make_campaign(
        world, faults=[Fault("body", b'{"data": {}}', match=world.hashes()[0], times=None)]
    )
    campaign.crawl()
    assert len(campaign.api.log) == 3
    assert list(campaign.states().values()) == [FAILED, COMPLETE, COMPLETE]


def test_endless_paging_ends_after_two_extra_calls(make_campaign) -> None:
    for kind in ("same_cursor", "fresh_cursor", "extra_cursor"):
        world = generate_family_world(1, 90)
        campaign = make_campaign(world, faults=[Fault(kind, times=None)])
        campaign.crawl()
        assert len(campaign.api.log) <= 5, kind
        campaign.path.unlink()


def test_a_repeated_cursor_makes_the_subject_incomplete(make_campaign) -> None:
    campaign = make_campaign(
        generate_family_world(1, 90), faults=[Fault("same_cursor", times=None)]
    )
    campaign.crawl()
    with Store.read(campaign.path) as store:
        (status,) = store.statuses()
    assert status.state == INCOMPLETE
    assert "cursor" in status.detail or "nothing new" in status.detail


# --- quotas --------------------------------------------------------------------------------------


def test_the_wait_for_the_minute_quota_follows_retry_after(make_campaign) -> None:
    campaign = make_campaign(generate_family_world(8, 30), quota=Quota(per_minute=4))
    campaign.crawl()
    assert campaign.triples() == campaign.world.triples()
    assert sum(campaign.clock.slept) >= 60


@pytest.mark.parametrize("seed", range(12))
def test_a_busy_service_costs_less_than_twice_the_time(make_campaign, seed: int) -> None:
    """5 % of the responses are a 429 without Retry-After, which may come twice in a row."""
    seconds, refused = [], Random(seed)
    for share in (0.0, 0.05):
        campaign = make_campaign(generate_family_world(83, 3))
        busy = [number for number in range(100) if refused.random() < share]
        # A fault does not count the requests that earlier faults have answered.
        campaign.api.add_faults(
            *[Fault("status", 429, after=number - fault) for fault, number in enumerate(busy)]
        )
        start = campaign.clock.time
        campaign.crawl(rate_limiter=RateLimiter(4))
        assert set(campaign.states().values()) == {COMPLETE}
        refusals = [number for number, entry in enumerate(campaign.api.log) if entry.status == 429]
        assert refusals == [number for number in busy if number < len(campaign.api.log)]
        seconds.append(campaign.clock.time - start)
        campaign.path.unlink()
    assert seconds[0] <= seconds[1] < 2 * seconds[0]


@pytest.mark.parametrize("reset", [None, 0.0, -1.0])
def test_a_first_429_is_waited_for_unless_the_quota_is_known_to_be_spent(
    make_campaign, reset
) -> None:
    fault = Fault("status", 429, times=1, retry_after="30")
    campaign = make_campaign(generate_family_world(2, 30), faults=[fault])
    if reset is not None:  # a quota that was spent and has been reset
        with Store.open(campaign.path) as store:
            store.api_info.save_quota_reset(campaign.clock.now() + reset)
    campaign.crawl()
    assert campaign.clock.slept[0] >= 30
    assert [entry.status for entry in campaign.api.log] == [429, 200, 200]


def test_each_page_takes_one_transaction(make_campaign) -> None:
    transactions = []
    for files in (4, 9):
        campaign = make_campaign(generate_family_world(files, 30))
        statements: list[str] = []
        client = campaign.client()
        with Store.open(campaign.path) as store, client:
            store._db._connection.set_trace_callback(statements.append)
            assert len(list(Crawl(client, store))) == files
        transactions.append(statements.count("COMMIT"))
        campaign.path.unlink()
    assert transactions[1] - transactions[0] == 9 - 4


def test_pages_are_stored_as_they_were_compressed_in_the_response(make_campaign) -> None:
    campaign = make_campaign(generate_family_world(1, 40))
    campaign.crawl()
    with Store.read(campaign.path) as store:
        (page,), (packed,) = store.pages(), store.compressed_pages()
    # Compressed by the emulator; without the header and trailer of gzip.
    assert gzip.compress(page.body, 1)[10:-8] in packed.compressed


def test_a_rate_limit_never_exceeds_the_minute_quota(make_campaign) -> None:
    campaign = make_campaign(generate_family_world(20, 30), quota=Quota(per_minute=4))
    campaign.crawl(rate_limiter=RateLimiter(4))
    assert {entry.status for entry in campaign.api.log} == {200}


def test_a_rate_limit_holds_across_runs(make_campaign) -> None:
    campaign = make_campaign(generate_family_world(8, 30), quota=Quota(per_minute=4))
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(rate_limiter=RateLimiter(4), max_calls=3)
    campaign.crawl(rate_limiter=RateLimiter(4))
    assert {entry.status for entry in campaign.api.log} == {200}


def test_a_spent_daily_quota_pauses_the_run_and_names_the_reset(make_campaign) -> None:
    campaign = make_campaign(quota=Quota(per_day=6))
    with pytest.raises(QuotaExhaustedError, match="2023-11-15 00:00 UTC"):
        campaign.crawl()
    assert campaign.api.calls == 6
    refused = [entry for entry in campaign.api.log if entry.status == 429]
    assert len(refused) == 3
    campaign.clock.time += 86_400
    with pytest.raises(QuotaExhaustedError):
        campaign.crawl()
    campaign.clock.time += 86_400
    campaign.crawl()
    assert campaign.triples() == campaign.world.triples()


def test_a_spent_quota_is_probed_once_per_run(make_campaign) -> None:
    campaign = make_campaign(quota=Quota(per_day=6))
    with pytest.raises(QuotaExhaustedError):
        campaign.crawl()
    requests, slept = len(campaign.api.log), len(campaign.clock.slept)
    for _ in range(3):
        requests += 1
        with pytest.raises(QuotaExhaustedError):
            campaign.crawl()
        assert len(campaign.api.log) == requests
        assert len(campaign.clock.slept) == slept


def test_per_day_is_not_exceeded(make_campaign) -> None:
    campaign = make_campaign()
    with pytest.raises(BudgetExhaustedError, match="2023-11-15 00:00 UTC"):
        campaign.crawl(per_day=4)
    assert campaign.api.calls == 4
    campaign.clock.time += 86_400
    with pytest.raises(BudgetExhaustedError):
        campaign.crawl(per_day=4)
    assert campaign.api.calls == 8


def test_max_calls_holds_over_several_runs_and_retries(make_campaign) -> None:
    campaign = make_campaign(faults=[Fault("status", 503, after=2, times=2)])
    for budget in (3, 3, 7, 7):
        with pytest.raises(BudgetExhaustedError, match=f"budget of {budget} calls"):
            campaign.crawl(max_calls=budget)
        assert len(campaign.api.log) == budget
    campaign.crawl()
    assert campaign.triples() == campaign.world.triples()


@pytest.mark.parametrize("limit", ["max_calls", "per_day"])
def test_a_spent_budget_is_reported_without_waiting(make_campaign, limit: str) -> None:
    campaign = make_campaign(generate_family_world(8, 30))
    for _ in range(2):
        with pytest.raises(BudgetExhaustedError):
            campaign.crawl(rate_limiter=RateLimiter(4), **{limit: 4})
    assert campaign.clock.slept == []
    assert len(campaign.api.log) == 4


def test_transient_errors_do_not_change_the_graph(make_campaign, tmp_path: Path) -> None:
    world = generate_world(2)
    smooth = make_campaign(world)
    smooth.crawl()
    (tmp_path / "rough").mkdir()
    rough = Campaign(
        tmp_path / "rough" / "campaign.db", world, faults=[Fault("status", 503, after=5, times=9)]
    )
    rough.crawl()
    rough.crawl()
    graphs = []
    for campaign in (smooth, rough):
        with Store.read(campaign.path) as store:
            graph = build_graph(store.observations(), subjects=store.subjects())
            graphs.append((list(graph.nodes(data=True)), list(graph.edges(data=True))))
    assert graphs[0] == graphs[1]
