"""Map nodes to the types of threat intelligence formats, for STIX and MISP.

Both formats have files with several hashes, reports with a URL and a date, and types for what a
collection may be: a malware family, a campaign, an actor.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
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

# Types of STIX domain objects.
MALWARE, TOOL, CAMPAIGN = "malware", "tool", "campaign"
INTRUSION_SET, VULNERABILITY = "intrusion-set", "vulnerability"
REPORT, GROUPING = "report", "grouping"

# The namespace of our UUIDs: equal content gets the same id in every export.
NAMESPACE = UUID("0e8a84f3-138e-4a9b-9a82-a241d5627add")
MAX_NAME = 16_000  # characters that fit a database field of 64 KiB, in any script

# Values of the attribute collection_type: https://gtidocs.virustotal.com/reference/collections
_COLLECTION_TYPES = {
    "malware-family": MALWARE,
    "software-toolkit": TOOL,
    "campaign": CAMPAIGN,
    "threat-actor": INTRUSION_SET,
    "vulnerability": VULNERABILITY,
    "report": REPORT,
    "collection": GROUPING,
}
# Id prefixes, for the classic API, which has no collection_type.
_PREFIXES = (
    ("malware--", MALWARE),
    ("campaign--", CAMPAIGN),
    ("threat-actor--", INTRUSION_SET),
    ("vulnerability--", VULNERABILITY),
    ("report--", REPORT),
    ("malpedia_", MALWARE),
    ("threatfox_", MALWARE),
    ("analysis_virustotal_", MALWARE),
)
_THREAT_ACTOR = "threat_actor"
_CVE = re.compile(r"CVE-[0-9]{4}-(0[0-9]{3}|[1-9][0-9]{3,})", re.IGNORECASE)
_MAX_TIMESTAMP = 253_402_300_799  # of the year 9999

# URLs as in RFC 3986, with a host name that browsers do not rewrite.
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
    """Return the STIX type of a reference, collection or actor; None for other nodes.

    The type of a collection is its ``collection_type``, or else follows from its id.
    """
    if node["type"] == REFERENCE:
        return REPORT
    if node["type"] == _THREAT_ACTOR:
        return INTRUSION_SET
    if node["type"] != COLLECTION:
        return None
    stated = node.get("collection_type")
    if isinstance(stated, str) and stated in _COLLECTION_TYPES:
        return _COLLECTION_TYPES[stated]
    name = str(node["id"])
    return next((kind for prefix, kind in _PREFIXES if name.startswith(prefix)), GROUPING)


def file_hashes(node: Mapping[str, object]) -> dict[str, str]:
    """Return the hashes of a file by algorithm, ``md5`` first: its id and its attributes.

    Attributes that are not a hash of that algorithm, or contradict the id, are ignored.
    """
    known = {name: node.get(name) for name, _, _ in HASH_TYPES}
    own = detect_hash_type(str(node["id"]))
    if own:
        known[own] = node["id"]
    return {
        name: text.lower()
        for name, text in known.items()
        if isinstance(text, str) and detect_hash_type(text) == name
    }


def is_domain(node: Mapping[str, object]) -> bool:
    """Return whether a node is a domain with a valid name as id."""
    if node["type"] != DOMAIN:
        return False
    try:
        found = parse_indicator(str(node["id"])).entity
    except ValueError:
        return False
    return found.type == DOMAIN and found.id == node["id"]


def ip_version(node: Mapping[str, object]) -> int | None:
    """Return 4 or 6 if a node is a valid IP address, else None."""
    if node["type"] != IP_ADDRESS:
        return None
    try:
        return ip_address(str(node["id"])).version
    except ValueError:
        return None


def url_value(node: Mapping[str, object]) -> str | None:
    """Return the URL of a node of type ``url``; None if it is unknown or invalid.

    Unlike a link it may have a user name, and an IP address as host.
    """
    text = node.get("url")
    if node["type"] != URL or not isinstance(text, str) or len(text) > MAX_NAME:
        return None
    found = _URL.fullmatch(text)
    if found and (not found["v6"] or _is_ip_address(found["v6"])):
        return text
    return safe_link(text)


def _is_ip_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def safe_link(text: object) -> str | None:
    """Return ``text`` as a link that is safe to show, or None.

    Only http, https and ftp URLs are links. URLs that browsers read differently than they look
    (with a user name, a backslash or white space) are not. Non-ASCII characters are
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
    """Return the CVE number of a vulnerability, such as ``CVE-2022-30190``, from its id or name."""
    for text in (str(node["id"]).removeprefix("vulnerability--"), node.get("name")):
        if isinstance(text, str) and _CVE.fullmatch(text):
            return text.upper()
    return None


def display_name(node: Mapping[str, object], warnings: ExportWarnings) -> str:
    """Return the full label without control characters; never empty."""
    label = str(node["label"])
    if not label.isprintable() and replace_illegal(label) != label:
        warnings.cleaned += 1
    return label_text(label, MAX_NAME)


def parse_timestamp(seconds: object) -> datetime | None:
    """Return a timestamp of the API in UTC; None if it is invalid or unknown (0)."""
    if type(seconds) is int and 0 < seconds <= _MAX_TIMESTAMP:
        return datetime.fromtimestamp(seconds, UTC)
    return None


def stable_uuid(*names: str, namespace: UUID = NAMESPACE) -> str:
    """Return a version 5 UUID that depends only on the arguments."""
    # A lone surrogate must not stop an export.
    return str(uuid5(namespace, "\n".join(names).encode("utf-8", "backslashreplace").decode()))
