"""Damage in a campaign file is found by the integrity check and reported by readers."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest

from graphbuild.errors import StoreError
from graphbuild.models import Entity
from graphbuild.seeds import Seed, parse_seeds
from graphbuild.store import Damage, Store, find_damage
from tests.store.helpers import R1, R2, A, B, body, commit, sound

if TYPE_CHECKING:
    from pathlib import Path


def change(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


def damage_in(path: Path) -> list:
    with Store.read(path) as store:
        return list(find_damage(store))


def test_intact_file_has_no_damage(path: Path) -> None:
    sound(path)
    assert damage_in(path) == []


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bit_in_a_page_is_found_with_its_subject(path: Path, seed: int) -> None:
    sound(path)
    chance = random.Random(seed)
    number = chance.choice([1, 2])
    with sqlite3.connect(path) as connection:
        (packed,) = connection.execute("SELECT body FROM page WHERE id = ?", (number,)).fetchone()
    connection.close()
    flipped = bytearray(packed)
    bit = chance.randrange(len(flipped) * 8)
    flipped[bit // 8] ^= 1 << bit % 8
    change(path, "UPDATE page SET body = ? WHERE id = ?", bytes(flipped), number)
    first, *_ = damage_in(path)
    assert first.subject is not None
    assert first.subject.id == (A, B)[number - 1]


def test_forged_digest_is_found(path: Path) -> None:
    sound(path)
    change(path, "UPDATE page SET sha256 = ? WHERE id = 1", b"0" * 32)
    assert "does not match its stored checksum" in damage_in(path)[0].problem


def test_reference_to_a_missing_row_is_found(path: Path) -> None:
    sound(path)
    change(
        path, "INSERT INTO seed (entity, source, line, attributes) VALUES (999, 'nowhere', 1, '{}')"
    )
    assert "a row of the table seed refers to a missing row of entity" in {
        each.problem for each in damage_in(path)
    }


def test_page_that_cannot_be_decompressed_is_found(path: Path) -> None:
    sound(path)
    change(path, "UPDATE page SET body = x'00' WHERE id = 2")
    assert Damage(Entity("file", B), "page 1 cannot be decompressed") in damage_in(path)


def test_exchanged_page_with_matching_digests_is_found(path: Path) -> None:
    sound(path)
    raw = b'{"data": {}}'
    packed, digest = zlib.compress(raw), hashlib.sha256(raw).digest()
    statement = "UPDATE page SET body = ?, crc32 = ?, sha256 = ? WHERE id = 1"
    change(path, statement, packed, zlib.crc32(packed), digest)
    (only,) = damage_in(path)
    assert only.subject == Entity("file", A)
    assert only.problem.startswith("page 1: data: expected")


def test_broken_structure_is_found(path: Path) -> None:
    sound(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'task_order'"
        ((root,), (size,)) = (
            connection.execute(each).fetchone() for each in (query, "PRAGMA page_size")
        )
    connection.close()
    with path.open("r+b") as stream:
        stream.seek((root - 1) * size + 3)  # the number of entries of the index page
        stream.write(b"\0\0")
    problems = damage_in(path)
    assert {each.subject for each in problems} == {None}
    assert any("task_order" in each.problem for each in problems)


# Statements that change the file of `sound`, the subjects that are named, and the problem.
# Entities: 1 and 2 are the files A and B, 3 is R1, 4 the collection, 5 R2 and 6 R3.
CHANGES = [
    ("UPDATE task SET state = 'done' WHERE id = 1", {A}, "the state 'done' is unknown"),
    ("UPDATE task SET state = ''", {A, B}, "the state '' is unknown"),
    ("UPDATE task SET relationship = 'x' WHERE id = 1", {A}, "the relationship 'x' is unknown"),
    ("UPDATE task SET page_count = 2 WHERE id = 1", {A}, "2 pages are counted"),
    ("UPDATE task SET page_count = 0", {A, B}, "0 pages are counted"),
    ("UPDATE page SET number = 5 WHERE id = 2", {B}, "1 pages are counted"),
    ("DELETE FROM page WHERE id = 2", {B}, "1 pages are counted"),
    ("DELETE FROM page WHERE id = 2", {B}, "its last page is not stored"),
    ("UPDATE page SET task = 1, number = 2 WHERE id = 2", {A, B}, "1 pages are counted"),
    ("UPDATE task SET cursor = 'x' WHERE id = 1", {A}, "the cursor of the next page"),
    ("UPDATE task SET expected_count = 3 WHERE id = 1", {A}, "the expected count 3 is not"),
    ("UPDATE task SET received_count = 1 WHERE id = 1", {A}, "1 references are counted"),
    ("UPDATE task SET received_count = 3 WHERE id = 2", {B}, "complete with 3 of 2 entries"),
    ("UPDATE page SET next_cursor = 'x' WHERE id = 1", {A}, "its last page is not stored"),
    ("UPDATE page SET next_cursor = 'x' WHERE id = 1", {A}, "page 1 has a cursor or count"),
    ("UPDATE page SET expected_count = 7 WHERE id = 1", {A}, "page 1 has a cursor or count"),
    ("UPDATE page SET item_count = 7 WHERE id = 1", {A}, "page 1 has a cursor or count"),
    ("UPDATE task SET inferred_count = 1 WHERE id = 1", {A}, "1 inferred references are counted"),
    ("INSERT INTO inference VALUES (1, 6, 4, 2, 2, 1)", {A}, "has an invalid provenance"),
    ("INSERT INTO inference VALUES (1, 6, 4, 1, 1, 9)", {A}, "has an invalid provenance"),
    ("INSERT INTO inference VALUES (1, 6, 99, 1, 1, 1)", {A}, "has an invalid provenance"),
    (
        "INSERT INTO inference VALUES (1, 99, 4, 1, 1, 1)",
        set(),
        "refers to a missing row of entity",
    ),
    ("UPDATE page SET duplicate_of = 2 WHERE id = 1", {A}, "is stored as a duplicate, but"),
    ("UPDATE page SET duplicate_of = 1 WHERE id = 2", {B}, "is stored as a duplicate, but"),
    ("UPDATE page SET duplicate_of = 1 WHERE id = 2", {B}, "page 1: observation on the page"),
    ("UPDATE entity SET same_as = 99 WHERE id = 5", {R2}, "the canonical entity of this alias"),
    ("UPDATE entity SET same_as = 5 WHERE id = 5", {R2}, "the canonical entity of this alias"),
    ("UPDATE entity SET same_as = 4 WHERE id = 5", {R2}, "the canonical entity of this alias"),
    ("DELETE FROM task WHERE id = 2", {B}, "no list of references is recorded for the seed"),
    ("DELETE FROM task WHERE id = 2", set(), "page refers to a missing row of task"),
    ("DELETE FROM fact WHERE page = 1 AND reference = 3", {A}, "page 1: observation on the page"),
    ("INSERT INTO fact VALUES (1, 6, 4)", {A}, "page 1: stored observation that is not"),
    ("INSERT INTO fact VALUES (9, 6, 4)", set(), "fact refers to a missing row of page"),
    ("INSERT INTO call VALUES (1, 99, 'files', 1, 1, 200, '')", set(), "call refers to a missing"),
    ("INSERT INTO call VALUES (1, 1, 'files', 1, 2, 200, '')", {A}, "call 1 has invalid"),
    ("INSERT INTO call VALUES (1, 1, 'files', 1, 1, -1, '')", {A}, "call 1 has invalid"),
    ("INSERT INTO call VALUES (1, 1, 'x', 1, 1, 200, '')", {A}, "call 1 has invalid"),
    ("INSERT INTO metadata VALUES ('api_flavor', 'x')", set(), "the API flavor 'x' is unknown"),
    ("INSERT INTO watch VALUES (0, 2, 1, NULL, NULL)", set(), "the period that watch has compared"),
    ("INSERT INTO watch VALUES (1, 1, 2, NULL, NULL)", set(), "the period that watch has compared"),
    *(
        (f"INSERT INTO watch_event VALUES (1, 'e', 'i', {values})", set(), "the event 'e' of watch")
        for values in ("1, 2, '{', 0", "1, 2, '[]', 0", '2, 1, \'{"id":"e"}\', 0')
    ),
    (
        """INSERT INTO watch_event VALUES (1, 'e', 'i', 1, 2, '{"id":"e"}', 2)""",
        set(),
        "the event 'e' of watch",
    ),
]


@pytest.mark.parametrize(("statement", "subjects", "problem"), CHANGES)
def test_a_changed_row_is_found(
    path: Path, statement: str, subjects: set[str], problem: str
) -> None:
    sound(path)
    change(path, statement)
    named = {
        each.subject.id if each.subject else ""
        for each in damage_in(path)
        if problem in each.problem
    }
    assert named == (subjects or {""})


@pytest.mark.parametrize("seed", range(60))
def test_a_random_number_in_a_checked_column_is_found(path: Path, seed: int) -> None:
    sound(path)
    chance = random.Random(seed)
    table, columns = chance.choice(
        [
            ("task", ["page_count", "expected_count", "received_count", "subject"]),
            ("page", ["task", "number", "expected_count", "item_count", "crc32"]),
        ]
    )
    column, row, value = chance.choice(columns), chance.choice([1, 2]), chance.randrange(3, 2**40)
    change(path, f"UPDATE {table} SET {column} = ? WHERE id = ?", value, row)
    assert damage_in(path)


def test_a_list_with_a_page_to_request_is_intact(store: Store, path: Path) -> None:
    commit(store, body(R1, count=2, cursor="next"))
    assert damage_in(path) == []
    change(path, "UPDATE task SET state = 'complete' WHERE id = 1")
    assert damage_in(path) == [
        Damage(Entity("file", A), "the list is complete, but its last page is not stored"),
        Damage(Entity("file", A), "the list is complete with 1 of 2 entries"),
    ]


def test_progress_is_reported_for_each_page(path: Path) -> None:
    sound(path)
    seen: list[tuple[int, int]] = []
    with Store.read(path) as store:
        assert list(find_damage(store, lambda *numbers: seen.append(numbers))) == []
    assert seen == [(1, 2), (2, 2)]


def test_memory_does_not_grow_with_the_number_of_pages(path: Path) -> None:
    """Compressed, the pages take 2.4 MB. Their 2,400 observations would take 2 MB."""
    chance, files = random.Random(1), [f"{number:064x}" for number in range(1, 61)]
    page = json.loads(body(*(f"{number:064x}" for number in range(40))))
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(files))
        for _ in files:
            commit(store, json.dumps({**page, "noise": chance.randbytes(40_000).hex()}).encode())
    with Store.read(path) as store:
        tracemalloc.start()
        try:
            assert list(find_damage(store)) == []
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 1 << 20


def test_observation_without_a_page_is_found(path: Path) -> None:
    sound(path)
    change(path, "UPDATE fact SET related_from = 0 WHERE reference = 3")
    problems = " ".join(each.problem for each in damage_in(path))
    assert "stored observation that is not on the page" in problems
    assert "observation on the page that is not stored" in problems


@pytest.mark.parametrize("column", ["reference", "related_from"])
def test_fact_with_a_missing_entity_is_reported(path: Path, column: str) -> None:
    sound(path)
    change(path, f"UPDATE OR REPLACE fact SET {column} = 99")
    with Store.read(path) as store, pytest.raises(StoreError, match="entity 99, which is missing"):
        list(store.observations())
    assert any("entity 99" in each.problem for each in damage_in(path))


def test_task_with_a_missing_entity_is_reported(path: Path) -> None:
    sound(path)
    change(path, "UPDATE task SET subject = 99 WHERE id = 1")
    assert any("entity 99" in each.problem for each in damage_in(path))


NESTED = [f'{{"title": {"[" * depth}{"]" * depth}}}' for depth in (1, 60, 900, 100_000)]
NESTED += ['{"a": ' * depth + "1" + "}" * depth for depth in (2, 900, 100_000)]


@pytest.mark.parametrize(
    "attributes", ["x", "[]", "5", "", '{"title": null}', *NESTED], ids=lambda text: text[:20]
)
def test_damaged_attributes_are_reported(path: Path, attributes: str) -> None:
    sound(path)
    change(path, "UPDATE entity SET attributes = ?", attributes)
    with Store.read(path) as store:
        with pytest.raises(StoreError, match="are damaged"):
            list(store.observations())
        with pytest.raises(StoreError, match="are damaged"):
            list(store.subjects())
    (only,) = damage_in(path)
    assert (only.subject, "are damaged" in only.problem) == (None, True)


def test_damaged_seed_attributes_are_reported(path: Path) -> None:
    sound(path)
    change(path, "UPDATE seed SET attributes = 'x'")
    message = rf"{path}: the attributes of {A} are damaged"
    with Store.open(path) as store:
        with pytest.raises(StoreError, match=message):
            list(store.subjects())
        with pytest.raises(StoreError, match=message):
            store.add_seeds([Seed(Entity("file", A), "list", 1, {"family": "Emotet"})])


def test_damaged_attributes_are_never_overwritten(path: Path) -> None:
    sound(path)
    change(path, "UPDATE entity SET attributes = '[]' WHERE api_id = ?", R2)
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(["c" * 64]))
        with pytest.raises(StoreError, match=rf"{path}: the attributes of {R2} are damaged"):
            commit(store, body(R2))
        assert store.totals().pages == 2
        with pytest.raises(StoreError, match=rf"{path}: the attributes of {R2} are damaged"):
            list(store.observations())
