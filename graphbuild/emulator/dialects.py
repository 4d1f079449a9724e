"""The generations of the API that one address may speak, and the relationships of each.

"classic" has references; "gti" has made them collections of type "report", whose ids bear the
same hash. What stands in the tables comes from the service's own metadata and clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.emulator.models import Collection, File, Indicator, Item, Reference, report_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from graphbuild.emulator.models import Report, Subject, Thing
    from graphbuild.emulator.world import World

    # A world and one of its things: of which kind, the table tells.
    Lister = Callable[[World, Any], Sequence[Item]]
    Table = Mapping[str, Mapping[str, Lister]]

DIALECTS = ("classic", "gti", "both")

# What a public key is not shown: whatever is about references.
LOCKED = frozenset({"references", "related_references", "reports", "related_reports"})


def check_dialect(name: str) -> str:
    """Return the name of a dialect.

    Raises:
        ValueError: there is no such dialect.
    """
    if name not in DIALECTS:
        raise ValueError(f"no dialect {name!r}; we have {', '.join(DIALECTS)}")
    return name


def speaks(dialect: str, generation: str) -> bool:
    """Tell whether a dialect has what a generation has."""
    return dialect in {generation, "both"}


def relationships(thing: Thing, dialect: str) -> dict[str, Lister]:
    """Return the relationships that a thing has, by name."""
    found = dict(_EVER[_kind(thing)])
    for generation, table in (("classic", _CLASSIC), ("gti", _GTI)):
        if speaks(dialect, generation):
            found |= table[_kind(thing)]
    return found


def _kind(thing: Thing) -> str:
    match thing:
        case File() | Indicator():
            return "subject"
        case Collection():
            return "collection"
        case Reference():
            return "reference"
    return "report"


def _direct_references(_: World, subject: Subject) -> Sequence[Item]:
    return _items("reference", subject.direct)


def _direct_reports(_: World, subject: Subject) -> Sequence[Item]:
    return _items("collection", map(report_id, subject.direct))


def _collections(_: World, subject: Subject) -> Sequence[Item]:
    return _items("collection", subject.collections)


def _references(_: World, collection: Collection) -> Sequence[Item]:
    return _items("reference", collection.references)


def _reports(_: World, collection: Collection) -> Sequence[Item]:
    return _items("collection", map(report_id, collection.references))


def _holders(world: World, reference: Reference) -> Sequence[Item]:
    return _items("collection", world.holders(reference.id))


def _members(kind: str) -> Lister:
    def members(world: World, holder: Collection | Reference | Report) -> Sequence[Item]:
        name = holder.id if isinstance(holder, Collection | Reference) else holder.reference.id
        return _items(kind, world.members(name, kind))

    return members


def _items(kind: str, names: Iterable[str]) -> list[Item]:
    return [Item(kind, name) for name in sorted(set(names))]


_MEMBERS = {
    "files": _members("file"),
    "domains": _members("domain"),
    "ip_addresses": _members("ip_address"),
    "urls": _members("url"),
}

# In either generation. A reference is nothing in "gti", a report nothing in "classic".
_EVER: Table = {
    "subject": {"collections": _collections},
    "collection": _MEMBERS,
    "reference": _MEMBERS,
    "report": _MEMBERS,
}

_CLASSIC: Table = {
    "subject": {
        "references": _direct_references,
        "related_references": lambda world, subject: world.related(subject),
    },
    "collection": {"references": _references},
    "reference": {"collections": _holders},
    "report": {},
}

# "associations" are all kinds of related things in one list: of those here, reports and
# the collections that have them.
_GTI: Table = {
    "subject": {
        "reports": _direct_reports,
        "related_reports": lambda world, subject: world.related_reports(subject),
    },
    "collection": {"reports": _reports, "associations": _reports},
    "reference": {},
    "report": {"associations": lambda world, report: _holders(world, report.reference)},
}
