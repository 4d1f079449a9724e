"""Worlds for frugal crawls, and a comparison of a frugal and a plain crawl of one world."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild.analysis import Snapshot
from graphbuild.analysis.diff import SnapshotPair
from graphbuild.emulator import Collection, File, Reference, World
from graphbuild.errors import BudgetExhaustedError
from graphbuild.models import INFERRED
from graphbuild.store import Store, find_damage
from tests.crawler.campaign import Campaign
from tests.support.paths import SHARED

if TYPE_CHECKING:
    import random
    from pathlib import Path

FAMILIES = SHARED / "data" / "families" / "observations.jsonl.gz"

Triples = set[tuple[str, str, str | None]]


# --- worlds --------------------------------------------------------------------------------------


def random_world(rng: random.Random) -> World:
    """Return up to five collections with overlapping lists, and up to eight files in them."""
    ids = [f"https://r.example/{number}" for number in range(rng.randint(1, 130))]
    lists = []
    for _ in range(rng.randint(1, 5)):
        start = rng.randrange(len(ids))
        lists.append(ids[start : start + rng.choice((1, 3, rng.randint(0, 100)))])
    return world_of(
        lists,
        [
            rng.sample(range(len(lists)), rng.randint(0, len(lists)))
            for _ in range(rng.randint(1, 8))
        ],
    )


def family_world(rng: random.Random) -> World:
    """Return files in 1 to 8 collections that share references, as real families have them."""
    lists: list[list[str]] = []
    for number in range(rng.randint(2, 10)):
        # As in real families, most collections are small, and share many of their references.
        size = rng.choice((1, 1, 2, 3, 9, 30, 56, 100)) if number else rng.randint(60, 150)
        known = sorted({url for urls in lists for url in urls})
        least = rng.choice((0, size))
        shared = rng.sample(known, min(len(known), rng.randint(least, size)))
        new = [f"https://r.example/{number}/{each}" for each in range(size - len(shared))]
        lists.append(shared + new)
    most = min(8, len(lists))
    groups = [
        rng.sample(range(len(lists)), min(most, rng.choice((1, 2, 2, 3, 8))))
        for _ in range(rng.randint(1, 4))
    ]
    return world_of(lists, [rng.choice(groups) for _ in range(rng.randint(3, 12))])


def real_family_world(rng: random.Random, families: RealFamilies) -> World:
    """Return up to twelve real files that share a collection, with all of their collections."""
    most = rng.choice(families.files_with_pages)
    collection = rng.choice(most)
    files = [each for each in families.files if collection in each]
    files = rng.sample(files, min(len(files), 12))
    used = sorted({each for file in files for each in file})
    return world_of(
        [families.references[each] for each in used],
        [[used.index(each) for each in file] for file in files],
    )


class RealFamilies:
    """The collections of real files; ``FAMILIES`` has to exist."""

    def __init__(self) -> None:
        self.references: dict[int, list[str]] = {}  # of each collection
        self.files: list[list[int]] = []  # the collections of each file
        with gzip.open(FAMILIES, "rt") as lines:
            for line in map(json.loads, lines):
                if line["k"] == "c":
                    self.references[line["i"]] = [f"https://r.example/{each}" for each in line["r"]]
                elif line["k"] == "f":
                    self.files.append(sorted({*line["c"], *line["n"]}))
        self.files_with_pages = [each for each in self.files if self._count(each) > 40]

    def _count(self, collections: list[int]) -> int:
        return len({url for each in collections for url in self.references[each]})


def urls_by_id(count: int) -> list[str]:
    """Return URLs in the order in which the service lists their references."""
    world = world_of([[f"https://r.example/{number}" for number in range(count)]], [])
    return [world.references[each].url for each in sorted(world.references)]


def hidden_world() -> World:
    """Return two files with 90 references; the second is also in a collection of the last ten."""
    urls = urls_by_id(90)
    return world_of([urls, urls[80:]], [[0], [0, 1]])


def world_of(lists: list[list[str]], files: list[list[int]]) -> World:
    """Return a world: the URLs of each collection, and the collections of each file."""
    urls = sorted({url for each in lists for url in each})
    references = {url: Reference.from_url(url) for url in urls}
    return World(
        [
            File(f"{number:064x}", collections=tuple(f"c{each}" for each in collections))
            for number, collections in enumerate(files, 1)
        ],
        list(references.values()),
        [
            Collection(f"c{number}", f"C{number}", tuple(references[url].id for url in each))
            for number, each in enumerate(lists)
        ],
    )


# --- crawls --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Figures:
    """The results of one or more worlds."""

    worlds: int = 0
    differing: int = 0  # worlds in which the frugal crawl lacks triples
    triples: int = 0  # of the worlds
    missing: int = 0  # triples that the frugal crawls lack
    lacking_pairs: int = 0  # pairs of file and reference that lack a triple
    marked: int = 0  # of these pairs, those marked as inferred
    inferred: int = 0  # all pairs marked as inferred
    fetched: int = 0  # missing triples that the completing crawls found
    plain_calls: int = 0
    frugal_calls: int = 0
    completing_calls: int = 0
    problems: list[str] = field(default_factory=list)

    def expect(self, condition: object, problem: str) -> None:
        """Record a problem unless the condition is true."""
        if not condition:
            self.problems.append(problem)


def compare_crawls(folder: Path, world: World, rng: random.Random, figures: Figures) -> None:
    """Crawl a world as a whole, frugally, and to completion; record figures and problems.

    The expected observations come from the world, not from the plain crawl. The completing crawl
    is interrupted at a random call.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.db*"):
        path.unlink()
    plain, frugal = Campaign(folder / "plain.db", world), Campaign(folder / "frugal.db", world)
    plain.crawl()
    frugal.crawl(frugal=True)
    expected, found = world.triples(), frugal.triples()
    missing, marked = expected - found, inferred_pairs(frugal)
    calls = frugal.api.calls
    figures.expect(plain.triples() == expected, "the plain crawl differs from the world")
    figures.expect(found <= expected, "the frugal crawl has triples that do not exist")
    figures.expect(_pairs(found) == _pairs(expected), "the pairs differ")
    figures.expect(_pairs(missing) <= marked, "a pair that lacks a collection is not marked")
    _check_state(frugal, figures)
    _check_comparison(frugal, plain, missing, figures)
    planned = _start_completion(frugal)
    if planned > 1 and rng.random() < 0.5:
        try:
            frugal.crawl(max_calls=calls + rng.randrange(1, planned))
        except BudgetExhaustedError:
            _check_state(frugal, figures)
            figures.expect(
                _pairs(expected - frugal.triples()) <= inferred_pairs(frugal),
                "a pair that lacks a collection is not marked after an interruption",
            )
            _start_completion(frugal)
    frugal.crawl()
    completing = frugal.api.calls - calls
    figures.expect(completing == planned, f"{planned} calls were planned, {completing} made")
    figures.expect(calls + completing == plain.api.calls, "the calls do not add up")
    figures.expect(frugal.triples() == expected, "the completed crawl differs from the world")
    figures.expect(not inferred_pairs(frugal), "a completed pair is marked as inferred")
    figures.expect(set(frugal.states().values()) <= {"complete"}, "a list is not complete")
    _check_state(frugal, figures)
    figures.worlds += 1
    figures.differing += bool(missing)
    figures.triples += len(expected)
    figures.missing += len(missing)
    figures.lacking_pairs += len(_pairs(missing))
    figures.marked += len(_pairs(missing) & marked)
    figures.fetched += len(missing & frugal.triples())
    figures.inferred += len(marked)
    figures.plain_calls += plain.api.calls
    figures.frugal_calls += calls
    figures.completing_calls += completing


