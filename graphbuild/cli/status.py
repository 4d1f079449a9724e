"""``graphbuild status``: show what a campaign file contains, and what is missing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import format_count, format_timestamp
from graphbuild.cli import options, quota
from graphbuild.cli.campaign_file import open_for_reading
from graphbuild.cli.console import print_json, print_line, print_table
from graphbuild.models import COMPLETE, FAILED, RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbuild.store import Store, SubjectStatus
    from graphbuild.store.models import OpenLists

MAX_LISTED = 20  # maximum number of lists and descriptions with problems to print


def status(
    store_path: options.StoreOption = None,
    *,
    show_all: Annotated[
        bool, typer.Option("--all", help="List every subject, not only the first 20 problems.")
    ] = False,
    warnings: Annotated[
        bool,
        typer.Option(
            "--warnings",
            help="List only the warnings about stored pages, for example about omitted values.",
        ),
    ] = False,
    user: options.UserOption = None,
    base_url: options.BaseUrlOption = options.DEFAULT_BASE_URL,
    json: options.JsonOption = False,
) -> None:
    """Show what is stored and what is missing.

    If your user name is known (see --user), the remaining quota is requested, which costs no call.
    """
    with open_for_reading(store_path) as store:
        if warnings:
            print_warnings(store, json=json)
            return
        shard = store.tasks.stored_shard()
        if shard:
            store.tasks.restrict_to_shard(shard)
        remaining = quota.request_quota(user, base_url)
        if json:
            print_json({**status_json(store), "quota": quota.quota_json(remaining)})
            return
        print_status(store, show_all=show_all)
        if remaining:
            quota.print_quota(remaining)


def print_status(store: Store, *, show_all: bool = False) -> None:
    """Print the totals of the campaign, then subjects without a result, then a table of lists.

    The table contains the first 20 lists and descriptions with other problems; with ``show_all``,
    it contains all lists and descriptions.
    """
    totals = store.totals()
    print_line(str(store.path))
    print_totals(store)
    if totals.expected:
        known = totals.received + totals.inferred
        inferred = f", {totals.inferred:,} of them inferred" if totals.inferred else ""
        kind = "file" if totals.files == totals.subjects else "subject"
        pairs = f"{known:,} of {totals.expected:,} {kind}-reference pairs"
        print_line(f"{pairs} are known{inferred}")
    print_open_lists(store)
    print_inferred(store)
    print_verification(store)
    _print_without_direct(store)
    print_descriptions(store)
    print_weak_hashes(store)
    _print_subjects(store, "not known to VirusTotal", _is_unknown, show_all=show_all)
    _print_subjects(store, "without references", _has_no_references, show_all=show_all)
    _print_lists(store, show_all=show_all)


def _print_lists(store: Store, *, show_all: bool) -> None:
    """Print a table of the first 20 lists and descriptions with problems, or of all."""
    descriptions = list(store.description_statuses())
    everything = [*store.statuses(), *descriptions]
    problems = [row for row in store.statuses() if has_problem(row) and not _is_unknown(row)]
    problems += [row for row in descriptions if row.state == FAILED]
    rows = everything if show_all else problems[:MAX_LISTED]
    if rows:
        print_line()
        header = ("subject", "state", "known", "pages", "requested", "status", "remark")
        print_table(header, [_table_row(row) for row in rows])
    hidden = len(problems) - len(rows)
    if not show_all and hidden > 0:
        print_line(f"… and {hidden:,} more; --all lists every subject")


def _print_subjects(
    store: Store, title: str, matches: Callable[[SubjectStatus], bool], *, show_all: bool
) -> None:
    """Print the subjects of the matching lists: the first 20, or all with ``show_all``."""
    rows = [row for row in store.statuses() if matches(row)]
    if not rows:
        return
    print_line()
    print_line(f"{title}: {format_count(len(rows), 'subject')}")
    shown = rows if show_all else rows[:MAX_LISTED]
    for row in shown:
        print_line(f"  {row.subject.readable_id}")
    if len(shown) < len(rows):
        print_line(f"  … and {len(rows) - len(shown):,} more; --all lists every subject")


def _is_unknown(row: SubjectStatus) -> bool:
    """Return whether a list failed because the service does not know its subject."""
    is_references = row.relationship == RELATED_REFERENCES
    return is_references and row.state == FAILED and row.error_code == "NotFoundError"


def _has_no_references(row: SubjectStatus) -> bool:
    """Return whether the complete list of the related references of a subject is empty."""
    is_complete = row.relationship == RELATED_REFERENCES and row.state == COMPLETE
    return is_complete and not row.received_count + row.inferred_count


def print_totals(store: Store) -> None:
    """Print the totals of the campaign in one line."""
    totals = store.totals()
    unknown = sum(map(_is_unknown, store.statuses())) if totals.failed else 0
    failed = f" ({unknown:,} not known to VirusTotal)" if unknown else ""
    states = totals.describe_states().replace(" failed", f" failed{failed}")
    print_line(
        f"{totals.describe_subjects()}: {states} · "
        f"{format_count(totals.references, 'distinct reference')} · "
        f"{format_count(totals.collections, 'collection')} · "
        f"{format_count(totals.observations, 'observation')} · {format_count(totals.calls, 'call')}"
    )


def open_lists(store: Store) -> OpenLists:
    """Return the number of pending lists of a campaign, and of the calls that they still need."""
    from graphbuild.api.client import LIMIT
    from graphbuild.crawler import DEFAULT_PER_NODE

    return store.tasks.open_lists(LIMIT, DEFAULT_PER_NODE)


def print_open_lists(store: Store) -> None:
    """Print how many lists are pending, and how many calls they still need."""
    left = open_lists(store)
    parts = []
    if left.partly_read:
        verb = "has" if left.partly_read == 1 else "have"
        parts.append(f"{format_count(left.partly_read, 'list')} {verb} more pages")
    if left.unread:
        verb = "was" if left.unread == 1 else "were"
        parts.append(f"{format_count(left.unread, 'list')} {verb} not requested yet")
    if parts:
        at_least = "" if left.exact else "at least "
        calls = format_count(left.calls, "call")
        print_line(f"{', '.join(parts)}; 'graphbuild crawl' needs {at_least}{calls} for the rest")
    if shard := store.tasks.stored_shard():
        print_line(f"the file is for shard {shard}; lists of other shards stay pending in it")


def print_inferred(store: Store) -> None:
    """Print how many inferred references may have more collections, and how to request these."""
    from graphbuild.api.client import LIMIT

    references, calls = store.totals().inferred, store.tasks.completion_calls(LIMIT)
    if references:
        text = f"{format_count(references, 'inferred reference')} may have more collections"
        if calls:
            text += f"; 'crawl --complete' finds them with up to {format_count(calls, 'call')}"
        print_line(text)


def print_verification(store: Store) -> None:
    """Print the results of ``crawl --verify-inferred``, if a crawl used this option."""
    audit = store.audit_result()
    if audit.subjects:
        print_line(
            f"verified: {audit.confirmed:,} of {audit.references:,} inferred references confirmed, "
            f"{audit.refuted:,} refuted, in {format_count(audit.subjects, 'subject')}"
        )
    if audit.pending:
        print_line(f"verification pending: {format_count(audit.pending, 'subject')}")


def _print_without_direct(store: Store) -> None:
    """Print the number of subjects whose direct references were not requested."""
    count = store.tasks.count_without_direct()
    if count:
        subjects = format_count(count, "subject")
        print_line(f"direct references of {subjects} were not requested; see 'crawl --direct'")


def print_descriptions(store: Store) -> None:
    """Print how many objects are described, and how many calls ``--describe`` would add."""
    counts = store.descriptions.counts()
    known = {kind: each for kind, each in counts.items() if each.objects}
    if not known:
        return
    described = (f"{each.described:,} of {each.objects:,} {kind}" for kind, each in known.items())
    text = f"described: {', '.join(described)}"
    if pending := sum(each.pending for each in known.values()):
        text += f", {pending:,} pending"
    if left := {kind: each.calls for kind, each in known.items() if each.calls}:
        calls = format_count(sum(left.values()), "call")
        text += f"; 'crawl --describe {','.join(left)}' describes the others with {calls}"
    print_line(text)


def print_weak_hashes(store: Store) -> None:
    """Print how many file hashes are not SHA-256, and that ``--describe`` finds the others."""
    count = sum(each.weak_hashes for each in store.descriptions.counts().values())
    if count:
        verb = "is not a SHA-256" if count == 1 else "are not SHA-256"
        print_line(
            f"{format_count(count, 'file hash')} {verb}; 'crawl --describe files' finds the other"
            " hashes of each file with one call, so that equal files become one node"
        )


def has_problem(row: SubjectStatus) -> bool:
    """Return whether a list or description is not complete, or its status has a detail.

    A complete list can have a detail: for example, that the API announced fewer references.
    """
    return row.state != COMPLETE or bool(row.detail)


def print_warnings(store: Store, *, json: bool = False) -> None:
    """Parse all stored pages again, and print the warnings of the parser.

    The campaign file contains only the number of warnings.
    """
    from graphbuild.api.parser import parse_page

    warnings = [
        (page.subject, page.number, warning)
        for page in store.pages()
        for warning in parse_page(page.body, page.subject, page.relationship).warnings
    ]
    if json:
        names = ("type", "id", "page", "warning")
        rows = [(subject.type, subject.id, *others) for subject, *others in warnings]
        print_json({"warnings": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    for subject, number, warning in warnings:
        print_line(f"{subject.readable_id}, page {number}: {warning}")


def status_json(store: Store) -> dict[str, object]:
    """Return the totals of the campaign and the status of each list as JSON data."""
    from graphbuild.api.client import LIMIT

    lists = []
    for row in store.statuses():
        values = asdict(row)
        del values["subject"]
        lists.append({"type": row.subject.type, "id": row.subject.id, **values})
    descriptions = {
        kind: {**asdict(counts), "calls": counts.calls}
        for kind, counts in store.descriptions.counts().items()
    }
    failed = [
        {"type": row.subject.type, "id": row.subject.id, "detail": row.detail or row.error_code}
        for row in store.description_statuses()
        if row.state == FAILED
    ]
    campaign, audit = asdict(store.totals()), asdict(store.audit_result())
    return {
        "campaign": campaign,
        "missing_data": store.missing_data,
        "shard": str(store.tasks.stored_shard() or "") or None,
        "audit": audit,
        "open": asdict(open_lists(store)),
        "completion_calls": store.tasks.completion_calls(LIMIT),
        "without_direct_references": store.tasks.count_without_direct(),
        "lists": lists,
        "descriptions": {**descriptions, "failures": failed},
    }


def _table_row(row: SubjectStatus) -> tuple[object, ...]:
    known = f"{row.received_count + row.inferred_count:,}"
    if row.expected_count is not None:
        known += f" of {row.expected_count:,}"
    name = row.subject.readable_id
    if row.relationship != RELATED_REFERENCES:
        name += f" {row.relationship}"
    requested = format_timestamp(row.fetched_at) if row.fetched_at else "never"
    status, remark = str(row.http_status or ""), row.detail or row.error_code
    return name, row.state, known, row.page_count, requested, status, remark
