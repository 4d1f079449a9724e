"""Describe nodes, path steps, observations, clusters and their changes in one line of text each.

Titles, names, authors and URLs are untrusted text. Functions with an argument ``quote`` pass
untrusted text to ``quote``, which must escape the text and put it in quotation marks. Functions
that return ``MixedText`` mark untrusted text. All other functions neither escape nor mark it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, format_count
from graphbuild.analysis.deduplication import publication_date, reference_url
from graphbuild.models import COLLECTION, INFERRED, REFERENCE, REFERENCES
from graphbuild.seeds.refanging import defang

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbuild._util import MixedText
    from graphbuild.analysis.cluster_evolution import Cause, ClusterChange
    from graphbuild.analysis.clusters import Cluster, Clustering
    from graphbuild.analysis.compare import Comparison
    from graphbuild.analysis.deduplication import Deduplication
    from graphbuild.analysis.paths import PathStep
    from graphbuild.models import Entity, Observation

_MAX_TEXT_LENGTH = 160  # maximum number of characters of a title, name or URL
_MAX_CLUSTER_NAME_LENGTH = 80  # characters of a cluster's name; enough for most labels
_URL = re.compile(r"\S*https?:\S*|\S*://\S*", re.IGNORECASE)


# --- nodes ---------------------------------------------------------------------------------------


def describe_node(entity: Entity, quote: Callable[[str], str]) -> str:
    """Return the type and the quoted label of a node, such as ``the collection 'Emotet'``."""
    types = {REFERENCE: "the reference", COLLECTION: "the collection"}
    return f"{types.get(entity.type, entity.type)} {quote(defanged_label(entity))}"


def defanged_label(entity: Entity) -> str:
    """Return the label of a node, cut to 160 characters and then defanged.

    In names of references and collections, only URLs are defanged. All other labels are defanged as
    a whole.
    """
    if entity.type == COLLECTION or (entity.type == REFERENCE and entity.name):
        return defang_text(entity.label)
    return defang(shorten(entity.label))


def defang_text(text: str) -> str:
    """Cut a title, name or author to 160 characters, and defang the URLs in it."""
    return _URL.sub(lambda match: defang(match[0]), shorten(text))


def shorten(text: str) -> str:
    """Return ``text``. An ellipsis replaces the characters after the first 160."""
    return text if len(text) <= _MAX_TEXT_LENGTH else text[:_MAX_TEXT_LENGTH] + "…"


# --- paths ---------------------------------------------------------------------------------------


def describe_step(
    step: PathStep, quote: Callable[[str], str], duplicates: Deduplication | None = None
) -> str:
    """Describe a step of a path in one sentence.

    The description of a step between a file and a collection contains the number of references.
    With ``duplicates``, it also contains the numbers of independent references and of their known
    publishers, if there are several references.
    """
    ends = {step.source.key, step.target.key}
    listed = [each for each in step.observations if _ends_through(each) == ends]
    if listed:
        reference, through = step.source, step.target
        if listed[0].reference != reference:
            reference, through = through, reference
        files = len({each.subject.key for each in listed if each.reference == reference})
        listed_for = (
            f"{describe_node(reference, quote)} is listed for {format_count(files, 'file')}"
        )
        return f"{listed_for} through {describe_node(through, quote)}"
    file, entity = step.source, step.target
    if file.type in {REFERENCE, COLLECTION}:
        file, entity = entity, file
    if entity.type == REFERENCE:
        return f"{describe_node(file, quote)} is related to {describe_node(entity, quote)}"
    count = _count_references(step, duplicates)
    return f"{describe_node(file, quote)} is in {describe_node(entity, quote)}, through {count}"


def _ends_through(observation: Observation) -> set[str]:
    """Return the node keys of the reference and, if any, the collection of an observation."""
    ends = (observation.reference, observation.related_from)
    return {entity.key for entity in ends if entity}


def _count_references(step: PathStep, duplicates: Deduplication | None) -> str:
    references = [each.reference for each in step.observations]
    count = format_count(len(references), "reference")
    if duplicates is None or len(references) == 1:
        return count
    independent, publishers = duplicates.count_independent(references)
    by = f", by {format_count(publishers, 'publisher')}" if publishers else ""
    return f"{count} ({independent:,} independent{by})"


def describe_observation(observation: Observation, quote: Callable[[str], str]) -> str:
    """Describe an observation: its subject, collection and reference (author, date, URL)."""
    reference = observation.reference
    author, date = reference.attributes.get("author"), publication_date(reference)
    url, collection = reference_url(reference), observation.related_from
    parts = [describe_node(reference, quote)]
    if isinstance(author, str) and author.strip():
        parts.append(f"by {quote(defang_text(author))}")
    parts.append(date.isoformat() if date else "no date")
    if url:
        parts.append(quote(defang(shorten(url))))
    through = describe_node(collection, quote) if collection else "no named collection"
    inferred = ", inferred" if observation.provenance == INFERRED else ""
    subject = describe_node(observation.subject, quote)
    if observation.relationship == REFERENCES:
        return f"{', '.join(parts)}; a direct reference of {subject}"
    return f"{', '.join(parts)}; listed for {subject} through {through}{inferred}"


# --- clusters ------------------------------------------------------------------------------------


def describe_cluster(cluster: Cluster) -> MixedText:
    """Return the number of a cluster, the first 80 characters of its name, and its size."""
    name = UntrustedText(cluster.name[:_MAX_CLUSTER_NAME_LENGTH])
    files = format_count(len(cluster.files), "file")
    return f"cluster {cluster.number} (", name, f", {files})"


def summarize_changes(comparison: Comparison) -> str:
    """Return the number of clusters in each snapshot, and the number of changes of each kind.

    Clusters of one file are not counted.
    """
    before, after = (
        sum(len(cluster.files) > 1 for cluster in clustering)
        for clustering in (comparison.before, comparison.after)
    )
    kinds = [change.kind for change in comparison.cluster_changes]
    counts = ", ".join(f"{kinds.count(kind):,} {kind}" for kind in dict.fromkeys(kinds))
    return f"{format_count(before, 'cluster')} before, {after:,} after: {counts or 'no changes'}"


def describe_change(change: ClusterChange, comparison: Comparison) -> MixedText:
    """Describe a change of clusters: its kind, the clusters before and after, and the difference.

    If there are clusters before and after, the difference consists of the numbers of added and
    removed files and the similarity.
    """
    before = _describe_clusters(comparison.before, change.before)
    after = _describe_clusters(comparison.after, change.after)
    if not before or not after:
        return f"{change.kind}: ", *before, *after
    files = f"+{len(change.added):,} -{len(change.removed):,} files"
    similarity = f"similarity {change.similarity:.2f}"
    return f"{change.kind}: ", *before, " became ", *after, f" ({files}, {similarity})"


def _describe_clusters(clustering: Clustering, numbers: Sequence[int]) -> MixedText:
    parts: list[str | UntrustedText] = []
    for number in numbers:
        parts += [" and " if parts else "", *describe_cluster(clustering.clusters[number - 1])]
    return tuple(parts)


def describe_causes(change: ClusterChange, limit: int) -> list[MixedText]:
    """Return lines that describe why clusters merged or split; no lines for all other changes.

    The first ``limit`` causes have one line each. Further lines contain the number of the remaining
    causes and the number of linking files. If there is neither a cause nor a linking file, the only
    line states this.
    """
    if change.kind not in {"merged", "split"}:
        return []
    lines = [_describe_cause(cause, change) for cause in change.causes[:limit]]
    if len(change.causes) > limit:
        lines.append((f"… and {len(change.causes) - limit:,} more",))
    if change.linking_files:
        snapshot = "later" if change.kind == "merged" else "earlier"
        by = f"by {format_count(len(change.linking_files), 'file')} only in the {snapshot} snapshot"
        lines.append((f"{by}, each linked to several of the clusters",))
    return lines or [("no single reference or collection is the reason",)]


def _describe_cause(cause: Cause, change: ClusterChange) -> MixedText:
    details = [format_count(cause.files, "file")]
    if cause.exclusive:
        details.insert(0, "added" if change.kind == "merged" else "removed")
    if not cause.certain:
        other = "earlier" if change.kind == "merged" else "later"
        details.append(f"possibly also in the {other} snapshot, whose data is incomplete")
    name = UntrustedText(defanged_label(cause.entity))
    return f"by the {cause.entity.type} ", name, f" ({', '.join(details)})"
