"""Write the graph as a MISP event.

Each node becomes a MISP object. The object templates are part of every MISP installation. The
comment of an object is the node key. Each edge becomes an object reference. Its comment lists the
relation, the provenance and the collections, because MISP has no ternary relationships. Only some
attributes of nodes are written.

MISP accepts an attribute UUID only once across all events, and drops later attributes with the same
UUID (https://github.com/MISP/MISP/issues/9012). So all UUIDs are derived from that of the event,
which depends on the seeds.

https://www.misp-project.org/datamodels/, https://github.com/MISP/misp-objects
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

from graphbuild.exporters.cti_types import (
    INTRUSION_SET,
    MALWARE,
    MAX_NAME,
    REPORT,
    VULNERABILITY,
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
from graphbuild.models import FILE, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import networkx as nx

    Graph = nx.DiGraph[str]

Json = dict[str, Any]

_YOUR_ORGANISATION, _INHERIT = "0", "5"  # distribution levels
_THREAT_LEVEL_UNDEFINED, _ANALYSIS_COMPLETED = "4", "2"
_EDGE_ATTRIBUTES = frozenset({"relation", "provenance", "related_from"})


class _Template(NamedTuple):
    """A MISP object template."""

    name: str
    category: str
    uuid: str
    version: str


class _Value(NamedTuple):
    """A MISP attribute.

    Attributes:
        relation: The name of the attribute in the object template.
        type: The MISP type of the value.
        category: The MISP category of the attribute.
        value: The value as text.
        correlates: Whether MISP shows other events with the same value.
    """

    relation: str
    type: str
    category: str
    value: str
    correlates: bool = True


_FILE = _Template("file", "file", "688c46fb-5edb-40a3-8273-1af7923e2215", "25")
_DOMAIN_IP = _Template("domain-ip", "network", "43b3b146-77eb-4931-b4cc-b66c60f28734", "11")
_URL = _Template("url", "network", "60efb77b-40b5-4c46-871b-ed1ed999fce5", "10")
_VALUE_TEMPLATES = {each.name: each for each in (_DOMAIN_IP, _URL)}
_REPORT = _Template("report", "misc", "70a68471-df22-4e3f-aa1a-5a3be19f82df", "8")
_MALWARE = _Template("malware", "misc", "e5ad1d64-4b4e-44f5-9e00-88a705a67f9d", "1")
_INTRUSION_SET = _Template("intrusion-set", "misc", "bfe96eae-e37a-4ecf-8012-1cdb478571a5", "1")
_VULNERABILITY = _Template(
    "vulnerability", "vulnerability", "81650945-f186-437b-8945-9f31715d32da", "12"
)
_REFERENCE = _Template("internal-reference", "misc", "a3984dc5-5f70-4776-9262-c19641c0ff6a", "2")

_PAYLOAD, _NETWORK, _ANALYSIS = "Payload delivery", "Network activity", "External analysis"
_OTHER, _INTERNAL = "Other", "Internal reference"


def write_misp(graph: Graph, stream: BinaryIO, *, to_ids: bool = False) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as one event, one object per line.

    Args:
        graph: A graph as :func:`graphbuild.graph.builder.build_graph` returns it.
        stream: Binary stream to write to.
        to_ids: Whether to mark files, domains, IP addresses and URLs for use in detection. Note
            that an entity which is related to a reference is not necessarily malicious.

    Returns:
        Counts of the values that were cleaned or omitted.
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
        self._uuid = _event_id(graph)
        dates = (parse_timestamp(node.get("creation_date")) for _, node in graph.nodes(data=True))
        self._newest = max(filter(None, dates), default=datetime.fromtimestamp(0, UTC))
        self._timestamp = str(int(self._newest.timestamp()))

    def head(self) -> Json:
        """Return the event without its objects.

        The event is visible to your organization only. Its date is that of the newest node.
        """
        kinds = Counter(node["type"] for _, node in self._graph.nodes(data=True))
        counts = xml_text(", ".join(f"{kind} {count}" for kind, count in kinds.items()))
        return {
            "uuid": self._uuid,
            "info": f"VirusTotal references, from graphbuild: {counts or 'none'}",
            "date": self._newest.strftime("%Y-%m-%d"),
            "timestamp": self._timestamp,
            "threat_level_id": _THREAT_LEVEL_UNDEFINED,
            "analysis": _ANALYSIS_COMPLETED,
            "distribution": _YOUR_ORGANISATION,
            "published": False,
        }

    def objects(self) -> Iterator[Json]:
        """Yield one object per node, with the object references that start at it."""
        for key, node in self._graph.nodes(data=True):
            template, values = _object_content(node, self.warnings)
            object_uuid = self._id(key)
            date = parse_timestamp(node.get("creation_date")) if template is _REPORT else None
            yield {
                "uuid": object_uuid,
                "name": template.name,
                "meta-category": template.category,
                "template_uuid": template.uuid,
                "template_version": template.version,
                "timestamp": self._timestamp,
                "distribution": _INHERIT,
                "comment": xml_text(key),
                "deleted": False,
                **({"first_seen": date.isoformat()} if date else {}),
                "Attribute": [self._attribute(object_uuid, value) for value in values],
                "ObjectReference": list(self._references(key, object_uuid)),
            }

    def _id(self, *words: str) -> str:
        return stable_uuid(self._uuid, *words)

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
            self.warnings.omitted += len(edge.keys() - _EDGE_ATTRIBUTES - {"weight"})
        for target, provenance in collections.items():
            if target in self._graph and not self._graph.has_edge(key, target):
                comment = f"collection of related_references; {provenance}"
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


def _event_id(graph: Graph) -> str:
    """Return a UUID that depends only on the seeds, or on all nodes if there are no seeds.

    So MISP recognizes a later export of the campaign as the same event.
    """
    seeds = sorted(key for key, node in graph.nodes(data=True) if node.get("seed") is True)
    digest = sha256("\n".join(seeds or sorted(graph)).encode("utf-8", "backslashreplace"))
    return stable_uuid("event", digest.hexdigest())


# --- objects by type ----------------------------------------------------------------------------


def _object_content(
    node: Mapping[str, Any], warnings: ExportWarnings
) -> tuple[_Template, list[_Value]]:
    if node["type"] == FILE:
        return _FILE, list(_file(node))
    found = value_observable(node)
    if found:
        value = _Value(found.misp_relation, found.misp_type, _NETWORK, found.value)
        return _VALUE_TEMPLATES[found.misp_object], [value]
    return _domain_object(node, object_name(node, warnings))


def _file(node: Mapping[str, Any]) -> Iterator[_Value]:
    hashes = file_hashes(node)
    for name, text in hashes.items():
        yield _Value(name, name, _PAYLOAD, text)
    file_name = node.get("meaningful_name")
    if not hashes:
        file_name = str(node["id"])
    if isinstance(file_name, str) and file_name.strip():
        name = label_text(file_name, MAX_NAME)
        yield _Value("filename", "filename", _PAYLOAD, name, correlates=False)
    size = node.get("size")
    if type(size) is int and size >= 0:
        yield _Value("size-in-bytes", "size-in-bytes", _OTHER, str(size), correlates=False)


def _domain_object(node: Mapping[str, Any], name: str) -> tuple[_Template, list[_Value]]:
    kind = stix_type(node)
    if kind == REPORT:
        link = safe_link(node.get("url") or node.get("link"))
        title = _Value("title", "text", _OTHER, name)
        return _REPORT, [title, *([_Value("link", "link", _ANALYSIS, link)] if link else [])]
    if kind == MALWARE:
        family = _Value("is_family", "boolean", _OTHER, "1", correlates=False)
        return _MALWARE, [_Value("name", "text", _OTHER, name), family]
    if kind == INTRUSION_SET:
        return _INTRUSION_SET, [_Value("name", "text", _OTHER, name)]
    cve = cve_id(node) if kind == VULNERABILITY else None
    if cve:
        summary = _Value("summary", "text", _OTHER, name)
        return _VULNERABILITY, [_Value("id", "vulnerability", _ANALYSIS, cve), summary]
    return _REFERENCE, [
        _Value("identifier", "text", _INTERNAL, xml_text(str(node["id"]))),
        _Value("type", "text", _INTERNAL, kind or xml_text(str(node["type"])), correlates=False),
        _Value("comment", "comment", _INTERNAL, name, correlates=False),
    ]
