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
    """An article or blog post; ``attributes`` are all attributes except the URL."""

    type: ClassVar[str] = "reference"
    id: str
    url: str
    attributes: Mapping[str, object] = field(default_factory=dict, hash=False)

    @classmethod
    def from_url(cls, url: str, **attributes: object) -> Reference:
        """Create a reference whose id is the SHA-256 of its URL; omit attributes that are None."""
        known = {name: value for name, value in attributes.items() if value is not None}
        return cls(hashlib.sha256(url.encode()).hexdigest(), url, known)


@dataclass(frozen=True, slots=True)
class Report:
    """A reference in the ``gti`` flavor: a collection whose id contains the reference's id."""

    type: ClassVar[str] = "collection"
    reference: Reference

    @property
    def id(self) -> str:
        """The id of the collection."""
        return report_id(self.reference.id)


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of objects, such as a malware family or an actor.

    Attributes:
        references: The ids of its references.
        mentions_name: Whether ``related_from`` contains the attributes of the collection.
    """

    type: ClassVar[str] = "collection"
    id: str
    name: str
    references: tuple[str, ...] = ()
    collection_type: str | None = None
    origin: str | None = None
    mentions_name: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """Ids of the objects that are related to a subject.

    The relationship ``related_references`` lists the references of all collections that contain the
    subject. The last four attributes are exceptions to this rule. A pair consists of the ids of a
    reference and of a collection, in this order.

    Attributes:
        collections: The collections that contain the subject.
        references: References about the subject itself (relationship ``references``).
        without_collection: References of no collection, listed with an empty ``related_from``.
        without_context: References of no collection, listed without ``context_attributes``.
        omitted: Pairs that are not listed although the collection contains the reference.
        unexpected: Pairs that are listed although the collection does not contain the reference.
    """

    collections: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    without_collection: tuple[str, ...] = ()
    without_context: tuple[str, ...] = ()
    omitted: tuple[tuple[str, str], ...] = ()
    unexpected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class File(_Listed):
    """A file, identified by any of its three hashes.

    Attributes:
        name: The attribute ``meaningful_name``; empty for none.
        seed_hash: The hash of the file in seed lists; if empty, the id is used.
    """

    type: ClassVar[str] = "file"
    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    name: str = ""
    seed_hash: str = ""

    @property
    def id(self) -> str:
        """The strongest known hash."""
        return self.sha256 or self.sha1 or self.md5

    @property
    def seed(self) -> str:
        """The entry for the file in a seed list."""
        return self.seed_hash or self.id


@dataclass(frozen=True, slots=True)
class Indicator(_Listed):
    """A subject of type ``domain``, ``ip_address`` or ``url``.

    Raises:
        ValueError: The type is unknown, the IP address is invalid or the domain is empty.
    """

    type: str
    text: str

    def __post_init__(self) -> None:
        if self.type not in INDICATOR_TYPES:
            raise ValueError(
                f"unknown type {self.type!r}; choose from {', '.join(INDICATOR_TYPES)}"
            )
        if not self.id:
            raise ValueError(f"{self.text!r} is not a valid {self.type}")

    @property
    def id(self) -> str:
        """The id in the API; for a URL, the SHA-256 of its text."""
        if self.type == "url":
            return hashlib.sha256(self.text.encode()).hexdigest()
        return canonical_id(self.type, self.text)

    @property
    def seed(self) -> str:
        """The entry for the indicator in a seed list."""
        return self.text


Subject = File | Indicator
ApiObject = Subject | Reference | Collection | Report


class ListItem(NamedTuple):
    """An item of a list; ``related_from`` is None if the item has no context attributes."""

    type: str
    id: str
    related_from: tuple[str, ...] | None = None


def report_id(reference: str) -> str:
    """Return the id that a reference has as a collection in the ``gti`` flavor."""
    return f"report--{reference}"


def canonical_id(object_type: str, identifier: str) -> str:
    """Return the canonical id for ``identifier``, or an empty string if it is invalid.

    The API documentation does not specify how domains and IPv6 addresses are written in requests.
    The emulator accepts any case and any notation.
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
    """Return the SHA-256 of a URL from this SHA-256 in any case, or from unpadded base64."""
    if re.fullmatch("[0-9a-fA-F]{64}", identifier):
        return identifier.lower()
    if "=" in identifier:
        return ""
    padding = "=" * (-len(identifier) % 4)
    url = base64.b64decode(identifier + padding, altchars=b"-_", validate=True)
    return hashlib.sha256(url).hexdigest()
