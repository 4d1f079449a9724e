"""Precision and recall of the seed readers on documents with known indicators.

The generated documents were used while the readers were developed, the others only afterwards.

``graphbuild.seeds.read_seeds`` reads each document with the format that the documentation
recommends. If a warning names further columns of a table, the table is read once for each of them.
A file counts once, even if a document lists several of its hashes.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.errors import SeedError
from graphbuild.seeds import read_seeds
from tests.bench.rows import Row
from tests.support.seed_documents import ADDRESS, DOMAIN, HASH, KINDS, URL, seed_documents
from tests.support.seed_documents.written import written_documents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.seeds import Seed
    from tests.support.seed_documents import Document

_KIND_OF_TYPE = {"file": HASH, "domain": DOMAIN, "ip_address": ADDRESS, "url": URL}
_MIN_RECALL = {HASH: 0.99, DOMAIN: 0.97, ADDRESS: 0.97, URL: 0.97}
_MIN_PRECISION = 0.97
_LISTED = 6  # indicators per document and problem


@dataclass
class Score:
    """The counts of one or more documents by kind, and the indicators with a problem."""

    correct: Counter[str] = field(default_factory=Counter)
    missing: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""

    def recall(self, kind: str) -> float:
        """Return the share of the known indicators that were found."""
        return self._share(kind, self.missing)

    def precision(self, kind: str) -> float:
        """Return the share of the found indicators that are known."""
        return self._share(kind, self.wrong)

    def _share(self, kind: str, others: Iterable[tuple[str, str]]) -> float:
        count = self.correct[kind]
        total = count + sum(1 for each, _ in others if each == kind)
        return count / total if total else 1.0


def seed_lists(_: int) -> list[Row]:
    """Measure precision and recall by kind, and print the documents with problems."""
    generated = _measure("generated", seed_documents())
    return [*generated, *_measure("written", written_documents())]


def _measure(kind: str, documents: Iterable[Document]) -> list[Row]:
    scores = {each.name: score(each) for each in documents}
    for name, each in scores.items():
        for line in _problems(each):
            sys.stdout.write(f"  {name}: {line}\n")
    total = Score(
        sum((each.correct for each in scores.values()), Counter()),
        [indicator for each in scores.values() for indicator in each.missing],
        [indicator for each in scores.values() for indicator in each.wrong],
    )
    title = f"seed lists, {len(scores)} {kind} documents"
    return [row for each in KINDS for row in _rows(each, total, title)]


def score(document: Document) -> Score:
    """Read a document, and compare the seeds with its known indicators."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / document.name
        path.write_bytes(document.content)
        try:
            seeds = (
                read_seeds(path, format=document.format_name, column=column)
                for column in document.columns
            )
            found = {_indicator(seed) for seed_list in seeds for seed in seed_list}
            error = ""
        except SeedError as problem:
            found, error = set(), str(problem).replace(f"{folder}/", "")
    return _compare(document, found, error)


def _compare(document: Document, found: set[tuple[str, str]], error: str) -> Score:
    result = Score(error=error)
    hashes = {text for kind, text in found if kind == HASH}
    for file in document.files:
        result.correct[HASH] += bool(file & hashes)
        result.missing += [] if file & hashes else [(HASH, max(file, key=len))]
    optional_hashes = frozenset(text for kind, text in document.optional if kind == HASH)
    known = optional_hashes.union(*document.files)
    result.wrong += [(HASH, text) for text in sorted(hashes - known)]
    others = {(kind, text) for kind, text in found if kind != HASH}
    result.correct += Counter(kind for kind, _ in others & document.others)
    result.missing += sorted(document.others - others)
    result.wrong += sorted(others - document.others - document.optional)
    return result


def _indicator(seed: Seed) -> tuple[str, str]:
    kind = _KIND_OF_TYPE[seed.entity.type]
    return kind, str(seed.entity.attributes["url"]) if kind == URL else seed.entity.id


def _problems(result: Score) -> Iterable[str]:
    if result.error:
        yield result.error
    for title, indicators in (("missing", result.missing), ("wrong", result.wrong)):
        if indicators:
            listed = ", ".join(text for _, text in indicators[:_LISTED])
            yield f"{len(indicators)} {title}: {listed}"


def _rows(kind: str, total: Score, title: str) -> list[Row]:
    missing = sum(1 for each, _ in total.missing if each == kind)
    wrong = sum(1 for each, _ in total.wrong if each == kind)
    count = total.correct[kind]
    case = f"{title}, {kind}"
    return [
        Row(
            f"{case}: recall",
            f"{count:,} of {count + missing:,}",
            "-",
            total.recall(kind),
            _MIN_RECALL[kind],
            shown="{:.3f}",
            is_minimum=True,
        ),
        Row(
            f"{case}: precision",
            f"{count:,} of {count + wrong:,}",
            "-",
            total.precision(kind),
            _MIN_PRECISION,
            shown="{:.3f}",
            is_minimum=True,
        ),
    ]
