"""Find damage in a campaign file: compare its tables with each other and with the stored pages.

Pages are read one by one, so the memory used does not grow with their number.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from graphbuild.api.endpoints import API_FLAVORS, RELATIONSHIPS
from graphbuild.api.parser import parse_page
from graphbuild.errors import PayloadError, StoreError
from graphbuild.models import COMPLETE, DESCRIPTION, RELATED_REFERENCES, STATES, Entity
from graphbuild.store.entities import decode_attributes
from graphbuild.store.models import Damage
from graphbuild.store.schema import CONFIRMED, INFERRED, REFUTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from graphbuild.models import Page
    from graphbuild.store.database import Database
    from graphbuild.store.models import CompressedPage
    from graphbuild.store.store import Store

    Fact = tuple[str, str]  # node keys of the reference and the collection; see _NO_COLLECTION

# Data whose values are not verified, in messages for users.
NOT_CHECKED = (
    "times",
    "columns of seed lists",
    "attributes of entities",
    "inferred references",
    "whether the log contains every call",
)
_CACHED_PAGES = 1_000
_NO_COLLECTION = "-"  # replaces the key of the collection if the API states no collection


def _sql(values: Iterable[object]) -> str:
    """Return constants as a list in parentheses, for the operator IN of SQL."""
    return f"({', '.join(map(repr, values))})"


_NAMES = (*RELATIONSHIPS, DESCRIPTION)  # values of the columns named ``relationship``
_PAGES = "FROM page WHERE page.task = task.id"
# The row id of the first page of the newest pass.
_PASS = f"(SELECT max(id) {_PAGES} AND number > 0 AND cursor IS NULL)"
_FACTS = (
    "FROM page JOIN fact ON fact.page = coalesce(duplicate_of, page.id) WHERE page.task = task.id"
)
_INFERENCES = "FROM inference WHERE inference.task = task.id"
_NO_ALIAS = "EXISTS (SELECT 1 FROM entity WHERE entity.id = subject AND same_as = 0)"
# Pages that were requested for an alias of the subject can have negative numbers. A crawl does not
# count the references on such pages, but an import does.
_NO_ALIAS_PAGES = f"{_NO_ALIAS} AND NOT EXISTS (SELECT 1 {_PAGES} AND number < 0)"

# Each rule has three parts in SQL: the row id of the entity whose data is damaged, a description of
# the problem, and the rows that have the problem. A crawl sets ``received_count`` to the number of
# references in the newest pass, and an import to the number of references on all pages.
_RULES = (
    (
        "subject",
        "'the state ' || quote(state) || ' is unknown'",
        f"task WHERE state NOT IN {_sql(STATES)}",
    ),
    (
        "subject",
        "'the relationship ' || quote(relationship) || ' is unknown'",
        f"task WHERE relationship NOT IN {_sql(_NAMES)}",
    ),
    (
        "subject",
        "page_count || ' pages are counted, which does not match the stored pages'",
        f"""task WHERE {_NO_ALIAS} AND (page_count <> (SELECT count(*) {_PAGES} AND number > 0)
            OR page_count <> (SELECT max(0, coalesce(max(number), 0)) {_PAGES}))""",
    ),
    (
        "subject",
        "'the cursor of the next page is not in a stored page'",
        f"""task WHERE cursor IS NOT NULL
            AND NOT EXISTS (SELECT 1 {_PAGES} AND next_cursor = task.cursor)""",
    ),
    (
        "subject",
        "'the expected count ' || expected_count || ' is not in a stored page'",
        f"""task WHERE {_NO_ALIAS} AND expected_count IS NOT NULL
            AND NOT EXISTS (SELECT 1 {_PAGES} AND page.expected_count = task.expected_count)""",
    ),
    (
        "subject",
        "received_count || ' references are counted, which does not match the stored pages'",
        f"""task WHERE {_NO_ALIAS_PAGES}
            AND received_count <> (SELECT count(DISTINCT reference) {_FACTS})
            AND received_count <> (SELECT count(DISTINCT reference) {_FACTS}
                AND page.id >= {_PASS})""",
    ),
    (
        "subject",
        "'the list is complete, but its last page is not stored'",
        f"""task WHERE {_NO_ALIAS} AND state = '{COMPLETE}'
            AND NOT EXISTS (SELECT 1 {_INFERENCES})
            AND NOT EXISTS (SELECT 1 {_PAGES} AND next_cursor IS NULL)""",
    ),
    (
        "subject",
        "'the list is complete with ' || received_count || ' of ' || expected_count || ' entries'",
        f"""task WHERE {_NO_ALIAS_PAGES} AND state = '{COMPLETE}' AND detail = ''
            AND received_count <> expected_count AND NOT EXISTS (SELECT 1 {_INFERENCES})
            AND EXISTS (SELECT 1 {_PAGES} AND page.expected_count = task.expected_count
                AND page.id >= {_PASS})""",
    ),
    (
        "subject",
        "inferred_count || ' inferred references are counted, but fewer are stored'",
        f"task WHERE inferred_count > (SELECT count(DISTINCT reference) {_INFERENCES})",
    ),
    (
        "(SELECT subject FROM task WHERE task.id = inference.task)",
        "'an inferred reference has an invalid provenance, collection or page'",
        f"""inference WHERE provenance NOT IN {_sql((INFERRED, CONFIRMED, REFUTED))}
            OR related_from <> 0 AND NOT EXISTS (SELECT 1 FROM entity WHERE id = related_from)
            OR EXISTS (SELECT 1 FROM page WHERE id IN (first_page, last_page)
                AND page.task <> inference.task)""",  # noqa: S608  constants only
    ),
    (
        "(SELECT subject FROM task WHERE task.id = page.task)",
        "'page ' || number || ' is stored as a duplicate, but its record is inconsistent'",
        """page WHERE duplicate_of IS NOT NULL AND (duplicate_of >= id
            OR EXISTS (SELECT 1 FROM fact WHERE fact.page = page.id)
            OR EXISTS (SELECT 1 FROM page AS other WHERE other.id = page.duplicate_of
                AND other.duplicate_of IS NOT NULL))""",
    ),
    (
        "id",
        "'the canonical entity of this alias is missing or invalid'",
        """entity AS alias WHERE same_as <> 0 AND NOT EXISTS (SELECT 1 FROM entity AS other
            WHERE other.id = alias.same_as AND other.same_as = 0 AND other.type = alias.type)""",
    ),
    (
        "entity",
        "'no list of references is recorded for the seed'",
        f"""seed WHERE NOT EXISTS (SELECT 1 FROM task WHERE subject = seed.entity
            AND relationship = '{RELATED_REFERENCES}')""",  # noqa: S608  constants only
    ),
    (
        "subject",
        "'call ' || id || ' has invalid values'",
        f"""call WHERE sent NOT IN (0, 1) OR http_status NOT BETWEEN 0 AND 999 OR started_at < 0
            OR relationship NOT IN {_sql(_NAMES)}""",
    ),
    (
        "NULL",
        "'the API flavor ' || quote(value) || ' is unknown'",
        f"metadata WHERE name = 'api_flavor' AND value NOT IN {_sql(API_FLAVORS)}",
    ),
    (
        "NULL",
        "'the shard ' || quote(value) || ' is invalid'",
        "metadata WHERE name = 'shard' AND value NOT GLOB '[1-9]*/[1-9]*'",
    ),
    (
        "NULL",
        "'the period that watch has compared is invalid'",
        "watch WHERE id <> 0 OR since > until",
    ),
    (
        "NULL",
        "'the event ' || quote(id) || ' of watch is invalid'",
        """watch_event WHERE delivered NOT IN (0, 1) OR since > until
            OR iif(json_valid(content), json_extract(content, '$.id') IS NOT id, 1)""",
    ),
)


def find_damage(
    store: Store, on_progress: Callable[[int, int], None] = lambda *_: None
) -> Iterator[Damage]:
    """Yield the problems of a campaign file; nothing if the file is intact.

    SQLite can check only the structure of the file. Therefore, each page is also compared with its
    checksums and its stored observations. ``NOT_CHECKED`` lists the data whose values are not
    verified. A problem that prevents further checks is the last problem.

    After each page, ``on_progress`` is called with the numbers of checked pages and of all pages.
    """
    if store.missing_data:
        yield Damage(None, store.missing_data)
    db = store._db  # noqa: SLF001  of the same package
    try:
        with store.snapshot():
            yield from (Damage(None, problem) for problem in store.structural_problems())
            yield from _broken_rules(db)
            _decode_attributes(db)
            facts = lru_cache(_CACHED_PAGES)(partial(_stored_facts, db))
            total = db.integer("SELECT count(*) FROM page")
            for done, page in enumerate(store.compressed_pages(), 1):
                yield from (Damage(page.subject, each) for each in _problems(page, facts))
                on_progress(done, total)
    except StoreError as error:
        yield Damage(None, str(error))


def _broken_rules(db: Database) -> Iterator[Damage]:
    for subject, problem, rows in _RULES:
        query = (
            f"SELECT type, api_id, problem FROM (SELECT {subject} AS about, {problem} AS problem"  # noqa: S608  constants only
            f" FROM {rows}) LEFT JOIN entity ON entity.id = about"
        )
        for entity_type, api_id, text in db.rows(query):
            yield Damage(Entity(entity_type, api_id) if entity_type else None, text)


def _decode_attributes(db: Database) -> None:
    """Raise StoreError if the attributes of an entity or a seed are damaged."""
    for query in (
        "SELECT api_id, attributes FROM entity",
        "SELECT api_id, seed.attributes FROM seed JOIN entity ON entity.id = seed.entity",
    ):
        for api_id, attributes in db.rows(query):
            decode_attributes(attributes, api_id, db.path)


def _problems(page: CompressedPage, facts: Callable[[int], frozenset[Fact]]) -> Iterator[str]:
    """Yield the problems of a page: damage, and differences from its stored values and facts.

    ``facts`` returns the stored facts of the page with a given row id.
    """
    name = f"page {page.number}"
    try:
        body = page.decompress()
    except zlib.error:
        yield f"{name} cannot be decompressed"
        return
    if zlib.crc32(page.compressed) != page.crc32 or hashlib.sha256(body).digest() != page.sha256:
        yield f"{name} does not match its stored checksum"
        return
    if page.relationship not in _NAMES:  # a rule reports this
        return
    try:
        parsed = parse_page(body, page.subject, page.relationship)
    except PayloadError as error:
        yield f"{name}: {error}"
        return
    values = (parsed.next_cursor, parsed.count, parsed.item_count)
    if values != (page.next_cursor, page.expected_count, page.item_count):
        yield f"{name} has a cursor or count that differs from the stored one"
    expected, stored = _facts_of(parsed), facts(page.facts_page)
    for fact in sorted(stored - expected):
        yield f"{name}: stored observation that is not on the page: {' '.join(fact)}"
    for fact in sorted(expected - stored):
        yield f"{name}: observation on the page that is not stored: {' '.join(fact)}"


def _facts_of(page: Page) -> set[Fact]:
    targets = {(target.key, _NO_COLLECTION) for target in page.targets}
    return targets | {
        (entry.reference.key, collection.key if collection else _NO_COLLECTION)
        for entry in page.entries
        for collection in entry.related_from
    }


def _stored_facts(db: Database, page: int) -> frozenset[Fact]:
    """Return the stored facts of the page with the row id ``page``.

    Raise StoreError if an entity of a fact is missing.
    """
    rows = db.rows(
        "SELECT reference, entity.type || ':' || entity.api_id, related_from,"
        " iif(related_from, collection.type || ':' || collection.api_id, :none) FROM fact"
        " LEFT JOIN entity ON entity.id = reference"
        " LEFT JOIN entity AS collection ON collection.id = related_from WHERE page = :page",
        page=page,
        none=_NO_COLLECTION,
    )
    facts = set()
    for reference, reference_key, collection, collection_key in rows:
        if reference_key is None or collection_key is None:
            missing = collection if reference_key else reference
            raise StoreError(f"{db.path}: a fact refers to entity {missing}, which is missing")
        facts.add((reference_key, collection_key))
    return frozenset(facts)
