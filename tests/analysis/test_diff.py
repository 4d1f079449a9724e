"""Comparison of two snapshots: changes of observations, entities and clusters."""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.analysis import Cluster, Clustering, Snapshot, compare
from graphbuild.analysis.cluster_evolution import ClusterMatching
from graphbuild.analysis.diff import SnapshotPair
from graphbuild.models import (
    COMPLETE,
    FAILED,
    INCOMPLETE,
    INFERRED,
    OBSERVED,
    PENDING,
    Entity,
    Observation,
)
from tests.support.planted_campaigns import PlantedCampaigns, plant

if TYPE_CHECKING:
    from graphbuild.analysis import Changes, ClusterChange, Comparison

FILES = [Entity("file", f"{n:064x}") for n in range(1, 9)]
REFERENCES = [Entity("reference", f"{n:064x}", {"title": f"reference {n}"}) for n in range(6)]
COLLECTIONS = [Entity("collection", f"c{n}", {"name": f"C {n}"}) for n in range(4)]
OPPOSITE = {"added": "removed", "merged": "split", "born": "died", "grew": "shrank"}
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}


def observation(
    file: Entity, reference: Entity, collection: Entity | None, provenance: str = OBSERVED
) -> Observation:
    return Observation(file, reference, collection, provenance)


_observations = st.lists(
    st.builds(
        observation,
        st.sampled_from(FILES),
        st.sampled_from(REFERENCES),
        st.none() | st.sampled_from(COLLECTIONS),
        st.sampled_from([OBSERVED, OBSERVED, INFERRED]),
    ),
    max_size=30,
)
_states = st.dictionaries(
    st.sampled_from(FILES), st.sampled_from([COMPLETE, COMPLETE, INCOMPLETE, FAILED, PENDING])
)


@st.composite
def snapshots(draw) -> Snapshot:
    """Generate a snapshot in which all subjects with observations have a state."""
    observations, states = draw(_observations), draw(_states)
    states |= {one.subject: COMPLETE for one in observations if one.subject not in states}
    return Snapshot.from_observations(observations, states.items())


def triples(side: Snapshot) -> set[tuple[str, str, str | None]]:
    incidence = side.incidence
    names = incidence.files, incidence.references, incidence.collections
    return {
        tuple(all_of[n].key if n >= 0 else None for all_of, n in zip(names, row, strict=True))
        for row in incidence.triples.tolist()
    }


def inferred_pairs(side: Snapshot) -> set[tuple[str, str]]:
    incidence = side.incidence
    return {
        (incidence.files[file].key, incidence.references[reference].key)
        for file, reference in incidence.inferred.tolist()
    }


def complete_files(side: Snapshot) -> set[str]:
    return {file.key for file, state in side.states.items() if state == COMPLETE}


def keys_of(changes: Changes, name: str) -> set:
    found = getattr(changes, name)
    keys = [
        tuple(e and e.key for e in each) if isinstance(each, tuple) else each.key for each in found
    ]
    assert len(set(keys)) == len(keys)
    return set(keys)


def as_sets(changes: Changes) -> dict[str, set]:
    names = "added", "removed", "unchanged", "unknown_before", "unknown_after"
    return {name: keys_of(changes, name) for name in names}


# --- observations and entities -------------------------------------------------------------------


