"""Parse indicators: file hashes, domains, IP addresses and URLs, defanged or not.

Hashes, domains and IP addresses are converted to the spelling of the API, without ports. URLs are
refanged. If the scheme of a URL is missing, ``http://`` is added. A URL with a scheme such as
``tcp`` is replaced by its host, and a link to VirusTotal by the linked object. For invalid and
ambiguous text, ``parse_indicator`` raises ``ValueError`` with the reason.
"""

from __future__ import annotations

import ipaddress
import re
from hashlib import sha256
from string import hexdigits
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from graphbuild.models import (
    DOMAIN,
    FILE,
    FILE_ID_HASH,
    HASH_TYPES,
    IP_ADDRESS,
    SUBJECT_LABELS,
    UNSUPPORTED_HASH_TYPES,
    URL,
    Entity,
    detect_hash_type,
)
from graphbuild.seeds.refanging import refang
from graphbuild.seeds.virustotal_links import find_linked_object

if TYPE_CHECKING:
    from graphbuild.seeds.virustotal_links import LinkedObject

# Values of ``Indicator.changes``. They are in the plural, because one warning can cover many lines.
REFANGED = "defanged names were refanged"
PORT_REMOVED = "ports were removed"
HTTP_ADDED = "http:// was added to URLs without a scheme"
IPV4_UNMAPPED = "IPv4-mapped IPv6 addresses were converted to IPv4"
PREFIX_REMOVED = "the prefix lengths of networks with one address were removed"
HOST_KEPT = "URLs with schemes such as tcp:// were reduced to their hosts"
PAGE_REPLACED = "links to VirusTotal were replaced by the objects of the pages"

_SCHEMES = frozenset({"http", "https", "ftp", "ftps", "sftp", "ws", "wss"})
# Schemes of services that are not on the web: only the host can be looked up.
_HOST_SCHEME = re.compile(
    "amqp|amqps|coap|dns|file|imap|imaps|irc|ircs|ldap|ldaps|mqtt|mqtts|nfs|ntp|pop3|pop3s|quic"
    "|rdp|redis|rsync|rtmp|rtsp|sip|sips|smb|smtp|smtps|snmp|socks|socks4|socks5|ssh|ssl"
    "|stratum|stratum[+]ssl|stratum[+]tcp|tcp|telnet|tftp|tls|udp|vnc"
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,31})://", re.IGNORECASE)

_DOTTED_WORDS = re.compile(r"[\w-]+(?:[.\u3002\uff0e\uff61][\w-]+)+\.?")
_DOMAIN_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_TOP_LEVEL_DOMAIN = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9]")
_MAX_DOMAIN_LENGTH = 253
_MAX_TEXT_LENGTH = 4 * _MAX_DOMAIN_LENGTH  # before IDNA encoding, which is slow for long text
_TOO_LONG = f"is longer than {_MAX_DOMAIN_LENGTH} characters, the maximum for a domain"
_DOTTED_QUAD = re.compile(r"\d+(?:\.\d+){3}")
_WITH_PORT = re.compile(r"(.+):(\d{1,5})")
_PROTOCOL = re.compile(r"(.+)/(?:tcp|udp|sctp)", re.IGNORECASE)
_PREFIX_LENGTHS = {4: "32", 6: "128"}  # IP version -> prefix length of a network of one address
_MAX_PREFIX_LENGTH = 128
_BRACKETED_IP = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d{1,5})?")
_MAX_PORT, _MAX_PORT_DIGITS = 65_535, 5
_PRIVATE_DOMAIN = re.compile(
    "arpa|corp|home|internal|intranet|invalid|lan|local|localdomain|localhost|private|test"
)
# File extensions that are not also top-level domains.
_FILE_EXTENSION = re.compile(
    "apk|bak|bat|bin|bmp|bz2|cfg|chm|class|cmd|conf|cpl|csv|dat|dll|dmg|doc|docm|docx|elf|exe|gif|"
    "gz|hta|htm|html|ini|iso|jar|jpeg|jpg|js|jse|json|jsp|lnk|log|lua|msi|ocx|odt|pdf|php|png|ppt|"
    "pptx|ps1|pyc|rar|reg|rtf|scr|sct|svg|swf|sys|tar|tgz|tmp|txt|vbe|vbs|vhd|wsf|xls|xlsb|xlsm|"
    "xlsx|xml|yaml|yml|7z"
)
# Top-level domains that are also file extensions.
FILE_EXTENSION_DOMAINS = frozenset({"md", "mov", "pl", "pm", "ps", "py", "rs", "sh", "so", "zip"})
# For names with one of these characters, IDNA 2003 and IDNA 2008 can give different domains.
IDNA_DEVIATIONS = frozenset("\u00df\u1e9e\u03c2\u200c\u200d")

