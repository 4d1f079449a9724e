"""Map nodes to object types of STIX and MISP, and validate values for both formats."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote
from uuid import UUID, uuid5

from graphbuild.exporters.sanitize import label_text, replace_illegal, url_host
from graphbuild.models import (
    COLLECTION,
    DOMAIN,
    HASH_TYPES,
    IP_ADDRESS,
    REFERENCE,
    URL,
    detect_hash_type,
)
from graphbuild.seeds.indicators import parse_indicator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.exporters.results import ExportWarnings
    from graphbuild.graph.builder import Graph

# Types of STIX domain objects.
MALWARE, TOOL, CAMPAIGN = "malware", "tool", "campaign"
INTRUSION_SET, VULNERABILITY = "intrusion-set", "vulnerability"
REPORT, GROUPING = "report", "grouping"

# The namespace from which graphbuild derives UUIDs. It must not change, because an object must
# have the same UUID in every export.
NAMESPACE = UUID("0e8a84f3-138e-4a9b-9a82-a241d5627add")
MAX_NAME = 16_000  # characters; up to 64,000 bytes, which fit a TEXT column of MISP's database

# Value of collection_type -> STIX type: https://gtidocs.virustotal.com/reference/collections
COLLECTION_TYPES = {
    "malware-family": MALWARE,
    "software-toolkit": TOOL,
    "campaign": CAMPAIGN,
    "threat-actor": INTRUSION_SET,
    "vulnerability": VULNERABILITY,
    "report": REPORT,
    "collection": GROUPING,
}
_THREAT_ACTOR = "threat_actor"
_CVE = re.compile(r"CVE-[0-9]{4}-(0[0-9]{3}|[1-9][0-9]{3,})", re.IGNORECASE)
_MAX_TIMESTAMP = 253_402_300_799  # seconds since 1970: the end of the year 9999

# Patterns of URLs according to RFC 3986, with ASCII hosts; safe_link() converts other hosts.
_CHARACTER = r"(?:[A-Za-z0-9._~:/@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_REST = rf"(?:/{_CHARACTER}*)?(?:\?(?:{_CHARACTER}|\?)*)?(?:#(?:{_CHARACTER}|\?)*)?"
_PORT = r"(?::[0-9]{1,5})?"
_LINK = re.compile(rf"(?:https?|ftp)://[A-Za-z0-9.-]{{1,253}}{_PORT}{_REST}", re.IGNORECASE)
_USER = r"(?:(?:[A-Za-z0-9._~:!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*@)?"
_URL = re.compile(
    rf"(?:https?|ftp)://{_USER}(?:[A-Za-z0-9.-]{{1,253}}|\[(?P<v6>[0-9A-Fa-f:.]+)\]){_PORT}{_REST}",
    re.IGNORECASE,
)
_PARTS = re.compile(r"(?P<scheme>[A-Za-z]+)://[^/?#@]+?(?P<port>:[0-9]{1,5})?(?P<rest>[/?#].*)?")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def stix_type(node: Mapping[str, object]) -> str | None:
    """Return the STIX type of a reference, collection or threat actor; None for other nodes.

    The type of a collection depends on its ``collection_type`` only. If this attribute is missing
    or unknown, the collection is a grouping. Ids do not show the kind: an id that starts with
    ``malware--`` can be that of a malware family or of a software toolkit.
    """
    if node["type"] == REFERENCE:
        return REPORT
    if node["type"] == _THREAT_ACTOR:
        return INTRUSION_SET
    if node["type"] != COLLECTION:
        return None
    return COLLECTION_TYPES.get(collection_kind(node), GROUPING)


def collection_kind(node: Mapping[str, object]) -> str:
    """Return the ``collection_type`` of a collection; empty if the API states none."""
    kind = node.get("collection_type") if node["type"] == COLLECTION else None
    return kind.strip() if isinstance(kind, str) else ""


def file_hashes(node: Mapping[str, object]) -> dict[str, str]:
    """Return the valid hashes of a file by name: ``md5``, ``sha1`` and ``sha256``, in this order.

    The hashes are the id of the file and its attributes with these names, in lower case. The id
    takes precedence over an attribute.
    """
    own = detect_hash_type(str(node["id"]))
    known = {name: node["id"] if name == own else node.get(name) for name, _, _ in HASH_TYPES}
    return {
        name: text.lower()
        for name, text in known.items()
        if isinstance(text, str) and detect_hash_type(text) == name
    }


class ValueObservable(NamedTuple):
    """A domain, IP address or URL as STIX and MISP represent it."""

    stix_type: str
    misp_object: str  # the name of the MISP object template
    misp_relation: str  # the name of the attribute in this template
    misp_type: str
    value: str


def value_observable(node: Mapping[str, object]) -> ValueObservable | None:
    """Return the observable of a domain, IP address or URL; None if invalid or for other types."""
    node_type, value = node["type"], str(node["id"])
    if node_type == DOMAIN and _is_domain(value):
        return ValueObservable("domain-name", "domain-ip", "domain", "domain", value)
    if node_type == IP_ADDRESS and (version := _ip_version(value)):
        return ValueObservable(f"ipv{version}-addr", "domain-ip", "ip", "ip-dst", value)
    if node_type == URL and (url := _valid_url(node.get("url"))):
        return ValueObservable("url", "url", "url", "url", url)
    return None


def _is_domain(text: str) -> bool:
    try:
        found = parse_indicator(text).entity
    except ValueError:
        return False
    return found.type == DOMAIN and found.id == text


def _ip_version(text: str) -> int | None:
    """Return 4 or 6, or None if ``text`` is not an IP address."""
    try:
        return ip_address(text).version
    except ValueError:
        return None


def _valid_url(text: object) -> str | None:
    """Return ``text`` as an http, https or ftp URL, or None if it is not a valid URL.

    In contrast to :func:`safe_link`, the URL may contain a user name or an IPv6 address.
    """
    if not isinstance(text, str) or len(text) > MAX_NAME:
        return None
    found = _URL.fullmatch(text)
    return text if found and (not found["v6"] or _ip_version(found["v6"])) else safe_link(text)


def safe_link(text: object) -> str | None:
    """Return ``text`` as a URL that is safe to show as a link; None if there is no such URL.

    Only http, https and ftp URLs are accepted. URLs with a user name, a backslash or white space
    are rejected, because a browser may open a host that differs from the visible one. URLs with an
    IPv6 address, and texts of more than ``MAX_NAME`` characters, are rejected as well. A non-ASCII
    host is converted to Punycode. Characters after the host that URLs must not contain are
    percent-encoded.
    """
    if not isinstance(text, str) or len(text) > MAX_NAME:
        return None
    if _LINK.fullmatch(text):
        return text
    parts = _PARTS.fullmatch(text)
    host = url_host(text)
    if not parts or not host or ":" in host:  # an IPv6 address
        return None
    if not text.isprintable() or " " in text or "\\" in text:
        return None
    rest = quote(_BARE_PERCENT.sub("%25", parts["rest"] or ""), safe="/?#%:@!$&'()*+,;=~")
    address = f"{parts['scheme']}://{host}{parts['port'] or ''}{rest}"
    return address if _LINK.fullmatch(address) else None


def cve_id(node: Mapping[str, object]) -> str | None:
    """Return the CVE number in the id or name of a node, such as ``CVE-2022-30190``, or None."""
    for text in (str(node["id"]).removeprefix("vulnerability--"), node.get("name")):
        if isinstance(text, str) and _CVE.fullmatch(text):
            return text.upper()
    return None


def object_name(node: Mapping[str, object], warnings: ExportWarnings) -> str:
    """Return the label of a node as the name of its STIX or MISP object; it is never empty.

    A label with characters that XML forbids is counted as ``cleaned`` in ``warnings``.
    """
    label = str(node["label"])
    if not label.isprintable() and replace_illegal(label) != label:
        warnings.cleaned += 1
    return label_text(label, MAX_NAME)


def parse_timestamp(seconds: object) -> datetime | None:
    """Return a time of the API (an integer, Unix seconds) in UTC; None if invalid or below 1."""
    if type(seconds) is int and 0 < seconds <= _MAX_TIMESTAMP:
        return datetime.fromtimestamp(seconds, UTC)
    return None


def stable_uuid(*names: str, namespace: UUID = NAMESPACE) -> str:
    """Return a version 5 UUID that depends only on the arguments."""
    # Lone surrogates are escaped, because uuid5() cannot encode them.
    return str(uuid5(namespace, "\n".join(names).encode("utf-8", "backslashreplace").decode()))


def campaign_uuid(graph: Graph) -> str:
    """Return a UUID derived from the node keys of the seeds, or of all nodes without seeds."""
    seeds = sorted(key for key, node in graph.nodes(data=True) if node.get("seed") is True)
    digest = sha256("\n".join(seeds or sorted(graph)).encode("utf-8", "backslashreplace"))
    return stable_uuid("event", digest.hexdigest())
