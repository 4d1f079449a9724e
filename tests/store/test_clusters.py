"""Stored clusters: they are read only for the state of the campaign in which they were saved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from graphbuild.analysis import campaign_clusters
from graphbuild.analysis.campaign_clusters import read_clusters, save_clusters
from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.method_version import method_version
from graphbuild.errors import MissingLibraryError
from graphbuild.models import ClusterTable
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.store.helpers import R1, R2, R3, A, B, body, commit

if TYPE_CHECKING:
    from pathlib import Path

TABLE = ClusterTable({f"file:{A}": 2, f"file:{B}": 1}, ("Ä name", "<b>"), (1.0, 0.25), 1.5, 0.125)
DETAILED = replace(
    TABLE,
    subclusters={f"file:{A}": 3},
    doubtful={f"file:{B}": 2},
    strengths=((4, 2, False), (0, None, True)),
)
METHOD = "method 1"


@pytest.fixture
def full(store: Store) -> Store:
    """Return a campaign with two lists, and clusters."""
    commit(store, body(R1, R2))
    commit(store, body(R2, R3))
    store.clusters.save(TABLE, METHOD)
    return store


def test_saved_clusters_are_loaded(full: Store, path: Path) -> None:
    assert full.clusters.load(METHOD) == TABLE
    with Store.read(path) as reader:
        assert reader.clusters.load(METHOD) == TABLE
        assert list(find_damage(reader)) == []


def test_subclusters_doubts_and_strengths_are_loaded(full: Store) -> None:
    full.clusters.save(DETAILED, METHOD)
    assert full.clusters.load(METHOD) == DETAILED
    full.clusters.save(TABLE, METHOD)
    assert full.clusters.load(METHOD) == TABLE


def test_clusters_of_another_method_or_version_are_not_loaded(full: Store) -> None:
    assert full.clusters.load("method 2") is None


def test_saving_again_replaces_the_clusters(full: Store) -> None:
    other = ClusterTable({f"file:{A}": 1}, ("x",), (0.5,), 1.0, 0.0)
    full.clusters.save(other, "method 2")
    assert full.clusters.load("method 2") == other
    assert full.clusters.load(METHOD) is None


@pytest.mark.parametrize("table", ["entity", "task", "page", "fact", "inference"])
def test_every_change_of_a_stored_fact_invalidates_the_clusters(full: Store, table: str) -> None:
    if table == "inference":
        full.inferences.save(1, {3: [4]})
        full.clusters.save(TABLE, METHOD)
    (column, *_) = (row[1] for row in full._db.rows(f"PRAGMA table_info({table})"))
    with full.transaction():
        full._db.execute(f"UPDATE {table} SET {column} = {column}")
    assert full.clusters.load(METHOD) is None
    full.clusters.save(TABLE, METHOD)
    with full.transaction():
        full._db.execute(f"DELETE FROM {table}")
        assert full.clusters.load(METHOD) is None


def test_new_pages_subjects_and_inferences_invalidate_the_clusters(full: Store) -> None:
    changes = (
        lambda: full.add_seeds(parse_seeds(["c" * 64])),
        lambda: commit(full, body(R1)),
        lambda: full.inferences.save(1, {3: [4]}),
        lambda: full.tasks.refresh(10.0),
    )
    for change in changes:
        full.clusters.save(TABLE, METHOD)
        change()
        assert full.clusters.load(METHOD) is None


def test_the_call_log_does_not_matter(full: Store) -> None:
    with full.transaction():
        full._db.insert("metadata", name="x", value="y")
    assert full.clusters.load(METHOD) == TABLE


def test_an_entity_without_a_list_does_not_matter(full: Store) -> None:
    """The call of ``plan --probe`` stores its file, which no graph contains."""
    with full.transaction():
        full._db.insert("entity", type="file", api_id="d" * 64, attributes="{}")
    assert full.clusters.load(METHOD) == TABLE


def test_changes_that_are_rolled_back_do_not_invalidate_the_clusters(full: Store) -> None:
    def fail() -> None:
        with full.transaction():
            full._db.execute("UPDATE task SET detail = 'x'")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert full.clusters.load(METHOD) == TABLE


def test_a_backup_contains_the_clusters(full: Store, tmp_path: Path) -> None:
    full.back_up(tmp_path / "copy.db")
    with Store.read(tmp_path / "copy.db") as copy:
        assert copy.clusters.load(METHOD) == TABLE


def test_clusters_are_found_in_memory_if_none_are_stored(store: Store, path: Path) -> None:
    commit(store, body(R1, R2))
    commit(store, body(R2, R3))
    with Store.read(path) as reader:
        found = read_clusters(reader)
        before = path.read_bytes()
    assert replace(found, strengths=()) == find_clusters(store).to_table()
    assert found.strengths == ((1, 1, True),)  # without R2, the files share nothing
    assert found.numbers == {f"file:{A}": 1, f"file:{B}": 1}
    assert path.read_bytes() == before
    save_clusters(store)
    with Store.read(path) as reader:
        assert read_clusters(reader) == found


def test_stored_clusters_have_the_same_details_as_found_ones(store: Store) -> None:
    commit(store, body(R1, R2))
    commit(store, body(R2, R3))
    found = find_clusters(store)
    save_clusters(store)
    stored = find_clusters(store)
    assert stored.clusters == found.clusters
    assert [*stored.strengths] == [each.number for each in stored]
    assert stored.to_table() == read_clusters(store)


def test_without_the_extra_the_strength_is_not_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise MissingLibraryError("tldextract is missing")

    commit(store, body(R1, R2))
    monkeypatch.setattr(campaign_clusters, "find_duplicates", fail)
    save_clusters(store)
    assert read_clusters(store).strengths == ()


def test_stored_clusters_are_used_in_place_of_new_ones(store: Store) -> None:
    """The stored clusters differ from those that would be found."""
    commit(store, body(R1, R2))
    commit(store, body(R2, R3))
    save_clusters(store)
    found = read_clusters(store)
    stored = ClusterTable(TABLE.numbers, ("B", "A"), (1.0, 1.0), 1.0, 0.0)
    store.clusters.save(stored, method_version())
    assert read_clusters(store) == stored != found
    assert find_clusters(store).labels.tolist() == [2, 1]
    assert find_clusters(store, seed=1).labels.tolist() == [1, 1]
