"""Two campaigns, or one at two times: what came, went and stayed, and what became of its clusters.

See :mod:`sides` for when something came or went, :mod:`fates` for how clusters are followed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from graphbuild.analysis.cluster_evolution import Followed
from graphbuild.analysis.communities import find_communities
from graphbuild.analysis.diff import Both, Changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from graphbuild.analysis.cluster_evolution import Fate, Move
    from graphbuild.analysis.communities import Communities, Method
    from graphbuild.analysis.diff import Fact, Snapshot
    from graphbuild.models import Entity


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What came, went and stayed.

    Attributes:
        files: what was asked about; came, if after only, went, if before only.
        references: the reports.
        collections: what stands behind them.
        facts: the observations.
        fates: what became of the clusters: merged ones first, in the order of ``KINDS``.
        moved: files that changed cluster, by key.
        before: the clusters before.
        after: the clusters after.
        gaps_before: what was not wholly known before, and how it stood.
        gaps_after: the same after.
    """

    files: Changes[Entity]
    references: Changes[Entity]
    collections: Changes[Entity]
    facts: Changes[Fact]
    fates: tuple[Fate, ...]
    moved: tuple[Move, ...]
    before: Communities
    after: Communities
    gaps_before: tuple[tuple[Entity, str], ...]
    gaps_after: tuple[tuple[Entity, str], ...]

    def frame(self) -> pd.DataFrame:
        """A table with a row for each file, report and collection: what became of it."""
        import pandas as pd  # noqa: PLC0415  loads slowly

        sides = {"file": self.files, "reference": self.references, "collection": self.collections}
        rows = [
            (of, entity.key, entity.label, change.name)
            for of, changes in sides.items()
            for change in fields(changes)
            for entity in getattr(changes, change.name)
        ]
        frame = pd.DataFrame(rows, columns=["of", "key", "label", "change"])
        return frame.astype({"of": "category", "change": "category"})

    def fates_frame(self) -> pd.DataFrame:
        """A table with a row for each fate of clusters; numbers with one space between."""
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (
                fate.kind,
                " ".join(map(str, fate.before)),
                " ".join(map(str, fate.after)),
                fate.likeness,
                len(fate.came),
                len(fate.went),
                " ".join(cause.entity.key for cause in fate.causes),
            )
            for fate in self.fates
        ]
        columns = ["fate", "before", "after", "likeness", "came", "went", "causes"]
        return pd.DataFrame(rows, columns=columns).astype({"fate": "category"})


def compare(old: Snapshot, new: Snapshot, *, seed: int = 0, method: Method = "auto") -> Comparison:
    """What came, went and stayed between two sides, and what became of the clusters.

    Changing places changes nothing but the names: what came, went; what merged, split.

    Args:
        old: what was known before.
        new: what is known after.
        seed: of the clusters on both sides.
        method: that finds them; see ``find_communities``.

    Raises:
        AnalysisError: scipy, in the extra ``analysis``, is not installed.
    """
    both = Both(old, new)
    before, after = (
        find_communities(side.incidence, seed=seed, method=method) for side in (old, new)
    )
    followed = Followed(both, (before, after))
    return Comparison(
        _asked(old.asked, new.asked),
        both.entities(1, both.references),
        both.entities(2, both.collections),
        both.told(),
        followed.fates(),
        followed.moved(),
        before,
        after,
        old.gaps,
        new.gaps,
    )


def _asked(old: Sequence[Entity], new: Sequence[Entity]) -> Changes[Entity]:
    before, after = set(old), set(new)
    return Changes(
        tuple(file for file in new if file not in before),
        tuple(file for file in old if file not in after),
        tuple(file for file in new if file in before),
    )
