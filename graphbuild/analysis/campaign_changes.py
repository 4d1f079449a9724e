"""Read the state of a campaign file at a time, and return structural changes as a table."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from graphbuild._util import to_plain_text
from graphbuild.analysis.diff import Snapshot
from graphbuild.analysis.formatting import describe_structural_change
from graphbuild.models import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    import pandas as pd

    from graphbuild.analysis.structural_changes import StructuralChange
    from graphbuild.models import Entity, Observation


class CampaignHistory(Protocol):
    """The part of a ``Store`` that :func:`read_state` uses. Times are in seconds since 1970."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Return a context in which all reads see the same state."""

    def current_observations(self, at: float) -> Iterable[Observation]:
        """Return the observations that were current at a time."""

    def states(self, at: float) -> Iterable[tuple[Entity, str]]:
        """Return each subject with the state of its list at a time."""

    def unknown_subjects(self, at: float) -> Iterable[Entity]:
        """Return the subjects that the API did not know at a time."""


def read_state(store: CampaignHistory, at: float = math.inf) -> Snapshot:
    """Return the state of a campaign at a time (seconds since 1970); by default, the latest state.

    The list of a subject that the API did not know counts as complete and empty.
    """
    with store.snapshot():
        unknown = ((subject, COMPLETE) for subject in store.unknown_subjects(at))
        states = dict(chain(store.states(at), unknown))
        return Snapshot.from_observations(store.current_observations(at), states.items())


def changes_frame(changes: Iterable[StructuralChange]) -> pd.DataFrame:
    """Return a DataFrame with one row per change; see ``Campaign.structural_changes``."""
    import pandas as pd  # noqa: PLC0415  loads slowly

    rows = [
        (
            change.kind,
            to_plain_text(describe_structural_change(change)),
            " ".join(each.key for each in change.entities),
            *(
                " ".join(str(cluster.number) for cluster in clusters)
                for clusters in (change.before, change.after)
            ),
        )
        for change in changes
    ]
    return pd.DataFrame(rows, columns=["kind", "text", "entities", "before", "after"])
