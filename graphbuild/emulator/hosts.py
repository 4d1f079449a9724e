"""The made-up machines: domains, addresses and urls, none of which can exist."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import TYPE_CHECKING

from graphbuild.emulator.models import INDICATORS, Indicator
from graphbuild.emulator.vocabulary import HOST_WORDS, HOSTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.emulator.models import Collection, Reference

# Networks kept free for documentation (RFC 5737, RFC 3849); names end in .example (RFC 2606).
_NETWORKS = tuple(map(IPv4Address, ("192.0.2.0", "198.51.100.0", "203.0.113.0")))
_NETWORK6 = IPv6Address("2001:db8::")
_ADDRESSES = 254  # in each
_SIXTH = 5  # every so many addresses are of version 6


class Hosts:
    """Makes indicators, never two alike; its dice are its own, so that no other world changes."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(f"{seed} hosts")  # noqa: S311 - a world to look at, not a secret
        self._made = 0

    def plant(
        self, count: int, collections: Sequence[Collection], read: Reference
    ) -> list[Indicator]:
        """Make indicators that are in all of the collections, or in all but one.

        The first url of a world is that of a report, as lists of indicators have such by mistake:
        then a `url` and a `reference` have the same id.
        """
        return [self._make(INDICATORS[n % 3], collections, read) for n in range(count)]

    def stray(
        self, indicators: Iterable[Indicator], chance: float, *others: Collection
    ) -> list[Indicator]:
        """Put some into other collections."""
        return [self._reach(each, chance, others) for each in indicators]

    def _reach(self, one: Indicator, chance: float, others: Iterable[Collection]) -> Indicator:
        more = tuple(each.id for each in others if self._rng.random() < chance)
        return replace(one, collections=tuple(dict.fromkeys(one.collections + more)))

    def _make(self, kind: str, collections: Sequence[Collection], read: Reference) -> Indicator:
        self._made += 1
        held = [collection.id for collection in collections]
        if len(held) > 1 and self._rng.getrandbits(1):
            held.remove(self._rng.choice(held))
        about = collections[-1].references[:1] if self._made % 2 else ()
        return Indicator(kind, self._text(kind, read), tuple(held), about)

    def _text(self, kind: str, read: Reference) -> str:
        if kind == "domain":
            return self._domain()
        if kind == "ip_address":
            return self._address()
        is_first = self._made <= len(INDICATORS)
        return read.url if is_first else self._url()

    def _domain(self) -> str:
        host, word = self._rng.choice(HOSTS), self._rng.choice(HOST_WORDS)
        return f"{host}.{word}{self._made}.example"

    def _address(self) -> str:
        network, number = divmod(self._made, _ADDRESSES)
        if self._made % _SIXTH == _SIXTH - 1 or network >= len(_NETWORKS):
            return str(_NETWORK6 + self._made)
        return str(_NETWORKS[network] + 1 + number)

    def _url(self) -> str:
        host, word = self._domain(), self._rng.choice(HOST_WORDS)
        return f"http://{host}:8080/{word.title()}/get.php?id={self._made}&x=%20"
