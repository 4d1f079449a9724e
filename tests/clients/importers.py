"""Import exported files with the code of OpenCTI, MISP and Neo4j, and count what arrives."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pymisp
import stix2
from misp_stix_converter import ExternalSTIX2toMISPParser
from pycti import OpenCTIStix2Splitter

from tests.clients.neo4j_admin import import_tables, missing_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.campaigns import ExportedCampaign

_FAMILY_TYPES = {"malware", "tool", "intrusion-set"}


class Count(NamedTuple):
    """How many things arrived, and how many must arrive."""

    what: str
    found: int
    expected: int

    @property
    def is_right(self) -> bool:
        """Whether both numbers are equal."""
        return self.found == self.expected

    def __str__(self) -> str:
        numbers = f"{self.found:,} of {self.expected:,}" if self.expected else f"{self.found:,}"
        return f"{'' if self.is_right else 'WRONG: '}{numbers} {self.what}"


def import_all(campaign: ExportedCampaign) -> Iterator[tuple[str, list[Count]]]:
    """Yield the name of each importer and file, and what the importer counts."""
    for name in ("graph.stix.json", "lean.stix.json"):
        yield f"misp-stix, {name} as one event", _misp_stix_event(campaign, name)
        yield f"pycti, {name}", _pycti(campaign, name)
    yield "misp-stix, lean.stix.json as one event per report", _misp_stix_events(campaign)
    yield "pymisp, graph.misp.json", _pymisp(campaign)
    if not missing_tools():
        yield "neo4j-admin, the two tables", _neo4j(campaign)


# --- misp-stix -----------------------------------------------------------------------------------


def _misp_stix_event(campaign: ExportedCampaign, name: str) -> list[Count]:
    """Import a bundle as MISP does: into a single event."""
    parser, (event,) = _convert(campaign.read(name), is_single=True)
    notes = "\n".join(note.note for each in _layers(event) for note in each.notes)
    lines = Counter(line for line in notes.splitlines() if line.startswith("reference: "))
    ends = {line.rpartition(" ")[2] for line, count in lines.items() if count > 1}
    noted = {key for key, link in campaign.links.items() if link in ends}
    collections = {line.removeprefix("collection: ") for line in notes.splitlines()}
    return [
        *_common_counts(campaign, parser, [event]),
        _count("tying references", campaign.tying_references, noted),
        _count("collections in notes", campaign.collections, collections),
    ]


def _misp_stix_events(campaign: ExportedCampaign) -> list[Count]:
    """Import the lean bundle as misp-stix does by default: into an event per report."""
    text = campaign.read("lean.stix.json")
    parser, events = _convert(text, is_single=False)
    ids = {
        each["id"].partition("--")[2]: each["external_references"][-1]["external_id"]
        for each in json.loads(text)["objects"]
        if each["type"] == "report"
    }
    reports = {ids.get(event.uuid) for event in events}
    return [
        *_common_counts(campaign, parser, events),
        _count("tying references", campaign.tying_references, reports),
    ]


def _convert(text: str, *, is_single: bool) -> tuple[Any, list[pymisp.MISPEvent]]:
    parser = ExternalSTIX2toMISPParser()
    parser.load_stix_bundle(stix2.parse(text, allow_custom=True, interoperability=True))
    parser.parse_stix_bundle(single_event=is_single)
    return parser, [parser.misp_event] if is_single else parser.misp_events


def _common_counts(
    campaign: ExportedCampaign, parser: Any, events: list[pymisp.MISPEvent]
) -> list[Count]:
    layers = [layer for event in events for layer in _layers(event)]
    values = {each.value for event in events for each in _attributes(event)}
    clusters = {
        cluster.value
        for layer in layers
        for galaxy in getattr(layer, "galaxies", ())
        for cluster in galaxy.clusters
    }
    return [
        Count("errors", sum(map(len, parser.errors.values())), 0),
        _count("files", campaign.files, values),
        _count("families", {*campaign.families}, clusters),
    ]


def _layers(event: pymisp.MISPEvent) -> Iterator[Any]:
    """Yield everything in an event that can have notes or galaxies."""
    yield event
    yield from event.objects
    yield from _attributes(event)


def _attributes(event: pymisp.MISPEvent) -> Iterator[pymisp.MISPAttribute]:
    yield from event.attributes
    for each in event.objects:
        yield from each.attributes


# --- pycti ---------------------------------------------------------------------------------------


def _pycti(campaign: ExportedCampaign, name: str) -> list[Count]:
    """Split a bundle as OpenCTI's workers do, which import each part on its own."""
    splitter, before = OpenCTIStix2Splitter(), json.loads(campaign.read(name))["objects"]
    count, refused, parts = splitter.split_bundle_with_expectations(campaign.read(name))
    objects = [each for part in parts for each in json.loads(part)["objects"]]
    hashes = {text for each in objects for text in each.get("hashes", {}).values()}
    families = {each["name"] for each in objects if each["type"] in _FAMILY_TYPES}
    is_whole = name == "graph.stix.json"
    references = campaign.references if is_whole else campaign.tying_references
    return [
        Count("refused", len(refused), 0),
        Count("elements", count, len(before)),
        Count("refs kept", _count_refs(objects), _count_refs(before)),
        Count("refs to later elements", _count_later_refs(objects), 0),
        _count("files", campaign.files, hashes),
        _count("families", {*campaign.families}, families),
        _count("references" if is_whole else "tying references", references, _report_ids(objects)),
        Count("reports of 1970", sum(map(_is_of_1970, objects)), 0),
    ]


def _report_ids(objects: list[dict[str, Any]]) -> set[str]:
    return {
        each["external_references"][-1]["external_id"]
        for each in objects
        if each["type"] == "report"
    }


def _is_of_1970(each: dict[str, Any]) -> bool:
    return str(each.get("published", "")).startswith("1970-")


def _refs(each: dict[str, Any]) -> list[str]:
    found = [value for name, value in each.items() if name.endswith("_ref") and value]
    return found + [ref for name, refs in each.items() if name.endswith("_refs") for ref in refs]


def _count_refs(objects: list[dict[str, Any]]) -> int:
    return sum(len(_refs(each)) for each in objects)


def _count_later_refs(objects: list[dict[str, Any]]) -> int:
    """Return the number of references to an element that is not imported before."""
    imported: set[str] = set()
    later = 0
    for each in objects:
        later += sum(ref not in imported for ref in _refs(each))
        imported.add(each["id"])
    return later


# --- pymisp --------------------------------------------------------------------------------------


def _pymisp(campaign: ExportedCampaign) -> list[Count]:
    event = pymisp.MISPEvent()
    event.load_file(campaign.folder / "graph.misp.json")
    tags = {tag.name.partition('="')[2].removesuffix('"') for tag in event.tags}
    keys = {each.comment for each in event.objects}
    return [
        _count("objects", set(campaign.graph), keys),
        _count("families with a tag", {*campaign.families.values()}, tags),
    ]


def _count(what: str, expected: set[str], found: set[Any]) -> Count:
    return Count(what, len(expected & found), len(expected))


# --- Neo4j ---------------------------------------------------------------------------------------


def _neo4j(campaign: ExportedCampaign) -> list[Count]:
    """Import the tables as ``neo4j-admin`` does, which refuses edges without their nodes."""
    imported = import_tables(campaign.folder)
    return [
        Count("nodes", imported.nodes, len(campaign.graph)),
        Count("edges", imported.relationships, campaign.graph.number_of_edges()),
    ]
