"""Write the graph as a MISP event.

Each node becomes a MISP object, whose comment is the node key. The object templates are part of
every MISP installation. Each edge becomes an object reference, whose comment lists the relation,
the provenance and the collections, because MISP has no ternary relationships. A subject also gets
an object reference to each entity in the ``related_from`` of its observations. Only some attributes
of nodes are written.

MISP accepts an attribute UUID only once across all events, and drops later attributes with the same
UUID (https://github.com/MISP/MISP/issues/9012). So all UUIDs are derived from the UUID of the
event. That UUID is derived from the seeds or, without seeds, from all nodes. So MISP recognizes
exports with equal seeds as the same event.

If the API states the kind of a collection, the first attribute of its object has a tag with the
kind. The object of a malware family, toolkit or actor also has a tag that names a cluster in a MISP
galaxy, and so has the event. If the galaxy contains a cluster of this name, MISP shows the cluster,
otherwise the tag.

https://www.misp-project.org/datamodels/, https://github.com/MISP/misp-objects
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

from graphbuild.exporters.cti_types import (
    INTRUSION_SET,
    MALWARE,
    MAX_NAME,
    REPORT,
    TOOL,
    VULNERABILITY,
    campaign_uuid,
    collection_kind,
    cve_id,
    file_hashes,
    object_name,
    parse_timestamp,
    safe_link,
    stable_uuid,
    stix_type,
    value_observable,
)
from graphbuild.exporters.json import write_object_list
from graphbuild.exporters.results import ExportWarnings
from graphbuild.exporters.sanitize import label_text, xml_text
from graphbuild.models import FILE, OBSERVED, UNFINISHED_STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from graphbuild.graph.builder import Graph

Json = dict[str, Any]

_YOUR_ORGANISATION, _INHERIT = "0", "5"  # distribution levels
_THREAT_LEVEL_UNDEFINED, _ANALYSIS_COMPLETED = "4", "2"
_EDGE_ATTRIBUTES = frozenset({"relation", "weight", "provenance", "related_from"})
_PAYLOAD, _NETWORK, _ANALYSIS = "Payload delivery", "Network activity", "External analysis"
_OTHER, _INTERNAL = "Other", "Internal reference"
# STIX type of a collection -> name of the MISP galaxy that contains such objects.
_GALAXIES = {MALWARE: "tool", TOOL: "tool", INTRUSION_SET: "threat-actor"}
_MAX_TAG_TEXT = 150  # characters of a kind or name in a tag; MISP stores tags of up to 255
# Name of an object template -> its meta-category, UUID and version.
_TEMPLATES = {
    "file": ("file", "688c46fb-5edb-40a3-8273-1af7923e2215", "25"),
    "domain-ip": ("network", "43b3b146-77eb-4931-b4cc-b66c60f28734", "11"),
    "url": ("network", "60efb77b-40b5-4c46-871b-ed1ed999fce5", "10"),
    "report": ("misc", "70a68471-df22-4e3f-aa1a-5a3be19f82df", "8"),
    "malware": ("misc", "e5ad1d64-4b4e-44f5-9e00-88a705a67f9d", "1"),
    "intrusion-set": ("misc", "bfe96eae-e37a-4ecf-8012-1cdb478571a5", "1"),
    "vulnerability": ("vulnerability", "81650945-f186-437b-8945-9f31715d32da", "12"),
    "internal-reference": ("misc", "a3984dc5-5f70-4776-9262-c19641c0ff6a", "2"),
}


class _Value(NamedTuple):
    """A MISP attribute."""

    relation: str  # the name of the attribute in the object template
    type: str
    category: str
    value: str
    correlates: bool = True  # whether MISP shows other events with the same value


def write_misp(graph: Graph, stream: BinaryIO, *, to_ids: bool = False) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as one event, with one MISP object per line.

    If ``to_ids`` is true, hashes, domains, IP addresses and URLs are marked for use in detection.
    By default, nothing is marked, because not all indicators of a campaign are malicious.
    """
    event = _Event(graph, to_ids=to_ids)
    head = msgspec.json.encode({"Event": event.head()}).removesuffix(b"}}") + b',"Object":['
    write_object_list(stream, head, event.objects(), b"]}}\n")
    return event.warnings


