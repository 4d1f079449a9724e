"""Read a campaign file, also while a crawl writes to it, and keep what the tools need in memory.

A snapshot contains the graph, the observations and the progress of one state of the file. Analyses
are computed when a tool first needs them, and kept with the snapshot.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING

from graphbuild.analysis import EvidenceGraph, as_incidence, find_duplicates, find_overlaps
from graphbuild.analysis.campaign_clusters import find_with_strengths
from graphbuild.errors import MissingLibraryError
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.graph.clusters import CLUSTER_ATTRIBUTES, add_clusters
from graphbuild.models import PENDING, RELATED_REFERENCES, Entity
from graphbuild.store import Store
from graphbuild.store.database_file import file_id

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.analysis import Clustering, Deduplication, Overlaps
    from graphbuild.analysis.incidence import NodeKind
    from graphbuild.graph.builder import Graph
    from graphbuild.store import SubjectStatus
    from graphbuild.store.database_file import FileId

_MAX_SEARCHES = 8  # search results kept for their further pages


class Snapshot:
    """One state of a campaign file, in memory.

    Attributes:
        number: A number that no other snapshot of this process has.
        change_count: ``Store.change_count()`` when the snapshot was read.
        totals: The fields of ``Totals``.
        is_incomplete_copy: Whether the file was copied during a crawl without all of its data.
        statuses: The progress of each list.
        graph: The graph of the campaign.
    """

    def __init__(self, store: Store, number: int) -> None:
        self.number = number
        with store.snapshot():
            self.change_count = store.change_count()
            self.totals: dict[str, int] = asdict(store.totals())
            self.is_incomplete_copy = bool(store.missing_data)
            self.statuses: list[SubjectStatus] = list(store.statuses())
            self.graph: Graph = build_graph(
                store.observations(direct=True), subjects=store.subjects(), links=store.links()
            )
            self._incidence = as_incidence(store)
        self._overlaps: dict[NodeKind, Overlaps] = {}
        self._searches: dict[tuple[str, str | None, int | None], list[str]] = {}

    # --- nodes -----------------------------------------------------------------------------------

    @cached_property
    def keys(self) -> list[str]:
        """The keys of all nodes, sorted."""
        return sorted(self.graph)

    def entity(self, key: str) -> Entity:
        """Return a node as an entity with the label of the graph and all attributes."""
        node = self.graph.nodes[key]
        return Entity(node["type"], node["id"], node, node["label"])

    def search(self, words: str, node_type: str | None, cluster: int | None) -> list[str]:
        """Return the sorted keys of the matching nodes; see :func:`graphbuild.mcp.tools.search`."""
        wanted = words.casefold(), node_type, cluster
        if wanted not in self._searches:
            while len(self._searches) >= _MAX_SEARCHES:
                del self._searches[next(iter(self._searches))]
            nodes = self.clustered_graph.nodes if cluster is not None else self.graph.nodes
            self._searches[wanted] = [
                key
                for key in self.keys
                if (node_type is None or nodes[key]["type"] == node_type)
                and (cluster is None or nodes[key].get("cluster") == cluster)
                and wanted[0] in self._search_text(key)
            ]
        return self._searches[wanted]

    def _search_text(self, key: str) -> str:
        if key not in self._search_texts:
            node = self.graph.nodes[key].items()
            texts = (
                value
                for name, value in node
                if isinstance(value, str) and name not in CLUSTER_ATTRIBUTES
            )
            self._search_texts[key] = "\n".join((key, *texts)).casefold()
        return self._search_texts[key]

    @cached_property
    def _search_texts(self) -> dict[str, str]:
        return {}

    # --- analyses --------------------------------------------------------------------------------

    @cached_property
    def evidence(self) -> EvidenceGraph:
        """The observations by node, for paths."""
        subjects = [
            self.entity(each.subject.key)
            for each in self.statuses
            if each.relationship == RELATED_REFERENCES
        ]
        return EvidenceGraph(extract_observations(self.graph, direct=True), subjects)

    @cached_property
    def clusters(self) -> Clustering:
        """The clusters of files: those in the campaign file or, if there are none, found ones."""
        return find_with_strengths(self._incidence)

    @cached_property
    def clustered_graph(self) -> Graph:
        """The graph, with the attributes of clusters on its nodes."""
        add_clusters(self.graph, self.clusters.to_table())
        return self.graph

    @cached_property
    def pending_subjects(self) -> frozenset[str]:
        """The keys of the subjects whose list ``related_references`` is pending."""
        return frozenset(
            each.subject.key
            for each in self.statuses
            if each.relationship == RELATED_REFERENCES and each.state == PENDING
        )

    def overlaps(self, of: NodeKind) -> Overlaps:
        """Return the pairs of files, or of collections, that share something."""
        if of not in self._overlaps:
            self._overlaps[of] = find_overlaps(self._incidence, of)
        return self._overlaps[of]

    def with_duplicates(self, pairs: Overlaps) -> Overlaps:
        """Return ``pairs`` with independent references; unchanged without the extra analysis."""
        if self._duplicates is None:
            return pairs
        return pairs.with_duplicates(self._incidence, self._duplicates)

    @cached_property
    def _duplicates(self) -> Deduplication | None:
        try:
            return find_duplicates(self._incidence.references)
        except MissingLibraryError:
            return None


class CampaignReader:
    """Reads a campaign file when it has changed. Use it in one thread only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: Store | None = None
        self._file_id: FileId | None = None
        self._snapshot: Snapshot | None = None
        self._count = 0

    def newest(self) -> Snapshot:
        """Return a snapshot of the current state of the file.

        Raises:
            StoreError: The file cannot be read.
        """
        if self._snapshot is None or self.has_changed():
            self._snapshot = None  # so that the memory can be used for the next one
            if self._store is None or self._file_id != file_id(self._path):
                self.close()
                self._store = Store.read(self._path)
                self._file_id = file_id(self._path)
            self._count += 1
            self._snapshot = Snapshot(self._store, self._count)
        return self._snapshot

    def current(self) -> Snapshot:
        """Return the latest snapshot, even if the file has changed since."""
        return self._snapshot or self.newest()

    def has_changed(self) -> bool:
        """Return whether the file has changed since the latest snapshot, or was replaced."""
        if self._snapshot is None or self._store is None:
            return True
        if self._file_id != file_id(self._path):
            return True
        return self._store.change_count() != self._snapshot.change_count

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
        self._store = self._snapshot = None
