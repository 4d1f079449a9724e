"""Restrict a crawl or a plan to one shard: a part of the lists (``--shard I/N``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from graphbuild.cli.campaign_file import read_store
from graphbuild.cli.console import notice
from graphbuild.cli.seed_lists import count_kinds
from graphbuild.models import HASH_TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.seeds import SeedList
    from graphbuild.store import Store
    from graphbuild.store.shards import Shard


def choose_shard(store: Store, shard: str | None, *, only: bool) -> Shard | None:
    """Return the shard ``shard`` or, if it is None, the shard that the campaign file is for.

    Return None if the file is for all lists. Otherwise, the file keeps the shard, so that a later
    crawl without ``--shard`` does not request the lists of other shards.

    Raises:
        BadParameter: The file is for another shard, or the crawl is restricted with ``--only``.
    """
    from graphbuild.store.shards import Shard

    stored = store.tasks.stored_shard()
    chosen = Shard.parse(shard) if shard else stored
    if chosen is None:
        return None
    if stored not in {None, chosen}:
        raise typer.BadParameter(
            f"{store.path} is for shard {stored}; use another campaign file for shard {chosen}",
            param_hint="--shard",
        )
    if only:
        raise typer.BadParameter(
            f"{store.path} is for shard {chosen}, which divides the subjects of all seed lists",
            param_hint="--only",
        )
    store.tasks.save_shard(chosen)
    notice(f"shard {chosen}: unite the files of all shards with 'graphbuild merge'")
    return chosen


def find_shard(path: Path | None, shard: str | None) -> Shard | None:
    """Return the shard ``shard`` or, if it is None, the shard that a campaign file is for."""
    from graphbuild.store.shards import Shard

    if shard or path is None:
        return Shard.parse(shard) if shard else None
    with read_store(path) as store:
        return store.tasks.stored_shard()


def read_shard(path: Path, shard: Shard | None) -> Store:
    """Open a campaign file for reading, with its tasks restricted to a shard if there is one."""
    store = read_store(path)
    if shard:
        store.tasks.restrict_to_shard(shard)
    return store


def seeds_of_shard(seeds: SeedList, shard: Shard | None) -> SeedList:
    """Return the seeds that belong to a shard, with the messages about the whole list.

    Without a shard, return all seeds. With a shard, log a notice if the list has hashes of several
    types, because several shards may then request the same file.
    """
    from graphbuild.seeds import SeedList

    if shard is None:
        return seeds
    kinds = count_kinds(seeds)
    if sum(kinds[each.name] > 0 for each in HASH_TYPES) > 1:
        notice(
            "the seed list has hashes of several types; a file that it names by several hashes is"
            " requested once per shard that has one of them"
        )
    part = SeedList(seeds.formats, seeds.rejected, seeds.warnings, seeds.duplicates, seeds.skipped)
    for seed in seeds:
        if shard.contains(seed.entity.key):
            part.add(seed.entity, seed.source, seed.line, None)
    return part
