"""Read the seed lists named on the command line."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from graphbuild.cli.console import limit_by_kind, notice
from graphbuild.errors import SeedError
from graphbuild.models import SUBJECT_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.seeds import SeedList


def seed_list_json(seeds: SeedList) -> dict[str, object]:
    """Return the rejected entries and the warnings of seed lists as JSON data."""
    rejected = [asdict(each) for each in seeds.rejected]
    return {"rejected": len(rejected), "rejected_entries": rejected, "warnings": seeds.warnings}


def read_seed_lists(
    sources: Sequence[str], format_name: str, column: str | None, *, allow_empty: bool
) -> SeedList:
    """Read seed lists, and log rejected entries and warnings.

    Raises:
        SeedError: A list cannot be read, or there are lists and none of them contains a seed.
    """
    from graphbuild.seeds import read_seeds

    seeds = read_seeds(*sources, format=format_name, column=column, allow_empty=allow_empty)
    for line in limit_by_kind((each.reason, f"not a seed: {each}") for each in seeds.rejected):
        notice(line)
    for line in limit_by_kind((each.partition(": ")[2], each) for each in seeds.warnings):
        notice(line)
    if sources and not seeds:
        raise SeedError(f"no {SUBJECT_LABELS} in {', '.join(sources)}; expected one per line")
    return seeds
