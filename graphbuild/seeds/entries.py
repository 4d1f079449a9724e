"""Parse entries. An entry is the text of a line in a list, or of a cell in a table.

An entry usually contains one indicator. It can also contain several hashes, several domains,
addresses or URLs, or an indicator with its type, a port or a comment. Lines of checksum files and
hosts files are entries, too. Bullets, quotes, trailing commas and semicolons, and comments after
``#`` are removed. :mod:`graphbuild.seeds.entry_affixes` removes ``*.`` and ``0x`` before an
indicator, and ``/`` after it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.models import (
    DOMAIN,
    FILE,
    HASH_TYPE_NAMES,
    HASH_TYPES,
    IP_ADDRESS,
    SUBJECT_LABELS,
    URL,
    detect_hash_type,
)
from graphbuild.seeds.composites import COMPOSITES, split_composite
from graphbuild.seeds.entry_affixes import remove_affixes
from graphbuild.seeds.indicator_types import UNSUPPORTED, find_type
from graphbuild.seeds.indicators import FILE_EXTENSION_DOMAINS, HASH_PATTERN, parse_indicator
from graphbuild.seeds.results import STRIPPED_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.models import Entity
    from graphbuild.seeds.results import SeedReader

# Names of attributes of seeds.
FILE_NAME = "file_name"  # the name of the file, for example in a line of a checksum file
PORT = "port"  # the port in a field after a host, such as ``192.0.2.1;443``
COMMENT = "comment"  # other text after the indicator
SEVERAL_HASHES = "several hashes of one entry were read as hashes of one file"
_MAY_BE_FILES = "domains such as report.zip may be names of files; check them"
_MAX_LENGTH = 65_536  # characters
_TOO_LONG = f"is longer than {_MAX_LENGTH:,} characters"
_MAX_FIELDS = 1_000
# Types of values that contain no hash.
_NETWORK_TYPES = frozenset(
    {DOMAIN, IP_ADDRESS, URL}
    | {name for name, roles in COMPOSITES.items() if not HASH_TYPE_NAMES.intersection(roles)}
)

_HASH = rf"(?:{HASH_PATTERN})(?![0-9A-Za-z])"
_BULLET = re.compile(
    r"(?:[*+>-]|\d{1,6}[.)])[ \t]+|[\u2022\u2023\u2013\u2014\u25aa\u25cf\u00b7][ \t]*"
)
_OPENING_QUOTES, _CLOSING_QUOTES = "\"'`\u201c\u2018\u201e\u00ab", '"`\u201d\u2019\u00bb'
_TRAILING = ",;"
_UNUSUAL_ENDS = frozenset(_TRAILING + _OPENING_QUOTES + _CLOSING_QUOTES)
_PREFIX = re.compile(r"([A-Za-z][\w |-]{0,40}?)[ \t]*[:=][ \t]*(?!//)(\S.*)", re.DOTALL)
_HASH_ITEM = re.compile(
    rf"(?:(?:md5|sha-?1|sha-?256)[ \t]*[:=]?[ \t]*)?({_HASH})[ \t\r\n;,|/]*", re.IGNORECASE
)
_GNU_CHECKSUM = re.compile(rf"\\?({_HASH})(?:  | \*)(\S.*)", re.IGNORECASE)
_BSD_CHECKSUM = re.compile(r"([A-Za-z0-9-]{3,12}) ?\((.*)\) ?= ?([0-9a-f]{32,128})", re.IGNORECASE)
_POWERSHELL_CHECKSUM = re.compile(rf"(?:md5|sha1|sha256)[ \t]+({_HASH})[ \t]*(.*)", re.IGNORECASE)
_HASH_AND_COMMENT = re.compile(rf"({_HASH})[ \t]*([;,|\t ])[ \t-]*(.*)", re.IGNORECASE | re.DOTALL)
_NAME_AND_HASH = re.compile(rf"([^|]+)\|[ ]?({_HASH})", re.IGNORECASE)
_CONTAINED_HASH = re.compile(rf"(?<![0-9a-z]){_HASH}", re.IGNORECASE)
# The pattern does not include the spaces around separators, because a repeated space would take
# quadratic time. They are stripped from the fields instead.
_FIELD_SEPARATOR = re.compile(r"[;,|\t\n]| [-\u2013\u2014] ")
# Separators between a URL and other fields. A comma, semicolon or bar inside a URL, without a space
# next to it, is part of the URL, unless another URL follows.
_URL_SEPARATOR = re.compile(
    r"\t|\n| [;,|\u2013\u2014-]|[;,|] |[;,|](?=(?:h[tx]{2}p|f[tx]p)s?\W)", re.IGNORECASE
)
_MIN_HASH_LENGTH = min(each.hex_length for each in HASH_TYPES)
# Text that is shorter than any hash and does not match this is not an indicator. The check saves
# time.
_HOST_SIGN = re.compile(r"[.:&\u3002\uff0e\uff61]|dot", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[\w.-]+")
_PORT = re.compile(r"\d{1,5}")
_WHITE_SPACE = re.compile(r"[ \t\r\n]+")
_TEXT_AND_NOTE = re.compile(r"(\S+)[ \t]+\(([^()]+)\)")
_HOSTS_FILE = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]+(\S+)")


class Entry(NamedTuple):
    """The indicators of an entry, and their attributes."""

    indicators: tuple[str, ...]  # texts of indicators of any type; hashes can be in ``files``
    files: tuple[dict[str, str], ...]  # for each file, a map from hash type to hash
    attributes: dict[str, str]  # attributes of each seed in the entry
    changes: tuple[str, ...] = ()  # warnings about changes that were made to the text


def add_entry(
    text: str,
    number: int,
    reader: SeedReader,
    attributes: Mapping[str, str] | None = None,
    stated_type: str = "",
) -> str:
    """Add the indicators of an entry; return why the entry is invalid, or an empty string.

    In an entry with several indicators, only those that are invalid are rejected, and the result is
    an empty string. ``stated_type`` is the result of ``find_type`` for the type that the source
    states. It is empty if the source states no type.
    """
    if len(text) > _MAX_LENGTH:
        return _TOO_LONG
    links = text.count("://")
    # "a.example/x|<hash>" is the name and the hash of a file, although it is also a valid URL.
    is_simple = text[-1:] not in _UNUSUAL_ENDS and (links == 1 or (not links and "|" not in text))
    plain, changes = remove_affixes(text, stated_type)
    if is_simple and not stated_type and not reader.try_add(plain, number, attributes):
        _warn([plain], changes, number, reader)
        return ""
    try:
        entry = parse_entry(text, stated_type)
    except ValueError as error:
        return str(error)
    attributes = {**entry.attributes, **(attributes or {})}
    if len(entry.indicators) == 1:
        if reason := reader.try_add(entry.indicators[0], number, attributes):
            return reason
    else:
        _add_several(entry, number, reader, attributes)
    _warn([] if stated_type else entry.indicators, entry.changes, number, reader)
    return ""


def _add_several(
    entry: Entry, number: int, reader: SeedReader, attributes: Mapping[str, str]
) -> None:
    for indicator in entry.indicators:
        reader.add(indicator, number, attributes)
    for hashes in entry.files:
        reader.add_file(hashes, number, attributes)
        if len(hashes) > 1:
            reader.count_warning(SEVERAL_HASHES, number)


def _warn(texts: Iterable[str], changes: Iterable[str], number: int, reader: SeedReader) -> None:
    """Warn about changes, and about domains that may be names of files, such as ``a.zip``.

    Defanged domains cannot be names of files, and cause no such warning.
    """
    for text in texts:
        name, _, top = text.rpartition(".")
        if top.lower() in FILE_EXTENSION_DOMAINS and _PLAIN_NAME.fullmatch(name):
            reader.count_warning(_MAY_BE_FILES, number)
    for change in changes:
        reader.count_warning(change, number)


def parse_entry(text: str, stated_type: str = "") -> Entry:
    """Parse an entry without adding it. ``stated_type`` has the same meaning as in ``add_entry``.

    Raises:
        ValueError: The entry is invalid. The message continues a sentence that starts with the
            entry, such as "is not a URL: it has no host".
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError(_TOO_LONG)
    text = strip_decoration(text)
    if stated_type in COMPOSITES and "|" in text:
        return _parse_composite(stated_type, text)
    prefix_type, text = _split_prefix(text)
    text, changes = remove_affixes(text, prefix_type or stated_type)
    entry = _parse_checksum(text) or _parse_hashes(text) or _parse_hosts(text)
    if entry is None:
        parse_indicator(text)
        entry = Entry((text,), (), {})
    _check_type(entry, prefix_type, "has the prefix")
    _check_type(entry, stated_type, "is listed as")
    return entry._replace(changes=changes)


