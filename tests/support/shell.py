"""Run the command line in a separate process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.forking import NOT_INSTALLED, shared_zygote
from tests.support.keys import KEY
from tests.support.processes import COVERAGE_ENVIRONMENT


class Shell:
    """Runs ``graphbuild`` in a folder, with only the libraries that the commands require."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        python_path = filter(None, (str(NOT_INSTALLED), os.environ.get("PYTHONPATH")))
        self.environment = {
            **os.environ,
            **COVERAGE_ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(python_path),
            "VT_APIKEY": KEY,
            "HOME": str(folder),
        }

    def __call__(self, *arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command with ``given`` as its input; no traceback and no key may be printed."""
        words = [str(each) for each in arguments]
        with TemporaryDirectory() as made:
            standard_input, out = Path(made, "in"), Path(made, "out")
            standard_input.write_text(given, encoding="utf-8", newline="")
            running = shared_zygote().start(
                *words,
                out=out,
                variables=self.environment,
                folder=self.folder,
                given=standard_input,
            )
            code = running.end()
            process = subprocess.CompletedProcess(
                words,
                code,
                out.read_text(encoding="utf-8"),
                running.err.read_text(encoding="utf-8"),
            )
        assert "Traceback" not in process.stderr, process.stderr
        assert KEY not in process.stdout + process.stderr
        return process


def seeds(shell: Shell, *lines: str) -> str:
    """Write a seed list; return its name."""
    (shell.folder / "seeds.txt").write_text("\n".join(lines))
    return "seeds.txt"
