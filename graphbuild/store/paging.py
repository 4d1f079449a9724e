"""Determine the status of a list after each page. The functions have no side effects.

A page without a next cursor is the last page of its list. References are missing if fewer distinct
references were received than the greatest list length that the API stated. If the API stated no
length, references are missing if malformed entries were skipped. If no reference is missing, the
list is complete. Otherwise, the last page is requested once more. If references are still missing,
the list is short. The detail of the status mentions missing references, surplus references, and a
stated length that changed between pages.

A list can change while its pages are requested. If a reference is replaced by another during that
time, the new reference can be missed although the counts match.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphbuild._util import format_count
from graphbuild.models import COMPLETE, INCOMPLETE, PENDING, SHORT, Status

MAX_PAGES = 2_500  # per pass through a list; 100,000 references at 40 per page


@dataclass(frozen=True, slots=True)
class PagingState:
    """Counts and cursors of the pages in one pass through a list, up to its newest page."""

    page_count: int
    expected_counts: frozenset[int]  # all list lengths that the API stated
    next_cursor: str | None  # of the newest page; None on the last page
    cursor_repeated: bool  # an earlier page had the same next cursor
    item_count: int  # of the newest page
    new_count: int  # references on the newest page that no earlier page contains
    received_count: int  # distinct references of all pages
    previous_page_empty: bool = False  # the page before the newest had no items
    is_repeated: bool = False  # the newest page was requested again, because the list was short
    skipped_count: int = 0  # malformed entries of all pages


def status_after_page(state: PagingState) -> Status:
    """Return the status of a list after its newest page."""
    if state.next_cursor is None:
        status = status_at_end(state.expected_counts, state.received_count, state.skipped_count)
        is_last = status.state != SHORT or state.is_repeated
        return status if is_last else Status(PENDING, status.detail)
    reason = _endless_paging(state)
    if reason:
        return Status(INCOMPLETE, f"paging ended after page {state.page_count}: {reason}")
    return Status(PENDING)


def status_at_end(expected_counts: frozenset[int], received: int, skipped: int = 0) -> Status:
    """Return the status of a list that was read to the end: complete or short.

    ``expected_counts`` are all list lengths that the API stated, and ``received`` is the number of
    distinct references. The number of ``skipped`` malformed entries matters only if the API stated
    no list length.
    """
    if skipped and not expected_counts:
        entries = format_count(skipped, "malformed entry")
        return Status(SHORT, f"{entries} skipped, {received} received")
    detail, highest = "", max(expected_counts, default=0)
    if len(expected_counts) > 1:
        lowest = min(expected_counts)
        detail = f"the expected count changed between {lowest} and {highest}; {received} received"
    elif expected_counts and received != highest:
        detail = f"{highest} references expected, {received} received"
    return Status(SHORT if received < highest else COMPLETE, detail)


def _endless_paging(state: PagingState) -> str:
    """Return why paging would probably never end; empty if it may end."""
    expected = max(state.expected_counts, default=math.inf)
    if state.cursor_repeated:
        return "the API repeats a cursor"
    if state.item_count and not state.new_count and not state.is_repeated:
        return "the page contains no new reference"
    if not state.item_count and state.previous_page_empty:
        return "two empty pages in a row"
    # References are counted, not pages, because the API may send shorter pages than requested.
    if state.page_count > 1 and state.received_count - state.new_count >= expected:
        return f"{expected} references expected, but more pages follow"
    if state.page_count >= MAX_PAGES:
        return f"more than {MAX_PAGES} pages"
    return ""
