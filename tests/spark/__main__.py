"""Test the Spark engine on a cluster: ``make spark`` runs this.

The cluster consists of processes on this machine. It listens on loopback only, and downloads
nothing. Arguments are passed on to pytest, such as ``-k killed``. If the environment variable
``EXPORT`` names the folder of an export, its tables are checked, too; see ``large_checks.py``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))
# `make test` must not collect the checks, because its environment contains no Spark. Therefore, the
# names of their files do not begin with "test".
CHECKS = ("cluster_checks.py", "engine_checks.py")


def main(arguments: list[str]) -> int:
    """Run the checks; return 0 if all pass."""
    names = (*CHECKS, "large_checks.py") if os.environ.get("EXPORT") else CHECKS
    files = [str(FOLDER / name) for name in names]
    options = ["-v", "--durations=10", "-p", "no:cacheprovider"]
    return int(pytest.main([*options, *files, *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
