"""``graphbuild overlap``: rank pairs of nodes by what they share."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import read_incidence
from graphbuild.cli.console import attributes_json, print_json, print_line, print_rows, shorten
from graphbuild.cli.strength import HEADER, strength_cells, strength_json
from graphbuild.models import COLLECTION, FILE, shorten_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbuild.analysis import Hub, Incidence, Overlap, Overlaps, PairGroups, Strength
    from graphbuild.analysis.incidence import NodeKind
    from graphbuild.models import Entity

_COLUMNS = (
    *("pairs", "q", "p", "bits", "evidence", *HEADER),
    *("references", "independent", "publishers"),
)
_DIVIDER = "--- chance may explain the pairs below (q > {fdr:g}) ---"

OfOption = Annotated[
    Literal["files", "collections"], typer.Option("--of", help="Nodes to compare.")
]
FdrOption = Annotated[
    float,
    typer.Option(
        parser=options.parse_share,
        metavar="SHARE",
        help="Maximum false discovery rate (q) of significant pairs, above 0 and at most 1.",
    ),
]
AllPairsOption = Annotated[
    bool, typer.Option("--all", help="With --json, also list pairs whose q is above --fdr.")
]
DEFAULT_FDR = 0.05


def overlap(
    store_path: options.StoreOption = None,
    of: OfOption = "files",
    fdr: FdrOption = DEFAULT_FDR,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    show_all: AllPairsOption = False,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show the pairs of nodes that share the most.

    Files are compared by their collections, and by references for which the API names no
    collection. All files of a collection have its references, so these are only counted. With --of
    collections, collections are compared by their references.

    The q of a pair is a false discovery rate: the expected share of chance results among all pairs
    with this q or a smaller one. A line in the table divides the pairs whose q is above --fdr.

    If more than 5 million pairs of files may share something, only pairs of one cluster are
    compared. The q of all other pairs is 1.

    Nodes with the same evidence are in one row; "pairs" is the number of its pairs. "cluster" is
    the cluster of the files, or those of both.

    "sources" is the number of independent sources that both nodes have: copies of a source count
    once. "breaking" is the smallest number of them without which the pair would not be significant.
    """
    incidence = read_incidence(store_path, merge=merge)
    print_overlaps(incidence, of, fdr, limit, show_all=show_all, json=json)


def print_overlaps(
    incidence: Incidence, of: NodeKind, fdr: float, limit: int, *, show_all: bool, json: bool
) -> None:
    """Print the pairs that share the most; the arguments are the options of ``overlap``."""
    from graphbuild.analysis import (
        find_duplicates,
        find_overlaps,
        find_sources,
        group_pairs,
        measure_pairs,
    )

    found = find_overlaps(incidence, of)
    significant = found.significant(fdr)
    duplicates = find_duplicates(incidence.references)
    sources = find_sources(incidence, duplicates, of)
    if json:
        listed = (found if show_all else significant).with_duplicates(incidence, duplicates)
        groups = group_pairs(listed, incidence)
        strengths = measure_pairs(sources, groups.pairs, fdr=fdr)
        print_json(_as_json(found, listed, groups, strengths, fdr))
        return
    print_line(
        f"{format_count(len(found.nodes), of.removesuffix('s'))}:"
        f" of {format_count(found.tested_pairs, 'pair')} {len(found):,} share something"
        f"{' and are in one cluster' if found.within_clusters else ''},"
        f" {len(significant):,} more than chance (q <= {fdr:g})"
    )
    groups = group_pairs(found, incidence)
    listed = groups.pairs.head(limit).with_duplicates(incidence, duplicates)
    strengths = measure_pairs(sources, listed, fdr=fdr)
    clusters = _cluster_names(incidence) if of == "files" else None
    rows = [
        _row(groups, number, pair, strength, clusters)
        for number, (pair, strength) in enumerate(zip(listed, strengths, strict=True))
    ]
    if rows and not len(significant):
        print_line(_explain_no_pair(found, fdr))
    above = int((listed.columns["q_value"] <= fdr).sum())
    divider = (above, _DIVIDER.format(fdr=fdr)) if 0 < above < len(rows) else None
    header = ("source", "target", *(() if clusters is None else ("cluster",)), *_COLUMNS)
    print_rows(header, rows, len(groups), divider, shows_all="--json --all")
    _print_hubs(found.hubs, of)
    if len(found.nodes):
        print_line(
            "'communities' shows the clusters of files, which are found from all evidence together"
        )


