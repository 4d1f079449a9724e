"""The status of a subject after each page: when paging ends, and mismatches of counts."""

from __future__ import annotations

from itertools import count as numbers

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.models import COMPLETE, INCOMPLETE, PENDING, SHORT, STATES, Status
from graphbuild.store.paging import MAX_PAGES, PagingState, status_after_page


def status_of(**changes):
    """Return the status after the only page of a list of two references, with changes."""
    state = {
        "page_count": 1,
        "expected_counts": frozenset({2}),
        "cursor_repeated": False,
        "next_cursor": None,
        "item_count": 2,
        "new_count": 2,
        "received_count": 2,
    }
    return status_after_page(PagingState(**state | changes))


# --- end of the list --------------------------------------------------------------------------


def test_list_with_the_expected_count_is_complete():
    assert status_of() == Status(COMPLETE, "")


def test_empty_list_is_complete():
    assert status_of(
        expected_counts=frozenset({0}), item_count=0, new_count=0, received_count=0
    ) == Status(COMPLETE, "")


def test_list_without_expected_count_is_complete():
    assert status_of(expected_counts=frozenset(), received_count=7) == Status(COMPLETE, "")


@pytest.mark.parametrize(
    ("skipped", "detail"),
    [
        (1, "1 malformed entry skipped, 2 received"),
        (3, "3 malformed entries skipped, 2 received"),
    ],
)
def test_list_without_expected_count_is_short_if_entries_were_skipped(skipped, detail):
    state = {"expected_counts": frozenset(), "skipped_count": skipped}
    assert status_of(**state) == Status(PENDING, detail)
    assert status_of(**state, is_repeated=True) == Status(SHORT, detail)
    assert status_of(skipped_count=skipped) == Status(COMPLETE, "")


@pytest.mark.parametrize(
    ("expected", "received", "detail"),
    [
        pytest.param(1, 3, "1 references expected, 3 received", id="P19"),
        pytest.param(0, 3, "0 references expected, 3 received", id="P19-none"),
    ],
)
def test_mismatch_of_counts_is_reported(expected, received, detail):
    assert status_of(expected_counts=frozenset({expected}), received_count=received) == Status(
        COMPLETE, detail
    )


@pytest.mark.parametrize(
    ("counts", "received", "detail"),
    [
        ({241}, 2, "241 references expected, 2 received"),
        ({1}, 0, "1 references expected, 0 received"),
        ({240, 241}, 240, "the expected count changed between 240 and 241; 240 received"),
    ],
)
def test_list_with_fewer_references_is_short_after_its_last_page_was_requested_twice(
    counts, received, detail
):  # P18
    state = {"expected_counts": frozenset(counts), "received_count": received}
    assert status_of(**state) == Status(PENDING, detail)
    assert status_of(**state, is_repeated=True) == Status(SHORT, detail)


def test_repeated_page_may_continue_the_list():
    assert status_of(next_cursor="b", new_count=0, is_repeated=True) == Status(PENDING)


@pytest.mark.parametrize("received", [241, 242])
def test_change_of_the_expected_count_is_reported(received):  # P20
    status = status_of(expected_counts=frozenset({240, 241}), received_count=received)
    assert status.state == COMPLETE
    assert status.detail == (f"the expected count changed between 240 and 241; {received} received")


def test_many_expected_counts_are_reported_as_a_range():
    status = status_of(expected_counts=frozenset(range(5, 90)), received_count=97)
    assert status.detail == "the expected count changed between 5 and 89; 97 received"


# --- more pages ----------------------------------------------------------------------------


def test_new_cursor_continues():
    assert status_of(expected_counts=frozenset({241}), next_cursor="b") == Status(PENDING, "")


def test_one_empty_page_with_a_cursor_continues():  # P12
    assert status_of(item_count=0, new_count=0, received_count=0, next_cursor="a").state == PENDING


def test_first_page_beyond_the_expected_count_continues():
    assert status_of(next_cursor="a").state == PENDING
    assert status_of(page_count=2, new_count=2, received_count=3, next_cursor="a").state == PENDING


def test_highest_expected_count_applies():
    assert (
        status_of(
            expected_counts=frozenset({1, 3}), page_count=3, received_count=4, next_cursor="a"
        ).state
        == PENDING
    )


def test_short_pages_are_all_read():
    pages = [(100, f"c{n}" if n < 9 else None, range(10 * n, 10 * n + 10)) for n in range(10)]
    statuses = crawl(pages)
    assert len(statuses) == 10
    assert statuses[-1] == Status(COMPLETE, "")


