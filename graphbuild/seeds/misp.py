"""MISP events: their attributes, and those inside their objects.

Read as the JSON that MISP documents (https://www.misp-project.org/datamodels/): of an event only
types and values are wanted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.models import HASH_TYPES, detect_hash_type
from graphbuild.seeds.json_documents import best_hash, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.seeds.results import Reading

_HASHES = frozenset(each.name for each in HASH_TYPES)
_NAMES = frozenset({"domain", "hostname", "ip-src", "ip-dst", "url"})
_PAIRS = {
    "domain|ip": ("", ""),
    "hostname|port": ("", "port"),
    "ip-src|port": ("", "port"),
    "ip-dst|port": ("", "port"),
    "malware-sample": ("file_name", "md5"),
    **{f"filename|{kind}": ("file_name", kind) for kind in _HASHES},
}
_LISTED = 10  # types that a remark names


def is_event(value: object) -> bool:
    """Whether a JSON value is a MISP event, or several."""
    return next(_events(value), None) is not None


def read(value: object, reading: Reading) -> None:
    """Take what the attributes of events name.

    Raises:
        SeedError: there is no event.
    """
    if not is_event(value):
        raise SeedError(f"{reading.source} is no MISP event: it has no Event")
    _Reader(reading).read(value)


def _events(value: object) -> Iterator[dict[str, Any]]:
    """The events of a saved event, a search's response, or a list of either."""
    if isinstance(value, list):
        for each in value:
            yield from _events(each)
    elif isinstance(value, dict):
        if isinstance(event := value.get("Event"), dict):
            yield event
        elif isinstance(response := value.get("response"), list):
            yield from _events(response)
        elif isinstance(value.get("Attribute"), list) and "info" in value:
            yield value


class _Reader:
    """The attributes, numbered as they come."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._number = 0
        self._others: dict[str, None] = {}

    def read(self, value: object) -> None:
        for event in _events(value):
            beside = _called("event", event, "info")
            for each in _list(event, "Attribute"):
                self._attribute(each, beside)
            for each in _list(event, "Object"):
                self._object(each, beside)
        if self._others:
            kinds = ", ".join(sorted(self._others)[:_LISTED])
            more = ", ..." if len(self._others) > _LISTED else ""
            self._reading.found.remarks.append(
                f"{self._reading.source}: attributes of these types are not asked about: {kinds}"
                f"{more}"
            )

    def _object(self, value: dict[str, Any], beside: dict[str, str]) -> None:
        """One object: of the hashes of a file only one is asked about."""
        beside = beside | _called("object", value, "name")
        hashes: dict[str, str] = {}
        last: dict[str, str] = {}
        for each in _list(value, "Attribute"):
            if each.get("type") in _HASHES and isinstance(each.get("value"), str):
                if each["type"] in hashes or each.get("deleted") is True:
                    self._attribute(each, beside)
                    continue
                self._number += 1
                hashes[each["type"]] = each["value"].strip()
                last = last | _noted(each)
            elif each.get("type") == "filename" and isinstance(each.get("value"), str):
                self._number += 1
                last = last | {"file_name": each["value"]}
            else:
                self._attribute(each, beside)
        if hashes:
            best, others = best_hash(hashes)
            kind = next(kind for kind, text in hashes.items() if text == best)
            self._take(kind, best, {**beside, **last, **others})

    def _attribute(self, each: dict[str, Any], beside: dict[str, str]) -> None:
        self._number += 1
        kind, value = each.get("type"), each.get("value")
        if not isinstance(kind, str) or not isinstance(value, str):
            self._reading.reject(str(value)[:100], self._number, "has no type and value as texts")
        elif each.get("deleted") is True:
            self._reading.count("deleted attributes were passed over", self._number)
        elif kind in _PAIRS:
            self._pair(kind, value, beside | _noted(each))
        elif kind in _HASHES | _NAMES:
            self._take(kind, value.strip(), beside | _noted(each))
        else:
            self._reading.found.skipped += 1
            self._others[ascii(kind[:40])[1:-1]] = None

    def _pair(self, kind: str, value: str, beside: dict[str, str]) -> None:
        """Two values with a bar between: a file's name and hash, an address and port, two names."""
        parts = [part.strip() for part in value.rsplit("|", 1)]
        if len(parts) != 2:  # noqa: PLR2004  a pair
            self._reading.reject(value, self._number, f"is no {kind}: it has no bar")
            return
        roles = list(zip(_PAIRS[kind], parts, strict=True))
        noted = {role: part for role, part in roles if role and role not in _HASHES and part}
        for role, part in roles:
            if role in _HASHES or not role:
                self._take(role or kind, part, beside | noted)

    def _take(self, kind: str, text: str, beside: dict[str, str]) -> None:
        if kind in _HASHES and detect_hash_type(text) not in {kind, None}:
            reason = f"says {kind} but has the length of {detect_hash_type(text)}"
            self._reading.reject(text, self._number, reason)
        else:
            self._reading.take(text, self._number, beside)


def _list(value: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    found = value.get(name)
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            yield each


def _called(ours: str, value: dict[str, Any], theirs: str) -> dict[str, str]:
    """What one attribute says, under a name of ours; nothing if it says nothing."""
    told = texts_of(value, theirs)
    return {ours: told[theirs]} if told else {}


def _noted(each: dict[str, Any]) -> dict[str, str]:
    tags = [tag.get("name") for tag in _list(each, "Tag")]
    return texts_of({**each, "tags": tags}, "category", "comment", "tags")
