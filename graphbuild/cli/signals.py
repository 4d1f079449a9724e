"""Signals that ask to stop, for what must not be cut off just anywhere.

Elsewhere they do what the system means by them: the process ends at once, and nothing is lost.
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
def on_signal(act: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Within the block, the first signal calls ``act``; the second is as the system means it.

    A signal that is ignored stays so: whoever started us with nohup wants no hang-up to matter.
    """

    def handle(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        act(signal.Signals(number))

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    heeded = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
