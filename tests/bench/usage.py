"""What a process has used: CPU seconds of user and system, and the peak of its memory."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


class Used:
    """What this process uses from now on."""

    def __init__(self) -> None:
        self._cpu = _cpu()
        self._peak = _peak()

    def so_far(self) -> dict[str, float]:
        """CPU seconds, the bytes that the peak has grown by, and the peak."""
        return {"cpu": _cpu() - self._cpu, "grown": _peak() - self._peak, "peak": _peak()}


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def _peak() -> int:
    # On Linux the other figure is inherited from whoever started us; this one begins with us.
    if _STATUS.exists():
        return int(re.findall(r"VmHWM:\s+(\d+)", _STATUS.read_text(encoding="ascii"))[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
