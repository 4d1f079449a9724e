"""Objects of the emulated API (subjects, references, collections) and their ids."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

INDICATOR_TYPES = ("domain", "ip_address", "url")

# Object type -> first segment of the path after ``/api/v3``.
ENDPOINTS = {
    "file": "files",
    "domain": "domains",
    "ip_address": "ip_addresses",
    "url": "urls",
    "reference": "references",
    "collection": "collections",
}
OBJECT_TYPES = {endpoint: object_type for object_type, endpoint in ENDPOINTS.items()}


@dataclass(frozen=True, slots=True)
class Reference:
    """An article or blog post.

    Attributes:
        id: The SHA-256 of the URL. In the ``gti`` flavor, curated reports have ids such as
            ``report--21-00000001`` instead.
        attributes: The API attributes except ``url``.
        reports: The ids of the references that are related to files through this reference. Only
            the ``gti`` flavor has such relationships.
    """

    type: ClassVar[str] = "reference"
    id: str
    url: str
    attributes: Mapping[str, object] = field(default_factory=dict, hash=False)
    reports: tuple[str, ...] = ()

    @classmethod
    def from_url(cls, url: str, **attributes: object) -> Reference:
        """Create a reference whose id is the SHA-256 of ``url``; omit attributes that are None."""
        known = {name: value for name, value in attributes.items() if value is not None}
        return cls(hashlib.sha256(url.encode()).hexdigest(), url, known)


@dataclass(frozen=True, slots=True)
class Report:
    """A reference in the ``gti`` flavor, where it is a collection."""

    type: ClassVar[str] = "collection"
    reference: Reference

    @property
    def id(self) -> str:
        """The id of the collection; see :func:`report_id`."""
        return report_id(self.reference.id)


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of objects, such as a malware family or an actor."""

    type: ClassVar[str] = "collection"
    id: str
    name: str
    references: tuple[str, ...] = ()  # ids
    collection_type: str | None = None  # such as ``malware-family``; None omits the attribute
    origin: str | None = None  # such as ``Partner``; None omits the attribute
    mentions_name: bool = True  # whether ``related_from`` contains attributes of this collection
    attributes: Mapping[str, object] = field(default_factory=dict, hash=False)  # other attributes
    associations: tuple[str, ...] = ()  # ids of associated collections


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """Ids of the objects that are related to a subject.

    By default, the relationship ``related_references`` contains the references of all collections
    that contain the subject. The last four attributes add references to this relationship or omit
    references.

    Attributes:
        collections: The collections that contain the subject.
        references: References about the subject itself (relationship ``references``).
        without_collection: Added references with an empty ``related_from``.
        without_context: Added references without ``context_attributes``.
        omitted: Pairs (reference, collection) to omit, although the collection contains the
            reference.
        unexpected: Pairs (reference, collection) to add, although the collection does not contain
            the reference.
    """

    collections: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    without_collection: tuple[str, ...] = ()
    without_context: tuple[str, ...] = ()
    omitted: tuple[tuple[str, str], ...] = ()
    unexpected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class File(_Listed):
    """A file with up to three hashes, each of which identifies it."""

    type: ClassVar[str] = "file"
    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    name: str = ""  # the attribute ``meaningful_name``; empty to omit it
    seed_hash: str = ""  # the hash of the file in seed lists; empty for the strongest known hash
    attributes: Mapping[str, object] = field(default_factory=dict, hash=False)  # other attributes

    @property
    def id(self) -> str:
        """The strongest known hash."""
        return self.sha256 or self.sha1 or self.md5

    @property
    def seed(self) -> str:
        """The hash of the file in a seed list."""
        return self.seed_hash or self.id


@dataclass(frozen=True, slots=True)
class Indicator(_Listed):
    """A subject of type ``domain``, ``ip_address`` or ``url``.

    Raises:
        ValueError: The type is unknown, the IP address is invalid or the domain is empty.
    """

    type: str
    text: str  # the domain, IP address or URL as in seed lists

    def __post_init__(self) -> None:
        if self.type not in INDICATOR_TYPES:
            raise ValueError(
                f"unknown type {self.type!r}; choose from {', '.join(INDICATOR_TYPES)}"
            )
        if not self.id:
            raise ValueError(f"{self.text!r} is not a valid {self.type}")

    @property
    def id(self) -> str:
        """The id in the API: the domain in lower case, the IP address, or the URL's SHA-256."""
        if self.type == "url":
            return hashlib.sha256(self.text.encode()).hexdigest()
        return canonical_id(self.type, self.text)

    @property
    def seed(self) -> str:
        """The text of the indicator in a seed list."""
        return self.text


Subject = File | Indicator
ApiObject = Subject | Reference | Collection | Report


class ListItem(NamedTuple):
    """An item of a list: an object by type and id, and its context attributes."""

    type: str
    id: str
    # Ids of collections and, in the ``gti`` flavor, of reports. None if the item has no context
    # attributes.
    related_from: tuple[str, ...] | None = None


_REPORT_PREFIX = "report--"


def report_id(reference: str) -> str:
    """Return the id of a reference in the ``gti`` flavor: the same id, prefixed with ``report--``.

    An id that has this prefix is returned unchanged.
    """
    return _REPORT_PREFIX + reference.removeprefix(_REPORT_PREFIX)


def canonical_id(object_type: str, identifier: str) -> str:
    """Return the canonical id for an identifier in a request, or an empty string if it is invalid.

    Domains are accepted in any case and IPv6 addresses in any notation, because the API
    documentation does not require a form. Ids of files and collections are returned unchanged.
    """
    try:
        match object_type:
            case "domain":
                return identifier.lower()
            case "ip_address":
                return str(ipaddress.ip_address(identifier))
            case "url" | "reference":
                return _canonical_url_id(identifier)
    except ValueError:
        return ""
    return identifier


def _canonical_url_id(identifier: str) -> str:
    """Return the SHA-256 of a URL. ``identifier`` is this hash, or the URL in unpadded base64.

    Return an empty string for padded base64. Raise ``ValueError`` for invalid base64.
    """
    if re.fullmatch("[0-9a-fA-F]{64}", identifier):
        return identifier.lower()
    if "=" in identifier:
        return ""
    padding = "=" * (-len(identifier) % 4)
    url = base64.b64decode(identifier + padding, altchars=b"-_", validate=True)
    return hashlib.sha256(url).hexdigest()
