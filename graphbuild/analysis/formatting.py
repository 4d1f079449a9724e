"""The fates of clusters in words, strangers' texts marked as such."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, format_count
from graphbuild.analysis.paths import quiet_name
from graphbuild.models import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild._util import MixedText
    from graphbuild.analysis.cluster_evolution import Cause, Fate
    from graphbuild.analysis.communities import Communities, Community
    from graphbuild.analysis.compare import Comparison

_NAME = 60  # characters of a cluster's name


def summary(found: Comparison) -> str:
    """How many clusters there were and are, and what became of them."""
    before, after = (_count(side) for side in (found.before, found.after))
    kinds = dict.fromkeys(fate.kind for fate in found.fates)
    numbers = {kind: sum(fate.kind == kind for fate in found.fates) for kind in kinds}
    said = ", ".join(f"{number:,} {kind}" for kind, number in numbers.items()) or "none"
    return f"{format_count(before, 'cluster')} before, {after:,} after: {said}"


def _count(side: Communities) -> int:
    return sum(len(group.files) > 1 for group in side.groups)


def fate_of(fate: Fate, found: Comparison) -> MixedText:
    """What became of which clusters."""
    before, after = (
        _named([side.groups[number - 1] for number in numbers])
        for side, numbers in ((found.before, fate.before), (found.after, fate.after))
    )
    if not before or not after:
        return f"{fate.kind}: ", *before, *after
    files = f"+{len(fate.came):,} -{len(fate.went):,} files, likeness {fate.likeness:.2f}"
    return f"{fate.kind}: ", *before, " became ", *after, f" ({files})"


def reasons(fate: Fate, most: int) -> list[MixedText]:
    """What merged or split clusters: at most so many collections and reports, a line each."""
    if fate.kind not in {"merged", "split"}:
        return []
    told = [_cause(cause, fate) for cause in fate.causes[:most]]
    if len(fate.causes) > most:
        told.append((f"… and {len(fate.causes) - most:,} more",))
    if fate.through:
        side = "now" if fate.kind == "merged" else "before"
        files = format_count(len(fate.through), "file")
        told.append((f"by {files}, known only {side}, sharing something with several of them",))
    return told or [("by no single report or collection: the clusters are drawn anew",)]


def _cause(cause: Cause, fate: Fate) -> MixedText:
    kind = "report" if cause.entity.type == REFERENCE else cause.entity.type
    said = [format_count(cause.files, "file")]
    if cause.new:
        said.insert(0, "new" if fate.kind == "merged" else "gone")
    if not cause.sure:
        said.append("but not all was known on the other side")
    return f"by the {kind} ", UntrustedText(quiet_name(cause.entity)), f" ({', '.join(said)})"


def _named(groups: Sequence[Community]) -> MixedText:
    told: list[str | UntrustedText] = []
    for group in groups:
        told += [" and " if told else "", *cluster_name(group)]
    return tuple(told)


def cluster_name(group: Community) -> MixedText:
    """A cluster by its number, its name and how many files it has."""
    files = format_count(len(group.files), "file")
    return f"cluster {group.number} (", UntrustedText(group.name[:_NAME]), f", {files})"
