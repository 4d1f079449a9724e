"""A MISP event: files, names, reports and collections as MISP's objects, and how they are related.

Only objects that MISP itself ships templates of are used, so that nothing has to be installed
there. The comment of an object is the node's key; the comment of a reference says the relation,
the provenance and the collections behind it, by their keys, because MISP knows no fact of three.

MISP takes no id of an attribute a second time, whatever event it is in, and drops what bears one
(https://github.com/MISP/MISP/issues/9012): so all ids are made from the event's own, which follows
from the seeds. https://www.misp-project.org/datamodels/, https://github.com/MISP/misp-objects
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
    cve_of,
    hashes_of,
    id_of,
    ip_version,
    is_domain,
    kind_of,
    moment_of,
    name_of,
    url_of,
    web_address,
)
from graphbuild.exporters.json_stream import write_objects
from graphbuild.exporters.sanitize import ExportWarnings, label_text, xml_text
from graphbuild.models import FILE, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import networkx as nx

    Graph = nx.DiGraph[str]

Json = dict[str, Any]

_YOUR_ORGANISATION, _AS_THE_EVENT = "0", "5"  # who may see it
_UNDEFINED_THREAT, _COMPLETED = "4", "2"
_CARRIED = frozenset({"relation", "provenance", "related_from"})


class _Template(NamedTuple):
    """A template of MISP's: its name, category, id and version there."""

    name: str
    category: str
    uuid: str
    version: str


class _Value(NamedTuple):
    """One attribute: its place in the template, and what it says.

    Where it is ``telling``, MISP shows other events that say the same.
    """

    relation: str
    type: str
    category: str
    value: str
    telling: bool = True


_FILE = _Template("file", "file", "688c46fb-5edb-40a3-8273-1af7923e2215", "25")
_DOMAIN_IP = _Template("domain-ip", "network", "43b3b146-77eb-4931-b4cc-b66c60f28734", "11")
_URL = _Template("url", "network", "60efb77b-40b5-4c46-871b-ed1ed999fce5", "10")
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
    """Write ``graph`` to ``stream`` as one event, an object a line.

    Args:
        graph: any graph that keeps the contract of :mod:`graphbuild.graph.builder`.
        stream: where the bytes go.
        to_ids: whether files, domains, addresses and URLs are marked for detection. That something
            is related to a report does not make it malicious.

    Returns:
        What could not be carried as it was.
    """
    event = _Event(graph, to_ids=to_ids)
    head = msgspec.json.encode({"Event": event.head()}).removesuffix(b"}}") + b',"Object":['
    write_objects(stream, head, event.objects(), b"]}}\n")
    return event.warnings


class _Event:
    """One graph on its way."""

    def __init__(self, graph: Graph, *, to_ids: bool) -> None:
        self.warnings = ExportWarnings()
        self._graph = graph
        self._to_ids = to_ids
        self._uuid = _event_id(graph)
        dates = (moment_of(node.get("creation_date")) for _, node in graph.nodes(data=True))
        self._newest = max(filter(None, dates), default=datetime.fromtimestamp(0, UTC))
        self._timestamp = str(int(self._newest.timestamp()))

    def head(self) -> Json:
        """The event itself: seen by one's own organisation, dated as the newest report is."""
        kinds = Counter(node["type"] for _, node in self._graph.nodes(data=True))
        counts = xml_text(", ".join(f"{kind} {count}" for kind, count in kinds.items()))
        return {
            "uuid": self._uuid,
            "info": f"VirusTotal, as related by graphbuild: {counts or 'nothing'}",
            "date": self._newest.strftime("%Y-%m-%d"),
            "timestamp": self._timestamp,
            "threat_level_id": _UNDEFINED_THREAT,
            "analysis": _COMPLETED,
            "distribution": _YOUR_ORGANISATION,
            "published": False,
        }

    def objects(self) -> Iterator[Json]:
        """An object for each node, with the references that start from it."""
        for key, node in self._graph.nodes(data=True):
            template, values = _described(node, self.warnings)
            own = self._id(key)
            seen = moment_of(node.get("creation_date")) if template is _REPORT else None
            yield {
                "uuid": own,
                "name": template.name,
                "meta-category": template.category,
                "template_uuid": template.uuid,
                "template_version": template.version,
                "timestamp": self._timestamp,
                "distribution": _AS_THE_EVENT,
                "comment": xml_text(key),
                "deleted": False,
                **({"first_seen": seen.isoformat()} if seen else {}),
                "Attribute": [self._attribute(own, value) for value in values],
                "ObjectReference": list(self._references(key, own)),
            }

    def _id(self, *words: str) -> str:
        return id_of(self._uuid, *words)

    def _attribute(self, own: str, value: _Value) -> Json:
        return {
            "uuid": self._id(own, value.relation),
            "object_relation": value.relation,
            "type": value.type,
            "category": value.category,
            "value": value.value,
            "to_ids": self._to_ids and value.category in {_PAYLOAD, _NETWORK} and value.telling,
            "disable_correlation": not value.telling,
            "timestamp": self._timestamp,
            "distribution": _AS_THE_EVENT,
            "deleted": False,
        }

    # --- references ------------------------------------------------------------------------------

    def _references(self, key: str, own: str) -> Iterator[Json]:
        collections: dict[str, str] = {}
        for target, edge in self._graph.adj[key].items():
            behind, provenance = edge.get("related_from", ()), edge.get("provenance", "")
            said = (edge["relation"], provenance, " ".join(behind))
            yield self._reference(own, target, "; ".join(filter(None, said)))
            for each in behind:
                if collections.get(each) != OBSERVED:
                    collections[each] = provenance
            self.warnings.omitted += len(edge.keys() - _CARRIED - {"weight"})
        for target, provenance in collections.items():
            if target in self._graph and not self._graph.has_edge(key, target):
                yield self._reference(own, target, f"behind related_references; {provenance}")

    def _reference(self, own: str, target: str, comment: str) -> Json:
        other = self._id(target)
        return {
            "uuid": self._id(own, other),
            "object_uuid": own,
            "referenced_uuid": other,
            "relationship_type": "related-to",
            "comment": xml_text(comment),
            "timestamp": self._timestamp,
            "deleted": False,
        }