@settings(max_examples=60)
@given(snapshots(), snapshots())
def test_changes_are_those_of_plain_sets(old: Snapshot, new: Snapshot) -> None:
    found = compare(old, new)
    before, after = triples(old), triples(new)
    inferred_before = {fact for fact in after - before if fact[:2] in inferred_pairs(old)}
    inferred_after = {fact for fact in before - after if fact[:2] in inferred_pairs(new)}
    added = {fact for fact in after - before if fact[0] in complete_files(old)} - inferred_before
    removed = {fact for fact in before - after if fact[0] in complete_files(new)} - inferred_after
    for observations, expected in (
        (found.inferred_before, inferred_before),
        (found.inferred_after, inferred_after),
    ):
        keys = [tuple(each and each.key for each in triple) for triple in observations]
        assert keys == sorted(expected, key=lambda fact: tuple(key or "" for key in fact))
    assert as_sets(found.observations) == {
        "added": added,
        "removed": removed,
        "unchanged": before & after,
        "unknown_before": after - before - added,
        "unknown_after": before - after - removed,
    }
    for changes, column in ((found.references, 1), (found.collections, 2)):
        earlier, later, certain, lost = (
            {fact[column] for fact in facts} - {None} for facts in (before, after, added, removed)
        )
        assert as_sets(changes) == {
            "added": (later - earlier) & certain,
            "removed": (earlier - later) & lost,
            "unchanged": earlier & later,
            "unknown_before": later - earlier - certain,
            "unknown_after": earlier - later - lost,
        }
    fetched = [
        {file.key for file, state in side.states.items() if state != PENDING}
        | {fact[0] for fact in triples(side)}
        for side in (old, new)
    ]
    assert keys_of(found.files, "added") == fetched[1] - fetched[0]
    assert keys_of(found.files, "removed") == fetched[0] - fetched[1]
    assert keys_of(found.files, "unchanged") == fetched[0] & fetched[1]
    for gaps, side in ((found.incomplete_before, old), (found.incomplete_after, new)):
        assert dict(gaps) == {file: s for file, s in side.states.items() if s != COMPLETE}
    _check_clusters(found, old, new)


@settings(max_examples=30)
@given(snapshots(), snapshots())
def test_comparison_is_symmetric(old: Snapshot, new: Snapshot) -> None:
    one, other = compare(old, new), compare(new, old)
    for of in ("files", "references", "collections", "observations"):
        here, there = as_sets(getattr(one, of)), as_sets(getattr(other, of))
        assert (here["added"], here["removed"], here["unchanged"]) == (
            there["removed"],
            there["added"],
            there["unchanged"],
        )
        assert here["unknown_before"] == there["unknown_after"]

    def turned(change: ClusterChange) -> tuple:
        kind = OPPOSITE.get(change.kind, change.kind)
        rest = change.similarity, change.causes, change.linking_files
        return kind, change.after, change.before, change.removed, change.added, *rest

    def plain(change: ClusterChange) -> tuple:
        rest = change.similarity, change.causes, change.linking_files
        return change.kind, change.before, change.after, change.added, change.removed, *rest

    assert set(map(turned, one.cluster_changes)) == set(map(plain, other.cluster_changes))
    assert {(m.file, m.after, m.before) for m in one.moved_files} == {
        (m.file, m.before, m.after) for m in other.moved_files
    }


@settings(max_examples=20)
@given(_observations)
def test_snapshot_compared_with_itself_is_unchanged(observations: list[Observation]) -> None:
    side = Snapshot.from_observations(observations)
    found = compare(side, side)
    for changes in (found.files, found.references, found.collections, found.observations):
        assert not any(keys for name, keys in as_sets(changes).items() if name != "unchanged")
    assert len(found.observations.unchanged) == len(triples(side))
    assert {change.kind for change in found.cluster_changes} <= {"unchanged"}
    assert {change.similarity for change in found.cluster_changes} <= {1.0}
    assert found.moved_files == found.incomplete_before == ()


def test_new_observations_of_pending_subjects_are_unknown_before() -> None:
    (one, other), (first, second) = FILES[:2], REFERENCES[:2]
    old = Snapshot.from_observations(
        [observation(one, first, None)], [(one, COMPLETE), (other, PENDING)]
    )
    new = Snapshot.from_observations(
        [observation(one, first, None), observation(other, second, COLLECTIONS[0])],
        [(one, COMPLETE), (other, COMPLETE)],
    )
    found = compare(old, new)
    assert found.files.added == (other,)
    assert found.references.added == found.collections.added == found.observations.added == ()
    assert found.references.unknown_before == (second,)
    assert found.collections.unknown_before == (COLLECTIONS[0],)
    assert found.incomplete_before == ((other, PENDING),)


def test_attributes_are_merged_from_both_snapshots() -> None:
    bare = Entity("reference", REFERENCES[0].id)
    old = Snapshot.from_observations([observation(FILES[0], REFERENCES[0], None)])
    new = Snapshot.from_observations([observation(FILES[0], bare, None)])
    (unchanged,) = compare(old, new).references.unchanged
    assert unchanged.label == "reference 0"


# --- clusters ------------------------------------------------------------------------------------


