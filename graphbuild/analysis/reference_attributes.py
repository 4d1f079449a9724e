"""Read attributes of a reference: its URL and its publication date."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from graphbuild.models import Entity


def reference_url(reference: Entity) -> str:
    """Return the URL of a reference; empty if the API gives none."""
    url = reference.attributes.get("url")
    return url if isinstance(url, str) else ""


def publication_date(reference: Entity) -> date | None:
    """Return the UTC date in ``creation_date``, or None if it is missing or out of range."""
    seconds = reference.attributes.get("creation_date")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).date()
    except (OverflowError, ValueError, OSError):
        return None
