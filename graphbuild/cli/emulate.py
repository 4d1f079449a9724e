"""``graphbuild emulate``: run a local server that emulates the API."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from graphbuild._util import format_count, on_signal
from graphbuild.cli.console import notice, print_line
from graphbuild.errors import GraphbuildError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from signal import Signals

    from graphbuild.emulator import World

_MAX_HASHES = 3  # hashes to print


def emulate(
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="TCP port; 0 chooses a free one.")
    ] = 8080,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="JSON Lines file with the data to serve (default: generated data)."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Random seed of generated data; unused with --data.")
    ] = 1,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help="API key to accept; repeatable (default: every key is accepted)."
        ),
    ] = None,
    per_minute: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Maximum calls per minute and API key; further calls get status 429.",
        ),
    ] = None,
    per_day: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Maximum calls per UTC day and API key; further calls get status 429.",
        ),
    ] = None,
    hashes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Seed list to write: the hashes of all files, one per line."
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Log file: one JSON line per request.")
    ] = None,
    api_flavor: Annotated[
        Literal["classic", "gti", "both"],
        typer.Option(
            "--api-flavor",
            help="API flavor: classic (related_references), gti (related_reports), or both.",
        ),
    ] = "classic",
) -> None:
    """Serve an emulated API, to try graphbuild offline.

    The command prints some of the hashes that it knows, and a crawl command to try with them.
    """
    from graphbuild.emulator import Api, Emulator, Quota

    api = Api(
        _load_world(data, seed),
        keys=key or None,
        quota=Quota(per_minute=per_minute, per_day=per_day),
        log_path=log,
        api_flavor=api_flavor,
    )
    emulator = Emulator(api, port=port)
    known = api.world.hashes()
    if hashes:
        _write_hashes(hashes, known)
    try:
        with on_signal(_interrupt), emulator:
            print_line(f"emulating the API at {emulator.base_url}; press Ctrl-C to stop")
            _suggest_crawl(known, hashes, emulator.base_url, any_key=not key)
            emulator.wait()
    except OSError as problem:
        raise GraphbuildError(
            f"cannot listen on port {port}: {problem.strerror or problem}; choose another --port"
        ) from None
    except KeyboardInterrupt:
        notice(f"{format_count(api.calls, 'call')} served")


def _write_hashes(path: Path, hashes: Sequence[str]) -> None:
    """Write a seed list to a new file."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.writelines(f"{each}\n" for each in hashes)
    except FileExistsError:
        raise GraphbuildError(f"{path} exists; choose another file for --hashes") from None
    except OSError as problem:
        raise GraphbuildError(f"cannot write {path}: {problem.strerror or problem}") from None


def _suggest_crawl(hashes: Sequence[str], path: Path | None, url: str, *, any_key: bool) -> None:
    """Log some of the known hashes, and a command that crawls them."""
    if not hashes:
        notice("no files known")
        return
    tried = hashes[:_MAX_HASHES]
    if path:
        notice(f"{format_count(len(hashes), 'file')} known; their hashes are in {path}")
    else:
        notice(f"{format_count(len(hashes), 'file')} known (--hashes FILE writes all), such as:")
        for each in tried:
            notice(f"  {each}")
    seeds = [str(path)] if path else tried
    command = shlex.join(["graphbuild", "crawl", *seeds, "--store", "emulated.db"])
    key = "VT_APIKEY=demo " if any_key else ""
    by = "in another terminal" if any_key else "in another terminal, with the key in VT_APIKEY"
    notice(f"to try it, run {by}:")
    notice(f"  {key}{command} --base-url {url}")


def _load_world(data: Path | None, seed: int) -> World:
    from graphbuild.emulator import generate_world, load_world

    if data is None:
        return generate_world(seed)
    try:
        return load_world(data)
    except OSError as problem:
        raise GraphbuildError(f"cannot read {data}: {problem.strerror or problem}") from None
    except ValueError as problem:
        raise GraphbuildError(f"{data} is not a world file: {problem}") from None


def _interrupt(_: Signals) -> NoReturn:
    raise KeyboardInterrupt
