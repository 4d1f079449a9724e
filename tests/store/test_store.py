"""The campaign file: storing pages, reading them back, totals."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.parser import parse_page
from graphbuild.models import COMPLETE, FAILED, INCOMPLETE, PENDING, SHORT, Entity, Status
from graphbuild.seeds import Seed, parse_seeds
from graphbuild.store import (
    AuditResult,
    FetchedPage,
    RemainingCalls,
    SaveResult,
    Store,
    StoredPage,
    Totals,
    find_damage,
)
from graphbuild.store.entities import unite_entities
from tests.store.helpers import R1, R2, R3, A, B, about, body, commit, fetched

if TYPE_CHECKING:
    from pathlib import Path


def triples(store: Store) -> list[tuple[str, str, str | None]]:
    return [
        (one.subject.id, one.reference.id, one.related_from.id if one.related_from else None)
        for one in store.observations()
    ]


def test_each_seed_is_added_once_in_order(store: Store) -> None:
    assert store.add_seeds(parse_seeds([B, "c" * 32])) == 1
    assert [row.subject.id for row in store.statuses()] == [A, B, "c" * 32]
    assert {row.state for row in store.statuses()} == {PENDING}


def test_page_observations_and_cursor_are_stored_together(store: Store) -> None:
    result = commit(store, body(R1, R2, count=3, cursor="next"))
    assert (result.new_references, result.status.state) == (2, PENDING)
    assert triples(store) == [(A, R1, "c"), (A, R2, "c")]
    first = next(store.statuses())
    assert (first.page_count, first.expected_count, first.received_count) == (1, 3, 2)


def test_first_pages_come_before_second_pages(store: Store) -> None:
    commit(store, body(R1, count=2, cursor="next"))
    second = store.tasks.next_task()
    assert second is not None
    assert second.subject.id == B
    commit(store, body(R1))
    third = store.tasks.next_task()
    assert third is not None
    assert (third.subject.id, third.cursor, third.page_count) == (A, "next", 1)


def test_snapshot_is_isolated_from_a_crawl(path: Path) -> None:
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


def test_the_change_count_of_a_reader_differs_after_each_change_of_a_writer(path: Path) -> None:
    with Store.open(path) as writer, Store.read(path) as reader:
        counts = [reader.change_count(), reader.change_count()]
        writer.add_seeds(parse_seeds([A]))
        counts += [reader.change_count(), reader.change_count()]
        writer.add_seeds(parse_seeds([B]))
        counts.append(reader.change_count())
    assert counts[0] == counts[1]
    assert counts[2] == counts[3]
    assert len(set(counts)) == 3


def test_sql_view_lists_each_observation_once(path: Path) -> None:
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


def test_contents_survive_closing_and_reopening(path: Path) -> None:
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


def test_failed_transaction_stores_nothing(store: Store) -> None:
    task = store.tasks.next_task()
    assert task is not None
    good = fetched(store, body(R1, R2))
    broken = Entity("reference", R3, {"title": object()})  # type: ignore[dict-item]  # cannot be stored
    worse = good.page.entries[0].__class__(broken, (None,))
    page = good.page.__class__(task.subject, (*good.page.entries, worse), 3, None, 3)
    with pytest.raises(TypeError):
        store.page_writer.save_page(task, FetchedPage(good.body, page, 1.0, None))
    assert triples(store) == []
    assert store.totals().pages == 0
    assert store.tasks.next_task() == task


def test_entity_without_attributes_keeps_the_stored_ones(store: Store) -> None:
    commit(store, body(R1, title="Known"))
    bare = {"type": "reference", "id": R1}
    commit(store, json.dumps({"data": [bare]}).encode())
    for one in store.observations():
        assert one.reference.attributes["title"] == "Known"


def test_control_characters_and_lone_surrogates_are_stored_unchanged(store: Store) -> None:
    title = "a\x00b\x1b[2J\u202e\ufffe"
    commit(store, body(R1, title=title))
    (only,) = store.observations()
    assert only.reference.attributes["title"] == title


def test_reference_without_collection_is_an_observation(store: Store) -> None:
    raw = json.dumps({"data": [{"type": "reference", "id": R1}]}).encode()
    commit(store, raw)
    assert triples(store) == [(A, R1, None)]


def test_subject_without_references_is_complete(store: Store) -> None:
    assert commit(store, body()).status.state == COMPLETE
    (first, _) = store.statuses()
    assert (first.state, first.expected_count, first.received_count) == (COMPLETE, 0, 0)


def test_fewer_references_than_expected_are_reported(store: Store) -> None:
    for state in (PENDING, SHORT):  # the page is requested once more
        status = commit(store, body(R1, R2, count=241)).status
        assert status == Status(state, "241 references expected, 2 received")


def test_change_of_the_expected_count_is_reported(store: Store) -> None:
    commit(store, body(R1, count=3, cursor="x"))
    commit(store, body(R1))
    status = commit(store, body(R2, count=2)).status
    assert status.detail == "the expected count changed between 2 and 3; 2 received"


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([body(R1, count=90, cursor="x"), body(R2, count=90, cursor="x")], "repeats a cursor"),
        ([body(R1, count=90, cursor="x"), body(R1, count=90, cursor="y")], "no new reference"),
        ([body(R1, count=1, cursor="x"), body(R2, count=1, cursor="y")], "more pages follow"),
    ],
    ids=["same cursor", "same entries", "beyond the count"],
)
def test_endless_paging_ends_as_incomplete(path: Path, pages: list[bytes], message: str) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        verdicts = [commit(store, raw).status for raw in pages]
        assert verdicts[-1].state == INCOMPLETE
        assert message in verdicts[-1].detail
        assert store.tasks.next_task() is None


def test_only_temporary_failures_are_requeued(store: Store) -> None:
    first = store.tasks.next_task()
    assert first is not None
    store.tasks.save_failure(
        first, error_code="NotFoundError", detail="unknown", retry=False, at=1.0
    )
    second = store.tasks.next_task()
    assert second is not None
    store.tasks.save_failure(
        second, error_code="TransientError", detail="later", retry=True, at=1.0
    )
    assert store.tasks.next_task() is None
    assert [row.state for row in store.statuses()] == [FAILED, FAILED]
    assert store.tasks.requeue() == 1
    assert [row.state for row in store.statuses()] == [FAILED, PENDING]


def test_lists_with_fewer_failures_are_requested_first_until_their_next_page(path: Path) -> None:
    def fail(task_id: int) -> None:
        store.tasks.save_failure(
            store.tasks.get(task_id), error_code="TransientError", detail="", retry=True, at=1.0
        )
        store.tasks.requeue()

    def order() -> list[int]:
        found: list[int] = []
        while task := store.tasks.next_task(found):
            found.append(task.id)
        return found

    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B, "c" * 64]))
        for task_id in (1, 1, 2):
            fail(task_id)
        assert order() == [3, 2, 1]
        for references in ([R1], [R1, R2], [R1]):  # the last page contains no new entity
            commit(store, body(*references, count=9, cursor="next"))
        assert order() == [3, 2, 1]
        fail(3)
        assert order() == [2, 1, 3]
        store.tasks.refresh(2.0)
        assert order() == [1, 2, 3]


def test_subjects_have_seed_and_state_attributes(store: Store) -> None:
    commit(store, body(R1))
    first, second = store.subjects()
    assert (first.attributes["seed"], first.attributes["state"]) == (True, COMPLETE)
    assert (second.attributes["seed"], second.attributes["state"]) == (True, PENDING)


def test_totals_of_an_empty_campaign_are_zero(path: Path) -> None:
    with Store.open(path) as store:
        assert store.totals() == Totals(*[0] * 18)
        assert not store.tasks.has_pending()
        assert store.tasks.mean_pages(40) is None
        assert store.tasks.remaining_calls(40) == RemainingCalls(0, 0)
        assert store.audit_result() == AuditResult(0, 0, 0, 0, 0)


def test_totals_match_the_stored_pages(path: Path) -> None:
    """Four files and a domain: one complete, one by inference, one refused, one in a loop."""
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B, "c" * 64, "d" * 64, "evil.example"]))
        commit(store, body(R1, R2, creation_date="yesterday"))  # one warning each
        commit(store, body(R2, count=2, cursor="next"))
        refused, looping = store.tasks.next_task(), store.tasks.next_task([3])
        assert refused is not None
        assert looping is not None
        store.tasks.save_failure(
            refused,
            error_code="NotFoundError",
            detail="unknown",
            retry=False,
            at=1.0,
            http_status=404,
        )
        for cursor in (None, "same"):
            raw = body(R3, count=3, cursor="same")
            answer = FetchedPage(raw, parse_page(raw, looping.subject), 1.0, cursor)
            store.page_writer.save_page(store.tasks.get(looping.id), answer)
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
        lists=5,
        pending=1,
        complete=2,
        short=0,
        limited=0,
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


def test_remaining_calls_count_pages(path: Path) -> None:
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
            store.tasks.save_failure(
                task, error_code="TransientError", detail="later", retry=True, at=1.0
            )
        assert store.tasks.remaining_calls(40) == RemainingCalls(2, 2)
        # Older pages do not count as read, so first pages are requested again.
        assert store.tasks.remaining_calls(40, before=1.0) == RemainingCalls(2, 2)
        assert store.tasks.remaining_calls(40, before=1.5) == RemainingCalls(2, 3 + 1)


def test_remaining_calls_without_refresh_ignore_complete_lists(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        task = store.tasks.next_task()
        assert task is not None
        store.page_writer.save_page(task, fetched(store, body(R1), at=0.5))
        assert store.tasks.remaining_calls(40) == RemainingCalls(0, 0)


@pytest.mark.parametrize(
    ("count", "state", "remark"),
    [
        (2, COMPLETE, ""),
        (1, COMPLETE, "1 references expected, 2 received"),
        (3, SHORT, "3 references expected, 2 received"),
        (None, COMPLETE, ""),
    ],
)
def test_imported_pages_are_compared_with_their_expected_count(
    store: Store, count, state, remark
) -> None:
    raw = body(R1, R2, count=count)
    if count is None:
        raw = json.dumps({"data": json.loads(raw)["data"]}).encode()
    other = body(R3, count=7, cursor="next")
    for subject, answer in ((Entity("file", B), other), (Entity("file", "c" * 64), raw)):
        saved = FetchedPage(answer, parse_page(answer, subject), 1.0, None)
        assert store.page_writer.import_pages(subject, [saved, saved]) == 1
    row = list(store.statuses())[2]
    assert (row.state, row.received_count, row.detail) == (state, 2, remark)
    assert (row.cursor, row.error_code) == (None, "")


def test_pending_includes_lists_to_retry(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A]))
        assert store.tasks.has_pending()
        task = store.tasks.next_task()
        assert task is not None
        store.tasks.save_failure(
            task, error_code="TransientError", detail="later", retry=True, at=1.0
        )
        assert store.tasks.has_pending()
        store.tasks.save_failure(
            task, error_code="NotFoundError", detail="unknown", retry=False, at=1.0
        )
        assert not store.tasks.has_pending()
        (row,) = store.statuses()
        assert (row.http_status, row.error_code, row.detail) == (0, "NotFoundError", "unknown")


def test_known_states_omit_unknown_entities(store: Store) -> None:
    commit(store, body(R1))
    unknown = Entity("file", "c" * 64)
    subjects = [Entity("file", A), Entity("file", B), unknown, Entity("reference", R1)]
    assert store.known_states(subjects) == {subjects[0]: COMPLETE, subjects[1]: PENDING}
    assert [store.contains(each) for each in subjects] == [True, True, False, True]


def test_state_of_an_alias_is_that_of_the_canonical_subject(path: Path) -> None:
    alias = "d" * 32
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, alias]))
        with store.transaction():
            unite_entities(store._db, alias=2, canonical=1)
        subjects = [Entity("file", A), Entity("file", alias)]
        assert store.known_states(subjects) == dict.fromkeys(subjects, PENDING)


def test_progress_attributes_cannot_come_from_the_api(path: Path) -> None:
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


def test_later_seed_list_adds_attributes(path: Path) -> None:
    lists = [{"family": "Emotet"}, {"family": "Heodo", "actor": "TA542"}, {}]
    with Store.open(path) as store:
        news = [
            store.add_seeds([Seed(Entity("file", A), "list", number, noted)])
            for number, noted in enumerate(lists)
        ]
        (subject,) = store.subjects()
    assert news == [1, 0, 0]
    seed_attributes = {name: value for name, value in subject.attributes.items() if "seed_" in name}
    assert seed_attributes == {"seed_family": "Emotet", "seed_actor": "TA542"}


def test_pages_are_returned_unchanged_with_their_numbers(store: Store) -> None:
    pages = [body(R1, count=2, cursor="next"), body(R3), body(R2, count=2)]
    for raw in pages:
        commit(store, raw)
    relationship = "related_references"
    assert list(store.pages()) == [
        StoredPage(Entity("file", A), relationship, 1, pages[0]),
        StoredPage(Entity("file", B), relationship, 1, pages[1]),
        StoredPage(Entity("file", A), relationship, 2, pages[2]),
    ]


def test_only_the_current_pass_counts_after_a_refresh(store: Store) -> None:
    commit(store, body(R1, R2, count=3, cursor="next"))
    store.tasks.refresh(2.0)
    answer = fetched(store, body(R3, count=5, cursor="next"), at=3.0)
    result = store.page_writer.save_page(store.tasks.get(1), answer)
    assert (result.new_references, result.status.state) == (1, PENDING)
    reading = store.inferences.observed_references(1)
    names = {one.reference.id for one in store.observations()}
    assert (reading.count, len(reading.collections_by_reference), names) == (5, 1, {R1, R2, R3})


def test_alias_with_pages_is_united_with_its_subject(path: Path) -> None:
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
def test_page_in_flight_for_an_alias_is_stored_for_the_canonical_subject(
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
    store.page_writer.save_page(other, FetchedPage(answers[0], pages[0], 1.0, None))
    if reopened:
        store.close()
        store = Store.open(path)
    with closing(store):
        message = store.page_writer.save_page(one, FetchedPage(answers[1], pages[1], 2.0, None))
        assert message == SaveResult(0, Status(COMPLETE, "the same subject under another id"))
        assert triples(store) == [(A, R1, "c"), (A, R2, "c")]
        times = {
            each.reference.id: (each.first_seen, each.last_seen) for each in store.observations()
        }
        assert times == {R1: (1.0, 2.0), R2: (2.0, 2.0)}
        (row,) = store.statuses()
        assert (row.subject, row.state, row.page_count, row.cursor) == (real, PENDING, 1, "next")
        assert store.tasks.get(one.id).page_count == 1
        assert store.totals().pages == 2
        # The reference stored for the alias is not new on the next page.
        result = commit(store, body(R2, R3, count=3))
        assert (result.new_references, result.status) == (1, Status(COMPLETE))
        assert list(find_damage(store)) == []


def test_url_keeps_its_text_under_the_id_of_the_api(path: Path) -> None:
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
