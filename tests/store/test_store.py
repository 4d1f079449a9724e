"""The campaign file: what is kept, what is refused, and that nothing is half done."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.parser import parse_page
from graphbuild.errors import StoreError
from graphbuild.models import COMPLETE, FAILED, INCOMPLETE, PENDING, Entity, Status
from graphbuild.seeds import Seed, parse_seeds
from graphbuild.store import (
    AuditResult,
    Damage,
    FetchedPage,
    RemainingCalls,
    SaveResult,
    Store,
    StoredPage,
    Totals,
    find_damage,
)
from graphbuild.store.database import acquire_lock, create

if TYPE_CHECKING:
    from pathlib import Path

A, B = "a" * 64, "b" * 64
R1, R2, R3 = "1" * 64, "2" * 64, "3" * 64


def body(
    *references: str, count: int | None = None, cursor: str | None = None, **texts: str
) -> bytes:
    """An answer in which every reference comes from collection ``c``."""
    behind = [{"type": "collection", "id": "c", "attributes": {"name": "C"}}]
    data = [
        {
            "type": "reference",
            "id": reference,
            "attributes": {"url": f"https://{reference[:3]}.example/", **texts},
            "context_attributes": {"related_from": behind},
        }
        for reference in references
    ]
    meta = {"count": len(references) if count is None else count}
    if cursor:
        meta["cursor"] = cursor
    return json.dumps({"meta": meta, "data": data}).encode()


def about(subject: Entity, raw: bytes) -> bytes:
    """The same answer, which says by itself whom it is about."""
    place = f"{subject.type}s/{subject.id}/related_references?limit=40"
    links = {"self": f"https://www.virustotal.com/api/v3/{place}"}
    return json.dumps({**json.loads(raw), "links": links}).encode()


def fetched(store: Store, raw: bytes, at: float = 1.0) -> FetchedPage:
    task = store.tasks.next_task()
    assert task is not None
    return FetchedPage(raw, parse_page(raw, task.subject), at, task.cursor)


def commit(store: Store, raw: bytes) -> SaveResult:
    task = store.tasks.next_task()
    assert task is not None
    return store.results.save_page(task, fetched(store, raw))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "campaign.db"


@pytest.fixture
def store(path: Path):
    with Store.open(path) as opened:
        opened.add_seeds(parse_seeds([A, B]))
        yield opened


def triples(store: Store) -> list[tuple[str, str, str | None]]:
    return [
        (one.subject.id, one.reference.id, one.related_from.id if one.related_from else None)
        for one in store.observations()
    ]


def test_seeds_become_tasks_once_in_their_order(store: Store) -> None:
    assert store.add_seeds(parse_seeds([B, "c" * 32])) == 1
    assert [row.subject.id for row in store.statuses()] == [A, B, "c" * 32]
    assert {row.state for row in store.statuses()} == {PENDING}


def test_a_page_its_observations_and_the_next_cursor_are_stored_together(store: Store) -> None:
    done = commit(store, body(R1, R2, count=3, cursor="next"))
    assert (done.new_references, done.status.state) == (2, PENDING)
    assert triples(store) == [(A, R1, "c"), (A, R2, "c")]
    first = next(store.statuses())
    assert (first.page_count, first.expected_count, first.received_count) == (1, 3, 2)


def test_first_pages_of_all_come_before_second_pages(store: Store) -> None:
    commit(store, body(R1, count=2, cursor="next"))
    second = store.tasks.next_task()
    assert second is not None
    assert second.subject.id == B
    commit(store, body(R1))
    third = store.tasks.next_task()
    assert third is not None
    assert (third.subject.id, third.cursor, third.page_count) == (A, "next", 1)


def test_what_is_read_is_of_one_moment_whatever_a_crawl_adds(path: Path) -> None:
    with Store.open(path) as store, Store.read(path) as reader:
        store.add_seeds(parse_seeds([A, B]))
        commit(store, body(R1))
        one, other = reader.observations(), reader.observations()
        early = [next(one), next(other)]
        with reader.snapshot():
            before = reader.totals()
            commit(store, body(R2, R3))
            assert reader.totals() == before
            assert [*early, *one, *other] == early
        assert triples(reader) == triples(store) == [(A, R1, "c"), (B, R2, "c"), (B, R3, "c")]


def test_a_view_tells_each_observation_once_to_whoever_opens_the_file(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B]))
        for raw in (body(R1, R2), body(R1)):
            commit(store, raw)
        store.tasks.refresh(2.0)
        commit(store, body(R1, R2))
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT task, reference, first_page, last_page, provenance FROM observation"
        ).fetchall()
    assert [(task, first, last, evidence) for task, _, first, last, evidence in rows] == [
        (1, 1, 3, 0),
        (1, 1, 3, 0),
        (2, 2, 2, 0),
    ]


def test_everything_is_there_after_closing_and_opening_again(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        raw = body(R1, title="Ein Bericht – zwei")
        commit(store, raw)
    with Store.read(path) as store:
        assert triples(store) == [(A, R1, "c")]
        assert [page.body for page in store.pages()] == [raw]
        (only,) = store.observations()
        assert only.reference.attributes["title"] == "Ein Bericht – zwei"
        assert only.related_from is not None
        assert only.related_from.attributes == {"name": "C"}


def test_a_failing_commit_leaves_nothing_of_the_page(store: Store) -> None:
    task = store.tasks.next_task()
    assert task is not None
    good = fetched(store, body(R1, R2))
    broken = Entity("reference", R3, {"title": object()})  # type: ignore[dict-item]  # cannot be kept
    worse = good.page.entries[0].__class__(broken, (None,))
    page = good.page.__class__(task.subject, (*good.page.entries, worse), 3, None, 3)
    with pytest.raises(TypeError):
        store.results.save_page(task, FetchedPage(good.body, page, 1.0, None))
    assert triples(store) == []
    assert store.totals().pages == 0
    assert store.tasks.next_task() == task


def test_a_bare_mention_never_erases_what_is_known(store: Store) -> None:
    commit(store, body(R1, title="Known"))
    bare = {"type": "reference", "id": R1}
    commit(store, json.dumps({"data": [bare]}).encode())
    for one in store.observations():
        assert one.reference.attributes["title"] == "Known"


def test_control_characters_and_lone_surrogates_survive_the_store(store: Store) -> None:
    title = "a\x00b\x1b[2J\u202e\ufffe"
    commit(store, body(R1, title=title))
    (only,) = store.observations()
    assert only.reference.attributes["title"] == title


def test_references_without_a_collection_are_observations_too(store: Store) -> None:
    raw = json.dumps({"data": [{"type": "reference", "id": R1}]}).encode()
    commit(store, raw)
    assert triples(store) == [(A, R1, None)]


def test_a_subject_without_references_is_complete(store: Store) -> None:
    assert commit(store, body()).status.state == COMPLETE
    (first, _) = store.statuses()
    assert (first.state, first.expected_count, first.received_count) == (COMPLETE, 0, 0)


def test_less_than_announced_is_complete_with_a_remark(store: Store) -> None:
    verdict = commit(store, body(R1, R2, count=241)).status
    assert verdict.state == COMPLETE
    assert verdict.detail == "241 references expected, 2 received"


def test_an_announced_number_that_moves_is_a_remark(store: Store) -> None:
    commit(store, body(R1, count=3, cursor="x"))
    commit(store, body(R1))
    verdict = commit(store, body(R2, count=2)).status
    assert verdict.detail == "the expected count changed between 2 and 3; 2 received"


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([body(R1, count=90, cursor="x"), body(R2, count=90, cursor="x")], "repeats a cursor"),
        ([body(R1, count=90, cursor="x"), body(R1, count=90, cursor="y")], "no new reference"),
        ([body(R1, count=1, cursor="x"), body(R2, count=1, cursor="y")], "more pages follow"),
    ],
    ids=["same cursor", "same entries", "beyond the count"],
)
def test_endless_paging_ends_as_incomplete(path: Path, pages: list[bytes], said: str) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        verdicts = [commit(store, raw).status for raw in pages]
        assert verdicts[-1].state == INCOMPLETE
        assert said in verdicts[-1].detail
        assert store.tasks.next_task() is None


def test_a_refusal_is_kept_and_asked_again_only_if_it_may_pass(store: Store) -> None:
    first = store.tasks.next_task()
    assert first is not None
    store.results.save_failure(first, error_code="NotFoundError", detail="unknown", retry=False)
    second = store.tasks.next_task()
    assert second is not None
    store.results.save_failure(second, error_code="TransientError", detail="later", retry=True)
    assert store.tasks.next_task() is None
    assert [row.state for row in store.statuses()] == [FAILED, FAILED]
    assert store.tasks.requeue() == 1
    assert [row.state for row in store.statuses()] == [FAILED, PENDING]


def test_subjects_carry_whether_they_are_seeds_and_how_they_stand(store: Store) -> None:
    commit(store, body(R1))
    first, second = store.subjects()
    assert (first.attributes["seed"], first.attributes["state"]) == (True, COMPLETE)
    assert (second.attributes["seed"], second.attributes["state"]) == (True, PENDING)


def test_an_empty_campaign_comes_to_nothing(path: Path) -> None:
    with Store.open(path) as store:
        assert store.totals() == Totals(*[0] * 15)
        assert not store.tasks.has_pending()
        assert store.tasks.mean_pages(40) is None
        assert store.tasks.remaining_calls(40) == RemainingCalls(0, 0)
        assert store.audit_result() == AuditResult(0, 0, 0, 0, 0)


def test_the_totals_are_what_was_put_in(path: Path) -> None:
    """Four files and a domain: one complete, one by inference, one refused, one in a loop."""
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B, "c" * 64, "d" * 64, "evil.example"]))
        commit(store, body(R1, R2, creation_date="yesterday"))  # a remark on each
        commit(store, body(R2, count=2, cursor="next"))
        refused, looping = store.tasks.next_task(), store.tasks.next_task([3])
        assert refused is not None
        assert looping is not None
        store.results.save_failure(
            refused,
            error_code="NotFoundError",
            detail="unknown",
            retry=False,
            http_status=404,
        )
        for cursor in (None, "same"):
            raw = body(R3, count=3, cursor="same")
            answer = FetchedPage(raw, parse_page(raw, looping.subject), 1.0, cursor)
            store.results.save_page(store.tasks.get(looping.id), answer)
        whole, part = (
            store.inferences.observed_references(number).collections_by_reference
            for number in (1, 2)
        )
        store.inferences.save(2, {each: whole[each] for each in whole.keys() - part.keys()})
        for sent in (True, False, True):
            call = store.calls.begin(Entity("file", A), "related_references", 0.5)
            store.calls.end(call, status=200, error="", sent=sent)
        totals = store.totals()
        assert store.calls.count() == 2
    with Store.read(path) as reader:
        assert (reader.totals(), reader.calls.count()) == (totals, 2)
    assert totals == Totals(
        subjects=5,
        files=4,
        pending=1,
        complete=2,
        incomplete=1,
        failed=1,
        pages=4,
        references=3,
        collections=1,
        observations=5,
        expected=2 + 2 + 3,
        received=2 + 1 + 1,
        inferred=1,
        warnings=2,
        calls=2,
    )


def test_what_is_left_is_counted_in_pages(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B, "c" * 64, "d" * 64]))
        assert store.tasks.remaining_calls(40) == RemainingCalls(4, 0)
        assert store.tasks.mean_pages(40) is None
        commit(store, body(R1, count=81, cursor="next"))
        commit(store, body(R1, R2))
        assert store.tasks.remaining_calls(40) == RemainingCalls(2, 2)
        assert store.tasks.remaining_calls(1) == RemainingCalls(2, 80)
        assert store.tasks.mean_pages(40) == (3 + 1) / 2
        assert store.tasks.mean_pages(1) == (81 + 2) / 2
        for _ in range(2):
            task = store.tasks.next_task()
            assert task is not None
            store.results.save_failure(
                task, error_code="TransientError", detail="later", retry=True
            )
        assert store.tasks.remaining_calls(40) == RemainingCalls(2, 2)
        # Of what is older than that nothing counts as read: the first pages come again.
        assert store.tasks.remaining_calls(40, before=1.0) == RemainingCalls(2, 2)
        assert store.tasks.remaining_calls(40, before=1.5) == RemainingCalls(2, 3 + 1)


def test_what_was_asked_at_the_dawn_of_time_is_left_alone_unless_told(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        task = store.tasks.next_task()
        assert task is not None
        store.results.save_page(task, fetched(store, body(R1), at=0.5))
        assert store.tasks.remaining_calls(40) == RemainingCalls(0, 0)


@pytest.mark.parametrize(
    ("count", "remark"),
    [(2, ""), (3, "3 references expected, 2 received"), (None, "")],
)
def test_saved_pages_are_judged_by_what_they_announced(store: Store, count, remark) -> None:
    raw = body(R1, R2, count=count)
    if count is None:
        raw = json.dumps({"data": json.loads(raw)["data"]}).encode()
    other = body(R3, count=7, cursor="next")
    for subject, answer in ((Entity("file", B), other), (Entity("file", "c" * 64), raw)):
        saved = FetchedPage(answer, parse_page(answer, subject), 1.0, None)
        assert store.results.import_pages(subject, [saved, saved]) == 1
    row = list(store.statuses())[2]
    assert (row.state, row.received_count, row.detail) == (COMPLETE, 2, remark)


def test_there_is_work_as_long_as_anything_is_to_ask_or_to_ask_again(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        assert store.tasks.has_pending()
        task = store.tasks.next_task()
        assert task is not None
        store.results.save_failure(task, error_code="TransientError", detail="later", retry=True)
        assert store.tasks.has_pending()
        store.results.save_failure(task, error_code="NotFoundError", detail="unknown", retry=False)
        assert not store.tasks.has_pending()
        (row,) = store.statuses()
        assert (row.http_status, row.error_code, row.detail) == (0, "NotFoundError", "unknown")


def test_it_is_told_who_is_known_and_how_each_stands(store: Store) -> None:
    commit(store, body(R1))
    stranger = Entity("file", "c" * 64)
    subjects = [Entity("file", A), Entity("file", B), stranger, Entity("reference", R1)]
    assert store.known_states(subjects) == {subjects[0]: COMPLETE, subjects[1]: PENDING}
    assert [store.contains(each) for each in subjects] == [True, True, False, True]


def test_a_node_shows_the_ledger_and_no_answer_can_pretend_to(path: Path) -> None:
    bare = Entity("file", A, {"size": 5, "crawl_pages": 7, "seed_family": "x", "crawl_x": 1})
    with Store.open(path) as store:
        store.add_seeds([Seed(bare, "list", 1)])
        commit(store, body(R1))
        (plain,), (timed,) = store.subjects(), store.subjects(times=True)
    assert plain.attributes == {
        "size": 5,
        "seed": True,
        "state": COMPLETE,
        "crawl_pages": 1,
        "crawl_expected_count": 1,
        "crawl_received": 1,
        "crawl_http_status": 200,
    }
    assert timed.attributes == {**plain.attributes, "crawl_fetched_at": "1970-01-01T00:00:01Z"}


def test_a_later_list_adds_to_what_stands_beside_a_seed(path: Path) -> None:
    lists = [{"family": "Emotet"}, {"family": "Heodo", "actor": "TA542"}, {}]
    with Store.open(path) as store:
        news = [
            store.add_seeds([Seed(Entity("file", A), "list", number, noted)])
            for number, noted in enumerate(lists)
        ]
        (subject,) = store.subjects()
    assert news == [1, 0, 0]
    beside = {name: value for name, value in subject.attributes.items() if "seed_" in name}
    assert beside == {"seed_family": "Emotet", "seed_actor": "TA542"}


def test_a_page_comes_back_as_it_was_stored_with_its_place(store: Store) -> None:
    pages = [body(R1, count=2, cursor="next"), body(R3), body(R2, count=2)]
    for raw in pages:
        commit(store, raw)
    asked = "related_references"
    assert list(store.pages()) == [
        StoredPage(Entity("file", A), asked, 1, pages[0]),
        StoredPage(Entity("file", B), asked, 1, pages[1]),
        StoredPage(Entity("file", A), asked, 2, pages[2]),
    ]


def test_of_a_list_that_is_read_again_only_the_present_pass_counts(store: Store) -> None:
    commit(store, body(R1, R2, count=3, cursor="next"))
    store.tasks.refresh(2.0)
    answer = fetched(store, body(R3, count=5, cursor="next"), at=3.0)
    done = store.results.save_page(store.tasks.get(1), answer)
    assert (done.new_references, done.status.state) == (1, PENDING)
    reading = store.inferences.observed_references(1)
    names = {one.reference.id for one in store.observations()}
    assert (reading.count, len(reading.collections_by_reference), names) == (5, 1, {R1, R2, R3})


def test_two_names_that_were_both_begun_are_one_with_what_either_knew(path: Path) -> None:
    real = Entity("file", A)
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, "c" * 32]))
        commit(store, body(R1, count=3, cursor="next"))
        commit(store, about(real, body(R2, count=3, cursor="other")))
        assert triples(store) == [(A, R1, "c"), (A, R2, "c")]
        assert [row.subject.id for row in store.statuses()] == [A]
        assert next(store.subjects()).attributes["md5"] == "c" * 32
        commit(store, body(R3, count=3))
        assert (store.tasks.next_task(), store.totals().subjects) == (None, 1)
        (row,) = store.statuses()
        assert (row.state, row.received_count, row.detail) == (COMPLETE, 3, "")
        assert list(find_damage(store)) == []


@pytest.mark.parametrize("reopened", [False, True])
def test_a_page_in_flight_when_its_subject_is_found_to_be_anothers_is_theirs(
    path: Path, *, reopened: bool
) -> None:
    real = Entity("file", A)
    store = Store.open(path)
    store.add_seeds(parse_seeds([A, "c" * 32]))
    one, other = store.tasks.next_task(), store.tasks.next_task([1])
    assert one is not None
    assert other is not None
    raws = body(R1, count=3, cursor="next"), body(R1, R2, count=3, cursor="elsewhere")
    answers = [about(real, raw) for raw in raws]
    pages = [parse_page(*each) for each in zip(answers, (other.subject, real), strict=True)]
    store.results.save_page(other, FetchedPage(answers[0], pages[0], 1.0, None))
    if reopened:
        store.close()
        store = Store.open(path)
    with closing(store):
        said = store.results.save_page(one, FetchedPage(answers[1], pages[1], 2.0, None))
        assert said == SaveResult(0, Status(COMPLETE, "the same subject under another id"))
        assert triples(store) == [(A, R1, "c"), (A, R2, "c")]
        times = {
            each.reference.id: (each.first_seen, each.last_seen) for each in store.observations()
        }
        assert times == {R1: (1.0, 2.0), R2: (2.0, 2.0)}
        (row,) = store.statuses()
        assert (row.subject, row.state, row.page_count, row.cursor) == (real, PENDING, 1, "next")
        assert store.tasks.get(one.id).page_count == 1
        assert store.totals().pages == 2
        # What the twin brought is known of the subject by now, and is not new on the next page.
        done = commit(store, body(R2, R3, count=3))
        assert (done.new_references, done.status) == (1, Status(COMPLETE))
        assert list(find_damage(store)) == []


def test_an_address_that_the_service_calls_otherwise_keeps_its_text(path: Path) -> None:
    real = Entity("url", "e" * 64)
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(["hxxp://evil[.]example/"]))
        commit(store, about(real, body(R1)))
        (subject,) = store.subjects()
        assert subject.id == real.id
        (row,) = store.statuses()
        for each in (subject, row.subject):
            assert each.attributes["url"] == "http://evil.example/"
        assert not {"sha256", "null"} & subject.attributes.keys()
        assert list(find_damage(store)) == []


# --- the ledger ----------------------------------------------------------------------------------


def test_a_call_stands_in_the_ledger_before_it_is_answered(path: Path, store: Store) -> None:
    store.calls.begin(Entity("file", A), "related_references", 100.0)
    with Store.read(path) as other:
        assert other.calls.count() == 1
        assert other.calls.times(99.0) == [100.0]
        assert other.calls.count(since=101.0) == 0


def test_a_call_that_never_left_is_not_counted(store: Store) -> None:
    call = store.calls.begin(Entity("file", A), "related_references", 100.0)
    store.calls.end(call, status=0, error="Unreachable", sent=False)
    assert store.calls.count() == 0


def test_how_a_call_ended_is_kept_when_the_file_is_closed(path: Path) -> None:
    with Store.open(path) as store:
        call = store.calls.begin(Entity("file", A), "related_references", 100.0)
        store.calls.end(call, status=0, error="Unreachable", sent=False)
    with Store.read(path) as store:
        assert store.calls.count() == 0


def test_what_was_learned_of_the_service_is_kept_until_it_is_otherwise(path: Path) -> None:
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


# --- one writer ----------------------------------------------------------------------------------


def test_where_nobody_knows_who_holds_the_file_that_is_said(path: Path) -> None:
    held = acquire_lock(path)
    with pytest.raises(StoreError, match="in use by another process"):
        Store.open(path)
    held.release()
    Store.open(path).close()


def test_a_full_disk_is_told_with_a_way_out_and_loses_nothing(store: Store) -> None:
    commit(store, body(R1))
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    many = [f"{number:064x}" for number in range(10_000)]
    with pytest.raises(StoreError, match=rf"{store.path}: the disk is full; free some space"):
        store.add_seeds(parse_seeds(many))
    assert store.totals().subjects == 2


def test_a_store_that_is_closed_says_so(path: Path) -> None:
    store = Store.open(path)
    store.close()
    said = rf"{path}: Cannot operate on a closed database\. Data"
    with pytest.raises(StoreError, match=said):
        store.totals()
    with pytest.raises(StoreError, match=said):
        store.tasks.requeue()
    with pytest.raises(StoreError, match=said):
        store.calls.end(1, status=200, error="", sent=True)


def test_a_second_writer_is_told_who_holds_the_file(path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match=rf"in use by process {os.getpid()}"):
        Store.open(path)
    assert store.tasks.next_task() is not None


def test_the_lock_dies_with_its_holder(path: Path) -> None:
    code = (
        "import os, signal, sys; from graphbuild.store import Store;"
        "Store.open(sys.argv[1]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    with Store.open(path) as store:
        assert store.tasks.next_task() is None


def test_readers_are_not_blocked_and_cannot_write(path: Path, store: Store) -> None:
    with Store.read(path) as reader:
        assert reader.totals().subjects == 2
        with pytest.raises(StoreError):
            reader.add_seeds(parse_seeds(["c" * 64]))
    assert store.totals().subjects == 2


# --- files that are none -------------------------------------------------------------------------


def empty(path: Path) -> None:
    path.touch()


def one_byte(path: Path) -> None:
    path.write_bytes(b"S")


def text(path: Path) -> None:
    path.write_text(f"{A}\n" * 20)


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()


def newer(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def with_trigger(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER t AFTER INSERT ON seed BEGIN DELETE FROM observation; END"
        )
    connection.close()


def halved(path: Path) -> None:
    Store.open(path).close()
    path.write_bytes(path.read_bytes()[:4096])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (empty, "is empty"),
        (one_byte, "not a campaign file"),
        (text, "not a campaign file"),
        (other_database, "another program's database"),
        (newer, "newer graphbuild"),
        (with_trigger, "has other tables"),
        (halved, "malformed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("way", [Store.open, Store.read], ids=["open", "read"])
def test_a_file_that_is_no_campaign_is_refused_and_left_as_it_was(
    path: Path, make, said: str, way
) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=said):
        way(path)
    assert path.read_bytes() == before


def test_reading_needs_a_file_that_is_there(path: Path) -> None:
    with pytest.raises(StoreError, match="no campaign file"):
        Store.read(path)
    assert not path.exists()


def test_a_folder_is_no_campaign_file(tmp_path: Path) -> None:
    for way in (Store.open, Store.read):
        with pytest.raises(StoreError, match="cannot"):
            way(tmp_path)


def test_the_folder_of_a_new_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        Store.open(tmp_path / "nowhere" / "campaign.db")


def test_a_new_file_is_for_its_owner_alone_and_leaves_no_litter(path: Path) -> None:
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {each.name for each in path.parent.iterdir()} <= {"campaign.db", "campaign.db.lock"}


def test_every_commit_is_synced_to_disk(store: Store) -> None:
    # What power loss spares depends on these two; SQLite's documentation says why.
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_page_damaged_on_disk_is_told_with_its_subject(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        commit(store, body(R1))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE page SET body = x'00'")
    connection.close()
    with Store.read(path) as damaged, pytest.raises(StoreError, match=A):
        list(damaged.pages())


def test_what_a_killed_writer_left_in_a_journal_is_no_hindrance_to_reading(path: Path) -> None:
    """The journal of the very first write: SQLite's read-only mode refuses to take it back."""
    sound(path)
    left = path.with_name("left.db")
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        for number in range(500):
            connection.execute("INSERT INTO metadata VALUES (?, ?)", (f"n{number}", "x" * 500))
        shutil.copy(path, left)
        shutil.copy(f"{path}-journal", f"{left}-journal")
        connection.execute("ROLLBACK")
    connection.close()
    with Store.read(left) as store:
        assert store.totals().pages == 2


