"""A listening port with scripted connections, for responses that no HTTP server would send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

KEEP_ALIVE = "Connection: keep-alive"


class Listener:
    """A port that handles each connection by an action; the last action is repeated.

    An action is a function of the connection, or the bytes of a response. Without actions, the
    listener only reads.

    Attributes:
        heads: the received request heads, in order.
        received: the number of bytes received, except by actions.
        connections: the number of connections.
        answered: a semaphore, released at the end of each action.
    """

    def __init__(self, *actions: Action | bytes) -> None:
        self.heads: list[bytes] = []
        self.received = 0
        self.connections = 0
        self.answered = threading.Semaphore(0)
        self._actions = actions
        self._current: socket.socket | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v3"

    def close(self) -> None:
        for each in (self._socket, self._current):
            # A shutdown interrupts waiting calls, which a close does not.
            with suppress(OSError):
                if each is not None:
                    each.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def read_head(self, connection: socket.socket) -> bytes:
        """Read and record a request head."""
        head = b""
        while b"\r\n\r\n" not in head and (data := connection.recv(65536)):
            head += data
            self.received += len(data)
        self.heads.append(head)
        return head

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._current = connection
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    self._handle(connection)

    def _handle(self, connection: socket.socket) -> None:
        if not self._actions:
            while data := connection.recv(65536):
                self.received += len(data)
            return
        action = self._actions[min(self.connections, len(self._actions)) - 1]
        if callable(action):
            action(self, connection)
        else:
            self.read_head(connection)
            connection.sendall(action)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        self.answered.release()
        while connection.recv(65536):  # closing before the client does would be a reset
            pass


Action = Callable[[Listener, socket.socket], None]


def drip(connection: socket.socket, data: bytes, pace: float = 0.02) -> None:
    """Send byte by byte until the client closes the connection."""
    connection.settimeout(pace)
    for index in range(len(data)):
        connection.sendall(data[index : index + 1])
        # Receiving with a timeout is a sleep that a close interrupts.
        with suppress(TimeoutError):
            if connection.recv(1) == b"":
                return


def answer(body: bytes = b"", status: int = 200, *fields: str, length: int | None = None) -> bytes:
    """Return the bytes of a response; ``length`` overrides its declared length.

    The connection is closed after it unless ``fields`` contains ``KEEP_ALIVE``.
    """
    declared = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {declared}", *fields]
    if KEEP_ALIVE not in fields:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
