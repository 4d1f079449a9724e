"""One request over a real wire: what is sent, to whom, how long, how much, and what a lie costs."""

from __future__ import annotations

import gzip
import http.client
import logging
import os
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphbuild.api.auth import ApiKey, find_api_key
from graphbuild.api.transport import MAX_BYTES, Response, Transport, check_base_url
from graphbuild.errors import ApiError, AuthenticationError, BaseUrlError, TransientError
from tests.support.faults import Fault
from tests.support.http_listener import KEEP_ALIVE, answer, drip
from tests.support.keys import CANARY
from tests.support.paths import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from graphbuild.emulator import Emulator
    from tests.support.http_listener import Action, Listener

    Listeners = Callable[..., Listener]
    Emulators = Callable[..., Emulator]
    Opener = Callable[..., Transport]
    Proxied = Callable[..., tuple[Listener, Transport]]

BUNDLE = DATA / "loopback.pem"
DEADLINE = 0.3
SLACK = 3.0  # a loaded machine's; the servers of these tests would take much longer
PAGE = b'{"data": []}'


@pytest.fixture
def opened(key: ApiKey) -> Iterator[Opener]:
    """Make transports to a base URL."""
    made: list[Transport] = []

    def make(base_url: str, *, deadline: float = 10.0, max_bytes: int = MAX_BYTES) -> Transport:
        transport = Transport(key, base_url, adapter=None, deadline=deadline, max_bytes=max_bytes)
        made.append(transport)
        return transport

    yield make
    for transport in made:
        transport.close()


def ask(transport: Transport) -> Response:
    return transport.get("/files/x/related_references", {"limit": "40"})


def failure(transport: Transport) -> TransientError:
    with pytest.raises(TransientError) as caught:
        ask(transport)
    return caught.value


def path_of(emulator: Emulator) -> str:
    return f"/files/{emulator.api.world.hashes()[0]}/related_references"


# --- the tests themselves


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "10.0.0.1"])
def test_a_test_that_connects_elsewhere_fails(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        for connect in (sock.connect, sock.connect_ex):
            with pytest.raises(pytest.fail.Exception, match="connects to"):
                connect((address, 80))


def test_a_test_that_looks_up_a_name_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match="looks up"):
        socket.getaddrinfo("www.virustotal.com", 443)
    with pytest.raises(pytest.fail.Exception, match="looks up"):
        socket.create_connection(("www.virustotal.com", 443))


def test_tests_see_neither_a_key_nor_a_proxy() -> None:
    names = {name.upper() for name in os.environ}
    assert not names & {"VT_APIKEY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    with pytest.raises(AuthenticationError, match="no API key found"):
        find_api_key()


# --- the base address


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://www.virustotal.com/api/v3", "https://www.virustotal.com/api/v3"),
        ("https://www.virustotal.com/api/v3/", "https://www.virustotal.com/api/v3"),
        ("https://www.virustotal.com", "https://www.virustotal.com/api/v3"),
        ("https://www.virustotal.com///", "https://www.virustotal.com/api/v3"),
        ("HTTPS://WWW.VirusTotal.COM/API", "https://www.virustotal.com/API"),
        ("https://vt.example:0443/x_y~z.1-2", "https://vt.example:443/x_y~z.1-2"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
        ("http://localhost:1/x", "http://localhost:1/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]/x"),
    ],
)
def test_a_base_address_is_kept_in_one_form(given: str, kept: str) -> None:
    assert check_base_url(given) == kept
    assert check_base_url(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "www.virustotal.com",
        "//www.virustotal.com",
        "ftp://www.virustotal.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https:///api/v3",
        "https://user@www.virustotal.com",
        "https://user:secret@www.virustotal.com",
        "https://www.virustotal.com\\@evil.example/",
        "https://www.virustotal.com\\.evil.example/",
        "https://www.virustotal.com#@evil.example/",
        "https://www.virustotal.com?@evil.example/",
        "https://www.virustotal.com;@evil.example/",
        "https://www.virustotal.com/api/v3?x=1",
        "https://www.virustotal.com/api/v3#x",
        "https://www.virustotal.com/api/v3/..",
        "https://www.virustotal.com/./v3",
        "https://www.virustotal.com//evil.example/x",
        "https://www.virustotal.com/a%2e%2e/b",
        "https://www.virustotal.com:",
        "https://www.virustotal.com:port",
        "https://www.virustotal.com:0",
        "https://www.virustotal.com:65536",
        "https://www.virustotal.com:-1",
        "https://www.virustotal.com:443:443",
        "https://www.virustotal.com:４４３",
        "https://www.virus%74otal.com",
        "https://www..virustotal.com",
        "https://.virustotal.com",
        "https://-virustotal.com",
        "https://www.virustotal.com.",
        "https://www.virustotаl.com",  # a Cyrillic letter
        "https://www.virustotal。com",  # an ideographic full stop
        "https://www.virustotal.com\n",
        " https://www.virustotal.com",
        "https://www.virus\ttotal.com",
        "https://www.virustotal.com/\x00",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
    ],
)
def test_what_is_no_base_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected https://host/path") as caught:
        check_base_url(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://www.virustotal.com/api/v3",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:1.2.3.4]",
        "http://10.0.0.1",
    ],
)
def test_plain_http_is_for_this_machine_only(text: str) -> None:
    with pytest.raises(ValueError, match="https only"):
        check_base_url(text)


