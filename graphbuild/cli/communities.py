"""``graphbuild communities``: find clusters of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli import console, options
from graphbuild.cli.campaign_file import find_campaign_file, read_incidence
from graphbuild.cli.strength import HEADER, strength_cells, strength_json
from graphbuild.models import RELATED_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from graphbuild.analysis import (
        Cluster,
        Clustering,
        DistinctiveEntity,
        Incidence,
        Strength,
        Subcluster,
    )


def communities(
    store_path: options.StoreOption = None,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show clusters of files.

    Each cluster is listed with its number, its name, and the collections and the reference that
    characterize it. "in" and "out" are the numbers of files, inside and outside the cluster, that
    have the collection or reference.

    The clusters are found again ten times, each time without a random tenth of the evidence. The
    stability of a cluster (0 to 1) is its mean similarity to the most similar cluster of each run.

    "sources" is the number of independent sources that at least two files of the cluster have:
    copies of a source count once. "breaking" is the smallest number of sources without which the
    cluster would lose more than half of its files. These columns need the extra "analysis".

    Below the table are the subclusters of clusters: groups of files with different evidence, if
    chance does not explain the difference. Then follow the doubtful files, which are nearly as
    similar to another cluster. --json lists the files of each subcluster.

    If pages are left to request, "open" is the number of calls for the files of the cluster. These
    pages can change the cluster.
    """
    path = find_campaign_file(store_path)
    incidence = read_incidence(path, merge=merge)
    print_communities(incidence, _read_open_calls(path), seed, limit, json=json)


def print_communities(
    incidence: Incidence, open_calls: Mapping[str, int], seed: int, limit: int, *, json: bool
) -> None:
    """Find clusters and print them.

    ``open_calls`` is the number of calls that the list of each file still needs, by node key. The
    other arguments are the options of ``communities``.
    """
    from graphbuild.analysis import METHOD
    from graphbuild.analysis.campaign_clusters import find_with_strengths

    with console.spinner() as show_step:
        show_step("finding clusters")
        found = find_with_strengths(incidence, seed=seed)
    strengths = found.strengths
    if json:
        summary = console.attributes_json(found, "min_similarity", "modularity", "mean_stability")
        clusters_json = [
            _cluster_json(each, open_calls) | _strength_json(each, strengths) for each in found
        ]
        console.print_json(
            {
                "method": METHOD,
                **summary,
                "open": _open_json(found, open_calls),
                "clusters": clusters_json,
            }
        )
        return
    clusters = [cluster for cluster in found.clusters if len(cluster.files) > 1]
    single = len(found.clusters) - len(clusters)
    console.print_line(
        f"{format_count(len(clusters), 'cluster')} of {format_count(len(incidence.files), 'file')},"
        f" {format_count(single, 'single file')} · {METHOD},"
        f" mean stability {found.mean_stability:.2f}"
    )
    rows: list[tuple[object, ...]] = []
    for cluster in clusters[:limit]:
        collections = ", ".join(map(_describe, cluster.top_collections[:2]))
        reference = ", ".join(map(_describe, cluster.top_references[:1]))
        name = f"{cluster.number} {console.shorten(cluster.name)}"
        stability = f"{cluster.stability:.2f}"
        strength = strength_cells(strengths[cluster.number]) if strengths else ()
        calls = (_open_calls_of(cluster, open_calls),) if open_calls else ()
        numbers = (len(cluster.files), stability, *strength, *calls)
        rows.append((name, *numbers, collections, reference))
    columns = (*(HEADER if strengths else ()), *(("open",) if open_calls else ()))
    header = ("cluster", "files", "stability", *columns, "collections", "reference")
    console.print_rows(header, rows, len(clusters))
    _print_subclusters(clusters[:limit])
    _print_doubtful(clusters, limit)
    if open_calls:
        _print_open(found, open_calls)


def _read_open_calls(path: Path) -> dict[str, int]:
    """Return the number of calls that the list of each file still needs, by node key.

    Files whose lists are not pending are left out.
    """
    from graphbuild.api.client import LIMIT
    from graphbuild.store import Store

    with Store.read(path) as store:
        calls = {
            row.subject.key: row.open_calls(LIMIT)
            for row in store.statuses()
            if row.relationship == RELATED_REFERENCES
        }
    return {key: count for key, count in calls.items() if count}


