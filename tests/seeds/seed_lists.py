"""Read the documented cases, and show what a seed list contains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.seeds import read_seeds
from tests.support.paths import DATA

if TYPE_CHECKING:
    from graphbuild.seeds import SeedList

CASES = DATA / "seed_cases"


def read_case(name: str, **options: Any) -> SeedList:
    return read_seeds(CASES / name, **options)


def seeds_of(found: SeedList) -> list[tuple[str, object]]:
    """Return the type and the text of each seed."""
    return [(seed.entity.type, seed.entity.attributes.get("url", seed.entity.id)) for seed in found]


def attributes_of(found: SeedList) -> list[dict[str, object]]:
    return [dict(seed.attributes) for seed in found]


def warnings_of(found: SeedList) -> str:
    return "\n".join(found.warnings)
