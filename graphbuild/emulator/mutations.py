"""Worlds that move on: each function makes a later version and leaves the given world alone."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, TypeVar

from graphbuild.emulator.models import File, Indicator, Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbuild.emulator.models import Collection, Subject
    from graphbuild.emulator.world import World


Ids = tuple[str, ...]
One = TypeVar("One", File, Indicator)

_NEWS = 2  # references that a collection gets in a later world
_DAY = 86_400
_FIRST_NEWS = 1_700_000_000 // _DAY * _DAY


def add_references(world: World, collection: str, *references: Reference) -> World:
    """Add references to a collection, at the end of what it has."""
    held = world.collections[collection]
    ids = tuple(dict.fromkeys(held.references + tuple(each.id for each in references)))
    known = {**world.references, **{each.id: each for each in references}}
    return _with_collection(world, replace(held, references=ids)).changed(references=known.values())


def drop_reference(world: World, reference: str) -> World:
    """Take a reference out of the world, wherever it is listed."""
    return world.changed(
        files=[_forget(file, reference) for file in world.files.values()],
        references=[each for each in world.references.values() if each.id != reference],
        collections=[
            replace(each, references=_without(each.references, reference))
            for each in world.collections.values()
        ],
        indicators=[_forget(each, reference) for each in world.others],
    )


def join_collection(world: World, name: str, collection: str) -> World:
    """Put a subject into one more collection; `name` is any hash, a domain, an address, a url.

    Raises:
        KeyError: there is no such subject, or no such collection.
    """
    held = world.collections[collection].id
    return _move(world, name, lambda ids: (*_without(ids, held), held))


def leave_collection(world: World, name: str, collection: str) -> World:
    """Take a subject out of a collection."""
    return _move(world, name, lambda ids: _without(ids, collection))


def later_world(world: World, turn: int = 1) -> World:
    """Return the world some time later; another `turn` is another course of events.

    A collection has got two references, a reference of another collection is gone from
    everywhere, a file has joined a collection. What does not fit a small world does not happen.
    """
    rng = Random(f"later {turn}")  # noqa: S311 - a world to look at, not a secret
    names = sorted(name for name, each in world.collections.items() if each.references)
    rng.shuffle(names)
    for name in names[:1]:
        world = add_references(world, name, *_news(turn, name))
    for name in names[1:2]:
        world = drop_reference(world, rng.choice(world.collections[name].references))
    strangers = [
        file.id for file in world.files.values() if names and names[0] not in file.collections
    ]
    if strangers:
        world = join_collection(world, rng.choice(strangers), names[0])
    return world


def _news(turn: int, name: str) -> list[Reference]:
    return [
        Reference.of(
            f"https://news.example/{turn}/{number}",
            creation_date=_FIRST_NEWS + turn * _DAY,
            author="Late Desk",
            title=f"News of {name}, {turn}.{number}",
        )
        for number in range(_NEWS)
    ]


def _with_collection(world: World, collection: Collection) -> World:
    return world.changed(collections={**world.collections, collection.id: collection}.values())


def _move(world: World, name: str, change: Callable[[Ids], Ids]) -> World:
    subject = _subject(world, name)
    return world.changed(
        files=[_moved(file, subject, change) for file in world.files.values()],
        indicators=[_moved(each, subject, change) for each in world.others],
    )


def _moved(one: One, subject: Subject, change: Callable[[Ids], Ids]) -> One:
    return replace(one, collections=change(one.collections)) if one is subject else one


def _subject(world: World, name: str) -> Subject:
    found = [each for each in world.others if name in {each.text, each.id}]
    subject = world.file(name) or next(iter(found), None)
    if subject is None:
        raise KeyError(name)
    return subject


def _forget(one: One, reference: str) -> One:
    return replace(
        one,
        direct=_without(one.direct, reference),
        loose=_without(one.loose, reference),
        bare=_without(one.bare, reference),
        missing=tuple(pair for pair in one.missing if pair[0] != reference),
        extra=tuple(pair for pair in one.extra if pair[0] != reference),
    )


def _without(ids: Ids, gone: str) -> Ids:
    return tuple(each for each in ids if each != gone)