def _check_clusters(found: Comparison | SimpleNamespace, old: Snapshot, new: Snapshot) -> None:
    """Check changes, causes and moved files against the clusters and the triples."""
    groups = [
        {group.number: {file.key for file in group.files} for group in side.clusters}
        for side in (found.before, found.after)
    ]
    common = set().union(*groups[0].values()) & set().union(*groups[1].values())
    graph: nx.Graph = nx.Graph()
    for side in (0, 1):
        graph.add_nodes_from((side, n) for n, files in groups[side].items() if len(files) > 1)
    for one, files in groups[0].items():
        for other, others in groups[1].items():
            here, there, both = files & common, others & common, files & others
            most = 2 * len(both) > len(here) or 2 * len(both) > len(there)
            if both and most and (0, one) in graph and (1, other) in graph:
                graph.add_edge((0, one), (1, other), like=len(both) / len(here | there))
    assert _kinds(graph, groups) == Counter(map(_shape, found.cluster_changes))
    links = {
        (one[1], other[1]) if one[0] == 0 else (other[1], one[1]) for one, other in graph.edges
    }
    of = [{file: n for n, files in side.items() for file in files} for side in groups]
    assert {(m.file.key, m.before, m.after) for m in found.moved_files} == {
        (file, of[0][file], of[1][file])
        for file in common
        if (of[0][file], of[1][file]) not in links
        and ((0, of[0][file]) in graph or (1, of[1][file]) in graph)
    }
    for change in found.cluster_changes:
        similarities = [
            graph.edges[(0, one), (1, other)]["like"]
            for one in change.before
            for other in change.after
            if graph.has_edge((0, one), (1, other))
        ]
        assert change.similarity == pytest.approx(max(similarities, default=0.0))
        before, after = (
            set().union(*(groups[side][n] for n in numbers))
            for side, numbers in enumerate((change.before, change.after))
        )
        assert {file.key for file in change.added} == after - before
        assert {file.key for file in change.removed} == before - after
        if change.kind in {"merged", "split"}:
            _check_causes(change, groups, (old, new))


def clustering_from(labels: list[int], files: tuple[Entity, ...]) -> Clustering:
    """Return a clustering with the given cluster of each file."""
    members = [[f for f, n in zip(files, labels, strict=False) if n == each] for each in range(4)]
    groups = tuple(
        Cluster(number, "", tuple(held), (), (), 1.0)
        for number, held in enumerate(filter(None, members), 1)
    )
    return Clustering(groups, np.zeros(0, np.int64), 1.0, 0.0)


_labels = st.lists(st.integers(0, 3), min_size=len(FILES), max_size=len(FILES))


@settings(max_examples=200)
@given(snapshots(), snapshots(), _labels, _labels)
def test_matching_of_arbitrary_clusters(
    old: Snapshot, new: Snapshot, one: list, other: list
) -> None:
    """Includes clusters that share exactly half of their files, all of them or none."""
    before, after = (
        clustering_from(one, old.incidence.files),
        clustering_from(other, new.incidence.files),
    )
    matching = ClusterMatching(SnapshotPair(old, new), (before, after))
    drawn = SimpleNamespace(
        before=before,
        after=after,
        cluster_changes=matching.changes(),
        moved_files=matching.moved_files(),
    )
    _check_clusters(drawn, old, new)


def test_only_files_of_the_merged_cluster_link_its_parts() -> None:
    """One of the parts matches another cluster, too, whose new file is not a linking file."""
    parts = {FILES[n]: label for n, label in zip((0, 1, 4, 2, 3), (0, 0, 0, 1, 1), strict=True)}
    merged = {FILES[n]: label for n, label in zip((0, 1, 2, 4, 5), (0, 0, 0, 1, 1), strict=True)}
    old, new = (
        Snapshot.from_observations(
            [Observation(file, REFERENCES[0], None) for file in labels],
            dict.fromkeys(labels, COMPLETE).items(),
        )
        for labels in (parts, merged)
    )
    matching = ClusterMatching(
        SnapshotPair(old, new),
        (
            clustering_from([parts[f] for f in old.incidence.files], old.incidence.files),
            clustering_from([merged[f] for f in new.incidence.files], new.incidence.files),
        ),
    )
    (change,) = (change for change in matching.changes() if change.kind == "merged")
    assert change.linking_files == ()


