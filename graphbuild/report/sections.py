"""Build the sections of a report as blocks, from the result of :func:`data.collect_data`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, format_count, format_timestamp, pluralize
from graphbuild.analysis import METHOD
from graphbuild.models import COMPLETE, UNFINISHED_STATES
from graphbuild.report.blocks import (
    BulletList,
    Code,
    Figure,
    FoldedList,
    Heading,
    KeyFigures,
    Paragraph,
    bullet_list,
    table,
)
from graphbuild.report.change_sections import describe_changes
from graphbuild.report.charts import TIMELINE_TITLE, month_chart
from graphbuild.report.cluster_sections import describe_clusters
from graphbuild.report.data import count_known
from graphbuild.report.entity_text import entity_name, quoted_cluster, subject_text
from graphbuild.report.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.analysis import Bridge
    from graphbuild.report.blocks import Block, Content
    from graphbuild.report.data import ReportData

_MAX_PAIRS = 20  # maximum number of pairs of clusters to list per bridge
_IN_BRIDGES = "graphbuild bridges --json lists them"


def build_blocks(data: ReportData) -> list[Block]:
    """Return all blocks of the report, in order. The first block is the heading with the title."""
    return [
        *_overview(data),
        *_missing_data(data),
        *describe_changes(data),
        *describe_clusters(data),
        *_bridges(data),
        *_timeline(data),
        *_method(data),
    ]


def _overview(data: ReportData) -> Iterator[Block]:
    totals = data.totals
    yield Heading(1, ("Campaign report: ", UntrustedText(data.name)))
    yield summarize(data)
    if totals.complete < totals.lists:
        warning = (
            f"Incomplete data: {totals.describe_states(*UNFINISHED_STATES)} of"
            f" {totals.describe_subjects()}. References may be missing from this report."
        )
        yield Paragraph(warning, "warning")
    last = data.last_response
    text = f"Last response: {format_timestamp(last)}." if last is not None else "No response yet."
    yield Paragraph(text, "note")
    clusters = len(data.clusters)
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
        yield Paragraph(f"All lists are complete ({format_count(totals.subjects, 'subject')}).")
    notes = []
    if totals.expected:
        notes.append(
            f"{totals.received + totals.inferred:,} of {totals.expected:,} expected references are"
            " known, summed over the subjects."
        )
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
    if without := data.subjects_without_references:
        title = f"{data.count_subjects(len(without))} with complete lists but no known reference"
        yield FoldedList(title, [subject_text(each) for each in without])
    if problems:
        rows = [
            (
                Code(subject_text(each.subject)),
                each.state,
                count_known(each),
                each.expected_count,
                UntrustedText(each.detail or each.error_code),
            )
            for each in problems
        ]
        head = ("subject", "state", "known", "expected", "warning")
        yield from table(head, rows, "graphbuild status --all lists them", numbers=range(2, 4))


def _bridges(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "Bridges", "bridges")
    bridges, pairs = data.bridges.bridges, data.bridges.joined_pairs
    if pairs:
        verb = "is" if pairs == 1 else "are"
        yield Paragraph(
            f"{format_count(pairs, 'pair')} of clusters {verb} connected,"
            f" {len(data.bridges.single_links):,} of them by only one reference or collection."
        )
    else:
        yield Paragraph("No collection or reference connects two clusters.")
    if bridges and not pairs:
        yield Paragraph(
            "If one of the following is removed, some files of a cluster are no longer connected."
        )
    if bridges:
        rows = [
            (
                entity_name(each.entity),
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
    if data.bridges.single_links:
        lines = [_sole_pairs(data, bridge) for bridge in bridges if bridge.sole_pairs]
        yield from bullet_list(lines, _IN_BRIDGES)


def _sole_pairs(data: ReportData, bridge: Bridge) -> Content:
    """Return a sentence about the pairs of clusters that only this bridge connects."""
    pairs, name = bridge.sole_pairs, (f"Only the {bridge.entity.type} ", entity_name(bridge.entity))
    if len(pairs) == 1:
        one, other = (data.clustering.clusters[number - 1] for number in pairs[0])
        clusters = (f"{one.number} ", *quoted_cluster(one), f" and {other.number} ")
        return *name, " connects clusters ", *clusters, *quoted_cluster(other), "."
    numbers = [f"{one}-{other}" for one, other in pairs[:_MAX_PAIRS]]
    if len(pairs) > _MAX_PAIRS:
        numbers.append(f"{len(pairs) - _MAX_PAIRS:,} more")
    return *name, f" connects {len(pairs):,} pairs of clusters: {', '.join(numbers)}."


def _timeline(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "Timeline", "timeline")
    series = data.timeline.campaign
    references = format_count(series.references, "reference")
    yield Paragraph(f"{references}, {series.undated:,} without a publication date.")
    if not series.months:
        return
    caption = f"{TIMELINE_TITLE} (UTC)."
    yield Figure(month_chart(series.months), "timeline", TIMELINE_TITLE, caption)
    years: Counter[str] = Counter()
    for month, count in series.months.items():
        years[month[:4]] += count
    rows = sorted(years.items(), reverse=True)
    hint = "graphbuild timeline --json lists every month"
    yield from table(("year", "references"), rows, hint, numbers=[1], label_columns=2)


def _method(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "How to read this report", "method")
    clustering = data.clustering
    lines = [
        (
            "The results are derived from observations. In an observation, the API lists a"
            " reference for a file, either through a collection or without one. Paths in the"
            " exported graph are not evidence, because they can combine observations of different"
            " files."
        ),
        (
            f"Clusters: found by {METHOD}. The more files a collection has, the more weakly it"
            " connects them. A collection of files that have nothing else in common connects hardly"
            " any."
        ),
        (
            "Stability: the mean Jaccard index of a cluster and the most similar cluster in each"
            " of ten runs. Each run leaves out a random tenth of the evidence. The mean stability"
            f" over all files is {clustering.agreement:.2f}."
        ),
        (
            "Sources: the number of collections and directly related references that at least two"
            " files of the cluster have; those that are based on the same articles count once."
            " Breaking point: the smallest number of sources without which the cluster would lose"
            " more than half of its files; ≤ marks an upper bound."
        ),
        "Independent references: those to the same article count once.",
        (
            "Collections whose names are equal, apart from case, spaces and punctuation, are in one"
            " row with their number. A file counts if at least one of them contains it."
        ),
        (
            "Inside and outside: how many files have the collection or reference, in the cluster"
            " and outside it. Lift: the share of the cluster's files that have it, divided by the"
            " share of all files that have it."
        ),
    ]
    if data.bridges.bridges:
        lines.append(
            "Sole pairs: pairs of clusters that only this bridge connects. Components: if the"
            " bridge is removed, the files that it connects fall into this number of groups."
            " Cut-off files: the files outside the largest group."
        )
    if data.comparison:
        lines.append(
            "Added and removed: references, collections and observations in only one snapshot, if"
            " the other snapshot is complete for a subject that has them. Otherwise, or if the"
            " other snapshot infers the reference for the subject, the change is unknown."
        )
    lines.append("URLs are defanged. For details, see docs/analysis.md of graphbuild.")
    yield BulletList(lines)
