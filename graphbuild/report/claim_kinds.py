"""The kinds of claims, each with the function that makes a claim again from its subjects."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from graphbuild.report import campaign_claims as campaign
from graphbuild.report import change_claims as changes
from graphbuild.report import cluster_claims as clusters
from graphbuild.report import connection_claims as connections
from graphbuild.report import evidence_claims as evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphbuild.analysis import Cluster
    from graphbuild.report.content import Claim
    from graphbuild.report.data import ReportData

    # The topics of claims. Facts about the crawl change with each further call, and claims about
    # single years and months with each new reference. All other claims are conclusions.
    Topic = Literal["conclusion", "crawl", "timeline"]
    # Makes a claim about the subjects with these keys, or raises ``SubjectNotFoundError``.
    MakeAgain = Callable[[ReportData, Sequence[str]], Claim]


def _about_campaign(make: Callable[[ReportData], Claim]) -> MakeAgain:
    return lambda data, _: make(data)


def _about_cluster(make: Callable[[ReportData, Cluster], Claim]) -> MakeAgain:
    return lambda data, subjects: make(data, clusters.find_cluster(data, subjects))


# The kind of a claim is the name of the function that makes it, in these dictionaries. A function
# that is added to ``campaign.TOTALS`` needs no entry of its own.

# Facts about the crawl. Most have no proof, because no observation proves them.
_CRAWL = {
    each.__name__: _about_campaign(each)
    for each in (
        campaign.incomplete_lists,
        campaign.complete_lists,
        campaign.missing_data,
        campaign.last_response,
        campaign.known_references,
        campaign.inferred_references,
        campaign.response_warnings,
        campaign.subjects_without_references,
    )
}

_CLUSTERS = {
    each.__name__: _about_cluster(each)
    for each in (
        clusters.cluster_files,
        clusters.cluster_stability,
        clusters.cluster_sources,
        clusters.breaking_point,
        clusters.cluster_references,
        clusters.cluster_dates,
        clusters.subclusters,
        clusters.doubtful_files,
        evidence.distinctive_collections,
    )
} | {
    "distinctive_collection": evidence.find_distinctive_collection,
    "distinctive_reference": evidence.find_distinctive_reference,
}

_CAMPAIGN = {"cluster_map": _about_campaign(clusters.find_omissions_of_map)} | {
    each.__name__: _about_campaign(each)
    for each in (
        *campaign.TOTALS,
        campaign.last_day,
        clusters.clustered_files,
        clusters.most_distinctive,
        clusters.no_clusters,
        clusters.mean_stability,
        clusters.unclustered_files,
        connections.cluster_connections,
        connections.connected_clusters,
        connections.timeline,
    )
}

_OTHERS: dict[str, MakeAgain] = {
    "list_state": campaign.find_list_state,
    "bridge": lambda data, subjects: connections.bridge_effect(
        data, connections.find_bridge(data, subjects)
    ),
    "sole_connection": lambda data, subjects: connections.sole_connection(
        data, connections.find_bridge(data, subjects)
    ),
    "timeline_year": lambda data, subjects: connections.timeline_year(
        data, connections.find_period(subjects)
    ),
    "timeline_month": lambda data, subjects: connections.timeline_month(
        data, connections.find_period(subjects)
    ),
}

# Claims that compare the campaign with an earlier snapshot.
CHANGE_KINDS: dict[str, MakeAgain] = {
    "changes_since": _about_campaign(changes.changes_since),
    "cluster_changes": _about_campaign(changes.cluster_changes),
    "moved_files": _about_campaign(changes.moved_files),
    "incomplete_before": _about_campaign(partial(changes.incomplete_subjects, side="before")),
    "incomplete_after": _about_campaign(partial(changes.incomplete_subjects, side="after")),
    "inferred_before": _about_campaign(partial(changes.inferred_observations, side="before")),
    "inferred_after": _about_campaign(partial(changes.inferred_observations, side="after")),
    **{
        f"changed_{kind}": _about_campaign(partial(changes.change_counts, kind=kind))
        for kind in changes.KINDS_OF_ENTITIES
    },
    "added_reference": lambda data, keys: changes.find_changed_reference(data, "added", keys),
    "removed_reference": lambda data, keys: changes.find_changed_reference(data, "removed", keys),
    "added_collection": lambda data, keys: changes.find_changed_collection(data, "added", keys),
    "removed_collection": lambda data, keys: changes.find_changed_collection(data, "removed", keys),
    "cluster_change": changes.find_cluster_change,
    "moved_file": changes.find_moved_file,
}

KINDS: dict[str, MakeAgain] = {**_CRAWL, **_CAMPAIGN, **_CLUSTERS, **_OTHERS, **CHANGE_KINDS}
# A report has at most one claim of each of these kinds.
CAMPAIGN_KINDS = frozenset(_CRAWL) | frozenset(_CAMPAIGN)

CRAWL_KINDS = frozenset(_CRAWL) | {
    *("total_calls", "list_state", "last_day"),
    # Claims about incomplete lists, and about observations that cannot be compared.
    *("incomplete_before", "incomplete_after", "inferred_before", "inferred_after"),
}
TIMELINE_KINDS = frozenset({"timeline_year", "timeline_month"})


def find_topic(kind: str) -> Topic:
    """Return the topic of the claims of this kind."""
    if kind in CRAWL_KINDS:
        return "crawl"
    return "timeline" if kind in TIMELINE_KINDS else "conclusion"
