"""The environment of processes that tests start."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Environment variables with which a started process measures its coverage.
COVERAGE_ENVIRONMENT: dict[str, str] = {}


def without_coverage(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that does not measure its coverage."""
    return {name: text for name, text in environment.items() if name not in COVERAGE_ENVIRONMENT}


def restore_default_signals() -> None:
    """Restore the default handlers of ignored signals; started processes inherit them."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            is_interrupt = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if is_interrupt else signal.SIG_DFL)
