"""Describe the changes since the baseline of a report."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText
from graphbuild.analysis import describe_causes, describe_cluster, publication_date
from graphbuild.report.blocks import (
    MAX_ROWS,
    BulletList,
    Heading,
    Paragraph,
    Table,
    bullet_list,
    more_rows,
    table,
)
from graphbuild.report.change_claims import (
    CHANGES,
    KINDS_OF_ENTITIES,
    change_counts,
    changed_collection,
    changed_families,
    changed_reference,
    changes_since,
    cluster_change,
    cluster_changes,
    incomplete_subjects,
    inferred_observations,
    moved_file,
    moved_files,
    require_baseline,
)
from graphbuild.report.content import Code
from graphbuild.report.entity_text import date_text, family_text, reference_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.analysis import Comparison
    from graphbuild.report.blocks import Block
    from graphbuild.report.change_claims import Change, Side
    from graphbuild.report.content import Content
    from graphbuild.report.data import ReportData

_MAX_CAUSES = 6  # maximum number of causes to list per merge or split
_IN_COMPARE = "graphbuild compare --json lists them"
_SIDES: tuple[Side, ...] = ("before", "after")
_CHANGED: tuple[tuple[Change, str], ...] = (("added", "Added"), ("removed", "Removed"))


def describe_changes(data: ReportData) -> Iterator[Block]:
    """Yield the section about the changes since the baseline; no block without a baseline."""
    comparison = data.comparison
    if comparison is None:
        return
    since = changes_since(data).cell(UntrustedText(data.baseline_name))
    yield Heading(2, ("Changes since ", since), "changes")
    for side in _SIDES:
        if getattr(comparison, f"incomplete_{side}"):
            yield Paragraph(incomplete_subjects(data, side).sentence())
    for side in _SIDES:
        if getattr(comparison, f"inferred_{side}"):
            yield Paragraph(inferred_observations(data, side).sentence())
    rows: list[tuple[Content, ...]] = []
    for kind in KINDS_OF_ENTITIES:
        claim = change_counts(data, kind)
        counts = [f"{claim.numbers[change]:,}" for change in CHANGES]
        rows.append(claim.row(kind, *counts))
    head = ("", *(name.replace("_", " ") for name in CHANGES))
    yield Table(head, rows, numbers=range(1, 6))
    for change, title in _CHANGED:
        yield from _references(data, f"{title} references", change)
        yield from _collections(data, f"{title} collections", change)
    yield from _cluster_changes(data, comparison)


def _references(data: ReportData, title: str, change: Change) -> Iterator[Block]:
    _, comparison = require_baseline(data)
    references = sorted(getattr(comparison.references, change), key=lambda each: each.key)
    if not references:
        return
    yield Heading(3, title)
    references.sort(key=lambda each: (publication_date(each) or date.min, each.key), reverse=True)
    rows = [
        changed_reference(data, change, each).row(date_text(each), reference_text(each), link=1)
        for each in references
    ]
    yield from table(("date", "reference"), rows, _IN_COMPARE, label_columns=2)


def _collections(data: ReportData, title: str, change: Change) -> Iterator[Block]:
    families = changed_families(data, change)
    if families:
        yield Heading(3, title)
        lines = [
            changed_collection(data, change, each).cell(family_text(each), is_linked=True)
            for each in families
        ]
        yield from bullet_list(lines, _IN_COMPARE)


def _cluster_changes(data: ReportData, comparison: Comparison) -> Iterator[Block]:
    yield Heading(3, "Cluster changes")
    yield Paragraph(cluster_changes(data).sentence())
    changes = [each for each in comparison.cluster_changes if each.kind != "unchanged"]
    others = []
    for change in changes[:MAX_ROWS]:
        claim, causes = cluster_change(data, change), describe_causes(change, _MAX_CAUSES)
        if causes:
            yield Paragraph(claim.sentence())
            yield BulletList([claim.cell(cause) for cause in causes])
        else:
            others.append(claim.sentence())
    if others:
        yield BulletList(others)
    yield from more_rows(changes, _IN_COMPARE)
    moved = comparison.moved_files
    if moved:
        rows = [
            moved_file(data, each).row(
                Code(each.file.id),
                describe_cluster(comparison.before.clusters[each.before - 1]),
                describe_cluster(comparison.after.clusters[each.after - 1]),
            )
            for each in moved
        ]
        yield Paragraph(moved_files(data).sentence())
        yield from table(("file", "before", "after"), rows, _IN_COMPARE)
