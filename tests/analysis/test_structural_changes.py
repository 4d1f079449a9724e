"""Structural changes between two snapshots, compared with the plan of changing worlds."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest

import graphbuild as gb
from graphbuild._util import to_plain_text
from graphbuild.analysis import Snapshot, describe_structural_change, find_structural_changes
from graphbuild.models import COMPLETE, FAILED, INFERRED, OBSERVED, PENDING, Entity, Observation
from graphbuild.store import Store
from tests.crawler.campaign import Campaign
from tests.support.changing_worlds import ChangingWorld, Expected, expected_changes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from graphbuild.analysis import StructuralChange


def snapshot(
    world: ChangingWorld,
    states: dict[str, str] | None = None,
    *,
    inferred: Collection[str] = (),
) -> Snapshot:
    """Return the snapshot of a complete crawl, except for files with other states."""
    observations = [
        Observation(
            Entity("file", file),
            Entity("reference", reference),
            Entity("collection", name) if name else None,
            INFERRED if file in inferred else OBSERVED,
        )
        for file, reference, name in sorted(world.world().triples(), key=str)
    ]
    found = dict.fromkeys(world.hashes(), COMPLETE) | (states or {})
    return Snapshot.from_observations(
        observations, [(Entity("file", file), state) for file, state in found.items()]
    )


def summary(change: StructuralChange) -> Expected:
    before, after = (
        frozenset(frozenset(file.id for file in cluster.files) for cluster in clusters)
        for clusters in (change.before, change.after)
    )
    known = change.kind == "subject_known"
    entities = frozenset(each.id for each in change.entities)
    return Expected(change.kind, entities, before, frozenset() if known else after)


def summaries(changes: Iterable[StructuralChange]) -> Counter[Expected]:
    return Counter(map(summary, changes))


@pytest.mark.parametrize("seed", range(8))
def test_the_changes_are_those_of_the_plan(seed: int) -> None:
    world = ChangingWorld.plant(Random(seed))
    before, old, seeds = snapshot(world), world.truth(), world.hashes()
    made = world.change(1 + seed % 3)
    found = find_structural_changes(before, snapshot(world))
    assert summaries(found) == Counter(expected_changes(old, world.truth(), seeds)), made


@pytest.fixture
def world() -> ChangingWorld:
    return ChangingWorld.plant(Random(1), clusters=3)


def first_cluster(world: ChangingWorld) -> list[str]:
    return next(iter(world.clusters().values()))


def kinds(changes: Iterable[StructuralChange]) -> list[str]:
    return [each.kind for each in changes]


def test_other_titles_are_no_change(world: ChangingWorld) -> None:
    before = snapshot(world)
    world.edition += 1
    assert find_structural_changes(before, snapshot(world)) == ()


def test_new_seeds_are_no_change(world: ChangingWorld) -> None:
    before = snapshot(world)
    one, other = list(world.clusters())[:2]
    for target in (one, one, one, other):
        world._put(world.new_file(), target, world._own(one) + world._own(other))
    assert find_structural_changes(before, snapshot(world)) == ()


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("state", [PENDING, FAILED, "short", "incomplete", "limited"])
def test_files_that_are_not_complete_are_no_change(
    world: ChangingWorld, side: str, state: str
) -> None:
    files = first_cluster(world)
    states = {side: dict.fromkeys(files, state)}
    before = snapshot(world, states.get("before"))
    world.add_cluster(files)
    assert find_structural_changes(before, snapshot(world, states.get("after"))) == ()


@pytest.mark.parametrize("side", ["before", "after"])
def test_files_with_inferred_references_are_no_change(world: ChangingWorld, side: str) -> None:
    files = first_cluster(world)
    before = snapshot(world, inferred=files if side == "before" else ())
    world.add_cluster(files)
    after = snapshot(world, inferred=files if side == "after" else ())
    assert find_structural_changes(before, after) == ()


def test_a_collection_is_not_found_again_with_a_file_that_was_not_complete(
    world: ChangingWorld,
) -> None:
    files = first_cluster(world)
    name = world.new_collection()
    for file in files[:3]:
        world.members[file].append(name)
    before = snapshot(world, {files[0]: FAILED})
    world.members[files[3]].append(name)
    assert find_structural_changes(before, snapshot(world)) == ()


@pytest.mark.parametrize(("min_files", "expected"), [(4, ["collection_found"]), (5, [])])
def test_the_minimum_number_of_files_of_a_collection(
    world: ChangingWorld, min_files: int, expected: list[str]
) -> None:
    before = snapshot(world)
    name = world.new_collection()
    for file in first_cluster(world)[:4]:
        world.members[file].append(name)
    changes = find_structural_changes(before, snapshot(world), min_files=min_files)
    assert kinds(changes) == expected
    for change in changes:
        assert [each.triple.collection for each in change.evidence] == [
            Entity("collection", name)
        ] * 4
        assert {each.triple.file for each in change.evidence} == set(change.files)


def test_the_evidence_of_a_tie_contains_every_reference_of_the_group(world: ChangingWorld) -> None:
    before = snapshot(world)
    name = world.new_collection(references=4)
    for files in list(world.clusters().values())[:2]:
        world.members[files[0]].append(name)
    (tie,) = find_structural_changes(before, snapshot(world))
    assert tie.kind == "clusters_tied"
    assert len(tie.entities) == 4
    assert {each.triple.reference for each in tie.evidence} == set(tie.entities)
    assert {each.change for each in tie.evidence} == {"added"}
    assert tie.evidence_count == len(tie.evidence) == 8


def test_a_reference_that_spreads_to_a_second_cluster_ties_both(world: ChangingWorld) -> None:
    one, other = list(world.clusters())[:2]
    spreading = world.collections[world._own(one)[0]][0]
    before = snapshot(world)
    world.collections[world._own(other)[0]].append(spreading)
    (tie,) = find_structural_changes(before, snapshot(world))
    assert tie.kind == "clusters_tied"
    assert {each.change for each in tie.evidence} == {"added", "unchanged"}


def test_a_reference_that_already_tied_two_clusters_ties_no_third_one(world: ChangingWorld) -> None:
    reference = world._new_reference()
    one, other, third = list(world.clusters())
    for number in (one, other):
        world.collections[world._own(number)[0]].append(reference)
    before = snapshot(world)
    world.collections[world._own(third)[0]].append(reference)
    assert find_structural_changes(before, snapshot(world)) == ()


def test_the_evidence_of_a_moved_file_is_what_it_got_and_lost(world: ChangingWorld) -> None:
    before = snapshot(world)
    target = list(world.clusters())[1]
    moved = first_cluster(world)[0]
    lost, got = set(world.members[moved]), set(world._own(target))
    world._put(moved, target, sorted(got))
    (change,) = find_structural_changes(before, snapshot(world))
    assert {each.triple.file.id for each in change.evidence} == {moved}
    assert {
        (each.change, each.triple.collection and each.triple.collection.id)
        for each in change.evidence
    } == {*(("removed", name) for name in lost), *(("added", name) for name in got)}


def test_equal_changes_have_the_same_identity_whatever_the_numbers_of_clusters(
    world: ChangingWorld,
) -> None:
    def move(target: int) -> StructuralChange:
        before = snapshot(world)
        world._put(moved, target, world._own(target))
        (change,) = find_structural_changes(before, snapshot(world))
        return change

    source, target = list(world.clusters())[:2]
    moved = first_cluster(world)[0]
    there = move(target)
    back = move(source)
    world.add_cluster([world.new_file() for _ in range(9)])  # gets the number 1
    again = move(target)
    assert there.identity == again.identity != back.identity
    assert there.before[0].number != again.before[0].number


def test_the_description_limits_the_clusters_and_marks_names() -> None:
    world = ChangingWorld.plant(Random(2), clusters=5)
    before = snapshot(world)
    reference = world._new_reference()
    for number in list(world.clusters()):
        world.collections[world._own(number)[0]].append(reference)
    (tie,) = find_structural_changes(before, snapshot(world))
    text = to_plain_text(describe_structural_change(tie))
    assert text.startswith("tied: the reference ")
    assert text.count(" files)") == 3
    assert text.endswith(" and 2 more")


def test_a_campaign_returns_the_changes_since_a_time_as_a_table(tmp_path: Path) -> None:
    world = ChangingWorld.plant(Random(4), clusters=2)
    world.empty.clear()
    world.unknown.clear()
    path = tmp_path / "c.db"
    campaign = Campaign(path, world.world())
    campaign.crawl()
    since = campaign.clock.now()
    moved = first_cluster(world)[0]
    world._put(moved, list(world.clusters())[1], world._own(list(world.clusters())[1]))
    campaign.clock.time += 86_400
    campaign.api.world = world.world()
    with Store.open(path) as store:
        store.tasks.refresh(campaign.clock.now())
    campaign.crawl()
    with gb.open(path) as opened:
        for zone in (None, UTC):
            time = datetime.fromtimestamp(since, UTC).replace(tzinfo=zone)
            (row,) = opened.structural_changes(time).to_dict("records")
            assert (row["kind"], row["entities"]) == ("file_moved", f"file:{moved}")
            assert row["text"].startswith("moved: ")
            assert {row["before"], row["after"]} == {"1", "2"}
        assert len(opened.structural_changes(datetime.now(UTC))) == 0


def test_the_first_references_of_all_subjects_are_as_many_changes() -> None:
    world = ChangingWorld(Random(5))
    world.empty |= {world.new_file() for _ in range(4)}
    before, old, seeds = snapshot(world), world.truth(), world.hashes()
    world.add_cluster(seeds)
    for states in (before, snapshot(world)):
        assert find_structural_changes(states, states) == ()
    found = find_structural_changes(before, snapshot(world))
    assert summaries(found) == Counter(expected_changes(old, world.truth(), seeds))
    assert kinds(found) == ["collection_found"] * 3 + ["subject_known"] * 4
    lost = find_structural_changes(snapshot(world), before)
    assert lost == ()
