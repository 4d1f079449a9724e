"""``graphbuild seeds``: show the seeds in seed lists, without a campaign file or API calls."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from graphbuild.cli import options
from graphbuild.cli.console import print_json, print_line, shorten
from graphbuild.cli.seed_lists import read_seed_lists, require_seeds, summarize

if TYPE_CHECKING:
    from graphbuild.seeds import Seed, SeedList


def seeds(
    sources: options.RequiredSeedsArgument,
    format_name: options.FormatOption = "auto",
    column: options.ColumnOption = None,
    *,
    allow_empty: options.AllowEmptyOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show the seeds of seed lists: what a crawl would request.

    For each seed, the command prints its line in the list, its type, its value and its attributes,
    such as the values of other columns. Rejected entries and warnings go to standard error. The
    command makes no API calls.
    """
    seed_list = read_seed_lists(sources, format_name, column, allow_empty=allow_empty)
    if json:
        print_json(_to_json(seed_list))
    else:
        _print_seeds(seed_list, with_sources=len(seed_list.formats) > 1)
        print_line(summarize(seed_list))
    require_seeds(seed_list, sources)


def _to_json(seed_list: SeedList) -> dict[str, object]:
    """Return a seed list as JSON data.

    ``format`` and ``column`` are single values if they are the same for all sources, and otherwise
    lists with one value per source.
    """
    return {
        "format": _single_or_list([each.format for each in seed_list.formats]),
        "column": _single_or_list([each.column or None for each in seed_list.formats]),
        "sources": [asdict(each) for each in seed_list.formats],
        "seeds": [
            {
                "source": seed.source,
                "line": seed.line,
                "type": seed.entity.type,
                "value": _value(seed),
                "attributes": dict(seed.attributes),
            }
            for seed in seed_list
        ],
        "duplicates": seed_list.duplicates,
        "skipped": seed_list.skipped,
        "rejected": [asdict(each) for each in seed_list.rejected],
        "warnings": seed_list.warnings,
    }


def _single_or_list(values: list[str | None]) -> object:
    return values[0] if len(set(values)) == 1 else values


def _value(seed: Seed) -> str:
    """Return the indicator as text: for a URL whose text is known, that text; otherwise, the id.

    A link to a page of VirusTotal states only the id of a URL.
    """
    return str(seed.entity.attributes.get("url", seed.entity.id))


def _print_seeds(seed_list: SeedList, *, with_sources: bool) -> None:
    source = ""
    for seed in seed_list:
        if with_sources and seed.source != source:
            source = seed.source
            print_line(f"{source}:")
        others = "; ".join(f"{name}={shorten(str(text))}" for name, text in seed.attributes.items())
        print_line(f"{seed.line:>7,}  {seed.entity.type:<10}  {_value(seed)}  {others}".rstrip())
