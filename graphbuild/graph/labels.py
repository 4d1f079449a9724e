"""Compute distinct labels for collections that share a name, such as three named "Emotet".

The label of such a collection contains a qualifier: ``Emotet (malware family, Partner)``. The
qualifier is the first of the following that no other collection of this name has:

1. the attributes ``collection_type`` and ``origin``, as far as they are known; if both are
   unknown, the source (the beginning of the id, see ``_SOURCE``);
2. the known attributes and the source;
3. the id, with long hexadecimal numbers shortened to 8 digits;
4. the id.

If the attributes and the source are unknown, qualifier 3 replaces the first two. Labels depend on
all collections of a campaign, so they are computed after all entities are known.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from graphbuild.models import COLLECTION, Entity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import networkx as nx

_MAX_LABEL = 80  # characters; GraphML, GEXF and DOT cut longer labels
_MIN_NAME = 20  # characters; a longer name is never cut below this length for its qualifier
_MAX_PART = 40  # maximum number of characters of an attribute in a qualifier
# Matches the source in the id of a collection: the name of a partner, as in malpedia_win_emotet, or
# of a sandbox, as in analysis_virustotal_zenbox_metasploit.
_SOURCE = re.compile(r"(analysis_virustotal_[a-z0-9]+|[a-z0-9]+)_")
_LONG_HEX = re.compile(r"([0-9a-f]{8})[0-9a-f-]{8,}")


def label_nodes(graph: nx.DiGraph[str]) -> None:
    """Set the labels of the collections in ``graph`` that share their name with another one."""
    collections = [
        Entity(COLLECTION, node["id"], node)
        for _, node in graph.nodes(data=True)
        if node["type"] == COLLECTION
    ]
    for key, label in distinct_labels(collections).items():
        graph.nodes[key]["label"] = label


def label_entities(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """Return ``entities``, with a ``qualified_label`` on collections that share their name."""
    labels = distinct_labels(each for each in entities if each.type == COLLECTION)
    return tuple(
        replace(each, qualified_label=labels[each.key]) if each.key in labels else each
        for each in entities
    )


def distinct_labels(collections: Iterable[Entity]) -> dict[str, str]:
    """Return new labels, by node key, for the collections that share their name with another.

    Names count as the same if they differ only in case, white space or invisible characters.
    """
    entities = {each.key: each for each in collections}
    labels = {key: each.plain_label for key, each in entities.items()}
    changed: dict[str, str] = {}
    for qualifier in _QUALIFIERS:
        for key in _clashing(labels):
            changed[key] = labels[key] = _qualified(entities[key], qualifier)
    return changed


def _clashing(labels: Mapping[str, str]) -> list[str]:
    """Return the keys whose label is the same as that of another key; see ``distinct_labels``."""
    keys: dict[str, list[str]] = defaultdict(list)
    for key, label in labels.items():
        keys[_normalized(label)].append(key)
    return [key for group in keys.values() if len(group) > 1 for key in group]


def _normalized(label: str) -> str:
    if not label.isprintable():
        label = "".join(char for char in label if char.isprintable() or char.isspace())
    return " ".join(label.split()).casefold()


def _qualified(entity: Entity, qualifier: Callable[[Entity], str]) -> str:
    suffix = f" ({qualifier(entity)})"
    name, longest = entity.plain_label.strip(), max(_MIN_NAME, _MAX_LABEL - len(suffix))
    if len(name) > longest:
        name = f"{name[: longest - 1].rstrip()}…"
    return name + suffix


def describe_origin(entity: Entity) -> str:
    """Return the kind and the origin of a collection, such as ``malware family, Partner``.

    If both are unknown, return the source in the id; without a source, return an empty string.
    """
    return _stated(entity) or _source(entity)


def _description(entity: Entity) -> str:
    return describe_origin(entity) or _short_id(entity)


def _description_and_source(entity: Entity) -> str:
    parts = _stated(entity), _source(entity)
    return ", ".join(part for part in parts if part) or _short_id(entity)


def _stated(entity: Entity) -> str:
    """Return kind and origin, as far as they are known, such as ``campaign, Partner``."""
    kind, origin = (entity.attributes.get(name) for name in ("collection_type", "origin"))
    words = kind.replace("-", " ") if isinstance(kind, str) else ""
    parts = words.strip(), origin.strip() if isinstance(origin, str) else ""
    return ", ".join(part[:_MAX_PART] for part in parts if part)


def _source(entity: Entity) -> str:
    """Return the source in the id of a collection; empty if the id contains none."""
    found = _SOURCE.match(entity.id)
    return found[1] if found else ""


def _short_id(entity: Entity) -> str:
    return _LONG_HEX.sub(r"\1…", entity.id)


_QUALIFIERS = (_description, _description_and_source, _short_id, lambda entity: entity.id)
