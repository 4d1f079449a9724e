"""Summarize a campaign in three to five sentences.

They state the clusters, what connects them, and which data is missing or new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.models import REFERENCE
from graphbuild.report.blocks import Summary
from graphbuild.report.campaign_claims import (
    last_day,
    missing_data,
    total_collections,
    total_references,
)
from graphbuild.report.change_claims import changes_since
from graphbuild.report.cluster_claims import (
    clustered_files,
    find_ties,
    list_ties,
    most_distinctive,
)
from graphbuild.report.connection_claims import connected_clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.report.content import Content
    from graphbuild.report.data import ReportData


def summarize(data: ReportData) -> Summary:
    """Return the summary of a report."""
    return Summary([*_groups(data), missing_data(data).sentence(), *_changes(data)])


def _groups(data: ReportData) -> Iterator[Content]:
    clusters = data.clusters
    yield clustered_files(data).sentence()
    if not clusters:
        references, collections = total_references(data), total_collections(data)
        yield references.sentence(), " and ", collections.sentence(), " are known."
    elif find_ties(data):
        yield _name_ties(data)
    if len(clusters) > 1:
        yield connected_clusters(data).sentence()


def _name_ties(data: ReportData) -> Content:
    """Return the claim ``most_distinctive`` in words that follow a sentence about the clusters."""
    ties = find_ties(data)
    whose = "Their" if len(data.clusters) > 1 else "Its"
    noun = "reference" if ties[0].entities[0].type == REFERENCE else "collection"
    verb = f"{noun} is" if len(ties) == 1 else f"{noun}s are"
    sentence = f"{whose} most distinctive {verb} ", *list_ties(data, ties), "."
    return most_distinctive(data).cell(sentence, is_linked=True)


def _changes(data: ReportData) -> Iterator[Content]:
    if data.comparison:
        yield changes_since(data).sentence()
    elif data.news:
        yield last_day(data).sentence()
