"""Data classes for the values that the store accepts and returns."""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.models import LIMITED, PENDING, RELATED_REFERENCES, SHORT, STATES

if TYPE_CHECKING:
    from graphbuild.models import Entity, Page, Status

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # makes zlib detect the format from the header


# The depths of description tasks. Tasks are requested in the order of their depths, and lists have
# depths from 0. A file whose SHA-256 is not known is therefore described before all lists. Files
# known by MD5 are described first, because their descriptions may contain the SHA-1 of other seeds.
DEPTHS_BEFORE_LISTS = {"md5": -2, "sha1": -1}
AFTER_LISTS = 1_000

# Replaces the cursor of imported objects that can be anywhere in a list. No cursor of the API
# contains a space.
UNKNOWN_CURSOR = "position unknown"

# The error code of a pending list whose last page is requested again, because the list was short.
REPEATED = "ShortList"


@dataclass(frozen=True, slots=True)
class Task:
    """A list to request (one relationship of one subject), or a description of one object."""

    id: int  # the row id
    subject: Entity
    relationship: str  # the classic name of the list, or ``description``
    page_count: int  # number of stored pages in all passes through the list
    cursor: str | None  # of the next page; None if that is the first page of the list
    # 0 for a list of a seed and for an imported list. For a list of an entity that was found in
    # another list, the depth of that other list plus 1. For a description, a value of
    # DEPTHS_BEFORE_LISTS, or AFTER_LISTS.
    depth: int = 0


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A response that contains a page, ready to be stored."""

    body: bytes
    page: Page  # parsed from the body
    fetched_at: float  # seconds since 1970; for an imported page, when its file was modified
    cursor: str | None  # of this page, or UNKNOWN_CURSOR; None for the first page of a list
    compressed: bytes = b""  # the body as received; empty if it was not compressed with gzip
    http_status: int = 200  # 0 for an imported page
    relationship: str = RELATED_REFERENCES  # of the list; used only by an import


@dataclass(frozen=True, slots=True)
class SaveResult:
    """The effect of storing a page."""

    new_references: int  # number of entries that are on no earlier page of the same pass; 0 if the
    # page was requested for an entity that is now an alias
    status: Status  # of the task


@dataclass(frozen=True, slots=True)
class SubjectStatus:
    """The progress of one list or description."""

    subject: Entity
    relationship: str
    state: str  # one of ``graphbuild.models.STATES``
    page_count: int  # number of stored pages in all passes through the list
    expected_count: int | None  # length of the list as stated by the API; None if unknown
    received_count: int  # distinct entries in the current pass; after an import, on all pages
    inferred_count: int  # references that were inferred instead of requested
    cursor: str | None  # of the next page; None before the first and after the last page
    http_status: int  # of the last request; 0 without a response or after an import
    fetched_at: float | None  # time of the last response or failure (for an imported page, of its
    # file), in seconds since 1970; None before the first request
    error_code: str  # of a failed task; ``ShortList`` for a pending list whose last page has to be
    # requested again; otherwise empty
    detail: str  # remark on the state or the counts, then an inference conflict; may be empty

    def open_calls(self, limit: int) -> int:
        """Return the minimum number of calls that the list still needs; 0 unless it is pending.

        A page has ``limit`` entries.
        """
        if self.state != PENDING:
            return 0
        read = self.received_count if self.cursor is not None else 0
        return count_calls(self.expected_count or 0, read, limit)


def count_calls(expected: int, read: int, limit: int) -> int:
    """Return the number of calls that a list of ``expected`` entries needs, at least one.

    ``read`` entries were read before, and a page has ``limit`` entries.
    """
    return max(1, math.ceil((expected - read) / limit))


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over the whole campaign. The counts named after states are numbers of lists."""

    subjects: int  # without aliases
    files: int  # subjects of the type ``file``
    lists: int  # of all subjects; --depth and --direct request several lists per subject
    complete: int
    short: int
    limited: int
    incomplete: int
    failed: int
    pending: int
    pages: int  # stored responses
    references: int  # distinct references; reports count as references
    collections: int  # distinct collections, without reports
    observations: int  # distinct observations and links, without refuted inferences
    expected: int  # lengths of ``related_references`` that the API stated, added up over all lists
    received: int  # received references of ``related_references``, added up over all lists
    inferred: int  # inferred references, added up over all lists
    warnings: int  # warnings about unexpected, changed and skipped values of all pages
    calls: int  # calls that all runs have sent

    def describe_subjects(self) -> str:
        """Return the number of subjects, such as ``3 files`` or ``4 subjects with 6 lists``.

        The number of lists is omitted if it equals the number of subjects.
        """
        text = format_count(self.subjects, "file" if self.files == self.subjects else "subject")
        if self.lists == self.subjects:
            return text
        return f"{text} with {format_count(self.lists, 'list')}"

    def describe_states(self, *states: str) -> str:
        """Return the number of lists in each of ``states``, such as ``1 complete, 0 failed``.

        ``short`` and ``limited`` are omitted if they are 0. By default, ``states`` are all states.
        """
        counts = {state: int(getattr(self, state)) for state in states or STATES}
        return ", ".join(
            f"{count:,} {state}"
            for state, count in counts.items()
            if count or state not in {SHORT, LIMITED}
        )


