"""Worlds in which a rule that a crawler may rely on does not hold."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from graphbuild.emulator import documented
from graphbuild.emulator.models import Reference

if TYPE_CHECKING:
    from graphbuild.emulator.models import File, Pair
    from graphbuild.emulator.world import World


def break_rule(world: World, *, share: float = 0.2, seed: int = 0) -> World:
    """Make a world like another in which `related_references` breaks its rule for some files.

    The rule is that they are the references of the collections that contain the file. In turn, a
    file lacks a reference that its collections have; has one more, from a collection of its own
    that does not list it; has one more from a collection that it is not in; lacks one of the
    collections behind a reference. `World.rule_breakers` tells which. At least one is broken if
    any file can be and `share` is above 0; the file of the documentation never is.
    """
    able = [
        file for file in world.files.values() if file.id != documented.FILE and _pairs(world, file)
    ]
    count = min(len(able), max(1, round(share * len(able)))) if share else 0
    chosen = Random(f"{seed} broken").sample(able, count)  # noqa: S311 - no secret
    unlisted = [_unlisted(number) for number in range(count)]
    broken = {
        file.id: _break(world, file, turn, unlisted[turn].id) for turn, file in enumerate(chosen)
    }
    return world.changed(
        files=[broken.get(file.id, file) for file in world.files.values()],
        references=[*world.references.values(), *unlisted],
    )


def _unlisted(number: int) -> Reference:
    url = f"https://unlisted.example/{number}"
    return Reference.of(url, creation_date=1_600_000_000, title=f"Found nowhere else {number}")


def _break(world: World, file: File, turn: int, unlisted: str) -> File:
    pairs = _pairs(world, file)
    reference, _ = pairs[turn % len(pairs)]
    strange = [name for name in sorted(world.collections) if name not in file.collections]
    match turn % 4:
        case 0:
            return replace(file, missing=tuple(pair for pair in pairs if pair[0] == reference))
        case 2 if strange:
            return replace(file, extra=((unlisted, strange[turn % len(strange)]),))
        case 3:
            held = [name for name, _ in pairs]
            return replace(file, missing=(max(pairs, key=lambda pair: held.count(pair[0])),))
    return replace(file, extra=((unlisted, file.collections[0]),))


def _pairs(world: World, file: File) -> list[Pair]:
    return [(item.id, holder) for item in world.related(file) for holder in item.holders or ()]
