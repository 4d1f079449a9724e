"""When paging ends, and what is said of a list that does not add up."""

from __future__ import annotations

from itertools import count as numbers

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.models import COMPLETE, INCOMPLETE, PENDING, STATES, Status
from graphbuild.store.status import MAX_PAGES, History, judge


def after(**changes):
    """The verdict after the only page of a list of two references, with changes."""
    page = {
        "pages": 1,
        "counts": frozenset({2}),
        "cursors": frozenset(),
        "next_cursor": None,
        "items": 2,
        "new": 2,
        "distinct": 2,
    }
    return judge(History(**page | changes))


# --- the list has ended --------------------------------------------------------------------------


def test_a_list_that_came_whole_is_complete():
    assert after() == Status(COMPLETE, "")


def test_a_list_of_nothing_is_complete():
    assert after(counts=frozenset({0}), items=0, new=0, distinct=0) == Status(COMPLETE, "")


def test_a_list_whose_length_nobody_announced_is_complete():
    assert after(counts=frozenset(), distinct=7) == Status(COMPLETE, "")


@pytest.mark.parametrize(
    ("announced", "received", "remark"),
    [
        pytest.param(241, 2, "241 references announced, 2 received", id="P18"),
        pytest.param(1, 3, "1 references announced, 3 received", id="P19"),
        pytest.param(0, 3, "0 references announced, 3 received", id="P19-none"),
    ],
)
def test_a_shortfall_or_a_surplus_is_remarked(announced, received, remark):
    assert after(counts=frozenset({announced}), distinct=received) == Status(COMPLETE, remark)


@pytest.mark.parametrize("received", [240, 241])
def test_an_announcement_that_moved_is_remarked(received):  # P20
    verdict = after(counts=frozenset({240, 241}), distinct=received)
    assert verdict.state == COMPLETE
    assert verdict.detail == (
        f"the announced number moved between 240 and 241; {received} received"
    )


def test_an_announcement_that_moved_often_is_told_by_its_ends():
    verdict = after(counts=frozenset(range(5, 90)), distinct=7)
    assert verdict.detail == "the announced number moved between 5 and 89; 7 received"


# --- the list goes on ----------------------------------------------------------------------------


def test_a_new_cursor_goes_on():
    assert after(counts=frozenset({241}), next_cursor="b", cursors=frozenset("a")) == Status(
        PENDING, ""
    )


def test_one_empty_page_with_a_cursor_goes_on():  # P12
    assert after(items=0, new=0, distinct=0, next_cursor="a").state == PENDING


def test_a_page_more_than_announced_is_still_asked_for():
    assert after(next_cursor="a").state == PENDING
    assert after(pages=2, new=2, distinct=3, next_cursor="a").state == PENDING


def test_of_a_moving_announcement_the_largest_counts():
    assert after(counts=frozenset({1, 3}), pages=3, distinct=4, next_cursor="a").state == PENDING


def test_pages_smaller_than_asked_for_are_all_read():
    pages = [(100, f"c{n}" if n < 9 else None, range(10 * n, 10 * n + 10)) for n in range(10)]
    verdicts = crawl(pages)
    assert len(verdicts) == 10
    assert verdicts[-1] == Status(COMPLETE, "")


# --- the list does not end -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        pytest.param({"next_cursor": "a", "cursors": frozenset("a")}, "repeats a cursor", id="P8"),
        pytest.param({"next_cursor": "a", "cursors": frozenset("ab")}, "repeats a cursor", id="P9"),
        pytest.param({"next_cursor": "c", "new": 0}, "held nothing new", id="P10"),
        pytest.param(
            {"next_cursor": "c", "items": 0, "new": 0, "empty_before": True},
            "two empty pages in a row",
            id="P12",
        ),
        pytest.param(
            {"next_cursor": "c", "pages": 2, "distinct": 4},
            "2 references were announced, yet",
            id="G8",
        ),
        pytest.param(
            {"next_cursor": "c", "pages": 2, "counts": frozenset({0})}, "0 references", id="G8-0"
        ),
        pytest.param(
            {
                "next_cursor": "c",
                "pages": 8,
                "distinct": 282,
                "counts": frozenset({241, 280}),
            },
            "280 references",
            id="G8-moved",
        ),
        pytest.param(
            {"next_cursor": "c", "pages": MAX_PAGES, "counts": frozenset()},
            "more than 2500 pages",
            id="G8-uncounted",
        ),
        pytest.param(
            {"next_cursor": "c", "pages": MAX_PAGES, "counts": frozenset({2**52})},
            "more than 2500 pages",
            id="G8-overcounted",
        ),
    ],
)
def test_a_list_that_would_go_on_for_ever_ends_incomplete(history, reason):
    verdict = after(**history)
    assert verdict.state == INCOMPLETE
    assert verdict.detail.startswith("paging ended after page ")
    assert reason in verdict.detail


