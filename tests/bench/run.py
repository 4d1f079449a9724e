"""The bench's command line: which cases, how many pairs; a table at the end.

A ratio is the median over pairs: both sides run one after the other, each in a process of its own,
so that a machine that slows down slows down both. What the sides found is compared before anything
is said of their speed.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.bench import clusters, crawls, graphs, lists, pages, tables, ties
from tests.bench.rows import table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.rows import Row

PAIRS = 5

CASES: dict[str, Callable[[int], list[Row]]] = {
    "crawl": crawls.shared,
    "new": crawls.unshared,
    "memory": crawls.memory,
    "seeds": lists.seeds,
    "graphml": graphs.graphml,
    "gexf": graphs.gexf,
    "graphml-million": graphs.many_graphml,
    "gexf-million": graphs.many_gexf,
    "csv": tables.csv,
    "csv-million": tables.many_csv,
    "parquet": tables.parquet,
    "parquet-million": tables.many_parquet,
    "json": tables.json_,
    "json-million": tables.many_json,
    "page": pages.page,
    "clusters": clusters.clusters,
    "clusters-thin": clusters.thin,
    "ties": clusters.ties,
    "overlap": ties.overlap,
    "overlap-million": ties.many_overlap,
    "communities": ties.find,
    "communities-million": ties.many_find,
    "central": ties.central,
    "central-million": ties.many_central,
}


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; the exit code."""
    options = _options(arguments)
    rows: list[Row] = []
    for name in options.cases or CASES:
        _say(f"{name} ...")
        found = CASES[name](options.pairs)
        _say(table(found))
        rows += found
    _say(f"\n{table(rows)}")
    return int(any(row.missed for row in rows))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = ", ".join(CASES)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"any of {names}; all without")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each side runs")
    options = parser.parse_args(arguments)
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; we have {names}")
    return options


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
