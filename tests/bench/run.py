"""The command line of the benchmarks: cases and number of pairs; prints a table of results.

A ratio is the median over pairs of runs. Both sides of a pair run one after the other, each in its
own process, so changes of the machine's speed affect both. Their results are compared, too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import (
    checks,
    clusters,
    crawls,
    datasets,
    graphs,
    lists,
    pages,
    quick,
    scale,
    seed_lists,
    subclusters,
    tables,
    ties,
    truth,
    truth_overlap,
)
from tests.bench.rows import table
from tests.support.real_families import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.rows import Row

PAIRS = 5


def _seeds(pairs: int) -> list[Row]:
    return [*seed_lists.seed_lists(pairs), *lists.seeds(pairs)]


def _scale(pairs: int) -> list[Row]:
    return [*scale.scale(pairs), *datasets.datasets(pairs)]


CASES: dict[str, Callable[[int], list[Row]]] = {
    "crawl": crawls.shared,
    "new": crawls.unshared,
    "memory": crawls.memory,
    "check": checks.check,
    "seeds": _seeds,
    "graphml": graphs.graphml,
    "gexf": graphs.gexf,
    "graphml-million": graphs.many_graphml,
    "gexf-million": graphs.many_gexf,
    "csv": tables.csv,
    "csv-million": tables.many_csv,
    "parquet": tables.parquet,
    "parquet-million": tables.many_parquet,
    "dataset": tables.dataset,
    "dataset-million": tables.many_dataset,
    "json": tables.json_,
    "json-million": tables.many_json,
    "page": pages.page,
    "clusters": clusters.clusters,
    "clusters-thin": clusters.thin,
    "subclusters": subclusters.subclusters,
    "truth": lambda _: truth.truth(),
    "truth-overlap": lambda _: truth_overlap.truth_overlap(),
    "ties": clusters.ties,
    "quick": quick.quick,
    "overlap": ties.overlap,
    "overlap-million": ties.many_overlap,
    "communities": ties.find,
    "communities-million": ties.many_find,
    "central": ties.central,
    "central-million": ties.many_central,
    "scale": _scale,
}

# Cases whose lists consist of files of known families.
_OF_FAMILIES: dict[str, Callable[[Path, int], list[Row]]] = {
    "truth": truth.truth,
    "truth-overlap": truth_overlap.truth_overlap,
}


def main(arguments: Sequence[str]) -> int:
    """Run the selected cases; return the exit code."""
    options = _options(arguments)
    rows: list[Row] = []
    for name in options.cases or CASES:
        _print(f"{name} ...")
        if name in _OF_FAMILIES:
            found = _OF_FAMILIES[name](options.families, options.repetitions)
        else:
            found = CASES[name](options.pairs)
        _print(table(found))
        rows += found
    _print(f"\n{table(rows)}")
    return int(any(row.missed for row in rows))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = ", ".join(CASES)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"any of {names} (default: all)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="number of runs of each side")
    parser.add_argument(
        "--families",
        type=Path,
        default=DATA,
        metavar="FILE",
        help="observations of real families, for truth and truth-overlap (default: %(default)s)",
    )
    parser.add_argument(
        "--repetitions",
        type=int,
        default=truth.REPETITIONS,
        help="repetitions of each list of these cases (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; choose from {names}")
    return options


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
