"""External programs that some tests need: find them, build them once, report missing ones.

Builds are cached in ``output``. Only builds use the network: they run a package manager with
pinned versions.
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
# Saved on import: tests run without proxies.
_PROXIES = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}


@dataclass(frozen=True)
class ExternalTool:
    """A program that some tests need.

    Attributes:
        tests: the name of these tests.
        variable: an environment variable; if it is 1, a missing tool is an error.
        remedy: how to install the tool.
    """

    tests: str
    variable: str
    remedy: str

    def skip_or_fail(self, what: str, remedy: str = "") -> NoReturn:
        """Skip the test with a message at the end of the run; fail it if the tool is required."""
        message = f"NOT RUN: {self.tests}, {what}; {remedy or self.remedy}"
        if os.environ.get(self.variable) == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)

    def require(self, *commands: str) -> None:
        """Skip or fail the test if one of ``commands`` is not installed."""
        missing = [name for name in commands if shutil.which(name) is None]
        if missing:
            self.skip_or_fail(f"no {' and no '.join(missing)}")

    def build(
        self,
        folder: Path,
        sources: Sequence[Path],
        command: Sequence[str],
        unreachable: str,
    ) -> None:
        """Run ``command`` in ``folder`` with copies of ``sources``, unless they are unchanged.

        If the error output matches ``unreachable``, the network is missing and the test is
        skipped. Any other failure fails the test.
        """
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        stamp = folder / "sources.sha256"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if stamp.exists() and stamp.read_text() == digest:
                return
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for path in sources:
                shutil.copy(path, folder)
            error = _run(command, folder)
            if not error:
                stamp.write_text(digest)
        if re.search(unreachable, error):
            what = f"{command[0]} could not download its dependencies"
            self.skip_or_fail(what, "run them again with a network")
        assert not error, error


def _run(command: Sequence[str], folder: Path) -> str:
    """Return the output of the command if it failed, an empty string otherwise."""
    process = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **_PROXIES},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{command} failed: {process.stdout}{process.stderr}" if process.returncode else ""


def report_skipped_tools(terminalreporter: Any) -> None:
    """Print a red line for each missing tool.

    The lines come from the test reports, so this works with several test processes.
    """
    stats = terminalreporter.stats
    reports = [report for kind in ("skipped", "error", "failed") for report in stats.get(kind, ())]
    found = [line for report in reports for line in _NOT_RUN.findall(str(report.longrepr))]
    for line in dict.fromkeys(found):
        terminalreporter.write_line("")
        terminalreporter.write_line(line, red=True, bold=True)
