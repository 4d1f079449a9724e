"""``graphbuild overlap``: find pairs of nodes that share more than chance explains."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import read_incidence
from graphbuild.cli.console import attributes_json, print_json, print_line, print_rows, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis import Hub, Overlaps


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
    """
    from graphbuild.analysis import find_duplicates, find_overlaps

    incidence = read_incidence(store_path, merge=merge)
    found = find_overlaps(incidence, of)
    significant = found.significant(fdr)
    selected = found if show_all else significant
    listed = selected if json else selected.head(limit)
    listed = listed.with_duplicates(incidence, find_duplicates(incidence.references))
    if json:
        print_json(_as_json(found, listed, fdr))
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
            *(f"{each:.2f}" for each in (pair.jaccard, pair.overlap_coefficient, pair.adamic_adar)),
            *(f"{pair.bits:.1f}", f"{pair.p_value:.1e}", f"{pair.q_value:.1e}"),
        )
        for pair in listed
    ]
    header = ("source", "target", "references", "independent", "publishers", "evidence", "jaccard")
    print_rows((*header, "overlap", "adamic-adar", "bits", "p", "q"), rows, len(selected))
    if len(found) > len(selected) == 0:
        print_line("chance may explain each of these pairs; --all lists them with their p-values")
    _print_hubs(found.hubs, of)


def _print_hubs(hubs: Sequence[Hub], of: str) -> None:
    for hub in hubs[: options.DEFAULT_LIMIT]:
        print_line(
            f"weak evidence: {hub.degree:,} {of} share the {hub.entity.type}"
            f" {shorten(hub.entity.label)} (weight in bits: {hub.bits:g})"
        )


def _as_json(found: Overlaps, shown: Overlaps, fdr: float) -> dict[str, object]:
    return {
        "tested_pairs": found.tested_pairs,
        "sharing_pairs": len(found),
        "fdr": fdr,
        "pairs": [attributes_json(pair, *(field.name for field in fields(pair))) for pair in shown],
        "hubs": [attributes_json(hub, "entity", "degree", "bits") for hub in found.hubs],
    }
