"""Interrupt exports after a number of bytes, by a kill or a full disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphbuild.exporters import export, export_all
from tests.support.graphs import HOSTILE, with_title
from tests.support.paths import ROOT
from tests.support.processes import without_coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import networkx as nx

    # Interrupts an export after each number of bytes; returns how each one ended.
    InterruptExports = Callable[[str, Path, list[str], list[int]], list[str]]

COMPRESSED = ["map.graphml.gz"]
DISK_FULL_MESSAGE = "the disk is full or the file is too large; free some space and export again"

# For each number of bytes, a fork exports into its own folder. After writing that many bytes in
# total, it is killed, or every further write fails with "disk full". The process that forks reads
# one line per list of exports, and ends its output for each line with an empty line.
_PROGRAM = """
import errno, io, json, os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.support.interrupted_exports import write
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


def graph() -> nx.DiGraph[str]:
    return with_title(*HOSTILE)


def write(folder: Path, names: list[str]) -> list[str]:
    """Export the graph; return the names of the files in the order of writing."""
    exported = graph()
    positions = {key: (float(n), 0.5) for n, key in enumerate(exported)}
    if names == COMPRESSED:
        return [export(exported, folder / names[0], positions=positions).name]
    return [each.path.name for each in export_all(exported, folder, names, positions=positions)]


@contextmanager
def interrupting_process() -> Iterator[InterruptExports]:
    """Start a process that interrupts exports in its forks; it starts slower than they run."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, ROOT],
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
            lines = []
            while (line := results.readline()) != "\n":
                assert line, "the process that runs the exports ended early"
                lines.append(line.removesuffix("\n"))
            return lines

        yield interrupt
        requests.close()
        assert process.wait(timeout=300) == 0