# --- laws ----------------------------------------------------------------------------------------


def crawl(pages):
    """Read pages (count, cursor, ids) until the verdict says stop; the verdicts."""
    seen, counts, cursors, verdicts, empty = set(), set(), set(), [], False
    for number, (count, cursor, ids) in enumerate(pages, 1):
        counts |= {count} - {None}
        verdicts.append(
            judge(
                History(
                    pages=number,
                    counts=frozenset(counts),
                    cursors=frozenset(cursors),
                    next_cursor=cursor,
                    items=len(ids),
                    new=len(set(ids) - seen),
                    distinct=len(seen | set(ids)),
                    empty_before=empty,
                )
            )
        )
        if verdicts[-1].state != PENDING:
            break
        seen |= set(ids)
        cursors |= {cursor}
        empty = not ids
    return verdicts


@pytest.mark.parametrize(
    ("service", "calls"),
    [
        pytest.param(((241, "a", [n]) for n in numbers()), 2, id="P8-one-cursor"),
        pytest.param(((241, "ab"[n % 2], [n]) for n in numbers()), 3, id="P9-two-cursors"),
        pytest.param(((10_000, f"c{n % 50}", [n]) for n in numbers()), 51, id="P9-fifty"),
        pytest.param(((241, f"c{n}", [1, 2]) for n in numbers()), 2, id="P10-same-ids"),
        pytest.param(((241, f"c{n}", []) for n in numbers()), 2, id="P12-empty"),
        pytest.param(((3, f"c{n}", [n]) for n in numbers()), 4, id="G8-count"),
        pytest.param(((0, f"c{n}", [n]) for n in numbers()), 2, id="G8-count-0"),
        pytest.param(((None, f"c{n}", [n]) for n in numbers()), 2_500, id="G8-no-count"),
        pytest.param(((n * 99, f"c{n}", [n]) for n in numbers()), 2_500, id="G8-growing"),
    ],
)
def test_an_endless_service_costs_at_most_this_many_calls(service, calls):
    verdicts = crawl(service)
    assert len(verdicts) == calls
    assert verdicts[-1].state == INCOMPLETE


@pytest.mark.parametrize(("total", "limit", "calls"), [(241, 40, 7), (241, 10, 25), (40, 40, 1)])
def test_a_sound_service_is_asked_exactly_as_often_as_its_list_is_long(total, limit, calls):
    starts = range(0, total, limit)
    pages = [
        (total, f"c{start}" if start + limit < total else None, range(start, start + limit)[:total])
        for start in starts
    ]
    pages[-1] = (total, None, range(starts[-1], total))
    verdicts = crawl(pages)
    assert len(verdicts) == calls
    assert verdicts[-1] == Status(COMPLETE, "")


_PAGE = st.tuples(
    st.none() | st.integers(0, 300),
    st.none() | st.sampled_from([f"c{n}" for n in range(30)]),
    st.lists(st.integers(0, 60), max_size=5),
)


@given(st.lists(_PAGE, min_size=1))
@settings(max_examples=300)
def test_complete_is_said_exactly_where_no_cursor_is_left(pages):
    verdicts = crawl(pages)
    last = pages[len(verdicts) - 1]
    assert {verdict.state for verdict in verdicts[:-1]} <= {PENDING}
    assert all(verdict.state in STATES for verdict in verdicts)
    assert (verdicts[-1].state == COMPLETE) == (last[1] is None)


@given(st.lists(_PAGE, min_size=1))
@settings(max_examples=300)
def test_complete_without_a_remark_means_as_many_as_always_announced(pages):
    verdicts = crawl(pages)
    read = pages[: len(verdicts)]
    counts = {count for count, _, _ in read} - {None}
    distinct = {each for _, _, ids in read for each in ids}
    if verdicts[-1] == Status(COMPLETE):
        assert counts <= {len(distinct)}
    elif verdicts[-1].state == COMPLETE:
        assert counts
        assert counts != {len(distinct)}


@given(st.lists(_PAGE, min_size=1))
@settings(max_examples=300)
def test_no_service_gets_more_than_one_page_beyond_its_announcement(pages):  # G8
    verdicts = crawl(pages)
    counts: set[int] = set()
    seen: set[int] = set()
    for number, (count, _, ids) in enumerate(pages[: len(verdicts) - 1]):
        counts |= {count} - {None}
        was_beyond = number > 0 and bool(counts) and len(seen) >= max(counts)
        assert not was_beyond, "another page was asked for after it"
        seen |= set(ids)
