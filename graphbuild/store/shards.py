"""Split the lists of a campaign into shards, so that several machines request different lists.

A subject can have several names: the MD5 and the SHA-1 of a file are aliases of its SHA-256. The
name that was stored first determines the shard of the lists and the description of the subject. The
names of seeds are stored before all others, in the order of the seed list. So machines that start
with the same seed list, or with copies of one campaign file, agree on the shard of each subject.
They can disagree only about a file that the seed list names by several hashes, because it is not
known in advance that these are one file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from graphbuild.store.database import Database

MAX_SHARDS = 1_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` parts of a campaign, with a number from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard that a text such as ``2/4`` names; raise ValueError if it names none."""
        match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text.strip())
        number, count = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= number <= count <= MAX_SHARDS:
            raise ValueError(
                f"{text[:20]!a} is not a shard; use 1/4 to 4/4 for four machines, at most"
                f" {MAX_SHARDS:,}"
            )
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def contains(self, key: str) -> bool:
        """Return whether a subject belongs to the shard; ``key`` (``type:id``) is its first name.

        The SHA-256 of the key decides, so that all machines and versions agree.
        """
        value = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])
        return value % self.count == self.number - 1


def tasks_of(db: Database, shard: Shard) -> set[int]:
    """Return the row ids of the tasks that belong to a shard."""
    first_names = db.rows(
        # With min(), SQLite takes the other columns from the row of the minimum.
        "SELECT iif(same_as, same_as, id) AS canonical, min(id), type, api_id FROM entity"
        " GROUP BY canonical"
    )
    subjects = {
        canonical
        for canonical, _, entity_type, api_id in first_names
        if shard.contains(f"{entity_type}:{api_id}")
    }
    tasks = db.rows(
        "SELECT task.id, iif(same_as, same_as, entity.id) FROM task"
        " JOIN entity ON entity.id = task.subject"
    )
    return {task for task, subject in tasks if subject in subjects}
