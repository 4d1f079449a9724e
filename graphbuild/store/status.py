"""Decide after each page whether the list of a subject is complete. Pure functions.

A list is complete if its last page has no cursor. If the number of received references differs from
the API's count, or that count changed between pages, the status contains a detail about it. A
cursor is an offset into a list that can change between pages. A replaced reference can therefore be
missed without a mismatch of the counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphbuild.models import COMPLETE, INCOMPLETE, PENDING, Status

MAX_PAGES = 2_500  # per subject: 100,000 references


@dataclass(frozen=True, slots=True)
class PagingState:
    """The pages of one pass through a list, the newest page included.

    Attributes:
        page_count: Number of pages.
        expected_counts: Every list length that the API stated.
        next_cursor: The newest page's next cursor; None on the last page.
        cursor_repeated: Whether an earlier page had the same next cursor.
        item_count: Number of items on the newest page.
        new_count: References on the newest page that no earlier page contains.
        received_count: Distinct references of all pages.
        previous_page_empty: Whether the page before the newest had no items.
    """

    page_count: int
    expected_counts: frozenset[int]
    next_cursor: str | None
    cursor_repeated: bool
    item_count: int
    new_count: int
    received_count: int
    previous_page_empty: bool = False


def status_after_page(state: PagingState) -> Status:
    """Return the status of a subject after its newest page."""
    if state.next_cursor is None:
        return status_at_end(state.expected_counts, state.received_count)
    reason = _endless_paging(state)
    if reason:
        return Status(INCOMPLETE, f"paging ended after page {state.page_count}: {reason}")
    return Status(PENDING)


def status_at_end(expected_counts: frozenset[int], received_count: int) -> Status:
    """Return the status of a subject whose list was read to the end."""
    return Status(COMPLETE, _count_mismatch(expected_counts, received_count))


def _endless_paging(state: PagingState) -> str:
    """Return why paging would never end; empty if it may end."""
    if state.cursor_repeated:
        return "the API repeats a cursor"
    if state.item_count and not state.new_count:
        return "the page contains no new reference"
    if not state.item_count and state.previous_page_empty:
        return "two empty pages in a row"
    if _was_complete_before(state):
        return f"{max(state.expected_counts)} references expected, but more pages follow"
    if state.page_count >= MAX_PAGES:
        return f"more than {MAX_PAGES} pages"
    return ""


def _was_complete_before(state: PagingState) -> bool:
    """Return whether all expected references were received before the newest page.

    Counts references, not pages, since the API may send shorter pages than requested.
    """
    before = state.received_count - state.new_count
    expected = state.expected_counts
    return state.page_count > 1 and bool(expected) and before >= max(expected)


def _count_mismatch(expected_counts: frozenset[int], received: int) -> str:
    if len(expected_counts) > 1:
        lowest, highest = min(expected_counts), max(expected_counts)
        return f"the expected count changed between {lowest} and {highest}; {received} received"
    expected = next(iter(expected_counts), received)
    if expected != received:
        return f"{expected} references expected, {received} received"
    return ""
