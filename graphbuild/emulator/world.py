"""What the emulated service knows: subjects, references, collections, and who holds whom."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from graphbuild.emulator.canonical_ids import SPELLINGS
from graphbuild.emulator.models import Item, Report, report_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.emulator.models import (
        Collection,
        File,
        Indicator,
        Reference,
        Subject,
        Thing,
    )

_Listing = tuple[Item, ...]
_Exceptions = tuple[tuple[object, ...], ...]


class World:
    """All subjects, references and collections; built once, then only read."""

    def __init__(
        self,
        files: Iterable[File],
        references: Iterable[Reference],
        collections: Iterable[Collection],
        campaigns: Mapping[str, frozenset[str]] | None = None,
        indicators: Iterable[Indicator] = (),
    ) -> None:
        known, others = list(files), list(indicators)
        self._by_hash = _by_hash(known)
        self.files = {file.id: file for file in known}
        self.domains = _by_id("domain", others)
        self.ip_addresses = _by_id("ip_address", others)
        self.urls = _by_id("url", others)
        self.references = {reference.id: reference for reference in references}
        self.collections = {collection.id: collection for collection in collections}
        self.campaigns = dict(campaigns or {})
        self.others = others
        self._related: dict[_Exceptions, _Listing] = {}
        self._members = defaultdict[tuple[str, str], list[str]](list)
        for subject in self.subjects():
            for holder in dict.fromkeys(subject.collections + subject.direct):
                self._members[holder, subject.type].append(subject.id)

    def changed(
        self,
        *,
        files: Iterable[File] | None = None,
        references: Iterable[Reference] | None = None,
        collections: Iterable[Collection] | None = None,
        indicators: Iterable[Indicator] | None = None,
    ) -> World:
        """Return a world with these in place of all that this one has of the kind."""
        return World(
            self.files.values() if files is None else files,
            self.references.values() if references is None else references,
            self.collections.values() if collections is None else collections,
            self.campaigns,
            self.others if indicators is None else indicators,
        )

    def subjects(self) -> list[Subject]:
        """Return whatever can be asked about: files, then the others."""
        return [*self.files.values(), *self.others]

    def file(self, any_hash: str) -> File | None:
        """Return the file with this MD5, SHA-1 or SHA-256, in any case."""
        return self._by_hash.get(any_hash.lower())

    def find(self, kind: str, name: str) -> Thing | None:
        """Return the thing of a type that a name in an address means."""
        if kind == "file":
            return self.file(name)
        return self._kept(kind).get(SPELLINGS[kind](name))

    def thing(self, item: Item) -> Thing:
        """Return what a line of a listing is about."""
        kept = self._kept(item.type)
        if item.type == "collection" and item.id not in kept:
            return Report(self.references[item.id.removeprefix(report_id(""))])
        return kept[item.id]

    def related(self, subject: Subject) -> _Listing:
        """List the references of the collections of a subject, in ascending order of id."""
        ways = (subject.loose, subject.bare, subject.missing, subject.extra)
        key = (subject.collections, *ways)
        if key not in self._related:  # files of a family share one listing
            self._related[key] = tuple(self._relate(subject))
        return self._related[key]

    def related_reports(self, subject: Subject) -> _Listing:
        """List the same and the direct ones as the younger generation does.

        What is related directly has no context there, even if a collection has it too.
        """
        found = {item.id: item.holders for item in self.related(subject)}
        found |= dict.fromkeys(subject.direct)
        return tuple(Item("collection", report_id(i), found[i]) for i in sorted(found))

    def members(self, holder: str, kind: str = "file") -> list[str]:
        """Return the ids of the files in a collection, or of those a reference is about.

        `kind` is the type of another subject: "domain", "ip_address" or "url".
        """
        return sorted(self._members.get((holder, kind), ()))

    def holders(self, reference: str) -> list[str]:
        """Return the ids of the collections that hold a reference."""
        return sorted(c.id for c in self.collections.values() if reference in c.references)

    def hashes(self) -> list[str]:
        """Return one hash a file, as a user would have them."""
        return [file.seed for file in self.files.values()]

    def indicators(self) -> list[tuple[str, str]]:
        """Return (type, text) of every subject, files too, as a user would have them."""
        return [(subject.type, subject.seed) for subject in self.subjects()]

    def triples(self) -> set[tuple[str, str, str | None]]:
        """Return all that a full crawl can learn: (hash asked, reference, collection or None)."""
        return {fact[1:] for fact in self.facts() if fact[0] == "file"}

    def facts(self, *, reports: bool = False) -> set[tuple[str, str, str, str | None]]:
        """Return what the listings of all subjects say: (type, text asked, id, collection).

        The id is that of a reference; with `reports`, what `related_reports` lists.
        """
        listed = self.related_reports if reports else self.related
        return {
            (subject.type, subject.seed, item.id, holder)
            for subject in self.subjects()
            for item in listed(subject)
            for holder in item.holders or (None,)
        }

    def rule_breakers(self) -> frozenset[str]:
        """Return the hashes of the files that `related_references` does not follow its rule for.

        The rule: the references of the collections that contain the file, each with those
        collections, and no other. In the words of `hashes`.
        """
        plain = {"loose": (), "bare": (), "missing": (), "extra": ()}
        return frozenset(
            file.seed
            for file in self.files.values()
            if self.related(file) != self.related(replace(file, **plain))  # type: ignore[arg-type]  # all four are tuples
        )

    def _relate(self, subject: Subject) -> Iterable[Item]:
        holders: dict[str, dict[str, None]] = {reference: {} for reference in subject.loose}
        held = (
            (reference, collection)
            for collection in subject.collections
            for reference in self.collections[collection].references
        )
        hidden = frozenset(subject.missing)
        for pair in (*(each for each in held if each not in hidden), *subject.extra):
            holders.setdefault(pair[0], {})[pair[1]] = None
        for reference in sorted(holders.keys() | set(subject.bare)):
            found = holders.get(reference)
            yield Item("reference", reference, None if found is None else tuple(found))

    def _kept(self, kind: str) -> Mapping[str, Thing]:
        kept: Mapping[str, Mapping[str, Thing]] = {
            "file": self.files,
            "domain": self.domains,
            "ip_address": self.ip_addresses,
            "url": self.urls,
            "reference": self.references,
            "collection": self.collections,
        }
        return kept[kind]


def _by_id(kind: str, indicators: Iterable[Indicator]) -> dict[str, Indicator]:
    found: dict[str, Indicator] = {}
    for each in indicators:
        if each.type == kind and found.setdefault(each.id, each) is not each:
            raise ValueError(f"two of type {kind} share the id {each.id}")
    return found


def _by_hash(files: Iterable[File]) -> dict[str, File]:
    found: dict[str, File] = {}
    for file in files:
        for name in filter(None, (file.sha256, file.sha1, file.md5)):
            if found.setdefault(name.lower(), file) is not file:
                raise ValueError(f"two files share the hash {name}")
    return found
