"""Precision, recall and calibration of pairs of files, on lists of files of known families.

The method was chosen with lists of one half of the families. The lists of this benchmark consist of
files of the other half; those "of all" families, of files of both halves.

A pair is true if its files are of one family and share evidence. The alternative is the q-value of
earlier versions, which was the p-value, corrected for the number of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.null_model import benjamini_hochberg
from graphbuild.analysis.overlap import find_overlaps
from tests.bench.rows import Row
from tests.bench.truth import MIXES, REPETITIONS, Mix, read_families
from tests.support import family_mixes
from tests.support.planted_campaigns import shuffled
from tests.support.real_families import DATA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Numbers, Reals
    from tests.support.family_mixes import Families
    from tests.support.planted_campaigns import PlantedCampaigns

RATES = (0.01, 0.05, 0.1, 0.2)  # of false discoveries
_RATE = 0.05
_MIN_PRECISION, _MIN_RECALL = 0.95, 0.8
_MIN_FAMILIES = 10  # lists of fewer families have no goals
_MAX_SHUFFLED = 0.005  # share of all pairs of unrelated files with q <= 0.05


def _with_shuffled_half(world: PlantedCampaigns, rng: Random) -> PlantedCampaigns:
    """Shuffle the collections of the files of every second family; no two of them are related."""
    parts = [
        replace(
            world,
            members={
                file: [f"{rest} {name}" for name in held]
                for file, held in world.members.items()
                if world.truth[file] % 2 == rest
            },
            holds={f"{rest} {name}": held for name, held in world.holds.items()},
        )
        for rest in (0, 1)
    ]
    unrelated = shuffled(parts[1], rng.randrange(1_000_000))
    truth = {
        file: len(world.members) + number if file in unrelated.members else family
        for number, (file, family) in enumerate(world.truth.items())
    }
    members = {**parts[0].members, **unrelated.members}
    return replace(world, members=members, holds={**parts[0].holds, **unrelated.holds}, truth=truth)


def _with_shuffled_files(world: PlantedCampaigns, rng: Random) -> PlantedCampaigns:
    """Shuffle the collections of all files, so that no two of them are related."""
    truth = {file: number for number, file in enumerate(world.members)}
    return replace(shuffled(world, rng.randrange(1_000_000)), truth=truth)


_HALF_SHUFFLED = Mix("20 families, 10 shuffled", 20, (4, 25), _with_shuffled_half)
PAIR_MIXES = (*MIXES[1:], _HALF_SHUFFLED)
SHUFFLED = (
    Mix("10 shuffled families", 10, (8, 25), _with_shuffled_files, times=2),
    Mix("20 shuffled families", 20, (4, 25), _with_shuffled_files),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of pairs at each of the ``RATES``.

    Attributes:
        stated: pairs with a q-value up to the rate.
        wrong: stated pairs that are not true.
        true: all true pairs.
        tested: all pairs.
    """

    stated: Numbers
    wrong: Numbers
    true: int
    tested: int

    @property
    def precision(self) -> Reals:
        """Share of the stated pairs that are true; 1 if there are none."""
        share: Reals = 1 - self.wrong / np.maximum(self.stated, 1)
        return share

    @property
    def recall(self) -> Reals:
        """Share of the true pairs that are stated; 1 if there are none."""
        share: Reals = (self.stated - self.wrong) / max(self.true, 1)
        return share if self.true else np.ones(len(RATES))

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.stated + other.stated,
            self.wrong + other.wrong,
            self.true + other.true,
            self.tested + other.tested,
        )


def truth_overlap(
    path: Path = DATA, repetitions: int = REPETITIONS, mixes: Sequence[Mix] = PAIR_MIXES
) -> list[Row]:
    """Measure pairs on lists of real families; print the reason if there is no data."""
    families = read_families(path)
    return measure(families, repetitions, mixes) if families else []


