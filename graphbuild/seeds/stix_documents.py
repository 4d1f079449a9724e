"""Recognize STIX 2 in JSON, and find the objects in bundles, TAXII envelopes and arrays.

This module needs no optional library, unlike :mod:`graphbuild.seeds.stix`, which reads the objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.models import SUBJECT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbuild.seeds.results import SeedReader

# Type of a STIX object -> the name of its property that contains the seed.
SEED_PROPERTIES = {
    name: each.stix_property for each in SUBJECT_TYPES.values() for name in each.stix_types
}
# STIX has no type for host names. Platforms such as OpenCTI define these types themselves.
SEED_PROPERTIES |= dict.fromkeys(("hostname", "x-hostname", "x-opencti-hostname"), "value")
FILE_TYPES = frozenset({"file", "artifact"})
# The types of objects that :mod:`graphbuild.seeds.stix` reads.
READ_TYPES = SEED_PROPERTIES.keys() | FILE_TYPES | {"indicator", "observed-data"}

# Types that no other format has. They identify STIX objects that have no id.
_UNMISTAKABLE_TYPES = frozenset({"domain-name", "ipv4-addr", "ipv6-addr"})


def is_stix(value: object) -> bool:
    """Return whether a JSON value is or contains a STIX bundle, TAXII envelope or STIX object."""
    if isinstance(value, list):
        return any(map(is_stix, value))
    return isinstance(value, dict) and (_has_objects(value) or _is_object(value))


def _has_objects(value: dict[str, Any]) -> bool:
    """Return whether a JSON object is a STIX bundle or a TAXII envelope."""
    if value.get("type") == "bundle":
        return True
    objects = value.get("objects")
    if "type" in value or not isinstance(objects, list):
        return False
    return any(map(_is_object, objects)) if objects else "more" in value


def _is_object(value: object) -> bool:
    """Return whether a JSON value is a STIX object.

    The id of a STIX object starts with its type and ``--``, unlike the ids of API objects.
    """
    if not isinstance(value, dict) or not isinstance(kind := value.get("type"), str):
        return False
    stated = value.get("id")
    if stated is None:  # in STIX 2.0, observables have no id
        return kind in _UNMISTAKABLE_TYPES or (kind in FILE_TYPES and "hashes" in value)
    return isinstance(stated, str) and stated.startswith(f"{kind}--")


def find_objects(value: object, reader: SeedReader) -> Iterator[object]:
    """Yield the STIX objects in bundles, envelopes and arrays.

    Other values in these containers are also yielded, so that the caller can reject them.

    Raises:
        SeedError: The objects of a bundle are not a list.
    """
    if isinstance(value, list):
        for each in value:
            yield from find_objects(each, reader)
    elif isinstance(value, dict) and _has_objects(value):
        objects = value.get("objects", [])
        if not isinstance(objects, list):
            raise SeedError(f"{reader.source} is not a STIX bundle: its objects are not a list")
        if value.get("more") is True:
            reader.count_warning("a TAXII envelope is not the last page; request the others", 1)
        for each in objects:
            yield from find_objects(each, reader) if isinstance(each, dict) else [each]
    else:
        yield value
