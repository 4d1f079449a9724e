"""Generated references, in which titles, authors and dates can be missing, as in real data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.emulator.fake_names import NAMES
from graphbuild.emulator.models import Reference

if TYPE_CHECKING:
    from random import Random

_FIRST_DAY = 17_167  # 2017-01-01, in days since 1970
_DAYS = 3_000

# Invalid dates that a client must tolerate.
_INVALID_DATES = (0, -1, 1_515_715_200_000, 253_402_214_400)

# Each number n means: every n-th reference has no title, no date, no author, or a title in another
# language. The numbers have no common factor, so that all combinations occur.
_NO_TITLE, _NO_DATE, _NO_AUTHOR, _FOREIGN = 8, 9, 11, 7


class ReferenceFactory:
    """Creates references with distinct URLs.

    Attributes:
        references: All created references by id.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.references: dict[str, Reference] = {}

    def create(self, subject: str, *, after: str = "") -> str:
        """Create a reference about ``subject``; return its id, which is greater than ``after``."""
        while (reference := self._create(subject)).id <= after or reference.id in self.references:
            pass
        self.references[reference.id] = reference
        return reference.id

    def create_with_invalid_date(self, subject: str, number: int) -> str:
        """Create a reference with an invalid date; return its id.

        ``number`` selects one of the invalid dates.
        """
        reference = self.references.pop(self.create(subject))
        date = _INVALID_DATES[number % len(_INVALID_DATES)]
        attributes = {**reference.attributes, "creation_date": date}
        self.references[reference.id] = Reference(reference.id, reference.url, attributes)
        return reference.id

    def _create(self, subject: str) -> Reference:
        number = len(self.references)
        publisher, host = self._rng.choice(NAMES["publishers"])
        day = _FIRST_DAY + self._rng.randrange(_DAYS)
        title = self._title(subject, foreign=number % _FOREIGN == 1)
        author = self._rng.choice((publisher, self._rng.choice(NAMES["authors"])))
        slug = f"{_slug(title)}-{self._rng.randrange(10**6)}"
        return Reference.from_url(
            f"https://{host}/{1970 + day * 400 // 146097}/{slug}",
            creation_date=None if number % _NO_DATE == 1 else day * 86400,
            author=None if number % _NO_AUTHOR == 1 else author,
            title=None if number % _NO_TITLE == 1 else title,
        )

    def _title(self, subject: str, *, foreign: bool) -> str:
        template = self._rng.choice(NAMES["foreign_titles" if foreign else "titles"])
        sector, number = self._rng.choice(NAMES["sectors"]), self._rng.randrange(2, 30)
        title: str = template.format(name=subject, sector=sector, number=number)
        return title[0].upper() + title[1:]


def _slug(title: str) -> str:
    return "-".join(re.findall("[a-z0-9]+", title.lower())) or "post"
