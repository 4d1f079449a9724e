"""Data model: entities, seeds, observations, links, pages, object types and task states.

An entity is an object of the API. It is identified by its type and id together, because ids are
unique only within a type (https://docs.virustotal.com/reference/objects).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NoReturn
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from array import array
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
    """A type of entity that can be a seed, with the STIX and MISP types that represent it."""

    name: str  # the API's object type
    label: str  # the name in messages
    text_attribute: str = ""  # the attribute from which the API computes the id; empty if none
    stix_types: tuple[str, ...] = ()  # the types of STIX objects for this type
    stix_property: str = "value"  # the property of STIX objects that contains the indicator
    misp_types: tuple[str, ...] = ()  # the types of MISP attributes for this type


# To support another type of seed, add it here; CONTRIBUTING.md lists the other places to change.
# The entry of files has no STIX and MISP types, because both formats describe a file by several
# hashes, not by one value.
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

# Relationships of the API that a crawl can request.
RELATED_REFERENCES = "related_references"
REFERENCES = "references"
FILES = "files"
DOMAINS = "domains"
IP_ADDRESSES = "ip_addresses"
URLS = "urls"
ASSOCIATIONS = "associations"
# Not a relationship: the request for one object with its attributes (``--describe``). Tasks and
# pages contain this name in place of a relationship.
DESCRIPTION = "description"

# Values of `Observation.provenance`.
OBSERVED, INFERRED = "observed", "inferred"

# States of a task. A task is one list to read: a subject and a relationship. The request for a
# description is also a task.
PENDING = "pending"  # at least one page is still to be requested
COMPLETE = "complete"  # the whole list was read or, with --frugal, inferred
# The list ended with fewer entries than the API stated. If the API stated no number, the list
# contains malformed entries.
SHORT = "short"
LIMITED = "limited"  # reading stopped at the limit of --per-node
INCOMPLETE = "incomplete"  # paging would not end, or imported pages are not the whole list
FAILED = "failed"  # the last request failed, or its response was rejected
STATES = (COMPLETE, SHORT, LIMITED, INCOMPLETE, FAILED, PENDING)
UNFINISHED_STATES = (PENDING, SHORT, LIMITED, INCOMPLETE, FAILED)

SEED_ATTRIBUTE_PREFIX = "seed_"  # prefix of node attributes that come from a seed list
# Prefixes of attributes that graphbuild adds. API attributes with these prefixes are dropped.
LOCAL_ATTRIBUTE_PREFIXES = ("crawl_", "group_", "user_", SEED_ATTRIBUTE_PREFIX)

_MAX_ID_LENGTH = 256  # characters; the longest known ids have fewer than 100
_SHORT_HASH_LENGTH = 12  # hexadecimal digits

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_SIMPLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
# Characters with a special meaning in URLs, XML or tables, all of which contain ids.
_FORBIDDEN_IN_ID = frozenset(" \t\r\n\"'`<>&\\/?#%")


class HashType(NamedTuple):
    """A hash algorithm."""

    name: str  # the attribute of files in the API that contains the hash
    label: str  # the name in messages
    hex_length: int  # the number of hexadecimal digits of a hash


# Hash algorithms by which the API finds files, weakest first.
HASH_TYPES = (
    HashType("md5", "MD5", 32),
    HashType("sha1", "SHA-1", 40),
    HashType("sha256", "SHA-256", 64),
)
HASH_TYPE_NAMES = frozenset(each.name for each in HASH_TYPES)
# Hash algorithms that are recognized only to explain why a seed is rejected.
UNSUPPORTED_HASH_TYPES = (HashType("sha512", "SHA-512", 128),)
FILE_ID_HASH = "sha256"  # the hash that the API itself uses as the id of a file
_HASH_NAMES = {each.hex_length: each.name for each in HASH_TYPES}


def detect_hash_type(text: str) -> str | None:
    """Return the algorithm of a hash, such as ``md5``, or None if ``text`` is not a known hash."""
    name = _HASH_NAMES.get(len(text))
    return name if name and _HEX.fullmatch(text) else None


class _NoAttributes(dict[str, Scalar]):
    """An empty dictionary that rejects new keys. Unlike a mapping proxy, it can be pickled."""

    def __setitem__(self, name: str, value: Scalar) -> NoReturn:
        raise TypeError("the attributes of an entity cannot be changed")


_NO_ATTRIBUTES = _NoAttributes()


@dataclass(frozen=True, slots=True)
class Entity:
    """An object of the API. Two entities are equal if their types and ids are equal.

    Attributes:
        type: The API's object type, such as ``file``. Unknown types are allowed.
        id: An id that the API accepts. Hashes are in lower case.
        attributes: The attributes of the object. Comparisons of entities ignore them.
        qualified_label: A label that distinguishes a collection from others with the same name;
            empty if the name is unique. See :mod:`graphbuild.graph.labels`. Comparisons of entities
            ignore the label.
    """

    type: str
    id: str
    attributes: Mapping[str, Scalar] = field(
        default_factory=lambda: _NO_ATTRIBUTES, compare=False, repr=False
    )
    qualified_label: str = field(default="", compare=False, repr=False)

    @property
    def key(self) -> str:
        """The node key, ``type:id``."""
        return f"{self.type}:{self.id}"

    @property
    def label(self) -> str:
        """The text for display: ``qualified_label`` or, if that is empty, ``plain_label``."""
        return self.qualified_label or self.plain_label

    @property
    def plain_label(self) -> str:
        """The name of the entity.

        Without a name, it is the URL of an entity of type ``url``, and the host and the last path
        segment of the URL of a reference. In all other cases, it is the id; a hash is shortened.
        """
        return self.name or self.id_text or self._address or shorten_id(self)

    @property
    def name(self) -> str:
        """The title, name or file name; empty if the API states none of them."""
        for name in ("title", "name", "meaningful_name"):
            text = self.attributes.get(name)
            if isinstance(text, str) and text.strip():
                return text
        return ""

    @property
    def id_text(self) -> str:
        """The text from which the API computes the id, such as a URL; empty if there is none.

        The text is also empty if the API did not return it.
        """
        name = text_attribute(self.type)
        text = self.attributes.get(name) if name else None
        return text if isinstance(text, str) else ""

    @property
    def _address(self) -> str:
        """A short form of a reference's URL; empty for references without one and other types."""
        url = self.attributes.get("url") or self.attributes.get("link")
        return shorten_url(url) if self.type == REFERENCE and isinstance(url, str) else ""

    @property
    def readable_id(self) -> str:
        """The label if the id is computed from a text, as the id of a URL is; otherwise the id."""
        return self.label if text_attribute(self.type) else self.id


