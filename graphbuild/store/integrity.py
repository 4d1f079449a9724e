"""Is a campaign file still what was stored? Pages against their digests, facts against pages."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

from graphbuild.api.parser import parse_page
from graphbuild.errors import PayloadError, StoreError
from graphbuild.models import OBSERVED
from graphbuild.store.records import Damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.models import Observation
    from graphbuild.store.reader import Reader
    from graphbuild.store.records import PackedPage

Triple = tuple[str, str, str]


def damages(reader: Reader) -> Iterator[Damage]:
    """Everything that is not as it was stored; nothing if the file is sound.

    SQLite's own check sees its structure only, and most flipped bits are in the pages: each page is
    held against the SHA-256 that was stored with it, and the observations against the pages.
    """
    try:
        yield from (Damage(None, problem) for problem in reader.structure())
        stated: set[Triple] = set()
        for page in reader.packed_pages():
            triples = _read(page)
            if isinstance(triples, Damage):
                yield triples
            else:
                stated |= triples
        stored = {_triple(each) for each in reader.observations() if each.provenance == OBSERVED}
        stored |= {(each.source.key, each.target.key, "-") for each in reader.links()}
    except StoreError as error:
        yield Damage(None, str(error))
        return
    for difference, problem in (
        (stored - stated, "no stored page says"),
        (stated - stored, "a stored page says, but it is not among the observations:"),
    ):
        yield from (Damage(None, f"{problem} {' '.join(triple)}") for triple in sorted(difference))


def _read(page: PackedPage) -> set[Triple] | Damage:
    try:
        raw = page.unpack()
    except zlib.error:
        return Damage(page.subject, f"page {page.number} cannot be unpacked")
    if zlib.crc32(page.packed) != page.crc or hashlib.sha256(raw).digest() != page.sha256:
        return Damage(page.subject, f"page {page.number} is not what was stored")
    try:
        said = parse_page(raw, page.subject, page.relationship)
    except PayloadError as error:
        return Damage(page.subject, f"page {page.number}: {error}")
    listed = {(page.subject.key, each.key, "-") for each in said.targets}
    return listed | {_triple(each) for each in said.observations}


def _triple(seen: Observation) -> Triple:
    behind = seen.related_from.key if seen.related_from else "-"
    return seen.subject.key, seen.reference.key, behind
