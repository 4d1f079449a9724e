"""Strength of clusters and pairs: sources count once, and breaking points are the smallest."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.analysis import Incidence, find_clusters, find_duplicates, find_overlaps
from graphbuild.analysis.evidence_sources import find_sources
from graphbuild.analysis.strength import (
    SEARCHED,
    Strength,
    measure_clusters,
    measure_pair,
    measure_pairs,
)
from graphbuild.models import Entity, Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from graphbuild.analysis import Overlap

NEVER_TOO_MANY = 10_000  # checks; enough for all sets of sources of the worlds below


def file(number: int) -> Entity:
    return Entity("file", f"{number:064x}")


def collection(name: str) -> Entity:
    return Entity("collection", name, {"name": name})


def reference(name: str, url: str = "") -> Entity:
    return Entity("reference", name, {"url": url or f"https://{name}.example/{name}"})


def members(name: str, files: Iterable[int], references: Sequence[str]) -> list[Observation]:
    """Return the observations of files in a collection with these references."""
    return [
        Observation(file(number), reference(each), collection(name))
        for number in files
        for each in references
    ]


def through_report(files: Iterable[int], report: str, name: str) -> list[Observation]:
    """Return the observations of files that are related to a reference through a report."""
    return [Observation(file(number), reference(name), reference(report)) for number in files]


def direct(files: Iterable[int], name: str) -> list[Observation]:
    """Return an observation for each file: the same reference, and no collection."""
    return [Observation(file(number), reference(name), None) for number in files]


def strengths(observations: list[Observation], **options: int) -> dict[frozenset[str], Strength]:
    """Return the strength of each cluster by the ids of its files, without leading zeros."""
    incidence = Incidence.from_observations(observations)
    clustering = find_clusters(incidence)
    sources = find_sources(incidence, find_duplicates(incidence.references))
    measured = measure_clusters(sources, clustering.labels, **options)
    assert list(measured) == [each.number for each in clustering]
    return {
        frozenset(one.id.lstrip("0") or "0" for one in each.files): measured[each.number]
        for each in clustering
    }


# --- sources -------------------------------------------------------------------------------------

BOTH = frozenset({"0", "1"})


def two_files(observations: list[Observation]) -> int:
    return strengths(observations)[BOTH].sources


def test_collections_with_the_same_articles_are_one_source() -> None:
    names = ["r1", "r2"]
    once = members("a", range(2), names)
    assert two_files(once) == 1
    assert two_files(once + members("b", range(2), names)) == 1
    assert two_files(once + members("b", range(2), ["r1", "r3"])) == 2


def test_addresses_of_one_article_make_collections_equal() -> None:
    urls = {"a": "https://a.example/page", "b": "http://www.a.example/page/?utm_source=x"}
    observations = [
        Observation(file(number), reference(name, url), collection(name))
        for number in range(2)
        for name, url in urls.items()
    ]
    assert two_files(observations) == 1


def test_collection_of_one_article_and_the_article_itself_are_one_source() -> None:
    observations = members("a", range(2), ["r1"]) + direct(range(2), "r1")
    assert two_files(observations) == 1
    assert two_files(observations + direct(range(2), "r2")) == 2


def test_source_of_one_file_is_not_behind_the_cluster() -> None:
    observations = members("a", range(2), ["r1"]) + members("b", [0], ["r2"])
    assert two_files(observations) == 1


# --- clusters ------------------------------------------------------------------------------------


def test_cluster_of_one_collection_breaks_without_it() -> None:
    found = strengths(members("a", range(4), ["r1", "r2"]) + members("b", range(5, 9), ["r3"]))
    assert found[frozenset("0123")] == Strength(1, 1)


def test_cluster_of_three_collections_breaks_without_all_of_them() -> None:
    observations = members("b", range(5, 9), ["r9"])
    for number in range(3):
        observations += members(f"a{number}", range(4), [f"r{number}"])
    assert strengths(observations)[frozenset("0123")] == Strength(3, 3)


def test_single_file_has_no_breaking_point() -> None:
    found = strengths(members("a", [0], ["r1"]) + members("b", range(1, 4), ["r2"]))
    assert found[frozenset("0")] == Strength(0, None)
    assert str(found[frozenset("0")]) == "-"


def test_breaking_point_is_a_marked_upper_bound_without_enough_checks() -> None:
    observations = []
    for number in range(6):
        observations += members(f"a{number}", range(4), [f"r{number}"])
    files = frozenset("0123")
    assert strengths(observations, max_checks=0)[files] == Strength(6, 6, is_exact=False)
    assert str(strengths(observations, max_checks=0)[files]) == "≤6"
    for checks in range(20):
        found = strengths(observations, max_checks=checks)[files]
        assert found.breaking_point == 6
    assert strengths(observations, max_checks=NEVER_TOO_MANY)[files] == Strength(6, 6)


def test_only_the_first_clusters_are_searched() -> None:
    observations = []
    for number in range(SEARCHED + 1):
        for part in range(2):
            files = range(10 * number, 10 * number + 3)
            observations += members(f"c{number} {part}", files, [f"r{number} {part}"])
    found = list(strengths(observations, max_checks=NEVER_TOO_MANY).values())
    assert [each.is_exact for each in found] == [True] * SEARCHED + [False]
    assert {each.breaking_point for each in found} == {2}


def test_strength_of_one_pair_is_that_of_the_pair_among_all_pairs() -> None:
    observations = members("all", range(80), ["r1", "r2"])
    for number in range(40):  # two files with one to four collections of their own
        for part in range(1 + number % 4):
            name = f"{number} {part}"
            observations += members(name, [2 * number, 2 * number + 1], [f"r{name}"])
    incidence = Incidence.from_observations(observations)
    duplicates = find_duplicates(incidence.references)
    pairs = find_overlaps(incidence).significant()
    measured = measure_pairs(find_sources(incidence, duplicates), pairs)
    assert [str(each) for each in measured] == ["2"] * SEARCHED + ["≤4"] * 10
    (ends,) = pairs.head(1)
    of = source_of(observations)
    for removed, is_significant in ((1, True), (2, False)):
        shared = sorted(sources_of(observations, ends.source.key), key=sorted)[-removed:]
        rest = [each for each in observations if of(each) not in shared]
        again = find_overlaps(Incidence.from_observations(rest)).significant()
        found = {(each.source, each.target) for each in again}
        assert ((ends.source, ends.target) in found) == is_significant
    assert measure_pair(incidence, duplicates, ends.source, ends.target) == measured[0]
    assert measure_pair(incidence, duplicates, ends.target, ends.source) == measured[0]
    assert measure_pair(incidence, duplicates, ends.source, collection("all")) is None
    assert measure_pair(incidence, duplicates, file(0), file(2)) == Strength(1, None)


def test_sources_of_files_are_not_accepted_for_pairs_of_collections() -> None:
    incidence = Incidence.from_observations(members("a", range(2), ["r1"]))
    sources = find_sources(incidence, find_duplicates(incidence.references))
    with pytest.raises(ValueError, match="not pairs of the files"):
        measure_pairs(sources, find_overlaps(incidence, "collections"))


# --- exhaustive search ---------------------------------------------------------------------------


@st.composite
def worlds(draw: st.DrawFn) -> list[Observation]:
    """Return the observations of few files with at most five collections and references."""
    numbers = st.sets(st.integers(0, 6), min_size=1, max_size=6)
    listed = st.lists(st.sampled_from(["r1", "r2", "r3", "r4"]), min_size=1, max_size=2)
    observations = []
    for name in draw(st.sets(st.sampled_from("abcd"), min_size=1)):
        observations += members(name, sorted(draw(numbers)), draw(listed))
    if draw(st.booleans()):
        observations += direct(sorted(draw(numbers)), draw(st.sampled_from(["r1", "r5"])))
    if draw(st.booleans()):
        report = draw(st.sampled_from(["r1", "r6"]))
        observations += through_report(sorted(draw(numbers)), report, "r2")
    return observations


def source_of(observations: Iterable[Observation]) -> Callable[[Observation], frozenset[str]]:
    """Return a function that returns the source of an observation: the keys of its articles.

    These are all references of the collection, or the report, or the reference itself.
    """
    listed: dict[str, set[str]] = {}
    for each in observations:
        if each.related_from:
            listed.setdefault(each.related_from.key, set()).add(each.reference.key)

    def find(one: Observation) -> frozenset[str]:
        if one.related_from is None:
            return frozenset({one.reference.key})
        if one.related_from.type == "reference":
            return frozenset({one.related_from.key})
        return frozenset(listed[one.related_from.key])

    return find


def smallest_breaking_set(
    observations: list[Observation],
    sources: set[frozenset[str]],
    holds: Callable[[list[Observation]], bool],
) -> int:
    """Return the size of the smallest set of sources without which something does not hold.

    A source is identified by its articles.
    """
    of = source_of(observations)
    for size in range(1, len(sources) + 1):
        for removed in combinations(sources, size):
            rest = [each for each in observations if of(each) not in removed]
            if not holds(rest):
                return size
    raise AssertionError("it holds without any source")


def sources_of(observations: list[Observation], key: str) -> set[frozenset[str]]:
    of = source_of(observations)
    return {of(each) for each in observations if each.subject.key == key}


@settings(max_examples=25, deadline=None)
@given(worlds())
def test_breaking_points_of_clusters_equal_exhaustive_search(
    observations: list[Observation],
) -> None:
    incidence = Incidence.from_observations(observations)
    clustering = find_clusters(incidence)
    sources = find_sources(incidence, find_duplicates(incidence.references))
    measured = measure_clusters(sources, clustering.labels, max_checks=NEVER_TOO_MANY)
    for cluster in clustering:
        keys = {each.key for each in cluster.files}
        has = [sources_of(observations, key) for key in keys]
        behind = {source for each in has for source in each if sum(source in b for b in has) > 1}
        found = measured[cluster.number]
        assert found.sources == len(behind)
        if len(keys) == 1:
            assert found.breaking_point is None
            continue

        def holds(rest: list[Observation], keys: set[str] = keys) -> bool:
            sizes = [
                len(keys & {each.key for each in one.files})
                for one in find_clusters(Incidence.from_observations(rest))
            ]
            return max(sizes, default=0) >= max(2, len(keys) / 2)

        assert found.is_exact
        assert found.breaking_point == smallest_breaking_set(observations, set().union(*has), holds)
        bound = measure_clusters(sources, clustering.labels, max_checks=4)[cluster.number]
        assert bound.breaking_point is not None
        assert bound.breaking_point >= found.breaking_point
        assert not bound.is_exact or bound == found


@settings(max_examples=40, deadline=None)
@given(worlds(), st.sampled_from([0.05, 0.3, 0.9]))
def test_breaking_points_of_pairs_equal_exhaustive_search(
    observations: list[Observation], fdr: float
) -> None:
    incidence = Incidence.from_observations(observations)
    pairs = find_overlaps(incidence)
    sources = find_sources(incidence, find_duplicates(incidence.references))
    measured = measure_pairs(sources, pairs, fdr=fdr, max_checks=NEVER_TOO_MANY)
    searched = 0
    for pair, found in zip(pairs, measured, strict=True):
        ends = pair.source.key, pair.target.key
        one, other = (sources_of(observations, key) for key in ends)
        assert found.sources == len(one & other)
        if pair.q_value > fdr or not pair.shared_evidence:
            assert found.breaking_point is None
            continue
        searched += 1

        def holds(rest: list[Observation], ends: tuple[str, str] = ends) -> bool:
            again = find_overlaps(Incidence.from_observations(rest))
            return any(
                (each.source.key, each.target.key) == ends and each.shared_evidence
                for each in again.significant(fdr)
            )

        if searched <= SEARCHED:
            assert found.is_exact
            assert found.breaking_point == smallest_breaking_set(observations, one & other, holds)
        else:
            assert found.breaking_point == found.sources


@settings(max_examples=40, deadline=None)
@given(worlds(), st.sampled_from([0.3, 0.9]))
def test_articles_are_the_sources_of_pairs_of_collections(
    observations: list[Observation], fdr: float
) -> None:
    incidence = Incidence.from_observations(observations)
    pairs = find_overlaps(incidence, "collections")
    sources = find_sources(incidence, find_duplicates(incidence.references), "collections")
    measured = measure_pairs(sources, pairs, fdr=fdr, max_checks=NEVER_TOO_MANY)
    listed: dict[str, set[str]] = {}
    for each in observations:
        if each.related_from:
            listed.setdefault(each.related_from.key, set()).add(each.reference.key)
    for pair, found in zip(pairs, measured, strict=True):
        shared = listed[pair.source.key] & listed[pair.target.key]
        assert found.sources == len(shared)
        if pair.q_value > fdr:
            assert found.breaking_point is None
            continue
        sizes = [
            size
            for size in range(1, len(shared) + 1)
            for removed in combinations(shared, size)
            if not _is_significant(pair, observations, set(removed), fdr)
        ]
        assert found == Strength(len(shared), min(sizes))


def _is_significant(
    pair: Overlap, observations: list[Observation], removed: set[str], fdr: float
) -> bool:
    rest = [each for each in observations if each.reference.key not in removed]
    again = find_overlaps(Incidence.from_observations(rest), "collections").significant(fdr)
    return any((one.source, one.target) == (pair.source, pair.target) for one in again)
