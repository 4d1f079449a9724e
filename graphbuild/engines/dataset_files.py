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
        paths: The files of each table.
        observations: The number of rows of the table of observations. An observation of several
            campaigns is counted several times.
    """

    folder: Path
    campaigns: tuple[str, ...]
    paths: Mapping[str, list[Path]]
    observations: int

    @classmethod
    def find(cls, folder: Path, campaigns: Sequence[str] = ()) -> DatasetFiles:
        """Return the files of ``campaigns``; without names, those of all campaigns.

        Raises:
            DatasetError: The folder contains no dataset, a campaign is not in the dataset, or a
                file is missing or has another size than the manifest states.
        """
        from graphbuild.exporters.dataset import read_campaigns  # noqa: PLC0415  needs pyarrow

        try:
            known = read_campaigns(folder / MANIFEST)
        except (ExportError, OSError) as problem:
            raise DatasetError(str(problem)) from None
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
        entries = {
            table: [entry for name in selected for entry in _entries(folder, known[name], table)]
            for table in TABLE_NAMES
        }
        return cls(
            folder,
            selected,
            {table: [path for path, _ in found] for table, found in entries.items()},
            sum(rows for _, rows in entries[OBSERVATIONS]),
        )


def _entries(folder: Path, campaign: Any, table: str) -> list[tuple[Path, int]]:  # noqa: ANN401  from JSON
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
    listed = {folder / path: size for path, size, _ in found}
    partition = next(iter(listed)).parents[1]
    # An engine can read all files of a partition, so there must not be others.
    for file in listed.keys() | set(partition.rglob("*.parquet")):
        if file not in listed or not file.is_file() or file.stat().st_size != listed[file]:
            raise DatasetError(
                f"{file}: does not belong to the manifest; an export is replacing this campaign, or"
                " was killed; export the campaign again"
            )
    return [(folder / path, rows) for path, _, rows in found]
