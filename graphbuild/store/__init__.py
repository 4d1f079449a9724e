"""The campaign file, an SQLite database. See :class:`Store`."""

from graphbuild.store.integrity import NOT_CHECKED, find_damage
from graphbuild.store.models import (
    AuditResult,
    Damage,
    DescriptionCounts,
    FetchedPage,
    RemainingCalls,
    SaveResult,
    StoredPage,
    SubjectStatus,
    Task,
    Totals,
)
from graphbuild.store.store import Store

__all__ = [
    "NOT_CHECKED",
    "AuditResult",
    "Damage",
    "DescriptionCounts",
    "FetchedPage",
    "RemainingCalls",
    "SaveResult",
    "Store",
    "StoredPage",
    "SubjectStatus",
    "Task",
    "Totals",
    "find_damage",
]
