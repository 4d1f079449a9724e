"""Two campaigns held beside each other: what came, went and stayed, and the fates of clusters."""

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

from graphbuild.analysis import Communities, Community, Snapshot, compare
from graphbuild.analysis.cluster_evolution import Followed
from graphbuild.analysis.diff import Both
from graphbuild.models import COMPLETE, FAILED, INCOMPLETE, PENDING, Entity, Observation
from tests.support.planted_campaigns import PlantedCampaigns, plant

if TYPE_CHECKING:
    from graphbuild.analysis import Changes, Comparison, Fate

FILES = [Entity("file", f"{n:064x}") for n in range(1, 9)]
REPORTS = [Entity("reference", f"{n:064x}", {"title": f"report {n}"}) for n in range(6)]
GROUPS = [Entity("collection", f"c{n}", {"name": f"C {n}"}) for n in range(4)]
OPPOSITE = {"came": "went", "merged": "split", "born": "died", "grew": "shrank"}
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}


def observation(file: Entity, report: Entity, group: Entity | None) -> Observation:
    return Observation(file, report, group)


_told = st.lists(
    st.builds(
        observation,
        st.sampled_from(FILES),
        st.sampled_from(REPORTS),
        st.none() | st.sampled_from(GROUPS),
    ),
    max_size=30,
)
_states = st.dictionaries(
    st.sampled_from(FILES), st.sampled_from([COMPLETE, COMPLETE, INCOMPLETE, FAILED, PENDING])
)


@st.composite
def sides(draw) -> Snapshot:
    """What some answers say; nobody has any of whom none was asked."""
    told, states = draw(_told), draw(_states)
    states |= {one.subject: COMPLETE for one in told if one.subject not in states}
    return Snapshot.of(told, states.items())


def triples(side: Snapshot) -> set[tuple[str, str, str | None]]:
    incidence = side.incidence
    names = incidence.files, incidence.references, incidence.collections
    return {
        tuple(all_of[n].key if n >= 0 else None for all_of, n in zip(names, row, strict=True))
        for row in incidence.facts.tolist()
    }


def whole(side: Snapshot) -> set[str]:
    return {file.key for file, state in side.states.items() if state == COMPLETE}


def told(changes: Changes, of: str) -> set:
    found = getattr(changes, of)
    keys = [
        tuple(e and e.key for e in each) if isinstance(each, tuple) else each.key for each in found
    ]
    assert len(set(keys)) == len(keys)
    return set(keys)


def as_sets(changes: Changes) -> dict[str, set]:
    names = "came", "went", "stayed", "unknown_before", "unknown_after"
    return {name: told(changes, name) for name in names}


# --- what came, went and stayed ------------------------------------------------------------------


@settings(max_examples=60)
@given(sides(), sides())
def test_what_came_and_went_is_what_plain_sets_say(old: Snapshot, new: Snapshot) -> None:
    found = compare(old, new, method="louvain")
    before, after = triples(old), triples(new)
    came = {fact for fact in after - before if fact[0] in whole(old)}
    went = {fact for fact in before - after if fact[0] in whole(new)}
    assert as_sets(found.facts) == {
        "came": came,
        "went": went,
        "stayed": before & after,
        "unknown_before": after - before - came,
        "unknown_after": before - after - went,
    }
    for changes, column in ((found.references, 1), (found.collections, 2)):
        earlier, later, sure, lost = (
            {fact[column] for fact in facts} - {None} for facts in (before, after, came, went)
        )
        assert as_sets(changes) == {
            "came": (later - earlier) & sure,
            "went": (earlier - later) & lost,
            "stayed": earlier & later,
            "unknown_before": later - earlier - sure,
            "unknown_after": earlier - later - lost,
        }
    asked = [
        {file.key for file, state in side.states.items() if state != PENDING}
        | {fact[0] for fact in triples(side)}
        for side in (old, new)
    ]
    assert told(found.files, "came") == asked[1] - asked[0]
    assert told(found.files, "went") == asked[0] - asked[1]
    assert told(found.files, "stayed") == asked[0] & asked[1]
    for gaps, side in ((found.gaps_before, old), (found.gaps_after, new)):
        assert dict(gaps) == {file: s for file, s in side.states.items() if s != COMPLETE}
    _check_clusters(found, old, new)


