"""Verify the claims of an earlier report with the present content of a campaign file.

Each claim is made again from the campaign file. It holds if its subjects, numbers and names are the
same, and if each observation of its proof is still in the campaign file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from graphbuild._util import format_count
from graphbuild.analysis.incidence import COLLECTIONS, FILES, NO_COLLECTION, REFERENCES
from graphbuild.report.claim_kinds import CHANGE_KINDS, KINDS, find_topic
from graphbuild.report.proofs import SubjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from graphbuild.analysis import Incidence
    from graphbuild.report.claim_kinds import Topic
    from graphbuild.report.claims_file import ClaimRecord, ClaimsFile
    from graphbuild.report.content import Claim, Value
    from graphbuild.report.data import ReportData
    from graphbuild.report.proofs import TripleKeys

Outcome = Literal["holds", "no longer holds", "not verified"]


class Difference(NamedTuple):
    """A value of a claim that is not the same any more."""

    name: str  # of the number, or the key of the subject whose name changed
    claimed: Value
    now: Value  # None if the value does not exist any more


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of the verification of a claim.

    Attributes:
        record: The claim.
        outcome: Whether the claim holds.
        reason: Why the claim was not verified or cannot be made again, or how its subjects differ;
            may be empty.
        differences: The numbers and names that differ.
        missing: The observations of the proof that the campaign file does not contain any more.
    """

    record: ClaimRecord
    outcome: Outcome
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    missing: tuple[TripleKeys, ...] = ()

    @property
    def topic(self) -> Topic:
        """The topic of the claim; see ``claim_kinds.Topic``."""
        return find_topic(self.record.kind)


def verify_claims(claims: ClaimsFile, data: ReportData) -> list[Verification]:
    """Verify claims with the data of a campaign file.

    ``data`` must be collected with ``claims.seed``, and with the earlier snapshot of ``claims``.
    Without this snapshot, claims about changes are not verified.
    """
    verifier = _Verifier(claims, data)
    return [verifier.verify(each) for each in claims.claims]


class _Verifier:
    """Verifies single claims of a file with the data of a campaign file."""

    def __init__(self, claims: ClaimsFile, data: ReportData) -> None:
        self._claims = claims
        self._data = data
        self._missing = _find_missing(
            claims.observations, range(len(claims.observations)), data.incidence
        )

    def verify(self, record: ClaimRecord) -> Verification:
        """Make a claim again, and compare both."""
        data, is_change = self._data, record.kind in CHANGE_KINDS
        if is_change and data.baseline is None:
            reason = (
                f"the claim is about changes since {self._claims.baseline_name}; give that file"
                " with --baseline"
            )
            return Verification(record, "not verified", reason)
        missing = self._missing_in_both if is_change else self._missing
        lost = tuple(
            self._claims.observations[index]
            for indices in record.proof
            for index in indices
            if index in missing
        )
        try:
            claim = KINDS[record.kind](data, record.subjects)
        except SubjectNotFoundError as error:
            # Claims about changes concern clusters of two snapshots.
            reason = "" if is_change else self._explain_clusters(record.subjects)
            return Verification(record, "no longer holds", reason or str(error), missing=lost)
        reason = "" if claim.subjects == record.subjects else _compare_subjects(record, claim)
        differences = tuple(_compare(record, claim))
        is_false = reason or differences or lost
        outcome: Outcome = "no longer holds" if is_false else "holds"
        return Verification(record, outcome, reason, differences, lost)

    @cached_property
    def _missing_in_both(self) -> frozenset[int]:
        """The observations of proofs that are neither in the campaign nor in the baseline."""
        baseline = self._data.baseline
        if baseline is None:
            return self._missing
        earlier = baseline.snapshot.incidence
        return _find_missing(self._claims.observations, self._missing, earlier)

    @cached_property
    def _clusters(self) -> dict[str, set[str]]:
        """The node keys of the files of each cluster, by key of the cluster."""
        clustering, keys = self._data.clustering, self._data.cluster_keys
        return {keys[each.number]: {file.key for file in each.files} for each in clustering}

    def _explain_clusters(self, subjects: Sequence[str]) -> str:
        """Describe the first cluster that has changed. The text is empty if there is none."""
        for key in subjects:
            files = set(self._claims.clusters.get(key, ()))
            if files and key not in self._clusters:
                nearest = max(
                    self._clusters.values(), key=lambda each: len(each & files), default=set()
                )
                return _describe_nearest(files, nearest)
        return ""


def _describe_nearest(files: set[str], nearest: set[str]) -> str:
    """Return a sentence part about the present cluster that shares the most files."""
    count, shared = format_count(len(files), "file"), len(nearest & files)
    if not shared:
        return f"no cluster has one of the {count}"
    size = format_count(len(nearest), "file")
    return (
        f"no cluster has the same {count}: the nearest one has {size}, {shared:,} of them the same"
    )


def _compare(record: ClaimRecord, claim: Claim) -> Iterator[Difference]:
    """Yield the numbers and names that differ between a claim as read and as made again."""
    for claimed, now in ((record.numbers, claim.numbers), (record.names, claim.names)):
        for name in dict.fromkeys((*claimed, *now)):
            if claimed.get(name) != now.get(name) or (name in claimed) != (name in now):
                yield Difference(name, claimed.get(name), now.get(name))


def _compare_subjects(record: ClaimRecord, claim: Claim) -> str:
    before, after = set(record.subjects), set(claim.subjects)
    gone, new = len(before - after), len(after - before)
    if not gone and not new:
        return "the subjects have another order"
    return f"other subjects: {gone:,} no longer, {new:,} new"


# --- observations ---------------------------------------------------------------------------------


def _find_missing(
    observations: Sequence[TripleKeys], indices: Iterable[int], incidence: Incidence
) -> frozenset[int]:
    """Return those of ``indices`` whose observations ``incidence`` does not contain."""
    numbers = [{each.key: n for n, each in enumerate(column)} for column in incidence.entities]
    known = set(map(tuple, incidence.triples.tolist()))
    return frozenset(index for index in indices if _row(observations[index], numbers) not in known)


def _row(triple: TripleKeys, numbers: list[dict[str, int]]) -> tuple[int | None, ...]:
    """Return a triple as a row of ``Incidence.triples``; it contains None for unknown keys."""
    file, reference, collection = triple
    source = NO_COLLECTION if collection is None else numbers[COLLECTIONS].get(collection)
    return numbers[FILES].get(file), numbers[REFERENCES].get(reference), source
