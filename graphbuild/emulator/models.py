"""What there is to know of: files and other subjects, references, collections."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.emulator.canonical_ids import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

Pair = tuple[str, str]  # the ids of a reference and of a collection


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
class Report:
    """A reference as the younger generation has it: a collection named after the same hash."""

    reference: Reference

    @property
    def id(self) -> str:
        """The id among the collections."""
        return report_id(self.reference.id)


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
    missing: tuple[Pair, ...] = ()  # not listed although the collection has the reference
    extra: tuple[Pair, ...] = ()  # listed as of a collection that does not have the reference
    name: str = ""  # its `meaningful_name`

    @property
    def type(self) -> str:
        """The type of the object."""
        return "file"

    @property
    def id(self) -> str:
        """The strongest hash known."""
        return self.sha256 or self.sha1 or self.md5

    @property
    def seed(self) -> str:
        """The hash a user would ask with."""
        return self.asked or self.id


@dataclass(frozen=True, slots=True)
class Indicator:
    """A domain, an `ip_address` or a url: a subject as a file is, named by its text.

    Raises:
        ValueError: it is of another type, or an address that is none.
    """

    type: str
    text: str  # what its user has
    collections: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    missing: tuple[Pair, ...] = ()
    extra: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        if self.type not in INDICATORS:
            raise ValueError(f"no indicator {self.type!r}; we have {', '.join(INDICATORS)}")
        if not self.id:
            raise ValueError(f"not an {self.type}: {self.text!r}")

    @property
    def id(self) -> str:
        """The id as the service gives it: of a url the SHA-256."""
        if self.type == "url":
            return hashlib.sha256(self.text.encode()).hexdigest()
        return SPELLINGS[self.type](self.text)

    @property
    def seed(self) -> str:
        """The text a user would ask with."""
        return self.text


INDICATORS = ("domain", "ip_address", "url")

Subject = File | Indicator
Thing = Subject | Reference | Collection | Report


class Item(NamedTuple):
    """A line of a listing; `holders` are collection ids, None when there is no context at all."""

    type: str
    id: str
    holders: tuple[str, ...] | None = None


def report_id(reference: str) -> str:
    """Return the id that a reference has among the collections of the younger generation."""
    return f"report--{reference}"
