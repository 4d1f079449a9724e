"""A campaign file with two seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.store.helpers import A, B

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "campaign.db"


@pytest.fixture
def store(path: Path):
    with Store.open(path) as opened:
        opened.add_seeds(parse_seeds([A, B]))
        yield opened
