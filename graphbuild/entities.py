"""Entities: what the graph is about, and how a line of text becomes one.

An entity is the API's object descriptor, the pair (type, id): ids are unique only within a type
(https://docs.virustotal.com/reference/objects), so both together are the identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn

from graphbuild import names

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar = str | int | float | bool

FILE = "file"
DOMAIN = "domain"
IP_ADDRESS = "ip_address"
URL = "url"
REFERENCE = "reference"
COLLECTION = "collection"
SEED_PREFIX = "seed_"  # before the names of what a seed list, not the API, says of an entity
# What the ledger, seed lists and views say; no answer's names.
OUR_PREFIXES = ("crawl_", "group_", SEED_PREFIX)

# The longest id met is "vulnerability--cve-..." or 64 hex digits behind a prefix; the rest is room.
MAX_ID = 256
_SHORT_HASH = 12

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_SHA512_DIGITS = 128
_HEX = re.compile(r"[0-9a-fA-F]+")
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_SPREADSHEET = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_FIELD_END = re.compile(r"[\s,;|]")
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")  # as nearly all are
# Ids end up in URLs, XML ids and tables: no spaces, quotes, angle brackets or path characters.
_FORBIDDEN_IN_ID = frozenset(" \t\r\n\"'`<>&\\/?#%")
_HASH_KINDS = {32: "md5", 40: "sha1", 64: "sha256"}
# A hash with one wrong character may look like a domain; it is refused as the hash it was to be.
_NEAR_LENGTHS = frozenset(length + by for length in _HASH_KINDS for by in (-1, 0, 1))


class _Nothing(dict[str, Scalar]):
    """What is known of an entity where nothing is: one object for a million of them.

    A dictionary, unlike a mapping proxy, can be copied with whatever holds it.
    """

    def __setitem__(self, name: str, value: Scalar) -> NoReturn:
        raise TypeError("the attributes of an entity cannot be changed")


_NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing of the API: equal to another when type and id are.

    Attributes:
        type: the API's object type: ``file``, ``reference``, ``collection`` or one never met.
        id: the API's id; lower-case hex for files and references.
        attributes: what is known of it, under the API's names; knowledge, not identity.
    """

    type: str
    id: str
    attributes: Mapping[str, Scalar] = field(
        default_factory=lambda: _NOTHING, compare=False, repr=False
    )

    @property
    def key(self) -> str:
        """The node key, the same everywhere: ``file:5e3f...``."""
        return f"{self.type}:{self.id}"

    @property
    def label(self) -> str:
        """What to call it in a picture: title, name, a URL itself, a short id. Never empty."""
        for name in ("title", "name", "meaningful_name"):
            text = self.attributes.get(name)
            if isinstance(text, str) and text.strip():
                return text
        url = self.attributes.get("url") if self.type == URL else None
        return url if isinstance(url, str) and url else short_id(self)


def short_id(entity: Entity) -> str:
    """The id, hashes cut to twelve digits: enough to tell two apart on a screen."""
    is_hash = hash_kind(entity.id) is not None
    return entity.id[:_SHORT_HASH] + "…" if is_hash else entity.id


def hash_kind(text: str) -> str | None:
    """Which hash ``text`` is by its length: ``md5``, ``sha1``, ``sha256``, or None."""
    kind = _HASH_KINDS.get(len(text))
    return kind if kind and _HEX.fullmatch(text) else None


def is_type(text: object) -> bool:
    """Whether ``text`` can be an object type: a short ASCII word."""
    return isinstance(text, str) and _TYPE.fullmatch(text) is not None


def is_id(text: object) -> bool:
    """Whether ``text`` can be an object id that is safe in a path, an XML id and a table cell."""
    if not isinstance(text, str):
        return False
    return _PLAIN_ID.fullmatch(text) is not None or (
        0 < len(text) <= MAX_ID
        and text.isprintable()
        and text not in {".", ".."}
        and not _FORBIDDEN_IN_ID.intersection(text)
    )


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
    found = None if _looks_like_a_hash(text) else names.read(text)
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
    if len(text) in _HASH_KINDS:
        wrong = next(char for char in text if not _HEX.fullmatch(char))
        return f"contains {wrong!r}, which is no hexadecimal digit"
    return "is not a file hash (MD5, SHA-1 or SHA-256), and no domain, IP address or URL"
