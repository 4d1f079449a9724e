"""Read the seed lists named on the command line, and describe what they contain."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli.console import limit_by_kind, notice
from graphbuild.errors import SeedError
from graphbuild.models import FILE, SUBJECT_LABELS, detect_hash_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.models import Entity
    from graphbuild.seeds import SeedList
    from graphbuild.seeds.results import SourceFormat


def seed_list_json(seeds: SeedList) -> dict[str, object]:
    """Return the rejected entries and the warnings of seed lists as JSON data."""
    rejected = [asdict(each) for each in seeds.rejected]
    return {"rejected": len(rejected), "rejected_entries": rejected, "warnings": seeds.warnings}


def read_seed_lists(
    sources: Sequence[str], format_name: str, column: str | None, *, allow_empty: bool
) -> SeedList:
    """Read seed lists; print the format of each list, the rejected entries and the warnings.

    They are printed on standard error, and the number of similar lines is limited. A source is the
    path of a list, ``-`` for standard input, or an indicator, such as a hash.

    Raises:
        SeedError: A list cannot be read.
    """
    from graphbuild.seeds import read_seeds
    from graphbuild.seeds.reading import ARGUMENT

    seeds = read_seeds(
        *sources,
        format=format_name,
        column=column,
        allow_empty=allow_empty,
        accept_indicators=True,
    )
    lists = [each for each in seeds.formats if each.source != ARGUMENT]
    for line in limit_by_kind((each.format, _describe_format(each)) for each in lists):
        notice(line)
    for line in limit_by_kind((each.reason, f"not a seed: {each}") for each in seeds.rejected):
        notice(line)
    for line in limit_by_kind((each.partition(": ")[2], each) for each in seeds.warnings):
        notice(line)
    return seeds


def require_seeds(seeds: SeedList, sources: Sequence[str]) -> None:
    """Raise ``SeedError`` if there are sources, but no seeds."""
    if sources and not seeds:
        raise SeedError(f"no {SUBJECT_LABELS} in {', '.join(sources)}")


def count_kinds(seeds: SeedList) -> Counter[str]:
    """Count files by the hash type of their id, such as ``md5``, and other seeds by entity type."""
    return Counter(_kind(seed.entity) for seed in seeds)


def summarize(seeds: SeedList) -> str:
    """Return the numbers of seeds of each kind, of duplicates and of rejected entries as text."""
    kinds = count_kinds(seeds)
    counts = ", ".join(f"{number:,} {name}" for name, number in sorted(kinds.items()))
    duplicates = format_count(seeds.duplicates, "duplicate")
    return f"{counts or 'no seeds'}; {duplicates}, {len(seeds.rejected):,} rejected"


def _kind(entity: Entity) -> str:
    return (detect_hash_type(entity.id) or FILE) if entity.type == FILE else entity.type


def _describe_format(found: SourceFormat) -> str:
    column = f"; seeds are in column {found.column}" if found.column else ""
    reason = f" ({found.column_reason})" if found.column_reason else ""
    return f"{found.source}: read as {found.format} ({found.reason}){column}{reason}"
