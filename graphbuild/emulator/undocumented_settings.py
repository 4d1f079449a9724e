"""Settings for what the API documentation leaves open."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UndocumentedSettings:
    """How the emulator behaves where the API documentation does not specify it.

    Attributes:
        canonical_links: Whether links identify the subject by its canonical id (the SHA-256 of a
            file) instead of the id in the request.
        unknown_relationship_status: HTTP status of the response to a request for a relationship
            that the object does not have: 404 or 400.
        skip_unavailable_embeds: Whether ``?relationships=`` omits relationships that are unknown
            or restricted. If False, the whole request fails with the error of the relationship.
        free_statuses: HTTP statuses of responses that are not counted against the quota.
    """

    canonical_links: bool = False
    unknown_relationship_status: int = 404
    skip_unavailable_embeds: bool = True
    free_statuses: frozenset[int] = frozenset({401, 405, 429})


DEFAULT_SETTINGS = UndocumentedSettings()