authority = st.text("abz01.-:@/\\?#[]%_ \t", max_size=20)


@given(st.sampled_from(["https://", "http://", "https:", "//", ""]), authority)
def test_an_accepted_base_is_the_place_that_requests_would_ask(scheme: str, rest: str) -> None:
    """Two parsers that disagree are how a key gets lost."""
    try:
        base = check_base_url(scheme + rest)
    except ValueError:
        return
    try:
        prepared = requests.Request("GET", base + "/files/x").prepare().url
    except requests.RequestException:
        return  # refused by both is fine too
    assert prepared == base + "/files/x"


def test_a_key_of_a_strange_length_goes_to_this_machine_only(opened: Opener) -> None:
    kwargs = {"adapter": None, "deadline": 1.0, "max_bytes": 1}
    Transport(ApiKey("k"), "http://127.0.0.1:1", **kwargs).close()
    with pytest.raises(AuthenticationError):
        Transport(ApiKey("k"), "https://api.example", **kwargs)
    opened("https://api.example")


# --- what is sent


def test_the_request_is_what_is_documented_and_nothing_more(
    listener: Listeners, opened: Opener
) -> None:
    server = listener(answer(PAGE))
    cursor = "eyJsaW1pdCI6IDQwLCAib2Zmc2V0IjogNDB9=="
    query = {"limit": "40", "cursor": cursor + "&+ /?#%"}
    opened(server.base_url).get("/files/0a1b/related_references", query)
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
def test_a_cookie_is_never_sent_back(listener: Listeners, opened: Opener, cookie: str) -> None:
    fields = (f"Set-Cookie: {cookie}", f"Set-Cookie2: {cookie}")
    server = listener(answer(PAGE, 200, KEEP_ALIVE, *fields))
    transport = opened(server.base_url)
    for _ in range(3):
        assert ask(transport).body == PAGE
        assert server.answered.acquire(timeout=5)
    assert len(server.heads) == 3
    assert b"cookie" not in b"".join(server.heads).lower()


def test_a_cookie_is_not_sent_back_by_an_adapter_of_others_either(
    listener: Listeners, key: ApiKey
) -> None:
    server = listener(answer(PAGE, 200, "Set-Cookie: a=b"))
    adapter = requests.adapters.HTTPAdapter()
    transport = Transport(key, server.base_url, adapter=adapter, deadline=10.0, max_bytes=MAX_BYTES)
    assert [ask(transport).body for _ in range(2)] == [PAGE] * 2
    assert b"cookie" not in b"".join(server.heads).lower()
    transport.close()


