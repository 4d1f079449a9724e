"""What a campaign says: ties, clusters, bridges and times, as text and JSON."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.console import result, result_json, table
from graphbuild.cli.errors import told
from graphbuild.cli.sources import incidence_of, sources_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis import Bridge, Central, Community, Hub, Overlap, Span, Telling
    from graphbuild.models import Entity

_NAME = 40  # characters of a name in a table
_BAR = 40  # of the month with most reports


def add_to(app: typer.Typer) -> None:
    """Add these commands to those of ``app``."""
    app.command(short_help="Which files, or collections, share more than chance.")(overlap)
    app.command(short_help="Which files belong together, and by what.")(communities)
    app.command(short_help="What joins clusters, and what hangs on it.")(bridges)
    app.command(short_help="What stands in the middle of it all.")(central)
    app.command(short_help="When reports were published.")(timeline)


# --- commands ------------------------------------------------------------------------------------


def overlap(
    store: options.StoreOption,
    of: Annotated[
        str,
        typer.Option("--of", callback=options.side, metavar="NAME", help="files or collections."),
    ] = "files",
    level: Annotated[
        str,
        typer.Option(
            callback=options.share,
            metavar="SHARE",
            help="Show ties of which so many may be chance.",
        ),
    ] = "0.05",
    limit: options.LimitOption = options.FEW,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Show ties that chance would explain, too.")
    ] = False,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show which files, or collections, share more than chance would have them share.

    Files are tested on the collections they share, as these bring all their reports at once;
    collections on their reports. q is the share of false ties among all that are as good.
    """
    from graphbuild.analysis import find_ties

    with told():
        side: Literal["files", "collections"] = "files" if of == "files" else "collections"
        incidence = incidence_of(store, merge=merge)
        found = find_ties(incidence, side)
        false = options.share_of(level)
        shown = found if everything else found.beyond_chance(false)
        listed = shown if json else shown.first(limit)
        listed = listed.with_sources(incidence, sources_of(incidence))
        if json:
            _overlap_json(found, listed, false)
            return
        beyond = len(found.beyond_chance(false))
        result(
            f"{format_count(len(found.nodes), of.removesuffix('s'))}: of"
            f" {format_count(found.tests, 'pair')} {len(found):,} share something, {beyond:,}"
            f" more than chance (q <= {false:g})"
        )
        rows = [
            (
                _name(tie.one),
                _name(tie.other),
                f"{tie.shared:,}",
                f"{tie.independent:,}",
                f"{tie.publishers:,}",
                f"{tie.sources:,}",
                f"{tie.jaccard:.2f}",
                f"{tie.overlap:.2f}",
                f"{tie.rarity:.2f}",
                f"{tie.bits:.1f}",
                f"{tie.p:.1e}",
                f"{tie.q:.1e}",
            )
            for tie in listed
        ]
        head = ("one", "other", "reports", "independent", "publishers", "sources", "jaccard")
        _listing((*head, "overlap", "rarity", "bits", "p", "q"), rows, len(shown))
        if len(found) > len(shown) == 0:
            result("each of them may be chance: --all shows them with their p-values")
        _tell_hubs(found.hubs)


