"""Make claims about bridges, about pairs of connected clusters, and about publication dates."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.report.content import Claim, parts
from graphbuild.report.entity_text import entity_name, quoted_cluster
from graphbuild.report.proof_selection import find_all_rows, prove, prove_with
from graphbuild.report.proofs import SubjectNotFoundError, find_rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis import Bridge
    from graphbuild.analysis.incidence import Numbers
    from graphbuild.report.content import Content
    from graphbuild.report.data import ReportData
    from graphbuild.report.proof_selection import FindProof

_MAX_PAIRS = 20  # maximum number of pairs of clusters to list per bridge
_YEAR, _MONTH = "year:", "month:"  # prefixes of the keys of periods


# --- bridges --------------------------------------------------------------------------------------


def cluster_connections(data: ReportData) -> Claim:
    """Claim how many pairs of clusters are connected."""
    pairs, single = data.bridges.joined_pairs, len(data.bridges.single_links)
    verb = "is" if pairs == 1 else "are"
    text = "No collection or reference connects two clusters."
    if pairs:
        text = (
            f"{format_count(pairs, 'pair')} of clusters {verb} connected,"
            f" {single:,} of them by only one reference or collection."
        )
    numbers = {"pairs": pairs, "single": single}
    return Claim("cluster_connections", text, numbers, find_proof=_prove_connections(data))


def connected_clusters(data: ReportData) -> Claim:
    """Claim how many pairs of clusters are connected, and the most frequent sole connection."""
    pairs, links = data.bridges.joined_pairs, data.bridges.single_links
    by_entity = Counter(entity for _, entity in links)
    numbers = {"pairs": pairs, "single": len(links), "entities": len(by_entity)}
    verb = "is" if pairs == 1 else "are"
    text = f"{format_count(pairs, 'pair')} of clusters {verb} connected"
    if not links:
        if pairs:
            text = f"{text}, all of them through several collections or references."
        else:
            text = "No collection or reference connects two clusters."
        return Claim("connected_clusters", text, numbers, find_proof=_prove_connections(data))
    entity, count = by_entity.most_common(1)[0]
    name = "“", *parts(entity_name(entity)), "”"
    some = f"{len(links):,} of them " if len(links) < pairs else "all of them " if pairs > 1 else ""
    content: Content = (f"{text}, {some}only through the {entity.type} ", *name, ".")
    if len(by_entity) > 1:
        single = f"{some}through a single collection or reference"
        pairs_of_entity = f" ({format_count(count, 'pair')})."
        content = f"{text}, {single}, most often the {entity.type} ", *name, pairs_of_entity
    return Claim(
        "connected_clusters",
        content,
        {**numbers, "pairs_of_entity": count},
        (entity.key,),
        {entity.key: entity.label},
        _prove_connections(data),
    )


def _prove_connections(data: ReportData) -> FindProof:
    """Return the observations of all collections and references of several clusters."""
    connecting = [each.entity for each in data.bridges.bridges if len(each.clusters) > 1]
    return prove_with(data, connecting)


def bridge_effect(data: ReportData, bridge: Bridge) -> Claim:
    """Claim how many clusters a bridge connects, and how many files are cut off without it."""
    numbers = {
        "files": bridge.files,
        "clusters": len(bridge.clusters),
        "sole_pairs": len(bridge.sole_pairs),
        "components": bridge.components,
        "cut_off_files": bridge.cut_off_files,
    }
    text = (
        f": {format_count(bridge.files, 'file')} in {format_count(len(bridge.clusters), 'cluster')}"
        f"; sole pairs {len(bridge.sole_pairs):,}, components {bridge.components:,},"
        f" cut-off files {bridge.cut_off_files:,}"
    )
    entity = bridge.entity
    return Claim(
        "bridge",
        (f"The {entity.type} “", entity_name(entity), f"”{text}"),
        numbers,
        (entity.key,),
        {entity.key: entity.label},
        prove_with(data, [entity]),
    )


def sole_connection(data: ReportData, bridge: Bridge) -> Claim:
    """Claim which pairs of clusters only this bridge connects."""
    pairs, name = bridge.sole_pairs, (f"Only the {bridge.entity.type} ", entity_name(bridge.entity))
    text: Content
    names = {bridge.entity.key: bridge.entity.label}
    if len(pairs) == 1:
        one, other = (data.clustering.clusters[number - 1] for number in pairs[0])
        clusters = (f"{one.number} ", *quoted_cluster(one), f" and {other.number} ")
        text = *name, " connects clusters ", *clusters, *quoted_cluster(other), "."
        names |= {data.cluster_keys[each.number]: each.name for each in (one, other)}
    else:
        numbers = [f"{one}-{other}" for one, other in pairs[:_MAX_PAIRS]]
        if len(pairs) > _MAX_PAIRS:
            numbers.append(f"{len(pairs) - _MAX_PAIRS:,} more")
        text = *name, f" connects {len(pairs):,} pairs of clusters: {', '.join(numbers)}."
    keys = sorted(tuple(sorted(data.cluster_keys[each] for each in pair)) for pair in pairs)
    return Claim(
        "sole_connection",
        text,
        {"pairs": len(pairs)},
        (bridge.entity.key, *(key for pair in keys for key in pair)),
        names,
        prove_with(data, [bridge.entity]),
    )


def find_bridge(data: ReportData, subjects: Sequence[str]) -> Bridge:
    """Return the bridge whose node key is the first of ``subjects``.

    Raises:
        SubjectNotFoundError: The node is no bridge.
    """
    for each in data.bridges.bridges:
        if [each.entity.key] == list(subjects[:1]):
            return each
    raise SubjectNotFoundError(f"{', '.join(subjects[:1])} is not a bridge")


# --- timeline -------------------------------------------------------------------------------------


def timeline(data: ReportData) -> Claim:
    """Claim the number of references, and how many have no publication date."""
    series = data.timeline.campaign
    references = format_count(series.references, "reference")
    return Claim(
        "timeline",
        f"{references}, {series.undated:,} without a publication date.",
        {"references": series.references, "undated": series.undated},
        find_proof=prove(data, lambda: find_all_rows(data)),
    )


def timeline_year(data: ReportData, year: str) -> Claim:
    """Claim the number of references of a year, such as ``2018``."""
    months = data.timeline.campaign.months.items()
    return _period(data, _YEAR, year, sum(count for month, count in months if month[:4] == year))


def timeline_month(data: ReportData, month: str) -> Claim:
    """Claim the number of references of a month, such as ``2018-03``."""
    return _period(data, _MONTH, month, data.timeline.campaign.months.get(month, 0))


def _period(data: ReportData, prefix: str, period: str, count: int) -> Claim:
    def find_rows() -> Numbers:
        dated = zip(data.incidence.references, data.publication_days, strict=True)
        return find_rows_of(data.incidence, (each for each, day in dated if day.startswith(period)))

    return Claim(
        f"timeline_{prefix.removesuffix(':')}",
        f"{period}: {format_count(count, 'reference')}",
        {"references": count},
        (f"{prefix}{period}",),
        find_proof=prove(data, find_rows),
    )


def find_period(subjects: Sequence[str]) -> str:
    """Return the year or month in the only key of ``subjects``.

    Raises:
        SubjectNotFoundError: There is no subject, or more than one.
    """
    if len(subjects) != 1:
        raise SubjectNotFoundError("the claim has no year or month")
    return subjects[0].partition(":")[2]
