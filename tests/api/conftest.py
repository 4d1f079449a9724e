"""Fixtures for tests of the transport."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.transport import MAX_BYTES, Transport
from tests.support.paths import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from graphbuild.api.auth import ApiKey

    OpenTransport = Callable[..., Transport]

BUNDLE = DATA / "loopback.pem"


@pytest.fixture
def open_transport(key: ApiKey) -> Iterator[OpenTransport]:
    """Return a function that opens a transport for a base URL."""
    made: list[Transport] = []

    def make(base_url: str, *, deadline: float = 10.0, max_bytes: int = MAX_BYTES) -> Transport:
        transport = Transport(key, base_url, adapter=None, deadline=deadline, max_bytes=max_bytes)
        made.append(transport)
        return transport

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def loopback_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve every host below ``example`` to this machine, and trust its certificate."""
    lookup = socket.getaddrinfo

    def here(host: str, *rest: object, **more: object) -> object:
        return lookup("127.0.0.1" if host.endswith(".example") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(BUNDLE))
