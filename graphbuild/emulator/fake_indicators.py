"""Generated domains, IP addresses and URLs, all in ranges reserved for documentation."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import TYPE_CHECKING

from graphbuild.emulator.fake_names import NAMES
from graphbuild.emulator.models import INDICATOR_TYPES, Indicator

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.emulator.models import Collection, Reference

# Networks and names reserved for documentation: RFC 5737, RFC 3849, RFC 2606.
_NETWORKS = tuple(map(IPv4Address, ("192.0.2.0", "198.51.100.0", "203.0.113.0")))
_NETWORK6 = IPv6Address("2001:db8::")
_HOSTS_PER_NETWORK = 254
_IPV6_INTERVAL = 5  # about one of five IP addresses is of version 6


class IndicatorFactory:
    """Creates distinct indicators.

    The factory has its own random numbers, so that a world with indicators has the same files and
    references as a world without indicators.
    """

    def __init__(self, seed: int) -> None:
        self._rng = Random(f"{seed} hosts")  # noqa: S311 - sample data, not a secret
        self._count = 0

    def create(
        self, count: int, collections: Sequence[Collection], reference: Reference
    ) -> list[Indicator]:
        """Create indicators that belong to all of the collections, or to all but one.

        The first URL that a factory creates is that of ``reference``, because real lists of
        indicators contain such URLs by mistake. A ``url`` and a ``reference`` then have the same
        id.
        """
        types = [INDICATOR_TYPES[number % 3] for number in range(count)]
        return [self._create(each, collections, reference) for each in types]

    def mix(
        self, indicators: Iterable[Indicator], probability: float, *others: Collection
    ) -> list[Indicator]:
        """Return the indicators, each added to each of ``others`` with the given probability."""
        return [
            replace(each, collections=tuple(dict.fromkeys(each.collections + added)))
            for each in indicators
            for added in [tuple(c.id for c in others if self._rng.random() < probability)]
        ]

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
