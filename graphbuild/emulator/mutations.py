"""Changes of a world over time; each function returns a new world."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from graphbuild.emulator.models import File, Indicator

if TYPE_CHECKING:
    from graphbuild.emulator.models import Subject
    from graphbuild.emulator.world import World

S = TypeVar("S", File, Indicator)


def remove_reference(world: World, reference: str) -> World:
    """Remove a reference from all collections and subjects."""
    return world.replace(
        files=[_remove_from_subject(file, reference) for file in world.files.values()],
        references=[each for each in world.references.values() if each.id != reference],
        collections=[
            replace(each, references=_without(each.references, reference))
            for each in world.collections.values()
        ],
        indicators=[_remove_from_subject(each, reference) for each in world.indicators],
    )


def join_collection(world: World, subject: str, collection: str) -> World:
    """Add a subject to a collection; ``subject`` is a hash, a domain, an IP address or a URL.

    Raises:
        KeyError: There is no such subject or no such collection.
    """
    added = world.collections[collection].id
    changed = _find_subject(world, subject)

    def add(one: S) -> S:
        if one is not changed:
            return one
        return replace(one, collections=(*_without(one.collections, added), added))

    return world.replace(
        files=[add(file) for file in world.files.values()],
        indicators=[add(each) for each in world.indicators],
    )


def _find_subject(world: World, name: str) -> Subject:
    found = [each for each in world.indicators if name in {each.text, each.id}]
    subject = world.file(name) or next(iter(found), None)
    if subject is None:
        raise KeyError(name)
    return subject


def _remove_from_subject(subject: S, reference: str) -> S:
    return replace(
        subject,
        references=_without(subject.references, reference),
        without_collection=_without(subject.without_collection, reference),
        without_context=_without(subject.without_context, reference),
        omitted=tuple(pair for pair in subject.omitted if pair[0] != reference),
        unexpected=tuple(pair for pair in subject.unexpected if pair[0] != reference),
    )


def _without(ids: tuple[str, ...], removed: str) -> tuple[str, ...]:
    return tuple(each for each in ids if each != removed)
