"""Find all shortest paths between two nodes, with the observations behind each step.

A step links two nodes of one observation: a file and a reference, a reference and a collection, or
a file and a collection. So a file and a collection are one step apart only if the API returned the
collection for this file. If ``related_from`` names a report, the report takes the place of the
collection.

In the exported graph, a path from a file through a reference to a collection can combine
observations of two files. Such a path does not prove that the first file is in the collection.

All shortest paths are found by breadth-first search from the target (Brandes 2001, J. Math. Sociol.
25).
"""

from __future__ import annotations

from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from graphbuild.errors import AnalysisError
from graphbuild.graph.labels import label_entities
from graphbuild.models import REFERENCE
from graphbuild.seeds.indicators import parse_indicator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from graphbuild.models import Entity, Observation

_MIN_PREFIX_LENGTH = 8  # minimum number of characters of an abbreviated id
_MAX_LISTED_KEYS = 5  # maximum number of keys in the message about an ambiguous name


@dataclass(frozen=True, slots=True)
class PathStep:
    """Two adjacent nodes of a path, and all observations that contain both nodes.

    The observations are sorted by reference, then by file, then by collection.
    """

    source: Entity
    target: Entity
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class EvidencePath:
    """A path of at least one step. Each step starts at the node at which the previous step ends."""

    steps: tuple[PathStep, ...]

    @property
    def nodes(self) -> tuple[Entity, ...]:
        """Return all nodes of the path, including both ends."""
        return (self.steps[0].source, *(step.target for step in self.steps))


