"""Show how strong the evidence for a cluster or a pair is; for several commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild._util import format_count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.analysis import Deduplication, Strength
    from graphbuild.models import Entity

HEADER = ("sources", "breaking")


def strength_cells(strength: Strength) -> tuple[int, str]:
    """Return the cells of the columns ``HEADER``: independent sources and breaking point."""
    return strength.sources, str(strength)


def strength_json(strength: Strength) -> dict[str, object]:
    """Return a strength as JSON data."""
    return {
        "sources": strength.sources,
        "breaking_point": strength.breaking_point,
        "breaking_point_exact": strength.is_exact,
    }


def find_duplicates_if_installed(references: Iterable[Entity]) -> Deduplication | None:
    """Return the duplicate references, or None if the extra ``analysis`` is not installed."""
    from graphbuild.analysis import find_duplicates
    from graphbuild.errors import MissingLibraryError

    try:
        return find_duplicates(references)
    except MissingLibraryError:
        return None


def describe_strength(strength: Strength) -> str:
    """Return a sentence about the strength of a pair."""
    shared = f"shared: {format_count(strength.sources, 'independent source')}"
    if strength.breaking_point is None:
        return f"{shared}; chance may explain the pair"
    few = "" if strength.is_exact else "at most "
    return f"{shared}; breaking point: {few}{strength.breaking_point}"
