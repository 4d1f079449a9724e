"""Settings for behavior that the API documentation does not specify."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behavior:
    """Behavior of the emulator where the documentation leaves it open.

    Attributes:
        canonical_links: whether links name the subject by its canonical id (SHA-256) instead
            of the id in the request.
        unknown_relationship_status: status of a request for a relationship that the object
            does not have: 404 or 400.
        skip_unavailable_embeds: whether `?relationships=` omits relationships that are unknown
            or restricted. If not, the whole request fails with the error of the relationship.
        free_statuses: statuses that are not counted against the quota.
    """

    canonical_links: bool = False
    unknown_relationship_status: int = 404
    skip_unavailable_embeds: bool = True
    free_statuses: frozenset[int] = frozenset({401, 405, 429})


DEFAULT_BEHAVIOR = Behavior()