class _Event:
    """The MISP event of a graph."""

    def __init__(self, graph: Graph, *, to_ids: bool) -> None:
        self.warnings = ExportWarnings()
        self._graph = graph
        self._to_ids = to_ids
        self._uuid = campaign_uuid(graph)
        dates = (parse_timestamp(node.get("creation_date")) for _, node in graph.nodes(data=True))
        self._newest = max(filter(None, dates), default=datetime.fromtimestamp(0, UTC))
        self._timestamp = str(int(self._newest.timestamp()))

    def head(self) -> Json:
        """Return the event without objects.

        The date of the event is the newest valid ``creation_date`` of a node, or 1970-01-01.
        """
        kinds = Counter(node["type"] for _, node in self._graph.nodes(data=True))
        counts = xml_text(", ".join(f"{kind} {count}" for kind, count in kinds.items()))
        states = [node.get("state") for _, node in self._graph.nodes(data=True)]
        unfinished = [
            f"{states.count(each)} {each}" for each in UNFINISHED_STATES if each in states
        ]
        incomplete = f"; not complete: {', '.join(unfinished)}" if unfinished else ""
        return {
            "uuid": self._uuid,
            "info": f"VirusTotal references, from graphbuild: {counts or 'none'}{incomplete}",
            "date": self._newest.strftime("%Y-%m-%d"),
            "timestamp": self._timestamp,
            "threat_level_id": _THREAT_LEVEL_UNDEFINED,
            "analysis": _ANALYSIS_COMPLETED,
            "distribution": _YOUR_ORGANISATION,
            "published": False,
            **_tag_list(
                tag for _, node in self._graph.nodes(data=True) for tag in _galaxy_tags(node)
            ),
        }

    def objects(self) -> Iterator[Json]:
        """Yield one object per node, with the object references that start at it."""
        for key, node in self._graph.nodes(data=True):
            name, values = _object_content(node, self.warnings)
            category, template_uuid, version = _TEMPLATES[name]
            object_uuid = self._id(key)
            date = parse_timestamp(node.get("creation_date")) if name == REPORT else None
            yield {
                "uuid": object_uuid,
                "name": name,
                "meta-category": category,
                "template_uuid": template_uuid,
                "template_version": version,
                "timestamp": self._timestamp,
                "distribution": _INHERIT,
                "comment": xml_text(key),
                "deleted": False,
                **({"first_seen": date.isoformat()} if date else {}),
                "Attribute": list(self._attributes(object_uuid, values, _tags(node))),
                "ObjectReference": list(self._references(key, object_uuid)),
            }

    def _id(self, *names: str) -> str:
        return stable_uuid(self._uuid, *names)

    def _attributes(
        self, object_uuid: str, values: Iterable[_Value], tags: list[str]
    ) -> Iterator[Json]:
        """Yield the attributes of a MISP object; only the first attribute has the tags."""
        for value in values:
            yield self._attribute(object_uuid, value) | _tag_list(tags)
            tags = []

    def _attribute(self, object_uuid: str, value: _Value) -> Json:
        return {
            "uuid": self._id(object_uuid, value.relation),
            "object_relation": value.relation,
            "type": value.type,
            "category": value.category,
            "value": value.value,
            "to_ids": self._to_ids and value.category in {_PAYLOAD, _NETWORK} and value.correlates,
            "disable_correlation": not value.correlates,
            "timestamp": self._timestamp,
            "distribution": _INHERIT,
            "deleted": False,
        }

    # --- references ------------------------------------------------------------------------------

    def _references(self, key: str, object_uuid: str) -> Iterator[Json]:
        collections: dict[str, str] = {}
        for target, edge in self._graph.adj[key].items():
            related_from, provenance = edge.get("related_from", ()), edge.get("provenance", "")
            parts = (edge["relation"], provenance, " ".join(related_from))
            yield self._reference(object_uuid, target, "; ".join(filter(None, parts)))
            for collection in related_from:
                if collections.get(collection) != OBSERVED:
                    collections[collection] = provenance
            self.warnings.omitted += len(edge.keys() - _EDGE_ATTRIBUTES)
        for target, provenance in collections.items():
            if target in self._graph and not self._graph.has_edge(key, target):
                comment = f"{self._graph.nodes[target]['type']} of related_references; {provenance}"
                yield self._reference(object_uuid, target, comment)

    def _reference(self, object_uuid: str, target: str, comment: str) -> Json:
        other = self._id(target)
        return {
            "uuid": self._id(object_uuid, other),
            "object_uuid": object_uuid,
            "referenced_uuid": other,
            "relationship_type": "related-to",
            "comment": xml_text(comment),
            "timestamp": self._timestamp,
            "deleted": False,
        }


