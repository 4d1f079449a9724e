"""Print the state of a campaign; several commands use these functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import notice, print_line
from graphbuild.models import COMPLETE

if TYPE_CHECKING:
    from graphbuild.store import Store, SubjectStatus, Totals

MAX_LISTED = 20  # subjects; --all lists more


def print_totals(store: Store) -> None:
    """Print the numbers of subjects, references, observations and calls in one line."""
    totals = store.totals()
    print_line(
        f"{_count_subjects(totals)}: {totals.complete:,} complete, "
        f"{totals.incomplete:,} incomplete, {totals.failed:,} failed, "
        f"{totals.pending:,} pending · {format_count(totals.references, 'reference')} · "
        f"{format_count(totals.collections, 'collection')} · "
        f"{format_count(totals.observations, 'observation')} · {format_count(totals.calls, 'call')}"
    )


def print_verification(store: Store) -> None:
    """Print the results of --verify-inferred, if it was used."""
    audit = store.audit_result()
    if audit.subjects:
        print_line(
            f"verified: {audit.confirmed:,} of {audit.references:,} inferred references confirmed, "
            f"{audit.refuted:,} refuted, in {format_count(audit.subjects, 'subject')}"
        )
    if audit.pending:
        print_line(f"verification pending: {format_count(audit.pending, 'subject')}")


def print_problems(store: Store) -> None:
    """Print the first subjects that failed or are incomplete, with the reasons."""
    problems = [row for row in store.statuses() if row.state != "pending" and has_problem(row)]
    for row in problems[:MAX_LISTED]:
        print_line(f"{row.subject.readable_id}: {row.state}: {row.detail or row.error_code}")
    if len(problems) > MAX_LISTED:
        hidden = len(problems) - MAX_LISTED
        print_line(f"… and {hidden:,} more; 'graphbuild status --all' lists every subject")


def has_problem(row: SubjectStatus) -> bool:
    """Return whether a subject is not complete, or has a detail to report."""
    return row.state != COMPLETE or bool(row.detail)


def warn_if_incomplete(store: Store) -> None:
    """Log the number of subjects that are not complete, if there are any."""
    totals = store.totals()
    if totals.pending + totals.incomplete + totals.failed:
        notice(
            f"the campaign is not complete: {totals.pending:,} pending, "
            f"{totals.incomplete:,} incomplete, {totals.failed:,} failed of "
            f"{_count_subjects(totals)}; 'graphbuild status' lists them"
        )


def _count_subjects(totals: Totals) -> str:
    """Return the number of subjects as text, such as "3 files" if all subjects are files."""
    return format_count(totals.subjects, "file" if totals.files == totals.subjects else "subject")