def text_attribute(entity_type: str) -> str:
    """Return the attribute from which the API computes ids of this type; empty if there is none."""
    known = SUBJECT_TYPES.get(entity_type)
    return known.text_attribute if known else ""


def shorten_url(url: str) -> str:
    """Return the host of a URL and the last segment of its path, as in ``blog.example/…/emotet``.

    A leading ``www.`` is removed. If the URL has a query but no path, the query follows the host.
    The result is empty if the URL has no host or is invalid.
    """
    try:
        # Browsers read a backslash in a URL as a slash.
        parts = urlsplit(url.strip().replace("\\", "/"))
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    segments = [segment for segment in parts.path.split("/") if segment]
    if not host or not segments:
        return f"{host}/?{parts.query}" if host and parts.query else host
    return "/".join([host, *(["…"] if segments[1:] else []), segments[-1]])


def shorten_id(entity: Entity) -> str:
    """Return the id of ``entity`` for display. A hash is cut to 12 digits and an ellipsis."""
    is_hash = detect_hash_type(entity.id) is not None
    return entity.id[:_SHORT_HASH_LENGTH] + "…" if is_hash else entity.id


def is_object_type(value: object) -> bool:
    """Return whether ``value`` has the form of an object type, such as ``ip_address``."""
    return isinstance(value, str) and _TYPE.fullmatch(value) is not None