def strip_decoration(text: str) -> str:
    """Return ``text`` without comment, bullets, quotes, and final commas and semicolons."""
    before, _, _ = text.partition("#")
    if before[-1:].isspace():
        text = before
    for _ in range(5):  # repeat, because quotes can enclose a bullet, or precede a final comma
        shorter = text.strip(STRIPPED_CHARACTERS)
        if bullet := _BULLET.match(shorter):
            shorter = shorter[bullet.end() :]
        shorter = _strip_quotes(shorter.rstrip(_TRAILING))
        if shorter == text:
            break
        text = shorter
    return text


def find_entities(text: str, stated_type: str = "") -> list[Entity]:
    """Return the entities of the indicators in an entry; an empty list if the entry is invalid."""
    if len(text) < _MIN_HASH_LENGTH and not _HOST_SIGN.search(text):
        return []
    hash_type = detect_hash_type(text)
    if hash_type and stated_type in {"", FILE, hash_type}:  # a shortcut for the most common entry
        return [parse_indicator(text).entity]
    try:
        entry = parse_entry(text, stated_type)
        hashes = (text for file in entry.files for text in file.values())
        return [parse_indicator(text).entity for text in (*entry.indicators, *hashes)]
    except ValueError:
        return []


def is_indicator(text: str) -> bool:
    """Return whether ``text`` is a valid entry, with one indicator or several."""
    return bool(find_entities(text))


