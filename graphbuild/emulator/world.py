"""What the emulated service knows: files, references, collections, and who holds whom."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Reference:
    """A public report; `attributes` is everything the service says but the url."""

    id: str
    url: str
    attributes: Mapping[str, object] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, url: str, **attributes: object) -> Reference:
        """Make one from its url: the id is the SHA-256 of it, an attribute of None is left out."""
        known = {name: value for name, value in attributes.items() if value is not None}
        return cls(hashlib.sha256(url.encode()).hexdigest(), url, known)


@dataclass(frozen=True, slots=True)
class Collection:
    """A malware family, an actor or a report as the service keeps it: a named set."""

    id: str
    name: str
    references: tuple[str, ...] = ()
    collection_type: str | None = None
    origin: str | None = None
    mentions_name: bool = True  # False: `related_from` bears its type and id only


@dataclass(frozen=True, slots=True)
class File:
    """A file under any of its three hashes; the hash tuples hold ids of other objects."""

    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    collections: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()  # references about this very file: `references`, not `related_`
    loose: tuple[str, ...] = ()  # listed with an empty `related_from`
    bare: tuple[str, ...] = ()  # listed without `context_attributes`
    asked: str = ""  # the hash its user has; the id when empty

    @property
    def id(self) -> str:
        """The strongest hash known."""
        return self.sha256 or self.sha1 or self.md5

    @property
    def seed(self) -> str:
        """The hash a user would ask with."""
        return self.asked or self.id


class Item(NamedTuple):
    """A line of a listing; `holders` are collection ids, None when there is no context at all."""

    type: str
    id: str
    holders: tuple[str, ...] | None = None


class World:
    """All files, references and collections; built once, then only read."""

    def __init__(
        self,
        files: Iterable[File],
        references: Iterable[Reference],
        collections: Iterable[Collection],
        campaigns: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        known = list(files)
        self._by_hash = _by_hash(known)
        self.files = {file.id: file for file in known}
        self.references = {reference.id: reference for reference in references}
        self.collections = {collection.id: collection for collection in collections}
        self.campaigns = dict(campaigns or {})
        self._related: dict[tuple[tuple[str, ...], ...], tuple[Item, ...]] = {}
        self._members = defaultdict[str, list[str]](list)
        for file in self.files.values():
            for holder in dict.fromkeys(file.collections + file.direct):
                self._members[holder].append(file.id)

    def file(self, any_hash: str) -> File | None:
        """Return the file with this MD5, SHA-1 or SHA-256, in any case."""
        return self._by_hash.get(any_hash.lower())

    def related(self, file: File) -> tuple[Item, ...]:
        """List the references of the collections of a file, in ascending order of id."""
        key = (file.collections, file.loose, file.bare)
        if key not in self._related:  # files of a family share one listing
            self._related[key] = tuple(self._relate(file))
        return self._related[key]

    def members(self, holder: str) -> list[str]:
        """Return the ids of the files in a collection, or of those a reference is about."""
        return sorted(self._members.get(holder, ()))

    def holders(self, reference: str) -> list[str]:
        """Return the ids of the collections that hold a reference."""
        return sorted(c.id for c in self.collections.values() if reference in c.references)

    def hashes(self) -> list[str]:
        """Return one hash a file, as a user would have them."""
        return [file.seed for file in self.files.values()]

    def triples(self) -> set[tuple[str, str, str | None]]:
        """Return all that a full crawl can learn: (hash asked, reference, collection or None)."""
        return {
            (file.seed, item.id, holder)
            for file in self.files.values()
            for item in self.related(file)
            for holder in item.holders or (None,)
        }

    def _relate(self, file: File) -> Iterable[Item]:
        holders: dict[str, dict[str, None]] = {reference: {} for reference in file.loose}
        for collection in file.collections:
            for reference in self.collections[collection].references:
                holders.setdefault(reference, {})[collection] = None
        for reference in sorted(holders.keys() | set(file.bare)):
            found = holders.get(reference)
            yield Item("reference", reference, None if found is None else tuple(found))


def _by_hash(files: Iterable[File]) -> dict[str, File]:
    found: dict[str, File] = {}
    for file in files:
        for name in filter(None, (file.sha256, file.sha1, file.md5)):
            if found.setdefault(name.lower(), file) is not file:
                raise ValueError(f"two files share the hash {name}")
    return found
