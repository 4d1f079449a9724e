"""Import saved API responses: JSON files with pages of ``related_references``.

A response names its subject and its cursor in ``links.self``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild._util import open_file
from graphbuild.api.json_decoding import decode_json
from graphbuild.api.links import parse_self_link
from graphbuild.api.parser import parse_payload
from graphbuild.errors import PayloadError
from graphbuild.models import RELATED_REFERENCES
from graphbuild.store.models import FetchedPage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.models import Entity
    from graphbuild.store.store import Store

MAX_FILE_SIZE = 32 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file that was not imported, and the reason."""

    path: Path
    reason: str


def read_responses(
    paths: Iterable[str | Path], subject: Entity | None = None
) -> tuple[list[FetchedPage], list[RejectedFile]]:
    """Read saved responses, each as a page.

    Args:
        paths: JSON files with one response each.
        subject: The subject of responses without a valid ``links.self``. Such responses are
            regarded as first pages. Without a subject, they are rejected.

    Returns:
        The pages, and the files that cannot be read or contain no page of
        ``related_references``. Both are in the order of ``paths``.
    """
    pages: list[FetchedPage] = []
    rejected: list[RejectedFile] = []
    for path in map(Path, paths):
        try:
            pages.append(_read(path, subject))
        except PayloadError as error:
            rejected.append(RejectedFile(path, str(error)))
        except OSError as error:
            rejected.append(RejectedFile(path, error.strerror or str(error)))
    return pages, rejected


def import_responses(store: Store, pages: Iterable[FetchedPage]) -> int:
    """Store pages that are not stored yet; return their number.

    The pages of a subject are stored in paging order.
    """
    by_subject: dict[Entity, list[FetchedPage]] = {}
    for page in pages:
        by_subject.setdefault(page.page.subject, []).append(page)
    return sum(
        store.page_writer.import_pages(subject, _in_paging_order(group))
        for subject, group in by_subject.items()
    )


def _read(path: Path, subject: Entity | None) -> FetchedPage:
    with open_file(path) as stream:
        body = stream.read(MAX_FILE_SIZE + 1)
        modified_at = path.stat().st_mtime
    if len(body) > MAX_FILE_SIZE:
        raise PayloadError(f"is larger than {MAX_FILE_SIZE} bytes")
    payload = decode_json(body)
    link = parse_self_link(payload)
    if link is not None and link.relationship != RELATED_REFERENCES:
        raise PayloadError(
            f"this is a page of {link.relationship}, not of {RELATED_REFERENCES}", "links.self"
        )
    entity = link.subject if link else subject
    if entity is None:
        raise PayloadError(
            "missing or invalid; pass the hash of the file with --subject HASH", "links.self"
        )
    cursor = link.cursor if link else None
    return FetchedPage(body, parse_payload(payload, entity), modified_at, cursor, http_status=0)


def _in_paging_order(pages: list[FetchedPage]) -> Iterator[FetchedPage]:
    """Yield the pages of one list, each followed by the page of its ``next_cursor``.

    Begin with the first page of the list. If that page or a next page is missing, continue with the
    first of the remaining ``pages``.
    """
    remaining = list(pages)
    cursor: str | None = None
    while remaining:
        page = next((each for each in remaining if each.cursor == cursor), remaining[0])
        remaining.remove(page)
        cursor = page.page.next_cursor
        yield page
