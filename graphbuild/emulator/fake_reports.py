"""The made-up press: blogs that write about made-up malware, with the flaws of true ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.emulator.models import Reference
from graphbuild.emulator.vocabulary import (
    FOREIGN_TITLES,
    ODD_DATES,
    PEOPLE,
    SECTORS,
    TITLES,
    VENDORS,
)

if TYPE_CHECKING:
    from random import Random

_FIRST_DAY = 17_167  # 2017-01-01, in days since 1970
_DAYS = 3_000

# Every so many articles lack something; steps without a common factor meet in every way.
_NO_TITLE, _NO_DATE, _NO_AUTHOR, _FOREIGN = 8, 9, 11, 7


class Press:
    """Writes articles, never two under one url; `written` keeps them by id."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.written: dict[str, Reference] = {}

    def article(self, about: str, *, after: str = "") -> str:
        """Write an article whose id sorts after another; return its id."""
        while (reference := self._write(about)).id <= after or reference.id in self.written:
            pass
        self.written[reference.id] = reference
        return reference.id

    def odd_article(self, about: str, turn: int) -> str:
        """Write an article with a date that makes no sense."""
        reference = self.written.pop(self.article(about))
        odd = {**reference.attributes, "creation_date": ODD_DATES[turn % len(ODD_DATES)]}
        self.written[reference.id] = Reference(reference.id, reference.url, odd)
        return reference.id

    def _write(self, about: str) -> Reference:
        number = len(self.written)
        vendor, host = self._rng.choice(VENDORS)
        day = _FIRST_DAY + self._rng.randrange(_DAYS)
        title = self._title(about, foreign=number % _FOREIGN == 1)
        author = self._rng.choice((vendor, self._rng.choice(PEOPLE)))
        slug = f"{_slug(title)}-{self._rng.randrange(10**6)}"
        return Reference.of(
            f"https://{host}/{1970 + day * 400 // 146097}/{slug}",
            creation_date=None if number % _NO_DATE == 1 else day * 86400,
            author=None if number % _NO_AUTHOR == 1 else author,
            title=None if number % _NO_TITLE == 1 else title,
        )

    def _title(self, about: str, *, foreign: bool) -> str:
        template = self._rng.choice(FOREIGN_TITLES if foreign else TITLES)
        sector, number = self._rng.choice(SECTORS), self._rng.randrange(2, 30)
        title = template.format(name=about, sector=sector, number=number)
        return title[0].upper() + title[1:]


def _slug(title: str) -> str:
    words = re.findall("[a-z0-9]+", title.lower())
    return "-".join(words) or "post"
