"""Make claims about the whole campaign: totals, the states of the lists, and missing data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphbuild._util import UntrustedText, format_count, format_timestamp, pluralize
from graphbuild.analysis.incidence import COLLECTIONS, NO_COLLECTION
from graphbuild.models import UNFINISHED_STATES
from graphbuild.report.content import Claim
from graphbuild.report.data import count_known
from graphbuild.report.entity_text import subject_text
from graphbuild.report.proof_selection import (
    find_all_rows,
    find_rows_of_clusters,
    find_shared_rows,
    prove,
    prove_with,
)
from graphbuild.report.proofs import SubjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbuild.analysis.incidence import Numbers
    from graphbuild.report.content import Part, Value
    from graphbuild.report.data import ReportData
    from graphbuild.store import SubjectStatus

_LIST = "list:"  # prefix of the subject that names the relationship of a list


# --- totals ---------------------------------------------------------------------------------------


def total_subjects(data: ReportData) -> Claim:
    """Claim the number of subjects. Those without observations are not in the proof."""
    return _total(data, "subject", data.totals.subjects, lambda: find_all_rows(data))


def total_references(data: ReportData) -> Claim:
    """Claim the number of references in observations."""
    return _total(data, "reference", len(data.incidence.references), lambda: find_all_rows(data))


def total_collections(data: ReportData) -> Claim:
    """Claim the number of collections in observations."""
    number = len(data.incidence.collections)

    def rows() -> Numbers:
        sources = data.incidence.triples[:, COLLECTIONS]
        return np.flatnonzero((sources != NO_COLLECTION) & (sources < number))

    return _total(data, "collection", number, rows)


def total_observations(data: ReportData) -> Claim:
    """Claim the number of observations."""
    return _total(data, "observation", len(data.incidence.triples), lambda: find_all_rows(data))


def total_clusters(data: ReportData) -> Claim:
    """Claim the number of clusters of at least two files."""
    return _total(
        data, "cluster", len(data.clusters), lambda: find_shared_rows(data, data.clusters)
    )


def total_unclustered_files(data: ReportData) -> Claim:
    """Claim the number of files that have observations, but are in no cluster."""
    alone = len(data.clustering) - len(data.clusters)
    return _total(
        data, "unclustered file", alone, lambda: find_rows_of_clusters(data, data.single_files)
    )


def total_calls(data: ReportData) -> Claim:
    """Claim the number of calls that all runs have sent."""
    return _total(data, "call", data.totals.calls)


TOTALS: tuple[Callable[[ReportData], Claim], ...] = (
    total_subjects,
    total_references,
    total_collections,
    total_observations,
    total_clusters,
    total_unclustered_files,
    total_calls,
)


def _total(
    data: ReportData, noun: str, number: int, find_rows: Callable[[], Numbers] | None = None
) -> Claim:
    name = pluralize(2, noun).replace(" ", "_")
    proof = prove(data, find_rows) if find_rows else tuple
    return Claim(f"total_{name}", format_count(number, noun), {name: number}, find_proof=proof)


# --- lists ----------------------------------------------------------------------------------------


def incomplete_lists(data: ReportData) -> Claim:
    """Claim the number of lists in each state except ``complete``."""
    totals = data.totals
    text = (
        f"Incomplete data: {totals.describe_states(*UNFINISHED_STATES)} of"
        f" {totals.describe_subjects()}."
    )
    return Claim("incomplete_lists", text, _count_states(data))


def complete_lists(data: ReportData) -> Claim:
    """Claim that all lists are complete."""
    text = f"All lists are complete ({format_count(data.totals.subjects, 'subject')})."
    return Claim("complete_lists", text, _count_states(data))


def missing_data(data: ReportData) -> Claim:
    """Claim which data may be missing, for the summary."""
    totals = data.totals
    without = len(data.subjects_without_references)
    if totals.complete < totals.lists:
        counts = ((int(getattr(totals, state)), state) for state in UNFINISHED_STATES)
        states = ", ".join(f"{number:,} {state}" for number, state in counts if number)
        text = f"References may be missing, because not all lists are complete ({states})."
    elif without:
        unknown = f"no reference is known of {data.count_subjects(without)}"
        text = f"All lists are complete, but {unknown}."
    else:
        text = "All lists are complete." if totals.lists else "No subject has been added yet."
    numbers = {**_count_states(data), "subjects_without_references": without}
    return Claim("missing_data", text, numbers)


def _count_states(data: ReportData) -> dict[str, int]:
    totals = data.totals
    counts = {state: int(getattr(totals, state)) for state in UNFINISHED_STATES}
    return {"subjects": totals.subjects, "lists": totals.lists, **counts}


def last_response(data: ReportData) -> Claim:
    """Claim the time of the last response."""
    last = data.last_response
    time = None if last is None else format_timestamp(last)
    text = "No response yet." if time is None else f"Last response: {time}."
    return Claim("last_response", text, {"time": time})


def known_references(data: ReportData) -> Claim:
    """Claim how many of the expected references are known."""
    known, expected = data.totals.received + data.totals.inferred, data.totals.expected
    text = f"{known:,} of {expected:,} expected references are known, summed over the subjects."
    return Claim("known_references", text, {"known": known, "expected": expected})


def inferred_references(data: ReportData) -> Claim:
    """Claim how many references were inferred."""
    number = data.totals.inferred
    verb = "was" if number == 1 else "were"
    text = f"{number:,} of the known references {verb} inferred, not observed."
    return Claim("inferred_references", text, {"inferred": number})


def response_warnings(data: ReportData) -> Claim:
    """Claim the number of warnings about the content of responses."""
    number = data.totals.warnings
    text = f"{format_count(number, 'warning')} about the content of responses"
    return Claim("response_warnings", text, {"warnings": number})


def subjects_without_references(data: ReportData) -> Claim:
    """Claim which subjects with complete lists have no known reference."""
    subjects = data.subjects_without_references
    text = f"{data.count_subjects(len(subjects))} with complete lists but no known reference"
    keys = tuple(each.key for each in subjects)
    return Claim("subjects_without_references", text, {"subjects": len(keys)}, keys)


def list_state(data: ReportData, status: SubjectStatus) -> Claim:
    """Claim the state of a list, its numbers of references, and the warning about it."""
    del data  # every function that makes a claim has this argument
    known, expected = count_known(status), status.expected_count
    warning = status.detail or status.error_code
    text: tuple[Part, ...] = (
        f"The list {status.relationship} of ",
        UntrustedText(subject_text(status.subject)),
        f" is {status.state}: {known:,} references are known.",
    )
    numbers: dict[str, Value] = {
        "state": status.state,
        "known": known,
        "expected": expected,
        "warning": warning,
    }
    subjects = status.subject.key, f"{_LIST}{status.relationship}"
    return Claim("list_state", text, numbers, subjects)


def find_list_state(data: ReportData, subjects: Sequence[str]) -> Claim:
    """Make the claim about a list again."""
    for status in data.statuses:
        if [status.subject.key, f"{_LIST}{status.relationship}"] == list(subjects):
            return list_state(data, status)
    raise SubjectNotFoundError("the campaign has no such list")


# --- news -----------------------------------------------------------------------------------------


def last_day(data: ReportData) -> Claim:
    """Claim what was added on the last day of the campaign.

    Raises:
        SubjectNotFoundError: The campaign has no state before its last day.
    """
    news = data.news
    if news is None:
        raise SubjectNotFoundError("no list was complete before the last day with a response")
    text = f"The responses of {news.day.isoformat()}, the last day of the crawl, added"
    if news.references or news.collections:
        text = f"{text} {count_entities(news.references, news.collections)}"
    else:
        text = f"{text} nothing"
    unknown = format_count(news.unknown, "more reference")
    numbers: dict[str, Value] = {
        "day": news.day.isoformat(),
        "references": news.references,
        "collections": news.collections,
        "unknown": news.unknown,
    }
    return Claim(
        "last_day",
        f"{text}; {unknown} may be new." if news.unknown else f"{text}.",
        numbers,
        tuple(each.key for each in news.added),
        find_proof=prove_with(data, news.added),
    )


def count_entities(references: int, collections: int) -> str:
    """Return the numbers of references and collections as text."""
    one = format_count(references, "reference")
    return f"{one} and {format_count(collections, 'collection')}"
