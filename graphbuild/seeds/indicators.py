"""Texts that name a domain, an IP address or a URL: refanged, checked, and spelled as the API does.

A text is never bent until it fits: what could be read in two ways is refused with the reason.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from urllib.parse import urlsplit

from graphbuild.models import FILE, HASH_KINDS, URL, Entity, hash_kind

# What was changed on the way from the text to the name; said once for many lines.
DEFANGED = "defanged names were read as they are meant"
PORT_LEFT_OFF = "ports were left off"
HTTP_ADDED = "http:// was put before addresses with a path"
UNMAPPED = "IPv4 addresses were taken out of their IPv6 form"

_SCHEMES = frozenset({"http", "https", "ftp", "ftps", "sftp", "ws", "wss"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,31})://", re.IGNORECASE)
# One sign is enough to look closer: most texts are not defanged.
_SIGN = re.compile(r"[\[\](){}\\]|^[hf][x*t]{1,2}p", re.IGNORECASE)
_DEFANGED_SCHEME = re.compile(
    r"^(h(?:xx|xt|tx|\*\*|tt)p|f[xt]p)(s?)(?:\[:\]|\(:\)|:)(?://|\[//\]|\\/\\/)"
    r"|^(h(?:xx|xt|tx|\*\*|tt)p|f[xt]p)(s?)\[://\]",
    re.IGNORECASE,
)
_LIVE_SCHEME = re.compile(r"https?(?=:)", re.IGNORECASE)
_LIVE_FTP = re.compile(r"ftp(s?)://", re.IGNORECASE)
_DEFANGED_DOT = re.compile(
    r"\s?(?:\[\s?(?:\.|dot)\s?\]|\(\s?(?:\.|dot)\s?\)|\{\s?(?:\.|dot)\s?\})\s?|\[\.|\.\]|\\\.",
    re.IGNORECASE,
)
_DEFANGED_COLON = re.compile(r"\[:\]|\(:\)")
_DEFANGED_AT = re.compile(r"\[(?:@|at)\]|\((?:@|at)\)", re.IGNORECASE)
_DEFANGED_SLASH = re.compile(r"\[/\]")

_WORDS_AND_DOTS = re.compile(r"[\w-]+(?:[.\u3002\uff0e\uff61][\w-]+)+\.?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_TOP_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9]")
_MAX_DOMAIN = 253
_FOUR_NUMBERS = re.compile(r"\d+(?:\.\d+){3}")
_PORT = re.compile(r"(.+):(\d{1,5})")
_BRACKETED = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d{1,5})?")
_MAX_PORT = 65_535
_PRIVATE = frozenset(
    {
        "arpa",
        "corp",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "private",
        "test",
    }
)
# Endings of files that are no top-level domains (those that are both are not here).
_FILE_ENDINGS = frozenset(
    re.findall(
        r"\w+",
        "apk bak bat bin bmp bz2 cfg chm class cmd conf cpl csv dat dll dmg doc docm docx "
        "elf exe gif gz hta htm html ini iso jar jpeg jpg js jse json jsp lnk log lua msi "
        "ocx odt pdf php png ppt pptx ps1 pyc rar reg rtf scr sct svg swf sys tar tgz tmp "
        "txt vbe vbs vhd wsf xls xlsb xlsm xlsx xml yaml yml 7z",
    )
)
# Characters that the two versions of IDNA spell differently: two names, and which is meant?
DEVIATIONS = frozenset("\u00df\u1e9e\u03c2\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Name:
    """What a text names.

    Attributes:
        kind: which kind of thing.
        text: its name, spelled in one way only.
        remarks: what was changed on the way there.
    """

    kind: Literal["domain", "ip_address", "url"]
    text: str
    remarks: tuple[str, ...] = ()


def read(text: str) -> Name | None:
    """What ``text`` names; None if it does not even look like a name.

    Raises:
        ValueError: it looks like one and is none; with the reason.
    """
    meant = refang(text)
    said = (DEFANGED,) if meant != text else ()
    if any(char.isspace() for char in meant):
        return None
    if scheme := _SCHEME.match(meant):
        return Name("url", _url(meant, scheme[1]), said)
    host = re.split(r"[/?]", meant, maxsplit=1)[0]
    if host != meant:
        return _with_path(meant, host, said)
    if "@" in meant and "." in meant:
        raise ValueError("is a mail address; a domain, an IP address or a URL can be asked about")
    return _host(meant, said)


def refang(text: str) -> str:
    """``text`` as it was before it was guarded against a click: ``hxxp``, ``[.]``, ``(dot)``."""
    if not _SIGN.search(text):
        return text
    text = _DEFANGED_SCHEME.sub(_plain_scheme, text)
    text = _DEFANGED_DOT.sub(".", text)
    text = _DEFANGED_COLON.sub(":", text)
    return _DEFANGED_SLASH.sub("/", _DEFANGED_AT.sub("@", text))


def defanged(text: str) -> str:
    """``text`` so that nobody can click on an address in it; :func:`refang` undoes it."""
    quiet = _LIVE_SCHEME.sub(lambda match: match[0].lower().replace("tt", "xx", 1), text)
    quiet = _LIVE_FTP.sub(lambda match: f"fxp{match[1].lower()}://", quiet)
    return quiet.replace(".", "[.]")


def _plain_scheme(match: re.Match[str]) -> str:
    word, secure = match[1] or match[3], match[2] or match[4] or ""
    return f"{'ftp' if word[0] in 'fF' else 'http'}{secure.lower()}://"


def why_not_asked(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Why an address is not worth a question; empty if it is."""
    for is_so, what in (
        (address.is_unspecified, "no address of anybody"),
        (address.is_loopback, "an address of this very machine (loopback)"),
        (address.is_link_local, "a link-local address"),
        (address.is_multicast, "a multicast address"),
        (getattr(address, "is_site_local", False), "a private address"),
        (address.is_reserved, "a reserved address"),
        (not address.is_global, "a private or reserved address"),
    ):
        if is_so:
            return f"is {what}, which is not asked about"
    return ""


