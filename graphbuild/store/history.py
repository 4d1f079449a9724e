"""The state of a list at a given time. A list may have been requested more than once.

The campaign file keeps the contents of every page. The *current* observations of a list are
those of its last complete pass and of later pages. Without a complete pass, all pages count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphbuild.models import COMPLETE, INCOMPLETE, PENDING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class PageStep(NamedTuple):
    """The position of a stored page in the paging through its list.

    Attributes:
        page: The row id; pages that were stored later have greater ids.
        number: The number in the list, from 1; negative if the page was requested for an alias.
        cursor: The cursor of the request; None for the first page of a pass.
        next_cursor: The cursor of the next page; None for the last page.
    """

    page: int
    number: int
    cursor: str | None
    next_cursor: str | None


class ListState(NamedTuple):
    """The state of a list at a given time.

    Attributes:
        since: The row id of the first page of the last complete pass; 0 without such a pass.
        state: ``complete`` or ``incomplete`` for the newest pass; ``pending`` without any page.
    """

    since: int
    state: str


def list_state(steps: Iterable[PageStep], inferred_after: Collection[int]) -> ListState:
    """Return the state of a list after the given pages were stored.

    Args:
        steps: Pages of the list, in the order of storage.
        inferred_after: Row ids of the pages after which the rest of a list was inferred.
    """
    since = first_page = 0
    state = PENDING
    for step in steps:
        if step.number < 1:
            continue
        if step.cursor is None:
            first_page = step.page
        complete = first_page and (step.next_cursor is None or step.page in inferred_after)
        state = COMPLETE if complete else INCOMPLETE
        since = first_page if complete else since
    return ListState(since, state)