def contains_hash(text: str) -> bool:
    """Return whether ``text`` contains a hash, but is not itself a hash."""
    found = _CONTAINED_HASH.search(text)
    return found is not None and found[0] != text.strip(STRIPPED_CHARACTERS)


def _strip_quotes(text: str) -> str:
    text = text.removeprefix("=") if text.startswith('="') else text  # ="text" in spreadsheets
    if text[:1] and text[0] in _OPENING_QUOTES:
        return text[1:].removesuffix("'") if text[0] == "'" else text[1:].rstrip(_CLOSING_QUOTES)
    return text.rstrip('"')


def _split_prefix(text: str) -> tuple[str, str]:
    """Split ``sha256: abc`` into ``sha256`` and ``abc``.

    Without a prefix that is a known type, the type is empty, and the text is not changed.

    Raises:
        ValueError: The prefix is a type that cannot be a seed.
    """
    prefix = _PREFIX.fullmatch(text)
    found = find_type(prefix[1]) if prefix else None
    if prefix is None or found is None:
        return "", text
    if found == UNSUPPORTED:
        raise ValueError(f"states a type that is not a {SUBJECT_LABELS}")
    return found, strip_decoration(prefix[2])


def _parse_composite(kind: str, text: str) -> Entry:
    """Parse a composite value.

    A value such as ``domain|ip`` is valid if at least one of its parts is a valid indicator.
    """
    parts = split_composite(kind, text)
    entry = Entry(
        tuple(part for hash_type, part in parts.seeds if not hash_type),
        tuple({hash_type: part} for hash_type, part in parts.seeds if hash_type),
        parts.attributes,
    )
    if not any(map(_is_host, entry.indicators)):
        parse_indicator(parts.seeds[0][1])
        _check_type(entry, "".join(entry.files[0]) if entry.files else kind, "is listed as")
    return entry


def _parse_checksum(text: str) -> Entry | None:
    """Parse a line in the format of ``sha256sum``, BSD tools or PowerShell.

    Return None for other text.
    """
    if found := _BSD_CHECKSUM.fullmatch(text):
        stated, name, digits = found.groups()
        parse_indicator(digits)
        entry = Entry((digits,), (), {FILE_NAME: name} if name else {})
        _check_type(entry, find_type(stated) or "", "is listed as")
        return entry
    if found := _GNU_CHECKSUM.fullmatch(text) or _POWERSHELL_CHECKSUM.fullmatch(text):
        return Entry((found[1],), (), {FILE_NAME: found[2]} if found[2] else {})
    return None


def _parse_hashes(text: str) -> Entry | None:
    """Parse hashes, a hash with a comment, or ``name|hash``; return None for other text."""
    items = list(_match_hash_items(text))
    if items:
        return Entry((), tuple(group_by_file(items)), {})
    if named := _NAME_AND_HASH.fullmatch(text):
        return Entry((named[2],), (), {FILE_NAME: named[1].strip()})
    found = _HASH_AND_COMMENT.fullmatch(text)
    if found is None:
        return None
    fields = _FIELD_SEPARATOR.split(found[3]) if found[2] != " " else [found[3]]
    fields = [field.strip() for field in fields]
    hashes = [found[1], *filter(detect_hash_type, fields)]
    comment = "; ".join(field for field in fields if field and not detect_hash_type(field))
    if contains_hash(comment):
        raise ValueError(
            "contains more than a hash; write one hash per line, and comments after '#'"
        )
    attributes = {COMMENT: comment} if comment else {}
    return Entry((), tuple(group_by_file(hashes)), attributes)


