"""The relationships of each object type in the two flavors of the API.

``classic`` is VirusTotal's API with references. ``gti`` is the API of Google Threat Intelligence,
where references are collections with the ``collection_type`` ``report``. The tables agree with the
metadata that the API returns and with the official clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.emulator.models import ENDPOINTS, INDICATOR_TYPES, ListItem, Report, report_id
from graphbuild.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from graphbuild.emulator.models import ApiObject, Collection, Reference, Subject

    ListFunction = Callable[[World, Any], Sequence[ListItem]]

# Value of the argument ``api_flavor`` -> the API flavors that an API key can use.
API_FLAVORS: Mapping[str, frozenset[str]] = {
    "classic": frozenset({"classic"}),
    "gti": frozenset({"gti"}),
    "both": frozenset({"classic", "gti"}),
}

# Relationships that public API keys cannot read.
RESTRICTED = frozenset(
    {"references", "related_references", "reports", "related_reports", "associations"}
)

# Relationship -> the only API flavor that has the relationship. Both flavors have all others.
_FLAVORS = {
    "references": "classic",
    "related_references": "classic",
    "reports": "gti",
    "related_reports": "gti",
    "associations": "gti",
}


def check_api_flavor(name: str) -> str:
    """Return ``name`` if it is a key of ``API_FLAVORS``; raise ``ValueError`` otherwise."""
    if name not in API_FLAVORS:
        raise ValueError(f"no API flavor {name!r}; choose one of {', '.join(API_FLAVORS)}")
    return name


def list_related(
    world: World, entity: ApiObject, relationship: str, api_flavor: str
) -> Sequence[ListItem] | None:
    """Return the items of a relationship, or None if the object does not have the relationship.

    ``api_flavor`` is a key of ``API_FLAVORS``.
    """
    kind = entity.type
    if isinstance(entity, Report):
        kind, entity = "report", entity.reference
    list_items = _RELATIONSHIPS.get(kind, _OF_SUBJECTS).get(relationship)
    flavor = _FLAVORS.get(relationship)
    if list_items is None or (flavor and flavor not in API_FLAVORS[api_flavor]):
        return None
    return list_items(world, entity)


def _references(_: World, parent: Subject | Collection) -> Sequence[ListItem]:
    return _items("reference", parent.references)


def _reports(_: World, parent: Subject | Collection) -> Sequence[ListItem]:
    return _items("collection", map(report_id, parent.references))


def _collections(_: World, subject: Subject) -> Sequence[ListItem]:
    return _items("collection", subject.collections)


def _collections_of(world: World, reference: Reference) -> Sequence[ListItem]:
    return _items("collection", world.collections_of(reference.id))


def _associations(_: World, parent: Collection) -> Sequence[ListItem]:
    ids = (*map(report_id, parent.references), *parent.associations)
    return _items("collection", ids)


def _members(object_type: str) -> ListFunction:
    return lambda world, parent: _items(object_type, world.members(parent.id, object_type))


def _items(object_type: str, ids: Iterable[str]) -> list[ListItem]:
    return [ListItem(object_type, each) for each in sorted(set(ids))]


_OF_SUBJECTS: Mapping[str, ListFunction] = {
    "collections": _collections,
    "references": _references,
    "related_references": World.related_references,
    "reports": _reports,
    "related_reports": World.related_reports,
}
_MEMBERS = {ENDPOINTS[each]: _members(each) for each in ("file", *INDICATOR_TYPES)}
# In the API, ``associations`` contains all related objects. In the emulator, the list contains the
# reports and associated collections of a collection, or the collections of a report.
_RELATIONSHIPS: Mapping[str, Mapping[str, ListFunction]] = {
    "collection": {
        **_MEMBERS,
        "references": _references,
        "reports": _reports,
        "associations": _associations,
    },
    "reference": {**_MEMBERS, "collections": _collections_of},
    "report": {**_MEMBERS, "associations": _collections_of},
}
