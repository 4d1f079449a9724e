"""Saved answers: JSON pages on disk become pages in a store, for who has answers but no key.

A file holds one answer of ``files/{id}/related_references``, as the API gave it. What it is about,
and which page it is, stand in its ``links.self``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.api.json_decoding import decode_json
from graphbuild.api.parser import parse_payload, parse_self_link
from graphbuild.errors import PayloadError
from graphbuild.models import RELATED_REFERENCES
from graphbuild.store import Fetched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbuild.models import Entity
    from graphbuild.store import Store

MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that holds no answer we can use, and why."""

    path: Path
    reason: str


def read_answers(
    paths: Iterable[str | Path], subject: Entity | None = None
) -> tuple[list[Fetched], list[Refused]]:
    """Read saved answers.

    Args:
        paths: JSON files, one answer each.
        subject: what they are about, where their ``links.self`` does not say.

    Returns:
        The pages, and the files that hold none.
    """
    pages: list[Fetched] = []
    refused: list[Refused] = []
    for path in map(Path, paths):
        try:
            pages.append(_read(path, subject))
        except PayloadError as error:
            refused.append(Refused(path, str(error)))
        except OSError as error:
            refused.append(Refused(path, error.strerror or str(error)))
    return pages, refused


def import_answers(store: Store, pages: Iterable[Fetched]) -> int:
    """Commit saved pages to a store, each subject's in the order of their cursors; how many new."""
    by_subject: dict[Entity, list[Fetched]] = {}
    for page in pages:
        by_subject.setdefault(page.page.subject, []).append(page)
    return sum(
        store.commit_import(subject, _in_order(found)) for subject, found in by_subject.items()
    )


def _read(path: Path, subject: Entity | None) -> Fetched:
    with path.open("rb") as stream:
        body = stream.read(MAX_BYTES + 1)
        saved_at = path.stat().st_mtime
    if len(body) > MAX_BYTES:
        raise PayloadError(f"is larger than {MAX_BYTES} bytes")
    payload = decode_json(body)
    about = parse_self_link(payload)
    if about is None and subject is None:
        raise PayloadError(
            "does not name the file it is about; say it with --subject HASH", "links.self"
        )
    if about is not None and about.relationship != RELATED_REFERENCES:
        raise PayloadError(f"answers {about.relationship}, not {RELATED_REFERENCES}", "links.self")
    entity = about.subject if about else subject
    if entity is None:
        raise PayloadError("is about nothing")
    cursor = about.cursor if about else None
    return Fetched(body, parse_payload(payload, entity), saved_at, cursor)


def _in_order(pages: list[Fetched]) -> Iterator[Fetched]:
    """First pages first, then whichever starts where the last one ended, then the rest."""
    waiting = list(pages)
    cursor: str | None = None
    while waiting:
        follow = next((page for page in waiting if page.cursor == cursor), waiting[0])
        waiting.remove(follow)
        cursor = follow.page.next_cursor
        yield follow
