"""Changed campaign files: ``graphbuild verify`` names exactly the claims that became false.

Each round changes a copy of a campaign: observations are removed, added or moved, collections are
renamed, files are added, clusters are connected. Every second campaign is compared with an earlier
snapshot. :mod:`claims_truth` and :mod:`claims_changes` count the true values without the code of
the report.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Any

from graphbuild.analysis import Snapshot
from graphbuild.models import Entity, Observation
from graphbuild.report import Baseline, collect_data, make_report, read_claims, verify_claims
from graphbuild.report.claim_kinds import KINDS
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.campaign_files import write_campaign, write_pages
from tests.support.planted_campaigns import Size, plant
from tests.support.planted_variants import plant_doubtful
from tests.torture.claims_changes import TruthOfChanges
from tests.torture.claims_truth import Truth
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.forking import Zygote

_DAY = 86_400
_SIZES = (Size(3, 3, 6), Size(4, 2, 5), Size(3, 2, 7))
_ROUNDS_PER_CAMPAIGN = 10


@dataclass
class World:
    """A campaign that can be changed.

    Attributes:
        observations: all observations.
        empty: subjects with a complete list and no reference.
        pending: hashes of files that were not requested.
        earlier: the observations of an earlier snapshot; empty if there is none.
    """

    observations: list[Observation]
    empty: set[Entity] = field(default_factory=set)
    pending: list[str] = field(default_factory=list)
    earlier: list[Observation] = field(default_factory=list)

    def copy(self) -> World:
        """Return a copy that can be changed."""
        return World(list(self.observations), set(self.empty), list(self.pending), self.earlier)

    @property
    def baseline(self) -> Baseline | None:
        """The earlier snapshot."""
        if not self.earlier:
            return None
        return Baseline("earlier.db", Snapshot.from_observations(self.earlier))

    def write(self, path: Path) -> None:
        """Write the campaign file."""
        write_campaign(path, self.observations)
        write_pages(path, {each: [] for each in sorted(self.empty, key=lambda each: each.id)})
        with Store.open(path) as store:
            store.add_seeds(parse_seeds(self.pending))

    def truth(self) -> Truth:
        """Return the true values of all claims about the campaign."""
        if self.earlier:
            pending = [Entity("file", each) for each in self.pending]
            return TruthOfChanges(self.earlier, self.observations, self.empty, pending)
        return Truth(self.observations, [each.key for each in self.empty], len(self.pending))

    @property
    def files(self) -> list[Entity]:
        """The files with observations, sorted by id."""
        return sorted({each.subject for each in self.observations}, key=lambda each: each.id)

    @property
    def collections(self) -> list[Entity]:
        """The collections, sorted by id."""
        found = {each.related_from for each in self.observations if each.related_from}
        return sorted(found, key=lambda each: each.id)

    @property
    def references(self) -> list[Entity]:
        """The references, sorted by id."""
        return sorted({each.reference for each in self.observations}, key=lambda each: each.id)

    def replace_entity(self, old: Entity, new: Entity) -> None:
        """Replace a reference or collection in all observations."""
        self.observations = [
            replace(
                each,
                reference=new if each.reference == old else each.reference,
                related_from=new if each.related_from == old else each.related_from,
            )
            for each in self.observations
        ]

    def keep(self, kept: Callable[[Observation], bool]) -> None:
        """Remove the other observations; their files keep a complete list."""
        files = set(self.files)
        self.observations = [each for each in self.observations if kept(each)]
        self.empty |= files - set(self.files)


def make_world(seed: int) -> World:
    """Return a campaign of planted clusters whose references have URLs and most have dates.

    Every third campaign has a cluster of two subclusters, and a doubtful file.
    """
    has_subclusters = seed // _ROUNDS_PER_CAMPAIGN % 3 == 0
    planted = plant_doubtful()[0] if has_subclusters else plant(seed, _SIZES[seed % len(_SIZES)])
    observations = {
        (each.subject, each.reference, each.related_from): replace(
            each, reference=_dated(each.reference)
        )
        for each in planted.observations()
        # Planted clusters need fewer references, so that rounds are fast.
        if has_subclusters or int(each.reference.id[-2:], 16) % 3 == 0
    }
    named = {(file, reference) for file, reference, collection in observations if collection}
    # If a response contains a collection for a reference, there is no observation without one.
    return World([each for key, each in observations.items() if key[2] or key[:2] not in named])


def _dated(reference: Entity) -> Entity:
    number = int(reference.id[:6], 16)
    attributes: dict[str, Any] = {
        **reference.attributes,
        "url": f"https://www.blog-{number % 7}.example/{number % 250}",
    }
    if number % 7:
        attributes["creation_date"] = 1_400_000_000 + number % 900 * _DAY
    return Entity("reference", reference.id, attributes)


def add_earlier_snapshot(world: World, rng: Random) -> None:
    """Add an earlier snapshot that differs from the present state by some changes."""
    earlier = world.copy()
    for change in (remove_file_from_collection, empty_list, connect_by_reference, merge_clusters):
        for _ in range(rng.randrange(1, 4)):
            change(earlier, rng)
    world.earlier = earlier.observations


# --- changes --------------------------------------------------------------------------------------


def nothing(world: World, rng: Random) -> None:
    """Only change the order of the observations."""
    rng.shuffle(world.observations)


def remove_observation(world: World, rng: Random) -> None:
    """Remove one observation."""
    removed = rng.choice(world.observations)
    world.keep(lambda each: each is not removed)


def remove_reference_of_file(world: World, rng: Random) -> None:
    """Remove a reference from the list of one file."""
    removed = rng.choice(world.observations)
    world.keep(lambda each: (each.subject, each.reference) != (removed.subject, removed.reference))


def empty_list(world: World, rng: Random) -> None:
    """Remove all references of a file."""
    file = rng.choice(world.files)
    world.keep(lambda each: each.subject != file)


def remove_file_from_collection(world: World, rng: Random) -> None:
    """Remove all observations of a file through one collection."""
    removed = rng.choice([each for each in world.observations if each.related_from])
    world.keep(
        lambda each: (each.subject, each.related_from) != (removed.subject, removed.related_from)
    )


def add_file(world: World, rng: Random) -> None:
    """Add a file with the observations of another file through some of its collections."""
    model = rng.choice(world.files)
    file = Entity("file", sha256(rng.randbytes(8)).hexdigest())
    observations = [each for each in world.observations if each.subject == model]
    chosen = rng.choice(observations).related_from
    world.observations += [
        replace(each, subject=file)
        for each in observations
        if each.related_from == chosen or rng.random() < 0.5
    ]


def add_seed(world: World, rng: Random) -> None:
    """Add a file that was not requested."""
    world.pending.append(sha256(rng.randbytes(8)).hexdigest())


def finish_list(world: World, rng: Random) -> None:
    """Complete the list of a file that was not requested, if there is one: it is empty."""
    if world.pending:
        file = world.pending.pop(rng.randrange(len(world.pending)))
        world.empty.add(Entity("file", file))


def add_unrelated_file(world: World, rng: Random) -> None:
    """Add a file with a reference that no other file has."""
    file = Entity("file", sha256(rng.randbytes(8)).hexdigest())
    reference = _dated(Entity("reference", sha256(rng.randbytes(8)).hexdigest(), {"title": "Own"}))
    world.observations.append(Observation(file, reference, None))


def rename_collection(world: World, rng: Random) -> None:
    """Give a collection a new name, or the name of another collection."""
    old, other = rng.choice(world.collections), rng.choice(world.collections)
    name = rng.choice([f"renamed {rng.randrange(1000)}", other.plain_label.upper()])
    world.replace_entity(old, Entity("collection", old.id, {**old.attributes, "name": name}))


def change_id_of_collection(world: World, rng: Random) -> None:
    """Replace a collection by another one with the same name and content."""
    old = rng.choice(world.collections)
    world.replace_entity(old, Entity("collection", f"new-{old.id}", old.attributes))


def move_to_collection(world: World, rng: Random) -> None:
    """Move the observations of a file from one collection to another."""
    moved = rng.choice([each for each in world.observations if each.related_from])
    target = rng.choice(world.collections)
    present = {(each.subject, each.reference, each.related_from) for each in world.observations} | {
        (moved.subject, moved.reference, target)
    }
    key = moved.subject, moved.related_from
    kept = [each for each in world.observations if (each.subject, each.related_from) != key]
    gone = [each for each in world.observations if (each.subject, each.related_from) == key]
    added = [replace(each, related_from=target) for each in gone]
    world.observations = kept + [
        each
        for each in added
        if (each.subject, each.reference, each.related_from) not in present
        or each.reference == moved.reference
    ]
    world.observations = list(
        {(o.subject, o.reference, o.related_from): o for o in world.observations}.values()
    )


def connect_by_reference(world: World, rng: Random) -> None:
    """Add a reference without a collection to two files."""
    reference = _dated(Entity("reference", sha256(rng.randbytes(8)).hexdigest(), {"title": "New"}))
    files = rng.sample(world.files, 2)
    world.observations += [Observation(file, reference, None) for file in files]


def merge_clusters(world: World, rng: Random) -> None:
    """Add three collections that contain half of all files."""
    files = rng.sample(world.files, len(world.files) // 2)
    for number in range(3):
        name = f"merging-{number}-{rng.randrange(1000)}"
        collection = Entity("collection", name, {"name": name})
        reference = _dated(Entity("reference", sha256(name.encode()).hexdigest(), {"title": name}))
        world.observations += [Observation(file, reference, collection) for file in files]


def change_date(world: World, rng: Random) -> None:
    """Change the date of a reference."""
    old = rng.choice(world.references)
    attributes = {**old.attributes, "creation_date": 1_300_000_000 + rng.randrange(3_000) * _DAY}
    world.replace_entity(old, Entity("reference", old.id, attributes))


def change_title(world: World, rng: Random) -> None:
    """Change the title of a reference."""
    old = rng.choice(world.references)
    attributes = {**old.attributes, "title": f"changed {rng.randrange(1000)}"}
    world.replace_entity(old, Entity("reference", old.id, attributes))


CHANGES: tuple[Callable[[World, Random], None], ...] = (
    nothing,
    remove_observation,
    remove_reference_of_file,
    empty_list,
    remove_file_from_collection,
    add_file,
    add_seed,
    finish_list,
    add_unrelated_file,
    rename_collection,
    change_id_of_collection,
    move_to_collection,
    connect_by_reference,
    merge_clusters,
    change_date,
    change_title,
)


# --- rounds ---------------------------------------------------------------------------------------


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:
    """Change a campaign file in each round, and compare ``verify`` with the truth."""
    del zygote  # the part starts no processes
    result = PartResult("claims")
    rng = Random(seed)
    false, true = Counter[str](), Counter[str]()  # numbers of claims by kind
    for number in range(rounds):
        if number % _ROUNDS_PER_CAMPAIGN == 0:
            world = _start(seed * 1000 + number, number // _ROUNDS_PER_CAMPAIGN, rng)
            claims = _write_claims(world, folder / f"claims-{number}")
        changes = [
            CHANGES[number % len(CHANGES)],
            *rng.choices(CHANGES, k=rng.choice([0, 0, 1, 2])),
        ]
        changed = world.copy()
        for change in changes:
            change(changed, rng)
        names = ", ".join(change.__name__ for change in changes)
        counts = _compare(
            result, claims, changed, folder / f"{number}.db", f"round {number}, {names}"
        )
        false, true = false + counts[0], true + counts[1]
        result.rounds += 1
    result.check(false and true, "all claims were false, or all were true")
    result.notes.append(f"{false.total():,} claims became false, {true.total():,} remained true")
    never = sorted(KINDS.keys() - false.keys())
    result.notes.append(f"{len(KINDS)} kinds; no claim became false of {', '.join(never)}")
    return result.finish()


def _start(seed: int, number: int, rng: Random) -> World:
    """Return a campaign; some have an earlier snapshot, and some have incomplete data."""
    world = make_world(seed)
    if number % 2:
        add_earlier_snapshot(world, rng)
    if number % 3:
        for change in (empty_list, add_seed, add_unrelated_file):
            change(world, rng)
    return world


def _write_claims(world: World, folder: Path) -> Path:
    """Write the campaign file and the claims of its report; return the path of the claims."""
    folder.mkdir(parents=True)
    world.write(folder / "campaign.db")
    with Store.read(folder / "campaign.db") as store:
        content = make_report(store, world.baseline).claims_json()
    path = folder / "claims.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _compare(
    result: PartResult, path: Path, world: World, store_path: Path, what: str
) -> tuple[Counter[str], Counter[str]]:
    """Check that ``verify`` names the false claims only; count false and true claims by kind."""
    world.write(store_path)
    claims = read_claims(path)
    with Store.read(store_path) as store:
        found = verify_claims(claims, collect_data(store, world.baseline, seed=claims.seed))
    named = {each.record.id for each in found if each.outcome != "holds"}
    content = json.loads(path.read_text("utf-8"))
    expected = world.truth().find_false(content)
    result.check(not expected - named, f"{what}: false, but not named: {sorted(expected - named)}")
    result.check(not named - expected, f"{what}: true, but named: {sorted(named - expected)}")
    result.check(len(found) == len(content["claims"]), f"{what}: {len(found)} claims")
    kinds = {each.record.id: each.record.kind for each in found}
    false = Counter(kinds[each] for each in expected)
    return false, Counter(kinds.values()) - false
