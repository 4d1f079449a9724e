"""The campaign file: what was asked, what came, and what it cost. See :class:`Store`."""

from graphbuild.store.integrity import damages
from graphbuild.store.records import (
    Committed,
    Damage,
    Fetched,
    StoredPage,
    SubjectStatus,
    Task,
    Totals,
    Work,
)
from graphbuild.store.writer import Store

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
