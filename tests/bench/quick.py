"""Agreement with the final clusters after a share of the calls, on real and on made-up families.

The crawler reads the emulated pages of a world one after the other, in one process and without
sockets. The orders of ``crawl --decide`` and of ``crawl`` are compared. Both request first pages
first. The real files are used if this machine has them; see ``tests/support/real_families.py``.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sklearn.metrics import adjusted_mutual_info_score

from graphbuild.analysis import choose_open_files
from graphbuild.analysis.clusters import partition_files
from graphbuild.analysis.incidence import as_incidence
from graphbuild.crawler import Crawl, PageChoice
from graphbuild.store import Store
from tests.bench.rows import Row
from tests.crawler.campaign import Campaign
from tests.support.paged_families import MadeUp, RealMix, made_up_world, real_world
from tests.support.real_families import is_present

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphbuild.emulator import World

REAL = (
    RealMix(10, 8, 25),
    RealMix(60, 4, 25),
    RealMix(140, 2, 8),
    RealMix(20, 8, 25, more_pages_than=1),
    RealMix(20, 8, 25, more_pages_than=2),
    RealMix(20, 8, 25, more_pages_than=4),
)
MADE_UP = {
    "made up, families in one of 3 large collections": MadeUp(
        large_collections=3, large_per_family=(1, 1)
    ),
    "made up, families in 1 or 2 of 6 large collections": MadeUp(),
    "made up, families in 2 or 3 of 6 large collections": MadeUp(
        large=(150, 250), large_per_family=(2, 3), medium_share=0
    ),
    "made up, families in 1 or 2 of 12 collections of 40 to 90": MadeUp(
        large_collections=12, large=(40, 90)
    ),
}
SHARES = (0.1, 0.25, 0.5)  # of the calls of a whole crawl
_MIN_AMI = 0.9  # after 25 % of the calls, if lists have more than _MANY_PAGES pages on average
_MANY_PAGES = 4


def quick(
    _: int, seeds: Sequence[int] = (0, 1), made_up: Mapping[str, MadeUp] = MADE_UP
) -> list[Row]:
    """Measure the adjusted mutual information (AMI) with the final clusters.

    It is measured after first pages and after each of ``SHARES``.
    """
    rows = []
    for seed in seeds:
        for mix in REAL if is_present() else ():
            rows += _rows(f"{mix.name}, {seed}", real_world(mix, seed))
        for name, sizes in made_up.items():
            rows += _rows(f"{name}, {seed}", made_up_world(sizes, seed))
    return rows


def _rows(case: str, world: World) -> list[Row]:
    calls, final = _crawl_all(world)
    pages = calls / len(world.files)
    marks = [len(world.files), *(math.ceil(share * calls) for share in SHARES)]
    ours, theirs = _curve(world, final, marks, calls), _curve(world, final, marks)
    title = f"{case}: {len(world.files):,} files, {pages:.1f} pages each"
    shares = ", ".join(f"{share:.0%}" for share in SHARES)
    rows = [
        Row(
            f"{title}: AMI after first pages ({1 / pages:.0%} of the calls), {shares}",
            _shown(ours),
            f"{_shown(theirs)} crawl",
            min(one - other for one, other in zip(ours, theirs, strict=True)),
            0.0,
            shown="{:+.3f}",
            is_minimum=True,
        )
    ]
    if pages > _MANY_PAGES:
        after = ours[1 + SHARES.index(0.25)]
        case = f"{title}: AMI after 25% of the calls"
        rows.append(
            Row(case, f"{after:.3f}", "-", after, _MIN_AMI, shown="{:.3f}", is_minimum=True)
        )
    return rows


def _shown(curve: Sequence[float]) -> str:
    return " ".join(f"{each:.3f}" for each in curve)


def _crawl_all(world: World) -> tuple[int, list[int]]:
    """Return the number of calls of a whole crawl, and the cluster number of each file."""
    with TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder) / "c.db", world)
        campaign.crawl()
        with Store.read(campaign.path) as store:
            return campaign.api.calls, _labels(store, world.files)


def _curve(
    world: World, final: list[int], marks: Sequence[int], calls: int | None = None
) -> list[float]:
    """Return the agreement with the ``final`` clusters after each number of calls in ``marks``.

    With ``calls``, pages are chosen like ``crawl --decide`` does; otherwise like ``crawl``.
    """
    agreement: dict[int, float] = {}
    with TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder) / "c.db", world)
        with Store.open(campaign.path) as store, campaign.client() as client:
            choice = PageChoice(calls, partial(choose_open_files, store)) if calls else None
            for number, _ in enumerate(Crawl(client, store, decide=choice), 1):
                if number in marks:
                    labels = _labels(store, world.files)
                    agreement[number] = float(adjusted_mutual_info_score(final, labels))
                if number == max(marks):
                    break
    return [agreement[mark] for mark in marks]


def _labels(store: Store, files: Iterable[str]) -> list[int]:
    """Return the cluster number of each file; a file without observations is its own cluster."""
    incidence = as_incidence(store)
    labels = partition_files(incidence).tolist()
    known = {file.id: label for file, label in zip(incidence.files, labels, strict=True)}
    return [known.get(file, -number) for number, file in enumerate(files, 1)]
