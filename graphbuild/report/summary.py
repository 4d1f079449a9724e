"""Summarize a campaign in three to five sentences.

They state the clusters, what connects them, and which data is missing or new.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, format_count
from graphbuild.models import UNFINISHED_STATES
from graphbuild.report.blocks import Summary, join_list, parts
from graphbuild.report.entity_text import entity_name, quoted_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.report.blocks import Content, Part
    from graphbuild.report.data import ReportData

_MAX_CLUSTERS = 3  # maximum number of clusters to name


def summarize(data: ReportData) -> Summary:
    """Return the summary of a report."""
    return Summary(
        [*_groups(data), *_ties(data), *_connections(data), _missing_data(data), *_changes(data)]
    )


def _groups(data: ReportData) -> Iterator[Content]:
    clusters, total = data.clusters, data.count_subjects(len(data.reference_lists))
    if not clusters:
        yield f"No two of the {total} form a cluster."
        incidence = data.incidence
        yield f"{_counts(len(incidence.references), len(incidence.collections))} are known."
        return
    clustered = sum(len(cluster.files) for cluster in clusters)
    count = format_count(len(clusters), "cluster")
    largest = [quoted_cluster(each) for each in clusters[:_MAX_CLUSTERS]]
    are = ": " if len(clusters) <= _MAX_CLUSTERS else "; the largest are "
    verb = "is" if clustered == 1 else "are"
    yield f"{clustered:,} of {total} {verb} in {count}{are}", *join_list(largest), "."


def _ties(data: ReportData) -> Iterator[Content]:
    """Yield a sentence with the most distinctive collection or reference of the largest clusters.

    References are named only if none of these clusters has a collection.
    """
    clusters = data.clusters[:_MAX_CLUSTERS]
    collections: list[tuple[Part, ...]] = []
    references: list[tuple[Part, ...]] = []
    for cluster in clusters:
        of_files = f" of {data.count_subjects(len(cluster.files))})"
        for family in data.distinctive_families[cluster.number - 1][:1]:
            name = UntrustedText(family.family.name)
            collections.append(("“", name, f"” ({family.inside:,}{of_files}"))
        references += [
            ("“", entity_name(each.entity), f"” ({each.inside:,}{of_files}")
            for each in cluster.top_references[:1]
        ]
    ties, noun = (collections, "collection") if collections else (references, "reference")
    if not ties:
        return
    whose = "Their" if len(clusters) > 1 else "Its"
    verb = f"{noun} is" if len(ties) == 1 else f"{noun}s are"
    yield f"{whose} most distinctive {verb} ", *join_list(ties), "."


def _connections(data: ReportData) -> Iterator[Content]:
    if len(data.clusters) < 2:  # noqa: PLR2004  one cluster has no connection
        return
    pairs, links = data.bridges.joined_pairs, data.bridges.single_links
    if not pairs:
        yield "No collection or reference connects two clusters."
        return
    text = f"{format_count(pairs, 'pair')} of clusters {'is' if pairs == 1 else 'are'} connected"
    if not links:
        yield f"{text}, all of them through several collections or references."
        return
    by_entity = Counter(entity for _, entity in links)
    entity, count = by_entity.most_common(1)[0]
    name = "“", *parts(entity_name(entity)), "”"
    some = f"{len(links):,} of them " if len(links) < pairs else "all of them " if pairs > 1 else ""
    if len(by_entity) == 1:
        yield f"{text}, {some}only through the {entity.type} ", *name, "."
    else:
        single = f"{some}through a single collection or reference"
        pairs_of_entity = f" ({format_count(count, 'pair')})."
        yield f"{text}, {single}, most often the {entity.type} ", *name, pairs_of_entity


def _missing_data(data: ReportData) -> Content:
    totals = data.totals
    if totals.complete < totals.lists:
        counts = ((int(getattr(totals, state)), state) for state in UNFINISHED_STATES)
        states = ", ".join(f"{number:,} {state}" for number, state in counts if number)
        return f"References may be missing, because not all lists are complete ({states})."
    without = len(data.subjects_without_references)
    if without:
        unknown = f"no reference is known of {data.count_subjects(without)}"
        return f"All lists are complete, but {unknown}."
    return "All lists are complete." if totals.lists else "No subject was added yet."


def _changes(data: ReportData) -> Iterator[Content]:
    if data.comparison:
        references, collections = data.comparison.references, data.comparison.collections
        added = _counts(len(references.added), len(collections.added))
        removed = _counts(len(references.removed), len(collections.removed))
        since = "Since ", UntrustedText(data.baseline_name)
        yield *since, f", {added} were added, and {removed} were removed."
    elif data.news:
        news, day = data.news, data.news.day.isoformat()
        text = f"The responses of {day}, the last day of the crawl, added"
        if news.references or news.collections:
            text = f"{text} {_counts(news.references, news.collections)}"
        else:
            text = f"{text} nothing"
        unknown = format_count(news.unknown, "more reference")
        yield f"{text}; {unknown} may be new." if news.unknown else f"{text}."


def _counts(references: int, collections: int) -> str:
    one = format_count(references, "reference")
    return f"{one} and {format_count(collections, 'collection')}"
