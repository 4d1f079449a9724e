"""Which references are one report, and who published it: five reports, or one copied five times?

Two references are one report if their addresses are, by the rules of :mod:`addresses`, or if they
have the same title and the same day. A title that many reports may have ("Malware Analysis Report")
is not enough: it must have four words, two of which say what it is about.

Nothing is lost: every report knows its references, with their ids, and the rules without which they
would stand apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from graphbuild.analysis.incidence import distinct
from graphbuild.analysis.timeline import day_of
from graphbuild.analysis.url_normalization import RULES, normal, publisher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from graphbuild.analysis.incidence import Incidence
    from graphbuild.analysis.url_normalization import Normal
    from graphbuild.models import Entity

    Numbers = NDArray[np.int64]

SAME_ADDRESS = "address"  # to the letter, under two ids
TITLE = "title"  # and day
SAYS = {  # what each rule takes for the same, by its name
    SAME_ADDRESS: "the same address, under two ids",
    **{rule.name: rule.says for rule in RULES},
    TITLE: "the same title, if it is a telling one, and the same day",
}
_WORDS = 4  # of a title that may tell a report
_TELLING = 2  # how many of them must say what it is about
_LONGEST = 1_000  # characters of a title that are looked at
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Publication:
    """A report, under all its references.

    Attributes:
        reference: the one that stands for it: the one whose address fewest rules changed, then
            the one of which most is known, then the one whose key comes first.
        members: all of them, sorted by key.
        rules: the names of the rules without which they would stand apart, in their order.
        publishers: of each member; empty where its address does not tell.
    """

    reference: Entity
    members: tuple[Entity, ...]
    rules: tuple[str, ...]
    publishers: tuple[str, ...]

    @property
    def publisher(self) -> str:
        """Of the reference that stands for it: the one that counts."""
        return self.publishers[self.members.index(self.reference)]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who published reports.

    Attributes:
        name: a domain; empty for all of whom nothing is known.
        reports: how many, each counted once.
        references: under how many references.
    """

    name: str
    reports: int
    references: int


@dataclass(frozen=True, slots=True)
class Sources:
    """All reports.

    Attributes:
        publications: sorted by the keys of the references that stand for them.
    """

    publications: tuple[Publication, ...]
    _places: Mapping[Entity, int] = field(repr=False, compare=False)

    @property
    def merged(self) -> tuple[Publication, ...]:
        """Those that have several references."""
        return tuple(each for each in self.publications if len(each.members) > 1)

    @property
    def references(self) -> tuple[Entity, ...]:
        """What was put in: all references, sorted by key."""
        return tuple(sorted(self._places, key=lambda each: each.key))

    @property
    def publishers(self) -> tuple[Publisher, ...]:
        """Who published the reports, those of most reports first."""
        found: dict[str, list[int]] = defaultdict(list)
        for each in self.publications:
            found[each.publisher].append(len(each.members))
        told = (Publisher(name, len(sizes), sum(sizes)) for name, sizes in found.items())
        return tuple(sorted(told, key=lambda each: (-each.reports, each.name)))

    def of(self, reference: Entity) -> Publication:
        """The report that a reference is.

        Raises:
            KeyError: it was not among those that were put in.
        """
        return self.publications[self._places[reference]]

    def count(self, references: Iterable[Entity]) -> tuple[int, int]:
        """How many reports some references are, and by how many publishers that are known."""
        reports = {self._places[each] for each in references}
        names = {self.publications[place].publisher for place in reports}
        return len(reports), len(names - {""})

    def places(self, references: Iterable[Entity]) -> Numbers:
        """For each reference the place of its report among ``publications``."""
        return np.fromiter((self._places[each] for each in references), np.int64)

    def merge(self, incidence: Incidence) -> Incidence:
        """The same observations, with each report once, under the reference that stands for it.

        Args:
            incidence: whose references were put in.
        """
        where = self.places(incidence.references)
        kept = distinct(where)
        facts = incidence.facts.copy()
        facts[:, 1] = np.searchsorted(kept, where)[facts[:, 1]]
        references = tuple(self.publications[place].reference for place in kept.tolist())
        # A report that was told twice of a file, through one collection, is told once.
        return replace(incidence, references=references, facts=np.unique(facts, axis=0))

    def frame(self) -> pd.DataFrame:
        """A table with a row for each reference: its key, its report's, its publisher, the rules.

        ``rules`` is a list of names, empty where a report has one reference.
        """
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (
                member.key,
                each.reference.key,
                name or None,
                list(each.rules),
                member.attributes.get("url"),
                member.attributes.get("title"),
                day_of(member),
            )
            for each in self.publications
            for member, name in zip(each.members, each.publishers, strict=True)
        ]
        columns = ["reference", "report", "publisher", "rules", "url", "title", "day"]
        frame = pd.DataFrame(rows, columns=columns)
        texts = dict.fromkeys(("reference", "report", "url", "title"), "string")
        kinds = {**texts, "publisher": "category", "rules": "object"}
        days = pd.to_datetime(frame["day"], utc=True).astype("datetime64[us, UTC]")
        return frame.astype(kinds).assign(day=days)


