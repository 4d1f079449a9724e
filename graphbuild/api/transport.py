"""One HTTP request, bounded in time and size, with a key that stays home.

``requests`` finds the way (proxies, authorities), ``urllib3`` below it makes the connections and
carries the first request over each. What the two do for every request costs more than all the rest
of it, and each time finds the same: over a connection that is kept, the requests go by themselves,
and an answer whose head holds nothing odd is read without them. By themselves they forward a custom
header on redirects, bound each read but not the whole, and inflate without limit; each of these has
its remedy here.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import threading
import time
import weakref
import zlib
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPHeaderDict, HTTPResponse, Timeout
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import log
from urllib3.exceptions import HTTPError, ProxyError, SSLError

from graphbuild.errors import BaseUrlError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from requests.adapters import BaseAdapter
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

    from graphbuild.api.auth import ApiKey

    _Response = tuple[BaseHTTPResponse, Iterable[tuple[str, str]]]  # and the fields of its head

MAX_BYTES = 32 * 1024 * 1024
_ERROR_BYTES = 64 * 1024  # of an error's body: its code is all that is wanted
_CONNECT_SECONDS = 10.0
_GRACE = 5.0  # seconds that a single read may outlast the deadline, so that the watch is first
_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
# The front end compresses only for agents that say "gzip" (as the official clients do).
_AGENT = "graphbuild (gzip)"
# What urllib3 and urlsplit could read differently is no part of a base address.
_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\]"
_BASE = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST})(:(?P<port>[0-9]{{1,5}}))?(?P<path>(/[\w.~-]+)*)/*",
    re.ASCII | re.IGNORECASE,
)
# What a path may be made of: no dots that lead up, nothing that ends a path or an address.
_PATH = re.compile(r"(/(?!\.\.?(/|\Z))[A-Za-z0-9_.~%-]+)+")
# A head that leaves no question: each of its lines means the same to whoever reads it.
_PLAIN_FIELD = rb"[A-Za-z][A-Za-z0-9-]*: [!-~](?:[ -~]*[!-~])?\r\n"
_PLAIN_ANSWER = re.compile(rb"HTTP/1\.1 200 [ -~]*\r\n((?:%s){1,99})\r\n" % _PLAIN_FIELD)
_FOLD = re.compile(r"(?:(?<![ \t])[ \t]+)?\r\n[ \t]+")  # a field that goes on in the next line
_LENGTH = re.compile(r"[0-9]{1,15}")
_NOT_PLAIN = frozenset({"transfer-encoding", "set-cookie", "set-cookie2"})
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Connection": "keep-alive",
    "User-Agent": _AGENT,
}
# What carrying a request can end in; some of the library's own are no RequestException.
_BREAKS = (requests.RequestException, HTTPError, OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: status, headers under lower-case names, the body decompressed.

    Attributes:
        damage: why the body cannot be trusted; empty if it can.
        packed: the body as it came, a gzip stream (RFC 1952); empty where it came otherwise.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    damage: str = ""
    packed: bytes = b""


class Transport:
    """Sends GET requests below one base URL, and nowhere else; one at a time.

    Args:
        key: goes into the ``x-apikey`` header.
        base_url: where the API is; without a path, the API's own ``/api/v3`` is meant.
        adapter: replaces the network, in tests; the deadline cannot end what it does.
        deadline: seconds a request may take, all in all.
        max_bytes: of a page, on the wire and decompressed.
    """

    def __init__(
        self,
        key: ApiKey,
        base_url: str,
        *,
        adapter: BaseAdapter | None,
        deadline: float,
        max_bytes: int,
    ) -> None:
        self.base_url = check_base_url(base_url)
        parts = urlsplit(self.base_url)
        local = _is_local(parts.hostname or "")
        if not local:
            key.check_length()
        self._host, self._path = parts.netloc, parts.path
        port = ":443" if parts.scheme == "https" else ":80"
        common = {"Host": self._host.removesuffix(port), **_HEADERS}
        self._common = "".join(f"{name}: {text}\r\n" for name, text in common.items())
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._watch = _Watch(sent=adapter is not None)
        self._adapter = _WatchedAdapter(self._watch)
        self._session = _session(adapter or self._adapter, trust_env=not local)
        self._key = key
        self._auth = _KeyHeader(key, self.base_url)
        self._send = self._send_directly if adapter is None else self._send_by_others
        self._pool: HTTPConnectionPool | None = None

    def close(self) -> None:
        """Close the connections."""
        self._watch.close()
        self._session.close()

    def get(self, path: str, query: Mapping[str, str]) -> Response:
        """Send one request and read the whole answer.

        Raises:
            TransientError: no whole answer came; ``sent`` tells whether the request got out.
        """
        self._watch.begin(self._deadline)
        try:
            reply = self._get(path, query)
        except _BREAKS as error:
            failure = self._failure(error)
        else:
            if reply.status != HTTPStatus.OK or not self._watch.late:
                return reply
            failure = self._too_late()
        finally:
            self._watch.end()
        # Not inside the except: its error holds the request, and that the key.
        raise failure

    def _get(self, path: str, query: Mapping[str, str]) -> Response:
        if _PATH.fullmatch(path) is None:
            raise BaseUrlError("a request was about to leave the configured address")
        target = f"{path}?{urlencode(query)}" if query else path
        kept = self._watch.connection
        if kept is not None and kept.is_connected and not kept.proxy_is_forwarding:
            return self._get_again(kept, self._path + target)
        response, fields = self._send(target)
        try:
            return self._reply(response, fields)
        finally:
            response.close()
            response.release_conn()

    def _get_again(self, connection: HTTPConnection, target: str) -> Response:
        """Over a connection that has carried a request before."""
        try:
            begun = self._ask(connection.sock, target)
            reply = self._read_plainly(connection, begun) or self._read_carefully(connection, begun)
        except BaseException:
            connection.close()
            raise
        log.debug('%s "GET %s HTTP/1.1" %s', self._host, target, reply.status)
        return reply

    def _ask(self, sock: socket.socket, target: str) -> bytes:
        """Send a request, and wait for the first bytes of its answer."""
        seconds = self._deadline + _GRACE
        if sock.gettimeout() != seconds:
            sock.settimeout(seconds)
        head = f"GET {target} HTTP/1.1\r\n{self._common}x-apikey: {self._key.reveal()}\r\n\r\n"
        self._watch.send()
        with suppress(BrokenPipeError, ConnectionResetError):  # what it said before can be read
            sock.sendall(head.encode("ascii"))
        return sock.recv(_CHUNK)

    def _read_plainly(self, connection: HTTPConnection, begun: bytes) -> Response | None:
        """The same as :meth:`_read_carefully`, where the head leaves no question; None elsewhere.

        None also where not all of the head is among the first bytes. Then nothing has been done.
        """
        answer = _PLAIN_ANSWER.match(begun)
        headers = _plain_headers(answer[1]) if answer else None
        if not answer or not headers or int(headers["content-length"]) > self._max_bytes:
            return None
        body = _rest(connection.sock, begun[answer.end() :], int(headers["content-length"]))
        return Response(200, headers, *_body(iter((body,)), headers, self._max_bytes))

    def _read_carefully(self, connection: HTTPConnection, begun: bytes) -> Response:
        """What an answer says of which the first bytes have been read."""
        raw = _WithoutCookies(_Begun(begun, connection.sock), method="GET")  # type: ignore[arg-type]
        raw.begin()
        fields = ((name, _FOLD.sub(" ", text)) for name, text in raw.headers.items())
        response = HTTPResponse(
            body=raw,
            headers=HTTPHeaderDict(fields),
            status=raw.status,
            version=raw.version,
            reason=raw.reason,
            preload_content=False,
            decode_content=False,
            original_response=raw,
            request_method="GET",
        )
        try:
            reply = self._reply(response, response.headers.itermerged())
            # A body that broke off is closed as well, but what comes behind it is no answer.
            if reply.damage or raw.will_close or not raw.isclosed():
                connection.close()
            return reply
        finally:
            response.close()

    def _send_directly(self, target: str) -> _Response:
        """Over a pool of connections that lead to the configured address and nowhere else."""
        if self._pool is None:
            self._pool = self._find_way()
        response = self._pool.urlopen(
            "GET",
            self._path + target,
            headers={**_HEADERS, "x-apikey": self._key.reveal()},
            redirect=False,
            retries=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            timeout=Timeout(*self._timeouts()),
        )
        return response, response.headers.itermerged()

    def _send_by_others(self, target: str) -> _Response:
        """Through an adapter that is not ours, as ``requests`` does it."""
        response = self._session.get(
            self.base_url + target,
            auth=self._auth,
            allow_redirects=False,
            stream=True,
            timeout=self._timeouts(),
        )
        return response.raw, response.headers.items()

    def _timeouts(self) -> tuple[float, float]:
        return min(_CONNECT_SECONDS, self._deadline), self._deadline + _GRACE

    def _find_way(self) -> HTTPConnectionPool:
        """As ``requests`` finds it, by this machine's settings of proxies and authorities."""
        request = requests.Request("GET", self.base_url).prepare()
        way = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        verify, proxies = way["verify"], way["proxies"]
        adapter: Any = self._adapter  # its methods are typed in part only
        pool: HTTPConnectionPool
        pool = adapter.get_connection_with_tls_context(request, verify, proxies)
        adapter.cert_verify(pool, self.base_url, verify, None)
        return pool

    def _reply(self, response: BaseHTTPResponse, fields: Iterable[tuple[str, str]]) -> Response:
        headers = {name.lower(): text for name, text in fields}
        return Response(response.status, headers, *self._read(response, headers))

    def _read(self, response: BaseHTTPResponse, headers: Mapping[str, str]) -> _Body:
        chunks = response.stream(_CHUNK, decode_content=False)
        if response.status == HTTPStatus.OK:
            return _body(chunks, headers, self._max_bytes)
        if response.status // 100 == HTTPStatus.MULTIPLE_CHOICES // 100:
            return _damaged("a redirect's, not read")
        try:
            return _body(chunks, headers, min(_ERROR_BYTES, self._max_bytes))
        except _BREAKS:
            # The status came whole, and it says more than the body: a 401 stays one.
            return _damaged("cut short")

    def _failure(self, error: Exception) -> TransientError:
        if self._watch.late:
            return self._too_late()
        if self._watch.sent:
            return TransientError(
                f"the connection to {self._host} broke off ({type(error).__name__})", code="Broken"
            )
        message, code = f"cannot reach {self._host}", "Unreachable"
        if isinstance(error, ProxyError | requests.exceptions.ProxyError):
            message = (
                f"the proxy of this machine's settings does not let us through to {self._host}"
            )
        elif isinstance(error, SSLError) or type(error) is OSError:
            # requests raises a bare OSError for a bundle that is not there.
            code = "NotTrusted"
            message = (
                f"no trusted connection to {self._host}: its certificate was not accepted; "
                "name your authority's bundle in REQUESTS_CA_BUNDLE"
            )
        return TransientError(message, code=code, sent=False)

    def _too_late(self) -> TransientError:
        return TransientError(
            f"no complete answer from {self._host} within {self._deadline:g} s",
            code="Deadline",
            sent=self._watch.sent,
        )


