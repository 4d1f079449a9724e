"""What the emulator does where the documentation does not say what the service does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choices:
    """One reading of what is not documented; another one is a switch away.

    Attributes:
        canonical_links: whether the links of a relationship name its subject by the id of the
            object (SHA-256) rather than by what was asked for.
        no_relationship: the status of an answer about a relationship that a thing does not
            have. 404 is "resource not found", and a relationship has an address of its own;
            400 is "some of the arguments are incorrect".
        forgiving_embeds: whether `?relationships=` leaves out what is not there or is locked.
            If not, the answer is that of the relationship itself: 404 or 400, or 403.
        unbilled: statuses that cost no call. That a 404 does cost one is the careful reading.
    """

    canonical_links: bool = False
    no_relationship: int = 404
    forgiving_embeds: bool = True
    unbilled: frozenset[int] = frozenset({401, 405, 429})


USUAL = Choices()
