"""HTTP connections with a deadline, for ``requests``.

Only public names of ``http.client`` and ``urllib3`` are overridden.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

_MAX_LINE = 64 * 1024
_MAX_INFORMATIONAL = 10  # 1xx responses before the final one
_BUFFER_SIZE = 64 * 1024


class RequestState:
    """The deadline of the current request, and whether the request was sent."""

    def start(self, seconds: float, *, sent: bool) -> None:
        """Start a request that must end within ``seconds``; ``sent`` is its initial state."""
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
    """An adapter that enforces the deadline of each request, with and without a proxy."""

    def __init__(self, state: RequestState) -> None:
        self._state = state
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        """Create the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._replace_connection_classes(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401  passed on
        """Return the pools of connections through a proxy."""
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
    """A connection that records whether a request was sent. After the deadline it sends none."""

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
        super().endheaders(*args, **kwargs)


class _Response(http.client.HTTPResponse):
    """The final response to a request; informational responses (1xx) are skipped."""

    state: RequestState

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = _Reader(_SocketStream(sock, self.state), _BUFFER_SIZE)

    def begin(self) -> None:
        """Read the status line and the headers."""
        for _ in range(_MAX_INFORMATIONAL + 1):
            super().begin()
            if not 100 <= self.status < 200:  # noqa: PLR2004  the class of informational responses
                break
            if self.status == HTTPStatus.SWITCHING_PROTOCOLS:
                self.will_close = True
                break
            self.headers = self.msg = None  # type: ignore[assignment]  # lets begin() read again
        else:
            raise http.client.HTTPException("too many informational responses")
        for name in ("Set-Cookie", "Set-Cookie2"):
            # Cookies are not used, and http.cookiejar prints warnings for malformed ones.
            del self.headers[name]


class _SocketStream(io.RawIOBase):
    """The bytes that a socket receives before the deadline."""

    def __init__(self, sock: socket.socket, state: RequestState) -> None:
        self._sock = sock
        self._stream = sock.makefile("rb", buffering=0)
        self._state = state
        self._timeout = sock.gettimeout()
        self.is_blocking = True  # otherwise, reads return only bytes that were already received

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  any writable buffer
        self._sock.settimeout(self._state.remaining() if self.is_blocking else 0)
        with suppress(ssl.SSLWantReadError):
            return self._stream.readinto(buffer)
        return None

    def shut_down(self) -> None:
        """Make the connection unusable, so that the pool replaces it."""
        # With TLS inside TLS, the object only wraps a socket.
        plain = getattr(self._sock, "socket", self._sock)
        with suppress(OSError):
            plain.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):  # the socket may already be closed
            self._sock.settimeout(self._timeout)
        self._stream.close()
        super().close()


class _Reader(io.BufferedReader):
    """A buffered reader of one response that refuses endless lines and negative sizes."""

    raw: _SocketStream

    def read(self, size: int | None = -1, /) -> bytes:
        # With a negative chunk size, the read would continue to the end of the connection.
        if size is None or size < 0:
            raise http.client.HTTPException("negative size")
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        if size is not None and size >= 0:
            return super().readline(size)
        line = super().readline(_MAX_LINE)
        if len(line) == _MAX_LINE:
            raise http.client.LineTooLong("line")
        return line

    def close(self) -> None:
        """Close the response, and the connection if it received more bytes than the response.

        The extra bytes would be interpreted as the response to the next request.
        """
        if not self.closed:
            self.raw.is_blocking = False
            with suppress(OSError):
                if self.peek(1):
                    self.raw.shut_down()
        super().close()
