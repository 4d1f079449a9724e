"""Campaigns that importers of other platforms read, and what must arrive there."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphbuild.exporters import export_all
from graphbuild.exporters.cti_types import safe_link
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.support.paths import SHARED
from tests.support.real_families import RealFile, collection_kinds, is_present, real_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from graphbuild.graph.builder import Graph

SAMPLE = SHARED / "data" / "sample" / "observations.jsonl"
FORMATS = ("stix", "stix-lean", "misp", "neo4j")
_KNOWN_KINDS = {"malware-family", "software-toolkit", "threat-actor"}
_KINDS = ("malware-family", "threat-actor", "report", "collection")


@dataclass(frozen=True)
class ExportedCampaign:
    """The graph of a campaign, and the folder with its exports."""

    name: str
    graph: Graph
    folder: Path

    def read(self, name: str) -> str:
        """Return the text of an exported file."""
        return (self.folder / name).read_text("utf-8")

    @cached_property
    def files(self) -> set[str]:
        """The ids of the files."""
        return {node["id"] for _, node in self._nodes("file")}

    @cached_property
    def references(self) -> set[str]:
        """The ids of the references."""
        return {node["id"] for _, node in self._nodes("reference")}

    @cached_property
    def tying_references(self) -> set[str]:
        """The ids of the references that at least two files have."""
        return {
            node["id"]
            for key, node in self._nodes("reference")
            if sum(each.startswith("file:") for each in self.graph.pred[key]) > 1
        }

    @cached_property
    def links(self) -> dict[str, str]:
        """The URL of each reference as exports contain it, by id; empty if it is not a safe URL."""
        return {node["id"]: safe_link(node["url"]) or "" for _, node in self._nodes("reference")}

    @cached_property
    def collections(self) -> set[str]:
        """The labels of the collections."""
        return {node["label"] for _, node in self._nodes("collection")}

    @cached_property
    def families(self) -> dict[str, str]:
        """The API's names of the families, toolkits and actors of known kinds, by label."""
        return {
            node["label"]: node["name"]
            for _, node in self._nodes("collection")
            if node.get("collection_type") in _KNOWN_KINDS
        }

    def _nodes(self, node_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for key, node in self.graph.nodes(data=True):
            if node["type"] == node_type:
                yield key, node


def export_campaigns(folder: Path, count: int) -> Iterator[ExportedCampaign]:
    """Export the campaigns, and yield each; ``count`` is the number of files of known families.

    Without the real data, the files are made up, and there is no sample. The collections have
    kinds, as after a crawl with ``--describe``, except in the last campaign.
    """
    if is_present():
        chosen = list(real_files())
        random.Random(1).shuffle(chosen)
        yield _export(folder, "sample", real_files(SAMPLE), collection_kinds(SAMPLE))
        name, files, kinds = f"{count} files", chosen[:count], collection_kinds()
    else:
        name, files, kinds = "made-up files", *_made_up_files(count)
    yield _export(folder, name, files, kinds)
    yield _export(folder, f"{name}, collections without kinds", files, None)


def _export(
    folder: Path, name: str, files: Iterable[RealFile], kinds: dict[str, str] | None
) -> ExportedCampaign:
    seeds = [Entity(each.file.type, each.file.id, {"seed": True}) for each in files]
    graph = build_graph(
        (_with_kind(seen, kinds) for each in files for seen in each.observations), subjects=seeds
    )
    export_all(graph, folder / name, FORMATS)
    return ExportedCampaign(name, graph, folder / name)


def _with_kind(seen: Observation, kinds: dict[str, str] | None) -> Observation:
    """Return an observation of now; without ``kinds``, its collection has no kind."""
    collection = seen.related_from
    assert collection is not None
    attributes: dict[str, object] = {"name": collection.attributes["name"]}
    if kinds is not None:
        attributes["collection_type"] = kinds[collection.id]
    named = Entity(collection.type, collection.id, attributes)
    return Observation(seen.subject, seen.reference, named, first_seen=time.time())


def _made_up_files(count: int) -> tuple[list[RealFile], dict[str, str]]:
    """Return files of families of five, and the kind of each family.

    Every third reference has no date, and every sixth file no reference.
    """
    files = []
    for number in range(count):
        family = Entity("collection", f"family_{number // 5}", {"name": f"Family {number // 5}"})
        file, first = Entity("file", f"{number:064x}"), number // 5 * 10
        references = [*range(first, first + 10), 10_000 + number] if number % 6 else []
        observations = (Observation(file, _reference(each), family) for each in references)
        files.append(RealFile(file, family.id, tuple(observations)))
    return files, {f"family_{n}": _KINDS[n % len(_KINDS)] for n in range(count)}


def _reference(number: int) -> Entity:
    attributes = {"title": f"Report {number}", "url": f"https://blog.example/{number}"}
    date = {"creation_date": 1_600_000_000 + number} if number % 3 else {}
    return Entity("reference", f"{number:064x}", {**attributes, **date})