def _kinds(graph: nx.Graph, groups: list) -> Counter:
    """Return the expected changes, from the number of matches of each cluster."""
    expected: Counter = Counter()
    for node, near in graph.adjacency():
        side, number = node
        if len(near) > 1:
            kind = "split" if side == 0 else "merged"
            expected[kind, (number,), tuple(sorted(n for _, n in near))] += 1
        elif not near:
            expected["died" if side == 0 else "born", (number,), ()] += 1
        elif side == 0:
            ((_, other),) = near
            if graph.degree((1, other)) == 1:
                files, others = groups[0][number], groups[1][other]
                grown = (len(others) > len(files)) - (len(others) < len(files))
                kind = {1: "grew", -1: "shrank", 0: "changed"}[grown]
                expected["unchanged" if files == others else kind, (number,), (other,)] += 1
    return expected


def _shape(change: ClusterChange) -> tuple:
    if change.kind == "merged":
        return change.kind, change.after, tuple(sorted(change.before))
    if change.kind in {"died", "born"}:
        return change.kind, change.before or change.after, ()
    return change.kind, change.before, tuple(sorted(change.after))


def _check_causes(change: ClusterChange, groups: list, both: tuple[Snapshot, Snapshot]) -> None:
    apart = 0 if change.kind == "merged" else 1
    numbers = change.before if apart == 0 else change.after
    part = {file: number for number in numbers for file in groups[apart][number]}

    def holding(side: Snapshot, only: set[str] | None = None) -> dict[str, dict[int, set[str]]]:
        found: dict = defaultdict(lambda: defaultdict(set))
        for file, reference, collection in triples(side):
            for source in {reference, collection} - {None}:
                if file in part and (only is None or file in only):
                    found[source][part[file]].add(file)
        return found

    here, there = holding(both[apart]), holding(both[1 - apart])
    certain = holding(both[1 - apart], complete_files(both[apart]))
    known = {entity for fact in triples(both[apart]) for entity in fact}
    expected = {
        source: (
            tuple(n for n in numbers if n in parts),
            sum(map(len, parts.values())),
            source not in known,
            bool((set(parts) - set(here[source])) & set(certain[source])),
        )
        for source, parts in there.items()
        if len(parts) > 1 and set(parts) - set(here[source])
    }
    assert {
        cause.entity.key: (cause.clusters, cause.files, cause.exclusive, cause.certain)
        for cause in change.causes
    } == expected
    one = change.after if apart == 0 else change.before
    new_files = {
        file
        for number in one
        for file in groups[1 - apart][number]
        if file not in set().union(*groups[apart].values())
    }
    linking_files = set()
    for file in new_files:
        sources = {e for fact in triples(both[1 - apart]) if fact[0] == file for e in fact[1:] if e}
        if len({n for source in sources for n in there.get(source, ())}) > 1:
            linking_files.add(file)
    assert {file.key for file in change.linking_files} == linking_files


def world(groups: dict[str, list[str]]) -> PlantedCampaigns:
    """Return campaigns of one collection each, with four files that are only in this collection."""
    members = {
        sha256(f"{name} {each}".encode()).hexdigest(): [name]
        for name in groups
        for each in range(4)
    }
    return PlantedCampaigns(members, groups, {}, {})


def twelve() -> dict[str, list[str]]:
    return {f"c{n}": [f"{n} {each}" for each in range(8)] for n in range(12)}


def side_of(planted: PlantedCampaigns) -> Snapshot:
    return Snapshot.from_observations(planted.observations())


def ids(planted: PlantedCampaigns, *names: str) -> set[str]:
    return {file for file, held in planted.members.items() if set(held) & set(names)}


def of_numbers(found: Comparison, side: str, numbers: tuple[int, ...]) -> list[set[str]]:
    groups = {group.number: group for group in getattr(found, side).clusters}
    return [{file.id for file in groups[number].files} for number in numbers]


