"""Make claims about the changes since the baseline of a report.

The functions raise ``SubjectNotFoundError`` if there is no baseline.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from graphbuild._util import UntrustedText, format_count
from graphbuild.analysis import (
    describe_change,
    describe_cluster,
    make_families,
    publication_date,
    reference_url,
    summarize_changes,
)
from graphbuild.report.campaign_claims import count_entities
from graphbuild.report.content import Claim, plain_text
from graphbuild.report.data import key_of_cluster
from graphbuild.report.entity_text import entity_name, family_origins, family_text
from graphbuild.report.proofs import (
    Proof,
    SubjectNotFoundError,
    find_rows_of,
    find_rows_of_files,
    find_rows_of_triples,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbuild.analysis import ClusterChange, Comparison, Family, Incidence, MovedFile
    from graphbuild.analysis.incidence import Numbers
    from graphbuild.models import Entity
    from graphbuild.report.data import Baseline, ReportData
    from graphbuild.report.proof_selection import FindProof

    Side = Literal["before", "after"]
    Change = Literal["added", "removed"]

_T = TypeVar("_T")
CHANGES = ("added", "removed", "unchanged", "unknown_before", "unknown_after")
KINDS_OF_ENTITIES = ("files", "references", "collections", "observations")
_UNKNOWN_CHANGE = {"before": "added", "after": "removed"}  # by the snapshot that lacks data


def require_baseline(data: ReportData) -> tuple[Baseline, Comparison]:
    """Return the baseline of a report and the comparison with it."""
    if data.baseline is None or data.comparison is None:
        raise SubjectNotFoundError("there is no earlier snapshot")
    return data.baseline, data.comparison


def changes_since(data: ReportData) -> Claim:
    """Claim how many references and collections were added and removed."""
    baseline, comparison = require_baseline(data)
    references, collections = comparison.references, comparison.collections
    added = count_entities(len(references.added), len(collections.added))
    removed = count_entities(len(references.removed), len(collections.removed))
    changed = [*references.added, *collections.added, *references.removed, *collections.removed]
    return Claim(
        "changes_since",
        (
            *("Since ", UntrustedText(baseline.name)),
            f", {added} were added, and {removed} were removed.",
        ),
        {
            f"{kind}_{change}": len(getattr(getattr(comparison, kind), change))
            for kind in ("references", "collections")
            for change in ("added", "removed")
        },
        find_proof=_prove_in_both(data, find_rows_of, changed),
    )


def incomplete_subjects(data: ReportData, side: Side) -> Claim:
    """Claim how many subjects are not complete in a snapshot, by state."""
    _, comparison = require_baseline(data)
    subjects = getattr(comparison, f"incomplete_{side}")
    states = Counter(state for _, state in subjects)
    counts = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
    total = format_count(len(subjects), "subject")
    return Claim(
        f"incomplete_{side}",
        (
            f"Incomplete {side}: {total} ({counts}). References that only these"
            f" subjects have are not counted as {_UNKNOWN_CHANGE[side]}."
        ),
        {"subjects": len(subjects), **dict(sorted(states.items()))},
        tuple(subject.key for subject, _ in subjects),
    )


def inferred_observations(data: ReportData, side: Side) -> Claim:
    """Claim how many observations cannot be compared, because a snapshot inferred references."""
    _, comparison = require_baseline(data)
    observations = getattr(comparison, f"inferred_{side}")
    number = len(observations)
    name = "earlier" if side == "before" else "later"
    return Claim(
        f"inferred_{side}",
        (
            "The collections of inferred references are not fully known in the"
            f" {name} snapshot. For this reason,"
            f" {format_count(number, 'observation')} cannot be counted as {_UNKNOWN_CHANGE[side]}."
        ),
        {"observations": number},
        find_proof=_prove_in_both(data, find_rows_of_triples, observations),
    )


def change_counts(data: ReportData, kind: str) -> Claim:
    """Claim how many files, references, collections or observations have each change."""
    baseline, comparison = require_baseline(data)
    changes = getattr(comparison, kind)
    counts = {change: len(getattr(changes, change)) for change in CHANGES}
    text = ", ".join(f"{count:,} {change.replace('_', ' ')}" for change, count in counts.items())
    finders: dict[str, Callable[[Incidence, Sequence[Any]], Numbers]] = {
        "files": find_rows_of_files,
        "observations": find_rows_of_triples,
    }
    find_rows = finders.get(kind, find_rows_of)
    return Claim(
        f"changed_{kind}",
        (f"Changes of {kind} since ", UntrustedText(baseline.name), f": {text}"),
        counts,
        find_proof=_prove_in_both(data, find_rows, [*changes.added, *changes.removed]),
    )


def changed_reference(data: ReportData, change: Change, reference: Entity) -> Claim:
    """Claim that a reference was added or removed."""
    date = publication_date(reference)
    return Claim(
        f"{change}_reference",
        ("The reference “", entity_name(reference), f"” was {change}."),
        {"date": date.isoformat() if date else None, "url": reference_url(reference)},
        (reference.key,),
        {reference.key: reference.label},
        _prove_in_both(data, find_rows_of, [reference]),
    )


def find_changed_reference(data: ReportData, change: Change, subjects: Sequence[str]) -> Claim:
    """Make the claim about an added or removed reference again."""
    _, comparison = require_baseline(data)
    for reference in getattr(comparison.references, change):
        if [reference.key] == list(subjects):
            return changed_reference(data, change, reference)
    raise SubjectNotFoundError(f"this reference was not {change}")


def changed_families(data: ReportData, change: Change) -> tuple[Family, ...]:
    """Return the added or removed collections, those with the same name as one family."""
    _, comparison = require_baseline(data)
    collections = getattr(comparison.collections, change)
    return make_families(dict.fromkeys(sorted(collections, key=lambda each: each.key), 1))


def changed_collection(data: ReportData, change: Change, family: Family) -> Claim:
    """Claim that a collection, or collections with the same name, were added or removed."""
    verb = "was" if len(family.collections) == 1 else "were"
    return Claim(
        f"{change}_collection",
        (*family_text(family), f" {verb} {change}."),
        {
            "collections": len(family.collections),
            "origins": plain_text(family_origins(family)),
        },
        tuple(each.key for each in family.collections),
        {family.collections[0].key: family.name},
        _prove_in_both(data, find_rows_of, family.collections),
    )


def find_changed_collection(data: ReportData, change: Change, subjects: Sequence[str]) -> Claim:
    """Make the claim about added or removed collections of one name again."""
    for family in changed_families(data, change):
        if {each.key for each in family.collections} & set(subjects):
            return changed_collection(data, change, family)
    raise SubjectNotFoundError(f"these collections were not {change}")


def cluster_changes(data: ReportData) -> Claim:
    """Claim how many clusters have each kind of change."""
    _, comparison = require_baseline(data)
    kinds = Counter(str(change.kind) for change in comparison.cluster_changes)
    sides = {"clusters_before": comparison.before, "clusters_after": comparison.after}
    sizes = {
        name: sum(len(cluster.files) > 1 for cluster in clustering)
        for name, clustering in sides.items()
    }
    return Claim("cluster_changes", f"{summarize_changes(comparison)}.", {**sizes, **kinds})


def cluster_change(data: ReportData, change: ClusterChange) -> Claim:
    """Claim how clusters changed."""
    _, comparison = require_baseline(data)
    numbers = {
        "change": change.kind,
        "similarity": round(change.similarity, 2),
        "added": len(change.added),
        "removed": len(change.removed),
        "causes": len(change.causes),
        "linking_files": len(change.linking_files),
    }
    causes = {cause.entity.key: cause.entity.label for cause in change.causes}
    return Claim(
        "cluster_change",
        describe_change(change, comparison),
        numbers,
        _subjects_of(comparison, change),
        causes,
        _prove_in_both(data, find_rows_of, [cause.entity for cause in change.causes]),
    )


def find_cluster_change(data: ReportData, subjects: Sequence[str]) -> Claim:
    """Make the claim about the change of these clusters again."""
    _, comparison = require_baseline(data)
    for change in comparison.cluster_changes:
        if list(_subjects_of(comparison, change)) == list(subjects):
            return cluster_change(data, change)
    raise SubjectNotFoundError("no change concerns clusters with the same files")


def _subjects_of(comparison: Comparison, change: ClusterChange) -> tuple[str, ...]:
    before = [comparison.before.clusters[number - 1] for number in change.before]
    after = [comparison.after.clusters[number - 1] for number in change.after]
    return tuple(key_of_cluster(each) for each in (*before, *after))


def moved_files(data: ReportData) -> Claim:
    """Claim how many files changed cluster."""
    _, comparison = require_baseline(data)
    number = len(comparison.moved_files)
    text = f"{format_count(number, 'file')} changed cluster."
    return Claim("moved_files", text, {"files": number})


def moved_file(data: ReportData, move: MovedFile) -> Claim:
    """Claim which cluster a file left, and which one it joined."""
    _, comparison = require_baseline(data)
    before = comparison.before.clusters[move.before - 1]
    after = comparison.after.clusters[move.after - 1]
    sides = describe_cluster(before), describe_cluster(after)
    subjects = move.file.key, key_of_cluster(before), key_of_cluster(after)
    return Claim(
        "moved_file",
        ("The file ", UntrustedText(move.file.id), " moved from ", *sides[0], " to ", *sides[1]),
        {"files_before": len(before.files), "files_after": len(after.files)},
        subjects,
        dict(zip(subjects[1:], (before.name, after.name), strict=True)),
        _prove_in_both(data, find_rows_of_files, [move.file]),
    )


def find_moved_file(data: ReportData, subjects: Sequence[str]) -> Claim:
    """Make again the claim about a file that changed cluster."""
    _, comparison = require_baseline(data)
    for move in comparison.moved_files:
        if [move.file.key] == list(subjects[:1]):
            return moved_file(data, move)
    raise SubjectNotFoundError("this file did not change cluster")


def _prove_in_both(
    data: ReportData, find_rows: Callable[[Incidence, Sequence[_T]], Numbers], items: Sequence[_T]
) -> FindProof:
    """Return the observations of these items now and in the earlier snapshot."""
    baseline, _ = require_baseline(data)
    sides = baseline.snapshot.incidence, data.incidence
    return lambda: tuple(Proof(side, find_rows(side, items)) for side in sides)
