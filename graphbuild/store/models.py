"""Data classes for the values that the store accepts and returns."""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.models import LIMITED, SHORT, STATES

if TYPE_CHECKING:
    from graphbuild.models import Entity, Page, Status

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # zlib then detects the format by the header


@dataclass(frozen=True, slots=True)
class Task:
    """A list to request: one relationship of one subject."""

    id: int  # the row id
    subject: Entity
    relationship: str
    page_count: int  # number of stored pages in all passes through the list
    cursor: str | None  # of the next page; None for the first page
    depth: int = 0  # number of requests between the seeds and the subject; 0 for a seed


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A response to store."""

    body: bytes
    page: Page  # parsed from the body
    fetched_at: float  # seconds since 1970
    cursor: str | None  # of the request; None for the first page
    compressed: bytes = b""  # the body as a gzip stream if the API sent one


@dataclass(frozen=True, slots=True)
class SaveResult:
    """The effect of storing a page: number of new references in the pass, and new list status."""

    new_references: int
    status: Status


@dataclass(frozen=True, slots=True)
class SubjectStatus:
    """The progress of one list."""

    subject: Entity
    relationship: str
    state: str  # one of ``graphbuild.models.STATES``
    page_count: int  # number of stored pages in all passes through the list
    expected_count: int | None  # length of the list as stated by the API; None if unknown
    received_count: int  # distinct entries received in the current pass through the list
    inferred_count: int  # references that were inferred instead of requested
    cursor: str | None  # of the next page; None before the first and after the last page
    http_status: int  # of the last response; 0 without one; 200 for imported pages
    fetched_at: float | None  # time of the last response or failure, in seconds since 1970
    error_code: str  # of the last failure; empty without one
    detail: str  # reason of the state, mismatch of counts, or inference conflict; usually empty


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over the whole campaign."""

    subjects: int  # distinct, without aliases
    files: int  # subjects of the type ``file``
    lists: int  # of all subjects; a deeper crawl requests several of a collection
    complete: int  # number of lists by state
    short: int
    limited: int
    incomplete: int
    failed: int
    pending: int
    pages: int
    references: int  # distinct
    collections: int  # distinct
    observations: int  # distinct, with the links of a deeper crawl, without refuted inferences
    expected: int  # sum of the lengths of all ``related_references``, as stated by the API
    received: int  # sum of the received references of all ``related_references``
    inferred: int  # sum of the inferred references of all lists
    warnings: int  # of all pages
    calls: int  # sent by all runs

    def describe_subjects(self) -> str:
        """Return the number of subjects, such as ``3 files`` or ``4 subjects with 6 lists``.

        The number of lists is omitted if each subject has one list.
        """
        text = format_count(self.subjects, "file" if self.files == self.subjects else "subject")
        if self.lists == self.subjects:
            return text
        return f"{text} with {format_count(self.lists, 'list')}"

    def describe_states(self, *states: str) -> str:
        """Return the number of lists in each state, such as ``1 complete, 0 failed``.

        ``short`` and ``limited`` are omitted if there are no such lists.
        """
        counts = {state: int(getattr(self, state)) for state in states or STATES}
        return ", ".join(
            f"{count:,} {state}"
            for state, count in counts.items()
            if count or state not in {SHORT, LIMITED}
        )


@dataclass(frozen=True, slots=True)
class AuditResult:
    """Result of requesting lists whose references had been inferred."""

    subjects: int  # audited subjects whose list was read to the end
    pending: int  # audited subjects whose list was not yet read to the end
    references: int  # inferred references of ``subjects``
    confirmed: int  # inferred references that the API returned
    refuted: int  # inferred references that it did not return; they are no longer observations


@dataclass(frozen=True, slots=True)
class RemainingCalls:
    """Number of calls that are needed to complete a campaign."""

    unknown_lists: int  # lists of unknown length; each needs at least one call
    known_pages: int  # remaining pages of the lists of known length

    @property
    def at_least(self) -> int:
        """The smallest possible number of calls."""
        return self.unknown_lists + self.known_pages


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A stored response."""

    subject: Entity
    relationship: str
    number: int  # in its list, from 1; negative if the page was requested for an alias
    body: bytes


@dataclass(frozen=True, slots=True)
class CompressedPage:
    """A stored response, compressed and not verified."""

    subject: Entity
    relationship: str
    number: int  # as in ``StoredPage``
    compressed: bytes
    crc32: int  # of the compressed body, as stored
    sha256: bytes  # of the original body, as stored
    next_cursor: str | None  # as stored; the following values, too
    expected_count: int | None
    item_count: int
    facts_page: int  # row id of the page with the facts: this page, or an earlier equal one

    def decompress(self) -> bytes:
        """Return the original body.

        Raises:
            zlib.error: the compressed body is damaged.
        """
        return zlib.decompress(self.compressed, _GZIP_OR_ZLIB)


@dataclass(frozen=True, slots=True)
class Damage:
    """Damage in a campaign file."""

    subject: Entity | None  # of the damaged page; None if the damage is elsewhere
    problem: str


@dataclass(slots=True)
class ObservedReferences:
    """The references of a subject in the current pass through its list; all ids are row ids."""

    count: int | None = None  # length of the list as stated by the API; None if unknown or changing
    collections_by_reference: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    complete: bool = False  # read to the end, without inference or mismatch of counts

    def collections(self) -> set[int]:
        """Return the collections of all references."""
        return set().union(*self.collections_by_reference.values())
