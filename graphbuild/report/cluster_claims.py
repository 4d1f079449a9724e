"""Make claims about clusters: their files, stability, sources, references and subclusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphbuild._util import UntrustedText, format_count
from graphbuild.analysis import defang_text
from graphbuild.analysis.incidence import REFERENCES
from graphbuild.models import REFERENCE
from graphbuild.report.blocks import join_list
from graphbuild.report.charts import cluster_map
from graphbuild.report.content import Claim
from graphbuild.report.data import cluster_key, count_references
from graphbuild.report.entity_text import (
    cluster_name,
    date_text,
    entity_name,
    quoted_cluster,
)
from graphbuild.report.proof_selection import (
    find_rows_of_clusters,
    find_shared_rows,
    prove,
    prove_with,
)
from graphbuild.report.proofs import SubjectNotFoundError, find_rows_of_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis import Cluster
    from graphbuild.analysis.incidence import Numbers
    from graphbuild.models import Entity
    from graphbuild.report.content import Part
    from graphbuild.report.data import ReportData

MAX_NAMED_CLUSTERS = 3  # maximum number of clusters that the summary names
_MAX_NAME_LENGTH = 80  # of the evidence of a subcluster, in characters
_OMISSIONS = " The map omits "  # the start of what a caption says about omitted parts


def find_cluster(data: ReportData, subjects: Sequence[str]) -> Cluster:
    """Return the cluster whose key is the first of ``subjects``.

    Raises:
        SubjectNotFoundError: No cluster has the same files.
    """
    for number, key in data.cluster_keys.items():
        if [key] == list(subjects[:1]):
            return data.clustering.clusters[number - 1]
    raise SubjectNotFoundError("no cluster has the same files")


# --- all clusters ---------------------------------------------------------------------------------


def clustered_files(data: ReportData) -> Claim:
    """Claim how many subjects are in clusters, and which clusters are the largest."""
    clusters, total = data.clusters, data.count_subjects(len(data.reference_lists))
    clustered = sum(len(cluster.files) for cluster in clusters)
    named = clusters[:MAX_NAMED_CLUSTERS]
    text: tuple[Part, ...] = (f"No two of the {total} form a cluster.",)
    if clusters:
        count = format_count(len(clusters), "cluster")
        are = ": " if len(named) == len(clusters) else "; the largest are "
        verb = "is" if clustered == 1 else "are"
        largest = join_list([quoted_cluster(each) for each in named])
        text = f"{clustered:,} of {total} {verb} in {count}{are}", *largest, "."
    return Claim(
        "clustered_files",
        text,
        {"files": clustered, "subjects": len(data.reference_lists), "clusters": len(clusters)},
        tuple(data.cluster_keys[each.number] for each in named),
        {data.cluster_keys[each.number]: each.name for each in named},
        prove(data, lambda: find_shared_rows(data, clusters)),
    )


class Tie(NamedTuple):
    """The most distinctive collections of one name, or the most distinctive reference."""

    cluster: Cluster
    entities: tuple[Entity, ...]
    name: str  # untrusted
    shown: Part  # the name as the report shows it
    inside: int  # number of files of the cluster that have one of the entities


def find_ties(data: ReportData) -> list[Tie]:
    """Return what is most distinctive of each of the largest clusters.

    If at least one of these clusters has a collection, no references are returned.
    """
    clusters = data.clusters[:MAX_NAMED_CLUSTERS]
    families = [
        (cluster, each)
        for cluster in clusters
        for each in data.distinctive_families[cluster.number - 1][:1]
    ]
    references = [(cluster, each) for cluster in clusters for each in cluster.top_references[:1]]
    return [
        Tie(
            cluster,
            each.family.collections,
            each.family.name,
            UntrustedText(defang_text(each.family.name)),
            each.inside,
        )
        for cluster, each in families
    ] or [
        Tie(cluster, (each.entity,), each.entity.label, entity_name(each.entity), each.inside)
        for cluster, each in references
    ]


def list_ties(data: ReportData, ties: Sequence[Tie]) -> tuple[Part, ...]:
    """Return the names of ``ties``, each with its numbers of files."""
    return join_list(
        [
            ("“", tie.shown, f"” ({tie.inside:,} of {data.count_subjects(len(tie.cluster.files))})")
            for tie in ties
        ]
    )


def most_distinctive(data: ReportData) -> Claim:
    """Claim which collection or reference is the most distinctive of each of the largest clusters.

    Raises:
        SubjectNotFoundError: These clusters have neither collections nor references.
    """
    ties = find_ties(data)
    if not ties:
        raise SubjectNotFoundError("the largest clusters have no collections and no references")
    clusters = data.clusters[:MAX_NAMED_CLUSTERS]
    whose = f"the {len(clusters)} largest clusters" if len(clusters) > 1 else "the largest cluster"
    noun = "reference" if ties[0].entities[0].type == REFERENCE else "collection"
    nouns, verb = (noun, "is") if len(ties) == 1 else (f"{noun}s", "are")
    subjects = [
        (data.cluster_keys[tie.cluster.number], *(each.key for each in tie.entities))
        for tie in ties
    ]
    return Claim(
        "most_distinctive",
        (f"The most distinctive {nouns} of {whose} {verb} ", *list_ties(data, ties), "."),
        {f"inside_{number}": tie.inside for number, tie in enumerate(ties, 1)},
        tuple(key for keys in subjects for key in keys),
        {tie.entities[0].key: tie.name for tie in ties},
        prove_with(data, [each for tie in ties for each in tie.entities]),
    )


def no_clusters(data: ReportData) -> Claim:
    """Claim that there are no clusters."""
    text = "There are no clusters of two or more files."
    return Claim("no_clusters", text, {"clusters": len(data.clusters)})


def omissions_of_map(caption: str) -> tuple[str, Claim | None]:
    """Return a caption of the map of clusters, and the claim about what the map omits, if any."""
    text, omits, omitted = caption.partition(_OMISSIONS)
    claim = Claim("cluster_map", f"{omits}{omitted}".lstrip(), {"omitted": omitted})
    return text, claim if omitted else None


def find_omissions_of_map(data: ReportData) -> Claim:
    """Make the claim about what the map of clusters omits again.

    Raises:
        SubjectNotFoundError: The map omits nothing.
    """
    _, caption = cluster_map(data.families, data.clustering, data.distinctive_families)
    _, claim = omissions_of_map(caption)
    if claim is None:
        raise SubjectNotFoundError("the map omits nothing")
    return claim


def mean_stability(data: ReportData) -> Claim:
    """Claim the mean stability over all files."""
    mean = round(data.clustering.mean_stability, 2)
    text = f"The mean stability over all files is {mean:.2f}."
    proof = prove(data, lambda: find_shared_rows(data, data.clusters))
    return Claim("mean_stability", text, {"stability": mean}, find_proof=proof)


def unclustered_files(data: ReportData) -> Claim:
    """Claim which files are in no cluster."""
    files = [file for cluster in data.single_files for file in cluster.files]
    verb = "is" if len(files) == 1 else "are"
    return Claim(
        "unclustered_files",
        f"{data.count_subjects(len(files))} {verb} in no cluster.",
        {"files": len(files)},
        tuple(file.key for file in files),
        find_proof=prove(data, lambda: find_rows_of_clusters(data, data.single_files)),
    )


# --- one cluster ----------------------------------------------------------------------------------


def cluster_files(data: ReportData, cluster: Cluster) -> Claim:
    """Claim the name and the files of a cluster."""
    key, count = data.cluster_keys[cluster.number], len(cluster.files)
    return Claim(
        "cluster_files",
        (f"Cluster {cluster.number}: ", cluster_name(cluster), f", {format_count(count, 'file')}"),
        {"files": count},
        (key,),
        {key: cluster.name},
        prove(data, lambda: find_shared_rows(data, [cluster])),
    )


def cluster_stability(data: ReportData, cluster: Cluster) -> Claim:
    """Claim the stability of a cluster."""
    stability = round(cluster.stability, 2)
    return Claim(
        "cluster_stability",
        f"Cluster {cluster.number}: stability {stability:.2f}",
        {"stability": stability},
        (data.cluster_keys[cluster.number],),
        find_proof=prove(data, lambda: find_shared_rows(data, [cluster])),
    )


def cluster_sources(data: ReportData, cluster: Cluster) -> Claim:
    """Claim the number of independent sources of a cluster."""
    sources = data.strengths[cluster.number].sources
    return Claim(
        "cluster_sources",
        f"Cluster {cluster.number}: {format_count(sources, 'independent source')}",
        {"sources": sources},
        (data.cluster_keys[cluster.number],),
        find_proof=prove(data, lambda: find_shared_rows(data, [cluster])),
    )


def breaking_point(data: ReportData, cluster: Cluster) -> Claim:
    """Claim the breaking point of a cluster."""
    strength = data.strengths[cluster.number]
    return Claim(
        "breaking_point",
        f"Cluster {cluster.number}: breaking point {strength}",
        {"breaking_point": strength.breaking_point, "is_exact": strength.is_exact},
        (data.cluster_keys[cluster.number],),
        find_proof=prove(data, lambda: find_shared_rows(data, [cluster])),
    )


def cluster_references(data: ReportData, cluster: Cluster) -> Claim:
    """Claim the numbers of references, independent references and publishers of a cluster."""
    references, independent, publishers = count_references(data, cluster.number)
    return Claim(
        "cluster_references",
        (
            f"Cluster {cluster.number}: {format_count(references, 'reference')}"
            f" ({independent:,} independent) by {format_count(publishers, 'publisher')}"
        ),
        {"references": references, "independent": independent, "publishers": publishers},
        (data.cluster_keys[cluster.number],),
        find_proof=prove(data, lambda: find_rows_of_clusters(data, [cluster])),
    )


def cluster_dates(data: ReportData, cluster: Cluster) -> Claim:
    """Claim the first and the last publication date of the references of a cluster."""
    (series,) = (each for each in data.timeline.clusters if each.key == str(cluster.number))
    first, last = date_text(series.first), date_text(series.last)

    def find_rows() -> Numbers:
        rows, incidence = find_rows_of_clusters(data, [cluster]), data.incidence
        ends = {first, last} - {""}
        references = [n for n, day in enumerate(data.publication_days) if day in ends]
        return rows[np.isin(incidence.triples[rows, REFERENCES], references)]

    text = f"references from {first} to {last}" if first else "no reference has a date"
    return Claim(
        "cluster_dates",
        f"Cluster {cluster.number}: {text}",
        {"first": first or None, "last": last or None},
        (data.cluster_keys[cluster.number],),
        find_proof=prove(data, find_rows),
    )


def subclusters(data: ReportData, cluster: Cluster) -> Claim:
    """Claim into which subclusters a cluster is split, each with its most distinctive evidence."""
    count = len(cluster.subclusters)
    text: list[Part] = [
        f"Cluster {cluster.number} has {count} subclusters with different evidence:"
    ]
    subjects, names = [data.cluster_keys[cluster.number]], {}
    for each in cluster.subclusters:
        subjects.append(cluster_key(file.key for file in each.files))
        text.append(f" {each.label} ({format_count(len(each.files), 'file')}")
        best = next(iter((*each.top_collections, *each.top_references)), None)
        if best:
            subjects.append(best.entity.key)
            names[best.entity.key] = best.entity.label
            name = best.entity.plain_label[:_MAX_NAME_LENGTH]
            text += [", “", UntrustedText(defang_text(name)), "”"]
        text.append("),")
    return Claim(
        "subclusters",
        (*text[:-1], ")."),
        {"subclusters": count},
        tuple(subjects),
        names,
        prove(data, lambda: find_shared_rows(data, [cluster])),
    )


def describe_doubtful_files(cluster: Cluster) -> str:
    """Return the number of doubtful files of a cluster, and why they are doubtful."""
    count = format_count(len(cluster.doubtful), "doubtful file")
    return f"{count}, nearly as similar to another cluster"


def doubtful_files(data: ReportData, cluster: Cluster) -> Claim:
    """Claim which files of a cluster are nearly as similar to another cluster, and to which."""
    pairs = [(file.key, data.cluster_keys[other]) for file, other in cluster.doubtful]
    return Claim(
        "doubtful_files",
        f"Cluster {cluster.number}: {describe_doubtful_files(cluster)}",
        {"files": len(cluster.doubtful)},
        (data.cluster_keys[cluster.number], *(key for pair in pairs for key in pair)),
        find_proof=prove(
            data,
            lambda: find_rows_of_files(data.incidence, [file for file, _ in cluster.doubtful]),
        ),
    )
