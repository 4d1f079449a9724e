"""``graphbuild demo``: crawl and export generated campaigns, without an API key."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from graphbuild.cli.console import print_line
from graphbuild.cli.crawl import print_outcome
from graphbuild.cli.crawl_runner import run_crawl
from graphbuild.cli.export import print_exported, write_exports
from graphbuild.errors import ExportError
from graphbuild.exporters.formats import DEFAULT_FORMATS

_WORLD_SEED = 1


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.")] = Path("output/demo"),
) -> None:
    """Crawl and export made-up campaigns, without an API key.

    Prints the equivalent commands.
    """
    from graphbuild.emulator import Api, Emulator, generate_world
    from graphbuild.seeds import read_seeds
    from graphbuild.store import Store

    started = time.monotonic()
    world = generate_world(_WORLD_SEED)
    hashes, store_path = _prepare_folder(out)
    hashes.write_text("".join(f"{each}\n" for each in world.hashes()), encoding="utf-8")
    os.environ["VT_APIKEY"] = secrets.token_hex(32)  # the user's key is not sent to the emulator
    with Emulator(Api(world)) as emulator, Store.open(store_path) as store:
        print_line(
            f"$ graphbuild crawl {hashes} --store {store_path} --base-url {emulator.base_url}"
        )
        store.add_seeds(read_seeds(hashes))
        print_outcome(store, run_crawl(store, emulator.base_url))
        print_line()
        formats = ",".join(DEFAULT_FORMATS)
        print_line(f"$ graphbuild export --store {store_path} --to {formats} --out {out}")
        print_exported(write_exports(store, out, DEFAULT_FORMATS))
    print_line()
    seconds = time.monotonic() - started
    print_line(f"Done in {seconds:.1f} s. Open {out / 'graph.html'} in a browser.")


def _prepare_folder(out: Path) -> tuple[Path, Path]:
    """Create the folder, delete the campaign file of an earlier demo, and return both paths.

    The paths are those of the list of hashes and of the campaign file.
    """
    store_path = out / "campaign.db"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path in out.glob("campaign.db*"):
            path.unlink()
    except OSError as problem:
        raise ExportError(f"cannot use {out}: {problem.strerror or problem}") from None
    return out / "hashes.txt", store_path
