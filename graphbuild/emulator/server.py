"""The emulator on a port of this machine, over real HTTP/1.1."""

from __future__ import annotations

import ipaddress
import socket
import socketserver
import threading
from contextlib import suppress
from dataclasses import replace
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self, cast

from graphbuild.emulator.request import PREFIX
from graphbuild.emulator.wire_faults import LASTING, WIRE_FAULTS, Wire

if TYPE_CHECKING:
    from types import TracebackType

    from graphbuild.emulator.answers import Answer
    from graphbuild.emulator.api import Api

_Incoming = socket.socket | tuple[bytes, socket.socket]
_Address = tuple[str, int]

_POLL = 0.02  # seconds until the accepting thread sees that it shall end
_FAREWELL = 5.0  # seconds that connections get to end


class Emulator:
    """A server of an `Api` on loopback, up inside a `with`; port 0 takes a free one."""

    def __init__(self, api: Api, *, host: str = "127.0.0.1", port: int = 0) -> None:
        if not _is_loopback(host):
            raise ValueError(f"the emulator serves this machine only, not {host!r}")
        self.api = api
        self._address = (host, port)
        self._server: _Server | None = None
        self._thread = threading.Thread()

    @property
    def base_url(self) -> str:
        """What a client takes for the address of the API."""
        if self._server is None:
            raise RuntimeError("the emulator is not running; use it in a with statement")
        return f"http://{self._address[0]}:{self._server.server_port}{PREFIX}"

    def start(self) -> None:
        """Bind and answer from a thread in the background."""
        self._server = _Server(self._address, self.api)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="emulator", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Serve until somebody interrupts."""
        self._thread.join()

    def close(self) -> None:
        """Stop answering; connections and delays under way end."""
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    """Keeps account of its connections, so that closing leaves none behind."""

    def __init__(self, address: tuple[str, int], api: Api) -> None:
        self.api = api
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the name lookup that the base class makes."""
        socketserver.TCPServer.server_bind(self)
        self.server_port = self.socket.getsockname()[1]

    def get_request(self) -> tuple[socket.socket, _Address]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        with self._changed:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: _Incoming) -> None:
        """Close a connection and forget it."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(cast("socket.socket", request))  # a datagram never comes here
            self._changed.notify_all()

    def server_close(self) -> None:
        """Close the port, wake every connection that waits, and see them off."""
        super().server_close()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _FAREWELL)

    def handle_error(self, request: _Incoming, client_address: _Address) -> None:
        """Say nothing: clients that leave in the middle are what tests are made of."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _respond(self) -> None:
        answer = self.server.api.respond(self.command, self.path, dict(self.headers.items()))
        if self.command != "GET":  # whatever body came with it is left unread
            answer = replace(answer, headers={**answer.headers, "Connection": "close"})
            self.close_connection = True
        if answer.wire is not None:
            self.close_connection = answer.wire.kind not in LASTING
            act = WIRE_FAULTS[answer.wire.kind][1]
            act(Wire(self.connection), _head(answer), answer.body, answer.wire)
        else:
            body = b"" if self.command == "HEAD" else answer.body
            self.wfile.write(_head(answer) + body)  # one write, one packet

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond  # noqa: N815 - so the base class calls them

    def log_message(self, *_: object) -> None:
        """Keep quiet: the request log is the API's."""


def _head(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return host == "localhost"
