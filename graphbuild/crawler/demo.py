"""Crawl made-up campaigns, without an API key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.crawler.crawler import Crawl
from graphbuild.emulator import Api, Emulator, generate_world
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.emulator import World

_WORLD_SEED = 1
_KEY = ApiKey("0" * 64)  # the emulator accepts any key


def demo_world() -> World:
    """Return the campaigns of the command ``demo``."""
    return generate_world(_WORLD_SEED)


def crawl_world(world: World, path: Path) -> None:
    """Crawl all files of a world into a new campaign file.

    Args:
        world: The data that an emulator of the API serves on this machine during the crawl.
        path: The campaign file.

    Raises:
        CrawlPaused: The emulator could not be reached.
        StoreError: The file cannot be written.
    """
    with (
        Emulator(Api(world)) as emulator,
        Client(_KEY, base_url=emulator.base_url) as client,
        Store.open(path) as store,
    ):
        store.add_seeds(parse_seeds(world.hashes()))
        for _ in Crawl(client, store):
            pass  # the crawl stores each page
