"""``graphbuild compare``: compare two campaign files, or one campaign file at two times."""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import TYPE_CHECKING

from graphbuild._util import format_count, to_plain_text
from graphbuild.cli import options
from graphbuild.cli.campaign_file import find_campaign_file
from graphbuild.cli.console import (
    attributes_json,
    notice,
    print_json,
    print_line,
    print_omitted,
    print_table,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from graphbuild.analysis import Changes, ClusterChange, Clustering, Comparison, Snapshot, Triple
    from graphbuild.models import Entity

_MAX_NAME = 80  # characters
_MAX_CAUSES = 5  # shown per merge or split
_COLUMNS = "added", "removed", "unchanged", "unknown_before", "unknown_after"
_CHANGE_FIELDS = "before", "after", "similarity", "added", "removed", "linking_files"
_HEADER = ("", "added", "removed", "unchanged", "unknown before", "unknown after")


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

    Shows what was added and removed, which clusters merged or split, and the causes.
    Compares a campaign file with an older one (--baseline), or with its own state at another time
    (--since, --until). References of a subject count as unknown in a state in which the subject is
    not complete.
    """
    from graphbuild.analysis import compare as compare_snapshots

    options.check_comparison(baseline, since, until)
    path = find_campaign_file(store_path)
    before, after = read_snapshot(baseline or path, since), read_snapshot(path, until)
    found = compare_snapshots(before, after, seed=seed)
    _warn_if_incomplete(before, "before")
    _warn_if_incomplete(after, "after")
    if json:
        print_json(_as_json(found))
    else:
        _print_comparison(found, limit)


def read_snapshot(path: Path, until: float | None) -> Snapshot:
    """Return the state of a campaign file.

    Args:
        path: The campaign file.
        until: Time in seconds since 1970; None for the current state.

    Raises:
        StoreError: ``path`` is not a campaign file.
    """
    from graphbuild.analysis import Snapshot
    from graphbuild.store import Store

    time = inf if until is None else until
    with Store.read(path) as store, store.snapshot():
        return Snapshot.from_observations(store.current_observations(time), store.states(time))


def _warn_if_incomplete(side: Snapshot, when: str) -> None:
    states = Counter(state for _, state in side.incomplete_subjects)
    if states:
        notice(
            f"the campaign was not complete {when}: {states['pending']:,} pending,"
            f" {states['incomplete']:,} incomplete, {states['failed']:,} failed of"
            f" {format_count(len(side.states), 'subject')}; their references count neither as added"
            " nor as removed"
        )


# --- text ----------------------------------------------------------------------------------------


def _print_comparison(found: Comparison, limit: int) -> None:
    from graphbuild.analysis import describe_cluster

    rows = [
        (name, *(len(getattr(changes, column)) for column in _COLUMNS))
        for name, changes in _changes(found).items()
    ]
    print_table(_HEADER, rows)
    _print_entities("references added", found.references.added, limit)
    _print_entities("references removed", found.references.removed, limit)
    _print_entities("collections added", found.collections.added, limit)
    _print_entities("collections removed", found.collections.removed, limit)
    _print_cluster_changes(found, limit)
    for move in found.moved_files[:limit]:
        before, after = (
            to_plain_text(describe_cluster(side.clusters[number - 1]))
            for side, number in ((found.before, move.before), (found.after, move.after))
        )
        print_line(f"{move.file.key} changed cluster: from {before} to {after}")
    print_omitted(len(found.moved_files) - limit)


def _changes(found: Comparison) -> Mapping[str, Changes[Entity] | Changes[Triple]]:
    return {
        "files": found.files,
        "references": found.references,
        "collections": found.collections,
        "observations": found.observations,
    }


def _print_entities(title: str, entities: Sequence[Entity], limit: int) -> None:
    from graphbuild.analysis import publication_date

    if not entities:
        return
    print_line()
    print_line(f"{title}:")
    for entity in entities[:limit]:
        day = publication_date(entity)
        print_line(f"  {f'{day} ' if day else ''}{shorten(entity.label, _MAX_NAME)}")
    print_omitted(len(entities) - limit)


def _print_cluster_changes(found: Comparison, limit: int) -> None:
    from graphbuild.analysis import describe_causes, describe_change, summarize_changes

    print_line()
    print_line(summarize_changes(found))
    changed = [change for change in found.cluster_changes if change.kind != "unchanged"]
    for change in changed[:limit]:
        print_line(to_plain_text(describe_change(change, found)))
        for reason in describe_causes(change, _MAX_CAUSES):
            print_line(f"  {to_plain_text(reason)}")
    print_omitted(len(changed) - limit)


# --- JSON ----------------------------------------------------------------------------------------


def _as_json(found: Comparison) -> dict[str, object]:
    triples = {
        each: [_triple_json(triple) for triple in getattr(found.observations, each)]
        for each in _COLUMNS
    }
    return {
        "incomplete": {
            "before": [
                {"key": file.key, "state": state} for file, state in found.incomplete_before
            ],
            "after": [{"key": file.key, "state": state} for file, state in found.incomplete_after],
        },
        "files": _keys(found.files),
        "references": _keys(found.references),
        "collections": _keys(found.collections),
        "observations": {**triples, "unchanged": len(found.observations.unchanged)},
        "clusters": {
            "before": _clusters_json(found.before),
            "after": _clusters_json(found.after),
        },
        "cluster_changes": [_cluster_change_json(change) for change in found.cluster_changes],
        "moved_files": [
            attributes_json(move, "file", "before", "after") for move in found.moved_files
        ],
    }


def _keys(changes: Changes[Entity]) -> dict[str, object]:
    return attributes_json(changes, *_COLUMNS)


def _triple_json(triple: Triple) -> dict[str, str | None]:
    return {
        "subject": triple.file.key,
        "reference": triple.reference.key,
        "related_from": triple.collection.key if triple.collection else None,
    }


def _clusters_json(clusters: Clustering) -> list[dict[str, object]]:
    names = ("number", "name", "stability", "files")
    return [attributes_json(cluster, *names) for cluster in clusters.clusters]


def _cluster_change_json(change: ClusterChange) -> dict[str, object]:
    return {
        "change": change.kind,
        **attributes_json(change, *_CHANGE_FIELDS),
        "causes": [
            {
                **attributes_json(cause.entity, "key", "label"),
                **attributes_json(cause, "clusters", "files", "exclusive", "certain"),
            }
            for cause in change.causes
        ],
    }
