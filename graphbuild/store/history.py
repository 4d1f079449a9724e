"""What stood in the answers at a time, where a list was asked for more than once.

A campaign file forgets nothing: what the first answer said and the second does not stays known,
with its times. What stands is less: of each list the last pass that was read to its end, and
whatever came after it. Where no pass was, all that came stands, as nothing can have gone yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphbuild.models import COMPLETE, INCOMPLETE, PENDING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Step(NamedTuple):
    """A page on the way through a list.

    Attributes:
        page: its number in the file; later pages have greater ones.
        number: which page of its list, from 1; below that, one that came beside.
        cursor: where it starts; None where a pass begins.
        next_cursor: where the next one starts; None where the list ends.
    """

    page: int
    number: int
    cursor: str | None
    next_cursor: str | None


class Standing(NamedTuple):
    """How a list stood.

    Attributes:
        since: the page with which the last whole pass began; 0 where there is none.
        state: ``complete`` where the newest pass is whole, ``incomplete`` where it is not, and
            ``pending`` where nothing had come.
    """

    since: int
    state: str


def standing(steps: Iterable[Step], concluded: Collection[int]) -> Standing:
    """How a list stands after some pages of it.

    Args:
        steps: its pages, in the order in which they were stored.
        concluded: the pages after which nothing more was asked, as the rest was proved.
    """
    since = begun = 0
    state = PENDING
    for step in steps:
        if step.number < 1:
            continue
        if step.cursor is None:
            begun = step.page
        whole = begun and (step.next_cursor is None or step.page in concluded)
        state = COMPLETE if whole else INCOMPLETE
        since = begun if whole else since
    return Standing(since, state)
