"""Name clusters after a collection, a reference or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.analysis.distinctiveness import DistinctiveEntity
    from graphbuild.models import Entity

# Kinds of collections about one family, actor, tool or campaign. Collections of other kinds, such
# as reports and lists of indicators, can be about several.
_SPECIFIC_KINDS = frozenset({"malware-family", "threat-actor", "software-toolkit", "campaign"})
# Minimum share of the files of the most distinctive collection that a collection must have, so that
# the cluster can be named after it.
_COMPARABLE = 2 / 3


def name_clusters(named_after: Sequence[Entity]) -> tuple[str, ...]:
    """Return distinct names of clusters from the entities after which they are named.

    A name is the name of the entity, without its kind and origin. If several clusters would have
    the same name, the label of the entity replaces it, which distinguishes collections. If their
    labels are the same too, names after the first end in a number, as in ``Emotet (2)``.
    """
    plain = [_normalized(entity.plain_label) for entity in named_after]
    names: list[str] = []
    taken: set[str] = set()
    for entity, text in zip(named_after, plain, strict=True):
        base = name = entity.plain_label if plain.count(text) == 1 else entity.label
        number = 1
        while _normalized(name) in taken:
            number += 1
            name = f"{base} ({number})"
        taken.add(_normalized(name))
        names.append(name)
    return tuple(names)


def choose_name_giver(
    collections: Sequence[DistinctiveEntity],
    references: Sequence[DistinctiveEntity],
    files: Sequence[Entity],
) -> Entity:
    """Return the entity after which a cluster is named.

    It is the most distinctive collection about a family, actor, tool or campaign if it has nearly
    as many files of the cluster as the most distinctive collection of any kind. Otherwise, it is
    the latter. A collection named "Emotet" precedes one named "Emotet indicators". Without
    distinctive collections, it is the most distinctive reference, or else the first file.

    Args:
        collections: The most distinctive collections of the cluster, in descending order.
        references: The same for references.
        files: The files of the cluster.
    """
    if not collections:
        return references[0].entity if references else files[0]
    files_needed = _COMPARABLE * collections[0].inside
    candidates = [each.entity for each in collections if each.inside >= files_needed]
    specific = [each for each in candidates if _kind(each) in _SPECIFIC_KINDS]
    best = (specific or candidates)[0]
    for shorter in sorted(candidates, key=lambda each: len(each.plain_label)):
        if _normalized(best.plain_label).startswith(f"{_normalized(shorter.plain_label)} "):
            return shorter
    return best


def _kind(collection: Entity) -> str:
    kind = collection.attributes.get("collection_type")
    return kind.strip() if isinstance(kind, str) else ""


def _normalized(name: str) -> str:
    """Return a text that is the same for names that look the same to a reader."""
    return " ".join(name.split()).casefold()
