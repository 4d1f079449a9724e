"""What is observed, in the words of STIX 2.1: files, domains, addresses, URLs; and indicators.

An observable has the id that the standard's own rule gives it, so that other producers' bundles say
the same. An extension on a file would change that id, and an observable has no external references;
so what is known beside its name stands in a ``note`` on it.

https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html, sections 2.9, 4.7, 4.13 and 6.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from graphbuild.exporters.cti_types import hashes_of, id_of, ip_version, is_domain, name_of, url_of
from graphbuild.exporters.sanitize import ExportWarnings, xml_text
from graphbuild.exporters.stix_common import (
    CONTRACT,
    EXTENSION_ID,
    MAX_INTEGER,
    SPEC,
    UNKNOWN_TIME,
    entity,
    relationship,
    virustotal,
)
from graphbuild.models import FILE, HASH_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbuild.exporters.stix_common import (
        Object,
    )

# The namespace that the standard names for the ids of observables, section 2.9.
_OBSERVABLES = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
_HASH_LABELS = {each.name: each.label for each in HASH_TYPES}
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


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
    hashes = {_HASH_LABELS[name]: text for name, text in hashes_of(node).items()}
    # A file by another name than a hash is none of the service's; it is named by it all the same.
    telling = {"hashes": hashes} if hashes else {"name": xml_text(str(node["id"]))}
    body: Object = {"type": "file", **telling}
    size = node.get("size")
    if type(size) is int and 0 <= size <= MAX_INTEGER:
        body["size"] = size
    return body


def _speaks_for_itself(node: Mapping[str, Any], body: Object) -> bool:
    """Whether type and id of a node follow from its observable alone."""
    if "hashes" in body:
        return list(body["hashes"].values()) == [node["id"]]
    return body["type"] != "url" and "name" not in body


def observed(
    key: str, node: Mapping[str, Any], name: str, body: Object, warnings: ExportWarnings
) -> Iterator[Object]:
    """An observable, and the note on it where there is something to tell."""
    yield {"type": body["type"], "spec_version": SPEC, "id": name, **body}
    if len(node) > len(CONTRACT) or not _speaks_for_itself(node, body):
        yield _note(key, node, name, warnings)


def _note(key: str, node: Mapping[str, Any], subject: str, warnings: ExportWarnings) -> Object:
    """What is known of an observable beside its name; younger than before if asked since."""
    shown = name_of(node, warnings)
    known = (f"{name}: {_said(value)}" for name, value in node.items() if name not in CONTRACT)
    asked = node.get("crawl_fetched_at")
    return {
        "type": "note",
        "spec_version": SPEC,
        "id": f"note--{id_of('note', key)}",
        "created": UNKNOWN_TIME,
        "modified": asked if isinstance(asked, str) and _MOMENT.fullmatch(asked) else UNKNOWN_TIME,
        "abstract": shown,
        "content": "\n".join(sorted(map(xml_text, known))) or shown,
        "object_refs": [subject],
        "external_references": [virustotal(node)],
        "extensions": {EXTENSION_ID: entity(node, warnings)},
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
        "name": name_of(node, ExportWarnings()),
        "description": "VirusTotal relates it to public reports; see its relationships.",
        "indicator_types": ["unknown"],
        "pattern": _pattern(body),
        "pattern_type": "stix",
        "pattern_version": SPEC,
        "valid_from": born,
        "external_references": [virustotal(node)],
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


def observable_id(body: Object) -> str:
    """The id of an observable: made of what names it, as RFC 8785 writes it."""
    telling = {name: body[name] for name in ("hashes", "name", "value") if name in body}
    if "hashes" in telling:
        # Of several hashes the first, in the order of the standard.
        telling["hashes"] = dict([next(iter(telling["hashes"].items()))])
    text = json.dumps(telling, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{body['type']}--{id_of(text, namespace=_OBSERVABLES)}"
