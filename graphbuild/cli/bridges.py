"""``graphbuild bridges``: find references and collections that connect clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import read_incidence
from graphbuild.cli.console import attributes_json, print_json, print_line, print_rows, shorten

if TYPE_CHECKING:
    from graphbuild.analysis import Bridges


def bridges(
    store: options.StoreOption = None,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show the references and collections between clusters.

    "only link" counts the pairs of clusters that nothing else connects. Without the node, the
    files would be in "pieces" parts, with "cut off" files outside the largest.
    """
    from graphbuild.analysis import find_bridges, find_communities

    incidence = read_incidence(store, merge=merge)
    clusters = find_communities(incidence, seed=seed)
    found = find_bridges(incidence, clusters)
    if json:
        print_json(_as_json(found))
        return
    print_line(
        f"{format_count(found.joined, 'pair')} of clusters connected,"
        f" {len(found.single):,} of them by a single node"
    )
    rows = [
        (
            bridge.entity.type,
            shorten(bridge.entity.label),
            bridge.files,
            len(bridge.clusters),
            len(bridge.alone),
            bridge.pieces,
            bridge.cut_off,
        )
        for bridge in found.bridges[:limit]
    ]
    header = ("type", "name", "files", "clusters", "only link", "pieces", "cut off")
    print_rows(header, rows, len(found.bridges))
    for pair, entity in found.single[:limit]:
        names = " and ".join(
            f"{number} ({shorten(clusters.groups[number - 1].name)})" for number in pair
        )
        name = shorten(entity.label)
        print_line(f"clusters {names} are connected only by the {entity.type} {name}")


def _as_json(found: Bridges) -> dict[str, object]:
    return {
        "joined": found.joined,
        "bridges": [
            {
                **attributes_json(bridge.entity, "key", "label"),
                **attributes_json(bridge, "files", "clusters", "alone", "pieces", "cut_off"),
            }
            for bridge in found.bridges
        ],
        "single": [{"clusters": list(pair), "source": entity.key} for pair, entity in found.single],
    }
