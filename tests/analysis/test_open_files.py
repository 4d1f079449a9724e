"""The order in which ``crawl --decide`` reads the unread pages of files."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.analysis import Incidence, choose_open_files
from graphbuild.analysis.open_files import compute_holds
from graphbuild.models import Entity, Observation


def observe(members: dict[str, str]) -> list[Observation]:
    """Return one observation for each file and collection; the key is the name of a file."""
    return [
        Observation(Entity("file", file), Entity("reference", name), Entity("collection", name))
        for file, names in members.items()
        for name in names
    ]


@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.tuples(st.sets(st.sampled_from("UVWXYZ"), min_size=1), st.integers(1, 3)),
        min_size=1,
    )
)
def test_the_hold_is_the_greatest_of_the_collections(
    files: dict[str, tuple[set[str], int]],
) -> None:
    incidence = Incidence.from_observations(
        observe({file: "".join(sorted(names)) for file, (names, _) in files.items()})
    )
    labels = np.array([files[file.id][1] for file in incidence.files])
    expected = []
    for file in incidence.files:
        names, cluster = files[file.id]
        holds = [0.0]
        for name in names:
            having = [other for other, (others, _) in files.items() if name in others]
            inside = sum(files[other][1] == cluster for other in having) - 1
            holds.append(inside / len(having) * (1 - len(having) / len(files)))
        expected.append(max(holds))
    assert compute_holds(incidence, labels).tolist() == pytest.approx(expected)


def test_files_that_only_a_common_collection_contains_come_first() -> None:
    """Two families, a round-up R with all files, and a file of which only R is known."""
    members = {f"a{number}": "AR" for number in range(4)}
    members |= {f"b{number}": "BR" for number in range(4)}
    members |= {"x": "R"}
    files = [Entity("file", name) for name in members]
    assert choose_open_files(observe(members), files)[0] == Entity("file", "x")


@given(st.integers(0, 40))
def test_an_eighth_of_the_files_is_returned_and_unknown_files_come_first(count: int) -> None:
    unknown = [Entity("file", f"{number}") for number in range(count)]
    known = [Entity("file", name) for name in "abcd"]
    chosen = choose_open_files(observe(dict.fromkeys("abcd", "A") | {"e": "B"}), known + unknown)
    expected = math.ceil((4 + count) / 8)
    assert len(chosen) == expected
    assert chosen[: min(count, expected)] == unknown[:expected]


def test_a_campaign_without_observations_has_no_holds() -> None:
    files = [Entity("file", "a")]
    assert choose_open_files([], files) == files
    assert choose_open_files([], []) == []
