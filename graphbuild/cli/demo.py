"""``graphbuild demo``: crawl and export generated campaigns, without an API key."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from graphbuild.cli.console import print_line
from graphbuild.cli.crawl import crawl
from graphbuild.cli.export import export
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

    started = time.monotonic()
    hashes, store_path = out / "hashes.txt", out / "campaign.db"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path in out.glob("campaign.db*"):  # of an earlier demo
            path.unlink()
    except OSError as problem:
        raise ExportError(f"cannot use {out}: {problem.strerror or problem}") from None
    world = generate_world(_WORLD_SEED)
    hashes.write_text("".join(f"{each}\n" for each in world.hashes()), encoding="utf-8")
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