# --- hosts ---------------------------------------------------------------------------------------


def _with_path(meant: str, host: str, said: tuple[str, ...]) -> Name | None:
    """An address with a path and no scheme, which the service takes for one of http."""
    if meant[len(host) + 1 :].isdigit() and (_FOUR_NUMBERS.fullmatch(host) or ":" in host):
        raise ValueError("is a network; name single addresses")
    if "@" in host or _host(host, ()) is None:
        return None
    return Name("url", _url(f"http://{meant}", "http"), (*said, HTTP_ADDED))


def _host(text: str, said: tuple[str, ...]) -> Name | None:
    if bracketed := _BRACKETED.fullmatch(text):
        port = (PORT_LEFT_OFF,) if text[-1] != "]" else ()
        return _address(bracketed[1], (*said, *port)) or None
    if found := _address(text, said):
        return found
    ported = _PORT.fullmatch(text)
    if ported and int(ported[2]) <= _MAX_PORT:
        found = _address(ported[1], (*said, PORT_LEFT_OFF))
        return found or _domain_name(ported[1], (*said, PORT_LEFT_OFF))
    return _domain_name(text, said)


def _address(text: str, said: tuple[str, ...]) -> Name | None:
    if "%" in text and ":" in text:
        raise ValueError("is an address with a zone, which means something on one machine only")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        if _FOUR_NUMBERS.fullmatch(text):
            raise ValueError("is no IPv4 address: four numbers to 255, no zeros before") from None
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found, said = found.ipv4_mapped, (*said, UNMAPPED)
    if reason := why_not_asked(found):
        raise ValueError(reason)
    return Name("ip_address", str(found), said)


def _domain_name(text: str, said: tuple[str, ...]) -> Name | None:
    return Name("domain", domain(text), said) if _WORDS_AND_DOTS.fullmatch(text) else None


def domain(text: str) -> str:
    """A domain in the one spelling of it: lower case, ASCII, no dot at its end.

    Raises:
        ValueError: it is none that can be asked about; with the reason.
    """
    name = _ascii(text.removesuffix(".")).lower()
    *labels, top = name.split(".")
    if top in _FILE_ENDINGS:
        raise ValueError("looks like the name of a file, not of a domain")
    if not labels or top in _PRIVATE:
        raise ValueError("is a name of a private network, which is not asked about")
    if len(name) > _MAX_DOMAIN:
        raise ValueError(f"is longer than the {_MAX_DOMAIN} characters of a domain")
    if not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("is no domain: a part of it is empty, over 63 characters, or has odd ones")
    if not _TOP_LABEL.fullmatch(top):
        raise ValueError("is no domain: no top-level domain is called so")
    return name