def _event_id(graph: Graph) -> str:
    """The same for the same seeds, so that a later export is known for the same event."""
    seeds = sorted(key for key, node in graph.nodes(data=True) if node.get("seed") is True)
    digest = sha256("\n".join(seeds or sorted(graph)).encode("utf-8", "backslashreplace"))
    return id_of("event", digest.hexdigest())


# --- what a node is in MISP ----------------------------------------------------------------------


def _described(node: Mapping[str, Any], warnings: ExportWarnings) -> tuple[_Template, list[_Value]]:
    if node["type"] == FILE:
        return _FILE, list(_file(node))
    if is_domain(node):
        return _DOMAIN_IP, [_Value("domain", "domain", _NETWORK, node["id"])]
    if ip_version(node):
        return _DOMAIN_IP, [_Value("ip", "ip-dst", _NETWORK, node["id"])]
    url = url_of(node)
    if url:
        return _URL, [_Value("url", "url", _NETWORK, url)]
    return _talked_about(node, name_of(node, warnings))


def _file(node: Mapping[str, Any]) -> Iterator[_Value]:
    hashes = hashes_of(node)
    for name, text in hashes.items():
        yield _Value(name, name, _PAYLOAD, text)
    called = node.get("meaningful_name")
    if not hashes:
        called = str(node["id"])
    if isinstance(called, str) and called.strip():
        name = label_text(called, MAX_NAME)
        yield _Value("filename", "filename", _PAYLOAD, name, telling=False)
    size = node.get("size")
    if type(size) is int and size >= 0:
        yield _Value("size-in-bytes", "size-in-bytes", _OTHER, str(size), telling=False)


def _talked_about(node: Mapping[str, Any], name: str) -> tuple[_Template, list[_Value]]:
    kind = kind_of(node)
    if kind == REPORT:
        link = web_address(node.get("url") or node.get("link"))
        title = _Value("title", "text", _OTHER, name)
        return _REPORT, [title, *([_Value("link", "link", _ANALYSIS, link)] if link else [])]
    if kind == MALWARE:
        family = _Value("is_family", "boolean", _OTHER, "1", telling=False)
        return _MALWARE, [_Value("name", "text", _OTHER, name), family]
    if kind == INTRUSION_SET:
        return _INTRUSION_SET, [_Value("name", "text", _OTHER, name)]
    cve = cve_of(node) if kind == VULNERABILITY else None
    if cve:
        summary = _Value("summary", "text", _OTHER, name)
        return _VULNERABILITY, [_Value("id", "vulnerability", _ANALYSIS, cve), summary]
    return _REFERENCE, [
        _Value("identifier", "text", _INTERNAL, xml_text(str(node["id"]))),
        _Value("type", "text", _INTERNAL, kind or xml_text(str(node["type"])), telling=False),
        _Value("comment", "comment", _INTERNAL, name, telling=False),
    ]
