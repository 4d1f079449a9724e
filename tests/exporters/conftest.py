"""A fixture: a process that interrupts exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.interrupted_exports import interrupting_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.interrupted_exports import InterruptExports


@pytest.fixture(scope="module")
def interrupt_exports() -> Iterator[InterruptExports]:
    """Interrupt exports after a number of bytes."""
    with interrupting_process() as interrupt:
        yield interrupt