def check_base_url(text: str) -> str:
    """The base URL in its one form: no slash at the end, ``/api/v3`` where it has no path.

    Raises:
        ValueError: it is no https address, or plain http beyond this machine. The message does
            not repeat the text, which may hold a password.
    """
    found = _BASE.fullmatch(text)
    dots = found and {".", ".."}.intersection(found["path"].split("/"))
    if not found or dots or int(found["port"] or 1) not in range(1, 65536):
        raise ValueError("no base address: expected https://host/path and nothing more")
    scheme, host = found["scheme"].lower(), found["host"].lower()
    if scheme != "https" and not _is_local(host.strip("[]")):
        raise ValueError("the key travels over https only (plain http only on this machine itself)")
    port = f":{int(found['port'])}" if found["port"] else ""
    return f"{scheme}://{host}{port}{found['path'] or '/api/v3'}"


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- the session ---------------------------------------------------------------------------------


class _KeyHeader(AuthBase):
    """Puts the key on a request if, and only if, it goes where the key belongs.

    Being an auth object, it also keeps a netrc entry from adding a foreign password.
    """

    def __init__(self, key: ApiKey, base_url: str) -> None:
        self._key = key
        self._base_url = base_url

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not (request.url or "").startswith(self._base_url + "/"):
            raise BaseUrlError("a request was about to leave the configured address")
        request.headers["x-apikey"] = self._key.reveal()
        return request