_HEX = re.compile(r"[0-9a-fA-F]+")
_SPREADSHEET_NUMBER = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_WHITE_SPACE = re.compile(r"\s")
_FIELD_END = re.compile(r"[\s,;|]")
# Matches a hash in lower case. The longest alternative comes first, because ``re`` uses the first
# alternative that matches.
HASH_PATTERN = "|".join(f"[0-9a-f]{{{each.hex_length}}}" for each in reversed(HASH_TYPES))
HASH_LABELS = " or ".join(
    [", ".join(each.label for each in HASH_TYPES[:-1]), HASH_TYPES[-1].label]
)  # MD5, SHA-1 or SHA-256
_HASH_LENGTHS = {each.hex_length: each.label for each in (*HASH_TYPES, *UNSUPPORTED_HASH_TYPES)}
# Text of one of these lengths is rejected as a malformed hash if exactly one character is not a
# hexadecimal digit, even if the text looks like a domain.
_NEAR_HASH_LENGTHS = frozenset(each.hex_length + by for each in HASH_TYPES for by in (-1, 0, 1))


class Indicator(NamedTuple):
    """A parsed indicator: a file, domain, IP address or URL.

    For a URL, the id of the entity is the SHA-256 of the URL, and the attribute ``url`` is the URL.
    If the text is a link to VirusTotal that contains the id of a URL, the attribute is missing.
    """

    entity: Entity
    changes: tuple[str, ...] = ()  # changes made to the text, such as REFANGED


def parse_indicator(text: str) -> Indicator:
    """Parse a file hash, domain, IP address or URL.

    Raises:
        ValueError: The text is invalid or ambiguous. The message continues a sentence that starts
            with the text, such as "is not a URL: it has no host".
    """
    if detect_hash_type(text):
        return Indicator(Entity(FILE, text.lower()))
    found = None if _resembles_hash(text) else _parse_network_indicator(text)
    if found is None:
        raise ValueError(_rejection_reason(text))
    return found


# --- hosts ---------------------------------------------------------------------------------------


def _parse_network_indicator(text: str) -> Indicator | None:
    """Parse a URL, IP address or domain; return None if the text does not resemble one."""
    refanged = refang(text)
    changes = (REFANGED,) if refanged != text else ()
    if _WHITE_SPACE.search(refanged):
        return None
    if scheme := _SCHEME.match(refanged):
        if _HOST_SCHEME.fullmatch(scheme[1].lower()):
            return _parse_host_of_url(refanged[scheme.end() :], changes)
        return _parse_url(refanged, scheme[1], changes)
    host = re.split(r"[/?]", refanged, maxsplit=1)[0]
    if host != refanged:
        return _parse_host_with_path(host, refanged, changes)
    if "@" in refanged and "." in refanged:
        raise ValueError("is an email address, not a domain, an IP address or a URL")
    return _parse_host(refanged, changes)


