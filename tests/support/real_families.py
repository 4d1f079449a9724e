"""Campaigns of real files of known malware families, for tests and benchmarks on real data.

The data is not part of this project. Without it, :func:`is_present` returns False.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.graph.builder import Graph

DATA = Path(__file__).parents[3] / "shared" / "data" / "families" / "observations.jsonl.gz"


class RealFile(NamedTuple):
    """A file with its known family and its observations."""

    file: Entity
    family: str  # empty if the data does not state it
    observations: tuple[Observation, ...]


def is_present(path: Path = DATA) -> bool:
    """Return whether this machine has the data."""
    return path.exists()


@cache
def real_files(path: Path = DATA) -> tuple[RealFile, ...]:
    """Return all files, in the order of the data."""
    rows = _rows(path)
    references = {row["i"]: _reference(row) for row in rows if row["k"] == "r"}
    collections = {row["i"]: row for row in rows if row["k"] == "c"}
    return tuple(_file(row, references, collections) for row in rows if row["k"] == "f")


@cache
def collection_kinds(path: Path = DATA) -> dict[str, str]:
    """Return the ``collection_type`` of each collection, by id."""
    return {row["id"]: row["kind"] for row in _rows(path) if row["k"] == "c"}


def real_campaign(count: int, seed: int = 1) -> Graph:
    """Return the graph of ``count`` files that are chosen at random."""
    files = list(real_files())
    random.Random(seed).shuffle(files)
    return build_graph(observations_of(files[:count]), subjects=[one.file for one in files[:count]])


def observations_of(files: Iterable[RealFile]) -> Iterator[Observation]:
    """Return the observations of some files."""
    for each in files:
        yield from each.observations


def _rows(path: Path) -> list[dict[str, Any]]:
    read = gzip.open if path.suffix == ".gz" else open
    with read(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _reference(row: dict[str, Any]) -> Entity:
    attributes = {name: row[name] for name in ("url", "title", "author") if name in row}
    if row.get("date"):
        attributes["creation_date"] = row["date"]
    return Entity("reference", hashlib.sha256(row["url"].encode()).hexdigest(), attributes)


def _file(
    row: dict[str, Any], references: dict[int, Entity], collections: dict[int, Any]
) -> RealFile:
    """Return a file with the observations that the API documents for it.

    These are all references of all collections that contain it.
    """
    file = Entity("file", row.get("sha256") or row.get("sha1") or row["md5"], {"state": "complete"})
    observations = (
        Observation(
            file, references[number], Entity("collection", part["id"], {"name": part["name"]})
        )
        for part in (collections[index] for index in (*row.get("c", ()), *row.get("n", ())))
        for number in part["r"]
    )
    return RealFile(file, row.get("family", ""), tuple(observations))
