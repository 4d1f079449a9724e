"""What a campaign says, concluded from its observations, never from paths of the drawn graph.

::

    from graphbuild import analysis

    with gb.Store.read("emotet.db") as store:
        incidence = analysis.Incidence.of(store.observations())
        evidence = analysis.Evidence(store.observations())

    sources = analysis.find_sources(incidence.references)  # which references are one report
    ties = analysis.find_ties(incidence).beyond_chance()
    ties.with_sources(incidence, sources).frame()  # pandas: which files, on what evidence
    clusters = analysis.find_communities(incidence)
    analysis.find_bridges(incidence, clusters).frame()
    analysis.find_central(incidence).frame()
    analysis.build_timeline(incidence, clusters).frame()
    list(evidence.chains(evidence.find("5e3f..."), evidence.find("Emotet")))

All but the chains need scipy, in the extra ``analysis``.
"""

from graphbuild.analysis.bridges import Bridge, Bridges, find_bridges
from graphbuild.analysis.centrality import Central, Centrality, find_central
from graphbuild.analysis.cluster_evolution import Cause, Fate, Move
from graphbuild.analysis.communities import (
    Communities,
    Community,
    Telling,
    find_communities,
)
from graphbuild.analysis.compare import Comparison, compare
from graphbuild.analysis.deduplication import SAYS, Publication, Publisher, Sources, find_sources
from graphbuild.analysis.diff import Changes, Fact, Snapshot
from graphbuild.analysis.formatting import cluster_name, fate_of, reasons, summary
from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.overlap import Hub, Overlap, Tie, find_ties, shared_evidence
from graphbuild.analysis.paths import (
    Chain,
    Evidence,
    Step,
    called,
    quiet,
    quiet_name,
    sentence,
    statement,
)
from graphbuild.analysis.timeline import Span, Timeline, build_timeline, day_of
from graphbuild.analysis.url_normalization import RULES, Normal, Rule, normal, publisher

__all__ = [
    "RULES",
    "SAYS",
    "Bridge",
    "Bridges",
    "Cause",
    "Central",
    "Centrality",
    "Chain",
    "Changes",
    "Communities",
    "Community",
    "Comparison",
    "Evidence",
    "Fact",
    "Fate",
    "Hub",
    "Incidence",
    "Move",
    "Normal",
    "Overlap",
    "Publication",
    "Publisher",
    "Rule",
    "Snapshot",
    "Sources",
    "Span",
    "Step",
    "Telling",
    "Tie",
    "Timeline",
    "build_timeline",
    "called",
    "cluster_name",
    "compare",
    "day_of",
    "fate_of",
    "find_bridges",
    "find_central",
    "find_communities",
    "find_sources",
    "find_ties",
    "normal",
    "publisher",
    "quiet",
    "quiet_name",
    "reasons",
    "sentence",
    "shared_evidence",
    "statement",
    "summary",
]
