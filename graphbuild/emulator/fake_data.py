"""Generate references and indicators with the fictional names in ``fake_names.json``.

As in real data, some references lack a title, an author or a date. All domains and IP addresses
are in ranges that are reserved for documentation.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

from graphbuild.emulator.models import INDICATOR_TYPES, Indicator, Reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from graphbuild.emulator.models import Collection

NAMES: dict[str, list[Any]] = json.loads(
    files("graphbuild.emulator").joinpath("fake_names.json").read_text("utf-8")
)

_FIRST_DAY = 17_167  # 2017-01-01, in days since 1970
_DAYS = 3_000

# Wrong values of ``creation_date`` (seconds since 1970) that a client must tolerate: zero, a
# negative number, a date in milliseconds, and a date in the year 9999.
_INVALID_DATES = (0, -1, 1_515_715_200_000, 253_402_214_400)

# About every 8th reference has no title, every 9th no date, and every 11th no author. About every
# 7th title is in another language. No two of these numbers have a common factor, so all
# combinations occur.
_NO_TITLE, _NO_DATE, _NO_AUTHOR, _FOREIGN = 8, 9, 11, 7

# Networks reserved for documentation: RFC 5737 and RFC 3849. RFC 2606 reserves ``.example``.
_NETWORKS = tuple(map(IPv4Address, ("192.0.2.0", "198.51.100.0", "203.0.113.0")))
_NETWORK6 = IPv6Address("2001:db8::")
_HOSTS_PER_NETWORK = 254
# About one in five IP addresses is IPv6. Once the IPv4 networks are used up, all further addresses
# are IPv6.
_IPV6_INTERVAL = 5


class ReferenceFactory:
    """Creates references with distinct ids; ``references`` contains them by id."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.references: dict[str, Reference] = {}

    def create(self, topic: str, *, after: str = "") -> str:
        """Create a reference about ``topic``; return its id, which sorts after the id ``after``."""
        while (reference := self._create(topic)).id <= after or reference.id in self.references:
            pass
        self.references[reference.id] = reference
        return reference.id

    def create_with_invalid_date(self, topic: str, number: int) -> str:
        """Create a reference with an invalid date; return its id.

        ``number`` selects one of ``_INVALID_DATES``.
        """
        reference = self.references.pop(self.create(topic))
        date = _INVALID_DATES[number % len(_INVALID_DATES)]
        attributes = {**reference.attributes, "creation_date": date}
        self.references[reference.id] = Reference(reference.id, reference.url, attributes)
        return reference.id

    def _create(self, topic: str) -> Reference:
        number = len(self.references)
        publisher, host = self._rng.choice(NAMES["publishers"])
        day = _FIRST_DAY + self._rng.randrange(_DAYS)
        title = self._title(topic, foreign=number % _FOREIGN == 1)
        author = self._rng.choice((publisher, self._rng.choice(NAMES["authors"])))
        words = "-".join(re.findall("[a-z0-9]+", title.lower())) or "post"
        slug = f"{words}-{self._rng.randrange(10**6)}"
        return Reference.from_url(
            f"https://{host}/{1970 + day * 400 // 146097}/{slug}",
            creation_date=None if number % _NO_DATE == 1 else day * 86400,
            author=None if number % _NO_AUTHOR == 1 else author,
            title=None if number % _NO_TITLE == 1 else title,
        )

    def _title(self, topic: str, *, foreign: bool) -> str:
        template = self._rng.choice(NAMES["foreign_titles" if foreign else "titles"])
        sector, number = self._rng.choice(NAMES["sectors"]), self._rng.randrange(2, 30)
        title: str = template.format(name=topic, sector=sector, number=number)
        return title[0].upper() + title[1:]


class IndicatorFactory:
    """Creates distinct indicators."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._count = 0

    def create(
        self, count: int, collections: Sequence[Collection], reference: Reference
    ) -> list[Indicator]:
        """Create ``count`` indicators, each in all of the collections or in all but one.

        Every second indicator has a direct reference: the first reference of the last collection.
        The first URL that the factory creates is that of ``reference``, because real lists of
        indicators contain URLs of articles by mistake. This URL and the reference have the same id.
        """
        types = [INDICATOR_TYPES[number % 3] for number in range(count)]
        return [self._create(each, collections, reference) for each in types]

    def _create(
        self, object_type: str, collections: Sequence[Collection], reference: Reference
    ) -> Indicator:
        self._count += 1
        ids = [collection.id for collection in collections]
        if len(ids) > 1 and self._rng.getrandbits(1):
            ids.remove(self._rng.choice(ids))
        direct = collections[-1].references[:1] if self._count % 2 else ()
        text = self._text(object_type, reference)
        return Indicator(object_type, text, collections=tuple(ids), references=direct)

    def _text(self, object_type: str, reference: Reference) -> str:
        if object_type == "domain":
            return self._domain()
        if object_type == "ip_address":
            return self._ip_address()
        is_first = self._count <= len(INDICATOR_TYPES)
        return reference.url if is_first else self._url()

    def _domain(self) -> str:
        host, word = map(self._rng.choice, (NAMES["host_names"], NAMES["host_words"]))
        return f"{host}.{word}{self._count}.example"

    def _ip_address(self) -> str:
        network, number = divmod(self._count, _HOSTS_PER_NETWORK)
        if self._count % _IPV6_INTERVAL == _IPV6_INTERVAL - 1 or network >= len(_NETWORKS):
            return str(_NETWORK6 + self._count)
        return str(_NETWORKS[network] + 1 + number)

    def _url(self) -> str:
        host, word = self._domain(), self._rng.choice(NAMES["host_words"])
        return f"http://{host}:8080/{word.title()}/get.php?id={self._count}&x=%20"
