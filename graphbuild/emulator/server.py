"""An HTTP/1.1 server for the emulated API on the loopback address 127.0.0.1."""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from graphbuild.emulator.http_messages import PREFIX

if TYPE_CHECKING:
    from graphbuild.emulator.api import Api
    from graphbuild.emulator.http_messages import Response

_Incoming = socket.socket | tuple[bytes, socket.socket]

_HOST = "127.0.0.1"
_POLL_INTERVAL = 0.02  # maximum seconds until the server thread notices a shutdown


class Emulator:
    """Serves an ``Api`` over HTTP on 127.0.0.1, in a ``with`` block or after :meth:`start`.

    If ``port`` is 0, the operating system chooses a free port.
    """

    def __init__(self, api: Api, *, port: int = 0) -> None:
        self.api = api
        self._port = port
        self._server: _Server | None = None
        self._thread = threading.Thread()

    @property
    def base_url(self) -> str:
        """The base URL for clients, such as ``http://127.0.0.1:8080/api/v3``."""
        if self._server is None:
            raise RuntimeError("the emulator is not running; use it in a with statement")
        return f"http://{_HOST}:{self._server.server_port}{PREFIX}"

    def start(self) -> None:
        """Bind the port and serve requests in background threads.

        Raises:
            OSError: The port cannot be used; for example, another program uses it.
        """
        self._server = _Server(self._port, self.api)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_INTERVAL,), name="emulator", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Block until the server is closed."""
        self._thread.join()

    def close(self) -> None:
        """Close the port and all connections; do nothing if the server is not running."""
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    """An HTTP server that ends all open connections when it is closed."""

    daemon_threads = False  # server_close() waits only for threads that are not daemons

    def __init__(self, port: int, api: Api) -> None:
        self.api = api
        self._open: set[socket.socket] = set()
        super().__init__((_HOST, port), _Handler)

    def server_bind(self) -> None:
        """Bind the port without the DNS lookup that the base class would make."""
        socketserver.TCPServer.server_bind(self)
        self.server_port = self.socket.getsockname()[1]

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection and add it to the open connections."""
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: _Incoming) -> None:
        """Close a connection and remove it from the open connections."""
        super().shutdown_request(request)
        self._open -= {request}

    def server_close(self) -> None:
        """Shut down all open connections, close the port and wait for the connections' threads."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: _Incoming, client_address: tuple[str, int]) -> None:
        """Print a traceback, unless the client closed the connection early."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _respond(self) -> None:
        response = self.server.api.respond(self.command, self.path, dict(self.headers.items()))
        # The body of a request is not read. The connection is closed, because otherwise the body
        # would be parsed as the next request.
        if self.command != "GET":
            response = replace(response, headers={**response.headers, "Connection": "close"})
            self.close_connection = True
        head = _response_head(response)
        if response.delivery is not None:
            keep = response.delivery(self.connection, head, response.body)
            self.close_connection = not keep
        else:
            body = b"" if self.command == "HEAD" else response.body
            self.wfile.write(head + body)  # one write, because two writes send two packets

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond  # noqa: N815 - names that the base class calls

    def log_message(self, *_: object) -> None:
        """Print nothing; the requests are in ``Api.log``."""


def _response_head(response: Response) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {responses.get(response.status, '')}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