@dataclass(frozen=True, slots=True)
class AuditResult:
    """The result of audits, which restart lists whose references had been inferred."""

    subjects: int  # number of audited lists that are complete again
    pending: int  # number of audited lists in any other state
    references: int  # number of inferred references in the complete audited lists
    confirmed: int  # number of these references that the API returned with an inferred collection
    refuted: int  # number of the other references; their inferences are not observations


@dataclass(frozen=True, slots=True)
class DescriptionCounts:
    """Numbers of objects of one type that ``crawl --describe`` can describe."""

    objects: int  # known objects; files only if they are seeds
    described: int  # objects whose description is stored
    pending: int  # objects whose description is pending
    failed: int  # objects whose description could not be read
    weak_hashes: int = 0  # seed files known only by MD5 or SHA-1, without a description task

    @property
    def calls(self) -> int:
        """The number of calls that ``--describe`` adds: one per object without a task."""
        return self.objects - self.described - self.pending - self.failed


@dataclass(frozen=True, slots=True)
class RemainingCalls:
    """Calls that are still needed to complete a campaign."""

    unknown_lists: int  # lists of unknown length; each needs at least one call
    known_pages: int  # remaining pages of the lists of known length, plus descriptions

    @property
    def at_least(self) -> int:
        """The minimum number of calls."""
        return self.unknown_lists + self.known_pages


@dataclass(frozen=True, slots=True)
class OpenLists:
    """The lists of subjects that a crawl has yet to read, or to read to their end."""

    unread: int  # pending lists without a page in the current pass
    partly_read: int  # pending lists with more pages than are stored
    calls: int  # minimum number of calls that the pending lists still need
    exact: bool  # whether ``calls`` is the exact number: the lengths of all lists are known


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A stored response."""

    subject: Entity
    relationship: str
    number: int  # from 1 over all passes; negative for pages of an alias (see schema.py)
    body: bytes


@dataclass(frozen=True, slots=True)
class CompressedPage:
    """A stored response that has been neither decompressed nor verified."""

    subject: Entity
    relationship: str
    number: int  # as in ``StoredPage``
    compressed: bytes  # the compressed body
    # The next five values are those of the table ``page``, which may differ from the body.
    crc32: int  # of the compressed body
    sha256: bytes  # of the original body
    next_cursor: str | None
    expected_count: int | None
    item_count: int
    facts_page: int  # row id of the page whose facts are stored: this or an earlier page

    def decompress(self) -> bytes:
        """Return the original body. Raise zlib.error if the compressed body is damaged."""
        return zlib.decompress(self.compressed, _GZIP_OR_ZLIB)


@dataclass(frozen=True, slots=True)
class Damage:
    """A problem in a campaign file."""

    subject: Entity | None  # the entity whose data is damaged; None for other problems
    problem: str  # a description for users


@dataclass(slots=True)
class ObservedReferences:
    """The references that the current pass through a list contains; all ids are row ids."""

    count: int | None = None  # length of the list as stated by the API; None if the API stated no
    # length, or different lengths on the pages of this pass
    collections_by_reference: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    complete: bool = False  # whether the list was read to its end, without inferences and without a
    # difference between the stated and the received number of references

    def collections(self) -> set[int]:
        """Return the row ids of all collections through which the references are related."""
        return set().union(*self.collections_by_reference.values())
