"""Worlds that violate the rule on which inference relies.

The rule: `related_references` of a file lists the references of the collections that contain the
file, each with those collections, and no others.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from graphbuild.emulator import Reference, documented_sample

if TYPE_CHECKING:
    from graphbuild.emulator import File, World

    Pair = tuple[str, str]


def violate_rule(world: World, *, share: float = 0.2, seed: int = 0) -> World:
    """Return a world in which a share of the files violates the rule.

    The files in turn: lack a reference of their collections; have an additional reference from one
    of their collections; have an additional reference from another collection; lack one of the
    collections of a reference. At least one file is changed if `share` is above 0. The documented
    file never is.
    """
    candidates = [
        file
        for file in world.files.values()
        if file.id != documented_sample.FILE and _pairs(world, file)
    ]
    count = min(len(candidates), max(1, round(share * len(candidates)))) if share else 0
    chosen = Random(f"{seed} broken").sample(candidates, count)
    added = [_unlisted_reference(number) for number in range(count)]
    changed = {
        file.id: _violate(world, file, turn, added[turn].id) for turn, file in enumerate(chosen)
    }
    return world.replace(
        files=[changed.get(file.id, file) for file in world.files.values()],
        references=[*world.references.values(), *added],
    )


def rule_violators(world: World) -> frozenset[str]:
    """Return the seed hashes of the files that violate the rule."""
    regular = {
        "without_collection": (),
        "without_context": (),
        "omitted": (),
        "unexpected": (),
    }
    return frozenset(
        file.seed
        for file in world.files.values()
        if world.related_references(file) != world.related_references(replace(file, **regular))  # type: ignore[arg-type]  # all four are tuples
    )


def _unlisted_reference(number: int) -> Reference:
    url = f"https://unlisted.example/{number}"
    title = f"Found nowhere else {number}"
    return Reference.from_url(url, creation_date=1_600_000_000, title=title)


def _violate(world: World, file: File, turn: int, unlisted: str) -> File:
    pairs = _pairs(world, file)
    reference, _ = pairs[turn % len(pairs)]
    others = [name for name in sorted(world.collections) if name not in file.collections]
    match turn % 4:
        case 0:
            return replace(file, omitted=tuple(pair for pair in pairs if pair[0] == reference))
        case 2 if others:
            return replace(file, unexpected=((unlisted, others[turn % len(others)]),))
        case 3:
            references = [name for name, _ in pairs]
            return replace(file, omitted=(max(pairs, key=lambda pair: references.count(pair[0])),))
    return replace(file, unexpected=((unlisted, file.collections[0]),))


def _pairs(world: World, file: File) -> list[Pair]:
    return [
        (item.id, collection)
        for item in world.related_references(file)
        for collection in item.related_from or ()
    ]
