"""Find candidates in text: parts that resemble hashes, hosts, URLs or email addresses.

A candidate is the longest part of the text that can belong together. For example, the candidate is
a whole host name, not a hash inside it. Quantifiers are possessive where possible, so that the
search takes linear time.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.seeds.host_names import is_host, is_ipv4, why_not_a_host
from graphbuild.seeds.refanging import (
    DEFANGED_AT,
    DEFANGED_COLON,
    DEFANGED_DOT,
    DEFANGED_SLASH,
    FIRST_CHARACTER,
    INVISIBLE,
    SCHEME,
    SCHEME_END,
    SCHEME_WITH_BRACKETS,
    SECURE_IN_BRACKETS,
    refang,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_CANDIDATE = 4_096  # characters
_MAX_CONTEXT = 200  # characters before and after a candidate

# --- hosts ---------------------------------------------------------------------------------------

# The letters and digits of words, except Chinese, Japanese and Korean characters. These can be
# directly before or after a domain, because Chinese and Japanese are written without spaces, and
# Korean particles follow a word directly.
_LETTERS = r"0-9A-Za-z_\u00c0-\u1fff\ufb00-\ufb06"  # the last are ligatures, as in PDF files
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = rf"{_LETTERS}{INVISIBLE}\-"
# HTML tags around a defanged dot: ``evil<span>[.]</span>example``.
_TAG = r"</?(?:b|code|em|font|i|span|strong|wbr)\b[^<>\n]{0,100}>"
_TAGGED_DOT = rf"(?:(?:{_TAG})?+{DEFANGED_DOT}(?:{_TAG})?+)"
_DOT = rf"(?:{_TAGGED_DOT}|\.)"
_SPELLED_DOT = r"[ ]dot[ ]"
_SPACED_DOT = r"[ ]\.[ ]"  # read only in names that end a line, because sentences can contain it
_AT = rf"(?:{DEFANGED_AT}|@)"
_COLON = rf"(?:{DEFANGED_COLON}|:)"
_LABEL = rf"(?:(?<![{_WORD}])[{_WORD}]++|(?<![{_CJK}])[{_CJK}]++)"
_NEXT_LABEL = rf"(?:{_DOT}{_LABEL}(?!{SCHEME_END}))"
_IPV6 = rf"""
    (?<![{_WORD}:.]) (?:[0-9A-Fa-f]{{0,4}}+{_COLON}){{2,}}+ [0-9A-Fa-f]{{0,4}}+
    (?:{_DOT}\d{{1,3}}){{0,3}}+ (?:%\w+)?+ (?:/\d{{1,3}})?+ (?![{_WORD}:])
    """

# --- URLs ----------------------------------------------------------------------------------------

# A comma or semicolon ends a URL if the next item of a list follows.
_NEXT_URL = rf"(?:[A-Za-z][A-Za-z0-9+-]{{1,20}}+|{SCHEME_WITH_BRACKETS}){SCHEME_END}"
_NEXT_HASH = r"(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Za-z])"
_NEXT_IPV4 = rf"\d{{1,3}}(?:{_DOT}\d{{1,3}}){{3}}(?![\w.])"
_NEXT_ITEM = rf"(?:{_NEXT_URL}|{_NEXT_HASH}|{_NEXT_IPV4}|www\.)"
_FILE_EXTENSION = r"(?:asp|aspx|css|gif|html?|jpe?g|js|json|jsp|php|png|svg|txt|xml)"
_NEXT_DOMAIN = rf"(?:[\w-]+{_DOT})+(?!{_FILE_EXTENSION}\b)[A-Za-z]{{2,63}}(?![\w.=(-])"
_HTML_ENTITY = r"(?:quot|lt|gt|apos|nbsp|\#3[49]|\#6[02]|\#x2[27]|\#x3[ce]);"
_URL_CHARACTERS = rf"""
      [{_LETTERS}{INVISIBLE}%/.:@!$*+=~-]++
    | {DEFANGED_DOT} | {DEFANGED_AT} | {DEFANGED_COLON} | {DEFANGED_SLASH}
    | & (?!{_HTML_ENTITY})
    | (?<=[0-9A-Za-z]) ' (?=[0-9A-Za-z])
    | \( [^\s<>()\[\]{{}}"'`|\\]*+ \)
    | \{{ [\w.-]{{0,40}}+ \}}
    | \\ (?! $ | [\s"'\\<>()\[\]nrt] | u[0-9a-f]{{4}} | x[0-9a-f]{{2}} )
    """
_COMMA = rf"[,;] (?=[{_LETTERS}%/.:@!$*+=~&?\#,;-]) (?!{_NEXT_ITEM})"
_PATH = rf"(?: {_URL_CHARACTERS} | {_COMMA} (?!{_NEXT_DOMAIN}) )*+"
_QUERY = rf"[?\#] (?: {_URL_CHARACTERS} | [?\#] | \[ [\w.-]*+ \] (?=[=&\[]) | {_COMMA} )*+"
_AUTHORITY = rf"""
    (?: \[ (?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:) [0-9A-Fa-f:.]{{2,45}}+ \] )?+
    (?: [{_WORD}.:@%+~!$*=]++ | {_TAGGED_DOT} | {DEFANGED_AT} | {DEFANGED_COLON}
      | (?<![{_CJK}])[{_CJK}]++(?={_DOT}) | (?<=\.)[{_CJK}]++ )*+
    """
_PATH_AND_QUERY = rf"(?: {DEFANGED_SLASH} | / ) {_PATH} (?:{_QUERY})?+"
_BACKSLASH_URL = r"""(?<=:\\\\) [^\s<>"'`|,;()]++"""  # ``hxxp:\\host\path``

# After a word and a space: no dot follows in one of the forms that can follow a space.
_NO_DOT = rf"(?! {FIRST_CHARACTER} | dot[ ] | \.[ ] )"

# --- candidates ----------------------------------------------------------------------------------

_CANDIDATE = re.compile(
    rf"""
    # Ordinary words are skipped together, because that is faster.
    (?P<words> (?: [A-Za-z]{{1,30}}+ [,;]?+ [ \n]{{1,20}}+ {_NO_DOT} ){{1,50}}+ )
    | (?P<ipv6> {_IPV6} )
    | (?: {SCHEME_WITH_BRACKETS} (?= (?:{SECURE_IN_BRACKETS})?+ {SCHEME_END} ) | {_LABEL} )
      (?: (?P<url> (?:{SECURE_IN_BRACKETS})?+ {SCHEME_END}
              (?: {_BACKSLASH_URL} | {_AUTHORITY} (?: {_PATH_AND_QUERY} | {_QUERY} )?+ ) )
        | (?P<email> (?:{_NEXT_LABEL}|\+{_LABEL})*+ {_AT} {_LABEL}{_NEXT_LABEL}++ )
        | (?P<host> {_NEXT_LABEL}++ )
        | (?P<spelled> (?:{_SPELLED_DOT}{_LABEL})++
            | (?:{_SPACED_DOT}[{_WORD}]{{1,63}}+){{1,5}}+ (?=[ \t\r]{{0,9}}(?:\n|\Z)) )
      )?+
    """,
    re.VERBOSE,
)
# A hash, or a number that is too long or too short by some digits. It can follow an escape sequence
# such as ``\n`` in source code. After ``0x``, it must have the length of a hash.
_HASH = re.compile(
    r"(?:(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))[0-9A-Fa-f]{31,}+"
    r"|(?<=(?<![0-9A-Za-z])0[xX])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32}))"
    r"(?![0-9A-Za-z])"
)
_PORT_AND_PATH = re.compile(
    rf"""
    (?: {_COLON} \d{{1,5}} (?![\w.]) )?+
    (?! / \d{{1,3}}(?:{_DOT}\d{{1,3}}){{3}} (?![\w./:]) )  # an address follows, not a path
    (?: {_PATH_AND_QUERY} | (?=\?) {_QUERY} )?+
    """,
    re.VERBOSE,
)
_HOST_AFTER_SLASH = re.compile(rf"/({_LABEL}{_NEXT_LABEL}++)(?![\w/:?-])", re.VERBOSE)
_TAGS = re.compile(_TAG)
_KNOWN_SCHEME = re.compile(rf"{SCHEME}$")
_SCHEME_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*$")
# The text before a domain in the configuration of dnsmasq, and before a name in the path of a file.
_DNSMASQ_BEFORE = re.compile(r"(?:^|\n)(?:address|local|server)=/(?:[\w.-]{1,253}/){0,9}$")
_PATH_BEFORE = re.compile(r"(?:(?<![/\\])[/\\]|[\w.)~%][/\\]+|:\\+)$")
_PERCENT_ENCODED = re.compile(r"(?<=%)[2-7][0-9A-Fa-f]")  # such as %2Fevil.example
_PUNCTUATION = ".,;:!?"
_MAX_SCHEME = 32  # characters


class Kind(Enum):
    """What a candidate resembles."""

    HASH = "hash"
    URL = "url"
    HOST = "host"  # a name with a public suffix, or an IPv4 address
    IPV6 = "ipv6"
    EMAIL = "email"
    PATH = "path"  # a name like that of a host, but in the path of a file or percent-encoded text
    DOTTED = "dotted"  # other words with dots
    SPELLED = "spelled"  # a host with "dot" as a word, or with spaces around a dot
    LONG = "long"  # more than MAX_CANDIDATE characters


class Candidate(NamedTuple):
    """A part of a text that resembles an indicator."""

    kind: Kind
    text: str
    line: int  # number of the line at which it starts, from 1
    before: str  # up to 200 characters, but only after the previous candidate that is not DOTTED
    after: str  # up to 200 characters


def find_candidates(texts: Iterable[str]) -> Iterator[Candidate]:
    """Yield the candidates in a text that consists of chunks.

    The result does not depend on how the text is divided into chunks.
    """
    scanner = _Scanner()
    for text in texts:
        yield from scanner.scan(text)
    yield from scanner.scan("", is_end=True)


def find_hashes(text: str) -> list[str]:
    """Return the hexadecimal numbers of at least 31 digits in a text.

    Numbers after ``0x`` are returned only if they have the length of a hash.
    """
    return _HASH.findall(text)


class _Scanner:
    """Searches for candidates in chunks of text, and keeps the end of a chunk for the next one."""

    def __init__(self) -> None:
        self._text = ""
        self._position = 0  # where the search continues
        self._previous_end = 0  # where the previous candidate that is not DOTTED ends
        self._line, self._counted = 1, 0  # the line number at the offset ``_counted``

    def scan(self, text: str, *, is_end: bool = False) -> Iterator[Candidate]:
        self._drop_finished_text()
        self._text += text
        # A candidate that ends before this offset does not depend on the next chunk. A candidate
        # that is longer than MAX_CANDIDATE is not kept for the next chunk.
        limit = len(self._text) - (0 if is_end else MAX_CANDIDATE + _MAX_CONTEXT)
        while self._position < limit:
            match = _CANDIDATE.search(self._text, self._position)
            if match is None:
                self._position = limit
                return
            parts = list(_divide(match))
            start, end = match.start(), max([match.end(), *(last for _, _, last in parts)])
            if end > limit and end - start <= MAX_CANDIDATE:
                self._position = start
                return
            self._position = end
            for kind, first, last in parts:
                yield self._candidate(kind, first, last)

    def _candidate(self, kind: Kind, start: int, end: int) -> Candidate:
        self._line += self._text.count("\n", self._counted, start)
        self._counted = start
        if end - start > MAX_CANDIDATE:
            kind, end = Kind.LONG, start + MAX_CANDIDATE
        before = self._text[max(self._previous_end, start - _MAX_CONTEXT) : start]
        after = self._text[end : end + _MAX_CONTEXT]
        if kind is not Kind.DOTTED:
            self._previous_end = end
        return Candidate(kind, _TAGS.sub("", self._text[start:end]), self._line, before, after)

    def _drop_finished_text(self) -> None:
        dropped = max(0, self._position - _MAX_CONTEXT)
        self._line += self._text.count("\n", self._counted, dropped)
        self._counted = max(0, self._counted - dropped)
        self._previous_end = max(0, self._previous_end - dropped)
        self._text = self._text[dropped:]
        self._position -= dropped


def _divide(match: re.Match[str]) -> Iterator[tuple[Kind, int, int]]:
    """Yield the kind, the start and the end of each candidate in a match of ``_CANDIDATE``."""
    text, (start, end) = match.string, match.span()
    group = match.lastgroup
    if group == "url":
        start = _find_scheme(text, start, match.start(group))
        yield Kind.URL, start, _strip_end(text, start, end)
    elif group == "host":
        yield _divide_host(text, start, end)
    elif group is None or (group == "spelled" and _HASH.search(text, start, end)):
        yield from ((Kind.HASH, *each.span()) for each in _HASH.finditer(text, start, end))
    elif group != "words":
        yield Kind(group), start, end


def _find_scheme(text: str, start: int, end: int) -> int:
    """Return where the scheme of a URL starts in ``text[start:end]``.

    The scheme is at the end of this word, and there can be other text before it.
    """
    word = text[max(start, end - _MAX_SCHEME) : end]
    scheme = _KNOWN_SCHEME.search(word) or _SCHEME_NAME.search(word)
    return end - len(word) + scheme.start() if scheme else start


def _divide_host(text: str, start: int, end: int) -> tuple[Kind, int, int]:
    """Return the kind, the start and the end of a candidate that consists of words with dots."""
    name_end = start + len(text[start:end].rstrip("-_"))
    if name_end == end:
        start = end - len(text[start:end].lstrip("-"))  # a bullet without a space: -evil.example
    else:
        start = name_end - len(text[start:name_end].lstrip("-_"))  # _evil.example_ in Markdown
    name = refang(_TAGS.sub("", text[start:name_end]))
    if not is_host(name):
        return Kind.DOTTED, start, name_end
    before = text[max(0, start - _MAX_SCHEME) : start]
    if before.endswith(("@", " AT ")):
        return Kind.EMAIL, start, name_end
    is_defanged = name != text[start:name_end]
    in_path = _PATH_BEFORE.search(before) and not (is_defanged or is_ipv4(name))
    if in_path and _DNSMASQ_BEFORE.search(text[max(0, start - _MAX_CONTEXT) : start]):
        return Kind.HOST, start, name_end
    if in_path or _PERCENT_ENCODED.match(text, start):
        return Kind.PATH, start, name_end
    if is_defanged and name_end == end and _is_host_after_slash(text, end):
        return Kind.HOST, start, end
    if name_end == end and (rest := _PORT_AND_PATH.match(text, end)):
        name_end = _strip_end(text, start, rest.end())
    return Kind.HOST, start, name_end


def _is_host_after_slash(text: str, position: int) -> bool:
    """Return whether a slash and a defanged host start at ``position``.

    A name that may be that of a file is not accepted as a host.
    """
    match = _HOST_AFTER_SLASH.match(text, position)
    if match is None:
        return False
    name = refang(_TAGS.sub("", match[1]))
    return name != match[1] and is_host(name) and not why_not_a_host(name, "", has_path=False)


def _strip_end(text: str, start: int, end: int) -> int:
    """Return the end of ``text[start:end]`` without final punctuation and marks of emphasis.

    A mark of emphasis, as in ``*text*``, is removed only if the same mark precedes the text.
    """
    emphasis = text[start - 1] if start and text[start - 1] in "*_~+" else ""
    return start + len(text[start:end].rstrip(_PUNCTUATION + emphasis))
