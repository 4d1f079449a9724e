"""An export that is killed, or has no more room, at any byte: each file is the old or the new one.

Killed for good, by SIGKILL, which nobody catches. What it left half written, the next one removes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest

from graphbuild.exporters import FORMATS, export, export_all
from tests.support.graphs import HOSTILE, with_title
from tests.support.paths import ROOT
from tests.support.processes import without_coverage

if TYPE_CHECKING:
    from pathlib import Path

    import networkx as nx

OLD = b"the old file"
TOGETHER = ["graphml", "csv", "stix", "dot"]
PACKED = ["map.graphml.gz"]
JOBS = [*([form] for form in FORMATS), TOGETHER, PACKED]

# For each instant a process: it exports into a folder of its own, and ends there, or finds the disk
# full, when it has written so many bytes, whatever file they are in.
STOPPED = """
import errno, io, os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.exporters.test_interrupted_exports import write
from graphbuild.errors import ExportError
from graphbuild.exporters import parquet  # once for all

left = 0

class Stopping(io.FileIO):
    def write(self, data):
        global left
        written = super().write(memoryview(data)[:left])
        left -= written
        if not left and how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written

plain_open = Path.open

def open_stopping(path, mode="r", *rest, **options):
    if mode != "x+b":
        return plain_open(path, mode, *rest, **options)
    return io.BufferedRandom(Stopping(path, "x+"))

Path.open = open_stopping
how, folder, names, *instants = sys.argv[2:]
for instant in instants:
    child = os.fork()
    if not child:
        left = int(instant)
        try:
            write(Path(folder) / instant, names.split(","))
        except ExportError as error:
            print(error, flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if how == "killed":
        print(os.waitstatus_to_exitcode(status), flush=True)
"""
FULL = "the disk is full or the file too large; make room and export again"


def graph() -> nx.DiGraph[str]:
    return with_title(*HOSTILE)


def write(folder: Path, names: list[str]) -> list[str]:
    """The names of the files, in the order in which they are written."""
    whole = graph()
    places = {key: (float(n), 0.5) for n, key in enumerate(whole)}
    if names == PACKED:
        return [export(whole, folder / names[0], positions=places).name]
    return [each.path.name for each in export_all(whole, folder, names, positions=places)]


@dataclass(frozen=True)
class Export:
    """What an export writes that nothing stops.

    Attributes:
        files: their bytes by their names, in the order in which they are written.
    """

    files: dict[str, bytes]

    @property
    def ends(self) -> set[int]:
        """After how many bytes each file ends."""
        return set(accumulate(map(len, self.files.values())))

    @property
    def instants(self) -> dict[int, int]:
        """After how many bytes to stop it, and how many files are whole by then.

        In each file after the first byte, in the middle, before the last, and after it: then the
        bytes are there, but the name is not.
        """
        sizes = [len(data) for data in self.files.values()]
        starts = [0, *accumulate(sizes)]
        return {
            start + offset: number
            for number, (start, size) in enumerate(zip(starts, sizes, strict=False))
            for offset in (1, size // 2, size - 1, size)
        }


def unstopped(folder: Path, names: list[str]) -> Export:
    folder.mkdir()
    return Export({name: (folder / name).read_bytes() for name in write(folder, names)})


def stopped(how: str, folder: Path, names: list[str], instants: list[int]) -> list[str]:
    """How each export ended."""
    words = [ROOT, how, folder, ",".join(names), *map(str, instants)]
    ran = subprocess.run(
        [sys.executable, "-c", STOPPED, *words],
        env=without_coverage(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize("names", JOBS, ids=",".join)
@pytest.mark.parametrize("how", ["killed", "full"])
def test_a_stopped_export_leaves_whole_files_and_the_next_one_no_others(
    how: str, names: list[str], tmp_path: Path
) -> None:
    due = unstopped(tmp_path / "unstopped", names)
    assert min(map(len, due.files.values())) > 100
    # On a full disk what is written in full is not full.
    instants = {n: w for n, w in due.instants.items() if how == "killed" or n not in due.ends}
    for instant in instants:
        (tmp_path / str(instant)).mkdir()
        for name in due.files:
            (tmp_path / str(instant) / name).write_bytes(OLD)
    said = stopped(how, tmp_path, names, list(instants))
    order = list(due.files)
    assert said == [
        "-9" if how == "killed" else f"{tmp_path / str(instant) / order[whole]}: {FULL}"
        for instant, whole in instants.items()
    ]
    for instant, whole in instants.items():
        folder = tmp_path / str(instant)
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        others = found.keys() - due.files.keys()
        if how == "killed":
            (half,) = others
            assert len(found.pop(half)) == instant - sum(len(found[n]) for n in order[:whole])
        else:
            assert not others
        assert found == {
            name: due.files[name] if number < whole else OLD for number, name in enumerate(order)
        }
        write(folder, names)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == due.files
