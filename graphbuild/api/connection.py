"""An adapter for ``requests`` that enforces a deadline for each request and its response.

The classes override only public names of their base classes in ``requests``, ``urllib3`` and
``http.client``.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

if TYPE_CHECKING:
    from graphbuild.api.auth import ApiKey

_MAX_LINE = 64 * 1024  # bytes of one line
# Bytes of all status, header, chunk-size and trailer lines of a response together.
_MAX_ALL_LINES = 1024 * 1024
_MAX_INFORMATIONAL = 10  # maximum number of 1xx responses before the final response
_BUFFER_SIZE = 64 * 1024  # bytes
# HTTP statuses of responses that must not have a body, although some servers send one.
_WITHOUT_BODY = frozenset({101, 204, 304})


class RequestState:
    """The API key, the deadline of the current request, and whether the request was sent.

    Attributes:
        key: The API key.
        sent: Whether the request may have been sent, at least in part.
    """

    def __init__(self, key: ApiKey) -> None:
        self.key = key

    def start(self, seconds: float, *, sent: bool) -> None:
        """Set the deadline of a new request to ``seconds`` from now, and the attribute ``sent``."""
        self.sent = sent
        self._due = time.monotonic() + seconds

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self._due

    def remaining(self) -> float:
        """Return the seconds until the deadline, or raise TimeoutError if it has passed."""
        seconds = self._due - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class DeadlineAdapter(HTTPAdapter):
    """An adapter that enforces the deadline of each request, also through a proxy."""

    def __init__(self, state: RequestState) -> None:
        self._state = state
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        """Create the manager of pools for direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._replace_connection_classes(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401  passed on
        """Return the manager of pools for connections through a proxy."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            self._replace_connection_classes(manager)
        return manager

    def _replace_connection_classes(self, manager: Any) -> None:  # noqa: ANN401  of urllib3
        response_class = type("Response", (_Response,), {"state": self._state})
        names = {"state": self._state, "response_class": response_class}
        pools = {}
        for scheme, pool in manager.pool_classes_by_scheme.items():
            connection_class = type("Connection", (_Connection, pool.ConnectionCls), names)
            pools[scheme] = type("Pool", (pool,), {"ConnectionCls": connection_class})
        manager.pool_classes_by_scheme = pools


class _Connection(HTTPConnection):
    """A connection that adds the API key to each request and records that the request is sent.

    After the deadline, the connection raises TimeoutError instead of sending the request.
    """

    state: RequestState
    debuglevel = 0  # at a higher level, http.client prints the headers, which contain the key

    def connect(self) -> None:
        super().connect()
        self.state.remaining()

    def endheaders(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        if self.sock is None:
            self.connect()
        self.state.remaining()
        self.state.sent = True
        # The key is added last, so that no function that connects or waits for a response has it in
        # a local variable, which a traceback might show.
        self.putheader("x-apikey", self.state.key.reveal())
        super().endheaders(*args, **kwargs)


class _Response(http.client.HTTPResponse):
    """The final response to a request. Informational responses (1xx except 101) are skipped."""

    state: RequestState
    fp: _Reader

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = _Reader(_SocketStream(sock, self.state))

    def begin(self) -> None:
        """Read the status line and the headers."""
        super().begin()
        while 100 <= self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:  # noqa: PLR2004  the class of informational responses
            self.headers = self.msg = None  # type: ignore[assignment]  # begin() then reads again
            super().begin()
        self.fp.blank_lines = 1  # a chunked body ends with a blank line
        self.will_close = self.will_close or not self._has_one_length()
        for name in ("Set-Cookie", "Set-Cookie2"):
            # Cookies are not used, and http.cookiejar prints warnings about malformed cookies.
            del self.headers[name]

    def _has_one_length(self) -> bool:
        """Return whether the headers define the length of the body unambiguously.

        Otherwise, it is unclear whether the bytes after the headers belong to this body or to
        another response.
        """
        if self.status in _WITHOUT_BODY or self.headers.defects:
            return False
        lengths = self.headers.get_all("Content-Length", [])
        encodings = self.headers.get_all("Transfer-Encoding", [])
        if encodings:
            return not lengths and len(encodings) == 1 and bool(self.chunked)
        return len(lengths) == 1 and re.fullmatch("[0-9]+", lengths[0].strip()) is not None


class _SocketStream(io.RawIOBase):
    """The bytes that a socket receives. Reading after the deadline raises TimeoutError.

    If ``is_ended`` is True, no more bytes are read from the socket.
    """

    def __init__(self, sock: socket.socket, state: RequestState) -> None:
        self._sock = sock
        self._stream = sock.makefile("rb", buffering=0)
        self._state = state
        self._timeout = sock.gettimeout()
        self.is_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  any writable buffer
        if self.is_ended:
            return None
        self._sock.settimeout(self._state.remaining())
        return self._stream.readinto(buffer)

    def may_hold_bytes(self) -> bool:
        """Return whether a TLS layer may hold bytes that this stream has not returned yet."""
        if isinstance(self._sock, ssl.SSLSocket):
            return self._sock.pending() > 0
        # For TLS inside TLS, as with an https proxy, urllib3 wraps the socket in an object that is
        # not a socket and may have read ahead.
        return not isinstance(self._sock, socket.socket)

    def shut_down(self) -> None:
        """Shut the socket down, so that the pool replaces the connection."""
        plain = getattr(self._sock, "socket", self._sock)
        with suppress(OSError):
            plain.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):  # the socket may already be closed
            self._sock.settimeout(self._timeout)
        self._stream.close()
        super().close()


class _Reader(io.BufferedReader):
    """A buffered reader for one response.

    The reader limits the length of each line, the total length of all lines, and the number of
    blank lines.
    """

    raw: _SocketStream

    def __init__(self, stream: _SocketStream) -> None:
        super().__init__(stream, _BUFFER_SIZE)
        # Number of blank lines that may still follow. The headers of each response, also of an
        # informational one, end with a blank line.
        self.blank_lines = _MAX_INFORMATIONAL + 1
        self._line_bytes = (
            _MAX_ALL_LINES  # number of bytes that all further lines may have together
        )

    def read(self, size: int | None = -1, /) -> bytes:
        # A negative chunk size would read all bytes up to the end of the connection.
        if size is None or size < 0:
            raise http.client.HTTPException("negative size")
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(_MAX_LINE if size is None or size < 0 else min(size, _MAX_LINE))
        self._line_bytes -= len(line)
        self.blank_lines -= line in {b"\r\n", b"\n"}
        if len(line) == _MAX_LINE or self._line_bytes < 0 or self.blank_lines < 0:
            raise http.client.HTTPException("too many or too long lines")
        return line

    def close(self) -> None:
        """Close the response, and shut the connection down if it received bytes after the response.

        Such bytes would be interpreted as the response to the next request. Bytes that are still in
        the buffer of the operating system are not checked here: because of them, urllib3 closes the
        connection.
        """
        if not self.closed:
            self.raw.is_ended = True
            if self.peek(1) or self.raw.may_hold_bytes():
                self.raw.shut_down()
        super().close()