# --- endless lists -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        pytest.param({"next_cursor": "a", "cursor_repeated": True}, "repeats a cursor", id="P8"),
        pytest.param({"next_cursor": "c", "new_count": 0}, "no new reference", id="P10"),
        pytest.param(
            {"next_cursor": "c", "item_count": 0, "new_count": 0, "previous_page_empty": True},
            "two empty pages in a row",
            id="P12",
        ),
        pytest.param(
            {"next_cursor": "c", "page_count": 2, "received_count": 4},
            "2 references expected, but",
            id="G8",
        ),
        pytest.param(
            {"next_cursor": "c", "page_count": 2, "expected_counts": frozenset({0})},
            "0 references",
            id="G8-0",
        ),
        pytest.param(
            {
                "next_cursor": "c",
                "page_count": 8,
                "received_count": 282,
                "expected_counts": frozenset({241, 280}),
            },
            "280 references",
            id="G8-moved",
        ),
        pytest.param(
            {"next_cursor": "c", "page_count": MAX_PAGES, "expected_counts": frozenset()},
            "more than 2500 pages",
            id="G8-uncounted",
        ),
        pytest.param(
            {"next_cursor": "c", "page_count": MAX_PAGES, "expected_counts": frozenset({2**52})},
            "more than 2500 pages",
            id="G8-overcounted",
        ),
    ],
)
def test_endless_list_ends_as_incomplete(state, reason):
    status = status_of(**state)
    assert status.state == INCOMPLETE
    assert status.detail.startswith("paging ended after page ")
    assert reason in status.detail


# --- properties ----------------------------------------------------------------------------------


def crawl(pages):
    """Read pages (count, cursor, ids) until a status ends the list; return the statuses."""
    seen, counts, cursors, statuses, empty = set(), set(), set(), [], False
    for number, (count, cursor, ids) in enumerate(pages, 1):
        counts |= {count} - {None}
        statuses.append(
            status_after_page(
                PagingState(
                    page_count=number,
                    expected_counts=frozenset(counts),
                    next_cursor=cursor,
                    cursor_repeated=cursor in cursors,
                    item_count=len(ids),
                    new_count=len(set(ids) - seen),
                    received_count=len(seen | set(ids)),
                    previous_page_empty=empty,
                )
            )
        )
        if statuses[-1].state != PENDING or cursor is None:
            break
        seen |= set(ids)
        cursors |= {cursor}
        empty = not ids
    return statuses


@pytest.mark.parametrize(
    ("pages", "calls"),
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
def test_endless_list_costs_at_most_this_many_calls(pages, calls):
    statuses = crawl(pages)
    assert len(statuses) == calls
    assert statuses[-1].state == INCOMPLETE


@pytest.mark.parametrize(("total", "limit", "calls"), [(241, 40, 7), (241, 10, 25), (40, 40, 1)])
def test_normal_list_costs_one_call_per_page(total, limit, calls):
    starts = range(0, total, limit)
    pages = [
        (total, f"c{start}" if start + limit < total else None, range(start, start + limit)[:total])
        for start in starts
    ]
    pages[-1] = (total, None, range(starts[-1], total))
    statuses = crawl(pages)
    assert len(statuses) == calls
    assert statuses[-1] == Status(COMPLETE, "")


_PAGE = st.tuples(
    st.none() | st.integers(0, 300),
    st.none() | st.sampled_from([f"c{n}" for n in range(30)]),
    st.lists(st.integers(0, 60), max_size=5),
)


@given(st.lists(_PAGE, min_size=1))
@settings(max_examples=300)
def test_list_is_complete_exactly_if_it_ends_with_the_announced_references(pages):
    statuses = crawl(pages)
    read = pages[: len(statuses)]
    announced = max((count for count, _, _ in read if count is not None), default=0)
    assert {status.state for status in statuses[:-1]} <= {PENDING}
    assert all(status.state in STATES for status in statuses)
    is_whole = len({each for _, _, ids in read for each in ids}) >= announced
    assert (statuses[-1].state == COMPLETE) == (read[-1][1] is None and is_whole)


@given(st.lists(_PAGE, min_size=1))
@settings(max_examples=300)
def test_complete_without_detail_means_all_counts_agree(pages):
    statuses = crawl(pages)
    read = pages[: len(statuses)]
    counts = {count for count, _, _ in read} - {None}
    distinct = {each for _, _, ids in read for each in ids}
    if statuses[-1] == Status(COMPLETE):
        assert counts <= {len(distinct)}
    elif statuses[-1].state == COMPLETE:
        assert counts
        assert counts != {len(distinct)}


@given(st.lists(_PAGE, min_size=1))
@settings(max_examples=300)
def test_at_most_one_page_beyond_the_expected_count_is_requested(pages):  # G8
    statuses = crawl(pages)
    counts: set[int] = set()
    seen: set[int] = set()
    for number, (count, _, ids) in enumerate(pages[: len(statuses) - 1]):
        counts |= {count} - {None}
        was_beyond = number > 0 and bool(counts) and len(seen) >= max(counts)
        assert not was_beyond, "another page was requested after it"
        seen |= set(ids)
