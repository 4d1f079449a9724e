"""Import saved API responses: pages of the lists that a crawl requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.models import RELATED_REFERENCES
from graphbuild.store.models import FetchedPage
from graphbuild.store.saved_responses import iterate_responses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from graphbuild.models import Entity
    from graphbuild.store.saved_responses import RejectedFile
    from graphbuild.store.store import Store

_BATCH_SIZE = 32 * 1024 * 1024  # bytes of responses after which they are stored


def read_responses(
    paths: Iterable[str | Path],
    subject: Entity | None = None,
    relationship: str = RELATED_REFERENCES,
) -> tuple[list[FetchedPage], list[RejectedFile]]:
    """Read saved responses, each as a page.

    Args:
        paths: JSON files, which can be compressed with gzip, or folders with such files. A file
            contains responses, or the objects of one list as ``vt-py`` and ``vt-cli`` print them.
        subject: The subject of objects, and of responses without a valid ``links.self``. Such
            responses are regarded as first pages. If ``subject`` is None, such objects and
            responses are rejected.
        relationship: The relationship of objects, and of responses without a valid ``links.self``.

    Returns:
        The pages, and the files that cannot be read or contain no page of a list that a crawl
        requests. Both are in the order of ``paths``. A file can have several pages and errors.
    """
    pages: list[FetchedPage] = []
    rejected: list[RejectedFile] = []
    for found in iterate_responses(paths, subject, relationship):
        if isinstance(found, FetchedPage):
            pages.append(found)
        else:
            rejected.append(found)
    return pages, rejected


def import_responses(store: Store, pages: Iterable[FetchedPage]) -> int:
    """Store pages that are not stored yet; return their number.

    The pages are read in batches of about 32 MiB. The pages of a list in the same batch are stored
    in paging order.
    """
    return sum(_import_batch(store, batch) for batch in _batches(pages))


def _batches(pages: Iterable[FetchedPage]) -> Iterator[list[FetchedPage]]:
    batch: list[FetchedPage] = []
    size = 0
    for page in pages:
        batch.append(page)
        size += len(page.body)
        if size >= _BATCH_SIZE:
            yield batch
            batch, size = [], 0
    yield batch


def _import_batch(store: Store, pages: list[FetchedPage]) -> int:
    by_list: dict[tuple[Entity, str], list[FetchedPage]] = {}
    for page in pages:
        by_list.setdefault((page.page.subject, page.relationship), []).append(page)
    return sum(
        store.page_writer.import_pages(subject, _in_paging_order(group), relationship)
        for (subject, relationship), group in by_list.items()
    )


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
