"""The log of calls, and what is stored about the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.models import Entity
from graphbuild.store import Store
from tests.store.helpers import A

if TYPE_CHECKING:
    from pathlib import Path


def test_call_is_recorded_before_its_response(path: Path, store: Store) -> None:
    store.calls.begin(Entity("file", A), "related_references", 100.0)
    with Store.read(path) as other:
        assert other.calls.count() == 1
        assert other.calls.times(99.0) == [100.0]
        assert other.calls.count(since=101.0) == 0


def test_call_that_was_not_sent_is_not_counted(store: Store) -> None:
    call = store.calls.begin(Entity("file", A), "related_references", 100.0)
    store.calls.end(call, status=0, error="Unreachable", sent=False)
    assert store.calls.count() == 0


def test_result_of_a_call_is_stored_when_the_file_is_closed(path: Path) -> None:
    with Store.open(path) as store:
        call = store.calls.begin(Entity("file", A), "related_references", 100.0)
        store.calls.end(call, status=0, error="Unreachable", sent=False)
    with Store.read(path) as store:
        assert store.calls.count() == 0


def test_flavor_and_quota_are_stored_until_they_change(path: Path) -> None:
    known = []
    with Store.open(path) as store, Store.read(path) as reader:
        known.append((reader.api_info.flavor(), reader.api_info.quota_resets_at()))
        for api_flavor, quota in (("gti", 1.5), ("gti", 1.5), ("classic", 2.25), ("gti", 0.1)):
            store.api_info.save_flavor(api_flavor)
            store.api_info.save_quota_reset(quota)
            known.append((reader.api_info.flavor(), reader.api_info.quota_resets_at()))
    assert known == [(None, 0.0), ("gti", 1.5), ("gti", 1.5), ("classic", 2.25), ("gti", 0.1)]
    with Store.open(path) as store:
        store.api_info.save_flavor("classic")
        assert store.api_info.flavor() == "classic"
