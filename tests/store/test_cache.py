"""What a store remembers changes nothing but the time: one that forgets writes the same file."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.parser import parse_page
from graphbuild.errors import StoreError
from graphbuild.models import Entity
from graphbuild.seeds import parse_seeds
from graphbuild.store import Fetched, Store, cache

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.models import Entry

SUBJECTS = [f"{number:064x}" for number in range(1, 4)]
TABLES = (
    "SELECT type, name, attributes FROM entity ORDER BY type, name",
    """
    SELECT subjects.name, cited.name, behind.name, first_page, last_page, evidence
    FROM observation JOIN task ON task.id = task JOIN entity AS subjects ON subjects.id = subject
    JOIN entity AS cited ON cited.id = reference
    LEFT JOIN entity AS behind ON behind.id = related_from ORDER BY 1, 2, 3
    """,
    "SELECT state, pages, cursor, count, received, gain, remark FROM task ORDER BY id",
)


def page(chance: random.Random) -> bytes:
    """A page of few references, so that they come again, with attributes that contradict."""
    data = [
        {
            "type": "reference",
            "id": f"{chance.randrange(12):064x}",
            "attributes": {
                "title": chance.choice(["A", "B", "é"]),
                "score": chance.choice([0, 1, True, 1.0]),
            },
            "context_attributes": {
                "related_from": [
                    {
                        "type": "collection",
                        "id": f"c{chance.randrange(3)}",
                        "attributes": {"name": chance.choice("xy")},
                    }
                    for _ in range(chance.randrange(3))
                ]
            },
        }
        for _ in range(chance.randrange(5))
    ]
    meta: dict[str, object] = {"count": chance.choice([12, 12, 12, 13])}
    if chance.random() < 0.8:
        meta["cursor"] = f"cursor{chance.randrange(40)}"
    return json.dumps({"meta": meta, "data": data}).encode()


def crawled(path: Path, seed: int, *, forgetful: bool, again: bool = False) -> list[object]:
    """What a file holds after some pages, and what was said of each.

    With ``again``, half of the pages say what an earlier one said, as one family's do: if the store
    remembers, by the same object.
    """
    chance = random.Random(seed)
    said: list[object] = []
    before: list[tuple[bytes, tuple[Entry, ...]]] = []
    store = Store.open(path)
    store.add_seeds(parse_seeds(SUBJECTS))
    for _ in range(25):
        if forgetful:
            store.close()
            store = Store.open(path)
        task = store.next_task()
        if task is None:
            store.refresh(2.0)  # another pass through every list
            continue
        raw = page(chance)
        if again and before and chance.random() < 0.5:
            raw, entries = chance.choice(before)
            known = parse_page(raw, task.subject)
            found = known if forgetful else replace(known, entries=entries)
        else:
            found = parse_page(raw, task.subject)
            before.append((raw, found.entries))
        answer = Fetched(raw, found, 1.0, task.cursor)
        said.append(store.commit(task, answer))
    store.close()
    return [*said, *contents(path)]


def contents(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute(query).fetchall() for query in TABLES]


@pytest.mark.parametrize("seed", range(12))
def test_a_store_that_remembers_writes_what_one_that_forgets_does(
    tmp_path: Path, seed: int
) -> None:
    ours = crawled(tmp_path / "remembers.db", seed, forgetful=False)
    assert ours == crawled(tmp_path / "forgets.db", seed, forgetful=True)


@pytest.mark.parametrize("seed", range(12))
def test_what_was_said_before_is_stored_as_if_it_were_not(tmp_path: Path, seed: int) -> None:
    ours = crawled(tmp_path / "remembers.db", seed, forgetful=False, again=True)
    assert ours == crawled(tmp_path / "forgets.db", seed, forgetful=True, again=True)


def test_what_a_family_is_told_is_in_the_file_once(tmp_path: Path) -> None:
    raw = json.dumps(
        {"data": [{"type": "reference", "id": f"{number:064x}"} for number in range(40)]}
    ).encode()
    facts, held = [], []
    for shared in (True, False):
        with Store.open(tmp_path / f"{shared}.db") as store:
            store.add_seeds(parse_seeds(SUBJECTS))
            entries = parse_page(raw, Entity("file", SUBJECTS[0])).entries
            while (task := store.next_task()) is not None:
                found = parse_page(raw, task.subject)
                found = replace(found, entries=entries) if shared else found
                store.commit(task, Fetched(raw, found, 1.0, None))
            held.append(list(store.observations()))
            facts += store._db.execute("SELECT count(*) FROM fact").fetchone()
    assert facts == [40, 120]
    assert held[0] == held[1]
    assert len(held[0]) == 120


def test_a_list_is_remembered_until_its_page_was_rolled_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = json.dumps({"data": [{"type": "reference", "id": "1" * 64}]}).encode()
    with Store.open(tmp_path / "a.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        first = store.next_task()
        assert first is not None
        answer = Fetched(raw, parse_page(raw, first.subject), 1.0, None)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_learn_names", lambda *_: store._db.execute("nonsense"))
            with pytest.raises(StoreError):
                store.commit(first, answer)
        other = store.next_task([first.id])
        assert other is not None
        store.commit(other, answer)
        assert [each.reference.id for each in store.observations()] == ["1" * 64]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_remembered_is_bounded_and_the_bound_is_not_noticed(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = crawled(tmp_path / "whole.db", seed, forgetful=False, again=True)
    for name, bound in (("_MOST", 2), ("_MOST_READ", 3), ("_MOST_LISTS", 1)):
        monkeypatch.setattr(cache, name, bound)
    assert whole == crawled(tmp_path / "bounded.db", seed, forgetful=False, again=True)


def test_a_page_that_was_rolled_back_leaves_nothing_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = page(random.Random(3))
    with Store.open(tmp_path / "a.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        task = store.next_task()
        assert task is not None
        answer = Fetched(raw, parse_page(raw, task.subject), 1.0, task.cursor)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_learn_names", lambda *_: store._db.execute("nonsense"))
            with pytest.raises(StoreError):
                store.commit(task, answer)
        first = store.commit(task, answer)
    with Store.open(tmp_path / "b.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        assert store.commit(task, answer) == first
    assert contents(tmp_path / "a.db") == contents(tmp_path / "b.db")


def test_a_page_is_kept_as_the_wire_packed_it_if_that_is_well_enough(tmp_path: Path) -> None:
    raw = json.dumps({"data": [], "meta": {"text": "x" * 10_000}}).encode()
    well, badly = (gzip.compress(raw, level) for level in (1, 0))
    with Store.open(tmp_path / "a.db") as store:
        store.add_seeds(parse_seeds(SUBJECTS))
        for wired in (well, badly, b""):
            task = store.next_task()
            assert task is not None
            answer = Fetched(raw, parse_page(raw, task.subject), 1.0, None, wired)
            store.commit(task, answer)
        pages = list(store.packed_pages())
    kept = [page.packed for page in pages]
    assert [page.unpack() for page in pages] == [raw] * 3
    assert kept[0] == well
    assert kept[1:] == [zlib.compress(raw)] * 2


def test_calls_are_counted_once_and_kept_up(tmp_path: Path) -> None:
    subject, asked = Entity("file", SUBJECTS[0]), "related_references"
    with Store.open(tmp_path / "a.db") as store, Store.read(tmp_path / "a.db") as other:
        moments = (0.0, 150.0, 250.0, 300.0)
        for now in (100.0, 200.0, 300.0):
            assert [store.calls(each) for each in moments] == [other.calls(e) for e in moments]
            call = store.begin_call(subject, asked, now)
            store.end_call(call, status=0, note="", sent=now != 200.0)
            store.note_quota(0.0)  # whatever is durable next takes it in
        assert [store.calls(each) for each in moments] == [2, 1, 1, 1]
        assert [other.calls(each) for each in moments] == [2, 1, 1, 1]
