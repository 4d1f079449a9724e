"""What is talked about, in the words of STIX 2.1: reports, families, campaigns, actors.

Each carries its own extension, which says the API's names and what else is known of it.

https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html, section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.exporters.cti_types import (
    CAMPAIGN,
    GROUPING,
    INTRUSION_SET,
    MALWARE,
    REPORT,
    TOOL,
    VULNERABILITY,
    cve_of,
    id_of,
    kind_of,
    name_of,
    web_address,
)
from graphbuild.exporters.sanitize import url_host
from graphbuild.exporters.stix_common import (
    EXTENSION_ID,
    IDENTITY_ID,
    SPEC,
    UNKNOWN_TIME,
    born,
    entity,
    is_container,
    times,
    virustotal,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from graphbuild.exporters.sanitize import ExportWarnings
    from graphbuild.exporters.stix_common import (
        Object,
    )

UNDATED = "date-unknown"  # the label of a report for which no answer tells a date


def subject_id(key: str, node: Mapping[str, Any]) -> str:
    """The id of what a node is about, where it is no observable."""
    return f"{kind_of(node) or GROUPING}--{id_of(key)}"


def about(
    node: Mapping[str, Any],
    name: str,
    refs: Iterable[str],
    edges: list[Object],
    warnings: ExportWarnings,
) -> Object:
    """A report, a collection or an actor.

    Args:
        node: the node's attributes.
        name: its id as an object.
        refs: the ids of what it is about; a report or grouping must have some.
        edges: what stands in its extension.
        warnings: where it is counted what could not be carried as it was.
    """
    kind = kind_of(node)
    body = {
        "type": kind or GROUPING,
        "spec_version": SPEC,
        "id": name,
        **times(node),
        "name": name_of(node, warnings),
        **_own_words(node, kind),
    }
    if is_container(name):
        # One that is about nothing known is about nobody but us: it may not be empty.
        body["object_refs"] = list(dict.fromkeys(refs)) or [IDENTITY_ID]
    body["external_references"] = list(_external(node, kind))
    told = {"edges": edges} if edges else {}
    body["extensions"] = {EXTENSION_ID: entity(node, warnings) | told}
    return body


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
        yield {"source_name": url_host(address), "url": address}
    cve = cve_of(node) if kind == VULNERABILITY else None
    if cve:
        yield {"source_name": "cve", "external_id": cve}
    yield virustotal(node)
