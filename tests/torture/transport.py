"""Faults of the network during a crawl, and during the run that continues it.

Each fault occurs once in the middle of a crawl, which must still find everything with one more
call. Then it occurs in every response, so that the run ends; the next run, without faults, must
request exactly what is missing. The faults come from the corpus of responses, and from a list of
faults that need a socket.
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

    from tests.support.forking import Zygote

_WORLD = generate_family_world(3, 50)
_NEEDED = 6
_DEADLINE = 0.6
_SLACK = 10.0  # seconds beyond the deadlines, for a machine under load
_MAX_CALLS = 12  # per run: three subjects, four attempts each
# A documented 403 settles its subject if others were answered before.
_SETTLING = frozenset({"T22.3"})
_SOCKET_FAULTS = (
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


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts have the same signature
    """Run all faults, or about ``rounds`` of them, evenly distributed."""
    result = PartResult("transport")
    faults = list(_faults())
    for name, kind, value in faults[:: max(1, len(faults) // rounds) if rounds else 1]:
        fault_folder = folder / f"fault-{result.rounds}"
        fault_folder.mkdir()
        _once(result, name, Fault(kind, value, after=3), fault_folder / "once.db")
        _always(result, name, Fault(kind, value, after=3, times=None), fault_folder / "ever.db")
        result.rounds += 1
    _kept_alive(result, folder)
    _unreachable(result, folder)
    return result.finish()


def _faults() -> Iterator[tuple[str, str, Any]]:
    """Yield name, kind and value of each fault that does not settle a subject."""
    for row in corpus.read():
        passing = row["expect"] == "STOP" or (row["expect"] == "PAGE" and row.get("calls") != 1)
        if row["id"] in _SETTLING:
            continue
        if row["kind"] == "http" and passing and len(row["answers"]) == 1:
            yield (row["id"], *fault_of(row["answers"][0], "http"))
    for kind, value in _SOCKET_FAULTS:
        yield kind, kind, value


def _once(result: PartResult, name: str, fault: Fault, path: Path) -> None:
    """A fault that occurs once: the crawl, or the run that continues it, finds everything."""
    with _Service(fault) as service:
        service.crawl(result, f"{name}, once", path)
        service.crawl(result, f"{name}, once, resumed", path)  # no call if nothing is missing
        service.check_result(result, f"{name}, once", path)
        extra_calls = len(service.api.log) - _NEEDED
        result.check(extra_calls <= 2, f"{name}, once: {extra_calls} calls more than needed")


def _always(result: PartResult, name: str, fault: Fault, path: Path) -> None:
    """A fault in every response: the run ends in time, and the next one fetches the rest."""
    with _Service(fault) as service:
        began = time.monotonic()
        service.crawl(result, f"{name}, always", path)
        lasted = time.monotonic() - began
        allowed = _MAX_CALLS * _DEADLINE + _SLACK
        result.check(
            lasted <= allowed, f"{name}, always: lasted {lasted:.1f} s, {allowed:g} allowed"
        )
        calls = len(service.api.log)
        result.check(calls <= 3 + _MAX_CALLS, f"{name}, always: {calls} calls")
        service.api.clear_faults()
        service.crawl(result, f"{name}, resumed", path)
        service.check_result(result, name, path)


class _Service:
    """An emulated service with faults, and crawls against it."""

    def __init__(self, *faults: Fault) -> None:
        self.api = FaultyApi(_WORLD, faults=faults)
        self._server = Emulator(self.api)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def crawl(self, result: PartResult, what: str, path: Path) -> BaseException | None:
        """Crawl once; return the exception that ended the run early, if any."""
        return crawl(result, what, path, self._server.base_url)

    def check_result(self, result: PartResult, what: str, path: Path) -> None:
        """Check that everything is stored, and that each correct response was requested once."""
        with Store.read(path) as store:
            found = {
                (each.subject.id, each.reference.id, each.related_from and each.related_from.id)
                for each in store.observations()
            }
        lost = len(_WORLD.triples() - found)
        result.lost += lost
        result.check(found == _WORLD.triples(), f"{what}: {lost} observations are missing")
        correct = sum(not entry.fault for entry in self.api.log)
        result.wasted += correct - _NEEDED
        result.check(correct == _NEEDED, f"{what}: {correct} true answers, {_NEEDED} needed")


def crawl(result: PartResult, what: str, path: Path, base_url: str) -> BaseException | None:
    """Crawl once with a manual clock; return the exception of graphbuild that ended it, if any."""
    client = Client(
        ApiKey(CANARY),
        base_url=base_url,
        clock=ManualClock(),
        deadline=_DEADLINE,
        api_flavor="classic",
    )
    with client, Store.open(path) as store:
        store.add_seeds(parse_seeds(_WORLD.hashes()))
        try:
            for _ in Crawl(client, store):
                pass
        except BaseException as error:  # noqa: BLE001  unexpected types are failures
            is_expected = isinstance(error, GraphbuildError)
            result.check(is_expected, f"{what}: raised {error!r}")
            return error
    return None


# --- connections ---------------------------------------------------------------------------------


def _kept_alive(result: PartResult, folder: Path) -> None:
    """A service that closes idle connections costs no extra call."""
    result.rounds += 1
    with _Service(Fault("hang_up", times=None)) as service:
        service.crawl(result, "hang_up", folder / "hang_up.db")
        result.check(len(service.api.log) == _NEEDED, f"hang_up: {len(service.api.log)} calls")


def _unreachable(result: PartResult, folder: Path) -> None:
    """An unreachable service: the run pauses without a call, and a later run is complete."""
    unused_port = socket.socket()  # reserved, so that no process listens on it
    unused_port.bind(("127.0.0.1", 0))
    no_name = mock.patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "unknown"))
    cases = (
        ("refused", f"http://127.0.0.1:{unused_port.getsockname()[1]}/api/v3", unused_port),
        ("no such name", "https://nowhere.invalid/api/v3", no_name),
    )
    for name, base_url, setting in cases:
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
            service.check_result(result, name, path)
