"""Exports that are killed or run out of disk space: each file is the old or the new one.

Exports are killed with SIGKILL. The next export removes their temporary files.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest

from graphbuild.exporters import FORMATS
from tests.support.interrupted_exports import COMPRESSED, DISK_FULL_MESSAGE, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.interrupted_exports import InterruptExports

OLD_CONTENT = b"the old file"
SEVERAL_FORMATS = ["graphml", "csv", "stix", "dot"]
# test_dataset.py interrupts exports of the format that has no fixed list of files.
EXPORTS = [*([name] for name, form in FORMATS.items() if form.files), SEVERAL_FORMATS, COMPRESSED]


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
