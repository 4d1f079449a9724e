"""Describe the changes since the baseline of a report."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, format_count
from graphbuild.analysis import (
    describe_causes,
    describe_change,
    describe_cluster,
    make_families,
    publication_date,
    summarize_changes,
)
from graphbuild.models import REFERENCE
from graphbuild.report.blocks import (
    MAX_ROWS,
    BulletList,
    Code,
    Heading,
    Paragraph,
    Table,
    bullet_list,
    more_rows,
    table,
)
from graphbuild.report.entity_text import date_text, family_text, reference_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbuild.analysis import Comparison
    from graphbuild.models import Entity
    from graphbuild.report.blocks import Block, Content
    from graphbuild.report.data import ReportData

_MAX_CAUSES = 6  # maximum number of causes to list per merge or split
_IN_COMPARE = "graphbuild compare --json lists them"
_CHANGES = ("added", "removed", "unchanged", "unknown_before", "unknown_after")


def describe_changes(data: ReportData) -> Iterator[Block]:
    """Yield the section about the changes since the baseline; no block without a baseline."""
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
        rows = [(date_text(each), reference_text(each)) for each in ordered]
        yield from table(("date", "reference"), rows, _IN_COMPARE, label_columns=2)
    else:
        families = make_families(dict.fromkeys(ordered, 1))
        yield from bullet_list([family_text(each) for each in families], _IN_COMPARE)


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
                Code(each.file.id),
                describe_cluster(comparison.before.clusters[each.before - 1]),
                describe_cluster(comparison.after.clusters[each.after - 1]),
            )
            for each in moved
        ]
        yield Paragraph(f"{format_count(len(moved), 'file')} changed cluster:")
        yield from table(("file", "before", "after"), rows, _IN_COMPARE)
