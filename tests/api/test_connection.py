"""Connections: informational responses are skipped, and extra bytes end a connection."""

from __future__ import annotations

import itertools
import socket
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.api.test_transport import (
    PAGE,
    chunked,
    failure,
    fetch,
    with_tls,
)
from tests.support.http_listener import KEEP_ALIVE, answer

if TYPE_CHECKING:
    from tests.api.conftest import OpenTransport
    from tests.api.test_transport import Listeners
    from tests.support.http_listener import Action, Listener

pytestmark = pytest.mark.usefixtures("loopback_names")
BOTH_SCHEMES = pytest.mark.parametrize("scheme", ["http", "https"])
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nSet-Cookie: a=b\r\n\r\n"


def body_of(number: int) -> bytes:
    return b'{"data": [%d]}' % number


def numbered(before: bytes = b"", after: bytes = b"", pause: float = 0.0) -> Action:
    """Answer the n-th request of the listener with ``body_of(n)``, and send more bytes around it.

    With a pause in seconds, the bytes before and after are separate segments.
    """
    numbers = itertools.count(1)

    def action(server: Listener, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while server.read_head(connection):
            response = answer(body_of(next(numbers)), 200, KEEP_ALIVE)
            if pause:
                for segment in (before, response, after):
                    connection.sendall(segment)
                    time.sleep(pause)
            else:
                connection.sendall(before + response + after)

    return action


def serve(listener: Listeners, scheme: str, action: Action) -> tuple[Listener, str]:
    """Return a listener and its base URL."""
    server = listener(with_tls(action) if scheme == "https" else action)
    host = "api.example" if scheme == "https" else "127.0.0.1"
    return server, f"{scheme}://{host}:{server.port}"


# --- informational responses


@BOTH_SCHEMES
@pytest.mark.parametrize("pause", [0.0, 0.02])
@pytest.mark.parametrize("status", [100, 102, 103, 110, 199])
def test_informational_responses_are_skipped(
    listener: Listeners, open_transport: OpenTransport, scheme: str, pause: float, status: int
) -> None:
    before = EARLY_HINTS.replace(b"103", str(status).encode())
    server, base_url = serve(listener, scheme, numbered(before, pause=pause))
    transport = open_transport(base_url)
    responses = [fetch(transport) for _ in range(4)]
    assert [(each.status, each.body) for each in responses] == [
        (200, body_of(number)) for number in range(1, 5)
    ]
    assert server.connections == 1
    assert not any("link" in each.headers for each in responses)


@pytest.mark.parametrize(
    "before",
    [
        EARLY_HINTS * 10,
        b"HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.0 103 Early Hints\r\n\r\n",
    ],
)
def test_an_informational_response_does_not_change_the_final_one(
    listener: Listeners, open_transport: OpenTransport, before: bytes
) -> None:
    server, base_url = serve(listener, "http", numbered(before))
    transport = open_transport(base_url)
    assert [fetch(transport).body for _ in range(2)] == [body_of(1), body_of(2)]
    assert server.connections == 1


def test_more_than_ten_informational_responses_are_refused(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    _, base_url = serve(listener, "http", numbered(EARLY_HINTS * 11))
    error = failure(open_transport(base_url))
    assert (error.code, error.sent) == ("Broken", True)


def test_a_connection_that_switches_protocols_is_closed(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    server, base_url = serve(listener, "http", numbered(switching))
    transport = open_transport(base_url)
    assert [fetch(transport).status for _ in range(2)] == [101, 101]
    assert server.connections == 2


# --- bytes after the response

EXTRA_BYTES = {
    "a line end": b"\r\n",
    "a byte": b"x",
    "a response": answer(b"foreign", 200, KEEP_ALIVE),
    "many bytes": b"x" * 100_000,
}


@BOTH_SCHEMES
@pytest.mark.parametrize("pause", [0.0, 0.02])
@pytest.mark.parametrize("extra", EXTRA_BYTES.values(), ids=EXTRA_BYTES)
def test_a_connection_with_extra_bytes_is_not_used_again(
    listener: Listeners, open_transport: OpenTransport, scheme: str, pause: float, extra: bytes
) -> None:
    server, base_url = serve(listener, scheme, numbered(after=extra, pause=pause))
    transport = open_transport(base_url)
    for number in range(1, 4):
        assert fetch(transport).body == body_of(number)
        time.sleep(10 * pause)  # the extra bytes arrive before the next request
    assert server.connections == 3


@BOTH_SCHEMES
@pytest.mark.parametrize(
    "response",
    [
        answer(PAGE, 204, KEEP_ALIVE),
        answer(PAGE, 304, KEEP_ALIVE),
        answer(PAGE + b"x", 200, KEEP_ALIVE, length=len(PAGE)),
        answer(PAGE + b"x", 404, KEEP_ALIVE, length=len(PAGE)),
        chunked(PAGE) + b"x",
        chunked(PAGE) + chunked(PAGE),
    ],
)
def test_a_body_longer_than_declared_ends_the_connection(
    listener: Listeners, open_transport: OpenTransport, scheme: str, response: bytes
) -> None:
    def action(server: Listener, connection: socket.socket) -> None:
        while server.read_head(connection):
            connection.sendall(response)

    server, base_url = serve(listener, scheme, action)
    transport = open_transport(base_url)
    assert len({fetch(transport).status for _ in range(3)}) == 1
    assert server.connections == 3


# --- sizes that are out of range


@pytest.mark.parametrize("size", [b"-1", b"-63", b"-ffffffff"])
def test_a_negative_chunk_size_is_refused(
    listener: Listeners, open_transport: OpenTransport, size: bytes
) -> None:
    def action(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(chunked(end=size + b"\r\n"))
        while True:
            connection.sendall(b"x" * 65_536)

    assert failure(open_transport(listener(action).base_url)).code == "Broken"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 ",
        b"",
    ],
)
def test_an_endless_line_is_refused_without_keeping_it(
    listener: Listeners, open_transport: OpenTransport, head: bytes
) -> None:
    def action(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(head)
        for _ in range(1_000):
            connection.sendall(b"1" * 65_536)

    transport = open_transport(listener(action).base_url)
    tracemalloc.start()
    try:
        error = failure(transport)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.code == "Broken"
    assert peak < 4 << 20
