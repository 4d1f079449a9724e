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
from graphbuild.models import COLLECTION, FILE, INFERRED, REFERENCE, REFERENCES
from graphbuild.seeds.refanging import defang

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbuild._util import MixedText
    from graphbuild.analysis.cluster_evolution import Cause, ClusterChange
    from graphbuild.analysis.cluster_models import Cluster, Clustering
    from graphbuild.analysis.compare import Comparison
    from graphbuild.analysis.deduplication import Deduplication
    from graphbuild.analysis.paths import PathStep
    from graphbuild.analysis.structural_changes import StructuralChange
    from graphbuild.models import Entity, Observation

_MAX_TEXT_LENGTH = 160  # maximum number of characters of a title, name or URL
_MAX_CLUSTER_NAME_LENGTH = 80  # characters of a cluster's name; enough for most labels
_MAX_CLUSTERS = 3  # clusters on each side of a structural change
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


def defang_text(text: str, max_length: int = _MAX_TEXT_LENGTH) -> str:
    """Cut a title, name or author to ``max_length`` characters, and defang the URLs in it."""
    return _URL.sub(lambda match: defang(match[0]), shorten(text, max_length))


def shorten(text: str, max_length: int = _MAX_TEXT_LENGTH) -> str:
    """Return ``text``. An ellipsis replaces the characters after the first ``max_length``."""
    return text if len(text) <= max_length else text[:max_length] + "…"


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
    reference = _describe_reference(observation.reference, quote)
    subject = describe_node(observation.subject, quote)
    if observation.relationship == REFERENCES:
        return f"{reference}; a direct reference of {subject}"
    through = _describe_collection(observation.related_from, quote)
    inferred = ", inferred" if observation.provenance == INFERRED else ""
    return f"{reference}; listed for {subject} through {through}{inferred}"


def describe_observations(
    observations: Sequence[Observation], quote: Callable[[str], str]
) -> list[str]:
    """Describe observations in one line per reference, in the order of the first observations.

    If there are several observations of a reference, the line contains the number of files for each
    collection, instead of the files.
    """
    groups: dict[str, list[Observation]] = {}
    for each in observations:
        groups.setdefault(each.reference.key, []).append(each)
    return [
        describe_observation(group[0], quote)
        if len(group) == 1
        else f"{_describe_reference(group[0].reference, quote)}; {_count_subjects(group, quote)}"
        for group in groups.values()
    ]


def _count_subjects(observations: Sequence[Observation], quote: Callable[[str], str]) -> str:
    """Return how many subjects have a reference directly, and through each collection."""
    subjects: dict[str, set[str]] = {}  # keys of subjects by the end of the sentence about them
    for each in observations:
        through = f" through {_describe_collection(each.related_from, quote)}"
        end = "" if each.relationship == REFERENCES else through
        subjects.setdefault(end, set()).add(each.subject.key)
    noun = "file" if all(each.subject.type == FILE for each in observations) else "subject"
    parts = [
        f"{'listed for' if end else 'a direct reference of'} {format_count(len(keys), noun)}{end}"
        for end, keys in subjects.items()
    ]
    inferred = sum(each.provenance == INFERRED for each in observations)
    if inferred:
        parts.append(f"{format_count(inferred, 'observation')} inferred")
    return "; ".join(parts)


def _describe_reference(reference: Entity, quote: Callable[[str], str]) -> str:
    """Return the label of a reference, its author, its date and its URL."""
    author, date = reference.attributes.get("author"), publication_date(reference)
    url = reference_url(reference)
    parts = [describe_node(reference, quote)]
    if isinstance(author, str) and author.strip():
        parts.append(f"by {quote(defang_text(author))}")
    parts.append(date.isoformat() if date else "no date")
    if url:
        parts.append(quote(defang(shorten(url))))
    return ", ".join(parts)


def _describe_collection(collection: Entity | None, quote: Callable[[str], str]) -> str:
    return describe_node(collection, quote) if collection else "no named collection"


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


# --- structural changes --------------------------------------------------------------------------


def describe_structural_change(change: StructuralChange) -> MixedText:
    """Describe a structural change in one line, with at most three clusters on each side."""
    before, after = _join_clusters(change.before), _join_clusters(change.after)
    if change.kind in {"clusters_merged", "cluster_split"}:
        word = "merged" if change.kind == "clusters_merged" else "split"
        return f"{word}: ", *before, " became ", *after
    entity = UntrustedText(defanged_label(change.entities[0]))
    others = len(change.entities) - 1
    if change.kind == "file_moved":
        return "moved: ", entity, " changed from ", *before, " to ", *after
    if change.kind == "clusters_tied":
        more = f" and {format_count(others, 'more reference')} tie " if others else " ties "
        return "tied: the reference ", entity, more, *after
    if change.kind == "collection_found":
        count = format_count(len(change.files), "subject")
        return "found: the collection ", entity, f" contains {count} of the campaign"
    return "known: ", entity, " has its first references, and is in ", *after


def _join_clusters(clusters: Sequence[Cluster]) -> MixedText:
    parts: list[str | UntrustedText] = []
    for cluster in clusters[:_MAX_CLUSTERS]:
        parts += [" and " if parts else "", *describe_cluster(cluster)]
    if len(clusters) > _MAX_CLUSTERS:
        parts.append(f" and {len(clusters) - _MAX_CLUSTERS:,} more")
    return tuple(parts)
