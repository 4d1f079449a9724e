"""A bundle of STIX 2.1: what the graph says, in the words of the platforms a team already runs.

A report lists what it is about, as reports of STIX do, and its extension says the API's facts
exactly: which file, through which collections. The same stands in relationships where the standard
has words for it: a file is related to the family, campaign or actor through which an answer relates
it, and an indicator indicates it. So nothing is read as a fact that no answer stated, and what a
report lists is not said a second time by a hundred thousand relationships.

Written by us, streaming: the official library keeps all objects until the last is made. It is the
judge in the tests.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.exporters.cti_types import CAMPAIGN, INTRUSION_SET, MALWARE, TOOL, id_of
from graphbuild.exporters.json_stream import write_objects
from graphbuild.exporters.sanitize import ExportWarnings, xml_text
from graphbuild.exporters.stix_common import (
    EXTENSION,
    EXTENSION_ID,
    IDENTITY,
    UNKNOWN_TIME,
    born,
    is_container,
    is_number,
    relationship,
)
from graphbuild.exporters.stix_objects import about, subject_id
from graphbuild.exporters.stix_observed import (
    indicator,
    indicator_id,
    observable,
    observable_id,
    observed,
)
from graphbuild.graph.builder import NO_COLLECTION
from graphbuild.models import INFERRED, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import networkx as nx

    from graphbuild.exporters.stix_common import (
        Object,
    )

    Graph = nx.DiGraph[str]

_INDICATED = tuple(f"{kind}--" for kind in (MALWARE, TOOL, CAMPAIGN, INTRUSION_SET))
_TEXTS = ("provenance", "first_seen", "last_seen")
_EDGE_NAMES = frozenset({"relation", "weight", "related_from", *_TEXTS})


def write_stix(graph: Graph, stream: BinaryIO, *, indicators: bool = False) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as one bundle, an object a line.

    Args:
        graph: any graph that keeps the contract of :mod:`graphbuild.graph.builder`.
        stream: where the bytes go.
        indicators: whether files, domains, addresses and URLs come with an indicator each, which
            platforms may hand on to what looks for them.

    Returns:
        What could not be carried as it was; texts are cleaned where they are shown only.
    """
    bundle = _Bundle(graph, indicators=indicators)
    head = f'{{"type":"bundle","id":"bundle--{bundle.name()}","objects":['
    write_objects(stream, head.encode(), bundle.objects(), b"]}\n")
    return bundle.warnings


