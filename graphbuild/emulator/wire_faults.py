"""Faults of the connection: they are acted out by the server, byte by byte."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbuild.emulator.answers import Answer
    from graphbuild.emulator.faults import Fault

_PACE = 0.05  # seconds between two bytes of a drip
_PATIENCE = 60.0  # seconds of silence at the most


class Wire:
    """One connection; every wait ends when either side closes it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._connection.sendall(data)

    def drip(self, data: bytes, pace: float) -> None:
        """Send byte by byte until the other side has enough."""
        for place in range(len(data)):
            if place and self.pause(pace):
                return
            self.send(data[place : place + 1])

    def pause(self, seconds: float) -> bool:
        """Wait; return at once with True when the connection was closed."""
        # To wait for bytes that never come is a sleep that a close interrupts.
        self._connection.settimeout(seconds)
        try:
            return self._connection.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return False
        finally:
            with suppress(OSError):
                self._connection.settimeout(None)

    def reset(self) -> None:
        """Close so that the other side sees a reset."""
        at_once = struct.pack("ii", 1, 0)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self._connection.close()


def mark_wire(answer: Answer, fault: Fault) -> Answer:
    """Hand a fault on to whoever sends the answer."""
    return replace(answer, wire=fault)


def _seconds(fault: Fault, usual: float) -> float:
    return float(fault.value) if fault.value != "" else usual


def _cut(wire: Wire, head: bytes, body: bytes, _fault: Fault) -> None:
    wire.send(head + body[: len(body) // 2])


def _cut_reset(wire: Wire, head: bytes, body: bytes, fault: Fault) -> None:
    _cut(wire, head, body, fault)
    wire.reset()


def _drip(wire: Wire, head: bytes, body: bytes, fault: Fault) -> None:
    wire.send(head)
    wire.drip(body, _seconds(fault, _PACE))


def _drip_headers(wire: Wire, head: bytes, body: bytes, fault: Fault) -> None:
    wire.drip(head + body, _seconds(fault, _PACE))


def _stall(wire: Wire, _head: bytes, _body: bytes, fault: Fault) -> None:
    wire.pause(_seconds(fault, _PATIENCE))


def _stall_body(wire: Wire, head: bytes, body: bytes, fault: Fault) -> None:
    wire.send(head + body[: len(body) * 9 // 10])
    wire.pause(_seconds(fault, _PATIENCE))


def _delay(wire: Wire, head: bytes, body: bytes, fault: Fault) -> None:
    if not wire.pause(_seconds(fault, 1.0)):
        wire.send(head + body)


def _raw(wire: Wire, _head: bytes, _body: bytes, fault: Fault) -> None:
    wire.send(fault.value if isinstance(fault.value, bytes) else str(fault.value).encode())


# After these the connection can take another request; it is closed after all others.
LASTING = frozenset({"delay", "drip", "drip_headers"})

# A kind: what it does, and how.
WIRE_FAULTS: Mapping[str, tuple[str, Callable[[Wire, bytes, bytes, Fault], None]]] = {
    "reset": ("connection reset, no answer", lambda wire, *_: wire.reset()),
    "close": ("connection closed, no answer", lambda *_: None),
    "cut": ("half the body, less than its length says", _cut),
    "cut_reset": ("half the body, then connection reset", _cut_reset),
    "drip": ("a byte of body every so often (value in seconds; 0.05)", _drip),
    "drip_headers": ("a byte every so often, headers too (value in seconds; 0.05)", _drip_headers),
    "stall": ("silence (value in seconds at most; 60)", _stall),
    "stall_body": ("nine tenths of the body, then silence (value as stall)", _stall_body),
    "delay": ("the true answer, late (value in seconds; 1)", _delay),
    "hang_up": ("the true answer, then closed without a word", lambda w, h, b, _: w.send(h + b)),
    "raw": ("these bytes (value) in place of an HTTP answer", _raw),
}
