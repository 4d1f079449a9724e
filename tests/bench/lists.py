"""Read a seed list of a million lines.

Run as a script, this file is the measured process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from graphbuild.seeds import read_seeds
from tests.bench.rows import Row
from tests.bench.steps import run_step
from tests.bench.usage import Used

_LINES = 1_000_000
_MAX_SECONDS = 15.0
_MAX_MIB = 300.0
_MIB = 1 << 20


def seeds(_: int, lines: int = _LINES) -> list[Row]:
    """Measure CPU time and memory of reading a seed list."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "hashes.txt"
        path.write_text("".join(f"{n:064x}\n" for n in range(1, lines + 1)), encoding="ascii")
        used = run_step(__file__, path)
    assert used["seeds"] == lines
    peak = used["peak"] / _MIB
    case = f"seed list, {lines:,} lines"
    return [
        Row(
            f"{case}: CPU", f"{used['cpu']:.1f} s", "-", used["cpu"], _MAX_SECONDS, shown="{:.1f} s"
        ),
        Row(f"{case}: peak memory", f"{peak:.0f} MiB", "-", peak, _MAX_MIB, shown="{:.0f} MiB"),
    ]


def _main() -> None:
    used = Used()
    found = read_seeds(sys.argv[1])
    json.dump({**used.so_far(), "seeds": len(found)}, sys.stdout)


if __name__ == "__main__":
    _main()