def test_merge_is_found_with_the_references_that_caused_it() -> None:
    """In the later snapshot, the collections of two campaigns share seven references."""
    apart, joined = twelve(), twelve()
    for name in ("c3", "c7"):
        joined[name] = [*joined[name][:1], *(f"joint {n}" for n in range(7))]
    found = compare(side_of(world(apart)), side_of(world(joined)))
    merged = [change for change in found.cluster_changes if change.kind == "merged"]
    assert len(merged) == 1
    (change,) = merged
    known = world(apart)
    before = of_numbers(found, "before", change.before)
    assert sorted(before, key=min) == sorted([ids(known, "c3"), ids(known, "c7")], key=min)
    assert of_numbers(found, "after", change.after) == [ids(known, "c3", "c7")]
    assert [cause.entity.label for cause in change.causes] == sorted(
        (f"joint {n}" for n in range(7)), key=_key
    )
    assert {(cause.files, cause.exclusive, cause.certain) for cause in change.causes} == {
        (8, True, True)
    }
    assert change.similarity == 0.5
    assert found.moved_files == ()


def _key(title: str) -> str:
    return f"reference:{sha256(title.encode()).hexdigest()}"


def test_split_is_found_with_the_collection_that_connected_the_clusters() -> None:
    joined = world(twelve())
    for file in ids(joined, "c3", "c7"):
        joined.members[file].append("both")
    joined.holds["both"] = ["a round-up"]
    found = compare(side_of(joined), side_of(world(twelve())))
    (change,) = [change for change in found.cluster_changes if change.kind == "split"]
    assert sorted(of_numbers(found, "after", change.after), key=min) == sorted(
        [ids(joined, "c3"), ids(joined, "c7")], key=min
    )
    assert [cause.entity.label for cause in change.causes] == ["both", "a round-up"]
    assert {change.kind for change in found.cluster_changes} == {"split", "unchanged"}
    assert [entity.id for entity in found.collections.removed] == ["both"]


def test_new_files_that_link_two_clusters_are_listed() -> None:
    old, new = world(twelve()), world(twelve())
    linking = [f"{n:02x}" * 32 for n in range(0xE0, 0xF0)]
    new.members.update({file: ["c3", "c7"] for file in linking})
    found = compare(side_of(old), side_of(new))
    (change,) = [change for change in found.cluster_changes if change.kind == "merged"]
    assert change.causes == ()
    assert {file.id for file in change.linking_files} == set(linking)
    assert {file.id for file in change.added} == set(linking)
    assert found.references.added == ()


def test_moved_file_is_listed_and_its_clusters_match() -> None:
    old, new = world(twelve()), world(twelve())
    file = min(ids(old, "c3"))
    new.members[file] = ["c7"]
    found = compare(side_of(old), side_of(new))
    (move,) = found.moved_files
    assert move.file.id == file
    assert of_numbers(found, "before", (move.before,)) == [ids(old, "c3")]
    assert of_numbers(found, "after", (move.after,)) == [ids(new, "c7")]
    assert Counter(change.kind for change in found.cluster_changes) == {
        "grew": 1,
        "shrank": 1,
        "unchanged": 10,
    }


def test_new_cluster_is_born_and_missing_cluster_died() -> None:
    groups = twelve()
    missing = dict(list(groups.items())[1:])
    found = compare(side_of(world(groups)), side_of(world(missing | {"new": ["n 1", "n 2"]})))
    assert Counter(change.kind for change in found.cluster_changes) == {
        "born": 1,
        "died": 1,
        "unchanged": 11,
    }
    born, died, *_ = found.cluster_changes
    assert {file.id for file in born.added} == ids(world({"new": []}), "new")
    assert {file.id for file in died.removed} == ids(world({"c0": []}), "c0")
    assert born.similarity == died.similarity == 0


def test_data_frames_have_one_row_per_entity_and_per_cluster_change() -> None:
    old = plant(0)
    new = PlantedCampaigns({**old.members}, old.holds, old.loose, {})
    missing = next(iter(new.members))
    del new.members[missing]
    found = compare(side_of(old), side_of(new))
    frame = found.to_frame()
    counts = Counter(zip(frame["kind"], frame["change"], strict=True))
    assert counts["file", "removed"] == 1
    assert counts["file", "unchanged"] == len(new.members)
    assert list(frame.columns) == ["kind", "key", "label", "change"]
    changes = found.cluster_changes_frame()
    assert len(changes) == len(found.cluster_changes)
    assert list(changes["change"]) == [change.kind for change in found.cluster_changes]
