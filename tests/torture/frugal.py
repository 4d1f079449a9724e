"""Frugal crawls of generated and of real worlds, each compared with a plain crawl.

A frugal crawl may lack triples (file, reference, collection), but no pair of file and reference.
Each pair that lacks a collection must be marked as inferred, and a completing crawl must request
exactly the pages that are missing. Half of the worlds are families of files in 1 to 8 collections
that share references; half of these are real families if ``FAMILIES`` exists.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.frugal_crawls import (
    FAMILIES,
    Figures,
    RealFamilies,
    compare_crawls,
    family_world,
    random_world,
    real_family_world,
)
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.emulator import World
    from tests.support.forking import Zygote


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts have the same signature
    """Compare the crawls of ``rounds`` worlds."""
    result, figures = PartResult("frugal"), Figures()
    families = RealFamilies() if FAMILIES.exists() else None
    for number in range(rounds):
        rng, known = random.Random(f"{seed}/{number}"), len(figures.problems)
        compare_crawls(folder, _world(number, rng, families), rng, figures)
        for problem in figures.problems[known:]:
            result.check(condition=False, message=f"seed {seed}, world {number}: {problem}")
        result.rounds += 1
    result.lost = figures.missing - figures.fetched
    result.notes.append(
        f"{figures.differing:,} of {figures.worlds:,} frugal crawls lack"
        f" {figures.missing:,} of {figures.triples:,} triples, of {figures.lacking_pairs:,} pairs;"
        f" {figures.marked:,} of these pairs are marked, {figures.inferred:,} pairs are inferred;"
        f" completing crawls fetched {figures.fetched:,} triples"
    )
    result.notes.append(
        f"{figures.plain_calls:,} plain calls; {figures.frugal_calls:,} frugal and"
        f" {figures.completing_calls:,} completing calls"
    )
    result.notes.append("with real families" if families else f"without real families: {FAMILIES}")
    return result.finish()


def _world(number: int, rng: random.Random, families: RealFamilies | None) -> World:
    if number % 2:
        return random_world(rng)
    if number % 4 and families:
        return real_family_world(rng, families)
    return family_world(rng)
