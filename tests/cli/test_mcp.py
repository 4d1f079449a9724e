"""``graphbuild mcp``: the terms, the missing extra, unusable files, and the end of the input.

The tests of sessions are in ``tests/mcp``.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from graphbuild._util import install_command
from graphbuild.cli.mcp import mcp
from graphbuild.errors import StoreError
from graphbuild.models import Entity, Observation
from tests.support.campaign_files import write_campaign
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Shell

OBSERVATION = Observation(Entity("file", "a" * 64), Entity("reference", "b" * 64), None)


def serve(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the SDK, and with an input that ends at once."""
    return subprocess.run(
        [sys.executable, "-m", "graphbuild", "mcp", *arguments],
        input="",
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "HOME": str(folder)},
        timeout=60,
        check=False,
    )


def test_without_the_option_the_command_explains_the_terms(shell: Shell) -> None:
    write_campaign(shell.folder / "campaign.db", [OBSERVATION])
    process = shell("mcp", "--store", "campaign.db")
    assert process.returncode == 2
    assert process.stdout == ""
    message = " ".join(process.stderr.replace("│", " ").split())
    for part in ("AI without an explicit approval", "gti-dev-kit", "--accept-ai-terms"):
        assert part in message


def test_without_the_extra_the_command_names_it(shell: Shell) -> None:
    write_campaign(shell.folder / "campaign.db", [OBSERVATION])
    process = shell("mcp", "--store", "campaign.db", "--accept-ai-terms")
    assert process.returncode == 1
    assert process.stderr.startswith("graphbuild: this needs mcp, which is not installed; run: ")
    assert process.stderr.rstrip().endswith(install_command("mcp").partition(" ")[2])


def test_an_unusable_file_is_reported_before_a_client_waits(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"not a campaign file")
    with pytest.raises(StoreError, match=r"c\.db is not a campaign file"):
        mcp(tmp_path / "c.db", accept_ai_terms=True)


def test_the_server_ends_with_its_input_and_leaves_the_file_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "campaign.db"
    write_campaign(path, [OBSERVATION])
    before = path.read_bytes()
    process = serve(tmp_path, "--accept-ai-terms", "--quiet")
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    assert path.read_bytes() == before
    assert {each.name for each in tmp_path.iterdir()} <= {path.name, f"{path.name}.lock"}


def test_a_client_that_ends_early_causes_no_traceback(tmp_path: Path) -> None:
    write_campaign(tmp_path / "campaign.db", [OBSERVATION])
    process = subprocess.Popen(
        [sys.executable, "-m", "graphbuild", "mcp", "--accept-ai-terms", "--quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
    )
    assert process.stdout
    process.stdout.close()  # the responses to these requests cannot be written
    _, errors = process.communicate('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n' * 50, 60)
    assert (process.returncode, errors) == (0, "")
