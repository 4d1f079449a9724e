"""Programs of others that tests run: looked for, made ready once, and missed loudly.

What is made ready lies under ``output`` for the next time. Making it is the one thing for which
tests fetch from elsewhere, by the package manager that made for it, everything pinned.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from filelock import FileLock

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OUTPUT = ROOT / "output"
_NOT_RUN = re.compile(r"NOT RUN: [^\n'\"]*")
# Taken while modules load: the tests themselves run without proxies.
_PROXIES = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}


@dataclass(frozen=True)
class Tool:
    """What some tests cannot do without.

    Attributes:
        tests: which tests, in words.
        variable: the environment variable that, set to 1, makes it an error to lack the tool.
        remedy: what to do where it is missing.
    """

    tests: str
    variable: str
    remedy: str

    def missed(self, what: str, remedy: str = "") -> NoReturn:
        """Skip the test, to be told at the end of the run; fail it where the tool must be."""
        told = f"NOT RUN: {self.tests}, {what}; {remedy or self.remedy}"
        if os.environ.get(self.variable) == "1":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)

    def need(self, *commands: str) -> None:
        """Miss the tool if one of ``commands`` is not there."""
        missing = [name for name in commands if shutil.which(name) is None]
        if missing:
            self.missed(f"no {' and no '.join(missing)}")

    def make(
        self,
        folder: Path,
        sources: Sequence[Path],
        command: Sequence[str],
        unreachable: str,
    ) -> None:
        """Run ``command`` among copies of ``sources``, unless ``folder`` was made of the same ones.

        Where it says what ``unreachable`` matches, it could not fetch something: the tool is
        missed. Any other failure is one.
        """
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        stamp = folder / "made-of"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if stamp.exists() and stamp.read_text() == digest:
                return
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for path in sources:
                shutil.copy(path, folder)
            said = _run(command, folder)
            if not said:
                stamp.write_text(digest)
        if re.search(unreachable, said):
            what = f"{command[0]} could not fetch what they need"
            self.missed(what, "run them again with a network")
        assert not said, said


def _run(command: Sequence[str], folder: Path) -> str:
    """What the command said if it failed; nothing else."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **_PROXIES},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{command} failed: {done.stdout}{done.stderr}" if done.returncode else ""


def say_what_did_not_run(terminalreporter: Any) -> None:
    """A line in red for each tool that was missed: a green line alone would lie.

    It is read off the reports, which come from whichever process ran the test.
    """
    told = terminalreporter.stats
    reports = [report for kind in ("skipped", "error", "failed") for report in told.get(kind, ())]
    found = [line for report in reports for line in _NOT_RUN.findall(str(report.longrepr))]
    for line in dict.fromkeys(found):
        terminalreporter.write_line("")
        terminalreporter.write_line(line, red=True, bold=True)
