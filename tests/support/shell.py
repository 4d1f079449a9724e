"""Run the command line in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.keys import KEY
from tests.support.processes import COVERAGE_ENVIRONMENT

# This folder hides libraries that only tests and notebooks need. NetworKit would import them where
# they are installed, which takes most of its import time.
_NOT_INSTALLED = Path(__file__).with_name("not_installed")


class Shell:
    """Runs ``graphbuild`` in a folder, with only the libraries that the commands require."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        python_path = filter(None, (str(_NOT_INSTALLED), os.environ.get("PYTHONPATH")))
        self.environment = {
            **os.environ,
            **COVERAGE_ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(python_path),
            "VT_APIKEY": KEY,
            "HOME": str(folder),
        }

    def __call__(self, *arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command with ``given`` as its input; no traceback and no key may be printed."""
        process = subprocess.run(
            [sys.executable, "-m", "graphbuild", *map(str, arguments)],
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.folder,
            env=self.environment,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in process.stderr, process.stderr
        assert KEY not in process.stdout + process.stderr
        return process


def seeds(shell: Shell, *lines: str) -> str:
    """Write a seed list; return its name."""
    (shell.folder / "seeds.txt").write_text("\n".join(lines))
    return "seeds.txt"
