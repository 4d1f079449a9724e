"""Faults of the connection: truncated, slow or missing transmission."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbuild.emulator import Response
    from tests.support.faults.fault import Fault

_DRIP_INTERVAL = 0.05  # default seconds between two bytes
_MAX_STALL = 60.0  # default seconds of silence


class Connection:
    """A connection on which every wait ends when either side closes it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, data: bytes) -> None:
        """Send all of the data."""
        self._connection.sendall(data)

    def drip(self, data: bytes, interval: float) -> None:
        """Send byte by byte until the connection is closed."""
        for index in range(len(data)):
            if index and self.wait(interval):
                return
            self.send(data[index : index + 1])

    def wait(self, seconds: float) -> bool:
        """Wait; return early with True if the connection is closed."""
        # Receiving with a timeout is a sleep that a close interrupts.
        self._connection.settimeout(seconds)
        try:
            return self._connection.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return False
        finally:
            with suppress(OSError):
                self._connection.settimeout(None)

    def reset(self) -> None:
        """Close the connection with a TCP reset."""
        no_linger = struct.pack("ii", 1, 0)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self._connection.close()


def _cut(connection: Connection, head: bytes, body: bytes, _fault: Fault) -> None:
    connection.send(head + body[: len(body) // 2])


def _cut_reset(connection: Connection, head: bytes, body: bytes, fault: Fault) -> None:
    _cut(connection, head, body, fault)
    connection.reset()


def _drip(connection: Connection, head: bytes, body: bytes, fault: Fault) -> None:
    connection.send(head)
    connection.drip(body, fault.seconds(_DRIP_INTERVAL))


def _drip_headers(connection: Connection, head: bytes, body: bytes, fault: Fault) -> None:
    connection.drip(head + body, fault.seconds(_DRIP_INTERVAL))


def _stall(connection: Connection, _head: bytes, _body: bytes, fault: Fault) -> None:
    connection.wait(fault.seconds(_MAX_STALL))


def _stall_body(connection: Connection, head: bytes, body: bytes, fault: Fault) -> None:
    connection.send(head + body[: len(body) * 9 // 10])
    connection.wait(fault.seconds(_MAX_STALL))


def _delay(connection: Connection, head: bytes, body: bytes, fault: Fault) -> None:
    if not connection.wait(fault.seconds(1.0)):
        connection.send(head + body)


def _raw(connection: Connection, _head: bytes, _body: bytes, fault: Fault) -> None:
    connection.send(fault.data)


_SEND: Mapping[str, Callable[[Connection, bytes, bytes, Fault], None]] = {
    "reset": lambda connection, *_: connection.reset(),
    "close": lambda *_: None,
    "cut": _cut,
    "cut_reset": _cut_reset,
    "drip": _drip,
    "drip_headers": _drip_headers,
    "stall": _stall,
    "stall_body": _stall_body,
    "delay": _delay,
    "hang_up": lambda connection, head, body, _: connection.send(head + body),
    "raw": _raw,
}

_DESCRIPTIONS = {
    "reset": "connection reset without a response",
    "close": "connection closed without a response",
    "cut": "half of the body, less than its declared length",
    "cut_reset": "half of the body, then a connection reset",
    "drip": "the body byte by byte (value: interval in seconds; default 0.05)",
    "drip_headers": "headers and body byte by byte (value as drip)",
    "stall": "no data (value: maximum in seconds; default 60)",
    "stall_body": "nine tenths of the body, then no data (value as stall)",
    "delay": "the regular response after a delay (value in seconds; default 1)",
    "hang_up": "the regular response, then an unannounced close",
    "raw": "these bytes (value) instead of an HTTP response",
}

# The connection remains usable after these faults.
_KEEP_CONNECTION = frozenset({"delay", "drip", "drip_headers"})

# The exceptions that an in-process client sees instead; other faults have no effect there.
_EXCEPTIONS: Mapping[str, type[requests.RequestException]] = {
    "reset": requests.ConnectionError,
    "close": requests.ConnectionError,
    "raw": requests.ConnectionError,
    "stall": requests.ReadTimeout,
    "drip_headers": requests.ReadTimeout,
}
_CUT_KINDS = frozenset({"cut", "cut_reset", "stall_body"})


@dataclass(frozen=True, slots=True)
class FaultyDelivery:
    """The `Delivery` of a response with a connection fault."""

    fault: Fault

    def __call__(self, connection: socket.socket, head: bytes, body: bytes) -> bool:
        """Write to the connection according to the fault; return whether it stays open."""
        _SEND[self.fault.kind](Connection(connection), head, body, self.fault)
        return self.fault.kind in _KEEP_CONNECTION

    def receive(self, response: Response) -> Response:
        """Raise the exception that the fault causes, or return what is left of the response."""
        kind = self.fault.kind
        if kind in _EXCEPTIONS:
            raise _EXCEPTIONS[kind](f"emulated: {kind}")
        if kind in _CUT_KINDS:
            return replace(response, body=response.body[: len(response.body) // 2])
        return response


CONNECTION_FAULTS: Mapping[str, tuple[str, Callable[[Fault], FaultyDelivery]]] = {
    kind: (description, FaultyDelivery) for kind, description in _DESCRIPTIONS.items()
}
