"""Exports that are killed or run out of disk space: each file is the old or the new one.

Exports are killed with SIGKILL. The next export removes their temporary files.
"""

from __future__ import annotations

import json
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
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import networkx as nx

    # Interrupts an export after each number of bytes; returns how each one ended.
    InterruptExports = Callable[[str, Path, list[str], list[int]], list[str]]

OLD_CONTENT = b"the old file"
SEVERAL_FORMATS = ["graphml", "csv", "stix", "dot"]
COMPRESSED = ["map.graphml.gz"]
# test_dataset.py interrupts exports of the format that has no fixed list of files.
EXPORTS = [*([name] for name, form in FORMATS.items() if form.files), SEVERAL_FORMATS, COMPRESSED]

# For each number of bytes, a fork exports into its own folder. After writing that many bytes in
# total, it is killed, or every further write fails with "disk full". The process that forks reads
# one line per list of exports, and ends its output for each line with an empty line.
INTERRUPTED_EXPORTS = """
import errno, io, json, os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.exporters.test_interrupted_exports import write
from graphbuild.errors import ExportError
from graphbuild.exporters import parquet  # imported once, before the forks

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
for line in sys.stdin:
    how, folder, names, instants = json.loads(line)
    for instant in instants:
        child = os.fork()
        if not child:
            left = instant
            try:
                write(Path(folder, str(instant)), names)
            except ExportError as error:
                print(error, flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if how == "killed":
            print(os.waitstatus_to_exitcode(status), flush=True)
    print(flush=True)
"""
DISK_FULL_MESSAGE = "the disk is full or the file is too large; free some space and export again"


def graph() -> nx.DiGraph[str]:
    return with_title(*HOSTILE)


def write(folder: Path, names: list[str]) -> list[str]:
    """Export the graph; return the names of the files in the order of writing."""
    exported = graph()
    positions = {key: (float(n), 0.5) for n, key in enumerate(exported)}
    if names == COMPRESSED:
        return [export(exported, folder / names[0], positions=positions).name]
    return [each.path.name for each in export_all(exported, folder, names, positions=positions)]


@dataclass(frozen=True)
class CompleteExport:
    """The files of an export that is not interrupted.

    Attributes:
        files: file name -> content, in the order of writing.
    """

    files: dict[str, bytes]

    @property
    def ends(self) -> set[int]:
        """The total number of bytes at the end of each file."""
        return set(accumulate(map(len, self.files.values())))

    @property
    def instants(self) -> dict[int, int]:
        """The bytes after which to interrupt -> number of files that are complete by then.

        In each file: after the first byte, in the middle, before and after the last byte. In the
        last case the file is written but not yet renamed.
        """
        sizes = [len(data) for data in self.files.values()]
        starts = [0, *accumulate(sizes)]
        return {
            start + offset: number
            for number, (start, size) in enumerate(zip(starts, sizes, strict=False))
            for offset in (1, size // 2, size - 1, size)
        }


def export_completely(folder: Path, names: list[str]) -> CompleteExport:
    folder.mkdir()
    return CompleteExport({name: (folder / name).read_bytes() for name in write(folder, names)})


@pytest.fixture(scope="module")
def interrupt_exports() -> Iterator[InterruptExports]:
    """Interrupt exports in forks of one process, because it starts slower than they run."""
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED_EXPORTS, ROOT],
        env=without_coverage(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests, results = process.stdin, process.stdout

        def interrupt(how: str, folder: Path, names: list[str], instants: list[int]) -> list[str]:
            requests.write(json.dumps([how, str(folder), names, instants]) + "\n")
            requests.flush()
            lines = list(iter(results.readline, "\n"))
            return [line.removesuffix("\n") for line in lines]

        yield interrupt
        requests.close()
        assert process.wait(timeout=300) == 0


@pytest.mark.parametrize("names", EXPORTS, ids=",".join)
@pytest.mark.parametrize("how", ["killed", "full"])
def test_an_interrupted_export_leaves_complete_files_and_the_next_one_cleans_up(
    how: str, names: list[str], tmp_path: Path, interrupt_exports: InterruptExports
) -> None:
    expected = export_completely(tmp_path / "complete", names)
    assert min(map(len, expected.files.values())) > 100
    # A disk that is full after the last byte of a file does not matter.
    instants = {
        instant: complete
        for instant, complete in expected.instants.items()
        if how == "killed" or instant not in expected.ends
    }
    for instant in instants:
        (tmp_path / str(instant)).mkdir()
        for name in expected.files:
            (tmp_path / str(instant) / name).write_bytes(OLD_CONTENT)
    output = interrupt_exports(how, tmp_path, names, list(instants))
    order = list(expected.files)
    assert output == [
        "-9"
        if how == "killed"
        else f"{tmp_path / str(instant) / order[complete]}: {DISK_FULL_MESSAGE}"
        for instant, complete in instants.items()
    ]
    for instant, complete in instants.items():
        folder = tmp_path / str(instant)
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        others = found.keys() - expected.files.keys()
        if how == "killed":
            (unfinished,) = others
            written = sum(len(found[name]) for name in order[:complete])
            assert len(found.pop(unfinished)) == instant - written
        else:
            assert not others
        assert found == {
            name: expected.files[name] if number < complete else OLD_CONTENT
            for number, name in enumerate(order)
        }
        write(folder, names)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == expected.files
