"""Bytes of an answer become values, strictly: what is damaged or ambiguous is refused.

The standard library's parser, with hooks, decides: what ``requests`` decodes with depends on what
else is installed, replaces bad bytes silently, and lets the last of two equal keys win. A typed
decoder is several times faster but does not see a key that stands twice; it goes first, and is
believed where its result is proved to be the parser's (see :func:`decode_plain`).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import cache
from typing import Annotated, Any, NamedTuple, NoReturn

import msgspec

from graphbuild.errors import PayloadError

Scalar = str | int | float | bool

MAX_DEPTH = 64
PAGE_LEVELS, ENTRY_LEVELS = 8, 6  # as deep as a real page nests, and an entry of its list
MAX_VALUES = 500_000  # in one answer; a real page has some thousand
MAX_KEYS = 1_000  # in one object; real ones have a few dozen
MAX_TEXT = 65_536  # characters kept of one attribute; the raw page keeps all
_MAX_LIST_TEXT = 4_096
_MAX_DIGITS = 100  # of a number: far beyond 64 bits, far below Python's own limit
_INT64 = range(-(2**63), 2**63)
# A published report: the web is not older, and nobody dates one after 2100.
_DATES = range(631_152_000, 4_102_444_800)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NO_NAMES = frozenset({"constructor"})  # a property every object of a browser has already
_TEXTS = frozenset({"url", "title", "author", "name"})
_TIMES = frozenset({"creation_date", "last_modification_date"})
_KNOWN_NAMES = _TEXTS | _TIMES
_WHOLE = frozenset({"url", "author"})  # a part of these says something else
_CONTAINERS = frozenset({dict, list})
_ENOUGH = 128  # bytes to tell a list from what stands before it; where they do not, nothing is lost
_LIST_NAME = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*(?=\[)')
_MAX_BEFORE_LIST = 10_000  # bytes; a cursor has 4,096 at most
_NO_ENTRIES = b"[]"


_encode = msgspec.json.Encoder().encode


class Shallow(dict[str, Any]):
    """A decoded answer that is known to nest far less deep than ``MAX_DEPTH``."""


# --- bytes ---------------------------------------------------------------------------------------


def decode_json(body: bytes) -> dict[str, Any]:
    """Decode an answer strictly: UTF-8, one JSON object, no duplicate keys, bounded numbers.

    Raises:
        PayloadError: saying what is wrong, and where if that is known.
    """
    _refuse_bulk(body)
    plain = decode_plain(body)
    return decode_strictly(body) if plain is None else plain


def decode_plain(body: bytes, levels: int = PAGE_LEVELS) -> Shallow | None:
    r"""What the strict parser makes of ``body``, or None where that is not known; never an error.

    What the typed decoder refuses is not known, and what it takes is one object of UTF-8 JSON
    without a float, a half surrogate pair or a number beyond 64 bits; so the two could differ in
    one thing only, a key that stands twice in an object, of which the decoder keeps one. That is
    seen by counting colons. In JSON a colon stands behind each key, and else only within strings,
    as itself or as ``\u003a``; there is no third way to write it. Where no ``\u003`` occurs, the
    colons of ``body`` are its keys and the colons in its strings, all of them. Written again, the
    value has as many keys and colons in strings as it holds, and the writer escapes no colon. A key
    that was dropped took at least its own colon with it, and nothing adds one: the two numbers are
    equal if, and only if, none was.
    """
    if b"\\" in body and b"\\u003" in body:
        return None
    try:
        value = _plain_decoder(levels).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return Shallow(value) if _encode(value).count(b":") == body.count(b":") else None


class Apart(NamedTuple):
    """A page taken apart: the rest of it decoded, the list of its entries as its bytes."""

    rest: Shallow
    data: bytes


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """What a plain page holds, and nothing besides."""

    data: msgspec.Raw
    meta: dict[str, str | int | None] | msgspec.UnsetType | None = msgspec.UNSET
    links: dict[str, str | None] | msgspec.UnsetType | None = msgspec.UNSET


_envelope_decoder = msgspec.json.Decoder(_Envelope)
_entries_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def take_apart(body: bytes) -> Apart | None:
    """The list of a plain page, not decoded yet; None where that is not known; never an error.

    As in :func:`decode_plain`, counting colons shows that no key was dropped: those of the page
    outside its list are those of the rest written again, and one behind the list's own name.
    Whether the list is one, and has all its keys, is to be seen when it is decoded.
    """
    if len(body) > MAX_VALUES or (b"\\" in body and b"\\u003" in body):
        return None
    try:
        envelope = _envelope_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    rest = {
        name: value
        for name, value in (("meta", envelope.meta), ("links", envelope.links))
        if value is not msgspec.UNSET
    }
    data = bytes(envelope.data)
    colons = 1 + _encode(rest).count(b":")
    return Apart(Shallow(rest), data) if colons == _colons_around(data, body) else None


def list_of(body: bytes) -> int | None:
    """Where the list of a plain page begins, if there is one; None where that is not known."""
    name = _LIST_NAME.search(body, 0, _MAX_BEFORE_LIST)
    return name and name.end()


def take_rest(body: bytes, begin: int, end: int) -> Shallow | None:
    """What :func:`take_apart` has as the rest of a page, for who knows the list in it.

    How JSON goes on behind a value does not depend on the value: with an empty list in its place,
    the rest is the same, and sooner read. No list but the page's own stands in a plain page.
    """
    if len(body) > MAX_VALUES:
        return None
    apart = take_apart(body[:begin] + _NO_ENTRIES + body[end:])
    return apart.rest if apart and apart.data == _NO_ENTRIES else None


def _colons_around(part: bytes, whole: bytes) -> int:
    """How many colons ``whole`` has outside of ``part``, which stands in it."""
    begin = whole.find(part[:_ENOUGH])
    end = begin + len(part)
    if whole[begin:end] != part:  # its beginning stands elsewhere too
        return whole.count(b":") - part.count(b":")
    return whole.count(b":", 0, begin) + whole.count(b":", end)


def entries_of(data: bytes) -> list[bytes] | None:
    """The entries of a list taken from a page, as their bytes; None where it is no list."""
    try:
        return [bytes(entry) for entry in _entries_decoder.decode(data)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


@cache
def _plain_decoder(levels: int) -> msgspec.json.Decoder[dict[str, Any]]:
    """A decoder of answers that nest no deeper than real ones, and whose numbers need no care.

    The bounds of the float leave none: each is for the parser to read. Made when first needed, as
    a type that says how deep it may nest is large, and twice as large for each level.
    """
    number = Annotated[int, msgspec.Meta(ge=_INT64[0], le=_INT64[-1])]
    no_float = Annotated[float, msgspec.Meta(gt=0, lt=0)]
    value: Any = str | number | no_float | bool | None
    for _ in range(levels - 1):
        value = dict[str, value] | list[value] | str | number | no_float | bool | None
    return msgspec.json.Decoder(dict[str, value])


def decode_strictly(body: bytes) -> dict[str, Any]:
    """What :func:`decode` gives, by the standard library's parser alone; it decides."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PayloadError(f"byte {error.start} is not UTF-8") from None
    try:
        payload = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise PayloadError(f"is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise PayloadError(f"is nested deeper than {MAX_DEPTH}") from None
    if not isinstance(payload, dict):
        raise PayloadError(f"expected an object, got {describe_type(payload)}")
    return payload


def _refuse_bulk(body: bytes) -> None:
    """Two bytes on the wire can cost sixty in memory; each value takes one of these marks."""
    if len(body) <= MAX_VALUES:
        return
    marks = body.count(b",") + body.count(b"[") + body.count(b"{")
    if marks > MAX_VALUES:
        raise PayloadError(f"holds {marks} values, more than {MAX_VALUES}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
    raise PayloadError(f"the key {describe_value(twice)} stands twice in one object")


def _refuse_constant(text: str) -> NoReturn:
    raise PayloadError(f"{text} is not a JSON number")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise PayloadError(f"a number has {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise PayloadError(f"{text[:40]} is beyond the range of a number")
    return value


def refuse_depth(value: dict[str, Any], path: str) -> None:
    """Raise PayloadError if ``value`` is nested deeper than ``MAX_DEPTH``."""
    if not _fits(value, MAX_DEPTH):
        raise PayloadError(f"is nested deeper than {MAX_DEPTH}", path)


def _fits(value: Any, levels: int) -> bool:  # noqa: ANN401  any JSON object or list
    if levels == 0:
        return False
    for child in value.values() if type(value) is dict else value:
        if type(child) in _CONTAINERS and not _fits(child, levels - 1):
            return False
    return True


# --- attributes ----------------------------------------------------------------------------------


def attributes(value: object, path: str, warnings: list[str]) -> dict[str, Scalar]:
    """The attributes of an object that are scalars, or lists of strings, which are joined.

    What is empty, and what holds further objects, is left out; what is changed or refused besides
    is told in ``warnings``.

    Raises:
        PayloadError: there are more than ``MAX_KEYS``.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        warnings.append(f"{path}: expected an object, got {describe_type(value)} (ignored)")
        return {}
    if len(value) > MAX_KEYS:
        raise PayloadError(f"{len(value)} keys, more than {MAX_KEYS}", path)
    kept: dict[str, Scalar] = {}
    for name, raw in value.items():
        if raw is None or raw == "":
            continue
        if type(raw) is str and name in _TEXTS and raw.isascii() and len(raw) <= MAX_TEXT:
            kept[name] = raw  # nearly all are just this
            continue
        if name not in _KNOWN_NAMES and not _is_name(name):
            warnings.append(f"{path}: {describe_value(name)} is no name of an attribute (left out)")
            continue
        scalar = _scalar(name, raw, path, warnings)
        if scalar is not None:
            kept[name] = scalar
    return kept


def plain_attributes(value: object) -> dict[str, Scalar] | None:
    """The same for the attributes of a :class:`Shallow` answer, if nothing is to be done to them.

    None where :func:`attributes` would leave out, change or tell anything, or might. What it does
    about half surrogate pairs is needless here: there are none.
    """
    if type(value) is not dict or len(value) > MAX_KEYS:
        return None
    for name, raw in value.items():
        kind = type(raw)
        if kind is str:
            if name in _TEXTS and 0 < len(raw) <= MAX_TEXT:
                continue
        elif kind is int and name in _TIMES and raw in _DATES:
            continue
        return None
    return value


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and text not in _NO_NAMES


def _scalar(name: str, raw: object, path: str, warnings: list[str]) -> Scalar | None:
    if name.endswith("_date"):
        if type(raw) is int and raw in _DATES:
            return raw
        warnings.append(
            f"{path}.{name}: {describe_value(raw)} is no date between 1990 and 2100 (left out)"
        )
        return None
    if isinstance(raw, str):
        return _text(name, raw, path, warnings)
    if name in _TEXTS:
        warnings.append(f"{path}.{name}: expected a string, got {describe_type(raw)} (left out)")
        return None
    if isinstance(raw, list):
        return _joined(name, raw, path, warnings)
    return _number(name, raw, path, warnings)


def _text(
    name: str, raw: str, path: str, warnings: list[str], longest: int = MAX_TEXT
) -> str | None:
    if len(raw) > longest:
        kept = "left out" if name in _WHOLE else f"cut to {longest}"
        warnings.append(f"{path}.{name}: {len(raw)} characters ({kept})")
        if name in _WHOLE:
            return None
        raw = raw[:longest]
    if raw.isascii() or not _SURROGATE.search(raw):
        return raw
    warnings.append(f"{path}.{name}: half of a surrogate pair (replaced by U+FFFD)")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", raw)


def _joined(name: str, raw: list[Any], path: str, warnings: list[str]) -> str | None:
    if not raw or not all(isinstance(entry, str) for entry in raw):
        return None
    return _text(name, "; ".join(raw), path, warnings, _MAX_LIST_TEXT)


def _number(name: str, raw: object, path: str, warnings: list[str]) -> Scalar | None:
    if isinstance(raw, bool | float):
        return raw
    if isinstance(raw, int):
        if raw in _INT64:
            return raw
        warnings.append(f"{path}.{name}: a number beyond 64 bits (left out)")
    return None


# --- words for warnings ---------------------------------------------------------------------------


def describe_type(value: object) -> str:
    """What sort of JSON value this is, in words."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value)[:40]


def describe_value(value: object) -> str:
    """A value for a remark: short, and harmless on a terminal."""
    return ascii(value[:40]) if isinstance(value, str) else describe_type(value)
