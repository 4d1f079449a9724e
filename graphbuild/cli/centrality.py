"""``graphbuild centrality``: rank nodes by centrality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import read_incidence
from graphbuild.cli.console import entity_json, print_json, print_line, print_rows, shorten
from graphbuild.models import FILE

if TYPE_CHECKING:
    from graphbuild.analysis import Incidence
    from graphbuild.models import Entity


def centrality(
    store_path: options.StoreOption = None,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Rank files, references and collections by centrality.

    The betweenness of a node is the share of shortest paths through it, averaged over all pairs of
    other nodes. In graphs of more than 2,000 nodes, betweenness is estimated from the shortest
    paths that start at a random sample of nodes. The PageRank of a node is the share of time that a
    random walk spends at the node.
    """
    print_centrality(read_incidence(store_path, merge=merge), seed, limit, json=json)


def print_centrality(incidence: Incidence, seed: int, limit: int, *, json: bool) -> None:
    """Print nodes by centrality; the arguments are the options of ``centrality``."""
    from graphbuild.analysis import compute_centrality

    found = compute_centrality(incidence, seed=seed)
    if json:
        names = ("degree", "betweenness", "pagerank")
        nodes = [entity_json(node.entity, node, *names) for node in found.nodes]
        print_json({"samples": found.samples, "nodes": nodes})
        return
    method = f"estimated from {found.samples:,} nodes" if found.samples else "exact"
    print_line(f"{format_count(len(found.nodes), 'node')}, betweenness {method}")
    rows: list[tuple[object, ...]] = []
    for node in found.nodes[:limit]:
        scores = f"{node.betweenness:.4f}", f"{node.pagerank:.4f}"
        rows.append((node.entity.type, shorten(node.entity.label), node.degree, *scores))
    print_rows(("type", "name", "degree", "betweenness", "pagerank"), rows, len(found.nodes))
    most_central = next((node for node in found.nodes if node.entity.type != FILE), None)
    if most_central:
        print_line(_describe_removal(most_central.entity, incidence, seed))


def _describe_removal(entity: Entity, incidence: Incidence, seed: int) -> str:
    """Return a sentence about the files that are separated if a node is removed."""
    from graphbuild.analysis import find_bridges, find_clusters

    bridges = find_bridges(incidence, find_clusters(incidence, seed=seed)).bridges
    bridge = next((each for each in bridges if each.entity == entity), None)
    name = f"the {entity.type} {shorten(entity.label)}"
    if bridge is None or bridge.components == 1:
        return f"without {name}, the same files stay connected"
    outside = format_count(bridge.cut_off_files, "file")
    return (
        f"without {name}, its files fall into {bridge.components:,} components, with {outside}"
        " outside the largest; see 'graphbuild bridges'"
    )
