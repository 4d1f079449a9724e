"""When reports were published: by month, of the whole, of each collection and each cluster."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import pandas as pd

    from graphbuild.analysis.communities import Communities
    from graphbuild.analysis.incidence import Incidence
    from graphbuild.models import Entity

WHOLE = "campaign"
CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Span:
    """The reports of something.

    Attributes:
        of: what kind it is: ``campaign``, ``collection`` or ``cluster``.
        key: the collection's key, or the cluster's number; empty for the whole.
        name: what it is called.
        reports: how many there are.
        undated: how many of them have no day.
        first: the earliest, by day and key; None where none has a day.
        last: the latest.
        months: how many there are in each month that has any, such as ``2018-01``, in order.
    """

    of: str
    key: str
    name: str
    reports: int
    undated: int
    first: Entity | None
    last: Entity | None
    months: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Timeline:
    """When reports were published (UTC).

    Attributes:
        whole: all reports.
        collections: those of each collection, in the order of their keys.
        clusters: those that files of each cluster have.
    """

    whole: Span
    collections: tuple[Span, ...]
    clusters: tuple[Span, ...]

    def frame(self) -> pd.DataFrame:
        """A table with a row for each month of each: what it is of, key, month and reports."""
        import pandas as pd  # noqa: PLC0415  loads slowly

        rows = [
            (span.of, span.key, span.name, pd.Timestamp(f"{month}-01", tz="UTC"), count)
            for span in (self.whole, *self.collections, *self.clusters)
            for month, count in span.months.items()
        ]
        frame = pd.DataFrame(rows, columns=["of", "key", "name", "month", "reports"])
        return frame.astype({"of": "category", "month": "datetime64[ns, UTC]"})


def day_of(reference: Entity) -> date | None:
    """The day a report was published, as the API tells it in ``creation_date`` (seconds, UTC)."""
    seconds = reference.attributes.get("creation_date")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).date()
    except (OverflowError, ValueError, OSError):
        return None


def build_timeline(incidence: Incidence, found: Communities | None = None) -> Timeline:
    """When the reports were published.

    Args:
        incidence: what was observed.
        found: its clusters, where they shall have times of their own.

    Raises:
        AnalysisError: scipy, in the extra ``analysis``, is not installed.
    """
    days = [day_of(reference) for reference in incidence.references]

    def span(of: str, key: str, name: str, places: Iterable[int]) -> Span:
        return _span(incidence, days, (of, key, name), sorted(places))

    held = incidence.collection_references
    collections = tuple(
        span(each.type, each.key, each.label, held.indices[start:end].tolist())
        for each, start, end in zip(
            incidence.collections, held.indptr[:-1], held.indptr[1:], strict=True
        )
    )
    clusters: tuple[Span, ...] = ()
    if found is not None:
        told = np.stack([found.label[incidence.facts[:, 0]], incidence.facts[:, 1]])
        reports: dict[int, set[int]] = {group.number: set() for group in found.groups}
        for number, reference in np.unique(told, axis=1).T.tolist():
            reports[number].add(reference)
        clusters = tuple(
            span(CLUSTER, str(group.number), group.name, reports[group.number])
            for group in found.groups
        )
    return Timeline(span(WHOLE, "", "all reports", range(len(days))), collections, clusters)


def _span(
    incidence: Incidence,
    days: list[date | None],
    names: tuple[str, str, str],
    places: list[int],
) -> Span:
    dated = sorted((day, place) for place in places if (day := days[place]) is not None)
    months = Counter(day.isoformat()[:7] for day, _ in dated)
    ends = [incidence.references[place] for _, place in (dated[:1] + dated[-1:])]
    first, last = ends or (None, None)
    return Span(*names, len(places), len(places) - len(dated), first, last, dict(months))