def communities(
    store: options.StoreOption,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.FEW,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show which files belong together, and the collections and reports that tell why.

    Stability is how much of a cluster runs with other seeds find again.
    """
    from graphbuild.analysis import find_communities

    with told():
        incidence = incidence_of(store, merge=merge)
        found = find_communities(incidence, seed=seed)
        if json:
            result_json(
                {
                    "method": found.method,
                    "resolution": found.resolution,
                    "modularity": found.modularity,
                    "agreement": found.agreement,
                    "clusters": [_community_json(group) for group in found.groups],
                }
            )
            return
        together = [group for group in found.groups if len(group.files) > 1]
        alone = len(found.groups) - len(together)
        result(
            f"{format_count(len(together), 'cluster')} of"
            f" {format_count(len(incidence.files), 'file')}, {alone:,} alone · {found.method},"
            f" resolution {found.resolution:.2f},"
            f" agreement of runs {found.agreement:.2f}"
        )
        rows = [
            (
                f"{group.number}",
                f"{len(group.files):,}",
                f"{group.stability:.2f}",
                ", ".join(map(_told_of, group.collections[:2])),
                ", ".join(map(_told_of, group.references[:1])),
            )
            for group in together[:limit]
        ]
        head = ("cluster", "files", "stability", "telling collections", "telling report")
        _listing(head, rows, len(together))


def bridges(
    store: options.StoreOption,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.FEW,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show which reports and collections join clusters, and what hangs on each.

    "alone" counts the pairs of clusters that nothing else joins, "pieces" into how many the files
    fall without it, "cut off" the files outside of the largest.
    """
    from graphbuild.analysis import find_bridges, find_communities

    with told():
        incidence = incidence_of(store, merge=merge)
        clusters = find_communities(incidence, seed=seed)
        found = find_bridges(incidence, clusters)
        if json:
            result_json(
                {
                    "joined": found.joined,
                    "bridges": [_bridge_json(each) for each in found.bridges],
                    "single": [
                        {"clusters": list(pair), "source": entity.key}
                        for pair, entity in found.single
                    ],
                }
            )
            return
        result(
            f"{format_count(found.joined, 'pair')} of clusters joined, {len(found.single):,} of"
            " them by a single source"
        )
        rows = [
            (
                each.entity.type,
                _name(each.entity),
                f"{each.files:,}",
                f"{len(each.clusters):,}",
                f"{len(each.alone):,}",
                f"{each.pieces:,}",
                f"{each.cut_off:,}",
            )
            for each in found.bridges[:limit]
        ]
        head = ("type", "name", "files", "clusters", "alone", "pieces", "cut off")
        _listing(head, rows, len(found.bridges))
        for (one, other), entity in found.single[:limit]:
            names = [clusters.groups[number - 1].name for number in (one, other)]
            said = " and ".join(
                f"{n} ({name[:_NAME]})" for n, name in zip((one, other), names, strict=True)
            )
            result(f"clusters {said} rest on the {entity.type} {_name(entity)}")


def central(
    store: options.StoreOption,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Of the sample of a large one.")
    ] = 0,
    limit: options.LimitOption = options.FEW,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show which files, reports and collections stand in the middle of what was observed.

    Betweenness is the share of shortest chains that go through it, PageRank that of a random walk.
    """
    from graphbuild.analysis import find_central

    with told():
        found = find_central(incidence_of(store, merge=merge), seed=seed)
        if json:
            nodes = [
                {"key": each.entity.key, "label": each.entity.label, **_numbers(each)}
                for each in found.nodes
            ]
            result_json({"samples": found.samples, "nodes": nodes})
            return
        how = f"estimated from {found.samples:,}" if found.samples else "counted"
        result(f"{format_count(len(found.nodes), 'node')}, betweenness {how}")
        rows = [
            (
                each.entity.type,
                _name(each.entity),
                f"{each.ties:,}",
                f"{each.betweenness:.4f}",
                f"{each.pagerank:.4f}",
            )
            for each in found.nodes[:limit]
        ]
        _listing(("type", "name", "ties", "betweenness", "pagerank"), rows, len(found.nodes))


def timeline(
    store: options.StoreOption,
    limit: options.LimitOption = options.FEW,
    *,
    clusters: Annotated[
        bool, typer.Option("--clusters", help="Of clusters, instead of collections.")
    ] = False,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show when reports were published: by month, first and last of each collection or cluster."""
    from graphbuild.analysis import build_timeline, find_communities

    with told():
        incidence = incidence_of(store, merge=merge)
        found = find_communities(incidence) if clusters or json else None
        times = build_timeline(incidence, found)
        if json:
            result_json(
                {
                    "campaign": _span_json(times.whole),
                    "collections": [_span_json(span) for span in times.collections],
                    "clusters": [_span_json(span) for span in times.clusters],
                }
            )
            return
        whole = times.whole
        result(f"{format_count(whole.reports, 'report')}, {whole.undated:,} without a date (UTC)")
        most = max(whole.months.values(), default=1)
        for month, reports in whole.months.items():
            result(f"{month}  {reports:>6,}  {'#' * -(-reports * _BAR // most)}")
        result("")
        spans = times.clusters if clusters else times.collections
        rows = [
            (
                span.name[:_NAME],
                f"{span.reports:,}",
                f"{span.undated:,}",
                _dated(span.first),
                _dated(span.last),
            )
            for span in sorted(spans, key=lambda span: (-span.reports, span.key))[:limit]
        ]
        head = ("cluster" if clusters else "collection", "reports", "undated", "first", "last")
        _listing(head, rows, len(spans))


# --- what they share -----------------------------------------------------------------------------


def _listing(head: Sequence[str], rows: Sequence[Sequence[str]], count: int) -> None:
    if rows:
        table(head, rows)
    if count > len(rows):
        result(f"… and {count - len(rows):,} more; --limit shows them, --json has all")


def _name(entity: Entity) -> str:
    label = entity.label
    return label if len(label) <= _NAME else label[:_NAME] + "…"


def _told_of(telling: Telling) -> str:
    return f"{_name(telling.entity)} ({telling.inside:,} in, {telling.outside:,} out)"


def _tell_hubs(hubs: Sequence[Hub]) -> None:
    for hub in hubs[: options.FEW]:
        result(
            f"damped: the {hub.source.type} {_name(hub.source)}, which {hub.members:,} have,"
            f" tells {hub.bits:g} bits"
        )


def _dated(reference: Entity | None) -> str:
    from graphbuild.analysis import day_of

    return "-" if reference is None else f"{day_of(reference)} {_name(reference)}"


# --- JSON ----------------------------------------------------------------------------------------


def _overlap_json(found: Overlap, shown: Overlap, level: float) -> None:
    ties = [
        {
            **{field.name: getattr(tie, field.name) for field in fields(tie)},
            "one": tie.one.key,
            "other": tie.other.key,
        }
        for tie in shown
    ]
    hubs = [
        {"source": hub.source.key, "members": hub.members, "bits": hub.bits} for hub in found.hubs
    ]
    result_json(
        {"pairs": found.tests, "sharing": len(found), "level": level, "ties": ties, "hubs": hubs}
    )


def _community_json(group: Community) -> dict[str, object]:
    return {
        "number": group.number,
        "name": group.name,
        "stability": group.stability,
        "files": [file.key for file in group.files],
        "collections": [_telling_json(telling) for telling in group.collections],
        "references": [_telling_json(telling) for telling in group.references],
    }


def _telling_json(telling: Telling) -> dict[str, object]:
    said = {name: getattr(telling, name) for name in ("inside", "outside", "lift", "score")}
    return {"key": telling.entity.key, "label": telling.entity.label, **said}


def _bridge_json(bridge: Bridge) -> dict[str, object]:
    return {
        "key": bridge.entity.key,
        "label": bridge.entity.label,
        "files": bridge.files,
        "clusters": list(bridge.clusters),
        "alone": [list(pair) for pair in bridge.alone],
        "pieces": bridge.pieces,
        "cut_off": bridge.cut_off,
    }


def _numbers(node: Central) -> dict[str, object]:
    return {"ties": node.ties, "betweenness": node.betweenness, "pagerank": node.pagerank}


def _span_json(span: Span) -> dict[str, object]:
    ends = {name: end and end.key for name, end in (("first", span.first), ("last", span.last))}
    return {**asdict(span), **ends}
