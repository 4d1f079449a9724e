"""What all tests share: no network beyond this machine, a clock by hand, an emulator on call."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from graphbuild.api.auth import ApiKey
from graphbuild.emulator import Emulator, generate_family_world
from tests.support.clock import ManualClock
from tests.support.external_tools import report_skipped_tools
from tests.support.faults import FaultyApi
from tests.support.http_listener import Listener
from tests.support.keys import CANARY
from tests.support.processes import COVERAGE_ENVIRONMENT, restore_default_signals
from tests.support.shell import Shell
from tests.torture import key_leaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from graphbuild.emulator import Api, World
    from tests.support.exported import Exported
    from tests.support.faults import Fault
    from tests.support.http_listener import Action

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_NOWHERE = ".invalid"  # a name that no lookup ever finds (RFC 6761), so none is made

# How long an example takes is the machine's business: under load a law would fail that holds.
settings.register_profile(
    "unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


# --- the run as a whole, in one process or in several ---------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """Nothing that a test wrote, to the terminal or to a log, holds the key.

    It is looked for where the test ran, whichever process that was, and shown to nobody.
    """
    report: pytest.TestReport = yield
    for name, text in report.sections:
        ways = [way for way, pattern in _PATTERNS.items() if pattern.search(text.encode())]
        if ways:
            report.sections.clear()
            item._report_sections.clear()
            report.outcome = "failed"
            report.longrepr = f"the key stands in {name.lower()} ({', '.join(ways)})"
            break
    return report


_PATTERNS = key_leaks.patterns()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell of tools that were missed."""
    report_skipped_tools(terminalreporter)


# --- what is measured ----------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Coverage does not look at laws, nor at tests marked ``bulk``: it doubles their time.

    What chance comes by would be a poor measure besides; each line is reached by an example.
    """
    law = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    tracer, threads = sys.gettrace(), threading.gettrace()
    ours = type(tracer).__module__.partition(".")[0] == "coverage"  # no debugger is put off
    if not ours or not (law or item.get_closest_marker("bulk")):
        return (yield)
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]  # takes None as sys.settrace does
    try:
        return (yield)
    finally:
        threading.settrace(threads)  # type: ignore[arg-type]  # what was there
        sys.settrace(tracer)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers are measured by pytest-cov; as any other process they would be measured twice."""
    _take_measure()


@pytest.fixture(scope="session", autouse=True)
def measured_where_asked() -> None:
    """Processes are measured where a test says so: it costs them a third of their time."""
    COVERAGE_ENVIRONMENT.update(_take_measure())


def _take_measure() -> dict[str, str]:
    """What tells processes that we start to measure themselves, and no longer will."""
    names = [name for name in os.environ if name.startswith("COVERAGE_PROCESS_")]
    return {name: os.environ.pop(name) for name in names}


# --- nothing leaves this machine -----------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def heeded() -> None:
    """Signals mean here, and in what we start, what the system means by them.

    Whoever started us may have them ignored, as a shell does for what it runs in the background.
    """
    restore_default_signals()


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """Fail whoever connects or looks up anything but loopback; hide the user's keys and proxies."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("VT_APIKEY", "VT_USER", *_PROXIES, *map(str.lower, _PROXIES)):
            patch.delenv(name, raising=False)
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
        patch.setattr("graphbuild.api.auth._home", lambda: None)
        yield


def _guarded(connect: Callable[..., object]) -> Callable[..., object]:
    def guarded(self: socket.socket, address: object) -> object:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_here(address[0]):  # type: ignore[index]  # a pair by its family
            pytest.fail(f"a test connects to {address}")
        return connect(self, address)

    return guarded


def _guarded_lookup(lookup: Callable[..., object]) -> Callable[..., object]:
    def guarded(host: str | bytes | None, *rest: object, **more: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and name.endswith(_NOWHERE):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name is not None and not _is_here(name):
            pytest.fail(f"a test looks up {name}")
        return lookup(host, *rest, **more)

    return guarded


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"localhost", ""}


# --- time and service ----------------------------------------------------------------------------


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def key() -> ApiKey:
    """The canary: a key that must turn up nowhere."""
    return ApiKey(CANARY)


@pytest.fixture
def emulator() -> Iterator[Callable[..., Emulator]]:
    """Make running emulators: ``emulator(fault, fault, world=..., **options of the Api)``."""
    with ExitStack() as stack:

        def make(*faults: Fault, world: World | None = None, **switches: object) -> Emulator:
            api = FaultyApi(world or generate_family_world(3, 90), faults=faults, **switches)  # type: ignore[arg-type]  # handed on
            return stack.enter_context(Emulator(api))

        yield make


@pytest.fixture
def listener() -> Iterator[Callable[..., Listener]]:
    """Make listeners: ``listener(act, act, ...)``."""
    with ExitStack() as stack:

        def make(*acts: Action | bytes) -> Listener:
            made = Listener(*acts)
            stack.callback(made.close)
            return made

        yield make


# --- graphs for readers other than ours ----------------------------------------------------------


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """Make the graphs of ``exported.py``, each once."""

    from tests.support.exported import export  # noqa: PLC0415  loads half of the package

    @cache
    def make(name: str) -> Exported:
        return export(name, tmp_path_factory.mktemp(name))

    return make


# --- the command line ----------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def service():
    """An emulator over HTTP; faults and keys can be set on its ``api``."""
    servers: list[Emulator] = []

    def start(api: Api) -> str:
        server = Emulator(api)
        server.start()
        servers.append(server)
        return server.base_url

    yield start
    for server in servers:
        server.close()