def _open_calls_of(cluster: Cluster, open_calls: Mapping[str, int]) -> int:
    return sum(open_calls.get(file.key, 0) for file in cluster.files)


def _open_json(found: Clustering, open_calls: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers of clusters and files whose pages are left to request, and of calls.

    ``unread_files`` is the number of these files that are in no cluster yet.
    """
    clustered = {file.key for cluster in found for file in cluster.files}
    return {
        "clusters": sum(_open_calls_of(cluster, open_calls) > 0 for cluster in found),
        "files": len(open_calls),
        "calls": sum(open_calls.values()),
        "unread_files": len(open_calls.keys() - clustered),
    }


def _print_open(found: Clustering, open_calls: Mapping[str, int]) -> None:
    numbers = _open_json(found, open_calls)
    unread = numbers["unread_files"]
    if numbers["clusters"]:
        calls = sum(_open_calls_of(cluster, open_calls) for cluster in found)
        verb = "contains" if numbers["clusters"] == 1 else "contain"
        console.print_line(
            f"{numbers['clusters']:,} of {format_count(len(found), 'cluster')} {verb} files with"
            f" unread pages ({format_count(calls, 'call')}), and can still change"
        )
    if unread:
        verb = "is" if unread == 1 else "are"
        console.print_line(
            f"{format_count(unread, 'file')} without a stored reference {verb} left to request,"
            " and can join any cluster"
        )
    console.print_line("'crawl --decide N' makes the N calls that can change the clusters most")


def _print_subclusters(clusters: Sequence[Cluster]) -> None:
    """Print a line for each cluster that is split."""
    for cluster in clusters:
        if len(cluster.subclusters) > 1:
            parts = ", ".join(map(_describe_subcluster, cluster.subclusters))
            console.print_line(f"subclusters of {cluster.number}: {parts}")


def _describe_subcluster(part: Subcluster) -> str:
    best = next(iter((*part.top_collections, *part.top_references)), None)
    about = f": {console.shorten(best.entity.label)}" if best else ""
    return f"{part.label} ({format_count(len(part.files), 'file')}{about})"


def _print_doubtful(clusters: Sequence[Cluster], limit: int) -> None:
    """Print the number of doubtful files, then a line for each of the first ``limit`` of them."""
    doubtful = [(cluster, *doubt) for cluster in clusters for doubt in cluster.doubtful]
    if not doubtful:
        return
    verb = "is" if len(doubtful) == 1 else "are"
    count = format_count(len(doubtful), "doubtful file")
    console.print_line(f"{count} {verb} nearly as similar to another cluster:")
    for cluster, file, other in doubtful[:limit]:
        label = console.shorten(file.label)
        console.print_line(f"  {label} of cluster {cluster.number}, similar to cluster {other}")
    if len(doubtful) > limit:
        console.print_line(f"  … and {len(doubtful) - limit:,} more; --json shows all")


def _strength_json(cluster: Cluster, strengths: Mapping[int, Strength]) -> dict[str, object]:
    return strength_json(strengths[cluster.number]) if strengths else {}


def _describe(each: DistinctiveEntity) -> str:
    return f"{console.shorten(each.entity.label)} ({each.inside:,} in, {each.outside:,} out)"


def _cluster_json(cluster: Cluster, open_calls: Mapping[str, int]) -> dict[str, object]:
    from graphbuild.graph.style import cluster_color

    return {
        **console.attributes_json(cluster, "number", "name", "stability", "files"),
        "color": cluster_color(cluster.number),
        "open_files": sum(file.key in open_calls for file in cluster.files),
        "open_calls": _open_calls_of(cluster, open_calls),
        "top_collections": [_distinctive_json(each) for each in cluster.top_collections],
        "top_references": [_distinctive_json(each) for each in cluster.top_references],
        "subclusters": [_subcluster_json(part) for part in cluster.subclusters],
        "doubtful": [
            {"file": file.key, "other_cluster": other} for file, other in cluster.doubtful
        ],
    }


def _subcluster_json(part: Subcluster) -> dict[str, object]:
    return {
        **console.attributes_json(part, "label", "files"),
        "top_collections": [_distinctive_json(each) for each in part.top_collections],
        "top_references": [_distinctive_json(each) for each in part.top_references],
    }


def _distinctive_json(each: DistinctiveEntity) -> dict[str, object]:
    return console.entity_json(each.entity, each, "inside", "outside", "lift", "log_likelihood")
