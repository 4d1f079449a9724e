"""Find the files of a dataset that belong to the selected campaigns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbuild.errors import DatasetError, ExportError
from graphbuild.exporters.dataset_commit import MANIFEST
from graphbuild.exporters.dataset_tables import OBSERVATIONS, TABLE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PATH = re.compile(r"([a-z]+)/campaign=[\w.~%-]+/bucket=[0-9a-f]{2}/part-0\.parquet", re.ASCII)


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """The Parquet files of campaigns of a dataset.

    Attributes:
        folder: The dataset.
        campaigns: The names of the selected campaigns, sorted.
        paths: The files of each table by campaign.
        observations: The number of rows of the table of observations. An observation of several
            campaigns is counted several times.
        entries: The entries of the selected campaigns in the manifest.
    """

    folder: Path
    campaigns: tuple[str, ...]
    paths: Mapping[str, Mapping[str, list[Path]]]
    observations: int
    entries: Mapping[str, Any]

    @classmethod
    def find(cls, folder: Path, campaigns: Sequence[str] = ()) -> DatasetFiles:
        """Return the files of ``campaigns``; without names, those of all campaigns.

        Raises:
            DatasetError: The folder contains no dataset, a campaign is not in the dataset, or a
                file is missing or has another size than the manifest states.
        """
        known = _read_manifest(folder)
        if not known:
            raise DatasetError(
                f"{folder}: contains no dataset; write one with 'graphbuild export --to dataset'"
            )
        if missing := [name for name in campaigns if name not in known]:
            raise DatasetError(
                f"{folder}: contains no campaign {missing[0]!a}; it contains"
                f" {', '.join(map(ascii, sorted(known)))}"
            )
        selected = tuple(sorted(set(campaigns) or known))
        files = {
            table: {name: _find_files(folder, known[name], table) for name in selected}
            for table in TABLE_NAMES
        }
        paths = {
            table: {name: [path for path, _ in found] for name, found in of_table.items()}
            for table, of_table in files.items()
        }
        rows = sum(count for found in files[OBSERVATIONS].values() for _, count in found)
        return cls(folder, selected, paths, rows, {name: known[name] for name in selected})

    def check_unchanged(self) -> None:
        """Raise DatasetError if a selected campaign was replaced since it was found."""
        known = _read_manifest(self.folder)
        for name, entry in self.entries.items():
            if known.get(name) != entry:
                raise DatasetError(
                    f"{self.folder}: an export replaced the campaign {name!a} while it was read;"
                    " repeat the command"
                )


def _read_manifest(folder: Path) -> dict[str, Any]:
    """Return the entries of all campaigns of a dataset."""
    from graphbuild.exporters.dataset import read_campaigns  # noqa: PLC0415  needs pyarrow

    try:
        return read_campaigns(folder / MANIFEST)
    except (ExportError, OSError) as problem:
        raise DatasetError(str(problem)) from None


def _find_files(folder: Path, campaign: Any, table: str) -> list[tuple[Path, int]]:  # noqa: ANN401  from JSON
    """Return path and number of rows of the files of a table; check that they are complete."""
    try:
        found = [
            (str(each["path"]), int(each["bytes"]), int(each["rows"])) for each in campaign[table]
        ]
    except (KeyError, TypeError, ValueError):
        found = []
    matches = [_PATH.fullmatch(path) for path, _, _ in found]
    if not found or not all(match and match[1] == table for match in matches):
        raise DatasetError(
            f"{folder / MANIFEST}: the manifest is damaged; export the campaigns again"
        )
    for path, size, _ in found:
        file = folder / path
        if not file.is_file() or file.stat().st_size != size:
            raise DatasetError(
                f"{file}: does not match the manifest; wait if an export of this campaign is"
                " running, otherwise export it again"
            )
    return [(folder / path, rows) for path, _, rows in found]
