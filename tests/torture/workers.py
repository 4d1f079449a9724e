"""SIGKILL with four concurrent requests: at most one call per worker is repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.kills import kill
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Zygote

_WORKERS = 4


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Kill ``rounds`` times."""
    return kill(PartResult("workers"), folder, rounds, seed, zygote, workers=_WORKERS)
