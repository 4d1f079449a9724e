"""Without a key: the emulator as a command, and the demonstration that uses it."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING, NoReturn

from graphbuild._util import format_count
from graphbuild.cli import export, status
from graphbuild.cli.console import Progress, notice, result
from graphbuild.cli.crawl import Limits, ask
from graphbuild.cli.signals import on_signal
from graphbuild.errors import ExportError, GraphbuildError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from signal import Signals

    from graphbuild.emulator import Api, World

_DEMO_WORLD = 1


def serve(
    *,
    port: int,
    data: Path | None,
    seed: int,
    keys: Sequence[str] | None,
    per_minute: int | None,
    per_day: int | None,
    log: Path | None,
    api_flavor: str,
) -> None:
    """Answer on loopback until interrupted."""
    from graphbuild.emulator import Api, Quota

    api = Api(
        _world(data, seed),
        keys=keys or None,
        quota=Quota(per_minute=per_minute, per_day=per_day),
        log_path=log,
        api_flavor=api_flavor,
    )
    _answer(api, port)


def _world(data: Path | None, seed: int) -> World:
    from graphbuild.emulator import generate_world, load_world

    if data is None:
        return generate_world(seed)
    try:
        return load_world(data)
    except OSError as error:
        raise GraphbuildError(f"cannot read {data}: {error.strerror or error}") from None
    except ValueError as error:
        raise GraphbuildError(f"{data} is no world: {error}") from None


def _answer(api: Api, port: int) -> None:
    from graphbuild.emulator import Emulator

    emulator = Emulator(api, port=port)
    try:
        with on_signal(_interrupt), emulator:
            result(f"emulating the API at {emulator.base_url}; Ctrl-C ends it")
            notice(f"{format_count(len(api.world.hashes()), 'file')} known; any key will do")
            emulator.wait()
    except OSError as error:
        raise GraphbuildError(f"cannot serve port {port}: {error.strerror or error}") from None
    except KeyboardInterrupt:
        notice(f"{format_count(api.calls, 'call')} answered")


def _interrupt(_: Signals) -> NoReturn:
    raise KeyboardInterrupt


def demo(out: Path) -> None:
    """Crawl made-up campaigns over HTTP and export them, telling each command on the way."""
    from graphbuild.emulator import Api, Emulator, generate_world
    from graphbuild.seeds import read_seeds
    from graphbuild.store import Store

    began = time.monotonic()
    world = generate_world(_DEMO_WORLD)
    hashes, campaign = _fresh(out)
    hashes.write_text("".join(f"{each}\n" for each in world.hashes()), encoding="utf-8")
    os.environ["VT_APIKEY"] = secrets.token_hex(32)  # the emulator takes any; the user's stays out
    with Emulator(Api(world)) as emulator, Store.open(campaign) as store:
        result(f"$ graphbuild crawl {hashes} --store {campaign} --base-url {emulator.base_url}")
        seeds = read_seeds(hashes)
        store.add_seeds(seeds)
        outcome = ask(store, emulator.base_url, Limits(), Progress())
        status.summary(store, outcome)
        result("")
        result(f"$ graphbuild export --store {campaign} --to graphml,html,csv --out {out}")
        export.tell(export.write(store, out, ["graphml", "html", "csv"]))
    result("")
    result(f"Done in {time.monotonic() - began:.1f} s. Open {out / 'graph.html'} in a browser.")


def _fresh(out: Path) -> tuple[Path, Path]:
    """An output folder without the campaign of an earlier demonstration."""
    campaign = out / "campaign.db"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path in out.glob("campaign.db*"):
            path.unlink()
    except OSError as error:
        raise ExportError(f"cannot use {out}: {error.strerror or error}") from None
    return out / "hashes.txt", campaign