# --- objects by type ----------------------------------------------------------------------------


def _object_content(node: Mapping[str, Any], warnings: ExportWarnings) -> tuple[str, list[_Value]]:
    """Return the name of the object template for a node, and the attributes of its MISP object."""
    if node["type"] == FILE:
        return "file", list(_file(node))
    found = value_observable(node)
    if found:
        value = _Value(found.misp_relation, found.misp_type, _NETWORK, found.value)
        return found.misp_object, [value]
    kind, name = stix_type(node), object_name(node, warnings)
    if kind == REPORT:
        link = safe_link(node.get("url") or node.get("link"))
        title = _Value("title", "text", _OTHER, name)
        return REPORT, [title, *([_Value("link", "link", _ANALYSIS, link)] if link else [])]
    if kind in {MALWARE, INTRUSION_SET}:
        family = [_Value("is_family", "boolean", _OTHER, "1", correlates=False)]
        return kind, [_Value("name", "text", _OTHER, name), *(family if kind == MALWARE else [])]
    cve = cve_id(node) if kind == VULNERABILITY else None
    if cve:
        summary = _Value("summary", "text", _OTHER, name)
        return VULNERABILITY, [_Value("id", "vulnerability", _ANALYSIS, cve), summary]
    return "internal-reference", [
        _Value("identifier", "text", _INTERNAL, xml_text(str(node["id"]))),
        _Value("type", "text", _INTERNAL, kind or xml_text(str(node["type"])), correlates=False),
        _Value("comment", "comment", _INTERNAL, name, correlates=False),
    ]


def _tags(node: Mapping[str, Any]) -> list[str]:
    """Return the tags of a collection whose kind the API states; other nodes have none."""
    kind = collection_kind(node)
    if not kind:
        return []
    return [f'virustotal:collection-type="{_tag_text(kind)}"', *_galaxy_tags(node)]


def _galaxy_tags(node: Mapping[str, Any]) -> list[str]:
    """Return the tag that names the galaxy cluster of a family, toolkit or actor, if it is one."""
    galaxy, name = _GALAXIES.get(stix_type(node) or ""), node.get("name")
    if not (collection_kind(node) and galaxy and isinstance(name, str) and name.strip()):
        return []
    return [f'misp-galaxy:{galaxy}="{_tag_text(name)}"']


def _tag_list(tags: Iterable[str]) -> Json:
    """Return the member ``Tag`` of an event or attribute, without repeated tags; {} if empty."""
    names = dict.fromkeys(tags)
    return {"Tag": [{"name": name} for name in names]} if names else {}


def _tag_text(text: str) -> str:
    """Return ``text`` as the value of a tag: truncated, with apostrophes for double quotes."""
    return label_text(text, _MAX_TAG_TEXT).replace('"', "'")


def _file(node: Mapping[str, Any]) -> Iterator[_Value]:
    hashes = file_hashes(node)
    for name, text in hashes.items():
        yield _Value(name, name, _PAYLOAD, text)
    file_name = node.get("meaningful_name") if hashes else str(node["id"])
    if isinstance(file_name, str) and file_name.strip():
        name = label_text(file_name, MAX_NAME)
        yield _Value("filename", "filename", _PAYLOAD, name, correlates=False)
    size = node.get("size")
    if type(size) is int and size >= 0:
        yield _Value("size-in-bytes", "size-in-bytes", _OTHER, str(size), correlates=False)
