"""Describe the clusters of a report: an overview, the evidence of each cluster, and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.analysis import defang_text
from graphbuild.graph.labels import describe_origin
from graphbuild.report.blocks import Figure, FoldedList, Heading, Paragraph, table
from graphbuild.report.charts import MAP_TITLE, cluster_map
from graphbuild.report.cluster_claims import (
    breaking_point,
    cluster_dates,
    cluster_files,
    cluster_references,
    cluster_sources,
    cluster_stability,
    describe_doubtful_files,
    doubtful_files,
    no_clusters,
    omissions_of_map,
    subclusters,
    unclustered_files,
)
from graphbuild.report.entity_text import (
    cluster_name,
    date_text,
    family_name,
    family_origins,
    reference_text,
    subject_text,
)
from graphbuild.report.evidence_claims import (
    distinctive_collection,
    distinctive_collections,
    distinctive_reference,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.analysis import Cluster, DistinctiveEntity, DistinctiveFamily, TimelineSeries
    from graphbuild.models import Entity
    from graphbuild.report.blocks import Block
    from graphbuild.report.content import Claim, Content
    from graphbuild.report.data import ReportData

_MAX_DETAILED_CLUSTERS = 12  # maximum number of clusters with a section of their own
_COUNTS = ("inside", "outside", "lift")


def describe_clusters(data: ReportData) -> Iterator[Block]:
    """Yield the sections about the clusters and the files of each cluster."""
    yield Heading(2, "Clusters", "clusters")
    clusters = data.clusters
    if clusters:
        yield from _overview(data)
    else:
        yield Paragraph(no_clusters(data).sentence())
    for cluster in clusters[:_MAX_DETAILED_CLUSTERS]:
        yield from _details(data, cluster)
    further = clusters[_MAX_DETAILED_CLUSTERS:]
    if further:
        yield Heading(3, "Files of further clusters")
        for cluster in further:
            yield _files(cluster_files(data, cluster).sentence(), cluster.files)
    alone = [file for each in data.single_files for file in each.files]
    if alone:
        claim = unclustered_files(data)
        yield Heading(3, claim.cell("Files without a cluster", is_linked=True))
        yield _files(claim.cell(format_count(len(alone), "file")), alone)


def _overview(data: ReportData) -> Iterator[Block]:
    svg, caption = cluster_map(data.families, data.clustering, data.distinctive_families)
    text, omissions = omissions_of_map(caption)
    shown = (text, " ", omissions.sentence()) if omissions else text
    yield Figure(svg, "clusters", MAP_TITLE, shown)
    series = {each.key: each for each in data.timeline.clusters}
    rows = [_overview_row(data, each, series[str(each.number)]) for each in data.clusters]
    head = (
        *("cluster", "name", "files", "stability", "sources", "breaking point"),
        *("references", "publishers", "first", "last"),
    )
    hint = "graphbuild communities --json lists them"
    yield from table(head, rows, hint, numbers=range(2, 8), label_columns=2)


def _overview_row(
    data: ReportData, cluster: Cluster, series: TimelineSeries
) -> tuple[Content, ...]:
    files, stability = cluster_files(data, cluster), cluster_stability(data, cluster)
    sources, breaking = cluster_sources(data, cluster), breaking_point(data, cluster)
    counts, dates = cluster_references(data, cluster), cluster_dates(data, cluster)
    references, independent = counts.numbers["references"], counts.numbers["independent"]
    return (
        files.cell(str(cluster.number), is_linked=True),
        files.cell(cluster_name(cluster)),
        files.cell(len(cluster.files)),
        stability.cell(f"{cluster.stability:.2f}", is_linked=True),
        sources.cell(data.strengths[cluster.number].sources, is_linked=True),
        breaking.cell(str(data.strengths[cluster.number]), is_linked=True),
        counts.cell(
            f"{references:,}"
            if independent == references
            else f"{references:,} ({independent:,} independent)",
            is_linked=True,
        ),
        counts.cell(f"{counts.numbers['publishers']:,}"),
        dates.cell(date_text(series.first), is_linked=True),
        dates.cell(date_text(series.last)),
    )


def _details(data: ReportData, cluster: Cluster) -> Iterator[Block]:
    files = cluster_files(data, cluster)
    yield Heading(3, files.sentence(), f"cluster-{cluster.number}", cluster.number)
    families = data.distinctive_families[cluster.number - 1]
    if len(cluster.subclusters) > 1:
        yield Paragraph(subclusters(data, cluster).sentence())
    if families:
        rows = [_family_row(data, cluster, each) for each in families]
        head = ("distinctive collection", "origins", *_COUNTS)
        yield from table(head, rows, numbers=range(2, 5), label_columns=2)
        keys = [_key_line(one) for each in families for one in each.family.collections]
        title = f"Node keys of {format_count(len(keys), 'collection')}"
        claim = distinctive_collections(data, cluster)
        yield FoldedList(claim.cell(title, is_linked=True), keys)
    if cluster.top_references:
        rows = [_reference_row(data, cluster, each) for each in cluster.top_references]
        head = ("distinctive reference", "date", *_COUNTS)
        yield from table(head, rows, numbers=range(2, 5))
    yield _files(files.cell(f"{_count(cluster)} in this cluster"), cluster.files)
    if cluster.doubtful:
        lines = [f"{subject_text(file)}  (cluster {other})" for file, other in cluster.doubtful]
        title = describe_doubtful_files(cluster)
        yield FoldedList(doubtful_files(data, cluster).cell(title, is_linked=True), lines)


def _family_row(data: ReportData, cluster: Cluster, each: DistinctiveFamily) -> tuple[Content, ...]:
    family, claim = each.family, distinctive_collection(data, cluster, each.family)
    return claim.row(family_name(family), family_origins(family), *_counts(claim))


def _key_line(collection: Entity) -> str:
    """Return the node key, the name and the origin of a collection. The text is untrusted."""
    origin = describe_origin(collection)
    name = defang_text(collection.plain_label)
    return f"{collection.key}  {name}" + (f" ({origin})" if origin else "")


def _reference_row(
    data: ReportData, cluster: Cluster, each: DistinctiveEntity
) -> tuple[Content, ...]:
    claim = distinctive_reference(data, cluster, each.entity)
    return claim.row(reference_text(each.entity), date_text(each.entity), *_counts(claim))


def _counts(claim: Claim) -> tuple[str, str, str]:
    inside, outside, lift = (claim.numbers[name] for name in _COUNTS)
    return f"{inside:,}", f"{outside:,}", f"{lift:.1f}"


def _count(cluster: Cluster) -> str:
    return format_count(len(cluster.files), "file")


def _files(title: Content, files: Sequence[Entity]) -> FoldedList:
    return FoldedList(title, [subject_text(file) for file in files])
