"""Handlers of SIGINT, SIGTERM and SIGHUP, for code that must finish or remove something first.

Outside this code, the three signals have their default action, which ends the process at once. Data
that is already stored stays intact.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def on_signal(handler: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call ``handler`` on the first SIGINT, SIGTERM and SIGHUP during the ``with`` block.

    ``handler`` is called at most once per kind of signal: a second SIGINT, for example, has its
    default action. Signals that are ignored when the block starts, as under ``nohup``, stay
    ignored.
    """

    def handle(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        handler(signal.Signals(number))

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    handled = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, handle) for number in handled}
    try:
        yield
    finally:
        for number, action in previous.items():
            signal.signal(number, action)
