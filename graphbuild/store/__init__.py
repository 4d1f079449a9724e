"""The campaign file: what was asked, what came, and what it cost. See :class:`Store`."""

from graphbuild.store.checking import damages
from graphbuild.store.rows import (
    Committed,
    Damage,
    Fetched,
    StoredPage,
    SubjectStatus,
    Task,
    Totals,
    Work,
)
from graphbuild.store.store import Store

__all__ = [
    "Committed",
    "Damage",
    "Fetched",
    "Store",
    "StoredPage",
    "SubjectStatus",
    "Task",
    "Totals",
    "Work",
    "damages",
]
