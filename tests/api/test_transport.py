"""The transport over real sockets: requests, limits in time and size, TLS, proxies and errors."""

from __future__ import annotations

import gzip
import http.client
import logging
import os
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphbuild.api.auth import ApiKey, find_api_key
from graphbuild.api.transport import MAX_BYTES, Response, Transport
from graphbuild.errors import ApiError, AuthenticationError, BaseUrlError, TransientError
from tests.support.faults import Fault
from tests.support.http_listener import KEEP_ALIVE, answer, drip
from tests.support.keys import CANARY
from tests.support.memory import traced_peak
from tests.support.paths import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from graphbuild.emulator import Emulator
    from tests.support.http_listener import Action, Listener

    Listeners = Callable[..., Listener]
    Emulators = Callable[..., Emulator]
    OpenTransport = Callable[..., Transport]
    Proxied = Callable[..., tuple[Listener, Transport]]

BUNDLE = DATA / "loopback.pem"
DEADLINE = 0.3
SLACK = 10.0  # seconds by which a machine under load may miss a deadline
PAGE = b'{"data": []}'


def fetch(transport: Transport) -> Response:
    return transport.get("/files/x/related_references", {"limit": "40"})


def failure(transport: Transport) -> TransientError:
    with pytest.raises(TransientError) as caught:
        fetch(transport)
    return caught.value


def try_to_fetch(transport: Transport) -> None:
    with suppress(TransientError):
        fetch(transport)


def path_of(emulator: Emulator) -> str:
    return f"/files/{emulator.api.world.hashes()[0]}/related_references"


# --- the tests themselves


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "10.0.0.1"])
def test_a_test_that_connects_to_another_host_fails(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        for connect in (sock.connect, sock.connect_ex):
            with pytest.raises(pytest.fail.Exception, match="connects to"):
                connect((address, 80))


def test_a_test_that_resolves_a_name_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match="looks up"):
        socket.getaddrinfo("www.virustotal.com", 443)
    with pytest.raises(pytest.fail.Exception, match="looks up"):
        socket.create_connection(("www.virustotal.com", 443))


