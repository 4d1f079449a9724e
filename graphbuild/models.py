"""Data model: subject types, entities, seeds, observations, links and pages.

An entity is an object of the API. Ids are unique only within a type, so an entity is identified by
its type and id together (https://docs.virustotal.com/reference/objects).
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


class SubjectType(NamedTuple):
    """An entity type of seeds, with the STIX and MISP types that represent it."""

    name: str  # the API's object type
    label: str  # in messages
    text_attribute: str = ""  # the attribute whose SHA-256 is the id; empty if there is none
    stix_types: tuple[str, ...] = ()  # types of STIX objects
    stix_property: str = "value"  # the property of these STIX objects that contains the seed
    misp_types: tuple[str, ...] = ()  # types of MISP attributes


# To add a type, add it here; CONTRIBUTING.md lists the other places. Files have no STIX and MISP
# types here, because these formats represent a file by several hashes.
_SUBJECT_TYPES = (
    SubjectType(FILE, "file hash"),
    SubjectType(DOMAIN, "domain", stix_types=("domain-name",), misp_types=("domain", "hostname")),
    SubjectType(
        IP_ADDRESS,
        "IP address",
        stix_types=("ipv4-addr", "ipv6-addr"),
        misp_types=("ip-src", "ip-dst"),
    ),
    SubjectType(URL, "URL", text_attribute="url", stix_types=("url",), misp_types=("url",)),
)
SUBJECT_TYPES = {each.name: each for each in _SUBJECT_TYPES}
_LABELS = [each.label for each in SUBJECT_TYPES.values()]
SUBJECT_LABELS = f"{', '.join(_LABELS[:-1])} or {_LABELS[-1]}"

# Relationships of the API.
RELATED_REFERENCES = "related_references"
REFERENCES = "references"
FILES = "files"

# Values of `Observation.provenance`.
OBSERVED, INFERRED = "observed", "inferred"

# States of a subject.
PENDING = "pending"  # at least one page has yet to be requested
COMPLETE = "complete"  # the list was read, or with --frugal inferred, to its end
SHORT = "short"  # the list has fewer references than the API announced
LIMITED = "limited"  # the list was read up to the user's limit
INCOMPLETE = "incomplete"  # paging ended before the end of the list
FAILED = "failed"  # the last request failed; see the error code
STATES = (COMPLETE, SHORT, LIMITED, INCOMPLETE, FAILED, PENDING)
UNFINISHED_STATES = (PENDING, SHORT, LIMITED, INCOMPLETE, FAILED)

SEED_ATTRIBUTE_PREFIX = "seed_"  # for attributes that come from a seed list
# Attributes with these prefixes do not come from the API.
LOCAL_ATTRIBUTE_PREFIXES = ("crawl_", "group_", SEED_ATTRIBUTE_PREFIX)

_MAX_ID_LENGTH = 256  # the longest known ids have fewer than 100 characters
_SHORT_HASH_LENGTH = 12

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_SIMPLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
# Ids are used in URLs, XML and tables: no spaces, quotes, angle brackets or path characters.
_FORBIDDEN_IN_ID = frozenset(" \t\r\n\"'`<>&\\/?#%")


class HashType(NamedTuple):
    """A hash algorithm."""

    name: str  # the API's file attribute that contains the hash
    label: str  # in messages
    hex_length: int  # number of hexadecimal digits


# Hashes by which the API finds files, weakest first. Other lists of hashes derive from this.
HASH_TYPES = (
    HashType("md5", "MD5", 32),
    HashType("sha1", "SHA-1", 40),
    HashType("sha256", "SHA-256", 64),
)
# Hashes that are recognized only to give a better reason for rejecting them.
UNSUPPORTED_HASH_TYPES = (HashType("sha512", "SHA-512", 128),)
FILE_ID_HASH = "sha256"  # the hash that is the API's own id of a file
_HASH_NAMES = {each.hex_length: each.name for each in HASH_TYPES}


def detect_hash_type(text: str) -> str | None:
    """Return the hash type, such as ``md5``, of a hexadecimal ``text`` by its length, or None."""
    name = _HASH_NAMES.get(len(text))
    return name if name and _HEX.fullmatch(text) else None


class _NoAttributes(dict[str, Scalar]):
    """An empty dictionary that rejects new items; ``types.MappingProxyType`` cannot be pickled."""

    def __setitem__(self, name: str, value: Scalar) -> NoReturn:
        raise TypeError("the attributes of an entity cannot be changed")


_NO_ATTRIBUTES = _NoAttributes()


@dataclass(frozen=True, slots=True)
class Entity:
    """An object of the API. Two entities are equal if their types and ids are equal.

    Attributes:
        type: The API's object type, such as ``file``. Unknown types are allowed.
        id: The API's id; hashes are in lower case.
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
        """The display name: title, name, URL or id (a hash is shortened). Never empty."""
        for name in ("title", "name", "meaningful_name"):
            text = self.attributes.get(name)
            if isinstance(text, str) and text.strip():
                return text
        return self.id_text or shorten_id(self)

    @property
    def id_text(self) -> str:
        """The text whose SHA-256 is the id, such as a URL; empty if no such text is known."""
        name = text_attribute(self.type)
        text = self.attributes.get(name) if name else None
        return text if isinstance(text, str) else ""

    @property
    def readable_id(self) -> str:
        """The id, or the label if the id is the hash of a text."""
        return self.label if text_attribute(self.type) else self.id


