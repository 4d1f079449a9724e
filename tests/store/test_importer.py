"""Import of saved API responses into a campaign file, without an API key."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Api, generate_family_world
from graphbuild.models import COMPLETE, INCOMPLETE, PENDING, Entity
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from graphbuild.store.importer import import_responses, read_responses
from tests.support.paths import DATA

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = DATA / "related_references.json"
FILE = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "campaign.db") as opened:
        yield opened


@pytest.fixture
def saved(tmp_path: Path) -> list[Path]:
    """Write the seven pages of a file with 241 references; return their paths."""
    world = generate_family_world(1, 241)
    api = Api(world)
    target: str | None = f"/api/v3/files/{world.hashes()[0]}/related_references?limit=40"
    paths = []
    while target:
        answer = api.respond("GET", target, {"x-apikey": "k"})
        paths.append(tmp_path / f"page{len(paths)}.json")
        paths[-1].write_bytes(answer.body)
        following = json.loads(answer.body)["links"].get("next")
        target = following and following.partition("virustotal.com")[2]
    assert len(paths) == 7
    return paths


def import_files(store: Store, paths: list[Path]) -> int:
    pages, rejected = read_responses(paths)
    assert rejected == []
    return import_responses(store, pages)


def test_documented_response_is_imported_unchanged(store: Store) -> None:
    assert import_files(store, [SAMPLE]) == 1
    (page,) = store.pages()
    assert page.subject == Entity("file", FILE)
    assert page.body == SAMPLE.read_bytes()
    (status,) = store.statuses()
    assert (status.received_count, status.expected_count, status.state) == (2, 241, INCOMPLETE)
    assert status.http_status == 0  # no response was received


def test_same_response_is_imported_once(store: Store) -> None:
    assert import_files(store, [SAMPLE, SAMPLE]) == 1
    assert import_files(store, [SAMPLE]) == 0
    assert store.totals().pages == 1


def test_importing_a_stored_page_again_does_not_change_the_state(
    store: Store, saved: list[Path]
) -> None:
    import_files(store, saved[:1])
    store.tasks.requeue()
    task = store.tasks.next_task()
    assert task is not None
    store.inferences.save(task.id, {1: {2}})  # as by a frugal crawl
    before = list(store.statuses())
    assert before[0].state == COMPLETE
    assert import_files(store, saved[:1]) == 0
    assert list(store.statuses()) == before


@pytest.mark.parametrize("seed", range(5))
def test_all_pages_in_any_order_are_complete(store: Store, saved: list[Path], seed: int) -> None:
    random.Random(seed).shuffle(saved)
    assert import_files(store, saved) == 7
    (status,) = store.statuses()
    assert (status.state, status.received_count, status.detail) == (COMPLETE, 241, "")


@pytest.mark.parametrize("seed", range(5))
def test_pages_can_be_imported_one_by_one(store: Store, saved: list[Path], seed: int) -> None:
    random.Random(seed).shuffle(saved)
    for number, path in enumerate(saved, start=1):
        import_files(store, [path])
        (status,) = store.statuses()
        assert status.state == (COMPLETE if number == 7 else INCOMPLETE)


def test_missing_page_leaves_the_subject_incomplete(store: Store, saved: list[Path]) -> None:
    import_files(store, saved[:3] + saved[4:])
    (status,) = store.statuses()
    assert (status.state, status.received_count) == (INCOMPLETE, 201)
    assert status.detail == "the imported pages are not the whole list"


def test_pages_without_an_end_leave_the_subject_incomplete(store: Store, saved: list[Path]) -> None:
    first, *_, last = read_responses(saved)[0]
    endless = replace(last, cursor="c", page=replace(last.page, next_cursor="c"))
    import_responses(store, [replace(first, page=replace(first.page, next_cursor="c")), endless])
    (status,) = store.statuses()
    assert (status.state, status.cursor) == (INCOMPLETE, None)


def test_crawl_requests_an_incomplete_import_from_the_start(
    store: Store, saved: list[Path]
) -> None:
    import_files(store, saved[:2])
    assert store.tasks.has_pending()
    store.tasks.requeue()
    task = store.tasks.next_task()
    assert task is not None
    assert task.cursor is None


def test_import_does_not_disturb_an_unfinished_crawl(store: Store, saved: list[Path]) -> None:
    pages, _ = read_responses(saved)
    subject = pages[0].page.subject
    store.add_seeds(parse_seeds([subject.id]))
    task = store.tasks.next_task()
    assert task is not None
    store.page_writer.save_page(task, pages[0])
    import_responses(store, [pages[3]])
    after = store.tasks.next_task()
    assert after is not None
    assert after.cursor == pages[0].page.next_cursor
    assert next(store.statuses()).state == PENDING


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not JSON"),
        (b"<html>", "is not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "expected an object"),
        (b'{"data": []}', "links.self"),
        (b'{"data": {}, "links": {"self": "/files/%s/related_references"}}', "data"),
        (
            b'{"data": [], "links": {"self": "https://x.example/files/a/contacted_urls"}}',
            "this is a page of",
        ),
    ],
    ids=["empty", "html", "bytes", "list", "nobody", "object", "other relationship"],
)
def test_unusable_file_is_rejected_with_a_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "page.json"
    path.write_bytes(content.replace(b"%s", b"a" * 64))
    pages, (rejected,) = read_responses([path])
    assert pages == []
    assert reason in rejected.reason
    assert rejected.path == path


def test_missing_file_is_rejected_and_the_others_are_read(tmp_path: Path) -> None:
    pages, (rejected,) = read_responses([tmp_path / "nowhere.json", SAMPLE])
    assert len(pages) == 1
    assert "No such file" in rejected.reason


def test_response_without_links_needs_a_subject(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text('{"data": []}')
    pages, rejected = read_responses([path], Entity("file", "a" * 32))
    assert rejected == []
    assert pages[0].page.subject == Entity("file", "a" * 32)
