"""Describe the clusters of a report: an overview, the evidence of each cluster, and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, format_count
from graphbuild.analysis import defang_text
from graphbuild.graph.labels import describe_origin
from graphbuild.report.blocks import Figure, FoldedList, Heading, Paragraph, table
from graphbuild.report.charts import MAP_TITLE, cluster_map
from graphbuild.report.data import count_references
from graphbuild.report.entity_text import (
    cluster_name,
    date_text,
    family_name,
    family_origins,
    reference_text,
    subject_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.analysis import Cluster, DistinctiveEntity, DistinctiveFamily, TimelineSeries
    from graphbuild.models import Entity
    from graphbuild.report.blocks import Block, Content, Part
    from graphbuild.report.data import ReportData

_MAX_DETAILED_CLUSTERS = 12  # maximum number of clusters with a section of their own
_MAX_NAME_LENGTH = 80  # of the evidence of a subcluster, in characters
_COUNTS = ("inside", "outside", "lift")


def describe_clusters(data: ReportData) -> Iterator[Block]:
    """Yield the sections about the clusters and the files of each cluster."""
    yield Heading(2, "Clusters", "clusters")
    clusters = data.clusters
    if clusters:
        yield from _overview(data)
    else:
        yield Paragraph("There are no clusters of two or more files.")
    for cluster in clusters[:_MAX_DETAILED_CLUSTERS]:
        yield from _details(cluster, data.distinctive_families[cluster.number - 1])
    further = clusters[_MAX_DETAILED_CLUSTERS:]
    if further:
        yield Heading(3, "Files of further clusters")
        for cluster in further:
            title = f"Cluster {cluster.number}: ", cluster_name(cluster), f", {_count(cluster)}"
            yield _files(title, cluster.files)
    alone = [file for each in data.clustering if len(each.files) == 1 for file in each.files]
    if alone:
        yield Heading(3, "Files without a cluster")
        yield _files(format_count(len(alone), "file"), alone)


def _overview(data: ReportData) -> Iterator[Block]:
    svg, caption = cluster_map(data.families, data.clustering, data.distinctive_families)
    yield Figure(svg, "clusters", MAP_TITLE, caption)
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
    references, independent, publishers = count_references(data, cluster.number)
    strength = data.strengths[cluster.number]
    return (
        str(cluster.number),
        cluster_name(cluster),
        len(cluster.files),
        f"{cluster.stability:.2f}",
        strength.sources,
        str(strength),
        references
        if independent == references
        else f"{references:,} ({independent:,} independent)",
        publishers,
        date_text(series.first),
        date_text(series.last),
    )


def _details(cluster: Cluster, families: Sequence[DistinctiveFamily]) -> Iterator[Block]:
    title = f"Cluster {cluster.number}: ", cluster_name(cluster), f", {_count(cluster)}"
    yield Heading(3, title, f"cluster-{cluster.number}", cluster.number)
    if len(cluster.subclusters) > 1:
        yield Paragraph(_subclusters(cluster))
    if families:
        rows = [_family_row(each) for each in families]
        head = ("distinctive collection", "origins", *_COUNTS)
        yield from table(head, rows, numbers=range(2, 5), label_columns=2)
        collections = [one for each in families for one in each.family.collections]
        keys = [_key_line(one) for one in collections]
        yield FoldedList(f"Node keys of {format_count(len(keys), 'collection')}", keys)
    if cluster.top_references:
        rows = [_reference_row(each) for each in cluster.top_references]
        head = ("distinctive reference", "date", *_COUNTS)
        yield from table(head, rows, numbers=range(2, 5))
    yield _files(f"{_count(cluster)} in this cluster", cluster.files)
    if cluster.doubtful:
        count = format_count(len(cluster.doubtful), "doubtful file")
        lines = [f"{subject_text(file)}  (cluster {other})" for file, other in cluster.doubtful]
        yield FoldedList(f"{count}, nearly as similar to another cluster", lines)


def _subclusters(cluster: Cluster) -> Content:
    """Return a sentence about the subclusters, each with its most distinctive evidence."""
    parts: list[Part] = [f"Its files form {len(cluster.subclusters)} groups of different evidence:"]
    for each in cluster.subclusters:
        parts.append(f" {each.label} ({format_count(len(each.files), 'file')}")
        best = next(iter((*each.top_collections, *each.top_references)), None)
        if best:
            name = best.entity.plain_label[:_MAX_NAME_LENGTH]
            parts += [", “", UntrustedText(defang_text(name)), "”"]
        parts.append("),")
    return *parts[:-1], ")."


def _family_row(each: DistinctiveFamily) -> tuple[Content, ...]:
    counts = each.inside, each.outside, f"{each.lift:.1f}"
    return family_name(each.family), family_origins(each.family), *counts


def _key_line(collection: Entity) -> str:
    """Return the node key, the name and the origin of a collection. The text is untrusted."""
    origin = describe_origin(collection)
    name = defang_text(collection.plain_label)
    return f"{collection.key}  {name}" + (f" ({origin})" if origin else "")


def _reference_row(each: DistinctiveEntity) -> tuple[Content, ...]:
    date = date_text(each.entity)
    return reference_text(each.entity), date, each.inside, each.outside, f"{each.lift:.1f}"


def _count(cluster: Cluster) -> str:
    return format_count(len(cluster.files), "file")


def _files(title: Content, files: Sequence[Entity]) -> FoldedList:
    return FoldedList(title, [subject_text(file) for file in files])
