"""The data behind the emulated API: subjects, references, collections and their relationships."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

from graphbuild.emulator.models import (
    INDICATOR_TYPES,
    File,
    ListItem,
    Report,
    canonical_id,
    report_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.emulator.models import (
        ApiObject,
        Collection,
        Indicator,
        Reference,
        Subject,
    )

T = TypeVar("T")
_TEST_FILE = File(
    sha256="275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f", name="eicar.com"
)


class World:
    """The subjects (files and indicators), references and collections of an emulated API.

    A world does not change; :meth:`replace` returns a changed copy.

    Attributes:
        campaigns: Name of each campaign -> the hashes of its files, as in seed lists.
        objects: Object type -> the objects of this type, by id.
        reports: The references as objects of the flavor ``gti``, by id.

    Raises:
        ValueError: Two files share a hash, or two indicators of one type share an id.
    """

    def __init__(
        self,
        files: Iterable[File],
        references: Iterable[Reference],
        collections: Iterable[Collection],
        campaigns: Mapping[str, frozenset[str]] | None = None,
        indicators: Iterable[Indicator] = (),
    ) -> None:
        listed = list(files)
        self.files = {file.id: file for file in listed}
        self.references = {reference.id: reference for reference in references}
        self.collections = {collection.id: collection for collection in collections}
        self.reports = {report_id(each.id): Report(each) for each in self.references.values()}
        self.campaigns = dict(campaigns or {})
        self.indicators = list(indicators)
        hashes = ((each, file) for file in listed for each in (file.sha256, file.sha1, file.md5))
        self._files_by_hash = _index(
            ((each.lower(), file) for each, file in hashes if each), "two files share the hash"
        )
        self.objects: dict[str, Mapping[str, ApiObject]] = {
            "file": self.files,
            "reference": self.references,
            "collection": self.collections,
        }
        for name in INDICATOR_TYPES:
            ids = ((each.id, each) for each in self.indicators if each.type == name)
            self.objects[name] = _index(ids, f"two indicators of type {name} share the id")
        self._related: dict[tuple[object, ...], tuple[ListItem, ...]] = {}
        self._members = defaultdict[tuple[str, str], list[str]](list)
        for subject in self.subjects():
            for parent in dict.fromkeys(subject.collections + subject.references):
                self._members[parent, subject.type].append(subject.id)

    def replace(self, **changes: object) -> World:
        """Return a copy of the world; ``changes`` are the arguments of ``World`` that differ."""
        arguments: dict[str, Any] = {
            "files": self.files.values(),
            "references": self.references.values(),
            "collections": self.collections.values(),
            "campaigns": self.campaigns,
            "indicators": self.indicators,
        }
        arguments.update(changes)
        return World(**arguments)

    def subjects(self) -> list[Subject]:
        """Return all subjects: files, then indicators."""
        return [*self.files.values(), *self.indicators]

    def file(self, any_hash: str) -> File | None:
        """Return the file with an MD5, SHA-1 or SHA-256 (in upper or lower case), or None.

        Every world knows the SHA-256 of the EICAR test file, because clients request this file to
        detect the API flavor.
        """
        found = self._files_by_hash.get(any_hash.lower())
        return _TEST_FILE if found is None and any_hash.lower() == _TEST_FILE.sha256 else found

    def find(self, object_type: str, identifier: str) -> ApiObject | None:
        """Return the object to which an identifier in a request refers, or None.

        Reports of the flavor ``gti`` are not found; see the attribute ``reports``.
        """
        if object_type == "file":
            return self.file(identifier)
        return self.objects[object_type].get(canonical_id(object_type, identifier))

    def resolve(self, item: ListItem) -> ApiObject:
        """Return the object of a list item."""
        return self.objects[item.type].get(item.id) or self.reports[item.id]

    def source(self, identifier: str) -> Collection | Report:
        """Return the collection or the report with an id in ``related_from``."""
        return self.collections.get(identifier) or self.reports[identifier]

    def related_references(self, subject: Subject) -> tuple[ListItem, ...]:
        """Return the items of the relationship ``related_references``, sorted by id."""
        key = (
            subject.collections,
            subject.without_collection,
            subject.without_context,
            subject.omitted,
            subject.unexpected,
        )
        if key not in self._related:  # subjects with the same relations share one list
            self._related[key] = tuple(self._list_related_references(subject))
        return self._related[key]

    def related_reports(self, subject: Subject) -> tuple[ListItem, ...]:
        """Return the items of the relationship ``related_reports`` in the flavor ``gti``.

        The list contains three kinds of reports, sorted by id:

        * ``subject.references``;
        * the related references of the flavor ``classic``, with the same collections in
          ``related_from``;
        * the reports to which a report of the first kind leads, directly or through further
          reports.

        If a report of the first or third kind leads directly to another report, ``related_from`` of
        the latter contains the former. There are two exceptions: reports of the first kind, and
        references without context attributes in the flavor ``classic``, have none.
        """
        found = {item.id: item.related_from for item in self.related_references(subject)}
        found |= dict.fromkeys(subject.references)
        followed = list(subject.references)
        for source in followed:  # the list grows in the loop
            for reference in self.references[source].reports:
                if reference not in followed:
                    followed.append(reference)
                sources = found.get(reference, ())
                if sources is not None:  # a report without context attributes keeps none
                    found[reference] = tuple(dict.fromkeys((*sources, report_id(source))))
        return tuple(ListItem("collection", report_id(i), found[i]) for i in sorted(found))

    def members(self, parent: str, object_type: str = "file") -> list[str]:
        """Return the ids of the subjects of a type that belong to a collection or reference."""
        return sorted(self._members.get((parent, object_type), ()))

    def collections_of(self, reference: str) -> list[str]:
        """Return the ids of the collections that contain a reference."""
        return sorted(c.id for c in self.collections.values() if reference in c.references)

    def hashes(self) -> list[str]:
        """Return the hash of each file as in a seed list."""
        return [file.seed for file in self.files.values()]

    def triples(self) -> set[tuple[str, str, str | None]]:
        """Return the observations of all files, without the type; see :meth:`observations`."""
        return {row[1:] for row in self.observations() if row[0] == "file"}

    def observations(self, api_flavor: str = "classic") -> set[tuple[str, str, str, str | None]]:
        """Return the observations that a complete crawl of all subjects finds.

        Each observation is a tuple: type of the subject, subject as in a seed list, id of the
        reference, and id of the collection or None. In the ``gti`` flavor, the third item is the id
        of a report, and the last item is the id of a collection or report, or None.
        """
        related = self.related_reports if api_flavor == "gti" else self.related_references
        return {
            (subject.type, subject.seed, item.id, collection)
            for subject in self.subjects()
            for item in related(subject)
            for collection in item.related_from or (None,)
        }

    def direct_references(self) -> set[tuple[str, str, str]]:
        """Return the direct references that a complete crawl of all subjects finds.

        Each direct reference is a tuple: type of the subject, subject as in a seed list, and id of
        the reference.
        """
        return {
            (subject.type, subject.seed, reference)
            for subject in self.subjects()
            for reference in subject.references
        }

    def _list_related_references(self, subject: Subject) -> Iterable[ListItem]:
        sources: dict[str, dict[str, None]] = {each: {} for each in subject.without_collection}
        omitted = frozenset(subject.omitted)
        pairs = [
            (reference, collection)
            for collection in subject.collections
            for reference in self.collections[collection].references
            if (reference, collection) not in omitted
        ]
        for reference, collection in [*pairs, *subject.unexpected]:
            sources.setdefault(reference, {})[collection] = None
        for reference in sorted(sources.keys() | set(subject.without_context)):
            found = sources.get(reference)
            yield ListItem("reference", reference, None if found is None else tuple(found))


def _index(rows: Iterable[tuple[str, T]], problem: str) -> dict[str, T]:
    """Return a dictionary of the pairs ``rows``.

    Raises:
        ValueError: A key has two different values. The message is ``problem`` and the key.
    """
    found: dict[str, T] = {}
    for key, value in rows:
        if found.setdefault(key, value) is not value:
            raise ValueError(f"{problem} {key}")
    return found
