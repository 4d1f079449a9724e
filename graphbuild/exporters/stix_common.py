"""What all objects of a bundle share: who says it, the extension, times, how two are related.

https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html, sections 3, 5 and 7.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.cti_types import GROUPING, REPORT, id_of, moment_of
from graphbuild.exporters.extra_attributes import further
from graphbuild.exporters.sanitize import xml_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from graphbuild.exporters.sanitize import ExportWarnings

Object = dict[str, Any]

SPEC = "2.1"
UNKNOWN_TIME = "1970-01-01T00:00:00.000Z"
MAX_INTEGER = 2**53 - 1
CONTRACT = frozenset({"type", "label", "id"})  # attributes of the graph's own
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
        " collections through which the file is related to the report; unnamed, true where an"
        " answer named none; provenance, 'observed' in an answer or 'inferred' from others;"
        " first_seen and last_seen, when answers said so."
    ),
    "version": "1.0.0",
    "extension_types": ["property-extension"],
}


def virustotal(node: Mapping[str, Any]) -> Object:
    """Where VirusTotal has it."""
    return {"source_name": "virustotal", "external_id": xml_text(str(node["id"]))}


def entity(node: Mapping[str, Any], warnings: ExportWarnings) -> Object:
    """The extension: the API's names, and what is known, as JSON, which loses nothing."""
    told: Object = {
        "extension_type": "property-extension",
        "entity_type": xml_text(str(node["type"])),
        "entity_id": xml_text(str(node["id"])),
    }
    known = further({n: v for n, v in node.items() if n not in CONTRACT}, warnings)
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


def times(node: Mapping[str, Any]) -> Object:
    """Out of the data, never of the day, so that the same graph gives the same bytes."""
    changed = _written(moment_of(node.get("last_modification_date")))
    return {"created": born(node), "modified": max(born(node), changed)}


def _written(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z") if moment else UNKNOWN_TIME


def is_number(value: object) -> bool:
    """Whether STIX has such a number: finite, and a whole one within 53 bits."""
    if isinstance(value, float):
        return math.isfinite(value)
    return type(value) is int and abs(value) <= MAX_INTEGER


def is_container(name: str) -> bool:
    """Whether an object lists what it is about: a report or a grouping, by its id."""
    return name.startswith((f"{REPORT}--", f"{GROUPING}--"))
