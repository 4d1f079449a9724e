"""Shared fixtures: no external network, a manual clock, emulators, a search for leaked keys."""

from __future__ import annotations

import gc
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

from graphbuild.api import auth
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
_VARIABLES = ("VT_APIKEY", "VT_USER", "GRAPHBUILD_TOOL")
_NOWHERE = ".invalid"  # names that never resolve (RFC 6761)

# On a busy machine, a deadline per example would fail valid properties.
settings.register_profile(
    "no deadline", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("no deadline")


# --- the run as a whole, in one process or in several ---------------------------------------------


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name parameters of bytes by their length, because they can be long and unreadable."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """Fail a test whose output or log contains the key, without showing the output."""
    report: pytest.TestReport = yield
    for name, text in report.sections:
        encodings = [name for name, pattern in _PATTERNS.items() if pattern.search(text.encode())]
        if encodings:
            report.sections.clear()
            item._report_sections.clear()
            report.outcome = "failed"
            report.longrepr = f"the key is in {name.lower()} ({', '.join(encodings)})"
            break
    return report


_PATTERNS = key_leaks.patterns()


def pytest_configure() -> None:
    """Collect no garbage while tests are collected, because nothing is freed then."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Exclude modules and collected tests from garbage collection, and collect less often.

    There are millions of these objects. To search them again and again takes a tenth of the time.
    Most garbage of tests is in no cycle, so it is freed without a collection.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Report missing external tools."""
    report_skipped_tools(terminalreporter)


# --- coverage -------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Disable coverage in property tests and in tests marked ``bulk``.

    Coverage doubles their time, and random examples would make it unstable.
    """
    is_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    tracer, threads = sys.gettrace(), threading.gettrace()
    is_coverage = type(tracer).__module__.partition(".")[0] == "coverage"  # keep debuggers
    if not is_coverage or not (is_property or item.get_closest_marker("bulk")):
        return (yield)
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]  # takes None as sys.settrace does
    try:
        return (yield)
    finally:
        threading.settrace(threads)  # type: ignore[arg-type]  # the saved value
        sys.settrace(tracer)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """pytest-cov measures the workers; as other processes they would be measured twice."""
    _remove_coverage_variables()


@pytest.fixture(scope="session", autouse=True)
def coverage_of_processes_is_optional() -> None:
    """Measure started processes only if a test requests it, because it slows them down."""
    COVERAGE_ENVIRONMENT.update(_remove_coverage_variables())


def _remove_coverage_variables() -> dict[str, str]:
    """Remove and return the environment variables that measure started processes."""
    names = [name for name in os.environ if name.startswith("COVERAGE_PROCESS_")]
    return {name: os.environ.pop(name) for name in names}


# --- no external network --------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> None:
    """Restore ignored signals: a shell ignores SIGINT for background processes."""
    restore_default_signals()


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """Fail tests that connect to other hosts than loopback; hide keys and proxies of the user."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*_VARIABLES, *_PROXIES, *map(str.lower, _PROXIES)):
            patch.delenv(name, raising=False)
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
        settings_path = auth._settings_path
        patch.setattr(auth, "_settings_path", lambda home: settings_path(home) if home else None)
        yield


def _guarded(connect: Callable[..., object]) -> Callable[..., object]:
    def guarded(self: socket.socket, address: object) -> object:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):  # type: ignore[index]  # a tuple for these families
            pytest.fail(f"a test connects to {address}")
        return connect(self, address)

    return guarded


def _guarded_lookup(lookup: Callable[..., object]) -> Callable[..., object]:
    def guarded(host: str | bytes | None, *rest: object, **more: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and name.endswith(_NOWHERE):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name is not None and not _is_loopback(name):
            pytest.fail(f"a test looks up {name}")
        return lookup(host, *rest, **more)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"localhost", ""}


# --- clock and emulator ---------------------------------------------------------------------------


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def key() -> ApiKey:
    """A key that must not appear in any output."""
    return ApiKey(CANARY)


@pytest.fixture
def emulator() -> Iterator[Callable[..., Emulator]]:
    """Start emulators: ``emulator(fault, fault, world=..., **options of Api)``."""
    with ExitStack() as stack:

        def make(*faults: Fault, world: World | None = None, **options: object) -> Emulator:
            api = FaultyApi(world or generate_family_world(3, 90), faults=faults, **options)
            return stack.enter_context(Emulator(api))

        yield make


@pytest.fixture
def listener() -> Iterator[Callable[..., Listener]]:
    """Start listeners: ``listener(action, action, ...)``."""
    with ExitStack() as stack:

        def make(*actions: Action | bytes) -> Listener:
            created = Listener(*actions)
            stack.callback(created.close)
            return created

        yield make


# --- exported graphs ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """Export the graphs of ``exported.py``, each once."""

    from tests.support.exported import export  # noqa: PLC0415  a slow import

    @cache
    def make(name: str) -> Exported:
        return export(name, tmp_path_factory.mktemp(name))

    return make


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def service():
    """Start emulators over HTTP: ``service(api)`` returns the base URL."""
    servers: list[Emulator] = []

    def start(api: Api) -> str:
        server = Emulator(api)
        server.start()
        servers.append(server)
        return server.base_url

    yield start
    for server in servers:
        server.close()