class _Session(requests.Session):
    """A session for which no answer is a redirect: not followed, not even looked into."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002  requests' own
        """None, always."""
        return


def _session(adapter: BaseAdapter, *, trust_env: bool) -> requests.Session:
    session = _Session()
    # On loopback no proxy of the environment may get to see the request.
    session.trust_env = trust_env
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update(_HEADERS)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


# --- the deadline --------------------------------------------------------------------------------


class _Watch:
    """What is known of the request under way, and the means to end it.

    Per-read timeouts never add up to a deadline, so a thread shuts the sockets down when it is
    due. It stays for the next request, as to start one costs as much as to send one; it ends by
    itself when it wakes and no request is under way.

    Attributes:
        sent: whether the request left this machine; true all along behind an adapter of others.
        late: whether the deadline has passed.
        connection: the one that was made last.
    """

    def __init__(self, *, sent: bool) -> None:
        self.sent = sent
        self.late = False
        self.connection: HTTPConnection | None = None
        self._always_sent = sent
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._changed = threading.Condition()  # may be entered again by whoever is in it
        self._due: float | None = None  # none while no request is under way
        self._wakes = 0.0  # when the thread looks again; only ever too early
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float) -> None:
        """Watch over one request from now on."""
        with self._changed:
            self.sent, self.late = self._always_sent, False
            self._due = time.monotonic() + seconds
            if self._thread is None:
                self._start()
            elif self._due < self._wakes:
                self._changed.notify()

    def end(self) -> None:
        """The request is over; from here on nobody can cut the next one."""
        with self._changed:
            self._due = None

    def close(self) -> None:
        """End the thread, if there is one."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        self._wakes = 0.0
        self._thread = threading.Thread(target=self._look, name="deadline", daemon=True)
        self._thread.start()

    def add(self, sock: socket.socket) -> None:
        """Take in a socket; one that comes after the deadline is shut down at once."""
        plain = getattr(sock, "socket", sock)  # TLS inside a proxy's TLS is no socket itself
        with self._changed:
            self._sockets.add(plain)
        if self.late:
            _shut(plain)

    def send(self) -> None:
        """Note that the request goes out now; not after the deadline.

        Raises:
            TimeoutError: a connection cut short can look like one that needs no TLS.
        """
        if self.late:
            raise TimeoutError
        self.sent = True

    def _look(self) -> None:
        with self._changed:
            me = threading.current_thread()
            while self._thread is me and self._due is not None:
                left = self._due - time.monotonic()
                if left <= 0:
                    self._cut()
                    break
                self._wakes = self._due
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            if self._thread is me:
                self._thread = None

    def _cut(self) -> None:
        with self._changed:
            self.late = True
            for sock in self._sockets:
                _shut(sock)


