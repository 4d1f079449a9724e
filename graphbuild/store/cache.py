"""What the one writer of a campaign file remembers of it, so that a page needs few questions to it.

All of it could be asked of the file, and is where it is not known; after a transaction that was
rolled back it is forgotten.
"""

from __future__ import annotations

import json
from contextlib import suppress
from operator import is_
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.errors import StoreError
from graphbuild.store.status import History

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from graphbuild.models import Entity, Entry, Scalar
    from graphbuild.store.records import Fetched

    Name = tuple[str, str]  # type and id: what an entity is

_MOST = 20_000  # entities remembered: some twenty megabytes
_MOST_READ = 200_000  # entries of lists under way: about as much
_MOST_LISTS = 250  # of which each has some forty entries, which their client remembers as well
encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True).encode


class _Known(NamedTuple):
    """An entity's number, and the attributes it was last stated with; they are in the file."""

    number: int
    stated: Mapping[str, Scalar] | None


class Numbers:
    """The numbers of entities in the file; who is not there yet is added.

    Attributes:
        added: how many were.
        learnt: how often more was learnt of one that was there.
    """

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path
        self._known: dict[Name, _Known] = {}
        self.added = 0
        self.learnt = 0

    def forget(self) -> None:
        """What is remembered may not be in the file."""
        self._known.clear()

    def of(self, entity: Entity) -> int:
        """The number of one; what is newly known of it is added, nothing is erased."""
        known = self._known.get((entity.type, entity.id))
        if known is None:
            known = self._meet(entity)
        if entity.attributes and not _same(known.stated, entity.attributes):
            self._learn(known.number, entity)
        return known.number

    def of_all(self, entities: Collection[Entity]) -> list[int]:
        """The numbers of many, in their order; the same as :meth:`of` for each, in less time."""
        if len(self._known) > _MOST:
            self._known.clear()
        self._meet_all(entities)
        known = self._known
        found = []
        for entity in entities:
            number, stated = known.get((entity.type, entity.id)) or self._meet(entity)
            found.append(number)
            if entity.attributes and not _same(stated, entity.attributes):
                self._learn(number, entity)
        return found

    def _meet(self, entity: Entity) -> _Known:
        row = self._db.execute(
            "SELECT id FROM entity WHERE type = ? AND name = ?", (entity.type, entity.id)
        ).fetchone()
        if row is not None:
            return self._remember(entity, row[0], None)
        cursor = self._db.execute(
            "INSERT INTO entity (type, name, attributes) VALUES (?, ?, ?)",
            (entity.type, entity.id, encode(dict(entity.attributes))),
        )
        self.added += 1
        return self._remember(entity, int(cursor.lastrowid or 0), entity.attributes)

    def _remember(self, entity: Entity, number: int, stated: Mapping[str, Scalar] | None) -> _Known:
        if len(self._known) > _MOST:
            self._known.clear()
        known = self._known[entity.type, entity.id] = _Known(number, stated)
        return known

    def _meet_all(self, entities: Iterable[Entity]) -> None:
        """Remember all of them: those in the file by one look into it a type, the others added."""
        strange: dict[Name, Entity] = {}
        for entity in entities:
            name = entity.type, entity.id
            if name not in self._known:
                strange.setdefault(name, entity)
        if strange:
            self._look_up(strange)
            self._add([each for name, each in strange.items() if name not in self._known])

    def _look_up(self, strange: Iterable[Name]) -> None:
        by_type: dict[str, list[str]] = {}
        for kind, name in strange:
            by_type.setdefault(kind, []).append(name)
        for kind, names in by_type.items():
            rows = self._db.execute(
                "SELECT entity.name, entity.id FROM json_each(?) AS wanted"
                " CROSS JOIN entity ON entity.type = ? AND entity.name = wanted.value",
                (json.dumps(names), kind),
            )
            for name, number in rows:
                self._known[kind, name] = _Known(number, None)

    def _add(self, entities: Sequence[Entity]) -> None:
        (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM entity").fetchone()
        rows = [
            (number, each.type, each.id, encode(dict(each.attributes)))
            for number, each in enumerate(entities, last + 1)
        ]
        self._db.executemany(
            "INSERT INTO entity (id, type, name, attributes) VALUES (?, ?, ?, ?)", rows
        )
        self.added += len(rows)
        for number, each in enumerate(entities, last + 1):
            self._known[each.type, each.id] = _Known(number, each.attributes)

    def _learn(self, number: int, entity: Entity) -> None:
        self.learnt += 1
        query = "SELECT attributes FROM entity WHERE id = ?"
        (known,) = self._db.execute(query, (number,)).fetchone()
        merged = encode({**attributes_of(known, entity.id, self._path), **entity.attributes})
        if merged != known:
            self._db.execute("UPDATE entity SET attributes = ? WHERE id = ?", (merged, number))
        self._remember(entity, number, entity.attributes)


def _same(one: Mapping[str, Scalar] | None, other: Mapping[str, Scalar]) -> bool:
    """Whether two statements are the same also where Python finds 1, 1.0 and True equal."""
    if one is other:
        return True
    if one is None or one != other:
        return False
    return all(map(is_, map(type, one.values()), map(type, other.values())))


def attributes_of(text: str, name: str, path: Path) -> dict[str, Scalar]:
    """The attributes in a row of an entity.

    Raises:
        StoreError: they are damaged.
    """
    with suppress(ValueError, TypeError):
        known = json.loads(text)
        if isinstance(known, dict):
            return known
    raise StoreError(f"{path}: what is known of {name} is damaged; see graphbuild check")


class Known(NamedTuple):
    """A list that is in the file.

    Attributes:
        entries: the list.
        page: the first that said it.
        references: the numbers of what is listed, as often as it is.
        learnt: how often more had been learnt of entities by then.
    """

    entries: tuple[Entry, ...]
    page: int
    references: list[int]
    learnt: int


class Lists:
    """What the pages of this run said, so that what they say alike is in the file but once."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._known: dict[int, Known] = {}  # by who they are: the same object, not an equal one

    def forget(self) -> None:
        """What is remembered may not be in the file."""
        self._known.clear()

    def find(self, entries: tuple[Entry, ...]) -> Known | None:
        """The list as it was kept; None if since then more was learnt, so that it has news."""
        known = self._known.get(id(entries))
        return known if known and known.learnt == self._numbers.learnt else None

    def keep(self, entries: tuple[Entry, ...], page: int, references: list[int]) -> None:
        """Remember a list that has just been stored."""
        if len(self._known) >= _MOST_LISTS:
            self._known.clear()
        self._known[id(entries)] = Known(entries, page, references, self._numbers.learnt)


class Passes:
    """The present pass through each list that is being read."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._present: dict[int, Pass] = {}
        self._read = 0  # entries, of all of them

    def forget(self) -> None:
        """What is remembered may not be in the file."""
        self._present.clear()
        self._read = 0

    def of(self, task: int, fetched: Fetched) -> Pass:
        """The pass that a page, not stored yet, goes on with; an earlier one proves nothing new."""
        if self._read > _MOST_READ:
            self.forget()
        present = Pass() if fetched.cursor is None else self._present.get(task)
        if present is None:
            present = self._load(task)
            self._read += len(present)
        self._present[task] = present
        self._read += fetched.page.item_count
        return present

    def _load(self, task: int) -> Pass:
        begun = "SELECT max(id) FROM page WHERE task = ? AND number > 0 AND cursor IS NULL"
        first = self._db.execute(begun, (task,)).fetchone()[0] or 0
        seen = self._db.execute(
            "SELECT DISTINCT reference FROM page JOIN fact ON fact.page = coalesce(says, page.id)"
            " WHERE task = ? AND page.id >= ?",
            (task, first),
        )
        pages = self._db.execute(
            "SELECT next_cursor, count, items FROM page"
            " WHERE task = ? AND number > 0 AND id >= ? ORDER BY id",
            (task, first),
        )
        return Pass((reference for (reference,) in seen), pages if first else None)


class Pass:
    """One pass through a list, from a page without a cursor on.

    Args:
        seen: the references read in it.
        pages: next cursor, announced number and entries of each of its pages, in their order;
            None where the first is missing, so that nothing can be said of the pass as a whole.
    """

    def __init__(
        self,
        seen: Iterable[int] = (),
        pages: Iterable[tuple[str | None, int | None, int]] | None = (),
    ) -> None:
        self._seen = set(seen)
        self._whole = pages is not None
        self._pages = 0
        self._counts: set[int] = set()
        self._cursors: set[str] = set()
        self._items = 1  # of the newest page
        for cursor, count, items in pages or ():
            self._take(cursor, count, items)

    def __len__(self) -> int:
        return len(self._seen)

    def take(self, fetched: Fetched, references: Iterable[int]) -> History:
        """Add a page; the pass as it stands then."""
        before, empty_before = len(self._seen), self._pages > 0 and self._items == 0
        self._seen.update(references)
        page = fetched.page
        cursors = frozenset(self._cursors)
        if self._whole:
            self._take(page.next_cursor, page.count, page.item_count)
        return History(
            pages=self._pages,
            counts=frozenset(self._counts),
            cursors=cursors,
            next_cursor=page.next_cursor,
            items=page.item_count,
            new=len(self._seen) - before,
            distinct=len(self._seen),
            empty_before=empty_before,
        )

    def _take(self, cursor: str | None, count: int | None, items: int) -> None:
        self._pages += 1
        self._items = items
        if count is not None:
            self._counts.add(count)
        if cursor is not None:
            self._cursors.add(cursor)
