"""The corpus of invalid and hostile input: one data file whose rows are all checked.

A row has a description (``id``, ``kind``, ``says``), an input (see ``payloads``) and the expected
result: ``expect`` is one of OK, MAP, ITEM, PAGE, LOOP, STOP, LINE, DROP; ``remark`` is part of a
message; ``calls`` is the number of calls; ``mib`` is the maximum memory. Add a row for each new
defect.
"""

from __future__ import annotations

import json
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.keys import CANARY
from tests.torture import responses, seed_lists, stored, titles
from tests.torture.payloads import Memory
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from tests.support.forking import Zygote

ROWS = Path(__file__).resolve().parents[1] / "data" / "corpus.jsonl"
_ACCEPTED = frozenset({"OK", "MAP", "ITEM", "LOOP"})


def read(path: Path = ROWS) -> list[dict[str, Any]]:
    """Return all rows."""
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts have the same signature
    """Check all rows, or about ``rounds`` of them at regular intervals."""
    result = PartResult("corpus")
    rows = read()
    server = responses.CorpusServer()
    kinds: Counter[str] = Counter()
    try:
        for row in rows[:: max(1, len(rows) // rounds) if rounds else 1]:
            row_folder = folder / row["id"]
            row_folder.mkdir()
            wrong = _check_row(row, row_folder, server, zygote)
            result.check(not wrong, f"{row['id']} ({row['says']}): {wrong}")
            result.rounds += 1
            kinds[row["kind"]] += 1
    finally:
        server.close()
    result.check(not server.api.cookies, "a cookie was sent back")
    result.notes.append(", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    return result.finish()


def _check_row(
    row: dict[str, Any], row_folder: Path, server: responses.CorpusServer, zygote: Zygote | None
) -> str:
    """Return what is wrong with a row; unexpected exceptions always are."""
    try:
        with Memory(row.get("mib")) as memory:
            wrong = _run(row, row_folder, server, zygote)
    except Exception:  # noqa: BLE001  any exception is a failure
        return traceback.format_exc()[-600:]
    if CANARY in wrong:
        return "a message contains the key"
    return wrong or memory.excess


def _run(
    row: dict[str, Any], row_folder: Path, server: responses.CorpusServer, zygote: Zygote | None
) -> str:
    kind = row["kind"]
    if kind in {"http", "page"}:
        crawled = server.crawl_row(row, row_folder)
        wrong = responses.judge(row, crawled)
        accepted = not wrong and crawled.pages and row["expect"] in _ACCEPTED
        return responses.check_exports(row_folder) if accepted else wrong
    runs = {
        "title": lambda: titles.run(row, row_folder, server),
        "seeds": lambda: seed_lists.seeds(row, row_folder, server, zygote),
        "command": lambda: seed_lists.command(row, row_folder, server, zygote),
        "graphml": lambda: stored.graphml(row, row_folder),
        "store": lambda: stored.store(row, row_folder, server),
    }
    return runs[kind]()
