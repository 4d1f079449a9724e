"""``graphbuild bridges``: find references and collections that connect clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import read_incidence
from graphbuild.cli.console import (
    entity_json,
    print_json,
    print_line,
    print_omitted,
    print_rows,
    shorten,
)

if TYPE_CHECKING:
    from graphbuild.analysis import Bridge, Clustering

_MAX_PAIRS = 10  # pairs of clusters to print per bridge
_JSON_FIELDS = ("files", "clusters", "sole_pairs", "components", "cut_off_files")


def bridges(
    store_path: options.StoreOption = None,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show references and collections that connect clusters.

    The list also contains references and collections whose removal would separate connected files.

    "sole pairs" is the number of pairs of clusters that only this reference or collection connects.
    If it is removed, the files connected through it may fall into several parts. "components" is
    the number of these parts, and "cut-off files" is the number of files outside the largest part.
    """
    from graphbuild.analysis import find_bridges, find_clusters

    incidence = read_incidence(store_path, merge=merge)
    clusters = find_clusters(incidence, seed=seed)
    found = find_bridges(incidence, clusters)
    if json:
        links = found.single_links
        print_json(
            {
                "joined_pairs": found.joined_pairs,
                "bridges": [
                    entity_json(each.entity, each, *_JSON_FIELDS) for each in found.bridges
                ],
                "single_links": [{"clusters": pair, "entity": node.key} for pair, node in links],
            }
        )
        return
    print_line(
        f"{format_count(found.joined_pairs, 'pair')} of clusters connected,"
        f" {len(found.single_links):,} of them by a single node"
    )
    rows: list[tuple[object, ...]] = []
    for bridge in found.bridges[:limit]:
        counts = bridge.files, len(bridge.clusters), len(bridge.sole_pairs)
        without = bridge.components, bridge.cut_off_files
        rows.append((bridge.entity.type, shorten(bridge.entity.label), *counts, *without))
    header = ("type", "name", "files", "clusters", "sole pairs", "components", "cut-off files")
    print_rows(header, rows, len(found.bridges))
    connecting = [bridge for bridge in found.bridges if bridge.sole_pairs]
    for bridge in connecting[:limit]:
        print_line(_describe_sole_pairs(bridge, clusters))
    print_omitted(len(connecting) - limit)


def _describe_sole_pairs(bridge: Bridge, clusters: Clustering) -> str:
    """Return a sentence about the pairs of clusters that only this bridge connects."""
    entity, pairs = bridge.entity, bridge.sole_pairs
    subject = f"only the {entity.type} {shorten(entity.label)} connects"
    if len(pairs) == 1:
        names = (f"{number} ({shorten(clusters.clusters[number - 1].name)})" for number in pairs[0])
        return f"{subject} clusters {' and '.join(names)}"
    numbers = [f"{one}-{other}" for one, other in pairs[:_MAX_PAIRS]]
    omitted = [f"{len(pairs) - _MAX_PAIRS:,} more"] if len(pairs) > _MAX_PAIRS else []
    count = format_count(len(pairs), "pair")
    return f"{subject} {count} of clusters: {', '.join((*numbers, *omitted))}"
