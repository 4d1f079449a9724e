"""Build the content of the page's data block: nodes, groups, links and the initial view."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from graphbuild.exporters.columns import column_titles
from graphbuild.exporters.cti_types import COLLECTION_TYPES, collection_kind
from graphbuild.exporters.html.folded_graph import fold_for_page, shared_reference_counts
from graphbuild.exporters.html.json_block import MAX_LABEL, json_scalar, truncate
from graphbuild.exporters.html.level_of_detail import MAP, choose_initial_view
from graphbuild.exporters.web_links import page_prefix, virustotal_url
from graphbuild.graph.clusters import (
    CLUSTER,
    CLUSTER_NAME,
    SUBCLUSTER,
    cluster_names,
    cluster_of,
    cluster_strengths,
    has_subclusters,
)
from graphbuild.graph.style import (
    CLUSTER_COLORS,
    MAX_SIGN_RADIUS,
    MIN_RADIUS,
    NO_CLUSTER_COLOR,
    cluster_color,
    max_group_edges,
    node_color,
    node_shape,
)
from graphbuild.models import COLLECTION, FILE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions

# A display type has a shape and a filter on the page. Each known kind of collections is a display
# type. All other collections are of one display type: those with the kind "collection", an unknown
# kind or no kind.
DisplayType: TypeAlias = tuple[str, str]  # the API's object type, and the kind of collection or ""

_TYPE_ORDER = (COLLECTION, REFERENCE, FILE)
_KIND_ORDER = (*(kind for kind in COLLECTION_TYPES if kind != COLLECTION), "")
_NOT_IN_PANEL = frozenset({CLUSTER, CLUSTER_NAME})  # the data block contains them once per cluster
_FIRST_ATTRIBUTES = ("id", "title", "name", "url", "author", "creation_date")


def page_data(
    graph: Graph, positions: Positions, *, folded_positions: Positions | None = None, full: bool
) -> dict[str, Any]:
    """Return the content of the data block, for :func:`json_block.encode_block`.

    ``folded_positions`` is the ``folded`` of a ``Layout``, or None.
    :func:`graphbuild.exporters.html.page.write_html` documents the other arguments.
    """
    folded = fold_for_page(graph)
    keys = list(graph)
    groups = [[keys[index] for index in members] for members in folded.groups]
    node_types = [str(name) for _, name in graph.nodes(data="type")]
    types = sorted({_display_type(node) for _, node in graph.nodes(data=True)}, key=_legend_order)
    # The data block refers to a group by the index of its first member.
    firsts = [members[0] for members in folded.groups]
    group_types = [node_types[first] for first in firsts]
    initial = choose_initial_view(group_types, folded, full=full)
    document = {
        "types": [_type(*each) for each in types],
        "titles": column_titles(),
        "relations": folded.relations,
        "facts": folded.facts,
        "nodes": _nodes(graph, positions, types),
        "groups": [members for members in folded.groups if len(members) > 1],
        "links": [
            (firsts[source], firsts[target], relation, facts)
            for source, target, relation, facts in folded.links
        ],
        "clusters": [cluster_of(node) for node in graph.nodes.values()],
        "cluster_list": _clusters(graph),
        "no_cluster_color": NO_CLUSTER_COLOR,
        "palette": CLUSTER_COLORS,  # for the most frequent values of a column
        "level": initial.level,
        # Areas grow with the logarithm of the number of edges; see style.sign_size_scale.
        "sizes": {
            "min": MIN_RADIUS,
            "max": MAX_SIGN_RADIUS,
            "edges": max_group_edges(graph, groups),
        },
    }
    if folded_positions:
        document["folded"] = [
            (first, *_to_browser(*folded_positions[min(group)]))
            for first, group in zip(firsts, groups, strict=True)
        ]
    if initial.groups is not None:
        document["initial"] = [firsts[group] for group in initial.groups]
    if initial.level == MAP:
        document["shared"] = [
            (firsts[one], firsts[other], count)
            for one, other, count in shared_reference_counts(folded, group_types)
        ]
    return document


def _clusters(graph: Graph) -> list[dict[str, Any]]:
    strengths = cluster_strengths(graph)
    clusters = []
    for number, name in cluster_names(graph).items():
        cluster = {"number": number, "name": truncate(name, MAX_LABEL)}
        cluster["color"] = cluster_color(number)
        if number in strengths:
            cluster["sources"], cluster["breaking_point"] = strengths[number]
        clusters.append(cluster)
    return clusters


def _display_type(node: Mapping[str, Any]) -> DisplayType:
    kind = collection_kind(node)
    return str(node["type"]), kind if kind in _KIND_ORDER else ""


def _legend_order(display_type: DisplayType) -> tuple[int, str, int]:
    """Return a sort key: collections by kind, references, files, then other types by name."""
    name, kind = display_type
    position = _TYPE_ORDER.index(name) if name in _TYPE_ORDER else len(_TYPE_ORDER)
    return position, name, _KIND_ORDER.index(kind)


def _type(name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": f"{name}: {kind.replace('-', ' ')}" if kind else name,
        "shape": node_shape(name, kind),
        "color": node_color(name),
        "labeled": name == COLLECTION,  # whether nodes of this type are labeled before others
        "web": page_prefix(name),  # the beginning of addresses on VirusTotal; may be empty
        "dated": name == REFERENCE,  # whether the page uses the dates of nodes of this type
    }


def _nodes(
    graph: Graph, positions: Positions, types: Sequence[DisplayType]
) -> list[dict[str, Any]]:
    """Return the nodes. The index of a node in this list is its id in the scripts.

    Unlike a node key, an index cannot contain markup or equal a property name of JavaScript.
    """
    degrees = dict(graph.degree())
    type_number = {each: number for number, each in enumerate(types)}
    # If no cluster is split, coloring by subcluster would be the same as coloring by cluster.
    hidden = _NOT_IN_PANEL if has_subclusters(graph) else _NOT_IN_PANEL | {SUBCLUSTER}
    nodes = []
    for key, attributes in graph.nodes(data=True):
        x, y = _to_browser(*positions[key])
        node = {
            "type": type_number[_display_type(attributes)],
            "label": truncate(str(attributes["label"]), MAX_LABEL),
            "attributes": _attributes(attributes, hidden),
            "x": x,
            "y": y,
            "links": degrees[key],
        }
        if key != f"{attributes['type']}:{json_scalar(attributes.get('id'))}":
            node["key"] = key
        page_url = virustotal_url(attributes)
        if page_url != _usual_page_url(attributes):
            node["web"] = page_url
        nodes.append(node)
    return nodes


def _to_browser(x: float, y: float) -> tuple[float, float]:
    return float(x), 0.0 - float(y)  # y grows downwards in a browser


def _usual_page_url(attributes: Mapping[str, Any]) -> str:
    """Return the address on VirusTotal that the scripts derive from the type and id of a node."""
    prefix = page_prefix(str(attributes["type"]))
    return prefix and f"{prefix}{json_scalar(attributes.get('id'))}"


def _attributes(known: Mapping[str, Any], hidden: Container[str]) -> dict[str, Any]:
    """Return the attributes in the details panel: all but type, label, ``hidden`` and None."""
    return {
        name: str(known[name]) if name == "url" else json_scalar(known[name])
        for name in _panel_order(tuple(known))
        if known[name] is not None and name not in hidden
    }


@lru_cache(maxsize=1_024)
def _panel_order(names: tuple[str, ...]) -> list[str]:
    """Return attribute names in the order in which the details panel lists them."""
    rest = sorted(name for name in names if name not in {*_FIRST_ATTRIBUTES, "type", "label"})
    return [name for name in _FIRST_ATTRIBUTES if name in names] + rest