def _row(
    groups: PairGroups,
    number: int,
    pair: Overlap,
    strength: Strength,
    clusters: Mapping[Entity, str] | None,
) -> tuple[object, ...]:
    """Return the cells of a group of pairs; ``pair`` is its first pair."""
    sources, targets = groups.nodes(number)
    return (
        _describe_alike(sources),
        "each other" if sources == targets else _describe_alike(targets),
        *(() if clusters is None else (_describe_clusters(pair, clusters),)),
        int(groups.counts[number]),
        *(f"{pair.q_value:.1e}", f"{pair.p_value:.1e}", f"{pair.bits:.1f}"),
        pair.shared_evidence,
        *strength_cells(strength),
        *(pair.shared_references, pair.independent_references, pair.publishers),
    )


def _explain_no_pair(found: Overlaps, fdr: float) -> str:
    """Return a sentence that says why no pair is significant."""
    if found.attainable_q <= fdr:
        return f"chance may explain each of these pairs (q > {fdr:g})"
    return (
        f"no pair can have q <= {fdr:g} here (the lowest possible q is"
        f" {found.attainable_q:.2g}): there is too little evidence, or most nodes share it;"
        " random lists of this kind contain as many such pairs"
    )


def _describe_alike(nodes: Sequence[Entity]) -> str:
    """Describe nodes with the same evidence by the first of them."""
    if len(nodes) == 1:
        return _describe(nodes[0])
    types = {node.type for node in nodes}
    noun = types.pop() if types in ({FILE}, {COLLECTION}) else "subject"
    return f"{format_count(len(nodes), noun)} like {_describe(nodes[0])}"


def _describe(node: Entity) -> str:
    """Return the label of a node. The name of a file follows its shortened hash."""
    if node.type == FILE and node.name:
        return f"{shorten_id(node)} {shorten(node.name)}"
    return shorten(node.label)


def _cluster_names(incidence: Incidence) -> dict[Entity, str]:
    """Return the name of the cluster of each file."""
    from graphbuild.analysis import find_clusters

    return {file: each.name for each in find_clusters(incidence) for file in each.files}


def _describe_clusters(pair: Overlap, clusters: Mapping[Entity, str]) -> str:
    names = dict.fromkeys(shorten(clusters[end]) for end in (pair.source, pair.target))
    return " / ".join(names)


def _print_hubs(hubs: Sequence[Hub], of: str) -> None:
    for hub in hubs[: options.DEFAULT_LIMIT]:
        print_line(
            f"weak evidence: {hub.degree:,} {of} share the {hub.entity.type}"
            f" {shorten(hub.entity.label)} (weight in bits: {hub.bits:g})"
        )


def _as_json(
    found: Overlaps,
    listed: Overlaps,
    groups: PairGroups,
    strengths: Sequence[Strength],
    fdr: float,
) -> dict[str, object]:
    from graphbuild.analysis import Overlap

    names = [field.name for field in fields(Overlap)]
    strength_of_pair = [strength_json(strengths[group]) for group in groups.group_of_pair.tolist()]
    return {
        "tested_pairs": found.tested_pairs,
        "sharing_pairs": len(found),
        "within_clusters": found.within_clusters,
        "fdr": fdr,
        "attainable_q": found.attainable_q,
        "pairs": [
            attributes_json(pair, *names) | strength
            for pair, strength in zip(listed, strength_of_pair, strict=True)
        ],
        "groups": [
            _group_json(groups, number, pair.q_value) for number, pair in enumerate(groups.pairs)
        ],
        "hubs": [attributes_json(hub, "entity", "degree", "bits") for hub in found.hubs],
    }


def _group_json(groups: PairGroups, number: int, q_value: float) -> dict[str, object]:
    """Return the nodes that the pairs of a group connect; twice the same if they are alike."""
    sources, targets = ([node.key for node in nodes] for nodes in groups.nodes(number))
    count = int(groups.counts[number])
    return {"sources": sources, "targets": targets, "pairs": count, "q_value": q_value}
