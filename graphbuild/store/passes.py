"""The current pass through a list: its newest first page, and the pages stored after it.

Pages with a negative number belong to no pass. They come from other campaign files, or were
requested for an alias of the subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbuild.store.database import Database

# The facts on the pages of a pass, with the row ids of these pages. ``:task`` is the row id of the
# list, and ``:first_page`` the result of first_page_of_pass().
CURRENT_FACTS = (
    "SELECT reference, related_from, page.id AS page"
    " FROM page JOIN fact ON fact.page = coalesce(duplicate_of, page.id)"
    " WHERE task = :task AND number > 0 AND page.id >= :first_page"
)


def first_page_of_pass(db: Database, task: int) -> int:
    """Return the row id of the newest stored first page of a list; 0 if there is no such page.

    ``task`` is the row id of the list.
    """
    query = "SELECT max(id) FROM page WHERE task = ? AND number > 0 AND cursor IS NULL"
    return db.integer(query, task)
