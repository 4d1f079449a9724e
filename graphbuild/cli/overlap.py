"""``graphbuild overlap``: find pairs of nodes that share more than chance explains."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import read_incidence
from graphbuild.cli.console import attributes_json, print_json, print_line, print_rows, shorten
from graphbuild.cli.strength import HEADER, strength_cells, strength_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis import Hub, Overlaps, Strength


def overlap(
    store_path: options.StoreOption = None,
    of: Annotated[
        Literal["files", "collections"], typer.Option("--of", help="Nodes to compare.")
    ] = "files",
    fdr: Annotated[
        float,
        typer.Option(
            parser=options.parse_share,
            metavar="SHARE",
            help="Maximum false discovery rate (q) of listed pairs, above 0 and at most 1.",
        ),
    ] = 0.05,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also list pairs that chance may explain.")
    ] = False,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show pairs that share more than chance explains.

    Files are compared by their collections, and by references for which the API names no
    collection. All files of a collection have its references, so these are only counted. With --of
    collections, collections are compared by their references.

    The q of a pair is a false discovery rate: the expected share of chance results among all pairs
    with this q or a smaller one.

    "sources" is the number of independent sources that both nodes have: copies of a source count
    once. "breaking" is the smallest number of them without which the pair would not be listed.
    """
    from graphbuild.analysis import find_duplicates, find_overlaps, find_sources, measure_pairs

    incidence = read_incidence(store_path, merge=merge)
    found = find_overlaps(incidence, of)
    significant = found.significant(fdr)
    selected = found if show_all else significant
    listed = selected if json else selected.head(limit)
    duplicates = find_duplicates(incidence.references)
    listed = listed.with_duplicates(incidence, duplicates)
    strengths = measure_pairs(find_sources(incidence, duplicates, of), listed, fdr=fdr)
    if json:
        print_json(_as_json(found, listed, strengths, fdr))
        return
    print_line(
        f"{format_count(len(found.nodes), of.removesuffix('s'))}:"
        f" of {format_count(found.tested_pairs, 'pair')} {len(found):,} share"
        f" something, {len(significant):,} more than chance (q <= {fdr:g})"
    )
    rows = [
        (
            shorten(pair.source.label),
            shorten(pair.target.label),
            pair.shared_references,
            pair.independent_references,
            pair.publishers,
            pair.shared_evidence,
            *strength_cells(strength),
            *(f"{each:.2f}" for each in (pair.jaccard, pair.overlap_coefficient, pair.adamic_adar)),
            *(f"{pair.bits:.1f}", f"{pair.p_value:.1e}", f"{pair.q_value:.1e}"),
        )
        for pair, strength in zip(listed, strengths, strict=True)
    ]
    header = ("source", "target", "references", "independent", "publishers", "evidence", *HEADER)
    print_rows(
        (*header, "jaccard", "overlap", "adamic-adar", "bits", "p", "q"), rows, len(selected)
    )
    if len(found) > len(selected) == 0:
        print_line("chance may explain each of these pairs; --all lists them with their p-values")
    _print_hubs(found.hubs, of)


def _print_hubs(hubs: Sequence[Hub], of: str) -> None:
    for hub in hubs[: options.DEFAULT_LIMIT]:
        print_line(
            f"weak evidence: {hub.degree:,} {of} share the {hub.entity.type}"
            f" {shorten(hub.entity.label)} (weight in bits: {hub.bits:g})"
        )


def _as_json(
    found: Overlaps, shown: Overlaps, strengths: Sequence[Strength], fdr: float
) -> dict[str, object]:
    from graphbuild.analysis import Overlap

    names = [field.name for field in fields(Overlap)]
    return {
        "tested_pairs": found.tested_pairs,
        "sharing_pairs": len(found),
        "fdr": fdr,
        "pairs": [
            attributes_json(pair, *names) | strength_json(strength)
            for pair, strength in zip(shown, strengths, strict=True)
        ],
        "hubs": [attributes_json(hub, "entity", "degree", "bits") for hub in found.hubs],
    }
