"""Data model: entities, seeds, observations, links and pages.

An entity is an object of the API. Ids are unique only within a type, so an entity is identified by
type and id together (https://docs.virustotal.com/reference/objects).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar = str | int | float | bool

# Object types of the API.
FILE = "file"
DOMAIN = "domain"
IP_ADDRESS = "ip_address"
URL = "url"
REFERENCE = "reference"
COLLECTION = "collection"
SUBJECT_TYPES = frozenset({FILE, DOMAIN, IP_ADDRESS, URL})  # types that a seed can have

# Relationships of the API.
RELATED_REFERENCES = "related_references"
REFERENCES = "references"
FILES = "files"

# Values of `Observation.provenance`.
OBSERVED, INFERRED = "observed", "inferred"

# States of a subject.
PENDING = "pending"  # at least one page is still to be requested
COMPLETE = "complete"  # every page is stored
INCOMPLETE = "incomplete"  # paging ended before the end of the list
FAILED = "failed"  # the API refused the request
STATES = (PENDING, COMPLETE, INCOMPLETE, FAILED)

SEED_ATTRIBUTE_PREFIX = "seed_"  # for attributes that come from a seed list
# Attributes with these prefixes do not come from the API.
LOCAL_ATTRIBUTE_PREFIXES = ("crawl_", "group_", SEED_ATTRIBUTE_PREFIX)

_MAX_ID_LENGTH = 256  # the longest known ids, prefix included, have fewer than 100 characters
_SHORT_HASH_LENGTH = 12

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_SIMPLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
# Ids are used in URLs, XML ids and tables: no spaces, quotes, angle brackets or path characters.
_FORBIDDEN_IN_ID = frozenset(" \t\r\n\"'`<>&\\/?#%")


class HashType(NamedTuple):
    """A hash algorithm.

    Attributes:
        name: The name of the API's file attribute, for example ``sha256``.
        label: The name in messages, for example ``SHA-256``.
        hex_length: The number of hexadecimal digits.
    """

    name: str
    label: str
    hex_length: int


# Hashes by which the API finds files, weakest first. Everything else derives from this table.
HASH_TYPES = (
    HashType("md5", "MD5", 32),
    HashType("sha1", "SHA-1", 40),
    HashType("sha256", "SHA-256", 64),
)
# Hashes that are recognized only to give a better reason for refusing them.
UNSUPPORTED_HASH_TYPES = (HashType("sha512", "SHA-512", 128),)
FILE_ID_HASH = "sha256"  # the API's own id of a file
_HASH_NAMES = {each.hex_length: each.name for each in HASH_TYPES}


def detect_hash_type(text: str) -> str | None:
    """Return the name of the hash that ``text`` can be by its length, or None."""
    name = _HASH_NAMES.get(len(text))
    return name if name and _HEX.fullmatch(text) else None


class _NoAttributes(dict[str, Scalar]):
    """An empty dictionary that cannot be filled, shared by all entities without attributes.

    Unlike ``types.MappingProxyType`` it can be copied and pickled.
    """

    def __setitem__(self, name: str, value: Scalar) -> NoReturn:
        raise TypeError("the attributes of an entity cannot be changed")


_NO_ATTRIBUTES = _NoAttributes()


@dataclass(frozen=True, slots=True)
class Entity:
    """An object of the API. Two entities are equal if type and id are equal.

    Attributes:
        type: The API's object type, such as ``file``, ``reference`` or ``collection``.
            Types that graphbuild does not know are allowed.
        id: The API's id; lower-case hexadecimal for files and references.
        attributes: Attributes under the API's names; ignored when entities are compared.
    """

    type: str
    id: str
    attributes: Mapping[str, Scalar] = field(
        default_factory=lambda: _NO_ATTRIBUTES, compare=False, repr=False
    )

    @property
    def key(self) -> str:
        """The node key, ``type:id``."""
        return f"{self.type}:{self.id}"

    @property
    def label(self) -> str:
        """The display name: title, name, URL or shortened id. Never empty."""
        for name in ("title", "name", "meaningful_name"):
            text = self.attributes.get(name)
            if isinstance(text, str) and text.strip():
                return text
        url = self.attributes.get("url") if self.type == URL else None
        return url if isinstance(url, str) and url else shorten_id(self)


def shorten_id(entity: Entity) -> str:
    """Return the id for display; hashes are cut to 12 digits."""
    is_hash = detect_hash_type(entity.id) is not None
    return entity.id[:_SHORT_HASH_LENGTH] + "…" if is_hash else entity.id


def is_object_type(value: object) -> bool:
    """Return whether ``value`` is a valid object type: a short ASCII word."""
    return isinstance(value, str) and _TYPE.fullmatch(value) is not None


def is_object_id(value: object) -> bool:
    """Return whether ``value`` is an object id that is safe in a path, an XML id and a table."""
    if not isinstance(value, str):
        return False
    return _SIMPLE_ID.fullmatch(value) is not None or (
        0 < len(value) <= _MAX_ID_LENGTH
        and value.isprintable()
        and value not in {".", ".."}
        and not _FORBIDDEN_IN_ID.intersection(value)
    )


@dataclass(frozen=True, slots=True)
class Seed:
    """An entry of a seed list.

    Attributes:
        entity: The file, domain, IP address or URL.
        source: The name of the seed list.
        line: The line number in the list, from 1.
        attributes: The other columns of the entry.
    """

    entity: Entity
    source: str
    line: int
    attributes: Mapping[str, Scalar] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Observation:
    """A reference of a subject, and the collection through which they are related.

    Attributes:
        subject: The entity whose references were requested.
        reference: The related reference.
        related_from: The collection; None if the API names none.
        provenance: ``OBSERVED`` if a page contains it, ``INFERRED`` if it follows from other ones.
        first_seen: Time of the first page that contains it, in seconds since 1970; None if unknown.
        last_seen: Time of the last such page.
    """

    subject: Entity
    reference: Entity
    related_from: Entity | None
    provenance: str = OBSERVED
    first_seen: float | None = field(default=None, compare=False)
    last_seen: float | None = field(default=None, compare=False)


class Entry(NamedTuple):
    """An entry of a ``related_references`` page, without its subject.

    Attributes:
        reference: The related reference.
        related_from: The collections in the API's order; a single None if the API names none.
    """

    reference: Entity
    related_from: tuple[Entity | None, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of another relationship than ``related_references``, without a collection.

    Attributes:
        source: The collection or reference whose relationship was requested.
        relationship: ``files`` or ``references``.
        target: The related entity.
    """

    source: Entity
    relationship: str
    target: Entity


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed API response: one page of a list.

    Attributes:
        subject: The entity that was requested.
        entries: The entries of a ``related_references`` page, in the API's order. Pages of one
            client with equal entries may share the tuple.
        count: The length of the whole list, if the API states it.
        next_cursor: The cursor of the next page; None on the last page.
        item_count: The number of items on the page, including skipped ones.
        warnings: Skipped or changed items, each with its path in the response.
        targets: The related entities on a page of another relationship, in the API's order.
        canonical_subject: The subject under the API's own id, if the request used another one, such
            as the MD5 of a file.
    """

    subject: Entity
    entries: tuple[Entry, ...]
    count: int | None
    next_cursor: str | None
    item_count: int
    warnings: tuple[str, ...] = ()
    targets: tuple[Entity, ...] = ()
    canonical_subject: Entity | None = None

    @property
    def observations(self) -> tuple[Observation, ...]:
        """One observation for each entry and collection, created on each access."""
        return tuple(
            Observation(self.subject, entry.reference, collection)
            for entry in self.entries
            for collection in entry.related_from
        )


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a subject, one of ``STATES``, with an explanation if there is one."""

    state: str
    detail: str = ""