def measure(
    families: Families, repetitions: int = REPETITIONS, mixes: Sequence[Mix] = PAIR_MIXES
) -> list[Row]:
    """Measure pairs on lists of given families."""
    _, half = families.halves()
    rows = [
        row
        for each in mixes
        for row in _rows(each, count_pairs(families if each.of_all else half, each, repetitions))
    ]
    return rows + [_shuffled_row(each, count_pairs(half, each, repetitions)) for each in SHUFFLED]


def count_pairs(families: Families, kind: Mix, repetitions: int) -> list[tuple[Counts, Counts]]:
    """Return the counts of each list: those of graphbuild, and those of earlier versions."""
    found = []
    for number in range(repetitions * kind.times):
        rng = Random(f"{kind.name} {number}")
        world = family_mixes.mix(families, rng, kind.families, kind.sizes, kind.disturb)
        pairs = find_overlaps(Incidence.from_observations(world.observations()))
        family = np.array([world.truth[file.id] for file in pairs.nodes])
        columns = pairs.columns
        before = benjamini_hochberg(columns["p_value"], pairs.tested_pairs)
        sharing = columns["shared_evidence"] > 0
        is_true = (family[columns["source"]] == family[columns["target"]])[sharing]
        q_values = columns["q_value"][sharing], before[sharing]
        ours, theirs = (count(each, is_true, pairs.tested_pairs) for each in q_values)
        found.append((ours, theirs))
    return found


def count(q_value: Reals, is_true: NDArray[np.bool_], tested: int) -> Counts:
    """Return the counts of pairs that share evidence; ``tested`` is the number of all pairs."""
    stated = q_value <= np.array(RATES)[:, None]
    wrong = (stated & ~is_true).sum(axis=1)
    return Counts(stated.sum(axis=1), wrong, int(is_true.sum()), tested)


def _rows(kind: Mix, found: Sequence[tuple[Counts, Counts]]) -> list[Row]:
    """Return the rows of precision, recall and calibration; the counts of lists are added.

    Calibration has no goal, because families with the same collections look like one family.
    """
    lists, before = zip(*found, strict=True)
    ours, other = _sum(lists), _sum(before)
    has_goals = kind.families >= _MIN_FAMILIES and kind.name != _HALF_SHUFFLED.name
    at = RATES.index(_RATE)
    rows = []
    for name, goal in (("precision", _MIN_PRECISION), ("recall", _MIN_RECALL)):
        value, theirs = (float(getattr(each, name)[at]) for each in (ours, other))
        of_lists = [float(getattr(each, name)[at]) for each in lists]
        rows.append(
            Row(
                f"{kind.name}: {name} at q <= {_RATE}",
                f"{value:.3f}",
                f"{theirs:.3f} corrected p-value",
                value,
                goal if has_goals else None,
                (min(of_lists), max(of_lists)),
                shown="{:.3f}",
                is_minimum=True,
            )
        )
    excess = (1 - ours.precision) - np.array(RATES)
    rows.append(
        Row(
            f"{kind.name}: share wrong at q <= {', '.join(map(str, RATES))}, largest excess",
            ", ".join(f"{share:.3f}" for share in 1 - ours.precision),
            ", ".join(f"{share:.3f}" for share in 1 - other.precision),
            float(excess.max()),
            None,
            shown="{:+.3f}",
        )
    )
    return rows


def _shuffled_row(kind: Mix, found: Sequence[tuple[Counts, Counts]]) -> Row:
    """Return a row with the share of all pairs of unrelated files that are significant."""
    at = RATES.index(_RATE)
    shares = [
        [float(each.stated[at]) / each.tested for each in side] for side in zip(*found, strict=True)
    ]
    ours, before = (float(np.mean(side)) for side in shares)
    return Row(
        f"{kind.name}: share of all pairs with q <= {_RATE}",
        f"{ours:.4f}",
        f"{before:.4f} corrected p-value",
        ours,
        _MAX_SHUFFLED,
        (min(shares[0]), max(shares[0])),
        shown="{:.4f}",
    )


def _sum(counts: Sequence[Counts]) -> Counts:
    total = counts[0]
    for each in counts[1:]:
        total += each
    return total
