"""``python -m tests.torture [PART ...]``: do to graphbuild what must not hurt it, and count.

Without a part's name all run. The exit code is 1 if any promise was broken or a part that was
asked for by name could not run.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.torture.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
