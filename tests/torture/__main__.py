"""``python -m tests.torture [PART ...]``: crashes, signals, failing system calls and hostile input.

By default all parts run. The exit code is 1 if a check failed or a named part could not run.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.torture.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
