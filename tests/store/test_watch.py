"""The period and the events that ``watch`` stores in a campaign file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from graphbuild.store import Store, find_damage
from graphbuild.store.merge import merge
from graphbuild.store.watch import Period

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = [("one", {"kind": "x"}), ("two", {"kind": "y"})]


def ids(store: Store) -> list[str]:
    return [each.id for each in store.watch.undelivered()]


def contents(store: Store) -> list[dict[str, object]]:
    return [json.loads(each.content) for each in store.watch.undelivered()]


def test_a_new_file_has_neither_a_period_nor_events(store: Store) -> None:
    assert store.watch.period() is None
    assert store.watch.undelivered() == []
    store.watch.begin_round(5.0, 1.0)
    assert store.watch.period() is None


def test_events_and_period_are_stored_together(store: Store, path: Path) -> None:
    store.watch.save(Period(1.0, 2.0), EVENTS)
    with Store.read(path) as reader:
        assert reader.watch.period() == (1.0, 2.0)
        assert [each["kind"] for each in contents(reader)] == ["x", "y"]
        assert [each["id"] for each in contents(reader)] == ids(reader)
        assert list(find_damage(reader)) == []


def test_a_failure_stores_neither_events_nor_period(store: Store) -> None:
    def failing():
        yield EVENTS[0]
        raise KeyError

    with pytest.raises(KeyError):
        store.watch.save(Period(1.0, 2.0), failing())
    assert store.watch.period() is None
    assert store.watch.undelivered() == []


def test_the_period_grows_at_both_ends(store: Store) -> None:
    for period in (Period(5.0, 5.0), Period(5.0, 8.0), Period(2.0, 5.0)):
        store.watch.save(period, ())
    assert store.watch.period() == (2.0, 8.0)


def test_delivered_events_are_not_returned_again(store: Store) -> None:
    store.watch.save(Period(1.0, 2.0), EVENTS)
    first, second = store.watch.undelivered()
    store.watch.mark_delivered([first])
    assert store.watch.undelivered() == [second]


def test_a_change_that_occurs_again_has_another_id(store: Store) -> None:
    for number in range(3):
        store.watch.save(Period(number, number + 1), EVENTS)
    assert len(set(ids(store))) == 6


def test_the_same_change_of_an_overlapping_period_is_stored_once(store: Store) -> None:
    store.watch.save(Period(1.0, 4.0), EVENTS[:1])
    store.watch.save(Period(3.0, 5.0), EVENTS)
    assert [each["kind"] for each in contents(store)] == ["x", "y"]


def test_two_files_give_equal_changes_the_same_ids(tmp_path: Path) -> None:
    found = []
    for name, times in (("a.db", (1.0, 2.0)), ("b.db", (1.0, 7.0))):
        with Store.open(tmp_path / name) as store:
            store.watch.save(Period(*times), EVENTS)
            found.append(ids(store))
    assert found[0] == found[1]


def test_a_round_goes_on_until_its_comparison_is_stored(store: Store) -> None:
    assert store.watch.begin_round(5.0, 1.0) == (5.0, False)
    assert store.watch.begin_round(6.0, 1.0) == (5.0, False)
    assert store.watch.begin_round(7.0, 1.0) == (5.0, False)
    store.watch.save(Period(1.0, 7.0), ())
    assert store.watch.begin_round(9.0, 1.0) == (9.0, False)


def test_a_round_that_was_not_continued_for_long_begins_again(store: Store) -> None:
    assert store.watch.begin_round(5.0, 10.0) == (5.0, False)
    assert store.watch.begin_round(15.1, 10.0) == (15.1, True)
    assert store.watch.begin_round(16.0, 10.0) == (15.1, False)


def test_a_merge_unites_events_and_keeps_the_common_period(tmp_path: Path) -> None:
    one, other, third = (Store.open(tmp_path / name) for name in ("1.db", "2.db", "3.db"))
    one.watch.save(Period(1.0, 4.0), EVENTS)
    other.watch.save(Period(2.0, 3.0), EVENTS[:1])
    other.watch.mark_delivered(other.watch.undelivered())
    other.watch.save(Period(3.0, 3.5), [("three", {"kind": "z"})])
    assert merge(one, other).events == 1
    assert [each["kind"] for each in contents(one)] == ["y", "z"]
    assert one.watch.period() == (2.0, 3.5)
    # The next comparison begins at 3.5, and finds what the first file has already reported.
    one.watch.save(Period(3.5, 6.0), EVENTS)
    assert [each["kind"] for each in contents(one)] == ["y", "z"]
    again = merge(one, other)
    assert (again.events, again.is_new()) == (0, False)
    assert merge(third, one).events == 3
    assert third.watch.period() == one.watch.period()
    assert contents(third) == contents(one)
    for each in (one, other, third):
        assert list(find_damage(each)) == []
        each.close()


def test_periods_without_a_common_part_begin_again_at_the_earlier_end(tmp_path: Path) -> None:
    with Store.open(tmp_path / "1.db") as one, Store.open(tmp_path / "2.db") as other:
        one.watch.save(Period(5.0, 9.0), ())
        other.watch.save(Period(1.0, 2.0), ())
        merge(one, other)
        assert one.watch.period() == (2.0, 2.0)


def test_a_backup_contains_the_events(store: Store, tmp_path: Path) -> None:
    store.watch.save(Period(1.0, 2.0), EVENTS)
    store.back_up(tmp_path / "copy.db")
    with Store.read(tmp_path / "copy.db") as copy:
        assert copy.watch.undelivered() == store.watch.undelivered()
        assert copy.watch.period() == (1.0, 2.0)
