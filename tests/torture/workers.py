"""Kill -9 while four questions are in flight: at most one call for each worker is paid twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.kills import kill
from tests.torture.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from tests.torture.forking import Zygote

_WORKERS = 4


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> Tally:
    """Kill so many times."""
    return kill(Tally("workers"), folder, rounds, seed, zygote, workers=_WORKERS)