class _Bundle:
    """One graph on its way: the ids of all objects, and which files each collection holds."""

    def __init__(self, graph: Graph, *, indicators: bool) -> None:
        self.warnings = ExportWarnings()
        self._graph = graph
        self._indicators = indicators
        self._ids = _ids_of(graph)
        self._members: dict[str, dict[str, None]] = {}
        for subject in graph:
            for collection in self._collections(subject):
                if is_container(self._ids[collection]):
                    self._members.setdefault(collection, {})[subject] = None

    def name(self) -> str:
        """The bundle's own id: by its content, so that another graph is another bundle."""
        digest = sha256("\n".join(self._ids.values()).encode())
        for source, target in self._graph.edges:
            digest.update(f"{self._ids[source]} {self._ids[target]}\n".encode())
        return id_of("bundle", digest.hexdigest())

    def objects(self) -> Iterator[Object]:
        """All objects, nodes before what relates them."""
        yield IDENTITY
        yield EXTENSION
        for key, node in self._graph.nodes(data=True):
            yield from self._node(key, node)
        for source, target, edge in self._graph.edges(data=True):
            if not (is_container(self._ids[source]) or is_container(self._ids[target])):
                yield self._related(source, target, edge)
        for subject in self._graph:
            yield from self._ties(subject)

    # --- nodes -----------------------------------------------------------------------------------

    def _node(self, key: str, node: dict[str, Any]) -> Iterator[Object]:
        name, body = self._ids[key], observable(node)
        if body is None:
            edges = list(self._edges(key)) if is_container(name) else []
            yield about(node, name, self._refs(key), edges, self.warnings)
            return
        yield from observed(key, node, name, body, self.warnings)
        if self._indicators:
            yield from indicator(key, node, name, body, self._first_report(key))

    def _refs(self, key: str) -> Iterator[str]:
        """What an object is about: whatever is tied to it, and the files that it holds."""
        for other in (*self._graph.pred[key], *self._graph.succ[key], *self._members.get(key, ())):
            yield self._ids[other]

    def _first_report(self, key: str) -> str:
        """The earliest date of a report on something: since then it was worth looking for."""
        dates = (born(self._graph.nodes[target]) for target in self._graph.succ[key])
        return min((date for date in dates if date != UNKNOWN_TIME), default=UNKNOWN_TIME)

    # --- edges -----------------------------------------------------------------------------------

    def _edges(self, key: str) -> Iterator[Object]:
        """The edges that an object keeps: those that end in it, and those to no such object."""
        for source, edge in self._graph.pred[key].items():
            yield {"source_ref": self._ids[source], **self._facts(edge)}
        for target, edge in self._graph.succ[key].items():
            if not is_container(self._ids[target]):
                yield {"target_ref": self._ids[target], **self._facts(edge)}

    def _related(self, source: str, target: str, edge: dict[str, Any]) -> Object:
        told = {"extension_type": "property-extension", **self._facts(edge)}
        day = born(self._graph.nodes[source])
        extensions = {EXTENSION_ID: told}
        return relationship(
            self._ids[source], "related-to", self._ids[target], day, extensions=extensions
        )

    def _facts(self, edge: dict[str, Any]) -> Object:
        """What an edge says; collections by the ids of their objects."""
        told: Object = {"relation": xml_text(edge["relation"])}
        weight = edge.get("weight", 1)
        if is_number(weight):
            told["weight"] = weight
        else:
            self.warnings.omitted += 1
        behind = edge.get("related_from")
        if behind:
            told |= self._behind(behind)
        for name in _TEXTS:
            if name in edge:
                told[name] = xml_text(edge[name])
        if not _EDGE_NAMES.issuperset(edge):
            self.warnings.omitted += len(edge.keys() - _EDGE_NAMES)
        return told

    def _behind(self, keys: Collection[str]) -> Object:
        refs = [self._ids[key] for key in keys if key in self._ids]
        unnamed = NO_COLLECTION in keys
        self.warnings.omitted += len(keys) - len(refs) - unnamed
        told: Object = {"related_from_refs": refs} if refs else {}
        return told | {"unnamed": True} if unnamed else told

    # --- what follows from the observations ------------------------------------------------------

    def _collections(self, subject: str) -> dict[str, str]:
        """The collections through which something is related to any report, and the provenance."""
        found: dict[str, str] = {}
        for edge in self._graph.succ[subject].values():
            for key in edge.get("related_from", ()):
                if key in self._ids and found.get(key) != OBSERVED:
                    found[key] = edge.get("provenance", OBSERVED)
        return found

    def _ties(self, subject: str) -> Iterator[Object]:
        """A file and the families, campaigns and actors it is related through, in STIX's words."""
        node = self._graph.nodes[subject]
        looked_for = self._indicators and observable(node) is not None
        for collection, provenance in self._collections(subject).items():
            name = self._ids[collection]
            if is_container(name):
                continue
            day = born(self._graph.nodes[collection])
            labels = {"labels": [provenance]} if provenance == INFERRED else {}
            if not self._graph.has_edge(subject, collection):
                yield relationship(self._ids[subject], "related-to", name, day, **labels)
            if looked_for and name.startswith(_INDICATED):
                yield relationship(indicator_id(subject), "indicates", name, day, **labels)


def _ids_of(graph: Graph) -> dict[str, str]:
    """The id of the object that stands for each node; no two alike.

    Two observables that the standard's rule takes for one (a file under two of its hashes, before
    any answer proved it) are kept apart: the second gets an id of ours.
    """
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for key, node in graph.nodes(data=True):
        body = observable(node)
        name = observable_id(body) if body else subject_id(key, node)
        if name in taken:
            name = f"{name.partition('--')[0]}--{id_of(key)}"
        taken.add(name)
        ids[key] = name
    return ids
