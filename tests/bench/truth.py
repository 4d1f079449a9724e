"""Quality of clusters on lists of files of known families, beside simple methods.

The constants of the method were chosen with one half of the families and with generated ones. The
lists consist of files of the other half; those of 60 and 140 families, of files of all families.
Lists of all families were also compared while the constants were chosen.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from graphbuild.analysis.incidence import Incidence
from tests.bench.baselines import METHODS, OLD, OURS
from tests.bench.rows import Row
from tests.support import family_mixes
from tests.support.family_mixes import mix
from tests.support.real_families import DATA, is_present

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Numbers
    from tests.support.family_mixes import Families
    from tests.support.planted_campaigns import PlantedCampaigns

    Disturbance = Callable[[PlantedCampaigns, Random], PlantedCampaigns]

REPETITIONS = 8
_MAX_GAP = 0.005  # of the AMI, below the best other method
_MAX_MERGED = 1.0  # families merged, above the fewest of a method with nearly the best AMI
_MAX_PIECES = 1.2  # clusters of the only family of a list


def _unchanged(world: PlantedCampaigns, _: Random) -> PlantedCampaigns:
    return world


class Mix(NamedTuple):
    """A kind of list: the number of families, the files of each, and what is disturbed."""

    name: str
    families: int
    sizes: tuple[int, int]
    disturb: Disturbance = _unchanged
    of_all: bool = False  # whether the families are those of both halves
    times: int = 1  # lists per repetition; lists of few families vary most


MIXES = (
    Mix("1 family", 1, (8, 25), times=25),
    Mix("2 families", 2, (8, 25), times=25),
    Mix("10 families", 10, (8, 25), times=2),
    Mix("20 families", 20, (4, 25)),
    Mix("20 families, round-ups", 20, (4, 25), family_mixes.with_roundups),
    Mix("20 families, half hidden", 20, (4, 25), family_mixes.with_hidden_collections),
    Mix("20 families, 5 % wrong", 20, (4, 25), family_mixes.with_wrong_collections),
    Mix("20 families, 20 % missing", 20, (4, 25), family_mixes.with_missing_answers),
    Mix("40 families", 40, (4, 25)),
    Mix("90 families", 90, (4, 25)),
    Mix("60 of all families", 60, (4, 25), of_all=True),
    Mix("140 of all families", 140, (2, 8), of_all=True),
)


@dataclass(frozen=True, slots=True)
class Score:
    """Agreement of clusters with the families.

    Attributes:
        ami: adjusted mutual information. In a list of one family, it is 1 for one cluster, else 0.
        precision: share of the pairs of one cluster that are of one family.
        recall: share of the pairs of one family that are in one cluster.
        merged: number of families whose main cluster is that of a larger family.
        pieces: mean number of clusters that contain files of a family.
    """

    ami: float
    precision: float
    recall: float
    merged: float
    pieces: float


def truth(
    path: Path = DATA, repetitions: int = REPETITIONS, mixes: Sequence[Mix] = MIXES
) -> list[Row]:
    """Measure all methods on lists of real families; print the reason if there is no data."""
    families = read_families(path)
    return measure(families, repetitions, mixes) if families else []


def read_families(path: Path) -> Families | None:
    """Return the real families; if there is no data, print where it is expected and return None."""
    if is_present(path):
        return family_mixes.real(path)
    sys.stdout.write(f"no data of families in {path}; choose the file with --families FILE\n")
    return None


def measure(
    families: Families, repetitions: int = REPETITIONS, mixes: Sequence[Mix] = MIXES
) -> list[Row]:
    """Measure all methods on lists of given families."""
    _, half = families.halves()
    return [
        row
        for each in mixes
        for row in _rows(each, scores(families if each.of_all else half, each, repetitions))
    ]


def scores(families: Families, kind: Mix, repetitions: int) -> dict[str, Score]:
    """Return the mean score of each method. The same arguments give the same lists."""
    found: dict[str, list[Score]] = {name: [] for name in METHODS}
    for number in range(repetitions * kind.times):
        rng = Random(f"{kind.name} {number}")
        world = mix(families, rng, kind.families, kind.sizes, kind.disturb)
        incidence = Incidence.from_observations(world.observations())
        true = np.array([world.truth[file.id] for file in incidence.files])
        for name, method in METHODS.items():
            found[name].append(score(true, method(incidence)))
    return {name: _mean(each) for name, each in found.items()}


def score(true: Numbers, labels: Numbers) -> Score:
    """Compare clusters with families; both arrays contain a number for each file."""
    table = _contingency(true, labels)
    together = _pairs(table)
    main, owner = table.argmax(axis=1), table.argmax(axis=0)
    return Score(
        float(adjusted_mutual_info_score(true, labels)),
        float(together / max(1, _pairs(table.sum(axis=0)))),
        float(together / max(1, _pairs(table.sum(axis=1)))),
        float((owner[main] != np.arange(len(table))).sum()),
        float((table > 0).sum(axis=1).mean()),
    )


def _contingency(true: Numbers, labels: Numbers) -> NDArray[np.int64]:
    rows, row = np.unique(true, return_inverse=True)
    columns, column = np.unique(labels, return_inverse=True)
    table = np.zeros((len(rows), len(columns)), np.int64)
    np.add.at(table, (row, column), 1)
    return table


def _pairs(counts: NDArray[np.int64]) -> int:
    return int((counts * (counts - 1) // 2).sum())


def _mean(found: Sequence[Score]) -> Score:
    columns = ([getattr(each, name) for each in found] for name in Score.__dataclass_fields__)
    return Score(*(float(np.mean(column)) for column in columns))


def _rows(kind: Mix, found: dict[str, Score]) -> list[Row]:
    """Return a row per goal, then a row per other method."""
    ours, is_single = found[OURS], kind.families == 1
    others = {name: each for name, each in found.items() if name not in (OURS, OLD)}
    best = max(others, key=lambda name: others[name].ami)
    near = [each.merged for each in others.values() if each.ami >= others[best].ami - _MAX_GAP]
    rows = [
        Row(
            f"{kind.name}: AMI, ours minus the best other",
            _text(ours),
            f"{_text(others[best])}, {best}",
            round(ours.ami - others[best].ami, 4),
            None if is_single else -_MAX_GAP,  # the AMI of one family is 0 or 1
            shown="{:+.4f}",
            is_minimum=True,
        ),
        Row(
            f"{kind.name}: families merged, ours minus the fewest",
            f"{ours.merged:.2f}",
            f"{min(near):.2f}",
            ours.merged - min(near),
            _MAX_MERGED,
            shown="{:+.2f}",
        ),
    ]
    if is_single:
        pieces = ours.pieces
        case = f"{kind.name}: clusters"
        rows.append(Row(case, f"{pieces:.2f}", "-", pieces, _MAX_PIECES, shown="{:.2f}"))
    rows += [
        Row(f"{kind.name}: {name}", "-", _text(each), each.ami, None, shown="{:.4f}")
        for name, each in found.items()
        if name != OURS
    ]
    return rows


def _text(each: Score) -> str:
    return (
        f"{each.ami:.4f} (precision {each.precision:.3f}, recall {each.recall:.3f},"
        f" merged {each.merged:.2f}, pieces {each.pieces:.2f})"
    )
