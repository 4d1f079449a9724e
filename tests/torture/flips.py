"""Single flipped bits in stored pages: ``graphbuild check`` must find each of them (G16).

SQLite's own check sees its structure only; most flips are in pages. The check must end with exit
code 1 and name the subject, or say that the file is damaged. Flips elsewhere in the file need not
be found; their number is a note.
"""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.torture.campaigns import Campaign
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Zygote

_WINDOW = 24  # bytes that identify a part of a page in the file
_ELSEWHERE = 0.25  # additional rounds that flip a bit anywhere in the file
_NAMED = re.compile("damaged|[0-9a-f]{32,64}")


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Flip one bit at a time, each in a new copy of the same valid file."""
    result = PartResult("flips")
    rng = random.Random(seed)
    with Campaign(folder / "flips", 1, zygote) as campaign:
        if not _prepared(result, campaign):
            return result.finish()
        content = campaign.store.read_bytes()
        bodies = _bodies(campaign.store)
        for _ in range(rounds):
            subject, position = _inside(content, bodies, rng)
            code, output = _check(campaign, content, position, rng.randrange(8))
            result.rounds += 1
            what = f"bit at byte {position} in a page of {subject}"
            result.check(code == 1, f"{what}: check ends with {code}: {output[-200:]}")
            result.check("Traceback" not in output, f"{what}: a traceback: {output[-300:]}")
            named = subject in output or _NAMED.search(output)
            result.check(named, f"{what}: nothing is named: {output[-200:]}")
        _elsewhere(result, campaign, content, rng, int(rounds * _ELSEWHERE))
    return result.finish()


def _prepared(result: PartResult, campaign: Campaign) -> bool:
    """Return a finished campaign in one file without damage."""
    code = campaign.start(campaign.crawl_command()).end()
    result.check(code == 0, f"the crawl ends with {code}")
    with closing(sqlite3.connect(campaign.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    code, output = _run(campaign)
    if code == 2:
        result.missing = "there is no command `check`"
    return not result.missing and result.check(code == 0, f"check of a good file: {code}: {output}")


def _bodies(store: Path) -> list[tuple[str, bytes]]:
    with closing(sqlite3.connect(store)) as connection:
        query = (
            "SELECT api_id, body FROM page JOIN task ON task.id = page.task"
            " JOIN entity ON entity.id = task.subject"
        )
        return connection.execute(query).fetchall()


def _inside(content: bytes, bodies: list[tuple[str, bytes]], rng: random.Random) -> tuple[str, int]:
    """Return a position in a stored page, and the subject of the page."""
    while True:
        subject, body = rng.choice(bodies)
        start = rng.randrange(max(1, len(body) - _WINDOW))
        window = body[start : start + _WINDOW]
        if content.count(window) == 1:  # not split between SQLite pages, and unique
            return subject, content.index(window) + rng.randrange(len(window))


def _check(campaign: Campaign, content: bytes, position: int, bit: int) -> tuple[int, str]:
    flipped = bytearray(content)
    flipped[position] ^= 1 << bit
    for name in ("-wal", "-shm"):
        campaign.store.with_name(campaign.store.name + name).unlink(missing_ok=True)
    campaign.store.write_bytes(flipped)
    return _run(campaign)


def _run(campaign: Campaign) -> tuple[int, str]:
    running = campaign.start(["check", "--store", str(campaign.store)])
    code = running.end()
    return code, running.out.read_text("utf-8", "replace") + running.said()


def _elsewhere(
    result: PartResult, campaign: Campaign, content: bytes, rng: random.Random, rounds: int
) -> None:
    """Flip a bit anywhere in the file; a message is required, but no detection."""
    found = 0
    for _ in range(rounds):
        position = rng.randrange(len(content))
        code, output = _check(campaign, content, position, rng.randrange(8))
        result.check(
            "Traceback" not in output, f"bit at byte {position}: a traceback: {output[-300:]}"
        )
        found += code == 1
    result.notes.append(f"{found} of {rounds} flips anywhere in the file are found")
