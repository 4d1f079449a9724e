"""Damage in a campaign file is found by the integrity check and reported by readers."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import zlib
from typing import TYPE_CHECKING

import pytest

from graphbuild.errors import StoreError
from graphbuild.models import Entity
from graphbuild.seeds import Seed, parse_seeds
from graphbuild.store import Damage, Store, find_damage
from tests.store.helpers import R2, A, B, body, commit, sound

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
    first, *rest = damage_in(path)
    assert first.subject == Entity("file", A)
    assert first.problem.startswith("page 1: data: expected")
    assert [each.problem.split(":")[0] for each in rest] == [
        "observation without a stored page"
    ] * 2


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


def test_observation_without_a_page_is_found(path: Path) -> None:
    sound(path)
    change(path, "UPDATE fact SET related_from = 0 WHERE reference = 3")
    problems = " ".join(each.problem for each in damage_in(path))
    assert "observation without a stored page" in problems
    assert "missing observation of a stored page" in problems


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


@pytest.mark.parametrize("attributes", ["x", "[]", "5", ""])
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
