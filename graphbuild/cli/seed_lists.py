"""Read the seed lists named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.cli.console import notice
from graphbuild.errors import SeedError
from graphbuild.models import SUBJECT_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.seeds import SeedList


def read_seed_lists(
    sources: Sequence[str], format_name: str, column: str | None, *, allow_empty: bool
) -> SeedList:
    """Read seed lists, and log rejected entries and warnings.

    Raises:
        SeedError: A list cannot be read, or no list contains a seed.
    """
    from graphbuild.seeds import read_seeds

    seeds = read_seeds(*sources, format=format_name, column=column, allow_empty=allow_empty)
    for rejected in seeds.rejected:
        notice(f"not a seed: {rejected}")
    for warning in seeds.warnings:
        notice(warning)
    if sources and not seeds:
        raise SeedError(f"no {SUBJECT_LABELS} in {', '.join(sources)}; expected one per line")
    return seeds
