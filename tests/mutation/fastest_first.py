"""A pytest plugin that runs the fastest tests first, because the first failure ends the run.

mutmut passes the tests of a change in no particular order. It records their durations in a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_DURATIONS = Path("mutmut-stats.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by duration, if the durations are known."""
    if _DURATIONS.exists():
        durations = json.loads(_DURATIONS.read_text(encoding="utf-8"))["duration_by_test"]
        items.sort(key=lambda item: durations.get(item.nodeid, 0.0))
