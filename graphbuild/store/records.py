"""What goes into a campaign file and what comes out of it, as plain values."""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from graphbuild.models import Entity, Page, Status

Id = TypeVar("Id")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # whichever its head says


@dataclass(frozen=True, slots=True)
class Task:
    """A subject and a relationship still to ask.

    Attributes:
        id: the store's number for it.
        subject: what to ask about.
        relationship: which relationship of it.
        pages: how many pages are stored.
        cursor: where the next page starts; None for the first.
        depth: how many questions away from the seeds; 0 for what a seed list named.
    """

    id: int
    subject: Entity
    relationship: str
    pages: int
    cursor: str | None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it came, ready to be committed.

    Attributes:
        body: the raw bytes.
        page: what they say.
        at: when it came, seconds since 1970 UTC.
        cursor: where it starts; None for the first.
        packed: the body as a gzip stream, if it came so; else empty.
    """

    body: bytes
    page: Page
    at: float
    cursor: str | None
    packed: bytes = b""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit changed: references new to the subject, and how the subject stands."""

    new: int
    verdict: Status


@dataclass(frozen=True, slots=True)
class SubjectStatus:
    """How completely one subject is known.

    Attributes:
        subject: what was asked about.
        relationship: which relationship of it.
        state: one of ``completeness.STATES``.
        pages: pages stored.
        count: entries announced; None while unknown.
        received: distinct entries read.
        inferred: references that were not read but proved.
        cursor: where the next page would start, if paging ended before the list did.
        status: the HTTP status of the last answer; 0 where none came, as for saved answers.
        asked_at: when that was, seconds since 1970 UTC; None if never.
        error: the code of the refusal, if it was refused.
        remark: what does not add up, if anything.
    """

    subject: Entity
    relationship: str
    state: str
    pages: int
    count: int | None
    received: int
    inferred: int
    cursor: str | None
    status: int
    asked_at: float | None
    error: str
    remark: str


@dataclass(frozen=True, slots=True)
class Totals:
    """The campaign file in numbers; ``files`` are those of the subjects."""

    subjects: int
    files: int
    pending: int
    complete: int
    incomplete: int
    failed: int
    pages: int
    references: int
    collections: int
    observations: int
    announced: int
    received: int
    inferred: int
    remarks: int
    calls: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of reading what had been inferred.

    Attributes:
        subjects: chosen for it, and read to the end.
        waiting: chosen, but not read to the end yet.
        edges: inferred references of those that were read.
        confirmed: the same, in the answers too.
        refuted: not in the answers; such a reference is in no graph any more.
    """

    subjects: int
    waiting: int
    edges: int
    confirmed: int
    refuted: int


@dataclass(frozen=True, slots=True)
class Work:
    """What is still to ask.

    Attributes:
        unseen: subjects whose number of references is not known; a call each, at least.
        left: calls that the others need, by their announced numbers.
    """

    unseen: int
    left: int


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A raw page as it lies in the store.

    Attributes:
        subject: what it is about.
        relationship: which relationship of it.
        number: which page of the two, from 1.
        body: the raw bytes.
    """

    subject: Entity
    relationship: str
    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class PackedPage:
    """A page as it lies in the file, before anything is believed of it.

    Attributes:
        subject: what it is about.
        relationship: which relationship of it.
        number: which page of the two, from 1.
        packed: the body, packed.
        crc: of the packed body, as it was stored.
        sha256: of the raw body, as it was stored.
    """

    subject: Entity
    relationship: str
    number: int
    packed: bytes
    crc: int
    sha256: bytes

    def unpack(self) -> bytes:
        """The raw body.

        Raises:
            zlib.error: it cannot be unpacked.
        """
        return zlib.decompress(self.packed, _GZIP_OR_ZLIB)


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in a campaign file that is not as it was stored.

    Attributes:
        subject: whose page it is in; None where only the file as a whole can be named.
        problem: what is wrong.
    """

    subject: Entity | None
    problem: str


@dataclass(slots=True)
class ObservedReferences(Generic[Id]):
    """The references of one file on the stored pages.

    Attributes:
        count: the length of the list as the API states it; None if unknown or inconsistent.
        collections_by_reference: each reference with its collections, if any.
        complete: whether the list was read to its end and has the stated length.
    """

    count: int | None = None
    collections_by_reference: dict[Id, set[Id]] = field(default_factory=lambda: defaultdict(set))
    complete: bool = False

    def collections(self) -> set[Id]:
        """Return all collections of the references."""
        return set().union(*self.collections_by_reference.values())
