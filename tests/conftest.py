"""What all tests share: no network beyond this machine, a clock by hand, an emulator on call."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest
from rig import CANARY, Listener, ManualClock, Shell, heed_signals
from tools import say_what_did_not_run

from graphbuild.emulator import Api, Emulator, family_world
from graphbuild.keys import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from exported import Exported
    from rig import Act

    from graphbuild.emulator import Fault, World

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_NOWHERE = ".invalid"  # a name that no lookup ever finds (RFC 6761), so none is made


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell of tools that were missed."""
    say_what_did_not_run(terminalreporter, config)


# --- nothing leaves this machine -----------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def heeded() -> None:
    """Signals mean here, and in what we start, what the system means by them.

    Whoever started us may have them ignored, as a shell does for what it runs in the background.
    """
    heed_signals()


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """Fail whoever connects or looks up anything but loopback; hide the user's keys and proxies."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("VT_APIKEY", "VT_USER", *_PROXIES, *map(str.lower, _PROXIES)):
            patch.delenv(name, raising=False)
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
        patch.setattr("graphbuild.keys._home", lambda: None)
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
def key() -> Key:
    """The canary: a key that must turn up nowhere."""
    return Key(CANARY)


@pytest.fixture
def emulator() -> Iterator[Callable[..., Emulator]]:
    """Make running emulators: ``emulator(fault, fault, world=..., **switches of the Api)``."""
    with ExitStack() as stack:

        def make(*faults: Fault, world: World | None = None, **switches: object) -> Emulator:
            api = Api(world or family_world(3, 90), faults=faults, **switches)  # type: ignore[arg-type]  # handed on
            return stack.enter_context(Emulator(api))

        yield make


@pytest.fixture
def listener() -> Iterator[Callable[..., Listener]]:
    """Make listeners: ``listener(act, act, ...)``."""
    with ExitStack() as stack:

        def make(*acts: Act | bytes) -> Listener:
            made = Listener(*acts)
            stack.callback(made.close)
            return made

        yield make


# --- graphs for readers other than ours ----------------------------------------------------------


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """Make the graphs of ``exported.py``, each once."""

    from exported import export  # noqa: PLC0415  loads half of the package

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
