"""Claims: what a report states about the data, with the numbers and the observations that prove it.

The sections of a report make claims, and their blocks contain the text of the claims. So each
sentence that depends on the data belongs to a claim. :mod:`verification` makes the same claims
again from a campaign file and compares them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbuild.report.blocks import (
    BulletList,
    Figure,
    FoldedList,
    Heading,
    KeyFigures,
    Paragraph,
    Stated,
    Summary,
    Table,
    parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from graphbuild.analysis import Cluster
    from graphbuild.report.blocks import Block, Content
    from graphbuild.report.proofs import Proof

    # A number, a text such as a date, or None if there is none.
    Value = int | float | str | None

_DIGEST_LENGTH = 12  # hexadecimal digits in the id of a claim
_CLUSTER_DIGEST_LENGTH = 16  # hexadecimal digits in the key of a cluster


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A statement of a report.

    Attributes:
        kind: The kind of the statement, a key of ``claim_kinds.KINDS``.
        text: The sentence.
        numbers: The values in the sentence by name: numbers, or texts such as dates and states.
        subjects: The keys of what the sentence is about. A cluster has the key that
            :func:`cluster_key` returns, and a month the key ``month:2018-03``. All other keys are
            node keys.
        names: The names in the sentence, by subject.
        find_proof: A function that returns the observations that prove the claim. It returns none
            for facts about the crawl, such as the state of a list, because no observation proves
            them.
    """

    kind: str
    text: Content
    numbers: Mapping[str, Value]
    subjects: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    find_proof: Callable[[], Sequence[Proof]] = tuple

    @property
    def id(self) -> str:
        """A text that depends on the kind and the subjects only."""
        if not self.subjects:
            return self.kind
        digest = hashlib.sha256("\n".join(self.subjects).encode()).hexdigest()
        return f"{self.kind}-{digest[:_DIGEST_LENGTH]}"

    def sentence(self) -> Stated:
        """Return the text of the claim, as a part of a block."""
        return Stated(self, parts(self.text))

    def cell(self, content: Content, *, is_linked: bool = False) -> Stated:
        """Return a part of the claim, for a cell of a table."""
        return Stated(self, parts(content), is_linked)

    def row(self, *cells: Content, link: int = 0) -> tuple[Stated, ...]:
        """Return a row of a table that contains only this claim; the cell ``link`` is linked."""
        return tuple(self.cell(each, is_linked=number == link) for number, each in enumerate(cells))


def cluster_key(files: Iterable[str]) -> str:
    """Return a key that identifies a cluster by the node keys of its files."""
    digest = hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()
    return f"cluster:{digest[:_CLUSTER_DIGEST_LENGTH]}"


def key_of_cluster(cluster: Cluster) -> str:
    """Return the key of a cluster; see :func:`cluster_key`."""
    return cluster_key(file.key for file in cluster.files)


# --- claims in a report ---------------------------------------------------------------------------


def collect_claims(blocks: Iterable[Block], *, in_figures: bool = True) -> list[Claim]:
    """Return the claims in ``blocks``, in order and without repetitions.

    With ``in_figures``, claims that only the figures show are included.
    """
    found: dict[str, Claim] = {}
    for block in blocks:
        for content in _contents(block):
            for claim in _claims_in(content):
                found.setdefault(claim.id, claim)
        if isinstance(block, Table) or (in_figures and isinstance(block, Figure)):
            for claim in block.claims:
                found.setdefault(claim.id, claim)
    return list(found.values())


def _contents(block: Block) -> Iterator[Content]:
    match block:
        case Heading() | Paragraph() | Figure():
            yield block.text
        case Summary():
            yield from block.sentences
        case BulletList():
            yield from block.lines
        case FoldedList():
            yield block.title
        case KeyFigures():
            yield from (number for number, _ in block.figures)
        case Table():
            yield from (cell for row in block.rows for cell in row)


def _claims_in(content: Content) -> Iterator[Claim]:
    for part in parts(content):
        if isinstance(part, Stated):
            yield part.claim
            yield from _claims_in(part.parts)
