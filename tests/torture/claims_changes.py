"""The true values of claims about changes, counted from plain sets of two snapshots.

Changes of clusters come from ``graphbuild.analysis.compare``, whose own tests check them.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphbuild.analysis import Snapshot, compare
from graphbuild.analysis.incidence import Incidence
from graphbuild.models import COMPLETE, PENDING
from tests.torture.claims_truth import (
    Statement,
    Truth,
    cluster_key,
    day_of,
    group_by_name,
    most_frequent_spelling,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.models import Entity, Observation

    Triples = set[tuple[str, str, str | None]]

_CHANGES = ("added", "removed", "unchanged", "unknown_before", "unknown_after")


class TruthOfChanges(Truth):
    """The true values of all claims about a campaign file, and about changes since a snapshot.

    Args:
        earlier: the observations of the earlier snapshot, in which all files are complete.
        observations: the observations now.
        empty: subjects with a complete list and no reference.
        pending: subjects whose list was not requested.
    """

    def __init__(
        self,
        earlier: list[Observation],
        observations: list[Observation],
        empty: Iterable[Entity] = (),
        pending: Iterable[Entity] = (),
    ) -> None:
        empty, pending = list(empty), list(pending)
        super().__init__(observations, [each.key for each in empty], len(pending))
        self.observed_before = Truth(earlier).triples
        self._pending_keys = sorted(each.key for each in pending)
        self._files_before = {file for file, _, _ in self.observed_before}
        self._files_now = {*self.files, *self.empty}
        both = Incidence.from_observations([*earlier, *observations])
        self._entities = {each.key: each for each in (*both.references, *both.collections)}
        complete = {each.subject for each in observations} | set(empty)
        states = [(each, COMPLETE) for each in complete] + [(each, PENDING) for each in pending]
        self._comparison = compare(
            Snapshot.from_observations(earlier), Snapshot.from_observations(observations, states)
        )

    def proved_by(self, claim: dict[str, Any]) -> Triples:
        """Return the observations that may prove a claim: for changes, those of both snapshots."""
        is_change = f"_{claim['kind']}" in vars(TruthOfChanges)
        return self.triples | self.observed_before if is_change else self.triples

    # --- observations, references and collections

    @cached_property
    def _added(self) -> Triples:
        new = self.triples - self.observed_before
        return {each for each in new if each[0] in self._files_before}

    @cached_property
    def _removed(self) -> Triples:
        old = self.observed_before - self.triples
        return {each for each in old if each[0] in self._files_now}

    def _entity_changes(self, column: int) -> dict[str, set[str]]:
        """Return the references (column 1) or collections (column 2) with each change."""
        old, new, added, removed = (
            {str(each[column]) for each in triples if each[column]}
            for triples in (self.observed_before, self.triples, self._added, self._removed)
        )
        return {
            "added": (new - old) & added,
            "removed": (old - new) & removed,
            "unchanged": old & new,
            "unknown_before": new - old - added,
            "unknown_after": old - new - removed,
        }

    def _changed_files(self, _: list[str]) -> Statement:
        old, new = self._files_before, self._files_now
        counts = len(new - old), len(old - new), len(old & new), 0, 0
        return Statement(dict(zip(_CHANGES, counts, strict=True)))

    def _changed_references(self, _: list[str]) -> Statement:
        return Statement({name: len(keys) for name, keys in self._entity_changes(1).items()})

    def _changed_collections(self, _: list[str]) -> Statement:
        return Statement({name: len(keys) for name, keys in self._entity_changes(2).items()})

    def _changed_observations(self, _: list[str]) -> Statement:
        old, new = self.observed_before, self.triples
        counts = (
            *(len(self._added), len(self._removed), len(old & new)),
            *(len(new - old - self._added), len(old - new - self._removed)),
        )
        return Statement(dict(zip(_CHANGES, counts, strict=True)))

    def _changes_since(self, _: list[str]) -> Statement:
        references, collections = self._entity_changes(1), self._entity_changes(2)
        return Statement(
            {
                "references_added": len(references["added"]),
                "references_removed": len(references["removed"]),
                "collections_added": len(collections["added"]),
                "collections_removed": len(collections["removed"]),
            }
        )

    def _incomplete_after(self, _: list[str]) -> Statement:
        states = {"pending": len(self._pending_keys)} if self._pending_keys else {}
        return Statement({"subjects": len(self._pending_keys), **states}, self._pending_keys)

    def _added_reference(self, subjects: list[str], change: str = "added") -> Statement | None:
        (key,) = subjects
        if key not in self._entity_changes(1)[change]:
            return None
        entity = self._entities[key]
        numbers = {"date": day_of(entity) or None, "url": entity.attributes["url"]}
        return Statement(numbers, subjects, {key: entity.label})

    def _removed_reference(self, subjects: list[str]) -> Statement | None:
        return self._added_reference(subjects, "removed")

    def _added_collection(self, subjects: list[str], change: str = "added") -> Statement | None:
        changed = {key: self._entities[key] for key in self._entity_changes(2)[change]}
        for keys in group_by_name(changed):
            if set(keys) & set(subjects):
                name = most_frequent_spelling(changed, dict.fromkeys(keys, 1))
                return Statement({"collections": len(keys), "origins": ""}, keys, {keys[0]: name})
        return None

    def _removed_collection(self, subjects: list[str]) -> Statement | None:
        return self._added_collection(subjects, "removed")

    # --- clusters

    def _cluster_changes(self, _: list[str]) -> Statement:
        kinds = Counter(str(each.kind) for each in self._comparison.cluster_changes)
        before, after = (
            sum(len(each.files) > 1 for each in side)
            for side in (self._comparison.before, self._comparison.after)
        )
        return Statement({"clusters_before": before, "clusters_after": after, **kinds})

    def _keys_of_clusters(self, side: str, numbers: Iterable[int]) -> list[str]:
        clusters = getattr(self._comparison, side).clusters
        return [cluster_key(file.key for file in clusters[n - 1].files) for n in numbers]

    def _cluster_change(self, subjects: list[str]) -> Statement | None:
        for each in self._comparison.cluster_changes:
            before = self._keys_of_clusters("before", each.before)
            after = self._keys_of_clusters("after", each.after)
            if [*before, *after] == subjects:
                numbers = {
                    "change": each.kind,
                    "similarity": round(each.similarity, 2),
                    "added": len(each.added),
                    "removed": len(each.removed),
                    "causes": len(each.causes),
                    "linking_files": len(each.linking_files),
                }
                names = {cause.entity.key: cause.entity.label for cause in each.causes}
                return Statement(numbers, subjects, names)
        return None

    def _moved_files(self, _: list[str]) -> Statement:
        return Statement({"files": len(self._comparison.moved_files)})

    def _moved_file(self, subjects: list[str]) -> Statement | None:
        for each in self._comparison.moved_files:
            if each.file.key == subjects[0]:
                before = self._comparison.before.clusters[each.before - 1]
                after = self._comparison.after.clusters[each.after - 1]
                keys = [cluster_key(file.key for file in side.files) for side in (before, after)]
                return Statement(
                    {"files_before": len(before.files), "files_after": len(after.files)},
                    [each.file.key, *keys],
                    dict(zip(keys, (before.name, after.name), strict=True)),
                )
        return None
