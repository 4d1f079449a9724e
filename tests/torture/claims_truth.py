"""The true values of each claim of a report, counted from plain sets of observations.

The code of ``graphbuild.report`` is not used. Clusters, breaking points, articles and labels come
from ``graphbuild.analysis``, whose own tests check them.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from itertools import combinations
from typing import TYPE_CHECKING, Any

import networkx as nx

from graphbuild.analysis import find_clusters, find_duplicates, find_sources, measure_clusters
from graphbuild.analysis.incidence import Incidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from graphbuild.models import Entity, Observation

_STATES = ("pending", "short", "limited", "incomplete", "failed")


@dataclass
class Statement:
    """The content of a claim."""

    numbers: dict[str, Any]
    subjects: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)


class Truth:
    """The true values of all claims about a campaign file.

    Args:
        observations: all observations.
        empty: node keys of the subjects with a complete list and no reference.
        pending: number of subjects whose list was not requested.
    """

    def __init__(
        self, observations: list[Observation], empty: Iterable[str] = (), pending: int = 0
    ) -> None:
        self.incidence = Incidence.from_observations(observations)
        self.empty = sorted(empty)
        self.pending = pending
        self.triples = {
            (o.subject.key, o.reference.key, o.related_from.key if o.related_from else None)
            for o in observations
        }
        self.files = sorted({file for file, _, _ in self.triples})
        self.references = {each.key: each for each in self.incidence.references}
        self.collections = {each.key: each for each in self.incidence.collections}
        self.files_of: dict[str, set[str]] = defaultdict(set)
        self.inside: dict[str, set[str]] = defaultdict(set)  # references by collection
        for file, reference, collection in self.triples:
            self.files_of[reference].add(file)
            if collection:
                self.files_of[collection].add(file)
                self.inside[collection].add(reference)
        self.clustering = find_clusters(self.incidence)
        self.members = [[file.key for file in each.files] for each in self.clustering]
        self.keys = [cluster_key(files) for files in self.members]
        self.number_of = {file: n for n, files in enumerate(self.members) for file in files}
        self.clusters = [n for n, files in enumerate(self.members) if len(files) > 1]

    def find_false(self, content: dict[str, Any]) -> set[str]:
        """Return the ids of the claims that are false here; ``content`` is ``report --json``."""
        table = [tuple(each) for each in content["observations"]]
        return {each["id"] for each in content["claims"] if self._is_false(each, table)}

    def _is_false(self, claim: dict[str, Any], table: list[tuple[str, ...]]) -> bool:
        proved_by = self.proved_by(claim)
        proof = [table[n] for first, last in claim["proof"] for n in range(first, last + 1)]
        if not proved_by.issuperset(proof):
            return True
        state: Callable[[list[str]], Statement | None] = getattr(self, f"_{claim['kind']}")
        true = state(claim["subjects"])
        return true != Statement(claim["numbers"], claim["subjects"], claim["names"])

    def proved_by(self, claim: dict[str, Any]) -> set[tuple[str, str, str | None]]:
        """Return the observations that may prove a claim."""
        del claim  # all claims about one state of a campaign have the same
        return self.triples

    # --- totals and lists

    def _total_subjects(self, _: list[str]) -> Statement:
        return Statement({"subjects": self._lists})

    def _total_references(self, _: list[str]) -> Statement:
        return Statement({"references": len(self.references)})

    def _total_collections(self, _: list[str]) -> Statement:
        return Statement({"collections": len(self.collections)})

    def _total_observations(self, _: list[str]) -> Statement:
        return Statement({"observations": len(self.triples)})

    def _total_clusters(self, _: list[str]) -> Statement:
        return Statement({"clusters": len(self.clusters)})

    def _total_unclustered_files(self, _: list[str]) -> Statement:
        return Statement({"unclustered_files": len(self.members) - len(self.clusters)})

    def _total_calls(self, _: list[str]) -> Statement:
        return Statement({"calls": 0})

    def _last_response(self, _: list[str]) -> Statement:
        return Statement({"time": "1970-01-01T00:00:00Z"})

    def _complete_lists(self, _: list[str]) -> Statement:
        counts = dict.fromkeys(_STATES, 0) | {"pending": self.pending}
        return Statement({"subjects": self._lists, "lists": self._lists, **counts})

    _incomplete_lists = _complete_lists

    def _missing_data(self, subjects: list[str]) -> Statement:
        numbers = self._complete_lists(subjects).numbers
        return Statement({**numbers, "subjects_without_references": len(self.empty)})

    def _known_references(self, _: list[str]) -> Statement:
        known = len({(file, reference) for file, reference, _ in self.triples})
        return Statement({"known": known, "expected": known})

    def _subjects_without_references(self, _: list[str]) -> Statement | None:
        return Statement({"subjects": len(self.empty)}, self.empty)

    def _list_state(self, subjects: list[str]) -> Statement | None:
        return None if subjects[0] in {*self.files, *self.empty} else _pending_list(subjects)

    @property
    def _lists(self) -> int:
        return len(self.files) + len(self.empty) + self.pending

    # --- clusters

    def _clustered_files(self, _: list[str]) -> Statement:
        clustered = sum(len(self.members[n]) for n in self.clusters)
        named = self.clusters[:3]
        return Statement(
            {"files": clustered, "subjects": self._lists, "clusters": len(self.clusters)},
            [self.keys[n] for n in named],
            {self.keys[n]: self.clustering.clusters[n].name for n in named},
        )

    def _no_clusters(self, _: list[str]) -> Statement:
        return Statement({"clusters": len(self.clusters)})

    def _unclustered_files(self, _: list[str]) -> Statement:
        alone = [files[0] for files in self.members if len(files) == 1]
        return Statement({"files": len(alone)}, alone)

    def _mean_stability(self, _: list[str]) -> Statement:
        total = sum(each.stability * len(each.files) for each in self.clustering)
        return Statement({"stability": round(total / len(self.files), 2)})

    def _cluster_map(self, _: list[str]) -> Statement | None:
        held = set().union(*(self.files_of[each] for each in self.collections))
        count = len(set(self.files) - held)
        noun = "file" if count == 1 else "files"
        return (
            Statement({"omitted": f"{count} {noun} without any of these collections."})
            if count
            else None
        )

    def _cluster(self, subjects: list[str]) -> int | None:
        return self.keys.index(subjects[0]) if subjects[0] in self.keys else None

    def _cluster_files(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        name = self.clustering.clusters[n].name
        return Statement({"files": len(self.members[n])}, subjects, {self.keys[n]: name})

    def _cluster_stability(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        return Statement({"stability": round(self.clustering.clusters[n].stability, 2)}, subjects)

    def _subclusters(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        parts = self.clustering.clusters[n].subclusters
        if len(parts) == 1:
            return None
        keys, names = [subjects[0]], {}
        for part in parts:
            keys.append(cluster_key([file.key for file in part.files]))
            for best in [*part.top_collections, *part.top_references][:1]:
                keys.append(best.entity.key)
                names[best.entity.key] = best.entity.label
        return Statement({"subclusters": len(parts)}, keys, names)

    def _doubtful_files(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        doubtful = self.clustering.clusters[n].doubtful
        pairs = [(file.key, self.keys[other - 1]) for file, other in doubtful]
        keys = [subjects[0], *(key for pair in pairs for key in pair)]
        return Statement({"files": len(doubtful)}, keys) if doubtful else None

    @cached_property
    def _strengths(self) -> Any:
        sources = find_sources(self.incidence, self._articles)
        return measure_clusters(sources, self.clustering.labels)

    @cached_property
    def _articles(self) -> Any:
        return find_duplicates(self.incidence.references)

    def _cluster_sources(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        return Statement({"sources": self._strengths[n + 1].sources}, subjects)

    def _breaking_point(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        found = self._strengths[n + 1]
        numbers = {"breaking_point": found.breaking_point, "is_exact": found.is_exact}
        return Statement(numbers, subjects)

    def _references_of(self, n: int) -> set[str]:
        return {reference for file, reference, _ in self.triples if self.number_of[file] == n}

    def _cluster_references(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        found = self._references_of(n)
        articles = [
            group
            for group in self._articles.groups
            if any(each.key in found for each in group.members)
        ]
        publishers = {group.publisher for group in articles} - {""}
        numbers = {"references": len(found), "independent": len(articles)}
        return Statement({**numbers, "publishers": len(publishers)}, subjects)

    def _cluster_dates(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        days = sorted(filter(None, map(self._day, self._references_of(n))))
        ends = {"first": days[0], "last": days[-1]} if days else {"first": None, "last": None}
        return Statement(ends, subjects)

    def _day(self, reference: str) -> str:
        return day_of(self.references[reference])

    # --- what distinguishes a cluster

    @cached_property
    def _families(self) -> list[list[str]]:
        """Return the collections of each name, the largest first, in order of the first key."""
        groups = group_by_name(self.collections)
        return [sorted(keys, key=lambda key: -len(self.files_of[key])) for keys in groups]

    def _spelling(self, family: list[str]) -> str:
        sizes = {key: len(self.files_of[key]) for key in sorted(family)}
        return most_frequent_spelling(self.collections, sizes)

    def _sides(self, n: int, files: set[str]) -> dict[str, Any]:
        inside = len(files & set(self.members[n]))
        expected = len(self.members[n]) * len(files) / len(self.files)
        return {
            "inside": inside,
            "outside": len(files) - inside,
            "lift": round(inside / expected if expected else 0.0, 1),
        }

    def _top(self, n: int, candidates: list[set[str]]) -> list[int]:
        """Return the indices of up to five sets of files that distinguish a cluster, best first."""
        size, count = len(self.members[n]), len(self.files)
        ranked = []
        for number, files in enumerate(candidates):
            inside = len(files & set(self.members[n]))
            if inside and inside / size >= len(files) / count * (1 - 1e-12):
                score = round(_g_test(inside, size, len(files), count), 9)
                ranked.append((-score, -inside, number))
        return [number for _, _, number in sorted(ranked)[:5]]

    def _top_families(self, n: int) -> list[list[str]]:
        return [self._families[number] for number in self._top(n, self._files_of_families)]

    @cached_property
    def _files_of_families(self) -> list[set[str]]:
        return [set().union(*(self.files_of[key] for key in keys)) for keys in self._families]

    def _distinctive_collections(self, subjects: list[str]) -> Statement | None:
        if (n := self._cluster(subjects)) is None:
            return None
        keys = [key for family in self._top_families(n) for key in family]
        return Statement({"collections": len(keys)}, [subjects[0], *keys])

    def _distinctive_collection(self, subjects: list[str]) -> Statement | None:
        n, key = self._cluster(subjects), subjects[1]
        if n is None or key not in self.collections:
            return None
        (family,) = (each for each in self._families if key in each)
        files = set().union(*(self.files_of[each] for each in family))
        times = f" ×{len(family)}" if len(family) > 1 else ""
        return Statement(
            {**self._sides(n, files), "collections": len(family), "origins": ""},
            [subjects[0], *family],
            {family[0]: f"{self._spelling(family)}{times}"},
        )

    def _distinctive_reference(self, subjects: list[str]) -> Statement | None:
        n, key = self._cluster(subjects), subjects[1]
        if n is None or key not in self.references:
            return None
        entity = self.references[key]
        numbers = self._sides(n, self.files_of[key])
        more = {"date": self._day(key) or None, "url": entity.attributes["url"]}
        return Statement({**numbers, **more}, subjects, {key: entity.label})

    def _most_distinctive(self, _: list[str]) -> Statement | None:
        ties = []
        for n in self.clusters[:3]:
            for family in self._top_families(n)[:1]:
                files = set().union(*(self.files_of[each] for each in family))
                ties.append((n, family, files, self._spelling(family)))
        if not ties:
            keys = sorted(self.references)
            for n in self.clusters[:3]:
                for best in self._top(n, [self.files_of[key] for key in keys])[:1]:
                    key = keys[best]
                    ties.append((n, [key], self.files_of[key], self.references[key].label))
        if not ties:
            return None
        return Statement(
            {
                f"inside_{number}": len(files & set(self.members[n]))
                for number, (n, _, files, _) in enumerate(ties, 1)
            },
            [key for n, family, _, _ in ties for key in (self.keys[n], *family)],
            {family[0]: name for _, family, _, name in ties},
        )

    # --- bridges

    @cached_property
    def _clusters_of(self) -> dict[str, set[int]]:
        return {
            key: {self.number_of[file] for file in files} for key, files in self.files_of.items()
        }

    @cached_property
    def _joined(self) -> dict[tuple[int, int], list[str]]:
        """Return the entities that connect each pair of clusters, if there are any."""
        held: dict[int, set[str]] = defaultdict(set)
        for key, numbers in self._clusters_of.items():
            for number in numbers:
                held[number].add(key)
        joined = {}
        for one, other in combinations(range(len(self.members)), 2):
            both = held[one] & held[other]
            collections = sorted(both & self.collections.keys())
            through = set().union(*(self.inside[key] for key in collections))
            references = sorted((both & self.references.keys()) - through)
            if collections or references:
                joined[one, other] = [*collections, *references]
        return joined

    @cached_property
    def _single(self) -> list[tuple[tuple[int, int], str]]:
        return [(pair, keys[0]) for pair, keys in self._joined.items() if len(keys) == 1]

    def _cluster_connections(self, _: list[str]) -> Statement:
        return Statement({"pairs": len(self._joined), "single": len(self._single)})

    def _connected_clusters(self, _: list[str]) -> Statement:
        by_entity = Counter(key for _, key in self._single)
        numbers: dict[str, Any] = {
            "pairs": len(self._joined),
            "single": len(self._single),
            "entities": len(by_entity),
        }
        if not by_entity:
            return Statement(numbers)
        key, count = by_entity.most_common(1)[0]
        return Statement({**numbers, "pairs_of_entity": count}, [key], {key: self._label(key)})

    def _label(self, key: str) -> str:
        return (self.references.get(key) or self.collections[key]).label

    @cached_property
    def _graph(self) -> nx.Graph[str]:
        graph: nx.Graph[str] = nx.Graph()
        for file, reference, collection in self.triples:
            if collection:
                graph.add_edges_from([(file, collection), (collection, reference)])
            else:
                graph.add_edge(file, reference)
        return graph

    def _bridge(self, subjects: list[str]) -> Statement | None:
        (key,) = subjects
        if key not in self.files_of:
            return None
        rest = self._graph.subgraph(nx.node_connected_component(self._graph, key) - {key})
        files = set(self.files)
        sizes = [len(part & files) for part in nx.connected_components(rest)]
        sizes = [size for size in sizes if size]
        clusters = len(self._clusters_of[key])
        if clusters < 2 and len(sizes) < 2:
            return None
        numbers = {
            "files": len(self.files_of[key]),
            "clusters": clusters,
            "sole_pairs": sum(each == key for _, each in self._single),
            "components": len(sizes),
            "cut_off_files": sum(sizes) - max(sizes),
        }
        return Statement(numbers, subjects, {key: self._label(key)})

    def _sole_connection(self, subjects: list[str]) -> Statement | None:
        key = subjects[0]
        pairs = [pair for pair, each in self._single if each == key]
        if not pairs:
            return None
        keys = sorted(sorted(self.keys[n] for n in pair) for pair in pairs)
        names = {key: self._label(key)}
        if len(pairs) == 1:
            names |= {self.keys[n]: self.clustering.clusters[n].name for n in pairs[0]}
        return Statement({"pairs": len(pairs)}, [key, *(k for pair in keys for k in pair)], names)

    # --- timeline

    def _timeline(self, _: list[str]) -> Statement:
        undated = sum(not self._day(key) for key in self.references)
        return Statement({"references": len(self.references), "undated": undated})

    def _timeline_year(self, subjects: list[str]) -> Statement:
        period = subjects[0].split(":")[1]
        count = sum(self._day(key).startswith(period) for key in self.references)
        return Statement({"references": count}, subjects)

    _timeline_month = _timeline_year


def cluster_key(files: Iterable[str]) -> str:
    """Return the key of the cluster with these files."""
    return f"cluster:{sha256(chr(10).join(sorted(files)).encode()).hexdigest()[:16]}"


def day_of(reference: Entity) -> str:
    """Return the date of a reference in UTC; empty if it has none."""
    seconds = reference.attributes.get("creation_date")
    return datetime.fromtimestamp(int(seconds), UTC).date().isoformat() if seconds else ""


def group_by_name(collections: Mapping[str, Entity]) -> list[list[str]]:
    """Group the keys of collections by name. The groups are in the order of their first keys."""
    groups: dict[str, list[str]] = defaultdict(list)
    for key in sorted(collections):
        folded = unicodedata.normalize("NFKC", collections[key].name).casefold()
        groups["".join(filter(str.isalnum, folded)) or key].append(key)
    return list(groups.values())


def most_frequent_spelling(collections: Mapping[str, Entity], sizes: Mapping[str, int]) -> str:
    """Return the name that collections of most files have; ``sizes`` has the files by key."""
    files: Counter[str] = Counter()
    for key, size in sizes.items():
        files[collections[key].plain_label] += size
    return max(files, key=files.__getitem__)


def _pending_list(subjects: list[str]) -> Statement:
    numbers = {"state": "pending", "known": 0, "expected": None, "warning": ""}
    return Statement(numbers, subjects)


def _g_test(inside: int, size: int, total: int, files: int) -> float:
    """Return the log-likelihood ratio of the table of files by cluster and entity."""
    table = [[inside, total - inside], [size - inside, files - size - total + inside]]
    rows, columns = [sum(row) for row in table], [size, files - size]
    return sum(
        2 * cell * math.log(cell / (rows[i] * columns[j] / files))
        for i, row in enumerate(table)
        for j, cell in enumerate(row)
        if cell
    )
