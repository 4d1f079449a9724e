"""Data classes for the values that the store accepts and returns."""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from graphbuild.models import Entity, Page, Status

Id = TypeVar("Id")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # detected by the header


@dataclass(frozen=True, slots=True)
class Task:
    """A list to request: a relationship of a subject.

    Attributes:
        id: The row id.
        subject: The entity whose relationship is requested.
        relationship: The API's name of the relationship.
        page_count: Number of stored pages.
        cursor: The cursor of the next page; None for the first page.
        depth: Number of requests between the seeds and the subject; 0 for a seed.
    """

    id: int
    subject: Entity
    relationship: str
    page_count: int
    cursor: str | None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A response to store.

    Attributes:
        body: The bytes of the response.
        page: The parsed response.
        fetched_at: Time of the response, in seconds since 1970.
        cursor: The cursor of the request; None for the first page.
        compressed: The body as a gzip stream if the API sent one, else empty.
    """

    body: bytes
    page: Page
    fetched_at: float
    cursor: str | None
    compressed: bytes = b""


@dataclass(frozen=True, slots=True)
class SaveResult:
    """The effect of storing a page.

    Attributes:
        new_references: Number of references that earlier pages of the list do not contain.
        status: The status of the subject after the page.
    """

    new_references: int
    status: Status


@dataclass(frozen=True, slots=True)
class SubjectStatus:
    """The progress of one list.

    Attributes:
        subject: The entity whose relationship is requested.
        relationship: The API's name of the relationship.
        state: One of ``graphbuild.models.STATES``.
        page_count: Number of stored pages.
        expected_count: Length of the list as stated by the API; None if unknown.
        received_count: Number of distinct references in the current pass through the list.
        inferred_count: Number of references that were inferred instead of requested.
        cursor: The cursor of the next page; None before the first and after the last page.
        http_status: Status of the last response; 0 without one, as for imported pages.
        fetched_at: Time of the last response, in seconds since 1970; None without one.
        error_code: Code of the API's error; empty without one.
        detail: An explanation of the state, or a mismatch of counts; usually empty.
    """

    subject: Entity
    relationship: str
    state: str
    page_count: int
    expected_count: int | None
    received_count: int
    inferred_count: int
    cursor: str | None
    http_status: int
    fetched_at: float | None
    error_code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over the whole campaign.

    Attributes:
        subjects: Subjects of all types.
        files: Subjects that are files.
        pending: Subjects in the state ``pending``.
        complete: Subjects in the state ``complete``.
        incomplete: Subjects in the state ``incomplete``.
        failed: Subjects in the state ``failed``.
        pages: Stored pages.
        references: Distinct references.
        collections: Distinct collections.
        observations: Distinct observations, without refuted inferences.
        expected: Sum of the lengths of all lists, as stated by the API.
        received: Sum of the received references of all lists.
        inferred: Sum of the inferred references of all lists.
        warnings: Warnings of all pages.
        calls: Calls sent by all runs.
    """

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
    expected: int
    received: int
    inferred: int
    warnings: int
    calls: int


@dataclass(frozen=True, slots=True)
class AuditResult:
    """Result of requesting lists whose references had been inferred.

    Attributes:
        subjects: Audited subjects whose list was read to the end.
        pending: Audited subjects whose list was not yet read to the end.
        references: Inferred references of ``subjects``.
        confirmed: Inferred references that the API returned.
        refuted: Inferred references that the API did not return; they are no longer observations.
    """

    subjects: int
    pending: int
    references: int
    confirmed: int
    refuted: int


@dataclass(frozen=True, slots=True)
class RemainingCalls:
    """Number of calls that are needed to complete a campaign.

    Attributes:
        unknown_lists: Lists of unknown length; each needs at least one call.
        known_pages: Remaining pages of the lists of known length.
    """

    unknown_lists: int
    known_pages: int


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A stored response.

    Attributes:
        subject: The entity whose relationship was requested.
        relationship: The API's name of the relationship.
        number: The page number in its list, from 1; negative for a page of an alias.
        body: The bytes of the response.
    """

    subject: Entity
    relationship: str
    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class CompressedPage:
    """A stored response, compressed and not verified.

    Attributes:
        subject: The entity whose relationship was requested.
        relationship: The API's name of the relationship.
        number: The page number in its list, from 1; negative for a page of an alias.
        compressed: The compressed body.
        crc32: The stored checksum of the compressed body.
        sha256: The stored digest of the original body.
    """

    subject: Entity
    relationship: str
    number: int
    compressed: bytes
    crc32: int
    sha256: bytes

    def decompress(self) -> bytes:
        """Return the original body.

        Raises:
            zlib.error: the compressed body is damaged.
        """
        return zlib.decompress(self.compressed, _GZIP_OR_ZLIB)


@dataclass(frozen=True, slots=True)
class Damage:
    """Damage in a campaign file.

    Attributes:
        subject: The subject of the damaged page; None if the damage is elsewhere.
        problem: A description of the damage.
    """

    subject: Entity | None
    problem: str


@dataclass(slots=True)
class ObservedReferences(Generic[Id]):
    """The references of one subject on the pages read so far.

    Attributes:
        count: Length of the list as stated by the API; None if unknown or changing.
        collections_by_reference: The collections of each reference on these pages.
        complete: Whether the list was read to the end, with as many references as expected.
    """

    count: int | None = None
    collections_by_reference: dict[Id, set[Id]] = field(default_factory=lambda: defaultdict(set))
    complete: bool = False

    def collections(self) -> set[Id]:
        """Return the collections of all references."""
        return set().union(*self.collections_by_reference.values())
