"""Worlds with planted clusters that change, and the structural changes that this must give.

The expected changes are computed from the plan of the world, with sets only: the tested code is not
used.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations, count
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.emulator import Collection, File, Reference, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from random import Random

MIN_FILES = 3
Files = frozenset[str]  # hashes
_OWN = 3  # collections of each cluster
_JOINT = 5  # collections of clusters that merge


class Expected(NamedTuple):
    """A structural change: its kind, the ids of its entities, and the files of its clusters."""

    kind: str
    entities: frozenset[str] = frozenset()
    before: frozenset[Files] = frozenset()
    after: frozenset[Files] = frozenset()


class Truth(NamedTuple):
    """The triples that a complete crawl finds, and the planted clusters."""

    triples: frozenset[tuple[str, str, str | None]]
    clusters: frozenset[Files]


@dataclass
class ChangingWorld:
    """Files in planted clusters. All references of a file come from its collections or are loose.

    Attributes:
        rng: chooses what changes.
        cluster_of: the planted cluster of each file with references.
        collections: the references (URLs) of each collection.
        members: the collections of each file with references.
        loose: the references of files without a collection.
        empty: files without references.
        unknown: files that the service does not know.
        edition: a number in all titles and names.
        names: the names of some collections; others have generated names.
    """

    rng: Random
    cluster_of: dict[str, int] = field(default_factory=dict)
    collections: dict[str, list[str]] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    loose: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    empty: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    edition: int = 1
    names: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    # --- construction ----------------------------------------------------------------------------

    @classmethod
    def plant(cls, rng: Random, clusters: int = 4) -> ChangingWorld:
        """Return a world with clusters of 4 to 6 files, an empty file and an unknown one."""
        world = cls(rng)
        for _ in range(clusters):
            world.add_cluster([world.new_file() for _ in range(rng.randint(4, 6))])
        world.empty.add(world.new_file())
        world.unknown.add(world.new_file())
        return world

    def new_file(self) -> str:
        """Return the hash of a file that the world does not contain yet."""
        return sha256(f"file {next(self._numbers)} {self.rng.random()}".encode()).hexdigest()

    def new_collection(self, references: int = 0) -> str:
        """Add a collection with new references; return its id."""
        name = f"collection-{next(self._numbers)}"
        size = references or self.rng.randint(5, 9)
        self.collections[name] = [self._new_reference() for _ in range(size)]
        return name

    def _new_reference(self) -> str:
        return f"https://r.example/{next(self._numbers)}"

    def add_cluster(self, files: Iterable[str]) -> int:
        """Make files a new cluster: they leave their collections, and get new ones."""
        number = next(self._numbers)
        names = [self.new_collection() for _ in range(_OWN)]
        for file in files:
            self._put(file, number, names)
        return number

    def _put(self, file: str, number: int, names: list[str]) -> None:
        self.empty.discard(file)
        self.unknown.discard(file)
        self.loose.pop(file, None)
        self.members[file] = list(names)
        self.cluster_of[file] = number

    def clusters(self) -> dict[int, list[str]]:
        """Return the files of each planted cluster."""
        found: dict[int, list[str]] = defaultdict(list)
        for file, number in self.cluster_of.items():
            found[number].append(file)
        return dict(found)

    def hashes(self) -> list[str]:
        """Return all files, also those that the service does not know."""
        return [*self.members, *sorted(self.empty), *sorted(self.unknown)]

    def add_files(self) -> list[str]:
        """Add two files to a cluster; return the name of the change."""
        number = self.rng.choice(sorted(self.clusters()))
        names = self._own(number)
        for _ in range(2):
            self._put(self.new_file(), number, names)
        return ["add_files"]

    def keep_known(self, later: ChangingWorld) -> None:
        """Keep files without references that only a later state of this world knows."""
        known = {*later.members, *later.empty} - self.members.keys()
        self.unknown = later.unknown - self.members.keys()
        self.empty |= known
        self._numbers = later._numbers

    # --- views -----------------------------------------------------------------------------------

    def world(self) -> World:
        """Return the world for an emulator."""
        urls = {url for held in self.collections.values() for url in held}
        urls |= {url for held in self.loose.values() for url in held}
        references = {
            url: Reference.from_url(url, title=f"Title {self.edition} of {url[-3:]}")
            for url in sorted(urls)
        }
        collections = [
            Collection(
                name,
                self.names.get(name, f"{name}, {self.edition}"),
                tuple(references[url].id for url in held),
            )
            for name, held in self.collections.items()
        ]
        files = [
            File(
                sha256=file,
                collections=tuple(self.members.get(file, ())),
                without_collection=tuple(references[url].id for url in self.loose.get(file, ())),
            )
            for file in (*self.members, *self.empty)
        ]
        return World(files, references.values(), collections)

    def truth(self) -> Truth:
        """Return the triples and the planted clusters."""
        clusters = frozenset(frozenset(files) for files in self.clusters().values())
        return Truth(frozenset(self.world().triples()), clusters)

    # --- changes ---------------------------------------------------------------------------------

    def change(self, kinds: int) -> list[str]:
        """Make up to ``kinds`` changes of different clusters; return their names."""
        free = sorted(self.clusters().items())
        self.rng.shuffle(free)
        changes: list[tuple[int, Callable[..., bool]]] = [
            (2, self._merge),
            (1, self._split),
            (2, self._move),
            (1, self._isolate),
            (2, self._tie_through_collections),
            (2, self._tie_without_collection),
            (2, self._cover_several),
            (1, self._cover),
            (1, self._grow_collection),
            (1, self._become_known),
            # Without a structural change:
            (1, self._add_reference),
            (1, self._remove_reference),
            (1, self._cover_few),
            (0, self._rename),
            (0, self._become_known_without_references),
        ]
        made = []
        for _ in range(kinds):
            size, change = self.rng.choice(changes)
            if len(free) >= size and change(*(number for number, _ in free[:size])):
                made.append(change.__name__.strip("_"))
                free = free[size:]
        return made

    def _files(self, number: int) -> list[str]:
        return self.clusters()[number]

    def _own(self, number: int) -> list[str]:
        """Return the collections that all files of a cluster have."""
        held = [set(self.members[file]) for file in self._files(number)]
        return sorted(set.intersection(*held))

    def _merge(self, one: int, other: int) -> bool:
        names = [self.new_collection() for _ in range(_JOINT)]
        for file in (*self._files(one), *self._files(other)):
            self.members[file] += names
            self.cluster_of[file] = one
        return True

    def _split(self, number: int) -> bool:
        files = self._files(number)
        if len(files) < 4:
            return False
        half = self.rng.randint(2, len(files) - 2)
        self.add_cluster(files[:half])
        self.add_cluster(files[half:])
        return True

    def _move(self, source: int, target: int) -> bool:
        files = self._files(source)
        if len(files) < 4:
            return False
        self._put(files[-1], target, self._own(target))
        return True

    def _isolate(self, number: int) -> bool:
        files = self._files(number)
        if len(files) < 4:
            return False
        self.add_cluster(files[-1:])
        return True

    def _tie_through_collections(self, one: int, other: int) -> bool:
        reference = self._new_reference()
        for number in (one, other):
            self.collections[self._own(number)[0]].append(reference)
        return True

    def _tie_without_collection(self, one: int, other: int) -> bool:
        reference = self._new_reference()
        for number in (one, other):
            self.loose[self._files(number)[0]].append(reference)
        return True

    def _cover_several(self, one: int, other: int) -> bool:
        """Add a collection with two files of each of two clusters."""
        name = self.new_collection()
        for number in (one, other):
            for file in self._files(number)[:2]:
                self.members[file].append(name)
        return True

    def _cover(self, number: int) -> bool:
        name = self.new_collection()
        for file in self._files(number)[:MIN_FILES]:
            self.members[file].append(name)
        return True

    def _cover_few(self, number: int) -> bool:
        name = self.new_collection()
        for file in self._files(number)[: MIN_FILES - 1]:
            self.members[file].append(name)
        return True

    def _grow_collection(self, number: int) -> bool:
        """Add a file to a collection that contains one fewer than the minimum."""
        files = self._files(number)
        for name in self.collections:
            holders = [file for file in files if name in self.members[file]]
            others = [file for file in files if file not in holders]
            if len(holders) == MIN_FILES - 1 and others:
                self.members[others[0]].append(name)
                return True
        return False

    def _become_known(self, number: int) -> bool:
        candidates = [*sorted(self.empty), *sorted(self.unknown)]
        if not candidates:
            return False
        self._put(self.rng.choice(candidates), number, self._own(number))
        return True

    def _become_known_without_references(self) -> bool:
        if not self.unknown:
            return False
        self.empty.add(self.unknown.pop())
        return True

    def _add_reference(self, number: int) -> bool:
        self.collections[self._own(number)[0]].append(self._new_reference())
        return True

    def _remove_reference(self, number: int) -> bool:
        self.collections[self._own(number)[0]].pop()
        return True

    def _rename(self) -> bool:
        self.edition += 1
        return True


# --- expected changes --------------------------------------------------------------------------


def expected_changes(before: Truth, after: Truth, seeds: Iterable[str]) -> set[Expected]:
    """Return the structural changes of the files ``seeds``, which were in the seed list before."""
    seeds = frozenset(seeds)
    old, new = (_restricted(each, seeds) for each in (before, after))
    return {
        *_cluster_changes(old.clusters, new.clusters),
        *_ties(old.triples, new),
        *_collections(old.triples, new.triples),
        *(
            Expected("subject_known", frozenset({file}))
            for file in {row[0] for row in new.triples} - {row[0] for row in old.triples}
        ),
    }


def _restricted(truth: Truth, seeds: Files) -> Truth:
    triples = frozenset(row for row in truth.triples if row[0] in seeds)
    return Truth(triples, frozenset(each & seeds for each in truth.clusters if each & seeds))


def _matches(one: Files, other: Files, common: Files) -> bool:
    """Return whether one cluster has more than half of the common files of the other one."""
    sizes = len(one & common), len(other & common)
    return min(len(one), len(other)) > 1 and 2 * len(one & other) > min(sizes)


def _cluster_changes(old: frozenset[Files], new: frozenset[Files]) -> Iterator[Expected]:
    common = frozenset().union(*old) & frozenset().union(*new)
    pairs = {(x, y) for x in old for y in new if _matches(x, y, common)}
    for cluster in old:
        later = frozenset(y for x, y in pairs if x == cluster)
        if len(later) > 1:
            yield Expected("cluster_split", frozenset(), frozenset({cluster}), later)
    for cluster in new:
        earlier = frozenset(x for x, y in pairs if y == cluster)
        if len(earlier) > 1:
            yield Expected("clusters_merged", frozenset(), earlier, frozenset({cluster}))
    for file in common:
        (one,), (other,) = ([each for each in side if file in each] for side in (old, new))
        if (one, other) not in pairs and max(len(one), len(other)) > 1:
            moved = frozenset({file})
            yield Expected("file_moved", moved, frozenset({one}), frozenset({other}))


def _ties(old: Iterable[tuple[str, str, str | None]], new: Truth) -> Iterator[Expected]:
    large = [each for each in new.clusters if len(each) > 1]
    groups: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for reference in {row[1] for row in new.triples} - _tying(old, large):
        rows = [row for row in new.triples if row[1] == reference]
        rows = [row for row in rows if any(row[0] in each for each in large)]
        tied = frozenset(each for each in large if any(row[0] in each for row in rows))
        if len(tied) > 1:
            groups[frozenset(row[2] for row in rows), tied].add(reference)
    for (_, tied), references in groups.items():
        yield Expected("clusters_tied", frozenset(references), frozenset(), tied)


def _tying(rows: Iterable[tuple[str, str, str | None]], clusters: list[Files]) -> set[str]:
    """Return the references that files of two clusters have."""
    files: dict[str, set[str]] = defaultdict(set)
    for file, reference, _ in rows:
        files[reference].add(file)
    return {
        reference
        for reference, holders in files.items()
        for one, other in combinations(clusters, 2)
        if holders & one and holders & other
    }


def _collections(
    old: Iterable[tuple[str, str, str | None]], new: Iterable[tuple[str, str, str | None]]
) -> Iterator[Expected]:
    sizes = []
    for rows in (old, new):
        files: dict[str, set[str]] = defaultdict(set)
        for file, _, collection in rows:
            if collection:
                files[collection].add(file)
        sizes.append({name: len(held) for name, held in files.items()})
    for name, size in sizes[1].items():
        if size >= MIN_FILES > sizes[0].get(name, 0):
            yield Expected("collection_found", frozenset({name}))