@settings(max_examples=30)
@given(sides(), sides())
def test_to_change_places_changes_only_the_names(old: Snapshot, new: Snapshot) -> None:
    one, other = compare(old, new, method="louvain"), compare(new, old, method="louvain")
    for of in ("files", "references", "collections", "facts"):
        here, there = as_sets(getattr(one, of)), as_sets(getattr(other, of))
        assert (here["came"], here["went"], here["stayed"]) == (
            there["went"],
            there["came"],
            there["stayed"],
        )
        assert here["unknown_before"] == there["unknown_after"]

    def turned(fate: Fate) -> tuple:
        kind = OPPOSITE.get(fate.kind, fate.kind)
        rest = fate.likeness, fate.causes, fate.through
        return kind, fate.after, fate.before, fate.went, fate.came, *rest

    def plain(fate: Fate) -> tuple:
        rest = fate.likeness, fate.causes, fate.through
        return fate.kind, fate.before, fate.after, fate.came, fate.went, *rest

    assert set(map(turned, one.fates)) == set(map(plain, other.fates))
    assert {(m.file, m.after, m.before) for m in one.moved} == {
        (m.file, m.before, m.after) for m in other.moved
    }


@settings(max_examples=20)
@given(_told)
def test_with_itself_everything_stayed(observations: list[Observation]) -> None:
    side = Snapshot.of(observations)
    found = compare(side, side, method="louvain")
    for changes in (found.files, found.references, found.collections, found.facts):
        assert not any(told for name, told in as_sets(changes).items() if name != "stayed")
    assert len(found.facts.stayed) == len(set(observations))
    assert {fate.kind for fate in found.fates} <= {"stayed"}
    assert {fate.likeness for fate in found.fates} <= {1.0}
    assert found.moved == found.gaps_before == ()


def test_what_was_not_asked_before_has_not_come() -> None:
    (one, other), (first, second) = FILES[:2], REPORTS[:2]
    old = Snapshot.of([observation(one, first, None)], [(one, COMPLETE), (other, PENDING)])
    new = Snapshot.of(
        [observation(one, first, None), observation(other, second, GROUPS[0])],
        [(one, COMPLETE), (other, COMPLETE)],
    )
    found = compare(old, new)
    assert found.files.came == (other,)
    assert found.references.came == found.collections.came == found.facts.came == ()
    assert found.references.unknown_before == (second,)
    assert found.collections.unknown_before == (GROUPS[0],)
    assert found.gaps_before == ((other, PENDING),)


def test_what_one_side_knows_of_a_report_the_other_side_shows_too() -> None:
    bare = Entity("reference", REPORTS[0].id)
    old = Snapshot.of([observation(FILES[0], REPORTS[0], None)])
    new = Snapshot.of([observation(FILES[0], bare, None)])
    (stayed,) = compare(old, new).references.stayed
    assert stayed.label == "report 0"


# --- clusters ------------------------------------------------------------------------------------


