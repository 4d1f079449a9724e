"""Analyze campaigns: overlaps, duplicates, clusters, bridges, centrality, paths, changes, dates.

The analyses relate nodes by observations, not by paths of the exported graph::

    import graphbuild as gb
    from graphbuild import analysis

    with gb.Store.read("emotet.db") as store:
        incidence = analysis.as_incidence(store)
        evidence = analysis.EvidenceGraph(store.observations())

    duplicates = analysis.find_duplicates(incidence.references)
    overlaps = analysis.find_overlaps(incidence).significant()
    overlaps.with_duplicates(incidence, duplicates).to_frame()  # a pandas DataFrame
    clustering = analysis.find_clusters(incidence)
    analysis.find_bridges(incidence, clustering).to_frame()
    analysis.compute_centrality(incidence).to_frame()
    analysis.build_timeline(incidence, clustering).to_frame()
    list(evidence.shortest_paths(evidence.find_node("5e3f9a1c"), evidence.find_node("Emotet")))

The argument ``data`` of these functions can be an ``Incidence``, a graph made by ``build_graph``,
an open ``Store`` or ``Campaign``, or an iterable of observations. ``find_duplicates`` and
``compute_centrality`` need libraries of the extra ``analysis``, and raise ``MissingLibraryError``
if a library is not installed.

For brevity, this package calls all subjects *files*: also domains, IP addresses and URLs.
"""

from graphbuild.analysis.bridges import Bridge, Bridges, find_bridges
from graphbuild.analysis.campaign_changes import read_state
from graphbuild.analysis.centrality import Centrality, NodeCentrality, compute_centrality
from graphbuild.analysis.cluster_evolution import Cause, ClusterChange, MovedFile
from graphbuild.analysis.cluster_models import Cluster, Clustering, DoubtfulFile, Subcluster
from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.compare import Comparison, compare
from graphbuild.analysis.deduplication import (
    RULE_DESCRIPTIONS,
    Deduplication,
    Publisher,
    ReferenceGroup,
    SeparateReferences,
    find_duplicates,
    publication_date,
    reference_url,
)
from graphbuild.analysis.diff import Changes, Snapshot, Triple
from graphbuild.analysis.distinctiveness import DistinctiveEntity
from graphbuild.analysis.evidence_sources import Sources, Strength, find_sources
from graphbuild.analysis.families import (
    DistinctiveFamily,
    Families,
    Family,
    group_families,
    make_families,
)
from graphbuild.analysis.formatting import (
    defang_text,
    defanged_label,
    describe_causes,
    describe_change,
    describe_cluster,
    describe_node,
    describe_observation,
    describe_step,
    describe_structural_change,
    summarize_changes,
)
from graphbuild.analysis.incidence import Incidence, as_incidence
from graphbuild.analysis.method_version import METHOD
from graphbuild.analysis.moved_pages import REASON_DESCRIPTIONS
from graphbuild.analysis.open_files import choose_open_files
from graphbuild.analysis.overlap import (
    Hub,
    Overlap,
    Overlaps,
    find_overlaps,
)
from graphbuild.analysis.pair_groups import PairGroups, group_pairs
from graphbuild.analysis.paths import EvidenceGraph, EvidencePath, PathStep
from graphbuild.analysis.strength import measure_clusters, measure_pair, measure_pairs
from graphbuild.analysis.structural_changes import (
    DEFAULT_MIN_FILES,
    Evidence,
    StructuralChange,
    find_structural_changes,
)
from graphbuild.analysis.timeline import Timeline, TimelineSeries, build_timeline

__all__ = [
    "DEFAULT_MIN_FILES",
    "METHOD",
    "REASON_DESCRIPTIONS",
    "RULE_DESCRIPTIONS",
    "Bridge",
    "Bridges",
    "Cause",
    "Centrality",
    "Changes",
    "Cluster",
    "ClusterChange",
    "Clustering",
    "Comparison",
    "Deduplication",
    "DistinctiveEntity",
    "DistinctiveFamily",
    "DoubtfulFile",
    "Evidence",
    "EvidenceGraph",
    "EvidencePath",
    "Families",
    "Family",
    "Hub",
    "Incidence",
    "MovedFile",
    "NodeCentrality",
    "Overlap",
    "Overlaps",
    "PairGroups",
    "PathStep",
    "Publisher",
    "ReferenceGroup",
    "SeparateReferences",
    "Snapshot",
    "Sources",
    "Strength",
    "StructuralChange",
    "Subcluster",
    "Timeline",
    "TimelineSeries",
    "Triple",
    "as_incidence",
    "build_timeline",
    "choose_open_files",
    "compare",
    "compute_centrality",
    "defang_text",
    "defanged_label",
    "describe_causes",
    "describe_change",
    "describe_cluster",
    "describe_node",
    "describe_observation",
    "describe_step",
    "describe_structural_change",
    "find_bridges",
    "find_clusters",
    "find_duplicates",
    "find_overlaps",
    "find_sources",
    "find_structural_changes",
    "group_families",
    "group_pairs",
    "make_families",
    "measure_clusters",
    "measure_pair",
    "measure_pairs",
    "publication_date",
    "read_state",
    "reference_url",
    "summarize_changes",
]
