"""Two campaign files, or one at two times: what came, went and stayed, as text and JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from graphbuild._util import format_count, to_plain_text
from graphbuild.cli import options
from graphbuild.cli.console import notice, result, result_json, table
from graphbuild.cli.errors import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import typer

    from graphbuild.analysis import (
        Changes,
        Communities,
        Comparison,
        Fact,
        Fate,
        Snapshot,
    )
    from graphbuild.models import Entity

_NAME = 40  # characters of a name
_CAUSES = 5  # told of a merge or a split


def add_to(app: typer.Typer) -> None:
    """Add the command to those of ``app``."""
    app.command(short_help="What came, went and stayed since, and the fates of clusters.")(compare)


def compare(  # noqa: PLR0913, PLR0917  each is an option of the command
    store: options.StoreOption,
    against: options.AgainstOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.FEW,
    *,
    json: options.JsonOption = False,
) -> None:
    """Show what came, went and stayed, and which clusters merged or split by which report.

    Held beside each other are a campaign file and an older one (--against), or one file at two
    times (--since, --until). What was not asked about before, or not wholly read, is told apart:
    it may have been there.
    """
    from graphbuild.analysis import compare as compare_sides

    options.refuse_no_side(against, since, until)
    with told():
        old, new = snapshot(against or store, since), snapshot(store, until)
        found = compare_sides(old, new, seed=seed)
        tell_gaps(old, "before")
        tell_gaps(new, "after")
        if json:
            result_json(_as_json(found))
        else:
            _tell(found, limit)


def snapshot(path: Path, date: str | None) -> Snapshot:
    """What a campaign file knows, or knew as a day began.

    Raises:
        StoreError: it is no campaign file.
    """
    from math import inf

    from graphbuild.analysis import Snapshot
    from graphbuild.store import Store

    at = options.time_of(date) if date else inf
    with Store.read(path) as campaign, campaign.snapshot():
        return Snapshot.of(campaign.standing(at), campaign.stood(at))


def tell_gaps(side: Snapshot, when: str) -> None:
    """Say on standard error what a side does not know."""
    states = Counter(state for _, state in side.gaps)
    if states:
        notice(
            f"not whole {when}: {states['pending']:,} still to ask, {states['incomplete']:,}"
            f" incomplete, {states['failed']:,} failed of"
            f" {format_count(len(side.states), 'subject')}; what only these would tell counts"
            " neither as new nor as gone"
        )


# --- text ----------------------------------------------------------------------------------------


def _tell(found: Comparison, limit: int) -> None:
    from graphbuild.analysis import cluster_name

    _tell_numbers(found)
    for title, entities in (
        ("reports that came", found.references.came),
        ("reports that went", found.references.went),
        ("collections that came", found.collections.came),
        ("collections that went", found.collections.went),
    ):
        _tell_entities(title, entities, limit)
    _tell_fates(found, limit)
    for move in found.moved[:limit]:
        before, after = (
            to_plain_text(cluster_name(side.groups[number - 1]))
            for side, number in ((found.before, move.before), (found.after, move.after))
        )
        result(f"{move.file.key} changed cluster: from {before} to {after}")
    _more(len(found.moved), limit)


def _tell_numbers(found: Comparison) -> None:
    rows = [
        (name, *(f"{len(getattr(changes, each)):,}" for each in _COLUMNS))
        for name, changes in _kinds(found).items()
    ]
    head = "", "came", "went", "stayed", "unknown before", "unknown after"
    table(head, rows)


_COLUMNS = "came", "went", "stayed", "unknown_before", "unknown_after"


def _kinds(found: Comparison) -> Mapping[str, Changes[Entity] | Changes[Fact]]:
    return {
        "files": found.files,
        "reports": found.references,
        "collections": found.collections,
        "observations": found.facts,
    }


def _tell_entities(title: str, entities: Sequence[Entity], limit: int) -> None:
    from graphbuild.analysis import day_of

    if not entities:
        return
    result("")
    result(f"{title}:")
    for each in entities[:limit]:
        day = day_of(each)
        result(f"  {f'{day} ' if day else ''}{_name(each)}")
    _more(len(entities), limit)


def _tell_fates(found: Comparison, limit: int) -> None:
    from graphbuild.analysis import fate_of, reasons, summary

    result("")
    result(summary(found))
    told_of = [fate for fate in found.fates if fate.kind != "stayed"]
    for fate in told_of[:limit]:
        result(to_plain_text(fate_of(fate, found)))
        for reason in reasons(fate, _CAUSES):
            result(f"  {to_plain_text(reason)}")
    _more(len(told_of), limit)


def _both(found: Comparison) -> tuple[Communities, Communities]:
    return found.before, found.after


def _name(entity: Entity) -> str:
    label = entity.label
    return label if len(label) <= _NAME * 2 else label[: _NAME * 2] + "…"


def _more(count: int, limit: int) -> None:
    if count > limit:
        result(f"… and {count - limit:,} more; --limit shows them, --json has all")


# --- JSON ----------------------------------------------------------------------------------------


def _as_json(found: Comparison) -> dict[str, object]:
    facts = {each: [_fact(fact) for fact in getattr(found.facts, each)] for each in _COLUMNS}
    return {
        "gaps": {
            "before": [{"key": file.key, "state": state} for file, state in found.gaps_before],
            "after": [{"key": file.key, "state": state} for file, state in found.gaps_after],
        },
        "files": _keys(found.files),
        "references": _keys(found.references),
        "collections": _keys(found.collections),
        "observations": {**facts, "stayed": len(found.facts.stayed)},
        "clusters": {
            name: [
                {
                    "number": group.number,
                    "name": group.name,
                    "stability": group.stability,
                    "files": [file.key for file in group.files],
                }
                for group in side.groups
            ]
            for name, side in zip(("before", "after"), _both(found), strict=True)
        },
        "fates": [_fate(fate) for fate in found.fates],
        "moved": [
            {"file": move.file.key, "before": move.before, "after": move.after}
            for move in found.moved
        ],
    }


def _keys(changes: Changes[Entity]) -> dict[str, list[str]]:
    return {each: [entity.key for entity in getattr(changes, each)] for each in _COLUMNS}


def _fact(fact: Fact) -> dict[str, str | None]:
    return {
        "subject": fact.file.key,
        "reference": fact.reference.key,
        "related_from": fact.collection.key if fact.collection else None,
    }


def _fate(fate: Fate) -> dict[str, object]:
    return {
        "fate": fate.kind,
        "before": list(fate.before),
        "after": list(fate.after),
        "likeness": fate.likeness,
        "came": [file.key for file in fate.came],
        "went": [file.key for file in fate.went],
        "causes": [
            {
                "key": cause.entity.key,
                "label": cause.entity.label,
                "clusters": list(cause.clusters),
                "files": cause.files,
                "new": cause.new,
                "sure": cause.sure,
            }
            for cause in fate.causes
        ],
        "through": [file.key for file in fate.through],
    }
