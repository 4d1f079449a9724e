"""Run commands with file systems that only they see, such as a small or a read-only one."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.shell import Shell


def run_with_private_mounts(shell: Shell, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script that mounts file systems, in the folder of ``shell``."""
    flags = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    process = subprocess.run(
        ["unshare", *flags, "sh", "-c", script],
        capture_output=True,
        text=True,
        cwd=shell.folder,
        env=shell.environment,
        check=False,
        timeout=600,
    )
    if "unshare" in process.stderr or "mount:" in process.stderr:
        pytest.skip("this machine does not allow private mounts")
    return process
