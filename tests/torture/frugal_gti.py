"""Frugal crawls of generated worlds in which reports lead to other reports (flavor ``gti``).

Nothing may be inferred there, so a frugal crawl must store the same observations as a full crawl,
with the same number of calls.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.frugal_crawls import family_world, random_world
from tests.support.linked_reports import crawl_gti, expected_observations, with_linked_reports
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from tests.torture.forking import Zygote


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts have the same signature
    """Compare the crawls of ``rounds`` worlds."""
    result, through_reports = PartResult("frugal_gti"), 0
    for number in range(rounds):
        rng = random.Random(f"{seed}/{number}")
        world = with_linked_reports((random_world if number % 2 else family_world)(rng), rng)
        expected = expected_observations(world)
        full = crawl_gti(_new_file(folder / "full.db"), world)
        frugal = crawl_gti(_new_file(folder / "frugal.db"), world, frugal=True)
        where = f"seed {seed}, world {number}"
        result.check(full[0] == expected, f"{where}: the full crawl differs from the world")
        result.check(frugal == full, f"{where}: the frugal crawl differs from the full crawl")
        result.lost += len(expected - frugal[0])
        through_reports += sum((source or "").startswith("reference:") for *_, source in expected)
        result.rounds += 1
    result.notes.append(f"{through_reports:,} observations through reports")
    return result.finish()


def _new_file(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path
