"""``python -m tests.store.save_fixture [CAMPAIGN]``: save a campaign file for the migration tests.

Run it before a change of the schema. It writes two files into ``tests/store/data``: the campaign
file as ``schema-N.db.gz`` and its contents as ``schema-N.json.gz``, where N is the schema version.
Then it prints the digest of the schema. Without CAMPAIGN, the saved file of the newest earlier
version is migrated and saved again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbuild.store import Store, find_damage
from graphbuild.store.schema import SCHEMA_VERSION, expected_digest

if TYPE_CHECKING:
    from graphbuild.models import Entity

DATA = Path(__file__).parent / "data"
# The fields of ``Totals`` in schema version 1, in which ``lists`` had the name ``subjects``.
RECORDED_TOTALS = (
    *("lists", "files", "pending", "complete", "incomplete", "failed", "pages", "references"),
    *("collections", "observations", "expected", "received", "inferred", "warnings", "calls"),
)


def saved_file(version: int, folder: Path, data: Path = DATA) -> Path:
    """Unpack the saved campaign file of a schema version into ``folder``."""
    folder.mkdir(exist_ok=True)
    path = folder / "campaign.db"
    path.write_bytes(gzip.decompress((data / f"schema-{version}.db.gz").read_bytes()))
    return path


def recorded_contents(version: int, data: Path = DATA) -> dict[str, Any]:
    """Return the contents of the saved file of a schema version, as recorded with that version."""
    text = gzip.decompress((data / f"schema-{version}.json.gz").read_bytes())
    recorded: dict[str, Any] = json.loads(text)
    return recorded


def contents(path: Path) -> dict[str, Any]:
    """Return everything in a campaign file, as values that JSON can represent."""

    def key(entity: Entity | None) -> str | None:
        return entity.key if entity else None

    with Store.read(path) as store:
        audit, totals = store.audit_result(), store.totals()
        read: dict[str, Any] = {
            "observations": [
                [
                    key(each.subject),
                    key(each.reference),
                    key(each.related_from),
                    each.provenance,
                    each.first_seen,
                    each.last_seen,
                ]
                for each in store.observations()
            ],
            "current": [
                [key(each.subject), key(each.reference), key(each.related_from)]
                for each in store.current_observations()
            ],
            "links": [
                [link.source.key, link.relationship, key(link.target)] for link in store.links()
            ],
            "attributes": {
                each.key: {
                    name: value
                    for name, value in each.attributes.items()
                    if not name.startswith("crawl_")
                }
                for each in store.subjects()
            },
            "statuses": [
                [getattr(each, name) for name in each.__slots__] for each in store.statuses()
            ],
            "calls": [
                list(row)
                for row in store._db.rows(
                    "SELECT api_id, relationship, started_at, sent, http_status, error FROM call"
                    " JOIN entity ON entity.id = subject ORDER BY call.id"
                )
            ],
            "audit": [getattr(audit, name) for name in audit.__slots__],
            "totals": [getattr(totals, name) for name in RECORDED_TOTALS],
            "pages": [
                [
                    key(each.subject),
                    each.relationship,
                    each.number,
                    hashlib.sha256(each.body).hexdigest(),
                ]
                for each in store.pages()
            ],
            "api_flavor": store.api_info.flavor(),
            "quota_resets_at": store.api_info.quota_resets_at(),
        }
        for row in read["statuses"]:
            row[0] = row[0].key
        assert list(find_damage(store)) == []
    return read


def save_fixture(campaign: Path, data: Path = DATA) -> None:
    """Save a copy of a campaign file in the current schema, and the contents of the copy."""
    data.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "campaign.db"
        shutil.copyfile(campaign, path)
        Store.open(path).close()  # migrates it
        text = json.dumps(contents(path)).encode()
        for suffix, content in (("db", path.read_bytes()), ("json", text)):
            target = data / f"schema-{SCHEMA_VERSION}.{suffix}.gz"
            target.write_bytes(gzip.compress(content, mtime=0))


def main() -> None:
    """Save the campaign file of the command line, or the newest saved one."""
    if sys.argv[1:]:
        save_fixture(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            save_fixture(saved_file(SCHEMA_VERSION - 1, Path(folder)))
    sys.stdout.write(f"schema {SCHEMA_VERSION}: {expected_digest(SCHEMA_VERSION)}\n")


if __name__ == "__main__":
    main()