def find_sources(references: Iterable[Entity]) -> Sources:
    """Which references are one report, and who published each.

    Args:
        references: such as ``incidence.references``; each counts once.

    Raises:
        AnalysisError: a library of the extra ``analysis`` is not installed.
    """
    members = sorted(dict.fromkeys(references), key=lambda each: each.key)
    normals = {each: normal(_address(each)) for each in members}
    same: nx.utils.UnionFind[Entity] = nx.utils.UnionFind(members)
    met: dict[object, Entity] = {}
    for each in members:
        for mark in _marks(each, normals[each].text):
            same.union(met.setdefault(mark, each), each)
    groups: dict[Entity, list[Entity]] = defaultdict(list)
    for each in members:
        groups[same[each]].append(each)
    found = [_publication(group, normals) for group in groups.values()]
    found.sort(key=lambda each: each.reference.key)
    places = {member: place for place, each in enumerate(found) for member in each.members}
    return Sources(tuple(found), places)


def _publication(members: list[Entity], normals: Mapping[Entity, Normal]) -> Publication:
    best = min(
        members,
        key=lambda each: (len(normals[each].rules), -len(each.attributes), each.key),
    )
    return Publication(
        best,
        tuple(members),
        _needed(members) if len(members) > 1 else (),
        tuple(publisher(normals[each]) for each in members),
    )


def _marks(reference: Entity, address: str) -> Iterable[object]:
    """What two references of one report have in common: either is enough."""
    if address:
        yield address
    title, day = telling_title(reference), day_of(reference)
    if title and day:
        yield title, day


def _address(reference: Entity) -> str:
    address = reference.attributes.get("url")
    return address if isinstance(address, str) else ""


# --- which rule did it ---------------------------------------------------------------------------


def _needed(members: list[Entity]) -> tuple[str, ...]:
    """The rules without which the references of a report would stand apart."""
    spelled = Counter(_address(each) for each in members if _address(each))
    alike: dict[str, set[str]] = defaultdict(set)
    for address in spelled:
        alike[normal(address).text].add(address)
    found = {rule for group in alike.values() for rule in _needed_for(group)}
    if len(alike) + len(members) - spelled.total() > 1:
        found.add(TITLE)
    if max(spelled.values(), default=0) > 1:
        found.add(SAME_ADDRESS)
    return tuple(name for name in SAYS if name in found)


def _needed_for(addresses: set[str]) -> set[str]:
    """The same for addresses that come to one; where two rules do the same, both."""
    if len(addresses) == 1:
        return set()
    used = {rule for each in addresses for rule in normal(each).rules}
    apart = {
        rule for rule in used if len({normal(each, without=rule).text for each in addresses}) > 1
    }
    return apart or used


# --- titles --------------------------------------------------------------------------------------

# Words of titles that many reports have: they tell what kind of text it is, when, and little more.
_COMMON = frozenset(
    re.findall(
        r"\S+",
        "a an and are as at by for from how in into is it its new of on or our the their this to "
        "up us via what when why with you your de der die des du en et la le les un une und von "
        "actor actors advanced advisory alert alerts analysis annual apt attack attacks attackers "
        "blog briefing bulletin campaign campaigns cyber cybersecurity daily deep detailed digest "
        "dive document edition group groups hacker hackers home html index indicators information "
        "intel intelligence ioc iocs issue landscape latest malicious malware monthly news "
        "newsletter notes overview page paper part pdf post press profile public quarter "
        "quarterly ransomware recap release report reports research review roundup samples "
        "security series state summary tech technical threat threats trend trends trojan untitled "
        "update updates version vol volume vulnerability vulnerabilities week weekly white "
        "whitepaper world year january february march april may june july august september "
        "october november december jan feb mar apr jun jul aug sep sept oct nov dec",
    )
)
_WIDE_A_WORD = 3  # characters, in a script that has no spaces


def telling_title(reference: Entity) -> str:
    """The title of a report, its words in lower case; empty where many reports may have it.

    It must have four words, two of which are neither numbers nor words of any report's title. In
    scripts without spaces, three characters more count as another word.
    """
    title = reference.attributes.get("title")
    if not isinstance(title, str):
        return ""
    words = _WORD.findall(unicodedata.normalize("NFKC", title[:_LONGEST]).casefold())
    telling = [word for word in words if word not in _COMMON and not word.isdecimal()]
    if _length(words) < _WORDS or _length(telling) < _TELLING:
        return ""
    return " ".join(words)


def _length(words: Iterable[str]) -> int:
    return sum(1 + max(0, _wide(word) - 1) // _WIDE_A_WORD for word in words)


def _wide(word: str) -> int:
    return 0 if word.isascii() else sum(unicodedata.east_asian_width(char) in "WF" for char in word)