def _ascii(text: str) -> str:
    """An international domain as it stands in the DNS; never a look-alike folded into ASCII."""
    if text.isascii():
        return text
    odd = next(char for char in text if not char.isascii())
    try:
        labels = [label.encode("idna").decode("ascii") for label in re.split("[.\u3002]", text)]
    except UnicodeError:
        raise ValueError(f"contains U+{ord(odd):04X}, which no domain has") from None
    written = ".".join(labels)
    if DEVIATIONS.intersection(text) or not any(label[:4] == "xn--" for label in labels):
        raise ValueError(f"contains U+{ord(odd):04X}: write the domain in ASCII (xn--...)")
    return written


# --- URLs ----------------------------------------------------------------------------------------


def _url(text: str, scheme: str) -> str:
    if scheme.lower() not in _SCHEMES:
        raise ValueError("has a scheme that is not asked about; http, https and ftp are")
    if not text.isprintable() or "\\" in text:
        raise ValueError("is no URL: it has a backslash or a character that cannot be seen")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no URL: its host or port cannot be read") from None
    if not host:
        raise ValueError("is no URL: it has no host")
    if _host(f"[{host}]" if ":" in host else host, ()) is None:
        raise ValueError("is a URL whose host is neither a domain nor an address")
    return text


# --- entities -----------------------------------------------------------------------------------

_SHA512_DIGITS = 128
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_SPREADSHEET = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_FIELD_END = re.compile(r"[\s,;|]")
# A hash with one wrong character may look like a domain; it is refused as the hash it was to be.
_NEAR_LENGTHS = frozenset(length + by for length in HASH_KINDS for by in (-1, 0, 1))
_HEX = re.compile(r"[0-9a-fA-F]+")


def recognize(text: str) -> Entity:
    """The entity that ``text`` names: a file by its hash, a domain, an IP address or a URL.

    Raises:
        ValueError: with the reason, in words for the person who wrote the line.
    """
    return understand(text)[0]


def understand(text: str) -> tuple[Entity, tuple[str, ...]]:
    """The same, with remarks on what was changed between the text and the name.

    A URL's id is the SHA-256 of its text; the text itself is the attribute ``url``.

    Raises:
        ValueError: with the reason, in words for the person who wrote the line.
    """
    if hash_kind(text):
        return Entity(FILE, text.lower()), ()
    found = None if _looks_like_a_hash(text) else read(text)
    if found is None:
        raise ValueError(_why_not(text))
    if found.kind == URL:
        digest = sha256(found.text.encode()).hexdigest()
        return Entity(URL, digest, {"url": found.text}), found.remarks
    return Entity(found.kind, found.text), found.remarks


def _looks_like_a_hash(text: str) -> bool:
    """Whether ``text`` was to be a hash, so that its flaw is worth telling."""
    if hash_kind(_FIELD_END.split(text, maxsplit=1)[0]) or _SPREADSHEET.fullmatch(text):
        return True
    odd = sum(char not in _HEX_DIGITS for char in text) if len(text) in _NEAR_LENGTHS else 0
    return odd == 1


def _why_not(text: str) -> str:
    """The most helpful reason why ``text`` names nothing."""
    first = _FIELD_END.split(text, maxsplit=1)[0]
    if first != text and hash_kind(first):
        return "has more than a hash on its line; one hash a line, a comment after '#'"
    if not text.isascii():
        strange = next(char for char in text if not char.isascii())
        return f"contains U+{ord(strange):04X}, which is no hexadecimal digit"
    if _HEX.fullmatch(text):
        kind = " (looks like SHA-512)" if len(text) == _SHA512_DIGITS else ""
        return f"has {len(text)} hexadecimal digits{kind}; MD5 has 32, SHA-1 40, SHA-256 64"
    if _SPREADSHEET.fullmatch(text):
        return "looks like a hash that a spreadsheet turned into a number"
    if len(text) in HASH_KINDS:
        wrong = next(char for char in text if not _HEX.fullmatch(char))
        return f"contains {wrong!r}, which is no hexadecimal digit"
    return "is not a file hash (MD5, SHA-1 or SHA-256), and no domain, IP address or URL"