def _check_clusters(found: Comparison | SimpleNamespace, old: Snapshot, new: Snapshot) -> None:
    """The fates, the causes and the moves, from the clusters and the triples alone."""
    groups = [
        {group.number: {file.key for file in group.files} for group in side.groups}
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
    assert _kinds(graph, groups) == Counter(map(_shape, found.fates))
    links = {
        (one[1], other[1]) if one[0] == 0 else (other[1], one[1]) for one, other in graph.edges
    }
    of = [{file: n for n, files in side.items() for file in files} for side in groups]
    assert {(m.file.key, m.before, m.after) for m in found.moved} == {
        (file, of[0][file], of[1][file])
        for file in common
        if (of[0][file], of[1][file]) not in links
        and ((0, of[0][file]) in graph or (1, of[1][file]) in graph)
    }
    for fate in found.fates:
        likeness = [
            graph.edges[(0, one), (1, other)]["like"]
            for one in fate.before
            for other in fate.after
            if graph.has_edge((0, one), (1, other))
        ]
        assert fate.likeness == pytest.approx(max(likeness, default=0.0))
        before, after = (
            set().union(*(groups[side][n] for n in numbers))
            for side, numbers in enumerate((fate.before, fate.after))
        )
        assert {file.key for file in fate.came} == after - before
        assert {file.key for file in fate.went} == before - after
        if fate.kind in {"merged", "split"}:
            _check_causes(fate, groups, (old, new))


def found_by(labels: list[int], files: tuple[Entity, ...]) -> Communities:
    """Clusters as somebody drew them."""
    members = [[f for f, n in zip(files, labels, strict=False) if n == each] for each in range(4)]
    groups = tuple(
        Community(number, tuple(held), (), (), 1.0)
        for number, held in enumerate(filter(None, members), 1)
    )
    return Communities(groups, np.zeros(0, np.int64), "", 1.0, 0.0)


_labels = st.lists(st.integers(0, 3), min_size=len(FILES), max_size=len(FILES))


@settings(max_examples=200)
@given(sides(), sides(), _labels, _labels)
def test_fates_follow_any_clusters(old: Snapshot, new: Snapshot, one: list, other: list) -> None:
    """Of exactly half the files, of all of them, of none."""
    before, after = found_by(one, old.incidence.files), found_by(other, new.incidence.files)
    followed = Followed(Both(old, new), (before, after))
    drawn = SimpleNamespace(
        before=before, after=after, fates=followed.fates(), moved=followed.moved()
    )
    _check_clusters(drawn, old, new)


def _kinds(graph: nx.Graph, groups: list) -> Counter:
    """What became of each, by how many it is linked to."""
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
                expected["stayed" if files == others else kind, (number,), (other,)] += 1
    return expected


def _shape(fate: Fate) -> tuple:
    if fate.kind == "merged":
        return fate.kind, fate.after, tuple(sorted(fate.before))
    if fate.kind in {"died", "born"}:
        return fate.kind, fate.before or fate.after, ()
    return fate.kind, fate.before, tuple(sorted(fate.after))


def _check_causes(fate: Fate, groups: list, both: tuple[Snapshot, Snapshot]) -> None:
    apart = 0 if fate.kind == "merged" else 1
    numbers = fate.before if apart == 0 else fate.after
    part = {file: number for number in numbers for file in groups[apart][number]}

    def holding(side: Snapshot, only: set[str] | None = None) -> dict[str, dict[int, set[str]]]:
        found: dict = defaultdict(lambda: defaultdict(set))
        for file, reference, collection in triples(side):
            for source in {reference, collection} - {None}:
                if file in part and (only is None or file in only):
                    found[source][part[file]].add(file)
        return found

    here, there = holding(both[apart]), holding(both[1 - apart])
    sure = holding(both[1 - apart], whole(both[apart]))
    known = {entity for fact in triples(both[apart]) for entity in fact}
    expected = {
        source: (
            tuple(n for n in numbers if n in parts),
            sum(map(len, parts.values())),
            source not in known,
            bool((set(parts) - set(here[source])) & set(sure[source])),
        )
        for source, parts in there.items()
        if len(parts) > 1 and set(parts) - set(here[source])
    }
    assert {
        cause.entity.key: (cause.clusters, cause.files, cause.new, cause.sure)
        for cause in fate.causes
    } == expected
    one = fate.after if apart == 0 else fate.before
    newcomers = {
        file
        for number in one
        for file in groups[1 - apart][number]
        if file not in set().union(*groups[apart].values())
    }
    tying = set()
    for file in newcomers:
        sources = {e for fact in triples(both[1 - apart]) if fact[0] == file for e in fact[1:] if e}
        if len({n for source in sources for n in there.get(source, ())}) > 1:
            tying.add(file)
    assert {file.key for file in fate.through} == tying


def world(groups: dict[str, list[str]]) -> PlantedCampaigns:
    """A campaign for each collection, with four files of its own."""
    members = {
        sha256(f"{name} {each}".encode()).hexdigest(): [name]
        for name in groups
        for each in range(4)
    }
    return PlantedCampaigns(members, groups, {}, {})


def twelve() -> dict[str, list[str]]:
    return {f"c{n}": [f"{n} {each}" for each in range(8)] for n in range(12)}


def side_of(planted: PlantedCampaigns) -> Snapshot:
    return Snapshot.of(planted.observations())


def ids(planted: PlantedCampaigns, *names: str) -> set[str]:
    return {file for file, held in planted.members.items() if set(held) & set(names)}


def of_numbers(found: Comparison, side: str, numbers: tuple[int, ...]) -> list[set[str]]:
    groups = {group.number: group for group in getattr(found, side).groups}
    return [{file.id for file in groups[number].files} for number in numbers]


def test_a_planted_merge_is_found_with_the_reports_that_did_it() -> None:
    """Two campaigns whose collections list seven reports together from one day on."""
    apart, joined = twelve(), twelve()
    for name in ("c3", "c7"):
        joined[name] = [*joined[name][:1], *(f"joint {n}" for n in range(7))]
    found = compare(side_of(world(apart)), side_of(world(joined)))
    merged = [fate for fate in found.fates if fate.kind == "merged"]
    assert len(merged) == 1
    (fate,) = merged
    known = world(apart)
    before = of_numbers(found, "before", fate.before)
    assert sorted(before, key=min) == sorted([ids(known, "c3"), ids(known, "c7")], key=min)
    assert of_numbers(found, "after", fate.after) == [ids(known, "c3", "c7")]
    assert [cause.entity.label for cause in fate.causes] == sorted(
        (f"joint {n}" for n in range(7)), key=_key
    )
    assert {(cause.files, cause.new, cause.sure) for cause in fate.causes} == {(8, True, True)}
    assert fate.likeness == 0.5
    assert found.moved == ()


def _key(title: str) -> str:
    return f"reference:{sha256(title.encode()).hexdigest()}"


def test_a_planted_split_is_found_with_the_collection_that_held_both() -> None:
    joined = world(twelve())
    for file in ids(joined, "c3", "c7"):
        joined.members[file].append("both")
    joined.holds["both"] = ["a round-up"]
    found = compare(side_of(joined), side_of(world(twelve())))
    (fate,) = [fate for fate in found.fates if fate.kind == "split"]
    assert sorted(of_numbers(found, "after", fate.after), key=min) == sorted(
        [ids(joined, "c3"), ids(joined, "c7")], key=min
    )
    assert [cause.entity.label for cause in fate.causes] == ["both", "a round-up"]
    assert {fate.kind for fate in found.fates} == {"split", "stayed"}
    assert [entity.id for entity in found.collections.went] == ["both"]


def test_a_file_that_ties_two_clusters_and_was_not_asked_before_is_told() -> None:
    old, new = world(twelve()), world(twelve())
    ties = [f"{n:02x}" * 32 for n in range(0xE0, 0xF0)]
    new.members.update({file: ["c3", "c7"] for file in ties})
    found = compare(side_of(old), side_of(new))
    (fate,) = [fate for fate in found.fates if fate.kind == "merged"]
    assert fate.causes == ()
    assert {file.id for file in fate.through} == set(ties)
    assert {file.id for file in fate.came} == set(ties)
    assert found.references.came == ()


def test_a_file_that_went_over_is_told_and_its_cluster_is_the_same() -> None:
    old, new = world(twelve()), world(twelve())
    file = min(ids(old, "c3"))
    new.members[file] = ["c7"]
    found = compare(side_of(old), side_of(new))
    (move,) = found.moved
    assert move.file.id == file
    assert of_numbers(found, "before", (move.before,)) == [ids(old, "c3")]
    assert of_numbers(found, "after", (move.after,)) == [ids(new, "c7")]
    assert Counter(fate.kind for fate in found.fates) == {"grew": 1, "shrank": 1, "stayed": 10}


def test_a_campaign_that_is_new_is_born_and_one_that_is_gone_died() -> None:
    groups = twelve()
    gone = dict(list(groups.items())[1:])
    found = compare(side_of(world(groups)), side_of(world(gone | {"new": ["n 1", "n 2"]})))
    assert Counter(fate.kind for fate in found.fates) == {"born": 1, "died": 1, "stayed": 11}
    born, died, *_ = found.fates
    assert {file.id for file in born.came} == ids(world({"new": []}), "new")
    assert {file.id for file in died.went} == ids(world({"c0": []}), "c0")
    assert born.likeness == died.likeness == 0


def test_tables_have_a_row_for_each_change_and_each_fate() -> None:
    old = plant(0)
    new = PlantedCampaigns({**old.members}, old.holds, old.loose, {})
    gone = next(iter(new.members))
    del new.members[gone]
    found = compare(side_of(old), side_of(new))
    frame = found.frame()
    counts = Counter(zip(frame["of"], frame["change"], strict=True))
    assert counts["file", "went"] == 1
    assert counts["file", "stayed"] == len(new.members)
    assert list(frame.columns) == ["of", "key", "label", "change"]
    fates = found.fates_frame()
    assert len(fates) == len(found.fates)
    assert list(fates["fate"]) == [fate.kind for fate in found.fates]