def _shut(sock: socket.socket) -> None:
    """Whoever reads from it gets an error at once."""
    with suppress(OSError):  # closed already
        # The plain method: TLS must not be spoken from another thread.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _WatchedAdapter(HTTPAdapter):
    """An adapter whose connections, through proxies too, report to a watch."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  handed on
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._report(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401  the library's
        """Make the pools of connections through a proxy."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            self._report(manager)
        return manager

    def _report(self, manager: Any) -> None:  # noqa: ANN401  the library's
        manager.pool_classes_by_scheme = {
            scheme: type("Pool", (pool,), {"ConnectionCls": self._watched(pool.ConnectionCls)})
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _watched(self, connection: type[HTTPConnection]) -> type[HTTPConnection]:
        return type("Connection", (_Watched, connection), {"watch": self._watch})


class _WithoutCookies(http.client.HTTPResponse):
    """An answer that sets no cookies: to parse odd ones prints warnings with a traceback."""

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        for name in ("Set-Cookie", "Set-Cookie2"):
            del self.headers[name]


class _Watched(HTTPConnection):
    """A connection that reports its sockets, and when a request goes out on it."""

    watch: _Watch
    response_class = _WithoutCookies
    debuglevel = 0  # whatever is set for all: it would print the headers

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self.watch.add(sock)
        return sock

    def connect(self) -> None:
        super().connect()
        self.watch.add(self.sock)  # by now the one that speaks TLS
        self.watch.connection = self

    def endheaders(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  handed on
        if self.sock is None:
            self.connect()
        self.watch.send()
        super().endheaders(*args, **kwargs)


# --- an answer over a kept connection ------------------------------------------------------------


def _plain_headers(fields: bytes) -> dict[str, str] | None:
    """The fields of a head, if by them the body is as long as they say, and nothing else."""
    lines = fields.decode("ascii").split("\r\n")[:-1]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, text = line.partition(": ")
        headers[name.lower()] = text
    if len(headers) != len(lines) or not _LENGTH.fullmatch(headers.get("content-length", "")):
        return None
    if headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    return headers if _NOT_PLAIN.isdisjoint(headers) else None


def _rest(sock: socket.socket, begun: bytes, length: int) -> bytes:
    """The whole body that has begun so."""
    if len(begun) >= length:
        return begun[:length]
    body = bytearray(begun)
    while len(body) < length:
        more = sock.recv(min(_CHUNK, length - len(body)))
        if not more:
            raise http.client.IncompleteRead(bytes(body), length - len(body))
        body += more
    return bytes(body)


class _Begun(io.RawIOBase):
    """A socket of whose bytes the first have been read already."""

    def __init__(self, begun: bytes, sock: socket.socket) -> None:
        self._begun = memoryview(begun)
        self._sock = sock

    def makefile(self, _: str) -> io.BufferedReader:
        """All of its bytes, as the standard library asks a socket for them."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  whatever can be written to
        """The bytes read already, then those of the socket."""
        if not self._begun:
            return self._sock.recv_into(buffer)
        size = min(len(buffer), len(self._begun))
        buffer[:size], self._begun = self._begun[:size], self._begun[size:]
        return size


# --- the body ------------------------------------------------------------------------------------


class _Body(NamedTuple):
    """What a reply tells of its body."""

    content: bytes
    damage: str = ""
    packed: bytes = b""


def _damaged(why: str) -> _Body:
    return _Body(b"", why)


def _body(chunks: Iterator[bytes], headers: Mapping[str, str], limit: int) -> _Body:
    """The decompressed body, and what is wrong with it; read no further than ``limit``."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return _capped(chunks, limit)
    if encoding != "gzip":
        return _damaged(f"an encoding nobody asked for ({encoding[:20]!a})")
    return _gunzip(chunks, limit)


def _capped(chunks: Iterator[bytes], limit: int) -> _Body:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            return _damaged(f"larger than {limit} bytes")
    return _Body(bytes(body))


def _gunzip(chunks: Iterator[bytes], limit: int) -> _Body:
    """Inflate strictly: one member, whole, nothing behind it.

    The library's own decoding takes a cut stream for a whole one if the length header agrees.
    """
    packed, damage, _ = _capped(chunks, limit)
    if damage:
        return _damaged(damage)
    inflate = zlib.decompressobj(_GZIP)
    try:
        body = inflate.decompress(packed, limit + 1)
    except zlib.error:
        return _damaged("not the gzip it says it is")
    if len(body) > limit or inflate.unconsumed_tail:
        return _damaged(f"larger than {limit} bytes")
    if inflate.unused_data:
        return _damaged("bytes after the end of the gzip stream")
    if not inflate.eof:
        return _damaged("a gzip stream that is cut short")
    return _Body(body, packed=packed)
