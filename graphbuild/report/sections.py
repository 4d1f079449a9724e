"""Build the sections of a report as blocks, from the result of :func:`data.collect_data`."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, format_count, format_timestamp, pluralize
from graphbuild.analysis import (
    METHOD,
    defanged_label,
    describe_causes,
    describe_change,
    describe_cluster,
    publication_date,
    reference_url,
    summarize_changes,
)
from graphbuild.models import COMPLETE, REFERENCE, RELATED_REFERENCES, UNFINISHED_STATES
from graphbuild.report.blocks import (
    MAX_ROWS,
    BulletList,
    Figure,
    Heading,
    KeyFigures,
    Paragraph,
    Table,
    bullet_list,
    more_rows,
    table,
)
from graphbuild.report.charts import cluster_map, month_chart
from graphbuild.report.data import count_references
from graphbuild.seeds.refanging import defang

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.analysis import Cluster, Comparison, DistinctiveEntity
    from graphbuild.models import Entity
    from graphbuild.report.blocks import Block, Content
    from graphbuild.report.data import ReportData
    from graphbuild.store import SubjectStatus

_MAX_DETAILED_CLUSTERS = 12  # maximum number of clusters with a section of their own
_MAX_FILES = 10  # maximum number of files to list per cluster
_MAX_CAUSES = 6  # maximum number of causes to list per merge or split
_MAX_URL_LENGTH = 160  # characters
_IN_COMPARE = "graphbuild compare --json lists them"
_IN_BRIDGES = "graphbuild bridges --json lists them"
_CHANGES = ("added", "removed", "unchanged", "unknown_before", "unknown_after")


def build_blocks(data: ReportData) -> list[Block]:
    """Return all blocks of the report, in order. The first block is the heading with the title."""
    return [
        *_overview(data),
        *_missing_data(data),
        *_changes(data),
        *_clusters(data),
        *_bridges(data),
        *_timeline(data),
        *_method(data),
    ]


def _overview(data: ReportData) -> Iterator[Block]:
    totals = data.totals
    yield Heading(1, ("Campaign report: ", UntrustedText(data.name)))
    times = [status.fetched_at for status in data.statuses if status.fetched_at is not None]
    last = f"Last response: {format_timestamp(max(times))}." if times else "No response yet."
    yield Paragraph(last)
    if totals.complete < totals.lists:
        warning = (
            f"Incomplete data: {totals.describe_states(*UNFINISHED_STATES)} of"
            f" {totals.describe_subjects()}. References may be missing from this report."
        )
        yield Paragraph(warning, is_warning=True)
    clusters = sum(len(cluster.files) > 1 for cluster in data.clustering)
    figures = (
        (totals.subjects, "subject"),
        (len(data.incidence.references), "reference"),
        (len(data.incidence.collections), "collection"),
        (len(data.incidence.triples), "observation"),
        (clusters, "cluster"),
        (len(data.clustering) - clusters, "unclustered file"),
        (totals.calls, "call"),
    )
    yield KeyFigures([(f"{number:,}", pluralize(number, name)) for number, name in figures])


def _missing_data(data: ReportData) -> Iterator[Block]:
    totals = data.totals
    yield Heading(2, "Missing data", "missing")
    problems = [each for each in data.statuses if each.state != COMPLETE or each.detail]
    if not problems:
        subjects = format_count(totals.subjects, "subject")
        yield Paragraph(f"No data is missing: all lists are complete ({subjects}).")
    notes = []
    if totals.expected:
        notes.append(
            f"{totals.received + totals.inferred:,} of {totals.expected:,} expected references are"
            " known, summed over the subjects."
        )
    lists = [each for each in data.statuses if each.relationship == RELATED_REFERENCES]
    without = sum(each.state == COMPLETE and not _known(each) for each in lists)
    if without:
        notes.append(f"Complete subjects without references: {without:,}.")
    if totals.inferred:
        notes.append(
            f"{totals.inferred:,} of the known references were inferred, not fetched. They may have"
            " more collections; graphbuild crawl --complete requests the pages that were left out."
        )
    if totals.warnings:
        warnings = format_count(totals.warnings, "warning")
        notes.append(
            f"{warnings} about the content of responses; graphbuild status --warnings lists them."
        )
    if notes:
        yield BulletList(notes)
    if problems:
        rows = [
            (
                _subject(each.subject),
                each.state,
                _known(each),
                each.expected_count,
                UntrustedText(each.detail or each.error_code),
            )
            for each in problems
        ]
        head = ("subject", "state", "known", "expected", "warning")
        yield from table(head, rows, "graphbuild status --all lists them", numbers=range(2, 4))


def _known(status: SubjectStatus) -> int:
    return status.received_count + status.inferred_count


def _changes(data: ReportData) -> Iterator[Block]:
    comparison = data.comparison
    if comparison is None:
        return
    yield Heading(2, ("Changes since ", UntrustedText(data.baseline_name)), "changes")
    for subjects, when, change in (
        (comparison.incomplete_before, "before", "added"),
        (comparison.incomplete_after, "after", "removed"),
    ):
        if subjects:
            states = Counter(state for _, state in subjects)
            total = format_count(len(subjects), "subject")
            counts = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
            yield Paragraph(
                f"Incomplete {when}: {total} ({counts}). References that only these"
                f" subjects have are not counted as {change}."
            )
    for observations, name, change in (
        (comparison.inferred_before, "earlier", "added"),
        (comparison.inferred_after, "later", "removed"),
    ):
        if observations:
            yield Paragraph(
                "The collections of inferred references are not fully known in the"
                f" {name} snapshot. For this reason,"
                f" {format_count(len(observations), 'observation')} cannot be counted as {change}."
            )
    rows: list[tuple[Content, ...]] = []
    for kind in ("files", "references", "collections", "observations"):
        changes = getattr(comparison, kind)
        rows.append((kind, *(len(getattr(changes, change)) for change in _CHANGES)))
    head = ("", *(name.replace("_", " ") for name in _CHANGES))
    yield Table(head, rows, numbers=range(1, 6))
    yield from _entities("Added references", comparison.references.added)
    yield from _entities("Added collections", comparison.collections.added)
    yield from _entities("Removed references", comparison.references.removed)
    yield from _entities("Removed collections", comparison.collections.removed)
    yield from _cluster_changes(comparison)


def _entities(title: str, entities: Sequence[Entity]) -> Iterator[Block]:
    if not entities:
        return
    yield Heading(3, title)
    ordered = sorted(entities, key=lambda each: each.key)
    if ordered[0].type == REFERENCE:
        ordered.sort(key=lambda each: (publication_date(each) or date.min, each.key), reverse=True)
        rows = [(_date(each), _name(each), _url(each)) for each in ordered]
        yield from table(("date", "reference", "URL"), rows, _IN_COMPARE)
    else:
        yield from bullet_list([_name(each) for each in ordered], _IN_COMPARE)


def _cluster_changes(comparison: Comparison) -> Iterator[Block]:
    yield Heading(3, "Cluster changes")
    yield Paragraph(f"{summarize_changes(comparison)}.")
    changes = [each for each in comparison.cluster_changes if each.kind != "unchanged"]
    others = []
    for change in changes[:MAX_ROWS]:
        text, causes = describe_change(change, comparison), describe_causes(change, _MAX_CAUSES)
        if causes:
            yield Paragraph(text)
            yield BulletList(causes)
        else:
            others.append(text)
    if others:
        yield BulletList(others)
    yield from more_rows(changes, _IN_COMPARE)
    moved = comparison.moved_files
    if moved:
        rows = [
            (
                UntrustedText(each.file.id),
                describe_cluster(comparison.before.clusters[each.before - 1]),
                describe_cluster(comparison.after.clusters[each.after - 1]),
            )
            for each in moved
        ]
        yield Paragraph(f"{format_count(len(moved), 'file')} changed cluster:")
        yield from table(("file", "before", "after"), rows, _IN_COMPARE)


def _clusters(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "Clusters", "clusters")
    clusters = [cluster for cluster in data.clustering if len(cluster.files) > 1]
    if not clusters:
        yield Paragraph("There are no clusters of two or more files.")
        return
    yield Paragraph(
        f"{format_count(len(clusters), 'cluster')} of two or more files. Stability is the mean"
        " Jaccard index of a cluster and the most similar cluster in each run of the algorithm; the"
        " runs have different random seeds. The mean stability over all files is"
        f" {data.clustering.agreement:.2f}. The column 'independent' counts duplicate references"
        " once."
    )
    svg, text = cluster_map(data.incidence, data.clustering)
    yield Figure(svg, "map", text)
    series = {each.key: each for each in data.timeline.clusters}
    rows = [
        (
            str(each.number),
            UntrustedText(each.name),
            len(each.files),
            f"{each.stability:.2f}",
            *count_references(data, each.number),
            _date(series[str(each.number)].first),
            _date(series[str(each.number)].last),
        )
        for each in clusters
    ]
    head = ("cluster", "name", "files", "stability", "references", "independent", "publishers")
    hint = "graphbuild communities --json lists them"
    yield from table((*head, "first", "last"), rows, hint, numbers=range(2, 7))
    for cluster in clusters[:_MAX_DETAILED_CLUSTERS]:
        yield from _cluster_details(cluster)


def _cluster_details(cluster: Cluster) -> Iterator[Block]:
    files = format_count(len(cluster.files), "file")
    title = f"Cluster {cluster.number}: ", UntrustedText(cluster.name), f", {files}"
    yield Heading(3, title, f"cluster-{cluster.number}", cluster.number)
    counts = ("inside", "outside", "lift")
    if cluster.top_collections:
        rows = [_distinctive(each) for each in cluster.top_collections]
        yield Table(("distinctive collection", *counts), rows, numbers=range(1, 4))
    if cluster.top_references:
        rows = [
            (*_distinctive(each), _date(each.entity), _url(each.entity))
            for each in cluster.top_references
        ]
        yield Table(("distinctive reference", *counts, "date", "URL"), rows, numbers=range(1, 4))
    subjects = [_subject(file) for file in cluster.files]
    yield from bullet_list(subjects, "graphbuild communities --json lists them", _MAX_FILES)


def _distinctive(each: DistinctiveEntity) -> tuple[Content, ...]:
    return _name(each.entity), each.inside, each.outside, f"{each.lift:.1f}"


def _bridges(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "Bridges", "bridges")
    bridges, links = data.bridges.bridges, data.bridges.single_links
    verb = "is" if data.bridges.joined_pairs == 1 else "are"
    yield Paragraph(
        f"{format_count(data.bridges.joined_pairs, 'pair')} of clusters {verb} connected. Number"
        f" of pairs that a single reference or collection connects: {len(links):,}."
    )
    if bridges:
        rows = [
            (
                _name(each.entity),
                each.entity.type,
                each.files,
                len(each.clusters),
                len(each.sole_pairs),
                each.components,
                each.cut_off_files,
            )
            for each in bridges
        ]
        counts = ("files", "clusters", "sole pairs", "components", "cut-off files")
        yield from table(("bridge", "type", *counts), rows, _IN_BRIDGES, numbers=range(2, 7))
    if links:
        clusters = data.clustering.clusters
        lines = [
            (
                *describe_cluster(clusters[one - 1]),
                " and ",
                *describe_cluster(clusters[other - 1]),
                f" are connected only by the {entity.type} ",
                _name(entity),
            )
            for (one, other), entity in links
        ]
        yield from bullet_list(lines, _IN_BRIDGES)


def _timeline(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "Timeline", "timeline")
    series = data.timeline.campaign
    references = format_count(series.references, "reference")
    yield Paragraph(f"{references}, {series.undated:,} without a publication date.")
    if not series.months:
        return
    caption = "References by date of publication (UTC)."
    yield Figure(month_chart(series.months), "timeline", caption)
    years: Counter[str] = Counter()
    for month, count in series.months.items():
        years[month[:4]] += count
    rows = sorted(years.items(), reverse=True)
    hint = "graphbuild timeline --json lists every month"
    yield from table(("year", "references"), rows, hint, numbers=[1])


def _method(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "How to read this report", "method")
    clustering = data.clustering
    lines = (
        (
            "The results are derived from observations. In an observation, the API lists a"
            " reference for a file, either through a collection or without one. Paths in the"
            " exported graph are not evidence, because they can combine observations of different"
            " files."
        ),
        (
            f"Clusters: found with the algorithm {METHOD} at resolution"
            f" {clustering.resolution:.2f}. The more files a collection has, the more weakly it"
            " connects them."
        ),
        (
            "Inside and outside: how many files have the collection or reference, in the cluster"
            " and outside it. Lift: the share of the cluster's files that have it, divided by the"
            " share of all files that have it."
        ),
        (
            "Sole pairs: pairs of clusters that only this bridge connects. Components: if the"
            " bridge is removed, the files that it connects fall into this number of groups."
            " Cut-off files: the files outside the largest group."
        ),
        (
            "Added and removed: references, collections and observations in only one snapshot, if"
            " the other snapshot is complete for a subject that has them. Otherwise, or if the"
            " other snapshot infers the reference for the subject, the change is unknown."
        ),
        "URLs are defanged. For details, see docs/analysis.md of graphbuild.",
    )
    yield BulletList(lines)


def _name(entity: Entity) -> UntrustedText:
    return UntrustedText(defanged_label(entity))


def _subject(entity: Entity) -> UntrustedText:
    return UntrustedText(defang(entity.readable_id))


def _date(entity: Entity | None) -> str:
    day = publication_date(entity) if entity else None
    return day.isoformat() if day else ""


def _url(entity: Entity) -> UntrustedText | None:
    url = reference_url(entity)
    shortened = url if len(url) <= _MAX_URL_LENGTH else url[:_MAX_URL_LENGTH] + "…"
    return UntrustedText(defang(shortened)) if url else None