def is_object_id(value: object) -> bool:
    """Return whether ``value`` is an id that can be used in URLs, XML and tables."""
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
    """A valid entry of a seed list.

    Attributes:
        entity: The file, domain, IP address or URL.
        source: The path of the seed list, ``-`` for standard input, or the argument ``source`` of
            ``parse_seeds``.
        line: The number of the line in the list, from 1. In JSON formats, it is the number of the
            object, attribute or array item.
        attributes: The other columns or properties of the entry by name, such as a comment.
    """

    entity: Entity
    source: str
    line: int
    attributes: Mapping[str, Scalar] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Observation:
    """A reference of a subject, and the collection through which the two are related.

    Attributes:
        subject: The entity that has the reference.
        reference: The related reference.
        related_from: The collection; None if the API states none. In the API flavor ``gti``, it can
            be a report, which has the type ``reference`` in observations of a campaign file.
        provenance: ``inferred`` if other observations prove the observation, or if the reference
            was inferred after it was last on a page; otherwise ``observed``. If it is ``inferred``,
            the API may relate the two through more collections than are known.
        first_seen: Time of the first response that contains the observation, in seconds since 1970;
            None if unknown. An inference counts as a response at the time of the subject's last
            page before the inference.
        last_seen: Time of the last response that contains the observation, in seconds since 1970;
            None if unknown. An inference counts in the same way as for ``first_seen``.
        relationship: The list of the subject that contains the reference: ``related_references``,
            or ``references``, which a crawl with ``--direct`` requests. With ``references``,
            ``related_from`` is None.
    """

    subject: Entity
    reference: Entity
    related_from: Entity | None
    provenance: str = OBSERVED
    first_seen: float | None = field(default=None, compare=False)
    last_seen: float | None = field(default=None, compare=False)
    relationship: str = RELATED_REFERENCES


class ObservationRows(NamedTuple):
    """The observations of a campaign file; row ids represent the entities.

    Attributes:
        entities: The entity of each row id.
        triples: Three row ids for each observation, one observation after the other: of the
            subject, of the reference, and of the collection or report, which is 0 if the API states
            none.
        inferred: The row ids of the subject and of the reference for each inferred observation.
    """

    entities: Mapping[int, Entity]
    triples: array[int]
    inferred: array[int]


class Entry(NamedTuple):
    """An entry of a ``related_references`` page: a reference and its collections."""

    reference: Entity
    # The distinct collections (or reports) in the order of the API; (None,) if the API states none.
    related_from: tuple[Entity | None, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of a list that belongs to a collection or reference, requested with ``--depth``."""

    source: Entity  # the collection or reference to which the list belongs
    relationship: str  # the name of the list in the API flavor ``classic``, such as ``files``
    target: Entity  # the entry


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed API response: one page of a list, or a description.

    Attributes:
        subject: The entity whose relationship or description was requested, with the requested id.
        entries: The valid entries of a ``related_references`` page in the order of the API; empty
            for other pages.
        count: The length of the whole list; None if the API does not state it.
        next_cursor: The cursor of the next page; None on the last page.
        item_count: The number of items on the page, including skipped items.
        warnings: Messages about unexpected, changed and skipped values of the response.
        targets: The distinct entities on a page of another list, in the order of the API; empty for
            ``related_references`` and descriptions.
        canonical_subject: The subject with the API's own id, if the request used another id, such
            as the MD5 of a file, and the response states the API's own id; otherwise None.
        skipped_count: The number of malformed items, which are skipped.
        described: The subject with its attributes if the response is a description; otherwise None.
    """

    subject: Entity
    entries: tuple[Entry, ...]
    count: int | None
    next_cursor: str | None
    item_count: int
    warnings: tuple[str, ...] = ()
    targets: tuple[Entity, ...] = ()
    canonical_subject: Entity | None = None
    skipped_count: int = 0
    described: Entity | None = None

    @property
    def observations(self) -> tuple[Observation, ...]:
        """The observations of all entries: one for each item of an entry's ``related_from``."""
        return tuple(
            Observation(self.subject, entry.reference, collection)
            for entry in self.entries
            for collection in entry.related_from
        )


@dataclass(frozen=True, slots=True)
class ClusterTable:
    """The clusters of a campaign, as a campaign file stores them.

    Attributes:
        numbers: The cluster number of each subject that has references, by node key. The largest
            cluster has the number 1.
        names: The name of each cluster, in the order of their numbers.
        stability: The stability of each cluster (0 to 1), in the same order.
        min_similarity: The minimum mean similarity of clusters that are merged.
        modularity: The modularity of the clusters in the graph of similar files.
        subclusters: The number of the subcluster of each subject in its cluster, by node key.
            Subjects of clusters that are not split are left out.
        doubtful: The number of the other cluster of each doubtful subject, by node key.
        strengths: For each cluster, the fields of its ``Strength``; empty if it was not measured.
    """

    numbers: Mapping[str, int]
    names: tuple[str, ...]
    stability: tuple[float, ...]
    min_similarity: float
    modularity: float
    subclusters: Mapping[str, int] = field(default_factory=dict)
    doubtful: Mapping[str, int] = field(default_factory=dict)
    strengths: tuple[tuple[int, int | None, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a task, with an explanation."""

    state: str  # one of ``STATES``
    detail: str = ""  # the explanation, for display; may be empty