def _parse_host_with_path(host: str, text: str, changes: tuple[str, ...]) -> Indicator | None:
    """Parse a host that is followed by a slash or question mark and other text.

    A number after an address is a port or a prefix length, and a protocol such as ``/tcp`` after a
    host with a port, or after an address, is removed. Other text is a path or query, and the result
    is an ``http`` URL, as in the API. Return None if the host does not resemble one.
    """
    is_address = _DOTTED_QUAD.fullmatch(host) or host.count(":") > 1
    after = text[len(host) + 1 :]
    if is_address and after.isdigit():
        full_length = _PREFIX_LENGTHS[6 if ":" in host else 4]
        # Larger numbers than any prefix length are ports: logs of Cisco have ``address/port``.
        if len(after) <= _MAX_PORT_DIGITS and int(after) > _MAX_PREFIX_LENGTH:
            return _parse_ip_address(host, (*changes, PORT_REMOVED))
        if after != full_length:
            raise ValueError("is a network, not an address; list its addresses one by one")
        return _parse_ip_address(host, (*changes, PREFIX_REMOVED))
    if "@" in host:
        return None
    found = _parse_host(host, changes)
    if found is None:
        return None
    is_port = found.entity.type == IP_ADDRESS or PORT_REMOVED in found.changes
    if is_port and _PROTOCOL.fullmatch(text):
        return Indicator(found.entity, tuple(dict.fromkeys((*found.changes, PORT_REMOVED))))
    return _parse_url(f"http://{text}", "http", (*changes, HTTP_ADDED))


def _parse_host_of_url(text: str, changes: tuple[str, ...]) -> Indicator:
    """Parse the host in the part of a URL after ``://``, such as ``user@evil.example:22/path``."""
    authority = re.split(r"[/?#]", text, maxsplit=1)[0]
    found = _parse_host(authority.rpartition("@")[2], (*changes, HOST_KEPT))
    if found is None:
        raise ValueError("is a URL whose host is neither a domain nor an IP address")
    return found


def _parse_host(text: str, changes: tuple[str, ...]) -> Indicator | None:
    if bracketed := _BRACKETED_IP.fullmatch(text):
        removed = (PORT_REMOVED,) if text[-1] != "]" else ()
        return _parse_ip_address(bracketed[1], (*changes, *removed))
    if found := _parse_ip_address(text, changes):
        return found
    with_port = _WITH_PORT.fullmatch(text)
    if with_port and int(with_port[2]) <= _MAX_PORT:
        text, changes = with_port[1], (*changes, PORT_REMOVED)
        if found := _parse_ip_address(text, changes):
            return found
    if not _DOTTED_WORDS.fullmatch(text):
        return None
    return Indicator(Entity(DOMAIN, _normalize_domain(text)), changes)


def _parse_ip_address(text: str, changes: tuple[str, ...]) -> Indicator | None:
    if ":" not in text and not text[-1:].isdigit():
        return None  # saves time: most hosts are domains, and fail this check
    if "%" in text and ":" in text:
        raise ValueError("is an address with a zone (%), which is valid on one machine only")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        if _DOTTED_QUAD.fullmatch(text):
            raise ValueError(
                "is not an IPv4 address: it needs four numbers from 0 to 255, without leading zeros"
            ) from None
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address, changes = address.ipv4_mapped, (*changes, IPV4_UNMAPPED)
    for applies, scope in (
        (address.is_unspecified, "the unspecified"),
        (address.is_loopback, "a loopback"),
        (address.is_link_local, "a link-local"),
        (address.is_multicast, "a multicast"),
        (getattr(address, "is_site_local", False), "a private"),
        (address.is_reserved, "a reserved"),
        (not address.is_global, "a private or reserved"),
    ):
        if applies:
            raise ValueError(f"is {scope} address; only public addresses can be looked up")
    return Indicator(Entity(IP_ADDRESS, str(address)), changes)


def _normalize_domain(text: str) -> str:
    """Return a domain in lower-case ASCII without a trailing dot; reject non-public domains."""
    if len(text) > _MAX_TEXT_LENGTH:
        raise ValueError(_TOO_LONG)
    name = _to_ascii(text.removesuffix(".")).lower()
    *labels, top = name.split(".")
    if _FILE_EXTENSION.fullmatch(top):
        raise ValueError("looks like a file name, not like a domain")
    if not labels or _PRIVATE_DOMAIN.fullmatch(top):
        raise ValueError("is a private or reserved host name; only public domains can be looked up")
    if len(name) > _MAX_DOMAIN_LENGTH:
        raise ValueError(_TOO_LONG)
    if not all(map(_DOMAIN_LABEL.fullmatch, labels)):
        raise ValueError(
            "is not a domain: a part between dots is empty, is over 63 characters long, or has"
            " invalid characters"
        )
    if not _TOP_LEVEL_DOMAIN.fullmatch(top):
        raise ValueError("is not a domain: it does not end in a top-level domain")
    return name


