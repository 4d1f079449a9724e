"""The relationships of each object type in the two flavors of the API.

``classic`` is VirusTotal's API with references. ``gti`` is the API of Google Threat Intelligence,
where references are collections of type ``report``. The tables follow the metadata of the API and
its official clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.emulator.models import ListItem, Report, report_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from graphbuild.emulator.models import ApiObject, Collection, Reference, Subject
    from graphbuild.emulator.world import World

    ListFunction = Callable[[World, Any], Sequence[ListItem]]
    Table = Mapping[str, Mapping[str, ListFunction]]

API_FLAVORS = ("classic", "gti", "both")

# Relationships that public API keys may not read.
RESTRICTED = frozenset({"references", "related_references", "reports", "related_reports"})


def check_api_flavor(name: str) -> str:
    """Return ``name`` if it is an API flavor.

    Raises:
        ValueError: ``name`` is not an API flavor.
    """
    if name not in API_FLAVORS:
        raise ValueError(f"no API flavor {name!r}; choose one of {', '.join(API_FLAVORS)}")
    return name


def flavor_includes(api_flavor: str, other: str) -> bool:
    """Return whether an API flavor is ``other`` or includes it, as ``both`` does."""
    return api_flavor in {other, "both"}


def relationships_of(entity: ApiObject, api_flavor: str) -> dict[str, ListFunction]:
    """Return a function for each relationship of an object; it returns the related items."""
    kind = "report" if isinstance(entity, Report) else entity.type
    kind = kind if kind in _COMMON else "subject"
    found = dict(_COMMON[kind])
    if flavor_includes(api_flavor, "classic"):
        found |= _CLASSIC[kind]
    if flavor_includes(api_flavor, "gti"):
        found |= _GTI[kind]
    return found


def _references(_: World, parent: Subject | Collection) -> Sequence[ListItem]:
    return _items("reference", parent.references)


def _reports(_: World, parent: Subject | Collection) -> Sequence[ListItem]:
    return _items("collection", map(report_id, parent.references))


def _collections(_: World, subject: Subject) -> Sequence[ListItem]:
    return _items("collection", subject.collections)


def _collections_of(world: World, reference: Reference | Report) -> Sequence[ListItem]:
    reference = reference.reference if isinstance(reference, Report) else reference
    return _items("collection", world.collections_of(reference.id))


def _members(object_type: str) -> ListFunction:
    def members(world: World, parent: Collection | Reference | Report) -> Sequence[ListItem]:
        parent = parent.reference if isinstance(parent, Report) else parent
        return _items(object_type, world.members(parent.id, object_type))

    return members


def _items(object_type: str, ids: Iterable[str]) -> list[ListItem]:
    return [ListItem(object_type, each) for each in sorted(set(ids))]


_MEMBERS = {
    "files": _members("file"),
    "domains": _members("domain"),
    "ip_addresses": _members("ip_address"),
    "urls": _members("url"),
}

_COMMON: Table = {
    "subject": {"collections": _collections},
    "collection": _MEMBERS,
    "reference": _MEMBERS,
    "report": _MEMBERS,
}

_CLASSIC: Table = {
    "subject": {
        "references": _references,
        "related_references": lambda world, subject: world.related_references(subject),
    },
    "collection": {"references": _references},
    "reference": {"collections": _collections_of},
    "report": {},
}

# In the API, "associations" lists all related objects. The emulator lists only the reports of a
# collection, and the collections of a report.
_GTI: Table = {
    "subject": {
        "reports": _reports,
        "related_reports": lambda world, subject: world.related_reports(subject),
    },
    "collection": {"reports": _reports, "associations": _reports},
    "reference": {},
    "report": {"associations": _collections_of},
}
