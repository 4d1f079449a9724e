"""The corpus of bad input: one data file, each row run through its real entrance and judged.

A row says what it is (``id``, ``kind``, ``says``), what it consists of (see ``payloads``), and
what must come of it: ``expect`` is one of OK, MAP, ITEM, PAGE, LOOP, STOP, LINE, DROP; ``remark`` a
piece of what must be said; ``calls`` how many calls it costs; ``mib`` how much memory it may take.
A new defect adds a row.
"""

from __future__ import annotations

import json
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.keys import CANARY
from tests.torture import answers, lists, stored, titles
from tests.torture.payloads import Memory
from tests.torture.tally import Tally

if TYPE_CHECKING:
    from tests.torture.forking import Zygote

ROWS = Path(__file__).resolve().parents[1] / "data" / "corpus.jsonl"
_ACCEPTED = frozenset({"OK", "MAP", "ITEM", "LOOP"})


def read(path: Path = ROWS) -> list[dict[str, Any]]:
    """All rows."""
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> Tally:  # noqa: ARG001  all parts are called alike
    """Run all rows, or every so many-th so that about ``rounds`` are; figures by kind."""
    tally = Tally("corpus")
    rows = read()
    table = answers.Table()
    kinds: Counter[str] = Counter()
    try:
        for row in rows[:: max(1, len(rows) // rounds) if rounds else 1]:
            place = folder / row["id"]
            place.mkdir()
            wrong = _judged(row, place, table, zygote)
            tally.expect(not wrong, f"{row['id']} ({row['says']}): {wrong}")
            tally.rounds += 1
            kinds[row["kind"]] += 1
    finally:
        table.close()
    tally.expect(not table.service.cookies, "a cookie was sent back")
    tally.notes.append(", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    return tally.done()


def _judged(row: dict[str, Any], place: Path, table: answers.Table, zygote: Zygote | None) -> str:
    """What is wrong with a row; an exception that is not ours is, whatever the row says."""
    try:
        with Memory(row.get("mib")) as memory:
            wrong = _run(row, place, table, zygote)
    except Exception:  # noqa: BLE001  that none gets here is what is tested
        return traceback.format_exc()[-600:]
    if CANARY in wrong:
        return "the key stands in what is said"
    return wrong or memory.excess


def _run(row: dict[str, Any], place: Path, table: answers.Table, zygote: Zygote | None) -> str:
    kind = row["kind"]
    if kind in {"http", "page"}:
        came = table.ask(row, place)
        wrong = answers.judge(row, came)
        went_on = not wrong and came.pages and row["expect"] in _ACCEPTED
        return answers.exported(place) if went_on else wrong
    runs = {
        "title": lambda: titles.run(row, place, table),
        "seeds": lambda: lists.seeds(row, place, table, zygote),
        "command": lambda: lists.command(row, place, table, zygote),
        "graphml": lambda: stored.graphml(row, place),
        "store": lambda: stored.store(row, place, table),
    }
    return runs[kind]()
