"""Make claims about the evidence that distinguishes a cluster: collections and references."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphbuild._util import format_count
from graphbuild.analysis import publication_date, reference_url
from graphbuild.analysis.incidence import FILES, REFERENCES
from graphbuild.models import REFERENCE
from graphbuild.report.cluster_claims import find_cluster
from graphbuild.report.content import Claim, plain_text
from graphbuild.report.entity_text import entity_name, family_name, family_origins
from graphbuild.report.proof_selection import prove, prove_with
from graphbuild.report.proofs import SubjectNotFoundError, find_entity, find_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis import Cluster, Family
    from graphbuild.analysis.incidence import Numbers
    from graphbuild.models import Entity
    from graphbuild.report.data import ReportData


def distinctive_collections(data: ReportData, cluster: Cluster) -> Claim:
    """Claim which collections are the most distinctive of a cluster."""
    families = data.distinctive_families[cluster.number - 1]
    collections = [one for each in families for one in each.family.collections]
    return Claim(
        "distinctive_collections",
        f"Cluster {cluster.number}: {format_count(len(collections), 'distinctive collection')}",
        {"collections": len(collections)},
        (data.cluster_keys[cluster.number], *(each.key for each in collections)),
        find_proof=prove_with(data, collections),
    )


def distinctive_collection(data: ReportData, cluster: Cluster, family: Family) -> Claim:
    """Claim how many files in and outside a cluster are in a collection, or in one of a family."""
    column = data.families.families.index(family)
    numbers = _count_sides(data, cluster, data.families.matrix[:, [column]].nonzero()[0])
    name = plain_text(family_name(family))
    origins = family_origins(family)
    return Claim(
        "distinctive_collection",
        ("“", *family_name(family), "”", _describe_sides(cluster, numbers)),
        {**numbers, "collections": len(family.collections), "origins": plain_text(origins)},
        (data.cluster_keys[cluster.number], *(each.key for each in family.collections)),
        {family.collections[0].key: name},
        prove_with(data, family.collections),
    )


def find_distinctive_collection(data: ReportData, subjects: Sequence[str]) -> Claim:
    """Make the claim about a cluster and a family again."""
    cluster, collection = find_cluster(data, subjects), _second_subject(data, subjects)
    for family in data.families.families:
        if collection in family.collections:
            return distinctive_collection(data, cluster, family)
    raise SubjectNotFoundError(f"{collection.key} is not a collection")


def distinctive_reference(data: ReportData, cluster: Cluster, reference: Entity) -> Claim:
    """Claim how many files in and outside a cluster have a reference."""
    triples = data.incidence.triples
    (column,) = find_index(data.incidence.references, reference.key)
    files = np.unique(triples[triples[:, REFERENCES] == column, FILES])
    numbers = _count_sides(data, cluster, files)
    date = publication_date(reference)
    return Claim(
        "distinctive_reference",
        ("“", entity_name(reference), "”", _describe_sides(cluster, numbers)),
        {**numbers, "date": date.isoformat() if date else None, "url": reference_url(reference)},
        (data.cluster_keys[cluster.number], reference.key),
        {reference.key: reference.label},
        prove(data, lambda: np.flatnonzero(triples[:, REFERENCES] == column)),
    )


def find_distinctive_reference(data: ReportData, subjects: Sequence[str]) -> Claim:
    """Make the claim about a cluster and a reference again."""
    cluster, reference = find_cluster(data, subjects), _second_subject(data, subjects)
    if reference.type != REFERENCE:
        raise SubjectNotFoundError(f"{reference.key} is not a reference")
    return distinctive_reference(data, cluster, reference)


def _second_subject(data: ReportData, subjects: Sequence[str]) -> Entity:
    """Return the collection or reference that is the subject after the cluster."""
    return find_entity(data.incidence, subjects[1] if len(subjects) > 1 else "")


def _count_sides(data: ReportData, cluster: Cluster, files: Numbers) -> dict[str, int | float]:
    """Count the files in and outside a cluster, and compute the lift with one decimal."""
    inside = int((data.clustering.labels[files] == cluster.number).sum())
    expected = len(cluster.files) * len(files) / len(data.incidence.files)
    lift = inside / expected if expected else 0.0
    return {"inside": inside, "outside": len(files) - inside, "lift": round(lift, 1)}


def _describe_sides(cluster: Cluster, numbers: dict[str, int | float]) -> str:
    return (
        f": {numbers['inside']:,} of {format_count(len(cluster.files), 'file')} of cluster"
        f" {cluster.number}, {format_count(int(numbers['outside']), 'other file')}, lift"
        f" {numbers['lift']:.1f}"
    )
