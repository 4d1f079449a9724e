"""``graphbuild compare``: compare two campaign files, or one campaign file at two times."""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import TYPE_CHECKING

from graphbuild._util import format_count, to_plain_text
from graphbuild.cli import console, options
from graphbuild.cli.campaign_file import find_campaign_file, read_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from graphbuild.analysis import ClusterChange, Clustering, Comparison, Snapshot, Triple
    from graphbuild.models import Entity

_MAX_NAME = 80  # characters of a name of a reference or collection
_MAX_CAUSES = 5  # causes to print per merge or split
_COLUMNS = "added", "removed", "unchanged", "unknown_before", "unknown_after"
_ENTITIES = "files", "references", "collections"


def compare(
    store_path: options.StoreOption = None,
    baseline: options.BaselineOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    json: options.JsonOption = False,
) -> None:
    """Show changes between two states of a campaign.

    The command compares a campaign file with an older one (--baseline), or with its own state at an
    earlier time (--since). The output shows what was added and removed, which clusters merged or
    split, and the causes.

    If the earlier list of a subject is not complete, new observations of the subject count as
    "unknown before" instead of "added". If the later list is not complete, missing observations
    count as "unknown after" instead of "removed". The same applies if the other state infers the
    reference for the subject. A reference or collection that only one state contains counts as
    added (or removed) if at least one of its observations does.
    """
    from graphbuild.analysis import compare as compare_snapshots

    options.check_comparison(baseline, since, until)
    path = find_campaign_file(store_path)
    before, after = read_snapshot(baseline or path, since), read_snapshot(path, until)
    found = compare_snapshots(before, after, seed=seed)
    _warn_if_incomplete(before, "earlier", "added")
    _warn_if_incomplete(after, "later", "removed")
    _warn_if_inferred(found.inferred_before, "earlier")
    _warn_if_inferred(found.inferred_after, "later")
    if json:
        console.print_json(_as_json(found))
    else:
        _print_comparison(found, limit)


def read_snapshot(path: Path, until: float | None) -> Snapshot:
    """Return the state of a campaign at the time ``until``, or the latest state if it is None.

    ``until`` is in seconds since 1970.
    """
    from graphbuild.analysis import Snapshot

    time = inf if until is None else until
    with read_store(path) as store, store.snapshot():
        return Snapshot.from_observations(store.current_observations(time), store.states(time))


def _warn_if_incomplete(side: Snapshot, name: str, unknown_change: str) -> None:
    states = Counter(state for _, state in side.incomplete_subjects)
    if states:
        counts = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
        console.notice(
            f"the {name} state is not complete: {counts} of"
            f" {format_count(len(side.states), 'subject')}; references that only these subjects"
            f" have are not counted as {unknown_change}"
        )


def _warn_if_inferred(observations: Sequence[Triple], name: str) -> None:
    if observations:
        console.notice(
            f"{format_count(len(observations), 'observation')} cannot be compared: the"
            f" collections of inferred references are not fully known in the {name} state"
            " (see crawl --complete)"
        )


# --- text ----------------------------------------------------------------------------------------


def _print_comparison(found: Comparison, limit: int) -> None:
    from graphbuild.analysis import describe_cluster

    rows: list[tuple[object, ...]] = []
    for name in (*_ENTITIES, "observations"):
        changes = getattr(found, name)
        rows.append((name, *(len(getattr(changes, column)) for column in _COLUMNS)))
    console.print_table(("", *(column.replace("_", " ") for column in _COLUMNS)), rows)
    for name in ("references", "collections"):
        for column in ("added", "removed"):
            _print_entities(f"{name} {column}", getattr(getattr(found, name), column), limit)
    _print_cluster_changes(found, limit)
    for move in found.moved_files[:limit]:
        before = to_plain_text(describe_cluster(found.before.clusters[move.before - 1]))
        after = to_plain_text(describe_cluster(found.after.clusters[move.after - 1]))
        console.print_line(f"{move.file.key} changed cluster: from {before} to {after}")
    console.print_omitted(len(found.moved_files) - limit)


def _print_entities(title: str, entities: Sequence[Entity], limit: int) -> None:
    from graphbuild.analysis import publication_date

    if not entities:
        return
    console.print_line()
    console.print_line(f"{title}:")
    for entity in entities[:limit]:
        day = publication_date(entity)
        name = console.shorten(entity.label, _MAX_NAME)
        console.print_line(f"  {day} {name}" if day else f"  {name}")
    console.print_omitted(len(entities) - limit)


def _print_cluster_changes(found: Comparison, limit: int) -> None:
    from graphbuild.analysis import describe_causes, describe_change, summarize_changes

    console.print_line()
    console.print_line(summarize_changes(found))
    changed = [change for change in found.cluster_changes if change.kind != "unchanged"]
    for change in changed[:limit]:
        console.print_line(to_plain_text(describe_change(change, found)))
        for reason in describe_causes(change, _MAX_CAUSES):
            console.print_line(f"  {to_plain_text(reason)}")
    console.print_omitted(len(changed) - limit)


# --- JSON ----------------------------------------------------------------------------------------


def _as_json(found: Comparison) -> dict[str, object]:
    sides = {"before": found.before, "after": found.after}
    incomplete = {"before": found.incomplete_before, "after": found.incomplete_after}
    inferred = {"before": found.inferred_before, "after": found.inferred_after}
    triples = {
        each: [_triple_json(triple) for triple in getattr(found.observations, each)]
        for each in _COLUMNS
    }
    moves = [console.attributes_json(move, "file", "before", "after") for move in found.moved_files]
    return {
        "incomplete": {
            side: [{"key": file.key, "state": state} for file, state in states]
            for side, states in incomplete.items()
        },
        "inferred": {
            side: [_triple_json(triple) for triple in observations]
            for side, observations in inferred.items()
        },
        **{name: console.attributes_json(getattr(found, name), *_COLUMNS) for name in _ENTITIES},
        "observations": {**triples, "unchanged": len(found.observations.unchanged)},
        "clusters": {side: _clusters_json(clusters) for side, clusters in sides.items()},
        "cluster_changes": [_cluster_change_json(change) for change in found.cluster_changes],
        "moved_files": moves,
    }


def _triple_json(triple: Triple) -> dict[str, str | None]:
    return {
        "subject": triple.file.key,
        "reference": triple.reference.key,
        "related_from": triple.collection.key if triple.collection else None,
    }


def _clusters_json(clusters: Clustering) -> list[dict[str, object]]:
    names = ("number", "name", "stability", "files")
    return [console.attributes_json(cluster, *names) for cluster in clusters.clusters]


def _cluster_change_json(change: ClusterChange) -> dict[str, object]:
    names = ("before", "after", "similarity", "added", "removed", "linking_files")
    cause_names = ("clusters", "files", "exclusive", "certain")
    return {
        "change": change.kind,
        **console.attributes_json(change, *names),
        "causes": [console.entity_json(each.entity, each, *cause_names) for each in change.causes],
    }
