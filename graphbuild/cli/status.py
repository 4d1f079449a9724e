"""How a campaign stands, in words: what is known, what is missing, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from graphbuild._util import format_count, format_timestamp
from graphbuild.cli.console import named, notice, result, result_json, table
from graphbuild.models import COMPLETE, RELATED_REFERENCES

if TYPE_CHECKING:
    from graphbuild.cli.crawl import Outcome
    from graphbuild.store import Store, SubjectStatus, Totals

_FEW = 20  # rows of a listing, unless all are asked for


def in_words(totals: Totals) -> str:
    """The campaign in one line."""
    return (
        f"{_subjects(totals)}: {totals.complete:,} complete, "
        f"{totals.incomplete:,} incomplete, {totals.failed:,} failed, "
        f"{totals.pending:,} still to ask · {format_count(totals.references, 'reference')} · "
        f"{format_count(totals.collections, 'collection')} · "
        f"{format_count(totals.observations, 'observation')} · {format_count(totals.calls, 'call')}"
    )


def _subjects(totals: Totals) -> str:
    """How many were asked about: files, where nothing else was."""
    return format_count(totals.subjects, "file" if totals.files == totals.subjects else "subject")


def summary(store: Store, outcome: Outcome) -> None:
    """What a crawl came to."""
    totals = store.totals()
    result(in_words(totals))
    result(
        f"this run: {format_count(outcome.calls, 'call')}, {format_count(outcome.pages, 'page')}"
    )
    _tell_audit(store)
    if totals.remarks:
        result(
            f"{format_count(totals.remarks, 'remark')} on what the pages hold; see status --remarks"
        )
    _list_problems(store)
    if outcome.paused:
        notice(f"paused: {outcome.paused}")


def status(store: Store, *, everything: bool) -> None:
    """The campaign, and its subjects: those with something to say, or all."""
    totals = store.totals()
    result(str(store.path))
    result(in_words(totals))
    if totals.announced:
        inferred = f", {totals.inferred:,} of them inferred" if totals.inferred else ""
        known = totals.received + totals.inferred
        result(f"{known:,} of {totals.announced:,} references are known, file by file{inferred}")
    _tell_audit(store)
    subjects = list(store.statuses())
    rows = subjects if everything else [row for row in subjects if _is_problem(row)][:_FEW]
    if rows:
        result("")
        head = ("subject", "state", "known", "pages", "asked", "status", "remark")
        table(head, [_row(row) for row in rows])
    hidden = sum(map(_is_problem, subjects)) - len(rows)
    if not everything and hidden > 0:
        result(f"… and {hidden:,} more; --all lists every file")


def remarks(store: Store) -> None:
    """What was set aside or changed while reading, from the stored pages themselves."""
    from graphbuild.api.parser import parse_page

    for stored in store.pages():
        for remark in parse_page(stored.body, stored.subject, stored.relationship).warnings:
            result(f"{named(stored.subject)}, page {stored.number}: {remark}")


def check(store: Store, *, json: bool) -> bool:
    """Tell whether the file is what was stored; True if it is."""
    from graphbuild.store import damages

    found = list(damages(store))
    if json:
        told = [
            {"subject": each.subject.id if each.subject else None, "problem": each.problem}
            for each in found
        ]
        result_json({"sound": not found, "damages": told})
        return not found
    for each in found:
        result(f"{named(each.subject) if each.subject else store.path}: {each.problem}")
    pages = format_count(store.totals().pages, "page") if not found else "some damaged"
    result(f"{store.path}: {'sound' if not found else 'not sound'}, {pages}")
    return not found


def status_json(store: Store) -> dict[str, object]:
    """The same for scripts, every subject."""
    subjects = [
        {"type": row.subject.type, "id": row.subject.id, **_fields(row)} for row in store.statuses()
    ]
    audit = asdict(store.audit_result())
    return {"campaign": asdict(store.totals()), "audit": audit, "subjects": subjects}


def gaps(store: Store) -> None:
    """One line on what the graph does not hold, if anything."""
    totals = store.totals()
    missing = totals.pending + totals.incomplete + totals.failed
    if missing:
        notice(
            f"not whole: {totals.pending:,} still to ask, {totals.incomplete:,} incomplete, "
            f"{totals.failed:,} failed of {_subjects(totals)}; see graphbuild status"
        )


def _tell_audit(store: Store) -> None:
    """How what was inferred agrees with what was asked for after all."""
    audit = store.audit_result()
    if audit.subjects:
        result(
            f"audit: {audit.confirmed:,} of {audit.edges:,} inferred references confirmed, "
            f"{audit.refuted:,} refuted, in {format_count(audit.subjects, 'subject')}"
        )
    if audit.waiting:
        result(f"audit: {format_count(audit.waiting, 'subject')} still to read")


def _list_problems(store: Store) -> None:
    problems = [row for row in store.statuses() if row.state != "pending" and _is_problem(row)]
    for row in problems[:_FEW]:
        result(f"{named(row.subject)}: {row.state}: {row.remark or row.error}")
    if len(problems) > _FEW:
        result(f"… and {len(problems) - _FEW:,} more; graphbuild status --all lists every file")


def _is_problem(row: SubjectStatus) -> bool:
    return row.state != COMPLETE or bool(row.remark)


def _row(row: SubjectStatus) -> tuple[str, ...]:
    known = f"{row.received + row.inferred:,}"
    known += "" if row.count is None else f" of {row.count:,}"
    name = named(row.subject)
    if row.relationship != RELATED_REFERENCES:
        name += f" {row.relationship}"
    asked = format_timestamp(row.asked_at) if row.asked_at else "never"
    told = str(row.status or "")
    return (name, row.state, known, f"{row.pages:,}", asked, told, row.remark or row.error)


def _fields(row: SubjectStatus) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name != "subject"}