def test_the_environment_of_tests_has_no_key_and_no_proxy() -> None:
    names = {name.upper() for name in os.environ}
    assert not names & {"VT_APIKEY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    with pytest.raises(AuthenticationError, match="no API key found"):
        find_api_key()


def test_a_key_of_another_length_is_sent_to_this_machine_only(
    open_transport: OpenTransport,
) -> None:
    kwargs = {"adapter": None, "deadline": 1.0, "max_bytes": 1}
    Transport(ApiKey("k"), "http://127.0.0.1:1", **kwargs).close()
    with pytest.raises(AuthenticationError):
        Transport(ApiKey("k"), "https://api.example", **kwargs)
    open_transport("https://api.example")


# --- requests


def test_the_request_has_exactly_the_documented_headers(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    server = listener(answer(PAGE))
    cursor = "eyJsaW1pdCI6IDQwLCAib2Zmc2V0IjogNDB9=="
    query = {"limit": "40", "cursor": cursor + "&+ /?#%"}
    open_transport(server.base_url).get("/files/0a1b/related_references", query)
    line, *fields = server.heads[0].decode("latin-1").rstrip("\r\n").split("\r\n")
    assert line == (
        "GET /api/v3/files/0a1b/related_references?limit=40&cursor="
        "eyJsaW1pdCI6IDQwLCAib2Zmc2V0IjogNDB9%3D%3D%26%2B+%2F%3F%23%25 HTTP/1.1"
    )
    assert {name.lower(): text for name, text in (field.split(": ", 1) for field in fields)} == {
        "host": f"127.0.0.1:{server.port}",
        "x-apikey": CANARY,
        "accept": "application/json",
        "accept-encoding": "gzip",
        "user-agent": "graphbuild (gzip)",
        "x-tool": "graphbuild",
        "connection": "keep-alive",
    }


@pytest.mark.parametrize(
    "cookie",
    [
        "a=b",
        "a=b; Domain=127.0.0.1; Path=/",
        "a=b; Domain=evil.example",
        'a=b; Port="x"; Version=1',
        "a=b; Max-Age=9999999999999999999999",
        "a=b; Domain=x; Expires=garbage; Path=/",  # the standard library trips over it
        "=;;=",
    ],
)
def test_a_cookie_is_never_sent_back(
    listener: Listeners, open_transport: OpenTransport, cookie: str
) -> None:
    fields = (f"Set-Cookie: {cookie}", f"Set-Cookie2: {cookie}")
    server = listener(answer(PAGE, 200, KEEP_ALIVE, *fields))
    transport = open_transport(server.base_url)
    for _ in range(3):
        assert fetch(transport).body == PAGE
        assert server.answered.acquire(timeout=60)
    assert len(server.heads) == 3
    assert b"cookie" not in b"".join(server.heads).lower()


def test_another_adapter_sends_no_cookie_back_either(listener: Listeners, key: ApiKey) -> None:
    server = listener(answer(PAGE, 200, "Set-Cookie: a=b"))
    adapter = requests.adapters.HTTPAdapter()
    transport = Transport(key, server.base_url, adapter=adapter, deadline=10.0, max_bytes=MAX_BYTES)
    assert [fetch(transport).body for _ in range(2)] == [PAGE] * 2
    assert b"cookie" not in b"".join(server.heads).lower()
    transport.close()


def holders_of_the_key(thread: threading.Thread) -> list[str]:
    """Return the local variables of a thread that contain the key, also in attributes."""
    frame = sys._current_frames().get(thread.ident or 0)  # None if the thread has ended
    found = []
    while frame:
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        found += [f"{where} {name}" for name, each in frame.f_locals.items() if has_key(each)]
        frame = frame.f_back
    return found


def has_key(value: object, depth: int = 4) -> bool:
    if isinstance(value, str | bytes | bytearray):
        return CANARY in (value if isinstance(value, str) else value.decode("latin-1"))
    if not depth:
        return False
    if isinstance(value, Mapping):
        value = [*value.items()]
    if isinstance(value, list | tuple):
        return any(has_key(each, depth - 1) for each in value)
    return has_key(getattr(value, "__dict__", None) or "", depth - 1)


@pytest.mark.parametrize("start", [b"", answer(PAGE)[:20], answer(PAGE)[:-10]])
@pytest.mark.parametrize("way", ["plain", "TLS", "proxy", "handshake", "CONNECT"])
@pytest.mark.usefixtures("loopback_names")
def test_no_function_that_waits_has_the_key_in_a_variable(
    listener: Listeners,
    open_transport: OpenTransport,
    way: str,
    start: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits, may_end = threading.Event(), threading.Event()
    if way == "CONNECT":  # bytes after the headers of a proxy would end the request
        start = start.partition(b"\r\n\r\n")[0]

    def wait(server: Listener, connection: socket.socket) -> None:
        if way != "handshake":
            server.read_head(connection)
            connection.sendall(start)
        waits.set()
        may_end.wait(20)

    if way in {"plain", "handshake", "CONNECT"}:
        server = listener(wait)
    elif way == "TLS":
        server = listener(with_tls(wait))
    else:
        server = listener(proxy_action(ESTABLISHED, with_tls(wait)))
    if way in {"proxy", "CONNECT"}:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
    url = server.base_url if way == "plain" else f"https://api.example:{server.port}"
    transport = open_transport(url, deadline=20)
    thread = threading.Thread(target=try_to_fetch, args=[transport])
    thread.start()
    try:
        assert waits.wait(20)
        end = time.monotonic() + 5  # the request may have arrived before its sending returned
        while holders_of_the_key(thread) and time.monotonic() < end:
            os.sched_yield()
        assert thread.is_alive()
        assert holders_of_the_key(thread) == []
    finally:
        may_end.set()
        thread.join()


def test_requests_to_this_machine_use_no_proxy(
    listener: Listeners, open_transport: OpenTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, proxy = listener(answer(PAGE)), listener(answer(PAGE))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    fetch(open_transport(server.base_url))
    assert (proxy.connections, server.connections) == (0, 1)


def test_a_request_outside_of_the_base_url_is_not_sent(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    """No code of the package builds such a path; this is a second line of defence."""
    server = listener(answer(PAGE))
    other = listener(answer(PAGE))
    transport = open_transport(server.base_url.removesuffix("/api/v3") + "/v")
    for path in ("/../x", f"@127.0.0.1:{other.port}/", "x/files"):
        with pytest.raises(BaseUrlError):
            transport.get(path, {})
    assert (server.received, other.received) == (0, 0)


def test_connections_are_reused(listener: Listeners, open_transport: OpenTransport) -> None:
    def keep(server: Listener, connection: socket.socket) -> None:
        while server.read_head(connection):
            connection.sendall(answer(PAGE, 200, KEEP_ALIVE))

    server = listener(keep)
    transport = open_transport(server.base_url)
    for _ in range(5):
        assert fetch(transport).body == PAGE
    assert server.connections == 1


def test_a_connection_closed_by_the_server_is_replaced_before_the_next_request(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    server = listener(answer(PAGE, 200, KEEP_ALIVE))
    transport = open_transport(server.base_url)
    for number in range(1, 5):
        assert fetch(transport).body == PAGE
        assert server.answered.acquire(timeout=60)  # by now the close has arrived
        assert (server.connections, len(server.heads)) == (number, number)


# --- responses


@pytest.mark.parametrize("status", [200, 201, 202, 206, 400, 401, 403, 404, 429, 500, 503])
def test_a_response_has_status_headers_and_body(
    listener: Listeners, open_transport: OpenTransport, status: int
) -> None:
    server = listener(answer(PAGE, status, "X-Odd: One", "x-odd: two"))
    response = fetch(open_transport(server.base_url))
    assert (response.status, response.body, response.body_error) == (status, PAGE, "")
    assert response.headers["x-odd"] == "One, two"


def test_a_compressed_body_is_decompressed(
    emulator: Emulators, open_transport: OpenTransport
) -> None:
    service = emulator()
    response = open_transport(service.base_url).get(path_of(service), {"limit": "40"})
    assert response.headers["content-encoding"] == "gzip"
    plain = service.api.respond("GET", f"/api/v3{path_of(service)}?limit=40", {"x-apikey": "k"})
    assert response.body == plain.body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + end


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (chunked(PAGE[:5], PAGE[5:]), PAGE),
        (b"HTTP/1.0 200 OK\r\n\r\n" + PAGE, PAGE),
        (answer(PAGE, 200, "Content-Encoding: identity"), PAGE),
        (answer(PAGE, 200, "Content-Encoding: "), PAGE),
        (answer(gzip.compress(PAGE), 200, "Content-Encoding:  GZIP "), PAGE),
        (answer(gzip.compress(b""), 200, "Content-Encoding: gzip"), b""),
        (answer(PAGE, 200, "Content-Type: application/json; charset=klingon"), PAGE),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(PAGE), PAGE),
    ],
)
def test_a_complete_body_is_accepted_with_any_framing(
    listener: Listeners, open_transport: OpenTransport, sent: bytes, body: bytes
) -> None:
    server = listener(sent)
    response = fetch(open_transport(server.base_url))
    assert (response.status, response.body, response.body_error) == (200, body, "")


WHOLE = gzip.compress(PAGE * 100)
DAMAGED = {
    "gzip cut early, lengths agreeing": (WHOLE[:-20], "gzip"),
    "gzip without its trailer": (WHOLE[:-8], "gzip"),
    "gzip with half its trailer": (WHOLE[:-4], "gzip"),
    "gzip with a wrong checksum": (WHOLE[:-8] + bytes(8), "gzip"),
    "two gzip members": (WHOLE + WHOLE, "gzip"),
    "gzip and something behind it": (WHOLE + b"x", "gzip"),
    "says gzip, is plain": (PAGE, "gzip"),
    "says gzip, is empty": (b"", "gzip"),
    "says gzip, is raw deflate": (zlib.compress(PAGE), "gzip"),
    "gzip ten times": (WHOLE, ", ".join(["gzip"] * 10)),
    "brotli": (WHOLE, "br"),
    "deflate": (zlib.compress(PAGE), "deflate"),
    "an unknown encoding": (WHOLE, "x" * 1000),
}


@pytest.mark.parametrize("case", DAMAGED.values(), ids=DAMAGED)
def test_an_unusable_body_has_a_reason(
    listener: Listeners, open_transport: OpenTransport, case: tuple[bytes, str]
) -> None:
    body, encoding = case
    server = listener(answer(body, 200, f"Content-Encoding: {encoding}"))
    response = fetch(open_transport(server.base_url))
    assert (response.status, response.body) == (200, b"")
    assert 0 < len(response.body_error) < 100


BROKEN = {
    "reset at once": b"",
    "shorter than its length": answer(PAGE, length=100),
    "a chunk cut": chunked(PAGE, end=b"5\r\nab"),
    "chunks without an end": chunked(PAGE, end=b""),
    "a chunk of no size": chunked(PAGE, end=b"zz\r\n"),
    "a chunk size without an end": chunked(end=b"5;" + b"x" * 100_000),
    "two lengths": answer(PAGE, 200, "Content-Length: 5"),
    "101 headers": answer(PAGE, 200, *[f"X-{n}: x" for n in range(101)]),
    "a header of 70 KB": answer(PAGE, 200, "X: " + "x" * 70_000),
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status out of range": b"HTTP/1.1 1000 OK\r\n\r\n",
    "half a status line": b"HTTP/1.",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_a_broken_response_is_a_transient_error_and_counts_as_sent(
    listener: Listeners, open_transport: OpenTransport, sent: bytes
) -> None:
    server = listener(sent)
    error = failure(open_transport(server.base_url))
    assert (error.code, error.sent, error.status) == ("Broken", True, 0)
    assert f"127.0.0.1:{server.port}" in str(error)


@pytest.mark.parametrize("kind", ["reset", "close", "cut", "cut_reset"])
def test_a_connection_that_ends_early_is_a_transient_error(
    emulator: Emulators, open_transport: OpenTransport, kind: str
) -> None:
    service = emulator(Fault(kind))
    with pytest.raises(TransientError) as caught:
        open_transport(service.base_url).get(path_of(service), {})
    assert (caught.value.code, caught.value.sent) == ("Broken", True)


INVALID_BODIES = {
    "none": answer(length=100),
    "cut": answer(PAGE, length=100),
    "plain in gzip's name": answer(PAGE, 200, "Content-Encoding: gzip"),
    "large": answer(b"x" * 1_000_000),
    "no chunks": answer(b"zz", 200, "Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
@pytest.mark.parametrize("sent", INVALID_BODIES.values(), ids=INVALID_BODIES)
def test_a_complete_status_is_reported_with_any_body(
    listener: Listeners, open_transport: OpenTransport, status: int, sent: bytes
) -> None:
    server = listener(sent.replace(b"200", str(status).encode(), 1))
    response = fetch(open_transport(server.base_url))
    assert (response.status, response.body) == (status, b"")
    assert response.body_error


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_bytes_are_a_response_or_a_transient_error(
    listener: Listeners, open_transport: OpenTransport, data: st.DataObject
) -> None:
    names = ["Content-Length", "Transfer-Encoding", "Content-Encoding", "Set-Cookie", "Location"]
    lines = st.sampled_from(["HTTP/1.1 200 OK", "HTTP/1.1 302 Found", "HTTP/1.1 429", "HTTP/9 200"])
    values = st.one_of(
        st.sampled_from(["chunked", "gzip", "-5", "5, 6", "http://[::1", "//x", "a=b; port=x"]),
        st.text(st.characters(max_codepoint=255), max_size=20),
    )
    field = st.builds("{}: {}".format, st.sampled_from(names), values)
    head = "\r\n".join([data.draw(lines), *data.draw(st.lists(field, max_size=4)), "", ""])
    server = listener(head.encode("latin-1") + data.draw(st.binary(max_size=50)))
    try:
        assert isinstance(fetch(open_transport(server.base_url)), Response)
    except ApiError as error:
        assert isinstance(error, TransientError)  # noqa: PT017  either is good
    finally:
        server.close()


# --- connections that are reused


def outcome(transport: Transport) -> tuple[object, ...]:
    try:
        response = fetch(transport)
    except TransientError as error:
        return error.code, error.sent, error.status
    return (
        response.status,
        dict(response.headers),
        response.body,
        response.body_error,
        response.compressed_body,
    )


def reply_second(sent: bytes, *cuts: int) -> Action:
    """Answer the first request with ``PAGE`` and the second with these bytes, cut into segments."""

    def act(server: Listener, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.read_head(connection)
        connection.sendall(answer(PAGE, 200, KEEP_ALIVE))
        server.read_head(connection)
        for begin, end in zip((0, *cuts), (*cuts, len(sent)), strict=True):
            connection.sendall(sent[begin:end])
            time.sleep(0.01 if cuts else 0)  # real time: the client reads each segment alone

    return act


def first_and_kept(
    listener: Listeners, open_transport: OpenTransport, sent: bytes, *cuts: int
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Return the outcome of a response on a new and on a reused connection."""
    fresh, kept = listener(sent), listener(reply_second(sent, *cuts))
    first = outcome(open_transport(fresh.base_url, max_bytes=1_000_000))
    transport = open_transport(kept.base_url, max_bytes=1_000_000)
    assert fetch(transport).body == PAGE
    again = outcome(transport)
    assert (kept.connections, len(kept.heads)) == (1, 2)
    assert kept.heads[0].splitlines()[0] == kept.heads[1].splitlines()[0]
    assert sorted(kept.heads[0].lower().splitlines()) == sorted(kept.heads[1].lower().splitlines())
    fresh.close()
    kept.close()
    return first, again


WHOLE_ANSWERS = {
    "chunked": chunked(PAGE[:5], PAGE[5:]),
    "until the end": b"HTTP/1.0 200 OK\r\n\r\n" + PAGE,
    "identity": answer(PAGE, 200, "Content-Encoding: identity"),
    "gzip": answer(gzip.compress(PAGE), 200, "Content-Encoding:  GZIP "),
    "gzip, kept": answer(gzip.compress(PAGE * 9), 200, "Content-Encoding: gzip", KEEP_ALIVE),
    "gzip of nothing": answer(gzip.compress(b""), 200, "Content-Encoding: gzip", KEEP_ALIVE),
    "nothing": answer(b"", 200, KEEP_ALIVE),
    "kept": answer(PAGE, 200, KEEP_ALIVE),
    "large": answer(b"x" * 300_000, 200, KEEP_ALIVE),
    "too large": answer(b"x" * 1_000_001, 200, KEEP_ALIVE),
    "bomb": answer(gzip.compress(bytes(1_000_001)), 200, "Content-Encoding: gzip", KEEP_ALIVE),
    "provisional": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(PAGE),
    "99 headers": answer(PAGE, 200, *[f"X-{n}: x" for n in range(97)], KEEP_ALIVE),
    "100 headers": answer(PAGE, 200, *[f"X-{n}: x" for n in range(98)], KEEP_ALIVE),
    "101 headers": answer(PAGE, 200, *[f"X-{n}: x" for n in range(99)], KEEP_ALIVE),
    "more than it says": answer(PAGE + b"x", 200, KEEP_ALIVE, length=len(PAGE)),
    **{
        f"{encoding}: {name}": answer(body, 200, f"Content-Encoding: {encoding[:50]}", KEEP_ALIVE)
        for name, (body, encoding) in DAMAGED.items()
    },
    **{
        f"{status}: {name}": sent.replace(b"200", str(status).encode(), 1)
        for status in (401, 404, 429, 503)
        for name, sent in INVALID_BODIES.items()
    },
}


@pytest.mark.parametrize(
    "sent", [*WHOLE_ANSWERS.values(), *BROKEN.values()], ids=[*WHOLE_ANSWERS, *BROKEN]
)
def test_a_response_is_the_same_on_a_new_and_a_reused_connection(
    listener: Listeners, open_transport: OpenTransport, sent: bytes
) -> None:
    first, again = first_and_kept(listener, open_transport, sent)
    assert first == again


@pytest.mark.parametrize("sent", [WHOLE_ANSWERS["gzip, kept"], WHOLE_ANSWERS["chunked"]])
@pytest.mark.parametrize("cuts", [(1,), (20,), (-1,), (40, 60, -20), (-30, -20)])
def test_a_response_in_several_segments_is_the_same_response(
    listener: Listeners, open_transport: OpenTransport, sent: bytes, cuts: tuple[int, ...]
) -> None:
    first, again = first_and_kept(
        listener, open_transport, sent, *sorted(cut % len(sent) for cut in cuts)
    )
    assert first == again


@pytest.mark.parametrize(
    "sent", [answer(PAGE, 200, KEEP_ALIVE), chunked(PAGE), answer(PAGE, 404, KEEP_ALIVE)]
)
def test_a_connection_is_reused_after_any_complete_response(
    listener: Listeners, open_transport: OpenTransport, sent: bytes
) -> None:
    def keep(server: Listener, connection: socket.socket) -> None:
        while server.read_head(connection):
            connection.sendall(sent)

    server = listener(keep)
    transport = open_transport(server.base_url)
    assert [fetch(transport).body for _ in range(5)] == [PAGE] * 5
    assert server.connections == 1


@pytest.mark.parametrize(
    "sent",
    [
        answer(PAGE, 200),
        answer(PAGE, 302, KEEP_ALIVE),
        answer(b"x" * 1_000_001, 200, KEEP_ALIVE),
        chunked(b"x" * 1_000_001),
        answer(PAGE, 404, KEEP_ALIVE, length=100)[:-1],
        chunked(PAGE, end=b"zz\r\n").replace(b"200", b"404", 1),
    ],
)
def test_a_connection_is_closed_after_an_incomplete_response(
    listener: Listeners, open_transport: OpenTransport, sent: bytes
) -> None:
    server = listener(reply_second(sent), answer(PAGE))
    transport = open_transport(server.base_url, max_bytes=1_000_000)
    fetch(transport)
    fetch(transport)
    assert fetch(transport).body == PAGE
    assert server.connections == 2


def test_bytes_after_a_broken_body_are_not_read_as_a_response(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    after_body = threading.Event()

    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(answer(PAGE, 200, KEEP_ALIVE))
        server.read_head(connection)
        connection.sendall(chunked(PAGE, end=b"zz\r\n").replace(b"200", b"404", 1))
        if server.read_head(connection):
            after_body.set()
            connection.sendall(answer(b"foreign", 200, KEEP_ALIVE))

    server = listener(act, answer(PAGE))
    transport = open_transport(server.base_url)
    assert [fetch(transport).status for _ in range(2)] == [200, 404]
    assert fetch(transport).body == PAGE
    assert not after_body.is_set()


def test_the_deadline_applies_to_reused_connections(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(answer(PAGE, 200, KEEP_ALIVE))
        dripping(server, connection)

    transport = open_transport(listener(act).base_url, deadline=DEADLINE)
    assert fetch(transport).body == PAGE
    assert within_deadline(transport).sent


def test_a_gzip_bomb_on_a_reused_connection_takes_less_than_three_times_the_limit(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    limit = 1 << 20
    bomb = answer(gzip.compress(bytes(50 << 20)), 200, "Content-Encoding: gzip", KEEP_ALIVE)
    transport = open_transport(listener(reply_second(bomb)).base_url, max_bytes=limit)
    fetch(transport)
    response, peak = traced_peak(lambda: fetch(transport))
    assert (response.body, response.body_error) == (b"", f"larger than {limit} bytes")
    assert peak < 3 * limit


# --- redirects


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308, 399])
def test_the_body_of_a_redirect_is_not_read(
    listener: Listeners, open_transport: OpenTransport, status: int
) -> None:
    sent = 0

    def pour(server: Listener, connection: socket.socket) -> None:
        nonlocal sent
        server.read_head(connection)
        fields = ("Location: /elsewhere", "Content-Encoding: gzip")
        connection.sendall(answer(b"", status, *fields, length=10**9))
        block = gzip.compress(bytes(1 << 20))
        while sent < 200 << 20:
            connection.sendall(block * 64)
            sent += len(block) * 64

    server = listener(pour)
    response = fetch(open_transport(server.base_url))
    assert (response.status, response.body) == (status, b"")
    assert server.connections == 1
    assert len(server.heads) == 1
    assert sent < 20 << 20  # the size of the system's buffers


# --- time


def within_deadline(transport: Transport) -> TransientError:
    started = time.monotonic()
    error = failure(transport)
    assert time.monotonic() - started < DEADLINE + SLACK
    assert error.code == "Deadline"
    assert f"within {DEADLINE:g} s" in str(error)
    return error


@pytest.mark.parametrize("kind", ["drip", "drip_headers", "stall", "stall_body"])
def test_a_request_with_slow_bytes_ends_at_its_deadline(
    emulator: Emulators, open_transport: OpenTransport, kind: str
) -> None:
    service = emulator(Fault(kind))
    transport = open_transport(service.base_url, deadline=DEADLINE)
    started = time.monotonic()
    with pytest.raises(TransientError) as caught:
        transport.get(path_of(service), {"limit": "40"})
    assert time.monotonic() - started < DEADLINE + SLACK
    assert (caught.value.code, caught.value.sent) == ("Deadline", True)
    transport._deadline = 10.0
    assert transport.get(path_of(service), {"limit": "40"}).status == 200  # still usable


def test_an_endless_slow_body_without_a_length_ends_at_the_deadline(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + PAGE)
        drip(connection, b" " * 1_000)

    within_deadline(open_transport(listener(act).base_url, deadline=DEADLINE))


def test_a_status_with_an_endless_body_is_reported_at_the_deadline(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(answer(b"", 429, "Retry-After: 7", length=1_000))
        drip(connection, b"x" * 1_000)

    started = time.monotonic()
    response = fetch(open_transport(listener(act).base_url, deadline=DEADLINE))
    assert time.monotonic() - started < DEADLINE + SLACK
    assert (response.status, response.headers["retry-after"], response.body) == (429, "7", b"")


def test_a_silent_server_ends_the_request_at_the_deadline(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    assert within_deadline(open_transport(listener().base_url, deadline=DEADLINE)).sent


# --- size


def test_a_gzip_bomb_takes_less_than_three_times_the_limit(
    emulator: Emulators, open_transport: OpenTransport
) -> None:
    limit = 4 << 20
    service = emulator(Fault("gzip_bomb", 200 << 20, times=2))
    transport = open_transport(service.base_url, max_bytes=limit)
    transport.get(path_of(service), {})  # the emulator compresses the body once
    response, peak = traced_peak(lambda: transport.get(path_of(service), {}))
    assert (response.body, response.body_error) == (b"", f"larger than {limit} bytes")
    assert peak < 3 * limit


@pytest.mark.parametrize("fields", [(), ("Transfer-Encoding: chunked",)])
def test_a_plain_body_over_the_limit_is_refused(
    listener: Listeners, open_transport: OpenTransport, fields: tuple[str, ...]
) -> None:
    def pour(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        length = "Content-Length: 1000000000"
        head = "\r\n".join(["HTTP/1.1 200 OK", *(fields or (length,)), "", ""])
        connection.sendall(head.encode())
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    response = fetch(open_transport(listener(pour).base_url, max_bytes=1 << 20))
    assert (response.body, response.body_error) == (b"", f"larger than {1 << 20} bytes")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_limit_itself_is_allowed(
    listener: Listeners, open_transport: OpenTransport, pack: Callable[[bytes], bytes]
) -> None:
    fields = ("Content-Encoding: gzip",) if pack is gzip.compress else ()
    server = listener(*(answer(pack(b"x" * size), 200, *fields) for size in (1_000, 1_001)))
    transport = open_transport(server.base_url, max_bytes=1_000)
    assert fetch(transport).body == b"x" * 1_000
    assert server.answered.acquire(timeout=60)  # the next response uses another connection
    assert fetch(transport).body_error == "larger than 1000 bytes"


def test_a_gzip_stream_of_empty_blocks_is_limited_too(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    """A stored block of five bytes can decompress to none."""

    def pour(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        connection.sendall(gzip.compress(b"")[:10])
        while True:
            connection.sendall(b"\x00\x00\x00\xff\xff" * 10_000)

    response = fetch(open_transport(listener(pour).base_url, max_bytes=1 << 20))
    assert response.body_error == f"larger than {1 << 20} bytes"


# --- requests that are not sent


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port without a listener, reserved so that no other process opens it."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]


def test_a_refused_connection_is_reported_as_not_sent(
    open_transport: OpenTransport, closed_port: int
) -> None:
    error = failure(open_transport(f"http://127.0.0.1:{closed_port}"))
    assert (error.code, error.sent) == ("Unreachable", False)


def test_an_unknown_host_is_reported_as_not_sent(open_transport: OpenTransport) -> None:
    error = failure(open_transport("https://api.invalid"))
    assert (error.code, error.sent) == ("Unreachable", False)
    assert "cannot reach api.invalid" in str(error)


def test_nothing_is_sent_over_a_connection_made_after_the_deadline(
    listener: Listeners, open_transport: OpenTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow DNS lookup cannot be interrupted."""
    server = listener()
    transport = open_transport(server.base_url, deadline=DEADLINE)
    lookup, monotonic = socket.getaddrinfo, time.monotonic

    def slow(*arguments: object, **more: object) -> object:
        monkeypatch.setattr(time, "monotonic", lambda: monotonic() + DEADLINE)
        return lookup(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert failure(transport).code == "Deadline"
    assert server.received == 0


def test_a_shorter_deadline_than_before_is_kept(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    server = listener(answer(PAGE, 200, KEEP_ALIVE), dripping)
    transport = open_transport(server.base_url)
    assert fetch(transport).body == PAGE
    assert server.answered.acquire(timeout=60)
    transport._deadline = DEADLINE
    within_deadline(transport)


# --- TLS and proxies


def with_tls(act: Action) -> Action:
    """Return the action behind a TLS handshake for ``api.example``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(BUNDLE)

    def action(server: Listener, connection: socket.socket) -> None:
        with context.wrap_socket(connection.dup(), server_side=True) as secure:
            act(server, secure)

    return action


def sending(data: bytes) -> Action:
    def action(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(data)

    return action


def dripping(server: Listener, connection: socket.socket) -> None:
    server.read_head(connection)
    connection.sendall(answer(length=1_000))
    drip(connection, b"x" * 1_000)


@pytest.mark.usefixtures("loopback_names")
def test_the_key_is_sent_over_tls_to_the_host_of_the_certificate(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    server = listener(with_tls(sending(answer(PAGE))))
    assert fetch(open_transport(f"https://api.example:{server.port}")).body == PAGE
    assert CANARY.encode() in server.heads[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_on_this_machine_needs_a_trusted_certificate(
    listener: Listeners, open_transport: OpenTransport, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = listener(with_tls(sending(answer(PAGE))))
    url = f"https://{host}:{server.port}"
    error = failure(open_transport(url))
    assert (error.code, server.received) == ("NotTrusted", 0)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(BUNDLE))
    assert fetch(open_transport(url)).body == PAGE


@pytest.mark.parametrize("wrong", ["name", "authority", "bundle missing", "bundle garbage"])
@pytest.mark.usefixtures("loopback_names")
def test_without_a_trusted_certificate_nothing_is_sent(
    listener: Listeners,
    open_transport: OpenTransport,
    wrong: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = listener(with_tls(sending(answer(PAGE))))
    garbage = tmp_path / "bundle.pem"
    garbage.write_text("no certificate")
    if wrong == "authority":
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    elif wrong.startswith("bundle"):
        bundle = garbage if "garbage" in wrong else tmp_path / "nowhere.pem"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    host = "other.example" if wrong == "name" else "api.example"
    error = failure(open_transport(f"https://{host}:{server.port}"))
    assert (error.code, error.sent) == ("NotTrusted", False)
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert server.received == 0


@pytest.mark.usefixtures("loopback_names")
def test_nothing_is_sent_to_a_port_without_tls(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    server = listener(lambda _, connection: connection.sendall(answer(PAGE)))
    error = failure(open_transport(f"https://api.example:{server.port}"))
    assert not error.sent
    assert server.received == 0


@pytest.mark.usefixtures("loopback_names")
def test_a_tls_error_after_the_request_counts_as_sent(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    def act(server: Listener, secure: socket.socket) -> None:
        server.read_head(secure)
        socket.socket.sendall(secure, b"\x17\x03\x03\x00\x20" + bytes(32))  # not a true record

    server = listener(with_tls(act))
    error = failure(open_transport(f"https://api.example:{server.port}"))
    assert (error.code, error.sent) == ("Broken", True)


def keep_alive(server: Listener, connection: socket.socket) -> None:
    while server.read_head(connection):
        connection.sendall(answer(gzip.compress(PAGE), 200, "Content-Encoding: gzip", KEEP_ALIVE))


@pytest.mark.usefixtures("loopback_names")
def test_tls_connections_are_reused(listener: Listeners, open_transport: OpenTransport) -> None:
    server = listener(with_tls(keep_alive))
    transport = open_transport(f"https://api.example:{server.port}")
    assert [fetch(transport).body for _ in range(4)] == [PAGE] * 4
    transport.close()
    assert server.connections == 1
    first, *others = (sorted(head.lower().split(b"\r\n")) for head in server.heads if head)
    assert others == [first] * 3


@pytest.mark.usefixtures("loopback_names")
def test_a_tls_error_on_a_reused_connection_counts_as_sent(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    def act(server: Listener, secure: socket.socket) -> None:
        server.read_head(secure)
        secure.sendall(answer(PAGE, 200, KEEP_ALIVE))
        server.read_head(secure)
        socket.socket.sendall(secure, b"\x17\x03\x03\x00\x20" + bytes(32))  # not a true record

    server = listener(with_tls(act))
    transport = open_transport(f"https://api.example:{server.port}")
    assert fetch(transport).body == PAGE
    error = failure(transport)
    assert (error.code, error.sent) == ("Broken", True)


@pytest.mark.usefixtures("loopback_names")
def test_the_deadline_applies_to_tls(listener: Listeners, open_transport: OpenTransport) -> None:
    server = listener(with_tls(dripping))
    within_deadline(open_transport(f"https://api.example:{server.port}", deadline=DEADLINE))


@pytest.mark.usefixtures("loopback_names")
def test_a_missing_tls_handshake_ends_at_the_deadline(
    listener: Listeners, open_transport: OpenTransport
) -> None:
    server = listener()
    started = time.monotonic()
    error = failure(open_transport(f"https://api.example:{server.port}", deadline=DEADLINE))
    assert time.monotonic() - started < DEADLINE + SLACK
    assert not error.sent


@pytest.mark.usefixtures("loopback_names")
def test_a_password_from_netrc_is_not_sent(
    listener: Listeners,
    open_transport: OpenTransport,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password foreign")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = listener(with_tls(sending(answer(PAGE))))
    fetch(open_transport(f"https://api.example:{server.port}"))
    assert b"authorization" not in server.heads[0].lower()


def proxy_action(reply: bytes, act: Action) -> Action:
    """Return a proxy that answers CONNECT and, if it agrees, is the service itself."""

    def action(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(reply)
        if b" 200 " in reply:
            act(server, connection)

    return action


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.fixture
def proxied(
    listener: Listeners,
    open_transport: OpenTransport,
    monkeypatch: pytest.MonkeyPatch,
    loopback_names: None,
) -> Callable[..., tuple[Listener, Transport]]:
    """Return a function that starts a proxy and opens a transport through it."""
    del loopback_names

    def make(act: Action, deadline: float = 10.0) -> tuple[Listener, Transport]:
        proxy = listener(act)
        address = f"http://user:proxypassword@127.0.0.1:{proxy.port}"
        monkeypatch.setenv("HTTPS_PROXY", address)
        return proxy, open_transport("https://api.example", deadline=deadline)

    return make


def test_a_proxy_receives_the_host_but_not_the_key(proxied: Proxied) -> None:
    proxy, transport = proxied(proxy_action(ESTABLISHED, with_tls(sending(answer(PAGE)))))
    assert [fetch(transport).body for _ in range(2)] == [PAGE] * 2
    connect, inner, *again = proxy.heads
    assert len(again) == 2
    assert connect.startswith(b"CONNECT api.example:443 HTTP/1.")
    assert CANARY.encode() not in connect
    assert CANARY.encode() in inner
    assert b"proxy-authorization" not in inner.lower()


def test_connections_through_a_proxy_are_reused(proxied: Proxied) -> None:
    proxy, transport = proxied(proxy_action(ESTABLISHED, with_tls(keep_alive)))
    assert [fetch(transport).body for _ in range(4)] == [PAGE] * 4
    transport.close()
    connect, first, *others = (head for head in proxy.heads if head)
    assert proxy.connections == 1
    assert CANARY.encode() not in connect
    assert len(others) == 3
    for head in others:
        assert sorted(head.lower().split(b"\r\n")) == sorted(first.lower().split(b"\r\n"))


def test_the_deadline_applies_to_proxies(proxied: Proxied) -> None:
    _, transport = proxied(proxy_action(ESTABLISHED, with_tls(dripping)), DEADLINE)
    assert within_deadline(transport).sent


def test_a_slow_proxy_ends_the_request_at_the_deadline(proxied: Proxied) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        drip(connection, b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 50)

    _, transport = proxied(act, DEADLINE)
    assert not within_deadline(transport).sent


@pytest.mark.parametrize("status", [407, 403, 502])
def test_a_proxy_that_refuses_is_reported_without_its_password(
    proxied: Proxied, status: int
) -> None:
    refusal = answer(b"<html>blocked</html>", status)
    proxy, transport = proxied(proxy_action(refusal, sending(b"")))
    error = failure(transport)
    assert (error.code, error.sent) == ("Unreachable", False)
    assert "proxy" in str(error)
    assert "proxypassword" not in f"{error} {error!r}"
    assert CANARY.encode() not in b"".join(proxy.heads)


def test_a_missing_proxy_is_reported(
    open_transport: OpenTransport, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port}")
    error = failure(open_transport("https://api.example"))
    assert (error.code, error.sent) == ("Unreachable", False)
    assert "proxy" in str(error)


# --- secrets in errors and logs


def test_an_error_has_no_reference_to_the_request(
    open_transport: OpenTransport, closed_port: int
) -> None:
    error = failure(open_transport(f"http://127.0.0.1:{closed_port}"))
    assert error.__context__ is None
    assert error.__cause__ is None


def test_http_client_does_not_print_the_key(
    listener: Listeners,
    open_transport: OpenTransport,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 9)
    fetch(open_transport(listener(answer(PAGE)).base_url))
    assert CANARY not in "".join(capsys.readouterr())


def test_the_logs_of_the_libraries_do_not_contain_the_key(
    listener: Listeners, open_transport: OpenTransport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "urllib3")
    fetch(open_transport(listener(answer(PAGE, 200, "X y: bad header")).base_url))
    assert "GET /api/v3/files" in caplog.text
    assert CANARY not in caplog.text


def test_a_transport_shows_no_key(open_transport: OpenTransport) -> None:
    transport = open_transport("http://127.0.0.1:1")
    text = f"{transport!r} {vars(transport)} {vars(transport._adapter)}"
    assert CANARY not in text
