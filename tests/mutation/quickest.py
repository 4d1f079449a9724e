"""A plugin of pytest: the tests that end soonest first, as one that fails ends the run.

mutmut hands on the tests that reach a change as a set, in no order, and the time each one took in
a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_TIMES = Path("mutmut-stats.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort them, once their times are known."""
    if _TIMES.exists():
        times = json.loads(_TIMES.read_text(encoding="utf-8"))["duration_by_test"]
        items.sort(key=lambda item: times.get(item.nodeid, 0.0))