def _match_hash_items(text: str) -> Iterable[str]:
    """Return the hashes in ``text`` if it contains nothing but hashes, their types and separators.

    Otherwise, return an empty tuple.
    """
    found: list[str] = []
    position = 0
    while position < len(text):
        item = _HASH_ITEM.match(text, position)
        if item is None or len(found) > _MAX_FIELDS:
            return ()
        found.append(item[1])
        position = item.end()
    return found


def group_by_file(hashes: Iterable[str]) -> list[dict[str, str]]:
    """Return files as maps from hash type to hash.

    If all hashes have different types, they are hashes of one file. Otherwise, each hash is that of
    another file. Repeated hashes are ignored.
    """
    distinct = list(dict.fromkeys(each.lower() for each in hashes))
    typed = [(str(detect_hash_type(each)), each) for each in distinct]
    by_type = dict(typed)
    return [by_type] if len(by_type) == len(typed) else [{kind: each} for kind, each in typed]


def _parse_hosts(text: str) -> Entry | None:
    """Parse a line of a hosts file, several hosts or URLs, or one of them with a port or a comment.

    Return None for other text, and for a single host or URL without anything else.
    """
    if blocked := _HOSTS_FILE.fullmatch(text):
        text = blocked[1]
    fields = _split_fields(text)
    if len(fields) == 1 and (noted := _TEXT_AND_NOTE.fullmatch(text)):
        fields = [noted[1], noted[2].strip()]
    if len(fields) > 1:
        return _parse_host_fields(fields)
    words = _WHITE_SPACE.split(text, _MAX_FIELDS)
    if len(words) > 1 and all(map(_is_host, words)):
        return Entry(tuple(words), (), {})
    return Entry((text,), (), {}) if blocked and _is_host(text) else None


def _split_fields(text: str) -> list[str]:
    """Return the fields of an entry. URLs are not split at separators inside them."""
    fields: list[str] = []
    for part in _URL_SEPARATOR.split(text, _MAX_FIELDS):
        is_url = "//" in part
        fields += [part] if is_url else _FIELD_SEPARATOR.split(part, _MAX_FIELDS)
    return [*filter(None, map(str.strip, fields))]


def _parse_host_fields(fields: list[str]) -> Entry | None:
    """Parse the fields of an entry, or return None.

    Either all fields are hosts or URLs, or only the first is. Then, the others are its port or a
    comment.
    """
    valid = list(filter(_is_host, fields))
    if len(valid) == len(fields):
        return Entry(tuple(valid), (), {})
    comment = "; ".join(fields[1:])
    if valid != fields[:1] or _CONTAINED_HASH.search(comment):
        return None
    name = PORT if _PORT.fullmatch(comment) else COMMENT
    return Entry((fields[0],), (), {name: comment})


def _is_host(text: str) -> bool:
    """Return whether ``text`` is a domain, an IP address or a URL."""
    try:
        return parse_indicator(text).entity.type != FILE
    except ValueError:
        return False


def _check_type(entry: Entry, stated: str, relation: str) -> None:
    """Raise ``ValueError`` if the stated type contradicts an indicator, and one of them is a hash.

    Examples are a SHA-1 listed as an MD5, a hash listed as a domain, and a domain listed as a
    file. Other contradictions, such as a domain listed as a URL, are accepted. If an entry
    contains several hashes, the stated hash type need not be that of each hash. ``relation`` is
    the text before the stated type in the message.
    """
    if not stated:
        return
    hashes = [text for each in entry.files for text in each.values()]
    for text in (*entry.indicators, *hashes):
        actual = detect_hash_type(text)
        if actual and stated in _NETWORK_TYPES:
            raise ValueError(f"{relation} {stated} but is a file hash")
        if actual and stated in HASH_TYPE_NAMES - {actual} and len(hashes) <= 1:
            raise ValueError(f"{relation} {stated} but the length of {actual}")
        if stated in HASH_TYPE_NAMES | {FILE} and not actual and _is_host(text):
            raise ValueError(f"{relation} {stated} but is not a file hash")
