"""A server that sends any bytes, over plain HTTP and TLS."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from tests.support.paths import DATA

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLE = DATA / "loopback.pem"  # the certificate of HOST and its key
HOST = "api.example"
End = Literal["keep", "close", "reset", "stall"]
_PAUSE = 0.001  # seconds between two segments
_TIMEOUT = 10.0  # seconds


@dataclass(slots=True)
class Answer:
    """The bytes of a response, in segments, and what happens to the connection after them."""

    segments: list[bytes]
    end: End = "keep"


class WireServer:
    """Answers each request with the bytes that ``respond`` returns for its path.

    Attributes:
        respond: returns the answer to the path of a request.
        reused: the number of requests on a connection that had answered before.
    """

    def __init__(self) -> None:
        self.respond: Callable[[str], Answer] = lambda _: Answer([], "close")
        self.reused = 0
        self._idle = threading.Event()
        self._idle.set()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(BUNDLE)
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]

    def __enter__(self) -> Self:
        for listener, is_tls in zip(self._listeners, (False, True), strict=True):
            threading.Thread(target=self._accept, args=(listener, is_tls), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def base_url(self, *, tls: bool) -> str:
        """Return the base URL of the API."""
        port = self._listeners[tls].getsockname()[1]
        return f"https://{HOST}:{port}/api/v3" if tls else f"http://127.0.0.1:{port}/api/v3"

    def wait_until_idle(self) -> None:
        """Wait until all bytes of the last answer are sent."""
        self._idle.wait(_TIMEOUT)

    def _accept(self, listener: socket.socket, is_tls: bool) -> None:  # noqa: FBT001  a thread's argument
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(connection, is_tls), daemon=True).start()

    def _serve(self, connection: socket.socket, is_tls: bool) -> None:  # noqa: FBT001  a thread's argument
        with suppress(OSError), connection:
            connection.settimeout(_TIMEOUT)
            if is_tls:
                connection = self._context.wrap_socket(connection, server_side=True)
            count = 0
            with connection:
                while (head := _read_head(connection)) and self._answer(connection, head):
                    count += 1
                    self.reused += count > 1

    def _answer(self, connection: socket.socket, head: bytes) -> bool:
        """Answer a request; return whether the connection stays open."""
        self._idle.clear()
        try:
            answer = self.respond(head.split(b" ", 2)[1].decode())
            for number, segment in enumerate(answer.segments):
                time.sleep(_PAUSE if number else 0)  # real time: segments arrive separately
                connection.sendall(segment)
            if answer.end == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            self._idle.set()
        if answer.end == "stall":
            connection.recv(1)  # until the client closes the connection
        return answer.end == "keep"


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65_536)
        if not data:
            return b""
        head += data
    return head
