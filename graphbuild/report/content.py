"""The content of lines and table cells: text in parts, and the claims that it states.

A claim is a statement of a report about the data, with the numbers and the observations that prove
it. The sections of a report make claims, and their blocks contain the text of the claims. So each
sentence that depends on the data belongs to a claim. :mod:`verification` makes the same claims
again from a campaign file and compares them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from graphbuild._util import UntrustedText

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphbuild.report.proofs import Proof

    # A number, a text such as a date, or None if there is none.
    Value = int | float | str | None

_DIGEST_LENGTH = 12  # hexadecimal digits in the id of a claim


class Code(NamedTuple):
    """Untrusted text in a monospaced font: an address, a hash or a node key."""

    text: str


@dataclass(frozen=True, slots=True)
class Stated:
    """Text that states a claim. Every text that depends on the data is a part of this type.

    Attributes:
        claim: The claim.
        parts: The text: the sentence of the claim, or a part of it in a table cell.
        is_linked: Whether HTML links the text to the proof. A table row has one link per claim.
    """

    claim: Claim
    parts: tuple[Part, ...]
    is_linked: bool = True

    @property
    def text(self) -> str:
        """The text without markup. It is untrusted."""
        return plain_text(self.parts)


# The content of a line or table cell; None is empty. Untrusted text must have the type
# ``UntrustedText`` or ``Code``.
Part = str | UntrustedText | Code | Stated
Content = tuple[Part, ...] | Part | int | None


def parts(content: Content) -> tuple[Part, ...]:
    """Return the parts of a line or cell; no parts for None.

    Integers are formatted with thousands separators.
    """
    if content is None:
        return ()
    if isinstance(content, int):
        return (f"{content:,}",)
    return (content,) if isinstance(content, str | UntrustedText | Code | Stated) else content


def plain_text(content: Content) -> str:
    """Return the content as text without markup. The text is untrusted."""
    return "".join(part if isinstance(part, str) else part.text for part in parts(content))


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A statement of a report.

    Attributes:
        kind: The kind of the statement, a key of ``claim_kinds.KINDS``.
        text: The sentence.
        numbers: The values in the sentence by name: numbers, or texts such as dates and states.
        subjects: The node keys of the entities in the sentence. A cluster has the key that
            :func:`data.cluster_key` returns, and a month the key ``month:2018-03``.
        names: The names in the sentence, by subject.
        find_proof: A function that returns the observations that prove the claim. It returns no
            proof for most facts about the crawl, such as the state of a list.
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
