"""``graphbuild demo``: crawl and export made-up campaigns, without an API key."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild.cli.console import print_line
from graphbuild.cli.crawl import crawl
from graphbuild.cli.export import export
from graphbuild.errors import ExportError
from graphbuild.exporters.formats import DEFAULT_FORMATS
from graphbuild.store import Store

if TYPE_CHECKING:
    from graphbuild.emulator import World


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Output folder, created if missing.")
    ] = Path("output/demo"),
) -> None:
    """Crawl and export made-up campaigns, without an API key.

    The output shows the equivalent crawl and export commands.
    """
    from graphbuild.crawler.demo import demo_world
    from graphbuild.emulator import Api, Emulator

    started = time.monotonic()
    hashes, store_path = out / "hashes.txt", out / "campaign.db"
    world = demo_world()
    seed_list = "".join(f"{each}\n" for each in world.hashes())
    _check_earlier_demo(store_path, hashes, world, seed_list)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for suffix in ("", "-wal", "-shm"):  # the files of an earlier demo
            store_path.with_name(store_path.name + suffix).unlink(missing_ok=True)
        hashes.write_text(seed_list, encoding="utf-8")
    except OSError as problem:
        raise ExportError(f"cannot use {out}: {problem.strerror or problem}") from None
    os.environ["VT_APIKEY"] = secrets.token_hex(32)  # the user's key is not sent to the emulator
    with Emulator(Api(world)) as emulator:
        url = emulator.base_url
        print_line(f"$ graphbuild crawl {hashes} --store {store_path} --base-url {url}")
        crawl([str(hashes)], store_path, base_url=url)
    formats = ",".join(DEFAULT_FORMATS)
    print_line()
    print_line(f"$ graphbuild export --store {store_path} --to {formats} --out {out}")
    export(store_path, formats, out)
    print_line()
    seconds = time.monotonic() - started
    print_line(f"Done in {seconds:.1f} s. Open {out / 'graph.html'} in a browser.")


def _check_earlier_demo(store_path: Path, hashes: Path, world: World, seed_list: str) -> None:
    """Raise ExportError if the seed list or the campaign file exists and was not made by the demo.

    The list was made by the demo if it is equal to ``seed_list``, and the campaign file if the list
    was and all subjects are files of ``world``.
    """
    foreign = None
    is_demo_list = hashes.exists() and hashes.read_bytes() == seed_list.encode()
    if hashes.exists() and not is_demo_list:
        foreign = hashes
    elif store_path.exists():
        with Store.read(store_path) as store:
            if not is_demo_list or any(not world.file(each.id) for each in store.subjects()):
                foreign = store_path
    if foreign:
        raise ExportError(f"{foreign} is not from this demo; choose another folder with --out")
