"""The campaign file: what was asked, what came, and what it cost. See :class:`Store`."""

from graphbuild.store.rows import Committed, Fetched, SubjectStatus, Task, Totals
from graphbuild.store.store import Store

__all__ = ["Committed", "Fetched", "Store", "SubjectStatus", "Task", "Totals"]