class EvidenceGraph:
    """Observations, indexed by the nodes that occur in them.

    Args:
        observations: The observations.
        subjects: Further nodes, which can be without observations.
    """

    def __init__(
        self, observations: Iterable[Observation], subjects: Iterable[Entity] = ()
    ) -> None:
        nodes = {subject.key: subject for subject in subjects}
        self._observations: dict[str, list[Observation]] = defaultdict(list)
        for observation in observations:
            for entity in _entities(observation):
                known = nodes.get(entity.key)
                if known is None or len(entity.attributes) > len(known.attributes):
                    nodes[entity.key] = entity
                self._observations[entity.key].append(observation)
        self._nodes = {node.key: node for node in label_entities(list(nodes.values()))}

    @property
    def references(self) -> tuple[Entity, ...]:
        """Return all references, sorted by key."""
        found = (node for node in self._nodes.values() if node.type == REFERENCE)
        return tuple(sorted(found, key=lambda node: node.key))

    def find_node(self, name: str) -> Entity:
        """Return the node to which ``name`` refers.

        Args:
            name: A key (``collection:...``), an id or its first 8 or more characters, a URL, an IP
                address, a domain, or a complete title, name or label. URLs, IP addresses and
                domains may be defanged. Case is ignored, except in keys and in URLs of references.

        Raises:
            AnalysisError: No node matches ``name``, or several nodes do.
        """
        wanted = name.strip()
        for matches in _matchers(wanted):
            found = sorted(key for key, node in self._nodes.items() if matches(node))
            if len(found) == 1:
                return self._nodes[found[0]]
            if found:
                rest = len(found) - _MAX_LISTED_KEYS
                more = f" and {rest:,} more" if rest > 0 else ""
                raise AnalysisError(
                    f"{wanted[:80]!a} matches {len(found):,} nodes; use the key of one of them:"
                    f" {', '.join(found[:_MAX_LISTED_KEYS])}{more}"
                )
        raise AnalysisError(
            f"no node of the campaign matches {wanted[:80]!a}; use a hash, an id or its first"
            f" {_MIN_PREFIX_LENGTH} or more characters, a URL, a title, a name, or a key such as"
            " collection:ID"
        )

    def count_paths(self, source: Entity, target: Entity) -> int:
        """Return the number of shortest paths between two nodes; 0 if no path connects them.

        Raises:
            AnalysisError: ``source`` and ``target`` are the same node.
        """
        distances = self._distances(source, target)
        paths = {target.key: 1}
        for key in sorted(distances, key=distances.__getitem__)[1:]:
            paths[key] = sum(paths[nearer] for nearer in self._nearer(key, distances))
        return paths.get(source.key, 0)

    def shortest_paths(self, source: Entity, target: Entity) -> Iterator[EvidencePath]:
        """Yield all shortest paths between two nodes, sorted by the node keys along the path.

        Raises:
            AnalysisError: ``source`` and ``target`` are the same node.
        """
        distances = self._distances(source, target)
        if source.key not in distances:
            return
        steps: dict[tuple[str, str], PathStep] = {}
        pending = [[source.key]]
        while pending:  # depth-first search without recursion
            path = pending.pop()
            if path[-1] == target.key:
                yield EvidencePath(tuple(self._step(*ends, steps) for ends in pairwise(path)))
            else:
                nearer = self._nearer(path[-1], distances)
                pending += [[*path, key] for key in reversed(nearer)]

    def _distances(self, source: Entity, target: Entity) -> dict[str, int]:
        """Return, by node key, the number of steps from ``target`` to each node.

        Nodes that are farther from ``target`` than ``source`` is are omitted. So are nodes that no
        path connects to ``target``.
        """
        if source.key == target.key:
            raise AnalysisError(f"{source.key} and {target.key} are the same node")
        distances = {target.key: 0}
        queue = deque([target.key])
        while queue:
            key = queue.popleft()
            if distances[key] >= distances.get(source.key, len(self._nodes)):
                break
            for neighbor in self._neighbors(key):
                if neighbor not in distances:
                    distances[neighbor] = distances[key] + 1
                    queue.append(neighbor)
        return distances

    def _neighbors(self, key: str) -> list[str]:
        found = {entity.key for each in self._observations[key] for entity in _entities(each)}
        return sorted(found - {key})

    def _nearer(self, key: str, distances: dict[str, int]) -> list[str]:
        """Return the neighbors of a node that are one step nearer to the target, sorted by key."""
        wanted = distances[key] - 1
        return [each for each in self._neighbors(key) if distances.get(each, -1) == wanted]

    def _step(self, source: str, target: str, known: dict[tuple[str, str], PathStep]) -> PathStep:
        """Return the step between two neighbors. ``known`` is a cache of steps by node keys."""
        if (source, target) not in known:
            rarer = min(source, target, key=lambda key: len(self._observations[key]))
            found: dict[tuple[str, ...], Observation] = {}
            for observation in self._observations[rarer]:
                keys = tuple(entity.key for entity in _entities(observation))
                if source in keys and target in keys:
                    found[keys] = self._with_labels(observation)
            ordered = sorted(found.items(), key=lambda item: (item[0][1], item[0]))
            observations = tuple(observation for _, observation in ordered)
            known[source, target] = PathStep(self._nodes[source], self._nodes[target], observations)
        return known[source, target]

    def _with_labels(self, observation: Observation) -> Observation:
        """Return ``observation`` with the entities of ``_nodes``, which have the final labels."""
        related_from = observation.related_from
        return replace(
            observation,
            subject=self._nodes[observation.subject.key],
            reference=self._nodes[observation.reference.key],
            related_from=None if related_from is None else self._nodes[related_from.key],
        )


def _entities(observation: Observation) -> tuple[Entity, ...]:
    """Return the subject, the reference and, if any, the collection of an observation."""
    if observation.related_from is None:
        return observation.subject, observation.reference
    return observation.subject, observation.reference, observation.related_from


def _matchers(name: str) -> Iterator[Callable[[Entity], bool]]:
    """Yield functions from a node to whether ``name`` may refer to it, the strictest first."""
    folded = name.casefold()
    yield lambda node: node.key == name
    yield lambda node: node.id == name
    yield lambda node: node.id.casefold() == folded
    with suppress(ValueError):
        entity = parse_indicator(name).entity
        urls = {entity.attributes.get("url", name), name}
        yield lambda node: node == entity or node.attributes.get("url") in urls
    yield lambda node: node.plain_label.casefold().strip() == folded
    yield lambda node: node.label.casefold().strip() == folded
    prefix = folded.removesuffix("…")
    yield lambda node: len(prefix) >= _MIN_PREFIX_LENGTH and node.id.casefold().startswith(prefix)
