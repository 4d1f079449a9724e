"""Entities: what the graph is about, and how a line of text becomes one.

An entity is the API's object descriptor, the pair (type, id): ids are unique only within a type
(https://docs.virustotal.com/reference/objects), so both together are the identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar = str | int | float | bool

FILE = "file"
DOMAIN = "domain"
IP_ADDRESS = "ip_address"
URL = "url"
REFERENCE = "reference"
COLLECTION = "collection"
SUBJECTS = frozenset({FILE, DOMAIN, IP_ADDRESS, URL})  # what may stand in a seed list

RELATED_REFERENCES = "related_references"
REFERENCES = "references"
FILES = "files"

OBSERVED, INFERRED = "observed", "inferred"  # what stands behind a fact

PENDING = "pending"  # still to ask
COMPLETE = "complete"  # every page read; the remark says what does not add up, if anything
INCOMPLETE = "incomplete"  # paging ended before the list did; the remark says why
FAILED = "failed"  # the service refused this subject; the error says how
STATES = (PENDING, COMPLETE, INCOMPLETE, FAILED)

SEED_PREFIX = "seed_"  # before the names of what a seed list, not the API, says of an entity
# What the ledger, seed lists and views say; no answer's names.
OUR_PREFIXES = ("crawl_", "group_", SEED_PREFIX)

# The longest id met is "vulnerability--cve-..." or 64 hex digits behind a prefix; the rest is room.
MAX_ID = 256
_SHORT_HASH = 12

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")  # as nearly all are
# Ids end up in URLs, XML ids and tables: no spaces, quotes, angle brackets or path characters.
_FORBIDDEN_IN_ID = frozenset(" \t\r\n\"'`<>&\\/?#%")
HASH_KINDS = {32: "md5", 40: "sha1", 64: "sha256"}


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
    kind = HASH_KINDS.get(len(text))
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


@dataclass(frozen=True, slots=True)
class Seed:
    """An entity somebody asked about, where they wrote it, and what they noted beside it."""

    entity: Entity
    source: str
    line: int
    attributes: Mapping[str, Scalar] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Observation:
    """The API's ternary fact, kept whole: subject, reference, and the collection behind it.

    Attributes:
        subject: what was asked about.
        reference: the report it is related to.
        related_from: the collection through which, None where the answer names none.
        evidence: ``OBSERVED`` where an answer said so, ``INFERRED`` where what other answers said
            proves it.
        first_seen: when an answer first said so, seconds since 1970 UTC; None where not kept.
        last_seen: when an answer last said so.
    """

    subject: Entity
    reference: Entity
    related_from: Entity | None
    evidence: str = OBSERVED
    first_seen: float | None = field(default=None, compare=False)
    last_seen: float | None = field(default=None, compare=False)


class Entry(NamedTuple):
    """What one entry of a list says, whoever the list is about.

    Attributes:
        reference: the report that is listed.
        related_from: the collections through which, in the order of the answer; one None where it
            names none.
    """

    reference: Entity
    related_from: tuple[Entity | None, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A fact of two: the API lists ``target`` among the ``relationship`` of ``source``.

    Attributes:
        source: what was asked about: a collection or a reference.
        relationship: ``files`` or ``references``.
        target: what is listed.
    """

    source: Entity
    relationship: str
    target: Entity


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, read.

    Attributes:
        subject: what was asked about.
        entries: what an answer of ``related_references`` says, in its order. One tuple for all
            pages of a client that say just the same, as those of one family do.
        count: how many entries there are over all pages, where the answer says so.
        next_cursor: where the next page starts; None on the last.
        items: how many entries the answer listed, set-aside ones included.
        remarks: what was set aside or changed, each with its path.
        listed: what an answer of another relationship lists, in its order.
        named: the subject under the id the service itself uses, where that is another than the
            one it was asked about by: a file's SHA-256 in the answer about its MD5.
    """

    subject: Entity
    entries: tuple[Entry, ...]
    count: int | None
    next_cursor: str | None
    items: int
    remarks: tuple[str, ...] = ()
    listed: tuple[Entity, ...] = ()
    named: Entity | None = None

    @property
    def observations(self) -> tuple[Observation, ...]:
        """An observation for each entry and each collection behind it; made anew each time."""
        return tuple(
            Observation(self.subject, entry.reference, collection)
            for entry in self.entries
            for collection in entry.related_from
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a subject stands: one of ``STATES``, and what a reader should know about it."""

    state: str
    remark: str = ""