def _check_comparison(
    frugal: Campaign, plain: Campaign, missing: Triples, figures: Figures
) -> None:
    """Check that a comparison of the campaigns reports the missing triples as unknown."""
    snapshots = []
    for campaign in (frugal, plain):
        with Store.read(campaign.path) as store:
            snapshots.append(
                Snapshot.from_observations(store.current_observations(), store.states())
            )
    pair = SnapshotPair(*snapshots)
    changes = pair.observation_changes()
    unknown = {
        (file.id, reference.id, collection and collection.id)
        for file, reference, collection in changes.unknown_before
    }
    figures.expect(unknown == missing, "the comparison reports other missing triples")
    figures.expect(not changes.added + changes.removed, "the comparison reports changes")
    figures.expect(
        pair.inferred_observations() == (changes.unknown_before, ()),
        "the comparison reports triples as unknown that are not inferred",
    )


def inferred_pairs(campaign: Campaign) -> set[tuple[str, str]]:
    """Return the pairs of file and reference that are marked as inferred."""
    with Store.read(campaign.path) as store:
        return {
            (each.subject.id, each.reference.id)
            for each in store.observations()
            if each.provenance == INFERRED
        }


def _start_completion(campaign: Campaign) -> int:
    """Set the lists with inferred references to pending; return the number of planned calls."""
    with Store.open(campaign.path) as store:
        planned = store.tasks.remaining_calls(40, complete=True).at_least
        store.tasks.complete()
        return planned if planned == store.tasks.remaining_calls(40).at_least else -1


def _check_state(campaign: Campaign, figures: Figures) -> None:
    """Check the counts of a campaign file, and the file itself."""
    marked = inferred_pairs(campaign)
    with Store.read(campaign.path) as store:
        damage, totals, rows = list(find_damage(store)), store.totals(), list(store.statuses())
    figures.expect(not damage, f"damage: {damage}")
    figures.expect(totals.inferred == len(marked), "the count of inferred references is wrong")
    for row in rows:
        known = row.received_count + row.inferred_count
        figures.expect(known <= (row.expected_count or 0), f"{known} references are known")
        figures.expect(not row.detail, row.detail)


def _pairs(triples: Triples) -> set[tuple[str, str]]:
    return {(file, reference) for file, reference, _ in triples}