def text_attribute(entity_type: str) -> str:
    """Return the name of the attribute whose SHA-256 is the id, or an empty string."""
    known = SUBJECT_TYPES.get(entity_type)
    return known.text_attribute if known else ""


def shorten_id(entity: Entity) -> str:
    """Return the id for display; a hash is shortened to its first 12 digits and an ellipsis."""
    is_hash = detect_hash_type(entity.id) is not None
    return entity.id[:_SHORT_HASH_LENGTH] + "…" if is_hash else entity.id


def is_object_type(value: object) -> bool:
    """Return whether ``value`` is an object type: 1 to 64 ASCII letters, digits, "_" and "-"."""
    return isinstance(value, str) and _TYPE.fullmatch(value) is not None


def is_object_id(value: object) -> bool:
    """Return whether ``value`` is an id without characters that URLs, XML or tables reserve."""
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
        line: The number of the line, STIX object or MISP attribute, from 1.
        attributes: The other columns of the entry.
    """

    entity: Entity
    source: str
    line: int
    attributes: Mapping[str, Scalar] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Observation:
    """A reference of a subject, and the collection through which the two are related.

    Attributes:
        subject: The entity whose references were requested.
        reference: The related reference.
        related_from: The collection; None if the API does not state one.
        provenance: ``observed`` on a page, or ``inferred`` from other observations.
        first_seen: The time of the first response that contains the observation, in seconds since
            1970; None if unknown.
        last_seen: The time of the last response that contains the observation, likewise.
    """

    subject: Entity
    reference: Entity
    related_from: Entity | None
    provenance: str = OBSERVED
    first_seen: float | None = field(default=None, compare=False)
    last_seen: float | None = field(default=None, compare=False)


class Entry(NamedTuple):
    """An entry of a ``related_references`` page, without its subject."""

    reference: Entity
    # The collections in the API's order; a single None if the API states no collection.
    related_from: tuple[Entity | None, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of a relationship other than ``related_references``; it has no ``related_from``."""

    source: Entity  # the collection or reference whose relationship was requested
    relationship: str  # ``files`` or ``references``
    target: Entity


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed API response: one page of a list.

    Attributes:
        subject: The entity whose relationship was requested.
        entries: The entries of a ``related_references`` page, in the API's order.
        count: The length of the whole list; None if the API does not state it.
        next_cursor: The cursor of the next page; None on the last page.
        item_count: The number of items on the page, including skipped items.
        warnings: Messages about skipped or changed items, each with the path in the response.
        targets: The related entities on a page of any other relationship, in the API's order.
        canonical_subject: The subject under the API's own id, if the request used another id, such
            as the MD5 of a file; otherwise None.
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
        """One observation per entry and value of ``related_from``; created on each access."""
        return tuple(
            Observation(self.subject, entry.reference, collection)
            for entry in self.entries
            for collection in entry.related_from
        )


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a subject: one of ``STATES``, with an explanation that may be empty."""

    state: str
    detail: str = ""
