"""Group collections with the same name: one family under several spellings or origins.

Several sources publish a collection about the same malware family or threat actor, such as
``Emotet``, ``EMOTET`` and ``emotet``. Counted one by one, they would fill a table with one family.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from graphbuild.analysis.distinctiveness import find_distinctive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.analysis.distinctiveness import DistinctiveEntity
    from graphbuild.analysis.incidence import Incidence, Matrix, Numbers
    from graphbuild.models import Entity


@dataclass(frozen=True, slots=True)
class Family:
    """Collections whose names are equal without case, spaces and punctuation.

    Attributes:
        name: The spelling of the name that the collections with the most files have.
        collections: The collections, sorted by descending number of files, then by key.
    """

    name: str
    collections: tuple[Entity, ...]

    @property
    def suffix(self) -> str:
        """The number of collections, for display after the name; empty for one collection."""
        count = len(self.collections)
        return f" \N{MULTIPLICATION SIGN}{count}" if count > 1 else ""


@dataclass(frozen=True, slots=True)
class DistinctiveFamily:
    """A family that is at least as frequent inside a cluster as outside.

    The attributes ``inside``, ``outside`` and ``lift`` are those of :class:`DistinctiveEntity`, for
    the files that at least one collection of the family contains.
    """

    family: Family
    inside: int
    outside: int
    lift: float


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """All families of a campaign.

    Attributes:
        families: The families, in the order of their first collection in the campaign.
        matrix: A matrix of files by families: 1 if a collection of the family contains the file.
    """

    families: tuple[Family, ...]
    matrix: Matrix

    def distinctive(self, labels: Numbers) -> list[tuple[DistinctiveFamily, ...]]:
        """Return up to five of the most distinctive families of each cluster.

        The families of a cluster are sorted by descending log-likelihood ratio.

        Args:
            labels: The cluster number of each file, from 1 without gaps.
        """
        first_collections = [family.collections[0] for family in self.families]
        family_of = dict(zip(first_collections, self.families, strict=True))

        def describe(each: DistinctiveEntity) -> DistinctiveFamily:
            return DistinctiveFamily(family_of[each.entity], each.inside, each.outside, each.lift)

        found = find_distinctive(self.matrix, labels - 1, first_collections)
        return [tuple(map(describe, each)) for each in found]


def group_families(incidence: Incidence) -> Families:
    """Group the collections of a campaign by name."""
    matrix = incidence.file_collections
    files = np.bincount(matrix.indices, minlength=matrix.shape[1]).tolist()
    sizes = dict(zip(incidence.collections, files, strict=True))
    families = make_families(sizes)
    number_of = {
        collection: number
        for number, family in enumerate(families)
        for collection in family.collections
    }
    numbers = np.array([number_of[each] for each in incidence.collections], np.int64)
    entries = np.ones(len(numbers), np.int64), (np.arange(len(numbers)), numbers)
    members = sparse.csr_array(entries, shape=(len(numbers), len(families)))
    found = (matrix @ members).tocsr()
    found.data[:] = 1  # several collections of a family can contain a file
    found.sort_indices()
    return Families(families, found)


def make_families(sizes: Mapping[Entity, int]) -> tuple[Family, ...]:
    """Group collections by name, in the order of the first collection of each family.

    ``sizes`` contains the number of files of each collection, in the order of the keys of the
    collections.
    """
    groups: dict[str, list[Entity]] = defaultdict(list)
    for collection in sizes:
        groups[name_key(collection.name) or collection.key].append(collection)
    families = []
    for collections in groups.values():
        files_by_spelling: Counter[str] = Counter()
        for each in collections:
            files_by_spelling[each.plain_label] += sizes[each]
        name = max(files_by_spelling, key=files_by_spelling.__getitem__)
        largest_first = sorted(collections, key=lambda each: -sizes[each])
        families.append(Family(name, tuple(largest_first)))
    return tuple(families)


def name_key(name: str) -> str:
    """Return the letters and digits of a name without case. Empty if the name has none."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in folded if char.isalnum())
