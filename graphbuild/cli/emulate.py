"""``graphbuild emulate``: run a local server that emulates the API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from graphbuild._util import format_count
from graphbuild.cli.console import notice, print_line
from graphbuild.cli.signals import on_signal
from graphbuild.errors import GraphbuildError

if TYPE_CHECKING:
    from signal import Signals

    from graphbuild.emulator import World


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
    """Serve an emulated API, to try graphbuild offline."""
    from graphbuild.emulator import Api, Emulator, Quota

    api = Api(
        _load_world(data, seed),
        keys=key or None,
        quota=Quota(per_minute=per_minute, per_day=per_day),
        log_path=log,
        api_flavor=api_flavor,
    )
    emulator = Emulator(api, port=port)
    try:
        with on_signal(_interrupt), emulator:
            print_line(f"emulating the API at {emulator.base_url}; press Ctrl-C to stop")
            notice(f"{format_count(len(api.world.hashes()), 'file')} known")
            emulator.wait()
    except OSError as problem:
        raise GraphbuildError(
            f"cannot listen on port {port}: {problem.strerror or problem}; choose another --port"
        ) from None
    except KeyboardInterrupt:
        notice(f"{format_count(api.calls, 'call')} served")


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
