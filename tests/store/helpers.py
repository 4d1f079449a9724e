"""Responses and short forms for the tests of the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from graphbuild.api.parser import parse_page
from graphbuild.seeds import parse_seeds
from graphbuild.store import FetchedPage, Store

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.models import Entity
    from graphbuild.store import SaveResult

A, B = "a" * 64, "b" * 64
R1, R2, R3 = "1" * 64, "2" * 64, "3" * 64


def body(
    *references: str, count: int | None = None, cursor: str | None = None, **texts: str
) -> bytes:
    """Return a response in which every reference comes from collection ``c``."""
    behind = [{"type": "collection", "id": "c", "attributes": {"name": "C"}}]
    data = [
        {
            "type": "reference",
            "id": reference,
            "attributes": {"url": f"https://{reference[:3]}.example/", **texts},
            "context_attributes": {"related_from": behind},
        }
        for reference in references
    ]
    meta = {"count": len(references) if count is None else count}
    if cursor:
        meta["cursor"] = cursor
    return json.dumps({"meta": meta, "data": data}).encode()


def about(subject: Entity, raw: bytes) -> bytes:
    """Return the same response with a ``links.self`` that names its subject."""
    place = f"{subject.type}s/{subject.id}/related_references?limit=40"
    links = {"self": f"https://www.virustotal.com/api/v3/{place}"}
    return json.dumps({**json.loads(raw), "links": links}).encode()


def fetched(store: Store, raw: bytes, at: float = 1.0) -> FetchedPage:
    task = store.tasks.next_task()
    assert task is not None
    return FetchedPage(raw, parse_page(raw, task.subject), at, task.cursor)


def commit(store: Store, raw: bytes) -> SaveResult:
    task = store.tasks.next_task()
    assert task is not None
    return store.page_writer.save_page(task, fetched(store, raw))


def sound(path: Path) -> None:
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([A, B]))
        commit(store, body(R1, R2, title="A report"))
        commit(store, body(R2, R3, title="Another"))
