"""One HTTP request, bounded in time and size, with a key that stays home.

``requests`` by itself forwards a custom header on redirects, bounds each read but not the whole,
and inflates without limit; each of these has its remedy here.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import weakref
import zlib
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from graphbuild.errors import Misdirected, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests.adapters import BaseAdapter
    from urllib3 import HTTPResponse

    from graphbuild.keys import Key

MAX_BYTES = 32 * 1024 * 1024
_CONNECT_SECONDS = 10.0
_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
# The front end compresses only for agents that say "gzip" (as the official clients do).
_AGENT = "graphbuild (gzip)"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, headers under lower-case names, the body decompressed.

    Attributes:
        damage: why the body cannot be trusted; empty if it can.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    damage: str = ""


class Transport:
    """Sends GET requests below one base URL, and nowhere else.

    Args:
        key: goes into the ``x-apikey`` header.
        base_url: where the API is; without a path, the API's own ``/api/v3`` is meant.
        adapter: replaces the network, in tests.
        deadline: seconds a request may take, all in all.
        max_bytes: of a body, on the wire and decompressed.
    """

    def __init__(
        self,
        key: Key,
        base_url: str,
        *,
        adapter: BaseAdapter | None,
        deadline: float,
        max_bytes: int,
    ) -> None:
        self.base_url = check_base_url(base_url)
        self._host = urlsplit(self.base_url).netloc
        local = _is_local(urlsplit(self.base_url).hostname or "")
        if not local:
            key.check_length()
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._adapter = adapter or _WatchedAdapter()
        self._session = _session(self._adapter, trust_env=not local)
        self._auth = _KeyHeader(key, self.base_url)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, path: str, query: Mapping[str, str]) -> Reply:
        """Send one request and read the whole answer.

        Raises:
            Transient: no whole answer came; ``sent`` tells whether the request got out.
        """
        watchdog = _Watchdog(self._deadline, self._adapter)
        with watchdog:
            try:
                return self._get(path, query)
            except (requests.RequestException, HTTPError, OSError) as error:
                # The chain below holds the request and its headers: it ends here.
                raise self._transient(error, late=watchdog.fired) from None

    def _get(self, path: str, query: Mapping[str, str]) -> Reply:
        with self._session.get(
            self.base_url + path,
            params=dict(query),
            auth=self._auth,
            allow_redirects=False,
            stream=True,
            timeout=(min(_CONNECT_SECONDS, self._deadline), self._deadline),
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            body, damage = _body(response.raw, headers, self._max_bytes)
            return Reply(response.status_code, headers, body, damage)

    def _transient(self, error: Exception, *, late: bool) -> Transient:
        if late:
            return Transient(
                f"no complete answer from {self._host} within {self._deadline:g} s",
                code="Deadline",
            )
        if isinstance(error, requests.exceptions.SSLError):
            return Transient(
                f"no trusted connection to {self._host}: its certificate was not accepted; "
                "name your authority's bundle in REQUESTS_CA_BUNDLE",
                code="NotTrusted",
                sent=False,
            )
        if _never_sent(error):
            return Transient(f"cannot reach {self._host}", code="Unreachable", sent=False)
        return Transient(
            f"the connection to {self._host} broke off ({type(error).__name__})", code="Broken"
        )


def check_base_url(text: str) -> str:
    """The base URL in its one form: no slash at the end, ``/api/v3`` where it has no path.

    Raises:
        ValueError: it is no https address, or plain http beyond this machine.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"{text!a} is no address: {error}") from None
    plain = text.isascii() and text.isprintable() and not set(text) & set(" \\\"'<>")
    if not plain or "@" in parts.netloc or parts.query or parts.fragment or not host:
        raise ValueError(f"{text!a} is no base address: expected https://host/path")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_local(host)):
        raise ValueError(f"{text!a}: the key travels over https only (plain http to loopback)")
    path = parts.path.rstrip("/") or "/api/v3"
    return f"{parts.scheme}://{parts.netloc}{path}"


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

    def __init__(self, key: Key, base_url: str) -> None:
        self._key = key
        self._base_url = base_url

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not (request.url or "").startswith(self._base_url + "/"):
            raise Misdirected("a request was about to leave the configured address")
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
    session.headers.update(
        {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": _AGENT,
        }
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


# --- the deadline --------------------------------------------------------------------------------


class _WatchedAdapter(HTTPAdapter):
    """An adapter that knows its open sockets, so that a watchdog can end them."""

    def __init__(self) -> None:
        self.sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  handed on
        """Make a pool whose connections report their sockets."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _watched_pools(self.sockets)

    def cut(self) -> None:
        """Shut every open socket down; whoever reads from it gets an error at once."""
        for sock in list(self.sockets):
            try:
                # The plain method: TLS must not be spoken from another thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                continue  # closed already


def _watched_pools(
    sockets: weakref.WeakSet[socket.socket],
) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            if self.sock is not None:
                sockets.add(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Watchdog:
    """Ends a request that outlives its deadline: per-read timeouts never add up to one."""

    def __init__(self, seconds: float, adapter: BaseAdapter) -> None:
        self.fired = False
        self._adapter = adapter
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    def _fire(self) -> None:
        self.fired = True
        if isinstance(self._adapter, _WatchedAdapter):
            self._adapter.cut()

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


# --- the body ------------------------------------------------------------------------------------


def _body(raw: HTTPResponse, headers: Mapping[str, str], limit: int) -> tuple[bytes, str]:
    """The decompressed body, and what is wrong with it; read no further than ``limit``."""
    encoding = headers.get("content-encoding", "").strip().lower()
    chunks = raw.stream(_CHUNK, decode_content=False)
    if encoding in {"", "identity"}:
        return _capped(chunks, limit)
    if encoding != "gzip":
        return b"", f"an encoding nobody asked for ({encoding[:40]!a})"
    return _gunzip(chunks, limit)


def _capped(chunks: Iterator[bytes], limit: int) -> tuple[bytes, str]:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            return b"", f"larger than {limit} bytes"
    return bytes(body), ""


def _gunzip(chunks: Iterator[bytes], limit: int) -> tuple[bytes, str]:
    """Inflate strictly: one member, whole, nothing behind it.

    The library's own decoding takes a cut stream for a whole one if the length header agrees.
    """
    inflate = zlib.decompressobj(_GZIP)
    body = bytearray()
    try:
        for chunk in chunks:
            body += inflate.decompress(chunk, limit + 1 - len(body))
            if len(body) > limit or inflate.unconsumed_tail:
                return b"", f"larger than {limit} bytes"
            if inflate.unused_data:
                return b"", "bytes after the end of the gzip stream"
    except zlib.error:
        return b"", "not the gzip it says it is"
    return (bytes(body), "") if inflate.eof else (b"", "a gzip stream that is cut short")


def _never_sent(error: BaseException) -> bool:
    """Whether the connection was never made: nothing was sent, nothing was paid for."""
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.ConnectTimeout):
        return True
    names: set[str] = set()
    cause: BaseException | None = error
    while cause is not None:
        names.add(type(cause).__name__)
        reason = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        cause = reason if isinstance(reason, BaseException) else None
    return bool(names & {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"})
