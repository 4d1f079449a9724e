"""``python -m tests.bench [CASE ...]``: speed, memory and file sizes compared with other libraries.

By default all cases run. The exit code is 1 if a goal is missed.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
