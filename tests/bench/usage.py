"""The CPU time and peak memory of this process."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


class Used:
    """Measures the resources used since its creation."""

    def __init__(self) -> None:
        self._cpu = _cpu()
        self._peak = _peak()

    def so_far(self) -> dict[str, float]:
        """Return CPU seconds, growth of the peak memory, and peak memory in bytes."""
        return {"cpu": _cpu() - self._cpu, "grown": _peak() - self._peak, "peak": _peak()}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak() -> int:
    # On Linux, ru_maxrss is inherited from the parent process; VmHWM is not.
    if _STATUS.exists():
        return int(re.findall(r"VmHWM:\s+(\d+)", _STATUS.read_text(encoding="ascii"))[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
