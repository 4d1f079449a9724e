"""Every lie the wire can tell, against a crawl and against its resume (3.1, rows 45 to 50).

Each lie comes once in the middle of a crawl, which must end with everything and one call more at
most; and then for ever, so that the run ends, and the next one, against an honest service, asks
exactly what is missing. The lies are those of the corpus and those that only a socket can tell.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.crawler import Crawl
from graphbuild.emulator import Emulator, generate_family_world
from graphbuild.errors import GraphbuildError
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.clock import ManualClock
from tests.support.faults import Fault, FaultyApi
from tests.support.keys import CANARY
from tests.torture import corpus
from tests.torture.responses import fault_of
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.torture.forking import Zygote

_WORLD = generate_family_world(3, 50)
_NEEDED = 6
_DEADLINE = 0.6
_SLACK = 10.0  # seconds a loaded machine may take beyond the deadlines
_ASKED = 12  # attempts at the most before a run gives up: three subjects, four times each
_WIRE = (
    ("drip", 0.02),
    ("drip_headers", 0.02),
    ("stall", 20.0),
    ("stall_body", 20.0),
    ("reset", ""),
    ("close", ""),
    ("cut", ""),
    ("cut_reset", ""),
    ("truncated", ""),
    ("gzip_cut", 200),
    ("headers", 101),
)


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts are called alike
    """Tell every lie, or every so many-th so that about ``rounds`` are told."""
    result = PartResult("transport")
    lies = list(_lies())
    for name, kind, value in lies[:: max(1, len(lies) // rounds) if rounds else 1]:
        place = folder / f"lie-{result.rounds}"
        place.mkdir()
        _once(result, name, Fault(kind, value, after=3), place / "once.db")
        _for_ever(result, name, Fault(kind, value, after=3, times=None), place / "ever.db")
        result.rounds += 1
    _kept_alive(result, folder)
    _unreachable(result, folder)
    return result.finish()


def _lies() -> Iterator[tuple[str, str, Any]]:
    """Name, kind and value of each fault; what settles a subject for good is no lie."""
    for row in corpus.read():
        passing = row["expect"] == "STOP" or (row["expect"] == "PAGE" and row.get("calls") != 1)
        if row["kind"] == "http" and passing and len(row["answers"]) == 1:
            yield (row["id"], *fault_of(row["answers"][0], "http"))
    for kind, value in _WIRE:
        yield kind, kind, value


def _once(result: PartResult, name: str, fault: Fault, path: Path) -> None:
    """One lie: the crawl, or its resume where it stops the run, ends with all there is."""
    with _Service(fault) as service:
        stopped = service.crawl(result, f"{name}, once", path)
        if stopped:
            service.crawl(result, f"{name}, once, resumed", path)
        service.judge(result, f"{name}, once", path)
        told = len(service.api.log) - _NEEDED
        result.check(told <= 2, f"{name}, once: {told} calls more than needed")


def _for_ever(result: PartResult, name: str, fault: Fault, path: Path) -> None:
    """The lie is all there is: the run ends in time, and the next one asks what is missing."""
    with _Service(fault) as service:
        began = time.monotonic()
        service.crawl(result, f"{name}, for ever", path)
        lasted = time.monotonic() - began
        most = _ASKED * _DEADLINE + _SLACK
        result.check(lasted <= most, f"{name}, for ever: lasted {lasted:.1f} s, {most:g} allowed")
        asked = len(service.api.log)
        result.check(asked <= 3 + _ASKED, f"{name}, for ever: {asked} calls")
        service.api.clear_faults()
        service.crawl(result, f"{name}, resumed", path)
        service.judge(result, name, path)


class _Service:
    """An emulated service that lies, and crawls against it."""

    def __init__(self, *faults: Fault) -> None:
        self.api = FaultyApi(_WORLD, faults=faults)
        self._server = Emulator(self.api)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def crawl(self, result: PartResult, what: str, path: Path) -> BaseException | None:
        """Crawl once; what ended the run early, if anything."""
        return crawl(result, what, path, self._server.base_url)

    def judge(self, result: PartResult, what: str, path: Path) -> None:
        """All is there, and each true answer was asked for once."""
        with Store.read(path) as store:
            found = {
                (each.subject.id, each.reference.id, each.related_from and each.related_from.id)
                for each in store.observations()
            }
        lost = len(_WORLD.triples() - found)
        result.lost += lost
        result.check(found == _WORLD.triples(), f"{what}: {lost} observations are missing")
        true = sum(not entry.fault for entry in self.api.log)
        result.wasted += true - _NEEDED
        result.check(true == _NEEDED, f"{what}: {true} true answers, {_NEEDED} needed")


def crawl(result: PartResult, what: str, path: Path, base_url: str) -> BaseException | None:
    """Crawl once with a clock by hand; what ended the run early, if anything, is one of ours."""
    client = Client(ApiKey(CANARY), base_url=base_url, clock=ManualClock(), deadline=_DEADLINE)
    with client, Store.open(path) as store:
        store.add_seeds(parse_seeds(_WORLD.hashes()))
        try:
            for _ in Crawl(client, store):
                pass
        except BaseException as error:  # noqa: BLE001  what it is, is the question
            ours = isinstance(error, GraphbuildError)
            result.check(ours, f"{what}: raised {error!r}")
            return error
    return None


# --- connections ---------------------------------------------------------------------------------


def _kept_alive(result: PartResult, folder: Path) -> None:
    """A service that closes idle connections without a word costs nothing (row 49)."""
    result.rounds += 1
    with _Service(Fault("hang_up", times=None)) as service:
        service.crawl(result, "hang_up", folder / "hang_up.db")
        result.check(len(service.api.log) == _NEEDED, f"hang_up: {len(service.api.log)} calls")


def _unreachable(result: PartResult, folder: Path) -> None:
    """Nobody there: the run pauses, the ledger stands at nought, and an honest service is paid
    for what it gives only (row 50).
    """
    deaf = socket.socket()  # nobody listens there, and it stays ours, so that nobody will
    deaf.bind(("127.0.0.1", 0))
    no_name = mock.patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "unknown"))
    places = (
        ("refused", f"http://127.0.0.1:{deaf.getsockname()[1]}/api/v3", deaf),
        ("no such name", "https://nowhere.invalid/api/v3", no_name),
    )
    for name, base_url, setting in places:
        result.rounds += 1
        path = folder / f"{name}.db"
        with setting:
            error = crawl(result, name, path, base_url)
        result.check(error is not None, f"{name}: the run goes on")
        with Store.read(path) as store:
            result.check(
                store.calls.count() == 0, f"{name}: the ledger says {store.calls.count()} calls"
            )
        with _Service() as service:
            service.crawl(result, f"{name}, resumed", path)
            service.judge(result, name, path)
