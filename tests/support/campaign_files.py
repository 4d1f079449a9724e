"""Write campaign files with given observations, as a crawl would have stored them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from graphbuild.api.parser import parse_page
from graphbuild.seeds import parse_seeds
from graphbuild.store import FetchedPage, Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from graphbuild.models import Entity, Observation


def write_campaign(
    path: Path, observations: Iterable[Observation], *, fetched_at: float = 0.0
) -> None:
    """Write a campaign file with these observations; their times are ignored."""
    collections: dict[Entity, dict[Entity, list[Entity]]] = {}
    for each in observations:
        found = collections.setdefault(each.subject, {}).setdefault(each.reference, [])
        found += [each.related_from] if each.related_from else []
    pages = {
        subject: [
            {
                **_to_json(reference),
                "context_attributes": {"related_from": [*map(_to_json, related_from)]},
            }
            for reference, related_from in references.items()
        ]
        for subject, references in collections.items()
    }
    write_pages(path, pages, fetched_at=fetched_at)


def write_pages(
    path: Path, pages: Mapping[Entity, list[dict[str, object]]], *, fetched_at: float = 0.0
) -> None:
    """Write a campaign file with a page for each subject, which has these entries."""
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([subject.id for subject in pages]))
        while task := store.tasks.next_task():
            data = pages[task.subject]
            body = json.dumps({"data": data, "meta": {"count": len(data)}}).encode()
            page = parse_page(body, task.subject)
            store.page_writer.save_page(task, FetchedPage(body, page, fetched_at, None))


def _to_json(entity: Entity) -> dict[str, object]:
    return {"type": entity.type, "id": entity.id, "attributes": dict(entity.attributes)}
