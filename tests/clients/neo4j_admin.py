"""Run the import command of ``neo4j-admin`` without a server; its classes are on Maven Central."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import ROOT

_PROJECT = Path(__file__).with_name("neo4j") / "pom.xml"
_LIBRARIES = ROOT / "output" / "neo4j"
_TOOLS = ("java", "mvn")


class Imported(NamedTuple):
    """The numbers that the importer prints."""

    nodes: int
    relationships: int


@cache
def missing_tools() -> str:
    """Return the names of the programs that are not installed, separated by commas."""
    return ", ".join(name for name in _TOOLS if not shutil.which(name))


def import_tables(folder: Path) -> Imported:
    """Run the command in ``neo4j-import.txt`` in a folder, with an empty database.

    Raises:
        subprocess.CalledProcessError: The importer refuses the tables.
    """
    command = (folder / "neo4j-import.txt").read_text("utf-8").partition("\n")[0]
    program, *arguments = shlex.split(command)
    assert program == "neo4j-admin"
    home = folder.resolve() / "neo4j"
    (home / "conf").mkdir(parents=True)
    process = subprocess.run(
        ["java", "-cp", f"{_libraries()}/*", "org.neo4j.cli.AdminTool", *arguments],
        cwd=folder,
        env={**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return Imported(*(_number(process.stdout, what) for what in Imported._fields))


def _number(output: str, what: str) -> int:
    match = re.search(rf"^ *(\d+) {what}$", output, re.MULTILINE)
    assert match, output
    return int(match[1])


@cache
def _libraries() -> Path:
    """Return the folder with the classes of the importer; download them if they are missing."""
    folder = _LIBRARIES / "lib"
    if not folder.is_dir():
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(_PROJECT)]
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={_LIBRARIES / 'new'}"]
        subprocess.run([*command, *goal], check=True)
        (_LIBRARIES / "new").rename(folder)
    return folder