def _to_ascii(text: str) -> str:
    """Encode an international domain with IDNA 2003.

    Names that contain ``IDNA_DEVIATIONS`` or that IDNA maps to plain ASCII are rejected.
    """
    if text.isascii():
        return text
    code_point = f"U+{ord(next(char for char in text if not char.isascii())):04X}"
    try:
        labels = [label.encode("idna").decode("ascii") for label in re.split("[.\u3002]", text)]
    except UnicodeError:
        raise ValueError(f"contains {code_point}, which is not allowed in a domain") from None
    if IDNA_DEVIATIONS.intersection(text) or not any(label[:4] == "xn--" for label in labels):
        raise ValueError(f"contains {code_point}: write the domain in ASCII (xn--...)")
    return ".".join(labels)


# --- URLs ----------------------------------------------------------------------------------------


def _parse_url(text: str, scheme: str, changes: tuple[str, ...]) -> Indicator:
    if linked := find_linked_object(text):
        return _parse_linked_object(linked, changes)
    if scheme.lower() not in _SCHEMES:
        raise ValueError(f"has an unsupported scheme; use one of {', '.join(sorted(_SCHEMES))}")
    if not text.isprintable() or "\\" in text:
        raise ValueError("is not a URL: it contains a backslash or an invisible character")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL: its host or port is invalid") from None
    if not host:
        raise ValueError("is not a URL: it has no host")
    if _parse_host(f"[{host}]" if ":" in host else host, ()) is None:
        raise ValueError("is a URL whose host is neither a domain nor an IP address")
    return Indicator(Entity(URL, sha256(text.encode()).hexdigest(), {"url": text}), changes)


def _parse_linked_object(linked: LinkedObject, changes: tuple[str, ...]) -> Indicator:
    changes = (*changes, PAGE_REPLACED)
    if linked.type == URL and detect_hash_type(linked.id) == FILE_ID_HASH:
        return Indicator(Entity(URL, linked.id.lower()), changes)
    found = parse_indicator(linked.id)
    if linked.type and found.entity.type != linked.type:
        raise ValueError("is a link to a page of VirusTotal whose type and id do not match")
    return Indicator(found.entity, (*changes, *found.changes))


# --- reasons -------------------------------------------------------------------------------------


def _resembles_hash(text: str) -> bool:
    """Return whether ``text`` is more likely a malformed hash than a domain, address or URL.

    A hash that is followed by other text is also malformed.
    """
    first = _FIELD_END.split(text, maxsplit=1)[0]
    if detect_hash_type(first) or _SPREADSHEET_NUMBER.fullmatch(text):
        return True
    return len(text) in _NEAR_HASH_LENGTHS and sum(char not in hexdigits for char in text) == 1


def _rejection_reason(text: str) -> str:
    """Return the most specific reason why ``text`` is not an indicator."""
    first = _FIELD_END.split(text, maxsplit=1)[0]
    if first != text and detect_hash_type(first):
        return "contains more than a hash; write one hash per line, and comments after '#'"
    if not text.isascii():
        code_point = ord(next(char for char in text if not char.isascii()))
        return f"contains U+{code_point:04X}, which is not a hexadecimal digit"
    if _HEX.fullmatch(text):
        label = _HASH_LENGTHS.get(len(text))
        resemblance = f" (looks like {label})" if label else ""
        expected = ", ".join(f"{each.label} has {each.hex_length}" for each in HASH_TYPES)
        return f"has {len(text)} hexadecimal digits{resemblance}; {expected}"
    if _SPREADSHEET_NUMBER.fullmatch(text):
        return "looks like a hash that a spreadsheet turned into a number"
    if any(len(text) == each.hex_length for each in HASH_TYPES):
        wrong = next(char for char in text if char not in hexdigits)
        return f"contains {wrong!r}, which is not a hexadecimal digit"
    return f"is not a {SUBJECT_LABELS}; a file hash is {HASH_LABELS}"