# --- damage --------------------------------------------------------------------------------------


def sound(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B]))
        commit(store, body(R1, R2, title="A report"))
        commit(store, body(R2, R3, title="Another"))


def change(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


def found(path: Path) -> list:
    with Store.read(path) as store:
        return list(find_damage(store))


def test_a_file_as_it_was_stored_is_sound(path: Path) -> None:
    sound(path)
    assert found(path) == []


@pytest.mark.parametrize("seed", range(40))
def test_any_flipped_bit_in_a_stored_page_is_found_with_its_subject(path: Path, seed: int) -> None:
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
    first, *_ = found(path)
    assert first.subject is not None
    assert first.subject.id == (A, B)[number - 1]


def test_a_forged_digest_is_found(path: Path) -> None:
    sound(path)
    change(path, "UPDATE page SET sha256 = ? WHERE id = 1", b"0" * 32)
    assert "is not what was stored" in found(path)[0].problem


def test_a_row_that_refers_to_one_that_is_gone_is_found(path: Path) -> None:
    sound(path)
    change(path, "INSERT INTO seed VALUES (999, 'nowhere', 1, '{}')")
    assert "a row of the table seed refers to a missing row of entity" in {
        each.problem for each in found(path)
    }


def test_a_page_that_cannot_be_unpacked_is_found(path: Path) -> None:
    sound(path)
    change(path, "UPDATE page SET body = x'00' WHERE id = 2")
    assert Damage(Entity("file", B), "page 1 cannot be decompressed") in found(path)


def test_a_page_that_was_exchanged_with_its_digests_is_found(path: Path) -> None:
    sound(path)
    raw = b'{"data": {}}'
    packed, digest = zlib.compress(raw), hashlib.sha256(raw).digest()
    statement = "UPDATE page SET body = ?, crc32 = ?, sha256 = ? WHERE id = 1"
    change(path, statement, packed, zlib.crc32(packed), digest)
    first, *rest = found(path)
    assert first.subject == Entity("file", A)
    assert first.problem.startswith("page 1: data: expected")
    assert [each.problem.split(" contains ")[0] for each in rest] == ["no stored page"] * 2


def test_a_broken_structure_is_found(path: Path) -> None:
    sound(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'task_order'"
        ((root,), (size,)) = (
            connection.execute(each).fetchone() for each in (query, "PRAGMA page_size")
        )
    connection.close()
    with path.open("r+b") as stream:
        stream.seek((root - 1) * size + 3)  # how many entries the index says it has
        stream.write(b"\0\0")
    problems = found(path)
    assert {each.subject for each in problems} == {None}
    assert any("task_order" in each.problem for each in problems)


def test_an_observation_that_no_page_says_is_found(path: Path) -> None:
    sound(path)
    change(path, "UPDATE fact SET related_from = 0 WHERE reference = 3")
    problems = " ".join(each.problem for each in found(path))
    assert "no stored page contains" in problems
    assert "but the observations do not" in problems


@pytest.mark.parametrize("column", ["reference", "related_from"])
def test_a_fact_about_what_is_not_there_is_told(path: Path, column: str) -> None:
    sound(path)
    change(path, f"UPDATE OR REPLACE fact SET {column} = 99")
    with Store.read(path) as store, pytest.raises(StoreError, match="entity 99, which is missing"):
        list(store.observations())
    assert any("entity 99" in each.problem for each in found(path))


def test_a_task_about_what_is_not_there_is_told(path: Path) -> None:
    sound(path)
    change(path, "UPDATE task SET subject = 99 WHERE id = 1")
    assert any("entity 99" in each.problem for each in found(path))


@pytest.mark.parametrize("attributes", ["x", "[]", "5", ""])
def test_damaged_attributes_are_told_by_whoever_meets_them(path: Path, attributes: str) -> None:
    sound(path)
    change(path, "UPDATE entity SET attributes = ?", attributes)
    with Store.read(path) as store:
        with pytest.raises(StoreError, match="are damaged"):
            list(store.observations())
        with pytest.raises(StoreError, match="are damaged"):
            list(store.subjects())
    (only,) = found(path)
    assert (only.subject, "are damaged" in only.problem) == (None, True)


def test_damage_beside_a_seed_is_told_by_whoever_meets_it(path: Path) -> None:
    sound(path)
    change(path, "UPDATE seed SET attributes = 'x'")
    said = rf"{path}: the attributes of {A} are damaged"
    with Store.open(path) as store:
        with pytest.raises(StoreError, match=said):
            list(store.subjects())
        with pytest.raises(StoreError, match=said):
            store.add_seeds([Seed(Entity("file", A), "list", 1, {"family": "Emotet"})])


def test_damaged_attributes_stop_whoever_would_add_to_them(path: Path) -> None:
    sound(path)
    change(path, "UPDATE entity SET attributes = '[]' WHERE api_id = ?", R2)
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(["c" * 64]))
        with pytest.raises(StoreError, match=rf"{path}: the attributes of {R2} are damaged"):
            commit(store, body(R2))
        assert store.totals().pages == 2
        with pytest.raises(StoreError, match=rf"{path}: the attributes of {R2} are damaged"):
            list(store.observations())


def test_a_listing_that_is_read_but_half_does_not_hold_the_file_open(path: Path) -> None:
    sound(path)
    with Store.read(path) as store:
        half = store.statuses()
        next(half)
    half.close()


def test_a_new_file_is_whole_without_its_log(path: Path) -> None:
    create(path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    Store.read(path).close()
