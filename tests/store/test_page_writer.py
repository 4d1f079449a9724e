"""Storing pages: the caches of a writer do not change the file, and bodies are compressed."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.parser import parse_page
from graphbuild.errors import StoreError
from graphbuild.models import Entity
from graphbuild.seeds import parse_seeds
from graphbuild.store import FetchedPage, Store, page_writer

if TYPE_CHECKING:
    from pathlib import Path


SUBJECTS = [f"{number:064x}" for number in range(1, 4)]
TABLES = (
    "SELECT type, api_id, attributes FROM entity ORDER BY type, api_id",
    """
    SELECT subjects.api_id, reference.api_id, collection.api_id, first_page, last_page, provenance
    FROM observation JOIN task ON task.id = task JOIN entity AS subjects ON subjects.id = subject
    JOIN entity AS reference ON reference.id = observation.reference
    LEFT JOIN entity AS collection ON collection.id = related_from ORDER BY 1, 2, 3
    """,
    """
    SELECT state, page_count, cursor, expected_count, received_count, new_entity_count, detail
    FROM task ORDER BY id
    """,
)


def page(rng: random.Random) -> bytes:
    """Return a random page of few references, which repeat with contradicting attributes."""
    data = [
        {
            "type": "reference",
            "id": f"{rng.randrange(12):064x}",
            "attributes": {
                "title": rng.choice(["A", "B", "é"]),
                "score": rng.choice([0, 1, True, 1.0]),
            },
            "context_attributes": {
                "related_from": [
                    {
                        "type": "collection",
                        "id": f"c{rng.randrange(3)}",
                        "attributes": {"name": rng.choice("xy")},
                    }
                    for _ in range(rng.randrange(3))
                ]
            },
        }
        for _ in range(rng.randrange(5))
    ]
    meta: dict[str, object] = {"count": rng.choice([12, 12, 12, 13])}
    if rng.random() < 0.8:
        meta["cursor"] = f"cursor{rng.randrange(40)}"
    return json.dumps({"meta": meta, "data": data}).encode()


def store_pages(path: Path, seed: int, *, reopen: bool, repeat: bool = False) -> list[object]:
    """Return the results of storing some pages, and the contents of the file.

    Args:
        path: the campaign file.
        seed: seed of the random pages.
        reopen: reopen the file for every page, so that no cache survives.
        repeat: half of the pages repeat an earlier page, as for files of one family.
    """
    rng = random.Random(seed)
    saved: list[object] = []
    bodies: list[bytes] = []
    store = Store.open(path)
    store.add_seeds(parse_seeds(SUBJECTS))
    for _ in range(25):
        if reopen:
            store.close()
            store = Store.open(path)
        task = store.tasks.next_task()
        if task is None:
            store.tasks.refresh(2.0)  # another pass through every list
            continue
        body = rng.choice(bodies) if repeat and bodies and rng.random() < 0.5 else page(rng)
        bodies.append(body)
        fetched = FetchedPage(body, parse_page(body, task.subject), 1.0, task.cursor)
        saved.append(store.page_writer.save_page(task, fetched))
    store.close()
    return [*saved, *contents(path)]


def contents(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute(query).fetchall() for query in TABLES]


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_reopening_the_file_for_every_page_changes_nothing(
    tmp_path: Path, seed: int, *, repeat: bool
) -> None:
    one = store_pages(tmp_path / "one.db", seed, reopen=False, repeat=repeat)
    assert one == store_pages(tmp_path / "other.db", seed, reopen=True, repeat=repeat)


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_on_known_pages_changes_nothing(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbounded = store_pages(tmp_path / "one.db", seed, reopen=False, repeat=True)
    monkeypatch.setattr(page_writer, "_MAX_KNOWN_PAGES", 1)
    assert unbounded == store_pages(tmp_path / "other.db", seed, reopen=False, repeat=True)


def test_facts_of_equal_pages_are_stored_once(tmp_path: Path) -> None:
    ids = [f"{number:064x}" for number in range(40)]
    body = json.dumps({"data": [{"type": "reference", "id": each} for each in ids]}).encode()
    with Store.open(tmp_path / "a.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        while (task := store.tasks.next_task()) is not None:
            fetched = FetchedPage(body, parse_page(body, task.subject), 1.0, None)
            store.page_writer.save_page(task, fetched)
        observations = [(each.subject.id, each.reference.id) for each in store.observations()]
        facts = store._db.integer("SELECT count(*) FROM fact")
    assert facts == 40
    assert observations == [(subject, each) for subject in SUBJECTS for each in ids]


def fail_to_save(store: Store, fetched: FetchedPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store a page in a transaction that fails in its last step."""
    task = store.tasks.next_task()
    assert task is not None
    with monkeypatch.context() as patch:
        patch.setattr(store.page_writer, "_unite_aliases", lambda *_: store._db.execute("nonsense"))
        with pytest.raises(StoreError):
            store.page_writer.save_page(task, fetched)


def test_a_rolled_back_page_is_not_the_original_of_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"data": [{"type": "reference", "id": "1" * 64}]}).encode()
    with Store.open(tmp_path / "a.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        fetched = FetchedPage(body, parse_page(body, Entity("file", SUBJECTS[0])), 1.0, None)
        fail_to_save(store, fetched, monkeypatch)
        other = store.tasks.next_task([1])
        assert other is not None
        store.page_writer.save_page(other, fetched)
        assert [each.reference.id for each in store.observations()] == ["1" * 64]


def test_storing_a_page_after_a_rollback_is_like_the_first_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = page(random.Random(3))
    with Store.open(tmp_path / "a.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        task = store.tasks.next_task()
        assert task is not None
        fetched = FetchedPage(body, parse_page(body, task.subject), 1.0, task.cursor)
        fail_to_save(store, fetched, monkeypatch)
        first = store.page_writer.save_page(task, fetched)
    with Store.open(tmp_path / "b.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        assert store.page_writer.save_page(task, fetched) == first
    assert contents(tmp_path / "a.db") == contents(tmp_path / "b.db")


def test_a_body_is_stored_as_the_api_compressed_it_if_that_is_small(tmp_path: Path) -> None:
    raw = json.dumps({"data": [], "meta": {"text": "x" * 10_000}}).encode()
    small, large = (gzip.compress(raw, level) for level in (1, 0))
    with Store.open(tmp_path / "a.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        for compressed in (small, large, b""):
            task = store.tasks.next_task()
            assert task is not None
            fetched = FetchedPage(raw, parse_page(raw, task.subject), 1.0, None, compressed)
            store.page_writer.save_page(task, fetched)
        pages = list(store.compressed_pages())
    stored = [page.compressed for page in pages]
    assert [page.decompress() for page in pages] == [raw] * 3
    assert stored[0] == small
    assert stored[1:] == [zlib.compress(raw)] * 2


def test_calls_are_counted_by_time_if_they_were_sent(tmp_path: Path) -> None:
    subject, relationship = Entity("file", SUBJECTS[0]), "related_references"
    with Store.open(tmp_path / "a.db") as store, Store.read(tmp_path / "a.db") as other:
        moments = (0.0, 150.0, 250.0, 300.0)
        for now in (100.0, 200.0, 300.0):
            assert [store.calls.count(each) for each in moments] == [
                other.calls.count(e) for e in moments
            ]
            call = store.calls.begin(subject, relationship, now)
            store.calls.end(call, status=0, error="", sent=now != 200.0)
            store.api_info.save_quota_reset(0.0)  # commits the result of the call too
        assert [store.calls.count(each) for each in moments] == [2, 1, 1, 1]
        assert [other.calls.count(each) for each in moments] == [2, 1, 1, 1]
