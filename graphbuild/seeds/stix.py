"""STIX 2: hashes, domains, IP addresses and URLs of observables and indicator patterns.

The objects can be in bundles, in envelopes of a TAXII 2.1 server, in arrays, or on their own.

Objects are parsed one by one, so that an invalid object does not affect the others. In patterns,
only comparisons with ``=`` and ``IN`` are read. Comparisons with other operators, such as ``LIKE``,
and negated comparisons do not identify a particular object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import stix2
from stix2.exceptions import STIXError
from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern

from graphbuild.errors import SeedError
from graphbuild.models import detect_hash_type
from graphbuild.seeds.indicators import HASH_LABELS
from graphbuild.seeds.json_documents import api_hash_name, text_fields
from graphbuild.seeds.results import INVALID_HASHES
from graphbuild.seeds.stix_documents import (
    FILE_TYPES,
    READ_TYPES,
    SEED_PROPERTIES,
    find_objects,
    is_stix,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbuild.seeds.results import SeedReader

MAX_PATTERN = 65_536  # characters
_ALTERNATIVES = re.compile(r"\b(?:OR|IN)\b", re.IGNORECASE)
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
# ``stix2`` and ``stix2patterns`` raise these errors, or RecursionError, for invalid objects.
_PARSE_ERRORS = (STIXError, ParseException, AttributeError, LookupError, TypeError, ValueError)


def read(value: object, reader: SeedReader) -> None:
    """Add the seeds in STIX objects; skip revoked objects and objects of unsupported types."""
    if not is_stix(value):
        raise SeedError(f"{reader.source} is not a STIX bundle, TAXII envelope or STIX object")
    for number, each in enumerate(find_objects(value, reader), 1):
        if not isinstance(each, dict) or not isinstance(each.get("type"), str):
            reader.reject(str(each)[:100], number, "is not a STIX object: it has no type")
        elif each.get("revoked") is True:
            reader.count_warning("revoked objects were skipped", number)
        elif each["type"] in READ_TYPES:
            _read_object(each, number, reader)
        else:
            reader.skip(each["type"])


def _read_object(each: dict[str, Any], number: int, reader: SeedReader) -> None:
    kind = each["type"]
    try:
        if kind == "indicator":
            _read_indicator(each, number, reader)
            return
        each = _omit_unreadable_hashes(each, number, reader)
        stix2.parse(each, allow_custom=True)
    except (RecursionError, *_PARSE_ERRORS) as error:
        problem = ascii(" ".join(str(error).split())[:150])[1:-1]
        if isinstance(error, RecursionError):
            problem = "nested too deeply"
        reader.reject(str(each.get("id", kind))[:100], number, f"is an invalid {kind}: {problem}")
        return
    if kind == "observed-data":  # in STIX 2.0, observables are inside observed-data objects
        inside = each.get("objects")
        for one in inside.values() if isinstance(inside, dict) else ():
            if isinstance(one, dict):
                _read_observable(one, number, reader)
    else:
        _read_observable(each, number, reader)


def _omit_unreadable_hashes(
    each: dict[str, Any], number: int, reader: SeedReader
) -> dict[str, Any]:
    """Return a STIX file object without invalid hashes and without hashes of other types.

    Without this function, ``stix2`` would reject the whole object because of one hash, such as a
    TLSH that starts with ``T1``. Objects without a valid hash are returned unchanged. The file
    objects inside ``observed-data`` are changed in the same way.
    """
    inside = each.get("objects")
    if each.get("type") == "observed-data" and isinstance(inside, dict):
        readable = {
            key: _omit_unreadable_hashes(one, number, reader) if isinstance(one, dict) else one
            for key, one in inside.items()
        }
        return {**each, "objects": readable}
    hashes = _file_hashes(each) if each.get("type") in FILE_TYPES else {}
    valid = {name for name, text in hashes.items() if detect_hash_type(text) == api_hash_name(name)}
    if not valid:
        return each
    if len(valid) < len(hashes):
        reader.count_warning(INVALID_HASHES, number)
    return {**each, "hashes": {name: text for name, text in hashes.items() if name in valid}}


def _file_hashes(each: dict[str, Any]) -> dict[str, str]:
    """Return the hashes by which the API finds a file. The keys are the names of hashes in STIX."""
    stated = each.get("hashes")
    items = stated.items() if isinstance(stated, dict) else ()
    return {name: text for name, text in items if api_hash_name(name) and isinstance(text, str)}


def _read_observable(each: dict[str, Any], number: int, reader: SeedReader) -> None:
    attributes = text_fields(each, "name", "labels")
    if each.get("type") in FILE_TYPES:
        hashes = {str(api_hash_name(name)): text for name, text in _file_hashes(each).items()}
        if not hashes:
            reader.count_warning(f"files without {HASH_LABELS} were skipped", number)
            return
        reader.add_file(hashes, number, attributes)
    elif property_name := SEED_PROPERTIES.get(str(each.get("type"))):
        reader.add(str(each.get(property_name)), number, attributes)


def _read_indicator(each: dict[str, Any], number: int, reader: SeedReader) -> None:
    """Add the seeds in the pattern of a STIX indicator.

    Only the pattern is parsed. ``stix2`` would reject indicators with several hashes after ``IN``,
    because it reads them as one malformed hash.
    """
    pattern = each.get("pattern")
    if each.get("pattern_type", "stix") != "stix":
        reader.count_warning("indicators in pattern languages other than STIX were skipped", number)
        return
    if not isinstance(pattern, str):
        raise TypeError("it has no pattern")
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"its pattern is longer than {MAX_PATTERN:,} characters")
    attributes = text_fields(each, "name", "description", "indicator_types", "labels")
    values = list(_pattern_values(Pattern(pattern).inspect().comparisons, number, reader))
    hashes = {name: text for name, text in values if name}
    # Hashes of different types that are combined with AND are hashes of one file. With OR, they
    # can be hashes of several files.
    if _is_conjunction(pattern) and len(hashes) == sum(bool(name) for name, _ in values) > 0:
        reader.add_file(hashes, number, attributes)
        values = [each for each in values if not each[0]]
    for _, text in values:
        reader.add(text, number, attributes)


def _is_conjunction(pattern: str) -> bool:
    """Return whether a pattern is one observation whose comparisons are all combined with AND."""
    structure = _QUOTED.sub("", pattern)
    return structure.count("[") == 1 and not _ALTERNATIVES.search(structure)


def _pattern_values(
    comparisons: Mapping[str, Any], number: int, reader: SeedReader
) -> Iterator[tuple[str, str]]:
    """Yield the hash type and the text of each seed in comparisons.

    The hash type has its name in the API, and is empty for seeds that are not hashes.
    """
    for kind, found in comparisons.items():
        for path, operator, constant in found:
            if not _is_readable(kind, path):
                steps = [step if isinstance(step, str) else "*" for step in path]
                reader.skip(f"pattern comparison {kind}:{'.'.join(steps)}")
            elif operator not in {"=", "IN"}:
                reader.count_warning(
                    "pattern comparisons with operators other than = and IN were skipped", number
                )
            else:
                hash_name = api_hash_name(str(path[-1])) if "hashes" in path else None
                for text in _QUOTED.findall(constant):
                    yield hash_name or "", re.sub(r"\\(.)", r"\1", text)


def _is_readable(kind: str, path: list[object]) -> bool:
    """Return whether the property at ``path`` of an object of type ``kind`` contains a seed."""
    match kind, path:
        # The first two cases are hashes of a file, and of a file to which another object refers,
        # such as the image of a process. Hashes of certificates and of sections of programs do not
        # identify a file.
        case "file" | "artifact", ["hashes", name]:
            return bool(api_hash_name(str(name)))
        case _, [*_, str(reference), "hashes", name] if reference.endswith("_ref"):
            return bool(api_hash_name(str(name)))
        case "network-traffic", ["src_ref" | "dst_ref", "value"]:
            return True
    return kind in SEED_PROPERTIES and path == [SEED_PROPERTIES[kind]]
