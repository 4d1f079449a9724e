"""``graphbuild overlap``: find pairs that share more than chance explains."""

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

    from graphbuild.analysis import Hub, Overlap


def overlap(
    store: options.StoreOption = None,
    of: Annotated[
        Literal["files", "collections"], typer.Option("--of", help="Nodes to compare.")
    ] = "files",
    fdr: Annotated[
        float,
        typer.Option(
            parser=options.parse_share, metavar="SHARE", help="Maximum false discovery rate."
        ),
    ] = 0.05,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    show_all: Annotated[
        bool, typer.Option("--all", help="Pairs that chance explains, too.")
    ] = False,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show pairs that share more than chance explains.

    Files are tested on their collections, since a collection brings all its references at once.
    Collections are tested on their references. q is the false discovery rate: the expected share
    of false pairs among those with this q or a smaller one.
    """
    from graphbuild.analysis import find_sources, find_ties

    incidence = read_incidence(store, merge=merge)
    found = find_ties(incidence, of)
    beyond_chance = found.beyond_chance(fdr)
    selected = found if show_all else beyond_chance
    listed = selected if json else selected.first(limit)
    listed = listed.with_sources(incidence, find_sources(incidence.references))
    if json:
        print_json(_as_json(found, listed, fdr))
        return
    print_line(
        f"{format_count(len(found.nodes), of.removesuffix('s'))}:"
        f" of {format_count(found.tests, 'pair')} {len(found):,} share"
        f" something, {len(beyond_chance):,} more than chance (q <= {fdr:g})"
    )
    rows = [
        (
            shorten(tie.one.label),
            shorten(tie.other.label),
            *(tie.shared, tie.independent, tie.publishers, tie.sources),
            *(f"{each:.2f}" for each in (tie.jaccard, tie.overlap, tie.rarity)),
            *(f"{tie.bits:.1f}", f"{tie.p:.1e}", f"{tie.q:.1e}"),
        )
        for tie in listed
    ]
    header = ("one", "other", "references", "independent", "publishers", "sources", "jaccard")
    print_rows((*header, "overlap", "rarity", "bits", "p", "q"), rows, len(selected))
    if len(found) > len(selected) == 0:
        print_line("chance may explain each of them; --all shows them with their p-values")
    _print_hubs(found.hubs)


def _print_hubs(hubs: Sequence[Hub]) -> None:
    for hub in hubs[: options.DEFAULT_LIMIT]:
        print_line(
            f"low weight: the {hub.source.type} {shorten(hub.source.label)}, shared by"
            f" {hub.members:,}, counts {hub.bits:g} bits"
        )


def _as_json(found: Overlap, shown: Overlap, fdr: float) -> dict[str, object]:
    ties = [attributes_json(tie, *(field.name for field in fields(tie))) for tie in shown]
    hubs = [attributes_json(hub, "source", "members", "bits") for hub in found.hubs]
    return {"pairs": found.tests, "sharing": len(found), "fdr": fdr, "ties": ties, "hubs": hubs}
