"""Verify the claims of an earlier report with the present content of a campaign file.

A claim holds if the same claim, made again from the campaign file, has the same subjects, numbers
and names, and if each observation of its proof is still in the campaign file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from graphbuild._util import format_count
from graphbuild.analysis.incidence import COLLECTIONS, FILES, NO_COLLECTION, REFERENCES
from graphbuild.report.claim_kinds import CHANGE_KINDS, KINDS
from graphbuild.report.proofs import SubjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.analysis import Incidence
    from graphbuild.report.claims import Claim, Value
    from graphbuild.report.claims_file import ClaimRecord, ClaimsFile
    from graphbuild.report.data import ReportData
    from graphbuild.report.proofs import TripleKeys

Outcome = Literal["holds", "no longer holds", "not verified"]
HOLDS: Outcome = "holds"
FALSE: Outcome = "no longer holds"
UNVERIFIED: Outcome = "not verified"


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
        reason: Why the claim was not verified, or cannot be made again; may be empty.
        differences: The numbers and names that differ.
        missing: The observations of the proof that the campaign file does not contain any more.
    """

    record: ClaimRecord
    outcome: Outcome
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    missing: tuple[TripleKeys, ...] = ()


def verify_claims(claims: ClaimsFile, data: ReportData) -> list[Verification]:
    """Verify claims with the data of a campaign file.

    ``data`` must be collected with ``claims.seed``, and with the earlier snapshot of ``claims``.
    Without this snapshot, claims about changes are not verified.
    """
    now = _find_missing(claims, [data.incidence])
    earlier = [data.baseline.snapshot.incidence] if data.baseline else []
    in_both = _find_missing(claims, [data.incidence, *earlier]) if earlier else now
    return [
        _verify(each, claims, data, in_both if each.kind in CHANGE_KINDS else now)
        for each in claims.claims
    ]


def _verify(
    record: ClaimRecord, claims: ClaimsFile, data: ReportData, missing: frozenset[int]
) -> Verification:
    if record.kind in CHANGE_KINDS and data.baseline is None:
        reason = f"the claim compares with {claims.baseline_name}, which was not given (--baseline)"
        return Verification(record, UNVERIFIED, reason)
    lost = tuple(claims.observations[number] for number in record.proof if number in missing)
    try:
        claim = KINDS[record.kind](data, record.subjects)
    except SubjectNotFoundError as error:
        reason = _explain_clusters(record, claims, data) or str(error)
        return Verification(record, FALSE, reason, missing=lost)
    reason = "" if claim.subjects == record.subjects else _compare_subjects(record, claim)
    differences = tuple(_compare(record, claim))
    outcome = FALSE if reason or differences or lost else HOLDS
    return Verification(record, outcome, reason, differences, lost)


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


def _explain_clusters(record: ClaimRecord, claims: ClaimsFile, data: ReportData) -> str:
    """Return how the first cluster of a claim changed; empty if the cluster is the same.

    The result is also empty for claims about changes, which concern clusters of two snapshots.
    """
    if record.kind in CHANGE_KINDS:
        return ""
    known = set(data.cluster_keys.values())
    for key in record.subjects:
        files = set(claims.clusters.get(key, ()))
        if not files or key in known:
            continue
        sides = [{file.key for file in cluster.files} for cluster in data.clustering]
        nearest = max(sides, key=lambda side: len(side & files), default=set())
        count = format_count(len(files), "file")
        if not nearest & files:
            return f"no cluster contains one of the {count} of {key}"
        return (
            f"no cluster has the same {count}: the nearest one has"
            f" {format_count(len(nearest), 'file')}, {len(nearest & files):,} of them the same"
        )
    return ""


# --- observations ---------------------------------------------------------------------------------


def _find_missing(claims: ClaimsFile, sides: Iterable[Incidence]) -> frozenset[int]:
    """Return the indices of the observations of ``claims`` that no incidence contains."""
    missing = set(range(len(claims.observations)))
    for side in sides:
        numbers = [{each.key: n for n, each in enumerate(column)} for column in side.entities]
        known = set(map(tuple, side.triples.tolist()))
        missing = {
            number for number in missing if _row(claims.observations[number], numbers) not in known
        }
    return frozenset(missing)


def _row(triple: TripleKeys, numbers: list[dict[str, int]]) -> tuple[int | None, ...]:
    """Return a triple as a row of ``Incidence.triples``; it contains None for unknown keys."""
    file, reference, collection = triple
    source = NO_COLLECTION if collection is None else numbers[COLLECTIONS].get(collection)
    return numbers[FILES].get(file), numbers[REFERENCES].get(reference), source
