"""Write campaign files of millions of observations without HTTP.

Only the tables that analyses read are filled: the pages have no bodies, and the lists are complete.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

from graphbuild.models import COMPLETE, RELATED_REFERENCES
from graphbuild.store import Store
from tests.support.planted_campaigns import PlantedCampaigns, Size, plant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROUND_UP = 100  # references of a round-up, so that the observations grow with the files only
_FILES_PER_CAMPAIGN = 43  # on average


def plant_many(files: int, seed: int = 1) -> PlantedCampaigns:
    """Return about ``files`` files of campaigns; 40 % of all files are in each of four round-ups.

    A file has about 200 observations.
    """
    planted = plant(seed, Size(files // _FILES_PER_CAMPAIGN, 6, 80))
    rng = Random(seed)
    holds = {
        name: sorted(rng.sample(listed, min(len(listed), _ROUND_UP)))
        if name.startswith("roundup")
        else listed
        for name, listed in planted.holds.items()
    }
    return replace(planted, holds=holds)


def real_shaped(files: int, seed: int = 1) -> PlantedCampaigns:
    """Return families whose files are in 1 to 8 collections, which have 1 to 400 references.

    As in a sample of 6,760 real files, a third of the files is in one collection and half are in
    two. The first collection of a family contains all of its files. Others are shared with other
    families, and the most frequent ones with many.
    """
    rng = Random(seed)
    pool = [f"report {number}" for number in range(files)]
    holds: dict[str, list[str]] = {}
    for number in range(max(8, files // 15)):
        size = min(400, int(rng.paretovariate(0.6)))
        first = rng.randrange(len(pool))
        holds[f"c{number}"] = sorted({*pool[first : first + size], rng.choice(pool)})
    names = list(holds)
    families = max(1, len(names) // 3)
    members: dict[str, list[str]] = {}
    truth: dict[str, int] = {}
    for family in range(families):
        others = [names[min(len(names), int(rng.paretovariate(0.3))) - 1] for _ in range(7)]
        for number in range(files // families):
            file = sha256(f"{seed} {family} {number}".encode()).hexdigest()
            count = rng.choices(range(8), (34, 49, 12, 4, 1, 0.2, 0.2, 0.1))[0]
            members[file] = list(dict.fromkeys([names[-1 - family], *others[:count]]))
            truth[file] = family
    return PlantedCampaigns(members, holds, {}, truth)


def write_memberships(path: Path, planted: PlantedCampaigns) -> int:
    """Write a campaign file with these files; return the number of observations."""
    with Store.open(path):
        pass
    number = {
        key: row
        for row, key in enumerate(
            (
                *(("file", file) for file in planted.members),
                *(("collection", name) for name in planted.holds),
                *(("reference", title) for title in _references(planted)),
            ),
            start=1,
        )
    }
    count = 0

    def facts() -> Iterator[tuple[int, int, int]]:
        nonlocal count
        for page, (file, held) in enumerate(planted.members.items(), start=1):
            for name in held:
                collection = number["collection", name]
                for title in planted.holds[name]:
                    count += 1
                    yield page, number["reference", title], collection
            for title in planted.loose.get(file, ()):
                count += 1
                yield page, number["reference", title], 0

    files = [(row + 1,) for row in range(len(planted.members))]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO entity (id, type, api_id, attributes) VALUES (?, ?, ?, '{}')",
            (
                (row, kind, sha256(name.encode()).hexdigest() if kind == "reference" else name)
                for (kind, name), row in number.items()
            ),
        )
        connection.executemany(
            "INSERT INTO seed (entity, source, line, attributes) VALUES (?1, '', ?1, '{}')", files
        )
        connection.executemany(
            "INSERT INTO task (id, subject, relationship, state, page_count)"
            f" VALUES (?1, ?1, '{RELATED_REFERENCES}', '{COMPLETE}', 1)",
            files,
        )
        connection.executemany(
            "INSERT INTO page (id, task, number, item_count, warning_count, fetched_at, sha256,"
            " crc32, body) VALUES (?1, ?1, 1, 0, 0, 0, x'', 0, x'')",
            files,
        )
        connection.executemany(
            "INSERT OR IGNORE INTO fact (page, reference, related_from) VALUES (?, ?, ?)", facts()
        )
    return count


def _references(planted: PlantedCampaigns) -> list[str]:
    lists = (*planted.holds.values(), *planted.loose.values())
    return list(dict.fromkeys(title for listed in lists for title in listed))
