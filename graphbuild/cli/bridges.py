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
    store_path: options.StoreOption = None,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show the references and collections between clusters.

    "sole pairs" is the number of pairs of clusters that only this node connects. If the node were
    removed, the graph would have "components" components, with "cut-off files" files outside the
    largest.
    """
    from graphbuild.analysis import find_bridges, find_clusters

    incidence = read_incidence(store_path, merge=merge)
    clusters = find_clusters(incidence, seed=seed)
    found = find_bridges(incidence, clusters)
    if json:
        print_json(_as_json(found))
        return
    print_line(
        f"{format_count(found.joined_pairs, 'pair')} of clusters connected,"
        f" {len(found.single_links):,} of them by a single node"
    )
    rows = [
        (
            bridge.entity.type,
            shorten(bridge.entity.label),
            bridge.files,
            len(bridge.clusters),
            len(bridge.sole_pairs),
            bridge.components,
            bridge.cut_off_files,
        )
        for bridge in found.bridges[:limit]
    ]
    header = ("type", "name", "files", "clusters", "sole pairs", "components", "cut-off files")
    print_rows(header, rows, len(found.bridges))
    for pair, entity in found.single_links[:limit]:
        names = " and ".join(
            f"{number} ({shorten(clusters.clusters[number - 1].name)})" for number in pair
        )
        name = shorten(entity.label)
        print_line(f"clusters {names} are connected only by the {entity.type} {name}")


def _as_json(found: Bridges) -> dict[str, object]:
    return {
        "joined_pairs": found.joined_pairs,
        "bridges": [
            {
                **attributes_json(bridge.entity, "key", "label"),
                **attributes_json(
                    bridge, "files", "clusters", "sole_pairs", "components", "cut_off_files"
                ),
            }
            for bridge in found.bridges
        ],
        "single_links": [
            {"clusters": list(pair), "entity": entity.key} for pair, entity in found.single_links
        ],
    }
