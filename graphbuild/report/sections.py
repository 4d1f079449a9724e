"""Build the sections of a report as blocks, from the result of :func:`data.collect_data`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText
from graphbuild.analysis import METHOD
from graphbuild.models import COMPLETE
from graphbuild.report.blocks import (
    BulletList,
    Figure,
    FoldedList,
    Heading,
    KeyFigures,
    Paragraph,
    bullet_list,
    table,
)
from graphbuild.report.campaign_claims import (
    TOTALS,
    complete_lists,
    incomplete_lists,
    inferred_references,
    known_references,
    last_response,
    list_state,
    response_warnings,
    subjects_without_references,
)
from graphbuild.report.change_sections import describe_changes
from graphbuild.report.charts import TIMELINE_TITLE, month_chart
from graphbuild.report.cluster_claims import mean_stability
from graphbuild.report.cluster_sections import describe_clusters
from graphbuild.report.connection_claims import (
    bridge_effect,
    cluster_connections,
    sole_connection,
    timeline,
    timeline_month,
    timeline_year,
)
from graphbuild.report.content import Code
from graphbuild.report.data import count_known
from graphbuild.report.entity_text import entity_name, subject_text
from graphbuild.report.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.analysis import Bridge
    from graphbuild.report.blocks import Block
    from graphbuild.report.content import Content
    from graphbuild.report.data import ReportData
    from graphbuild.store import SubjectStatus

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
        text = incomplete_lists(data).sentence(), " References may be missing from this report."
        yield Paragraph(text, "warning")
    yield Paragraph(last_response(data).sentence(), "note")
    figures = []
    for claim in (make(data) for make in TOTALS):
        number, noun = str(claim.text).split(" ", 1)
        figures.append((claim.cell(number, is_linked=True), noun))
    yield KeyFigures(figures)


def _missing_data(data: ReportData) -> Iterator[Block]:
    totals = data.totals
    yield Heading(2, "Missing data", "missing")
    problems = [each for each in data.statuses if each.state != COMPLETE or each.detail]
    if not problems:
        yield Paragraph(complete_lists(data).sentence())
    notes: list[Content] = []
    if totals.expected:
        notes.append(known_references(data).sentence())
    if totals.inferred:
        hint = (
            " They may have more collections; graphbuild crawl --complete requests the pages that"
            " were left out."
        )
        notes.append((inferred_references(data).sentence(), hint))
    if totals.warnings:
        hint = "; graphbuild status --warnings lists them."
        notes.append((response_warnings(data).sentence(), hint))
    if notes:
        yield BulletList(notes)
    if without := data.subjects_without_references:
        claim = subjects_without_references(data)
        yield FoldedList(claim.sentence(), [subject_text(each) for each in without])
    if problems:
        rows = [_list_row(data, each) for each in problems]
        head = ("subject", "state", "known", "expected", "warning")
        yield from table(head, rows, "graphbuild status --all lists them", numbers=range(2, 4))


def _list_row(data: ReportData, status: SubjectStatus) -> tuple[Content, ...]:
    return list_state(data, status).row(
        Code(subject_text(status.subject)),
        status.state,
        count_known(status),
        status.expected_count,
        UntrustedText(status.detail or status.error_code),
    )


def _bridges(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "Bridges", "bridges")
    bridges, pairs = data.bridges.bridges, data.bridges.joined_pairs
    yield Paragraph(cluster_connections(data).sentence())
    if bridges and not pairs:
        yield Paragraph(
            "If one of the following is removed, some files of a cluster are no longer connected."
        )
    if bridges:
        rows = [_bridge_row(data, each) for each in bridges]
        counts = ("files", "clusters", "sole pairs", "components", "cut-off files")
        yield from table(("bridge", "type", *counts), rows, _IN_BRIDGES, numbers=range(2, 7))
    if data.bridges.single_links:
        lines = [sole_connection(data, each).sentence() for each in bridges if each.sole_pairs]
        yield from bullet_list(lines, _IN_BRIDGES)


def _bridge_row(data: ReportData, bridge: Bridge) -> tuple[Content, ...]:
    return bridge_effect(data, bridge).row(
        entity_name(bridge.entity),
        bridge.entity.type,
        bridge.files,
        len(bridge.clusters),
        len(bridge.sole_pairs),
        bridge.components,
        bridge.cut_off_files,
    )


def _timeline(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "Timeline", "timeline")
    series = data.timeline.campaign
    yield Paragraph(timeline(data).sentence())
    if not series.months:
        return
    caption = f"{TIMELINE_TITLE} (UTC)."
    months = [timeline_month(data, month) for month in series.months]
    yield Figure(month_chart(series.months), "timeline", TIMELINE_TITLE, caption, months)
    rows = []
    for year in sorted({month[:4] for month in series.months}, reverse=True):
        claim = timeline_year(data, year)
        rows.append(claim.row(year, f"{claim.numbers['references']:,}"))
    hint = "graphbuild timeline --json lists every month"
    yield from table(("year", "references"), rows, hint, numbers=[1], label_columns=2)


def _method(data: ReportData) -> Iterator[Block]:
    yield Heading(2, "How to read this report", "method")
    lines: list[Content] = [
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
            (
                "Stability: the mean Jaccard index of a cluster and the most similar cluster in"
                " each of ten runs. Each run leaves out a random tenth of the evidence. "
            ),
            mean_stability(data).sentence(),
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
