"""One node, the objects of STIX 2.1 that say it.

What is observed (files, domains, addresses, URLs) becomes an observable with the id that the
standard's own rule gives it, so that other producers' bundles say the same id. An extension on an
observable would change that id, and an observable has no external references; so what is known
beside the name stands in a ``note`` on it. What is talked about (reports, families, campaigns)
carries its own extension.

https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html, sections 2.9, 3 to 7.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from graphbuild.entities import FILE
from graphbuild.exporters.columns import further
from graphbuild.exporters.kinds import (
    CAMPAIGN,
    GROUPING,
    INTRUSION_SET,
    MALWARE,
    REPORT,
    TOOL,
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
from graphbuild.exporters.plain import Remarks, host_of, xml_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    import networkx as nx

Object = dict[str, Any]

SPEC = "2.1"
UNKNOWN_TIME = "1970-01-01T00:00:00.000Z"
UNDATED = "date-unknown"  # the label of a report for which no answer tells a date
# The namespace that the standard names for the ids of observables, section 2.9.
_OBSERVABLES = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
_HASH_NAMES = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256"}
_MAX_INTEGER = 2**53 - 1
_GRAPHS = frozenset({"type", "label", "id"})

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

_OUR_TIME = "2026-01-01T00:00:00.000Z"
IDENTITY_ID = f"identity--{id_of('identity')}"
EXTENSION_ID = f"extension-definition--{id_of('extension', '1')}"
IDENTITY: Object = {
    "type": "identity",
    "spec_version": SPEC,
    "id": IDENTITY_ID,
    "created": _OUR_TIME,
    "modified": _OUR_TIME,
    "name": "graphbuild",
    "description": "Makes graphs of what VirusTotal relates: file, reference, collection.",
    "identity_class": "system",
}
EXTENSION: Object = {
    "type": "extension-definition",
    "spec_version": SPEC,
    "id": EXTENSION_ID,
    "created_by_ref": IDENTITY_ID,
    "created": _OUR_TIME,
    "modified": _OUR_TIME,
    "name": "graphbuild",
    "description": "What the graph says of the object, and what STIX has no words for.",
    "schema": (
        "On a report, grouping, malware, tool, campaign, intrusion-set, vulnerability and note"
        " (which speaks of its first object_ref): entity_type and entity_id, strings, the type and"
        " id of the VirusTotal object; attributes, a string, a JSON object of the attributes known"
        " of it. On a report and grouping also edges, a list of objects, and on a relationship the"
        " properties of one such object: source_ref or target_ref, the other end, where this"
        " object is one; relation, a string, the VirusTotal relationship; weight, a number, the"
        " observations behind it; and where relation is related_references: related_from_refs, the"
        " collections through which the file is related to the report; unnamed, true where it is"
        " so through none that was named too; evidence, 'observed' in an answer or 'inferred' from"
        " others; first_seen and last_seen, when answers said so."
    ),
    "version": "1.0.0",
    "extension_types": ["property-extension"],
}


# --- ids -----------------------------------------------------------------------------------------


def ids_of(graph: nx.DiGraph[str]) -> dict[str, str]:
    """The id of the object that stands for each node; no two alike.

    Two observables that the standard's rule takes for one (a file under two of its hashes, before
    any answer proved it) are kept apart: the second gets an id of ours.
    """
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for key, node in graph.nodes(data=True):
        name = _id(key, node)
        if name in taken:
            name = f"{name.partition('--')[0]}--{id_of(key)}"
        taken.add(name)
        ids[key] = name
    return ids


def _id(key: str, node: Mapping[str, Any]) -> str:
    body = observable(node)
    if body is None:
        return f"{kind_of(node) or GROUPING}--{id_of(key)}"
    return f"{body['type']}--{id_of(_canonical(body), namespace=_OBSERVABLES)}"


def _canonical(body: Object) -> str:
    """What an observable's id is made of, as RFC 8785 writes it; of several hashes the first."""
    telling = {name: body[name] for name in ("hashes", "name", "value") if name in body}
    if "hashes" in telling:
        first = next(iter(telling["hashes"].items()))
        telling["hashes"] = dict([first])
    return json.dumps(telling, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# --- what is observed ----------------------------------------------------------------------------


def observable(node: Mapping[str, Any]) -> Object | None:
    """A file, domain, address or URL in the words of STIX; None for anything else."""
    if node["type"] == FILE:
        return _file(node)
    if is_domain(node):
        return {"type": "domain-name", "value": node["id"]}
    version = ip_version(node)
    if version:
        return {"type": f"ipv{version}-addr", "value": node["id"]}
    url = url_of(node)
    return None if url is None else {"type": "url", "value": url}


def _file(node: Mapping[str, Any]) -> Object:
    hashes = {_HASH_NAMES[name]: text for name, text in hashes_of(node).items()}
    # A file by another name than a hash is none of the service's; it is named by it all the same.
    telling = {"hashes": hashes} if hashes else {"name": xml_text(str(node["id"]))}
    body: Object = {"type": "file", **telling}
    size = node.get("size")
    if type(size) is int and 0 <= size <= _MAX_INTEGER:
        body["size"] = size
    return body


def _speaks_for_itself(node: Mapping[str, Any], body: Object) -> bool:
    """Whether type and id of a node follow from its observable alone."""
    if "hashes" in body:
        return list(body["hashes"].values()) == [node["id"]]
    return body["type"] != "url" and "name" not in body


def observed(
    key: str, node: Mapping[str, Any], name: str, body: Object, remarks: Remarks
) -> Iterator[Object]:
    """An observable, and the note on it where there is something to tell."""
    yield {"type": body["type"], "spec_version": SPEC, "id": name, **body}
    if len(node) > len(_GRAPHS) or not _speaks_for_itself(node, body):
        yield _note(key, node, name, remarks)


def _note(key: str, node: Mapping[str, Any], subject: str, remarks: Remarks) -> Object:
    """What is known of an observable beside its name; younger than before if asked since."""
    shown = name_of(node, remarks)
    known = (f"{name}: {_said(value)}" for name, value in node.items() if name not in _GRAPHS)
    asked = node.get("crawl_asked_at")
    return {
        "type": "note",
        "spec_version": SPEC,
        "id": f"note--{id_of('note', key)}",
        "created": UNKNOWN_TIME,
        "modified": asked if isinstance(asked, str) and _MOMENT.fullmatch(asked) else UNKNOWN_TIME,
        "abstract": shown,
        "content": "\n".join(sorted(map(xml_text, known))) or shown,
        "object_refs": [subject],
        "external_references": [_virustotal(node)],
        "extensions": {EXTENSION_ID: _entity(node, remarks)},
    }


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def indicator(
    key: str, node: Mapping[str, Any], name: str, body: Object, born: str
) -> Iterator[Object]:
    """What to look for to find an observable, valid from ``born`` on, and that it is this one."""
    own = indicator_id(key)
    yield {
        "type": "indicator",
        "spec_version": SPEC,
        "id": own,
        "created": born,
        "modified": born,
        "name": name_of(node, Remarks()),
        "description": "VirusTotal relates it to public reports; see its relationships.",
        "indicator_types": ["unknown"],
        "pattern": _pattern(body),
        "pattern_type": "stix",
        "pattern_version": SPEC,
        "valid_from": born,
        "external_references": [_virustotal(node)],
    }
    yield relationship(own, "related-to", name, born)


def indicator_id(key: str) -> str:
    """The id of the indicator for the observable that stands for a node."""
    return f"indicator--{id_of('indicator', key)}"


def _pattern(body: Object) -> str:
    """An observable's most telling hash, its name or its value, as the language of patterns."""
    if "hashes" in body:
        name, text = list(body["hashes"].items())[-1]
        path = f"file:hashes.'{name}'"
    else:
        field = "name" if "name" in body else "value"
        path, text = f"{body['type']}:{field}", body[field]
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"[{path} = '{escaped}']"


# --- what is talked about ------------------------------------------------------------------------


def about(
    node: Mapping[str, Any], name: str, refs: Iterable[str], edges: list[Object], remarks: Remarks
) -> Object:
    """A report, a collection or an actor.

    Args:
        node: the node's attributes.
        name: its id as an object.
        refs: the ids of what it is about; a report or grouping must have some.
        edges: what stands in its extension.
        remarks: where it is counted what could not be carried as it was.
    """
    kind = kind_of(node)
    body = {
        "type": kind or GROUPING,
        "spec_version": SPEC,
        "id": name,
        **_times(node),
        "name": name_of(node, remarks),
        **_own_words(node, kind),
    }
    if is_container(name):
        # One that is about nothing known is about nobody but us: it may not be empty.
        body["object_refs"] = list(dict.fromkeys(refs)) or [IDENTITY_ID]
    body["external_references"] = list(_external(node, kind))
    told = {"edges": edges} if edges else {}
    body["extensions"] = {EXTENSION_ID: _entity(node, remarks) | told}
    return body


def is_number(value: object) -> bool:
    """Whether STIX has such a number: finite, and a whole one within 53 bits."""
    if isinstance(value, float):
        return math.isfinite(value)
    return type(value) is int and abs(value) <= _MAX_INTEGER


def is_container(name: str) -> bool:
    """Whether an object lists what it is about: a report or a grouping, by its id."""
    return name.startswith((f"{REPORT}--", f"{GROUPING}--"))


def _own_words(node: Mapping[str, Any], kind: str | None) -> Object:
    """What an object of its kind must say."""
    if kind == REPORT:
        published = born(node)
        undated = {"labels": [UNDATED]} if published == UNKNOWN_TIME else {}
        return {"report_types": ["threat-report"], "published": published, **undated}
    if kind == MALWARE:
        return {"is_family": True}
    if kind in {TOOL, CAMPAIGN, INTRUSION_SET, VULNERABILITY}:
        return {}
    return {"context": "suspicious-activity" if kind == GROUPING else "unspecified"}


def _external(node: Mapping[str, Any], kind: str | None) -> Iterator[Object]:
    """Where else it is to be found: at its own address, at VirusTotal, in the list of CVEs."""
    address = web_address(node.get("url") or node.get("link"))
    if address:
        yield {"source_name": host_of(address), "url": address}
    cve = cve_of(node) if kind == VULNERABILITY else None
    if cve:
        yield {"source_name": "cve", "external_id": cve}
    yield _virustotal(node)


def _virustotal(node: Mapping[str, Any]) -> Object:
    return {"source_name": "virustotal", "external_id": xml_text(str(node["id"]))}


def _entity(node: Mapping[str, Any], remarks: Remarks) -> Object:
    """The extension: the API's names, and what is known, as JSON, which loses nothing."""
    told: Object = {
        "extension_type": "property-extension",
        "entity_type": xml_text(str(node["type"])),
        "entity_id": xml_text(str(node["id"])),
    }
    known = further({n: v for n, v in node.items() if n not in _GRAPHS}, remarks)
    return told | ({"attributes": known} if known else {})


def relationship(source: str, verb: str, target: str, born: str, **more: object) -> Object:
    """Two objects and how they are related."""
    return {
        "type": "relationship",
        "spec_version": SPEC,
        "id": f"relationship--{id_of(source, verb, target)}",
        "created": born,
        "modified": born,
        "relationship_type": verb,
        "source_ref": source,
        "target_ref": target,
        **more,
    }


def born(node: Mapping[str, Any]) -> str:
    """When a report was published, or a collection made: as the API dates it, else 1970."""
    return _written(moment_of(node.get("creation_date")))


def _times(node: Mapping[str, Any]) -> Object:
    """Out of the data, never of the day, so that the same graph gives the same bytes."""
    changed = _written(moment_of(node.get("last_modification_date")))
    return {"created": born(node), "modified": max(born(node), changed)}


def _written(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z") if moment else UNKNOWN_TIME
