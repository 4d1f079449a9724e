"""What the things of a graph are in the words of the platforms they go to: STIX and MISP.

Both have files with several hashes, reports with an address and a date, and names for what a
collection may be: a malware family, a campaign, an actor. What is told here is told once for both.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID, uuid5

from graphbuild.exporters.sanitize import label_text, replaced, url_host
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

    from graphbuild.exporters.sanitize import ExportWarnings

# What a collection, an actor or a reference is, in the words of STIX.
MALWARE, TOOL, CAMPAIGN = "malware", "tool", "campaign"
INTRUSION_SET, VULNERABILITY = "intrusion-set", "vulnerability"
REPORT, GROUPING = "report", "grouping"

# All ids of ours are made in this namespace, so that the same thing has the same id in any export.
OURS = UUID("0e8a84f3-138e-4a9b-9a82-a241d5627add")
MAX_NAME = 16_000  # characters: what a field of a platform's database holds, in any script

# The kinds the API itself tells: https://gtidocs.virustotal.com/reference/collections
_COLLECTION_TYPES = {
    "malware-family": MALWARE,
    "software-toolkit": TOOL,
    "campaign": CAMPAIGN,
    "threat-actor": INTRUSION_SET,
    "vulnerability": VULNERABILITY,
    "report": REPORT,
    "collection": GROUPING,
}
# Where it does not, as in the classic generation: what ids of these forms were seen to be.
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
_LAST_SECOND = 253_402_300_799  # of the year 9999

# An address as RFC 3986 has it, with a host that a browser would ask for by that name.
_CHARACTER = r"(?:[A-Za-z0-9._~:/@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_REST = rf"(?:/{_CHARACTER}*)?(?:\?(?:{_CHARACTER}|\?)*)?(?:#(?:{_CHARACTER}|\?)*)?"
_PORT = r"(?::[0-9]{1,5})?"
_ADDRESS = re.compile(rf"(?:https?|ftp)://[A-Za-z0-9.-]{{1,253}}{_PORT}{_REST}", re.IGNORECASE)
_USER = r"(?:(?:[A-Za-z0-9._~:!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*@)?"
_OBSERVED = re.compile(
    rf"(?:https?|ftp)://{_USER}(?:[A-Za-z0-9.-]{{1,253}}|\[(?P<v6>[0-9A-Fa-f:.]+)\]){_PORT}{_REST}",
    re.IGNORECASE,
)
_PARTS = re.compile(r"(?P<scheme>[A-Za-z]+)://[^/?#@]+?(?P<port>:[0-9]{1,5})?(?P<rest>[/?#].*)?")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def kind_of(node: Mapping[str, object]) -> str | None:
    """What a node is among the things that are talked about; None for what is observed.

    A collection's own word decides, the form of its id where it says nothing.
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


def hashes_of(node: Mapping[str, object]) -> dict[str, str]:
    """The hashes of a file by their names, ``md5`` first: its id, and what answers say beside it.

    An attribute that is no such hash, or says another than the id, is passed over.
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
    """Whether a node is a domain, and its id the name of one."""
    if node["type"] != DOMAIN:
        return False
    try:
        found = parse_indicator(str(node["id"])).entity
    except ValueError:
        return False
    return found.type == DOMAIN and found.id == node["id"]


def ip_version(node: Mapping[str, object]) -> int | None:
    """4 or 6, of a node that is an IP address by its id; None for any other."""
    if node["type"] != IP_ADDRESS:
        return None
    try:
        return ip_address(str(node["id"])).version
    except ValueError:
        return None


def url_of(node: Mapping[str, object]) -> str | None:
    """The address that a node of type ``url`` is; None where it is not known.

    Unlike a link it may have a user before the host, and an address for a host.
    """
    text = node.get("url")
    if node["type"] != URL or not isinstance(text, str) or len(text) > MAX_NAME:
        return None
    found = _OBSERVED.fullmatch(text)
    if found and (not found["v6"] or _is_address(found["v6"])):
        return text
    return web_address(text)


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def web_address(text: object) -> str | None:
    """``text`` as a link that a person may be shown; None where it is no plain web address.

    What a browser would read differently than it looks (a user before the host, a backslash,
    white space) is no link, nor is any other scheme. Letters beyond ASCII are percent-encoded.
    """
    if not isinstance(text, str) or len(text) > MAX_NAME:
        return None
    if _ADDRESS.fullmatch(text):
        return text
    parts = _PARTS.fullmatch(text)
    host = url_host(text)
    if not parts or not host or ":" in host:  # as an IPv6 address has; here without its brackets
        return None
    if not text.isprintable() or " " in text or "\\" in text:
        return None
    rest = quote(_BARE_PERCENT.sub("%25", parts["rest"] or ""), safe="/?#%:@!$&'()*+,;=~")
    address = f"{parts['scheme']}://{host}{parts['port'] or ''}{rest}"
    return address if _ADDRESS.fullmatch(address) else None


def cve_of(node: Mapping[str, object]) -> str | None:
    """The number of a vulnerability, ``CVE-2022-30190``, where its id or its name is one."""
    for text in (str(node["id"]).removeprefix("vulnerability--"), node.get("name")):
        if isinstance(text, str) and _CVE.fullmatch(text):
            return text.upper()
    return None


def name_of(node: Mapping[str, object], warnings: ExportWarnings) -> str:
    """What a platform shows: the label in full, cleaned as labels are, never empty."""
    label = str(node["label"])
    if not label.isprintable() and replaced(label) != label:
        warnings.cleaned += 1
    return label_text(label, MAX_NAME)


def moment_of(seconds: object) -> datetime | None:
    """A time of the API, in UTC; None for what is no such time, or none that is known."""
    if type(seconds) is int and 0 < seconds <= _LAST_SECOND:
        return datetime.fromtimestamp(seconds, UTC)
    return None


def id_of(*words: str, namespace: UUID = OURS) -> str:
    """A UUID (version 5) that follows from ``words`` alone."""
    # A lone surrogate, which no text of the API holds, must not keep a graph from being written.
    return str(uuid5(namespace, "\n".join(words).encode("utf-8", "backslashreplace").decode()))
