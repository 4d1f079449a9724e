"""A list is complete only if as many distinct references came as the API announced."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.emulator import UndocumentedSettings, generate_family_world
from graphbuild.emulator.http_messages import Response
from graphbuild.models import COMPLETE, LIMITED, SHORT
from graphbuild.store import Store
from tests.crawler.campaign import Campaign

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from graphbuild.store import SubjectStatus


def cut(path: Path, size: int, served: int, files: int = 1) -> Campaign:
    """Return a campaign whose lists of ``size`` references end without a cursor at ``served``."""
    path.mkdir(exist_ok=True)
    settings = UndocumentedSettings(max_entries=served)
    return Campaign(path / "c.db", generate_family_world(files, size), undocumented=settings)


def edit(made: Campaign, change: Callable[[dict], None]) -> None:
    """Change the JSON of every page that the service sends."""
    respond = made.api.respond

    def answer(method: str, path: str, headers: dict) -> Response:
        response = respond(method, path, {**headers, "Accept-Encoding": "identity"})
        page = json.loads(response.body)
        change(page)
        return Response.from_json(response.status, page)

    made.api.respond = answer  # type: ignore[method-assign]


def statuses(made: Campaign) -> list[SubjectStatus]:
    with Store.read(made.path) as store:
        return list(store.statuses())


def totals(made: Campaign) -> tuple[int, int, int]:
    with Store.read(made.path) as store:
        found = store.totals()
        return found.complete, found.short, found.limited


# --- lists without an announced count ------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 39, 49])
@pytest.mark.parametrize("is_repaired", [False, True])
def test_a_list_without_a_count_is_short_if_an_entry_was_skipped(
    tmp_path: Path, position: int, *, is_repaired: bool
) -> None:
    made = Campaign(tmp_path / "c.db", generate_family_world(1, 50))
    numbers = count()

    def damage(page: dict) -> None:
        del page["meta"]["count"]
        offset, request = (0 if "cursor" in page["meta"] else 40), next(numbers)
        if offset <= position < offset + len(page["data"]) and not (is_repaired and request == 2):
            page["data"][position - offset]["id"] = None

    edit(made, damage)
    made.crawl()
    (row,) = statuses(made)
    if is_repaired and position >= 40:  # the last page was requested again, without the damage
        assert (row.state, row.received_count, row.detail) == (COMPLETE, 50, "")
    else:
        detail = "1 malformed entry skipped, 49 received"
        assert (row.state, row.received_count, row.detail) == (SHORT, 49, detail)
    assert len(made.api.log) == 3


# --- lists that end early ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "served"), [(5, 0), (5, 4), (250, 40), (250, 100), (250, 240), (250, 249), (41, 40)]
)
@pytest.mark.parametrize("frugal", [False, True])
def test_a_list_that_ends_early_is_short_after_its_last_page_was_requested_twice(
    tmp_path, size, served, frugal
) -> None:
    made = cut(tmp_path, size, served)
    made.crawl(frugal=frugal)
    (status,) = statuses(made)
    assert (status.state, status.received_count) == (SHORT, served)
    assert status.detail == f"{size} references expected, {served} received"
    assert totals(made) == (0, 1, 0)
    pages = max(1, -(-served // 40))
    paths = [entry.path for entry in made.api.log]
    assert len(paths) == pages + 1
    assert paths[-1] == paths[-2]
    assert made.crawl(frugal=frugal) == []
    assert len(made.api.log) == pages + 1


@pytest.mark.parametrize(("size", "served"), [(5, 0), (30, 29), (250, 40), (250, 100), (250, 249)])
def test_a_list_that_is_whole_the_second_time_is_complete(tmp_path, size, served) -> None:
    made = cut(tmp_path, size, served)
    pages = max(1, -(-served // 40))
    respond = made.api.respond
    whole = generate_family_world(1, size)

    def answer(*request: object) -> object:
        if len(made.api.log) == pages:
            made.api.undocumented = UndocumentedSettings()
        return respond(*request)  # type: ignore[arg-type]

    made.api.respond = answer  # type: ignore[assignment, method-assign]
    made.crawl()
    assert [status.state for status in statuses(made)] == [COMPLETE]
    assert made.triples() == whole.triples()
    assert len(made.api.log) == max(pages, -(-size // 40)) + 1


def repeat_entries(page: dict) -> None:
    page["data"] = page["data"][: len(page["data"]) // 2] * 2


def damage_entries(page: dict) -> None:
    for item in page["data"][1::4]:
        del item["id"]


@pytest.mark.parametrize("change", [repeat_entries, damage_entries])
@pytest.mark.parametrize("size", [6, 40, 90])
def test_repeated_and_malformed_entries_are_missing_references(tmp_path, size, change) -> None:
    made = Campaign(tmp_path / "c.db", generate_family_world(2, size))
    edit(made, change)
    made.crawl()
    assert {status.state for status in statuses(made)} == {SHORT}
    assert {status.expected_count for status in statuses(made)} == {size}
    assert all(status.received_count < size for status in statuses(made))


def test_more_references_than_announced_are_complete_with_a_detail(tmp_path) -> None:
    made = Campaign(tmp_path / "c.db", generate_family_world(1, 6))
    edit(made, lambda page: page["meta"].update(count=4))
    made.crawl()
    (status,) = statuses(made)
    assert (status.state, status.detail) == (COMPLETE, "4 references expected, 6 received")


@given(
    st.integers(0, 12),
    st.lists(st.sampled_from(["good", "repeated", "malformed", "absent"]), max_size=12),
)
@settings(max_examples=30, deadline=None)
def test_a_list_is_complete_exactly_if_all_announced_references_came(
    tmp_path_factory, announced: int, kinds: list[str]
) -> None:
    path = tmp_path_factory.mktemp("completeness") / "c.db"
    made = Campaign(path, generate_family_world(1, len(kinds)))
    served = set()

    def change(page: dict) -> None:
        items, page["data"] = page["data"], []
        for item, kind in zip(items, kinds, strict=True):
            if kind == "good":
                served.add(item["id"])
                page["data"].append(item)
            elif kind == "malformed":
                page["data"].append({**item, "id": "?"})
            elif kind == "repeated":
                page["data"] += page["data"][:1]
        page["meta"]["count"] = announced

    edit(made, change)
    made.crawl()
    (status,) = statuses(made)
    assert status.received_count == len(served)
    assert status.state == (COMPLETE if len(served) >= announced else SHORT)


# --- later runs ----------------------------------------------------------------------------------


def test_short_lists_are_requested_again_on_demand_without_the_complete_ones(tmp_path) -> None:
    made = cut(tmp_path, 90, 50, files=3)
    complete = made.world.hashes()[2]
    respond = made.api.respond

    def answer(method: str, path: str, headers: dict) -> Response:
        limit = None if complete in path else 50
        made.api.undocumented = UndocumentedSettings(max_entries=limit)
        return respond(method, path, headers)

    made.api.respond = answer  # type: ignore[method-assign]
    made.crawl()
    assert totals(made) == (1, 2, 0)
    made.api.respond = respond  # type: ignore[method-assign]
    made.api.undocumented = UndocumentedSettings()
    with Store.open(made.path) as store:
        assert store.tasks.retry_failed() == 2
    requests = len(made.api.log)
    made.crawl()
    assert totals(made) == (3, 0, 0)
    assert len(made.api.log) == requests + 2 * 3
    assert not any(complete in entry.path for entry in made.api.log[requests:])


def test_lists_that_an_earlier_version_called_complete_are_requested_on_demand(tmp_path) -> None:
    made = cut(tmp_path, 90, 50, files=2)
    made.crawl()
    with Store.open(made.path) as store:
        with store.transaction():
            store._db.execute("UPDATE task SET state = 'complete' WHERE id = 1")
        assert store.tasks.retry_failed() == 2


def test_a_short_answer_to_a_refresh_does_not_remove_references(tmp_path) -> None:
    made = Campaign(tmp_path / "c.db", generate_family_world(2, 90))
    made.crawl()
    read_at = made.clock.now()
    made.clock.time += 86_400
    with Store.open(made.path) as store:
        store.tasks.refresh(made.clock.now())
    made.api.undocumented = UndocumentedSettings(max_entries=30)
    made.crawl()
    with Store.read(made.path) as store:
        assert {state for _, state in store.states()} == {SHORT}
        assert {state for _, state in store.states(made.clock.now() + 1)} == {SHORT}
        assert {state for _, state in store.states(read_at + 1)} == {COMPLETE}
        now = {(one.subject, one.reference) for one in store.current_observations()}
    assert len(now) == 2 * 90


def test_a_list_beyond_the_limit_per_node_is_limited(tmp_path) -> None:
    made = Campaign(tmp_path / "c.db", generate_family_world(60, 3))
    with Store.open(made.path) as store:
        store._db.execute("DELETE FROM task WHERE id > 1")
    made.crawl(depth=1, per_node=40)
    assert totals(made)[1:] == (0, 1)
    (limited,) = [status for status in statuses(made) if status.state == LIMITED]
    assert limited.detail == "40 of 60 files read; the limit per node is 40"
    made.crawl(depth=1, per_node=100)
    assert totals(made)[1:] == (0, 0)