def test_no_proxy_sees_a_request_to_this_machine(
    listener: Listeners, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, proxy = listener(answer(PAGE)), listener(answer(PAGE))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    ask(opened(server.base_url))
    assert (proxy.connections, server.connections) == (0, 1)


def test_a_request_that_would_leave_the_base_is_not_sent(
    listener: Listeners, opened: Opener
) -> None:
    """Nobody makes such a path; were it made, the key would stay."""
    server = listener(answer(PAGE))
    other = listener(answer(PAGE))
    transport = opened(server.base_url.removesuffix("/api/v3") + "/v")
    for path in ("/../x", f"@127.0.0.1:{other.port}/", "x/files"):
        with pytest.raises(BaseUrlError):
            transport.get(path, {})
    assert (server.received, other.received) == (0, 0)


def test_connections_are_kept_for_the_next_request(listener: Listeners, opened: Opener) -> None:
    def keep(server: Listener, connection: socket.socket) -> None:
        while server.read_head(connection):
            connection.sendall(answer(PAGE, 200, KEEP_ALIVE))

    server = listener(keep)
    transport = opened(server.base_url)
    for _ in range(5):
        assert ask(transport).body == PAGE
    assert server.connections == 1


def test_a_kept_connection_that_the_server_closed_costs_nothing(
    listener: Listeners, opened: Opener
) -> None:
    server = listener(answer(PAGE, 200, KEEP_ALIVE))
    transport = opened(server.base_url)
    for number in range(1, 5):
        assert ask(transport).body == PAGE
        assert server.answered.acquire(timeout=5)  # by now the close has arrived
        assert (server.connections, len(server.heads)) == (number, number)


# --- what comes back


@pytest.mark.parametrize("status", [200, 201, 202, 206, 400, 401, 403, 404, 429, 500, 503])
def test_a_reply_is_status_headers_and_body(
    listener: Listeners, opened: Opener, status: int
) -> None:
    server = listener(answer(PAGE, status, "X-Odd: One", "x-odd: two"))
    response = ask(opened(server.base_url))
    assert (response.status, response.body, response.body_error) == (status, PAGE, "")
    assert response.headers["x-odd"] == "One, two"


def test_a_compressed_body_is_decompressed(emulator: Emulators, opened: Opener) -> None:
    service = emulator()
    response = opened(service.base_url).get(path_of(service), {"limit": "40"})
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
def test_a_whole_body_is_whole_however_it_is_framed(
    listener: Listeners, opened: Opener, sent: bytes, body: bytes
) -> None:
    server = listener(sent)
    response = ask(opened(server.base_url))
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
def test_a_body_that_cannot_be_trusted_says_why(
    listener: Listeners, opened: Opener, case: tuple[bytes, str]
) -> None:
    body, encoding = case
    server = listener(answer(body, 200, f"Content-Encoding: {encoding}"))
    response = ask(opened(server.base_url))
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
def test_a_broken_answer_is_transient_and_counts_as_sent(
    listener: Listeners, opened: Opener, sent: bytes
) -> None:
    server = listener(sent)
    error = failure(opened(server.base_url))
    assert (error.code, error.sent, error.status) == ("Broken", True, 0)
    assert f"127.0.0.1:{server.port}" in str(error)


@pytest.mark.parametrize("kind", ["reset", "close", "cut", "cut_reset"])
def test_a_connection_that_ends_early_is_transient(
    emulator: Emulators, opened: Opener, kind: str
) -> None:
    service = emulator(Fault(kind))
    with pytest.raises(TransientError) as caught:
        opened(service.base_url).get(path_of(service), {})
    assert (caught.value.code, caught.value.sent) == ("Broken", True)


LYING_BODIES = {
    "none": answer(length=100),
    "cut": answer(PAGE, length=100),
    "plain in gzip's name": answer(PAGE, 200, "Content-Encoding: gzip"),
    "large": answer(b"x" * 1_000_000),
    "no chunks": answer(b"zz", 200, "Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
@pytest.mark.parametrize("sent", LYING_BODIES.values(), ids=LYING_BODIES)
def test_a_status_that_came_whole_is_believed_whatever_the_body(
    listener: Listeners, opened: Opener, status: int, sent: bytes
) -> None:
    server = listener(sent.replace(b"200", str(status).encode(), 1))
    response = ask(opened(server.base_url))
    assert (response.status, response.body) == (status, b"")
    assert response.body_error


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_bytes_of_an_answer_escape_as_another_error(
    listener: Listeners, opened: Opener, data: st.DataObject
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
        assert isinstance(ask(opened(server.base_url)), Response)
    except ApiError as error:
        assert isinstance(error, TransientError)  # noqa: PT017  either is good
    finally:
        server.close()


# --- over a kept connection, where the requests go without the library


PLAIN_FIELDS = [
    "X-Odd: One",
    "x-odd: two",
    "Set-Cookie: a=b",
    "Connection: Keep-Alive",
    "Connection: close",
    "connection: x, close",
    "Content-Length: 12",
    "Content-Length: 5",
    "Content-Length: +12",
    "Content-Length: 12 ",
    "Content-Length:12",
    "Content-Length: 000012",
    "Content-Length: 9999999999",
    "Content-Length: -1",
    "Content-Length: 1_2",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "Content-Encoding: gzip",
    "Content-Encoding: identity",
    "Retry-After:  7",
    " folded",
    "X y: bad",
    "No colon",
    "X:",
    "X: \xfc",
    "Server:\tx",
]
STATUS_LINES = [
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200",
    "HTTP/1.1 200 ",
    "HTTP/1.0 200 OK",
    "HTTP/1.2 200 OK",
    "HTTP/1.1  200 OK",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
    "HTTP/1.1 302 Found",
    "HTTP/1.1 404 Not Found",
    "HTTP/1.1 2000 OK",
    "HTTP/9 200 OK",
]


def outcome(transport: Transport) -> tuple[object, ...]:
    try:
        response = ask(transport)
    except TransientError as error:
        return error.code, error.sent, error.status
    return (
        response.status,
        dict(response.headers),
        response.body,
        response.body_error,
        response.compressed_body,
    )


def greeting(sent: bytes, *cuts: int) -> Action:
    """A first request is answered as it should be, and the next one so, in pieces or at once."""

    def act(server: Listener, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.read_head(connection)
        connection.sendall(answer(PAGE, 200, KEEP_ALIVE))
        server.read_head(connection)
        for begin, end in zip((0, *cuts), (*cuts, len(sent)), strict=True):
            connection.sendall(sent[begin:end])
            time.sleep(0.01 if cuts else 0)

    return act


def first_and_kept(
    listener: Listeners, opened: Opener, sent: bytes, *cuts: int
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """What an answer is over a new connection, and over one that is kept."""
    fresh, kept = listener(sent), listener(greeting(sent, *cuts))
    first = outcome(opened(fresh.base_url, max_bytes=1_000_000))
    transport = opened(kept.base_url, max_bytes=1_000_000)
    assert ask(transport).body == PAGE
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
        for name, sent in LYING_BODIES.items()
    },
}


@pytest.mark.parametrize(
    "sent", [*WHOLE_ANSWERS.values(), *BROKEN.values()], ids=[*WHOLE_ANSWERS, *BROKEN]
)
def test_over_a_kept_connection_an_answer_is_what_it_is_over_a_new_one(
    listener: Listeners, opened: Opener, sent: bytes
) -> None:
    first, again = first_and_kept(listener, opened, sent)
    assert first == again


@pytest.mark.parametrize("sent", [WHOLE_ANSWERS["gzip, kept"], WHOLE_ANSWERS["chunked"]])
@pytest.mark.parametrize("cuts", [(1,), (20,), (-1,), (40, 60, -20), (-30, -20)])
def test_an_answer_in_pieces_is_the_same_answer(
    listener: Listeners, opened: Opener, sent: bytes, cuts: tuple[int, ...]
) -> None:
    first, again = first_and_kept(listener, opened, sent, *sorted(cut % len(sent) for cut in cuts))
    assert first == again


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_a_head_holds_it_says_the_same_over_a_kept_connection(
    listener: Listeners, opened: Opener, data: st.DataObject
) -> None:
    fields = st.lists(st.sampled_from(PLAIN_FIELDS), max_size=4, unique=True)
    lines = [data.draw(st.sampled_from(STATUS_LINES)), *data.draw(fields)]
    if data.draw(st.booleans()):
        lines.append("Content-Length: 12")
    end = data.draw(st.sampled_from(["\r\n", "\r\n", "\n"]))
    body = data.draw(
        st.sampled_from([PAGE, gzip.compress(PAGE), b"c\r\n" + PAGE + b"\r\n0\r\n\r\n"])
    )
    first, again = first_and_kept(
        listener, opened, end.join([*lines, "", ""]).encode("latin-1") + body
    )
    assert first == again


@pytest.mark.parametrize(
    "sent", [answer(PAGE, 200, KEEP_ALIVE), chunked(PAGE), answer(PAGE, 404, KEEP_ALIVE)]
)
def test_a_connection_is_kept_on_after_any_answer_that_ended_well(
    listener: Listeners, opened: Opener, sent: bytes
) -> None:
    def keep(server: Listener, connection: socket.socket) -> None:
        while server.read_head(connection):
            connection.sendall(sent)

    server = listener(keep)
    transport = opened(server.base_url)
    assert [ask(transport).body for _ in range(5)] == [PAGE] * 5
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
def test_a_connection_whose_answer_was_not_read_to_its_end_is_closed(
    listener: Listeners, opened: Opener, sent: bytes
) -> None:
    server = listener(greeting(sent), answer(PAGE))
    transport = opened(server.base_url, max_bytes=1_000_000)
    ask(transport)
    ask(transport)
    assert ask(transport).body == PAGE
    assert server.connections == 2


def test_what_comes_behind_a_body_that_broke_off_is_never_an_answer(
    listener: Listeners, opened: Opener
) -> None:
    behind = threading.Event()

    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(answer(PAGE, 200, KEEP_ALIVE))
        server.read_head(connection)
        connection.sendall(chunked(PAGE, end=b"zz\r\n").replace(b"200", b"404", 1))
        if server.read_head(connection):
            behind.set()
            connection.sendall(answer(b"foreign", 200, KEEP_ALIVE))

    server = listener(act, answer(PAGE))
    transport = opened(server.base_url)
    assert [ask(transport).status for _ in range(2)] == [200, 404]
    assert ask(transport).body == PAGE
    assert not behind.is_set()


def test_over_a_kept_connection_the_deadline_holds_too(listener: Listeners, opened: Opener) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(answer(PAGE, 200, KEEP_ALIVE))
        dripping(server, connection)

    transport = opened(listener(act).base_url, deadline=DEADLINE)
    assert ask(transport).body == PAGE
    assert within_deadline(transport).sent


def test_a_bomb_over_a_kept_connection_is_given_up_within_three_times_the_limit(
    listener: Listeners, opened: Opener
) -> None:
    limit = 1 << 20
    bomb = answer(gzip.compress(bytes(50 << 20)), 200, "Content-Encoding: gzip", KEEP_ALIVE)
    transport = opened(listener(greeting(bomb)).base_url, max_bytes=limit)
    ask(transport)
    tracemalloc.start()
    try:
        response = ask(transport)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (response.body, response.body_error) == (b"", f"larger than {limit} bytes")
    assert peak < 3 * limit


# --- redirects


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308, 399])
def test_the_body_of_a_redirect_is_not_read(
    listener: Listeners, opened: Opener, status: int
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
    response = ask(opened(server.base_url))
    assert (response.status, response.body) == (status, b"")
    assert server.connections == 1
    assert len(server.heads) == 1
    assert sent < 20 << 20  # what the system's buffers took


# --- time


def within_deadline(transport: Transport) -> TransientError:
    begun = time.monotonic()
    error = failure(transport)
    assert time.monotonic() - begun < DEADLINE + SLACK
    assert error.code == "Deadline"
    assert f"within {DEADLINE:g} s" in str(error)
    return error


@pytest.mark.parametrize("kind", ["drip", "drip_headers", "stall", "stall_body"])
def test_a_request_ends_at_its_deadline_however_slowly_bytes_come(
    emulator: Emulators, opened: Opener, kind: str
) -> None:
    service = emulator(Fault(kind))
    transport = opened(service.base_url, deadline=DEADLINE)
    begun = time.monotonic()
    with pytest.raises(TransientError) as caught:
        transport.get(path_of(service), {"limit": "40"})
    assert time.monotonic() - begun < DEADLINE + SLACK
    assert (caught.value.code, caught.value.sent) == ("Deadline", True)
    transport._deadline = 10.0
    assert transport.get(path_of(service), {"limit": "40"}).status == 200  # as good as ever


def test_bytes_that_drip_for_ever_without_a_length_end_at_the_deadline(
    listener: Listeners, opened: Opener
) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + PAGE)
        drip(connection, b" " * 1_000)

    within_deadline(opened(listener(act).base_url, deadline=DEADLINE))


def test_endless_provisional_answers_end_at_the_deadline(
    listener: Listeners, opened: Opener
) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    within_deadline(opened(listener(act).base_url, deadline=DEADLINE))


def test_a_status_whose_body_never_ends_is_told_at_the_deadline(
    listener: Listeners, opened: Opener
) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(answer(b"", 429, "Retry-After: 7", length=1_000))
        drip(connection, b"x" * 1_000)

    begun = time.monotonic()
    response = ask(opened(listener(act).base_url, deadline=DEADLINE))
    assert time.monotonic() - begun < DEADLINE + SLACK
    assert (response.status, response.headers["retry-after"], response.body) == (429, "7", b"")


def test_a_port_that_accepts_and_says_nothing_is_given_up_at_the_deadline(
    listener: Listeners, opened: Opener
) -> None:
    assert within_deadline(opened(listener().base_url, deadline=DEADLINE)).sent


# --- size


def test_a_bomb_is_given_up_within_three_times_the_limit(
    emulator: Emulators, opened: Opener
) -> None:
    limit = 4 << 20
    service = emulator(Fault("gzip_bomb", 200 << 20, times=2))
    transport = opened(service.base_url, max_bytes=limit)
    transport.get(path_of(service), {})  # the emulator packs its bomb
    tracemalloc.start()
    try:
        response = transport.get(path_of(service), {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (response.body, response.body_error) == (b"", f"larger than {limit} bytes")
    assert peak < 3 * limit


@pytest.mark.parametrize("fields", [(), ("Transfer-Encoding: chunked",)])
def test_a_plain_body_over_the_limit_is_given_up(
    listener: Listeners, opened: Opener, fields: tuple[str, ...]
) -> None:
    def pour(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        length = "Content-Length: 1000000000"
        head = "\r\n".join(["HTTP/1.1 200 OK", *(fields or (length,)), "", ""])
        connection.sendall(head.encode())
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    response = ask(opened(listener(pour).base_url, max_bytes=1 << 20))
    assert (response.body, response.body_error) == (b"", f"larger than {1 << 20} bytes")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_limit_itself_is_allowed(
    listener: Listeners, opened: Opener, pack: Callable[[bytes], bytes]
) -> None:
    fields = ("Content-Encoding: gzip",) if pack is gzip.compress else ()
    server = listener(*(answer(pack(b"x" * size), 200, *fields) for size in (1_000, 1_001)))
    transport = opened(server.base_url, max_bytes=1_000)
    assert ask(transport).body == b"x" * 1_000
    assert server.answered.acquire(timeout=5)  # the next one is for a connection of its own
    assert ask(transport).body_error == "larger than 1000 bytes"


def test_gzip_that_grows_on_the_wire_and_never_inside_is_given_up(
    listener: Listeners, opened: Opener
) -> None:
    """Empty stored blocks: five bytes each that decompress to none."""

    def pour(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        connection.sendall(gzip.compress(b"")[:10])
        while True:
            connection.sendall(b"\x00\x00\x00\xff\xff" * 10_000)

    response = ask(opened(listener(pour).base_url, max_bytes=1 << 20))
    assert response.body_error == f"larger than {1 << 20} bytes"


# --- nothing sent


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on; it stays ours for the test, so that nobody will."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]


def test_a_refused_connection_is_told_as_not_sent(opened: Opener, closed_port: int) -> None:
    error = failure(opened(f"http://127.0.0.1:{closed_port}"))
    assert (error.code, error.sent) == ("Unreachable", False)


def test_a_name_that_nobody_knows_is_told_as_not_sent(opened: Opener) -> None:
    error = failure(opened("https://api.invalid"))
    assert (error.code, error.sent) == ("Unreachable", False)
    assert "cannot reach api.invalid" in str(error)


def test_nothing_is_sent_over_a_connection_made_after_the_deadline(
    listener: Listeners, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow DNS lookup cannot be interrupted."""
    server = listener()
    transport = opened(server.base_url, deadline=DEADLINE)
    lookup = socket.getaddrinfo

    def slow(*arguments: object, **more: object) -> object:
        time.sleep(DEADLINE)
        return lookup(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert failure(transport).code == "Deadline"
    assert server.received == 0


def test_a_deadline_shorter_than_the_last_one_holds(listener: Listeners, opened: Opener) -> None:
    server = listener(answer(PAGE, 200, KEEP_ALIVE))
    transport = opened(server.base_url)
    assert ask(transport).body == PAGE
    assert server.answered.acquire(timeout=5)
    server._acts = (dripping,)
    transport._deadline = DEADLINE
    within_deadline(transport)


# --- TLS and proxies


@pytest.fixture
def named_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any example host is this machine, whose certificate is trusted."""
    lookup = socket.getaddrinfo

    def here(host: str, *rest: object, **more: object) -> object:
        return lookup("127.0.0.1" if host.endswith(".example") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(BUNDLE))


def speaking_tls(act: Action) -> Action:
    """The act, behind a handshake for api.example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(BUNDLE)

    def play(server: Listener, connection: socket.socket) -> None:
        with context.wrap_socket(connection.dup(), server_side=True) as secure:
            act(server, secure)

    return play


def telling(data: bytes) -> Action:
    def play(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(data)

    return play


def dripping(server: Listener, connection: socket.socket) -> None:
    server.read_head(connection)
    connection.sendall(answer(length=1_000))
    drip(connection, b"x" * 1_000)


@pytest.mark.usefixtures("named_here")
def test_over_tls_the_key_goes_to_whom_the_certificate_names(
    listener: Listeners, opened: Opener
) -> None:
    server = listener(speaking_tls(telling(answer(PAGE))))
    assert ask(opened(f"https://api.example:{server.port}")).body == PAGE
    assert CANARY.encode() in server.heads[0]


@pytest.mark.parametrize("wrong", ["name", "authority", "bundle missing", "bundle garbage"])
@pytest.mark.usefixtures("named_here")
def test_without_a_trusted_certificate_nothing_is_sent(
    listener: Listeners,
    opened: Opener,
    wrong: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = listener(speaking_tls(telling(answer(PAGE))))
    garbage = tmp_path / "bundle.pem"
    garbage.write_text("no certificate")
    if wrong == "authority":
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    elif wrong.startswith("bundle"):
        bundle = garbage if "garbage" in wrong else tmp_path / "nowhere.pem"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    host = "other.example" if wrong == "name" else "api.example"
    error = failure(opened(f"https://{host}:{server.port}"))
    assert (error.code, error.sent) == ("NotTrusted", False)
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert server.received == 0


@pytest.mark.usefixtures("named_here")
def test_a_port_that_speaks_no_tls_gets_nothing(listener: Listeners, opened: Opener) -> None:
    server = listener(lambda _, connection: connection.sendall(answer(PAGE)))
    error = failure(opened(f"https://api.example:{server.port}"))
    assert not error.sent
    assert server.received == 0


@pytest.mark.usefixtures("named_here")
def test_tls_that_breaks_after_the_request_counts_as_sent(
    listener: Listeners, opened: Opener
) -> None:
    def act(server: Listener, secure: socket.socket) -> None:
        server.read_head(secure)
        socket.socket.sendall(secure, b"\x17\x03\x03\x00\x20" + bytes(32))  # not a true record

    server = listener(speaking_tls(act))
    error = failure(opened(f"https://api.example:{server.port}"))
    assert (error.code, error.sent) == ("Broken", True)


def keeping(server: Listener, connection: socket.socket) -> None:
    while server.read_head(connection):
        connection.sendall(answer(gzip.compress(PAGE), 200, "Content-Encoding: gzip", KEEP_ALIVE))


@pytest.mark.usefixtures("named_here")
def test_over_tls_a_connection_is_kept_too(listener: Listeners, opened: Opener) -> None:
    server = listener(speaking_tls(keeping))
    transport = opened(f"https://api.example:{server.port}")
    assert [ask(transport).body for _ in range(4)] == [PAGE] * 4
    transport.close()
    assert server.connections == 1
    first, *others = (sorted(head.lower().split(b"\r\n")) for head in server.heads if head)
    assert others == [first] * 3


@pytest.mark.usefixtures("named_here")
def test_over_tls_that_is_kept_a_break_after_the_request_counts_as_sent(
    listener: Listeners, opened: Opener
) -> None:
    def act(server: Listener, secure: socket.socket) -> None:
        server.read_head(secure)
        secure.sendall(answer(PAGE, 200, KEEP_ALIVE))
        server.read_head(secure)
        socket.socket.sendall(secure, b"\x17\x03\x03\x00\x20" + bytes(32))  # not a true record

    server = listener(speaking_tls(act))
    transport = opened(f"https://api.example:{server.port}")
    assert ask(transport).body == PAGE
    error = failure(transport)
    assert (error.code, error.sent) == ("Broken", True)


@pytest.mark.usefixtures("named_here")
def test_over_tls_the_deadline_holds_too(listener: Listeners, opened: Opener) -> None:
    server = listener(speaking_tls(dripping))
    within_deadline(opened(f"https://api.example:{server.port}", deadline=DEADLINE))


@pytest.mark.usefixtures("named_here")
def test_a_handshake_that_never_comes_ends_with_the_deadline(
    listener: Listeners, opened: Opener
) -> None:
    server = listener()
    begun = time.monotonic()
    error = failure(opened(f"https://api.example:{server.port}", deadline=DEADLINE))
    assert time.monotonic() - begun < DEADLINE + SLACK
    assert not error.sent


@pytest.mark.usefixtures("named_here")
def test_a_password_of_netrc_is_not_added(
    listener: Listeners, opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password foreign")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = listener(speaking_tls(telling(answer(PAGE))))
    ask(opened(f"https://api.example:{server.port}"))
    assert b"authorization" not in server.heads[0].lower()


def connecting(reply: bytes, act: Action) -> Action:
    """A proxy that answers CONNECT and, once agreed, is the service itself."""

    def play(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        connection.sendall(reply)
        if b" 200 " in reply:
            act(server, connection)

    return play


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.fixture
def proxied(
    listener: Listeners, opened: Opener, monkeypatch: pytest.MonkeyPatch, named_here: None
) -> Callable[..., tuple[Listener, Transport]]:
    """Make a proxy of such an act, and a transport that goes through it."""
    del named_here

    def make(act: Action, deadline: float = 10.0) -> tuple[Listener, Transport]:
        proxy = listener(act)
        address = f"http://user:proxypassword@127.0.0.1:{proxy.port}"
        monkeypatch.setenv("HTTPS_PROXY", address)
        return proxy, opened("https://api.example", deadline=deadline)

    return make


def test_a_proxy_is_told_the_host_and_never_the_key(proxied: Proxied) -> None:
    proxy, transport = proxied(connecting(ESTABLISHED, speaking_tls(telling(answer(PAGE)))))
    assert [ask(transport).body for _ in range(2)] == [PAGE] * 2
    asked, inner, *again = proxy.heads
    assert len(again) == 2
    assert asked.startswith(b"CONNECT api.example:443 HTTP/1.")
    assert CANARY.encode() not in asked
    assert CANARY.encode() in inner
    assert b"proxy-authorization" not in inner.lower()


def test_through_a_proxy_a_connection_is_kept_too(proxied: Proxied) -> None:
    proxy, transport = proxied(connecting(ESTABLISHED, speaking_tls(keeping)))
    assert [ask(transport).body for _ in range(4)] == [PAGE] * 4
    transport.close()
    asked, first, *others = (head for head in proxy.heads if head)
    assert proxy.connections == 1
    assert CANARY.encode() not in asked
    assert len(others) == 3
    for head in others:
        assert sorted(head.lower().split(b"\r\n")) == sorted(first.lower().split(b"\r\n"))


def test_through_a_proxy_the_deadline_holds_too(proxied: Proxied) -> None:
    _, transport = proxied(connecting(ESTABLISHED, speaking_tls(dripping)), DEADLINE)
    assert within_deadline(transport).sent


def test_a_proxy_that_drips_its_consent_is_given_up_at_the_deadline(proxied: Proxied) -> None:
    def act(server: Listener, connection: socket.socket) -> None:
        server.read_head(connection)
        drip(connection, b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 50)

    _, transport = proxied(act, DEADLINE)
    assert not within_deadline(transport).sent


@pytest.mark.parametrize("status", [407, 403, 502])
def test_a_proxy_that_refuses_is_told_without_its_password(proxied: Proxied, status: int) -> None:
    refusal = answer(b"<html>blocked</html>", status)
    proxy, transport = proxied(connecting(refusal, telling(b"")))
    error = failure(transport)
    assert (error.code, error.sent) == ("Unreachable", False)
    assert "proxy" in str(error)
    assert "proxypassword" not in f"{error} {error!r}"
    assert CANARY.encode() not in b"".join(proxy.heads)


def test_a_proxy_that_is_not_there_is_told(
    opened: Opener, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port}")
    error = failure(opened("https://api.example"))
    assert (error.code, error.sent) == ("Unreachable", False)
    assert "proxy" in str(error)


# --- what a failure carries


def test_no_failure_carries_the_request_with_its_headers(opened: Opener, closed_port: int) -> None:
    error = failure(opened(f"http://127.0.0.1:{closed_port}"))
    assert error.__context__ is None
    assert error.__cause__ is None


def test_http_client_is_not_made_to_print_the_key(
    listener: Listeners,
    opened: Opener,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 9)
    ask(opened(listener(answer(PAGE)).base_url))
    assert CANARY not in "".join(capsys.readouterr())


def test_the_logs_of_the_libraries_do_not_hold_the_key(
    listener: Listeners, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(opened(listener(answer(PAGE, 200, "X y: bad header")).base_url))
    assert "GET /api/v3/files" in caplog.text
    assert CANARY not in caplog.text


def test_a_transport_shows_no_key(opened: Opener) -> None:
    transport = opened("http://127.0.0.1:1")
    text = f"{transport!r} {vars(transport)} {vars(transport._adapter)}"
    assert CANARY not in text
