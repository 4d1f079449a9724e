"""Find damage in a campaign file: compare pages with checksums, and observations with pages."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

from graphbuild.api.parser import parse_page
from graphbuild.errors import PayloadError, StoreError
from graphbuild.models import OBSERVED
from graphbuild.store.models import Damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.models import Observation
    from graphbuild.store.models import CompressedPage
    from graphbuild.store.store import Store

Triple = tuple[str, str, str]


def find_damage(store: Store) -> Iterator[Damage]:
    """Yield the damage in a campaign file; nothing if the file is intact.

    SQLite checks only the structure of the file, and most of the file is page bodies. Therefore,
    each page is compared with its stored checksums, and what was observed with the pages.
    """
    try:
        yield from (Damage(None, problem) for problem in store.structural_problems())
        in_pages: set[Triple] = set()
        for page in store.compressed_pages():
            triples = _parse(page)
            if isinstance(triples, Damage):
                yield triples
            else:
                in_pages |= triples
        in_tables = {_triple(each) for each in store.observations() if each.provenance == OBSERVED}
        in_tables |= {(link.source.key, link.target.key, "-") for link in store.links()}
    except StoreError as error:
        yield Damage(None, str(error))
        return
    for triples, problem in (
        (in_tables - in_pages, "observation without a stored page"),
        (in_pages - in_tables, "missing observation of a stored page"),
    ):
        yield from (Damage(None, f"{problem}: {' '.join(triple)}") for triple in sorted(triples))


def _parse(page: CompressedPage) -> set[Triple] | Damage:
    try:
        body = page.decompress()
    except zlib.error:
        return Damage(page.subject, f"page {page.number} cannot be decompressed")
    if zlib.crc32(page.compressed) != page.crc32 or hashlib.sha256(body).digest() != page.sha256:
        return Damage(page.subject, f"page {page.number} does not match its stored checksum")
    try:
        parsed = parse_page(body, page.subject, page.relationship)
    except PayloadError as error:
        return Damage(page.subject, f"page {page.number}: {error}")
    links = {(page.subject.key, target.key, "-") for target in parsed.targets}
    return links | {_triple(each) for each in parsed.observations}


def _triple(observation: Observation) -> Triple:
    collection = observation.related_from.key if observation.related_from else "-"
    return observation.subject.key, observation.reference.key, collection
