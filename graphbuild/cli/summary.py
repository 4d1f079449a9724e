"""The state of a campaign in words, as several commands print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import notice, print_line, subject_name
from graphbuild.models import COMPLETE

if TYPE_CHECKING:
    from graphbuild.store import Store, SubjectStatus, Totals

MAX_LISTED = 20  # subjects, without --all


def print_totals(store: Store) -> None:
    """Print the campaign in one line."""
    totals = store.totals()
    print_line(
        f"{_count_subjects(totals)}: {totals.complete:,} complete, "
        f"{totals.incomplete:,} incomplete, {totals.failed:,} failed, "
        f"{totals.pending:,} pending · {format_count(totals.references, 'reference')} · "
        f"{format_count(totals.collections, 'collection')} · "
        f"{format_count(totals.observations, 'observation')} · {format_count(totals.calls, 'call')}"
    )


def print_verification(store: Store) -> None:
    """Print how many inferred references were confirmed, if any were verified."""
    audit = store.audit_result()
    if audit.subjects:
        print_line(
            f"verified: {audit.confirmed:,} of {audit.references:,} inferred references confirmed, "
            f"{audit.refuted:,} refuted, in {format_count(audit.subjects, 'subject')}"
        )
    if audit.pending:
        print_line(f"verification pending: {format_count(audit.pending, 'subject')}")


def print_problems(store: Store) -> None:
    """Print the first subjects that failed or are incomplete, and why."""
    problems = [row for row in store.statuses() if row.state != "pending" and has_problem(row)]
    for row in problems[:MAX_LISTED]:
        print_line(f"{subject_name(row.subject)}: {row.state}: {row.detail or row.error_code}")
    if len(problems) > MAX_LISTED:
        hidden = len(problems) - MAX_LISTED
        print_line(f"… and {hidden:,} more; 'graphbuild status --all' lists every subject")


def has_problem(row: SubjectStatus) -> bool:
    """Return whether a subject is not complete, or complete with a remark."""
    return row.state != COMPLETE or bool(row.detail)


def warn_if_incomplete(store: Store) -> None:
    """Log how many subjects are missing from the results, if any."""
    totals = store.totals()
    if totals.pending + totals.incomplete + totals.failed:
        notice(
            f"the campaign is not complete: {totals.pending:,} pending, "
            f"{totals.incomplete:,} incomplete, {totals.failed:,} failed of "
            f"{_count_subjects(totals)}; 'graphbuild status' lists them"
        )


def _count_subjects(totals: Totals) -> str:
    """Return the number of subjects, called files if all of them are."""
    return format_count(totals.subjects, "file" if totals.files == totals.subjects else "subject")
