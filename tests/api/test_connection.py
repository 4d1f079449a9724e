"""Connections: informational responses, bytes after a response, and the limits of each field."""

from __future__ import annotations

import itertools
import select
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.api.test_transport import (
    DEADLINE,
    ESTABLISHED,
    PAGE,
    chunked,
    failure,
    fetch,
    with_tls,
    within_deadline,
)
from tests.support.http_listener import KEEP_ALIVE, answer, drip
from tests.support.memory import traced_peak

if TYPE_CHECKING:
    from tests.api.conftest import OpenTransport
    from tests.api.test_transport import Listeners
    from tests.support.http_listener import Action, Listener

pytestmark = pytest.mark.usefixtures("loopback_names")
BOTH_SCHEMES = pytest.mark.parametrize("scheme", ["http", "https"])
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"  # of ``chunked()``
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nSet-Cookie: a=b\r\n\r\n"


def body_of(number: int) -> bytes:
    return b'{"data": [%d]}' % number


def numbered(
    before: bytes = b"",
    after: bytes = b"",
    pause: float = 0.0,
    sent: threading.Semaphore | None = None,
) -> Action:
    """Answer the n-th request of the listener with ``body_of(n)``, and send more bytes around it.

    With a pause in seconds, the bytes before and after are separate segments. ``sent`` is released
    after the last byte of each answer.
    """
    numbers = itertools.count(1)

    def action(server: Listener, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while server.read_head(connection):
            response = answer(body_of(next(numbers)), 200, KEEP_ALIVE)
            if pause:
                for segment in (before, response, after):
                    connection.sendall(segment)
                    time.sleep(pause)  # real time: the client reads this segment before the next
            else:
                connection.sendall(before + response + after)
            if sent:
                sent.release()

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


@pytest.mark.parametrize("status", [b"100", b"103"])
def test_more_than_ten_informational_responses_are_refused(
    listener: Listeners, open_transport: OpenTransport, status: bytes
) -> None:
    before = EARLY_HINTS.replace(b"103", status)
    _, base_url = serve(listener, "http", numbered(before * 10))
    assert fetch(open_transport(base_url)).body == body_of(1)
    _, base_url = serve(listener, "http", numbered(before * 11))
    error = failure(open_transport(base_url))
    assert (error.code, error.sent) == ("Broken", True)


@pytest.mark.parametrize("is_followed", [False, True])
def test_a_connection_that_switches_protocols_is_closed(
    listener: Listeners, open_transport: OpenTransport, *, is_followed: bool
) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"

    def switch(server: Listener, connection: socket.socket) -> None:
        while server.read_head(connection):
            connection.sendall(switching)

    server, base_url = serve(listener, "http", numbered(switching) if is_followed else switch)
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
    sent = threading.Semaphore(0)
    server, base_url = serve(listener, scheme, numbered(after=extra, pause=pause, sent=sent))
    transport = open_transport(base_url)
    for number in range(1, 4):
        assert fetch(transport).body == body_of(number)
        assert sent.acquire(timeout=60)  # the extra bytes arrive before the next request
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


@pytest.mark.parametrize("size", [1, 4, 5, 12])
def test_a_connection_with_a_part_of_a_tls_record_is_not_used_again(
    listener: Listeners, open_transport: OpenTransport, size: int
) -> None:
    sent = threading.Semaphore(0)

    def action(server: Listener, secure: socket.socket) -> None:
        while server.read_head(secure):
            secure.sendall(answer(PAGE, 200, KEEP_ALIVE))
            socket.socket.sendall(secure, (b"\x17\x03\x03\x40\x00" + bytes(16))[:size])
            sent.release()

    server, base_url = serve(listener, "https", action)
    transport = open_transport(base_url)
    for _ in range(3):
        assert fetch(transport).body == PAGE
        assert sent.acquire(timeout=60)  # the bytes arrive before the next request
    assert server.connections == 3


def test_a_connection_with_tls_inside_tls_is_not_used_again(
    listener: Listeners, open_transport: OpenTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a connection reads ahead, so that bytes after a response cannot be seen."""
    service = listener(with_tls(numbered()))

    def relay(server: Listener, secure: socket.socket) -> None:
        server.read_head(secure)
        secure.sendall(ESTABLISHED)
        with socket.create_connection(("127.0.0.1", service.port)) as inner:
            pairs = {secure: inner, inner: secure}
            while True:
                for readable in select.select(list(pairs), [], [], 5)[0]:
                    data = readable.recv(65_536)
                    if not data:
                        return
                    pairs[readable].sendall(data)

    proxy = listener(with_tls(relay))
    monkeypatch.setenv("HTTPS_PROXY", f"https://api.example:{proxy.port}")
    transport = open_transport(f"https://api.example:{service.port}")
    assert [fetch(transport).body for _ in range(3)] == [body_of(number) for number in (1, 2, 3)]
    assert (proxy.connections, service.connections) == (3, 3)


LENGTH = f"Content-Length: {len(PAGE)}"
UNCLEAR_LENGTHS = {
    "two equal lengths": ([LENGTH, LENGTH], PAGE),
    "a length with a sign": ([f"Content-Length: +{len(PAGE)}"], PAGE),
    "a length and chunks": ([LENGTH, "Transfer-Encoding: chunked"], chunked(PAGE)),
    "chunks twice": (["Transfer-Encoding: chunked"] * 2, chunked(PAGE)),
    "a length and another encoding": ([LENGTH, "Transfer-Encoding: identity"], PAGE),
    "a length and a line that is no header": ([LENGTH, "no colon", "Content-Length: 5"], PAGE),
}


@BOTH_SCHEMES
@pytest.mark.parametrize("case", UNCLEAR_LENGTHS.values(), ids=UNCLEAR_LENGTHS)
def test_a_connection_is_not_used_again_if_the_length_is_unclear(
    listener: Listeners,
    open_transport: OpenTransport,
    scheme: str,
    case: tuple[list[str], bytes],
) -> None:
    fields, body = case

    def action(server: Listener, connection: socket.socket) -> None:
        while server.read_head(connection):
            head = "\r\n".join(["HTTP/1.1 200 OK", *fields, "", ""])
            connection.sendall(head.encode() + body.removeprefix(HEAD))

    server, base_url = serve(listener, scheme, action)
    transport = open_transport(base_url)
    assert [fetch(transport).body for _ in range(3)] == [PAGE] * 3
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


DIGITS = (8, 16, 5_000)
ABSURD_SIZES = [
    *(HEAD + b"f" * number + b"\r\n" for number in DIGITS),
    *(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * number + b"\r\n\r\n" for number in DIGITS),
]


@pytest.mark.parametrize("head", ABSURD_SIZES, ids=range(len(ABSURD_SIZES)))
def test_a_body_of_an_absurd_size_is_refused_without_keeping_it(
    listener: Listeners, open_transport: OpenTransport, head: bytes
) -> None:
    def action(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(head)
        for _ in range(1_000):
            connection.sendall(b"x" * 65_536)

    transport = open_transport(listener(action).base_url, max_bytes=1 << 20)
    response, peak = traced_peak(lambda: fetch(transport))
    assert (response.body, response.body_error) == (b"", f"larger than {1 << 20} bytes")
    assert peak < 4 << 20


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"5;",
        HEAD,
        HEAD + b"0\r\nX: ",
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
    error, peak = traced_peak(lambda: failure(transport))
    assert error.code == "Broken"
    assert peak < 4 << 20


LINE = b"X: " + b"x" * 60_000 + b"\r\n"
MANY_LINES = {
    "headers": (b"HTTP/1.1 200 OK\r\n", LINE),
    "headers of informational responses": (b"", EARLY_HINTS.replace(b"\r\n\r\n", b"\r\n" + LINE)),
    "chunk extensions": (HEAD, b"1;" + LINE + b" \r\n"),
    "trailers": (HEAD + b"0\r\n", LINE),
    "short trailers": (HEAD + b"0\r\n", b"X:\r\n" * 10_000),
}


@pytest.mark.parametrize("case", MANY_LINES.values(), ids=MANY_LINES)
def test_the_lines_of_a_response_are_limited_together(
    listener: Listeners, open_transport: OpenTransport, case: tuple[bytes, bytes]
) -> None:
    head, line = case
    sent = 0

    def action(server: Listener, connection: socket.socket) -> None:
        nonlocal sent
        server.read_head(connection)
        connection.sendall(head)
        while sent < 500 << 20:
            connection.sendall(line)
            sent += len(line)

    assert failure(open_transport(listener(action).base_url)).code == "Broken"
    assert sent < 20 << 20  # the limit, and what the system's buffers took


@BOTH_SCHEMES
@pytest.mark.parametrize(
    "part", [b"HTTP/1.1 200 OK\r\n", HEAD, EARLY_HINTS, HEAD + b"5\r\n", HEAD + b"0\r\n", b""]
)
def test_slow_bytes_in_any_part_of_a_response_end_at_the_deadline(
    listener: Listeners, open_transport: OpenTransport, scheme: str, part: bytes
) -> None:
    def action(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(part)
        drip(connection, b"1" * 1_000)

    _, base_url = serve(listener, scheme, action)
    within_deadline(open_transport(base_url, deadline=DEADLINE))
