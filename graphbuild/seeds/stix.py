"""STIX 2.1 bundles: observed files, domains, addresses and URLs, and what indicators look for.

Read by the standard's own library, object by object, so that one bad object costs itself alone.
Of a pattern only what must be equal is taken: what is negated, or only like something, names
nothing that could be asked about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import stix2
from stix2.exceptions import STIXError
from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern

from graphbuild.errors import SeedError
from graphbuild.seeds.json_documents import best_hash, hash_name, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbuild.seeds.results import Reading

MAX_PATTERN = 65_536
_VALUES = frozenset({"domain-name", "ipv4-addr", "ipv6-addr", "url"})
_SEEDS = _VALUES | {"file", "indicator", "observed-data"}
_ENDS = frozenset({"src_ref", "dst_ref"})
_CONSTANT = re.compile(r"'((?:[^'\\]|\\.)*)'")
# What the libraries raise on objects that only look like STIX.
_BAD = (
    STIXError,
    ParseException,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def is_bundle(value: object) -> bool:
    """Whether a JSON value says that it is a STIX bundle."""
    return isinstance(value, dict) and value.get("type") == "bundle"


def read(value: object, reading: Reading) -> None:
    """Take what the objects of a bundle name.

    Raises:
        SeedError: it is no bundle.
    """
    if not isinstance(value, dict) or not is_bundle(value):
        raise SeedError(f"{reading.source} is no STIX bundle: its type is not bundle")
    objects = value.get("objects", [])
    if not isinstance(objects, list):
        raise SeedError(f"{reading.source} is no STIX bundle: its objects are no list")
    for number, each in enumerate(objects, 1):
        if not isinstance(each, dict) or not isinstance(each.get("type"), str):
            reading.reject(str(each)[:100], number, "is no STIX object: it has no type")
        elif each["type"] in _SEEDS:
            _take(each, number, reading)
        else:
            reading.found.skipped += 1


def _take(each: dict[str, Any], number: int, reading: Reading) -> None:
    kind = each["type"]
    try:
        if kind == "indicator":
            _take_pattern(each, number, reading)
            return
        stix2.parse(each, allow_custom=True)
    except _BAD as error:
        said = "nested too deeply" if isinstance(error, RecursionError) else _sentence(error)
        reading.reject(str(each.get("id", kind))[:100], number, f"is no {kind} of STIX: {said}")
        return
    for one in _inside(each.get("objects")) if kind == "observed-data" else [each]:
        _take_observable(one, number, reading)


def _inside(objects: object) -> Iterator[dict[str, Any]]:
    """What older bundles keep inside of an observation."""
    for each in objects.values() if isinstance(objects, dict) else ():
        if isinstance(each, dict):
            yield each


def _take_observable(each: Mapping[str, Any], number: int, reading: Reading) -> None:
    beside = texts_of(dict(each), "name", "labels")
    if each.get("type") == "file":
        stated = each.get("hashes")
        named = stated.items() if isinstance(stated, dict) else ()
        hashes = {
            plain: text
            for name, text in named
            if (plain := hash_name(name)) and isinstance(text, str)
        }
        if not hashes:
            reading.count("files without MD5, SHA-1 or SHA-256 were passed over", number)
            return
        best, others = best_hash(hashes)
        reading.take(best, number, {**beside, **others})
    elif each.get("type") in _VALUES:
        reading.take(str(each.get("value")), number, beside)


# --- patterns ------------------------------------------------------------------------------------


def _take_pattern(each: dict[str, Any], number: int, reading: Reading) -> None:
    """Take what an indicator looks for.

    Only its pattern is parsed: as a whole it would be refused for a set of hashes, which the
    library takes for one hash and finds malformed.
    """
    pattern = each.get("pattern")
    if each.get("pattern_type", "stix") != "stix":
        reading.count("indicators in other languages than STIX were passed over", number)
        return
    if not isinstance(pattern, str):
        raise TypeError("it has no pattern")
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"its pattern is longer than {MAX_PATTERN:,} characters")
    beside = texts_of(each, "name", "description", "indicator_types", "labels")
    for text in _names(Pattern(pattern).inspect().comparisons, number, reading):
        reading.take(text, number, beside)


def _names(comparisons: Mapping[str, Any], number: int, reading: Reading) -> Iterator[str]:
    for kind, found in comparisons.items():
        for path, operator, constant in found:
            if not _is_name(kind, path):
                reading.count("parts of patterns name nothing that is asked about", number)
            elif operator not in {"=", "IN"}:
                reading.count("parts of patterns that ask for no equality were left out", number)
            else:
                for text in _CONSTANT.findall(constant):
                    yield re.sub(r"\\(.)", r"\1", text)


def _is_name(kind: str, path: list[object]) -> bool:
    if kind == "file":
        return len(path) == 2 and path[0] == "hashes" and bool(hash_name(str(path[1])))  # noqa: PLR2004  hashes.MD5
    if kind == "network-traffic":
        return len(path) == 2 and path[0] in _ENDS and path[1] == "value"  # noqa: PLR2004  dst_ref.value
    return kind in _VALUES and path == ["value"]


def _sentence(error: Exception) -> str:
    return ascii(" ".join(str(error).split())[:150])[1:-1]
