"""Is a subject completely known? The judgement after each page, as a pure function.

*Complete* means: the last page carried no cursor, as many distinct references came as the answer
announced, and the announcement never moved. Anything else is said. The API's cursor is an offset
into a list that may move, so a swap of equal size behind it cannot be noticed from the pages.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphbuild.models import COMPLETE, INCOMPLETE, PENDING, Status

MAX_PAGES = 2_500  # of one subject: a hundred thousand references, and no answer goes on for ever


@dataclass(frozen=True, slots=True)
class History:
    """What the pages of one subject came to, the newest included.

    Attributes:
        pages: how many were read.
        counts: every total the answers announced.
        cursors: every cursor the answers gave before the newest page's.
        next_cursor: the newest page's; None on the last page.
        items: entries on the newest page.
        new: references on it that were not known of this subject before.
        distinct: references known of this subject now.
        empty_before: whether the page before the newest had no entries.
    """

    pages: int
    counts: frozenset[int]
    cursors: frozenset[str]
    next_cursor: str | None
    items: int
    new: int
    distinct: int
    empty_before: bool = False


def judge(history: History) -> Status:
    """How the subject stands after its newest page."""
    if history.next_cursor is None:
        return ended(history.counts, history.distinct)
    loop = _loop(history)
    if loop:
        return Status(INCOMPLETE, f"paging ended after page {history.pages}: {loop}")
    return Status(PENDING)


def ended(counts: frozenset[int], distinct: int) -> Status:
    """How a subject stands whose list was read to its end.

    Args:
        counts: every total the answers announced.
        distinct: references known of it.
    """
    return Status(COMPLETE, _shortfall(counts, distinct))


def _loop(history: History) -> str:
    """Why going on would page for ever; empty if it would not."""
    if history.next_cursor in history.cursors:
        return "the service repeats a cursor"
    if history.items and not history.new:
        return "a page held nothing new"
    if not history.items and history.empty_before:
        return "two empty pages in a row"
    if _had_all_before(history):
        return f"{max(history.counts)} references were announced, yet more pages follow"
    if history.pages >= MAX_PAGES:
        return f"more than {MAX_PAGES} pages"
    return ""


def _had_all_before(history: History) -> bool:
    """Whether the newest page was one more than the announced number needed.

    Counted in references, not in pages: a service may give fewer a page than were asked for.
    """
    before = history.distinct - history.new
    return history.pages > 1 and bool(history.counts) and before >= max(history.counts)


def _shortfall(counts: frozenset[int], distinct: int) -> str:
    if len(counts) > 1:
        seen = f"{min(counts)} and {max(counts)}"
        return f"the announced number moved between {seen}; {distinct} received"
    announced = next(iter(counts), distinct)
    if announced != distinct:
        return f"{announced} references announced, {distinct} received"
    return ""
