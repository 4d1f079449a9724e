"""Escape text for Markdown in a way that keeps the text readable without a renderer.

Untrusted text must not become markup, a link or an image in any usual renderer: CommonMark,
GitHub, Python-Markdown, Pandoc or Jekyll. Three rules apply:

* A backslash precedes only characters that can be markup. ``<`` and ``&`` become entities, because
  Python-Markdown ignores a backslash before them.
* Many renderers make links from URLs, e-mail addresses, domains or names after ``@``. They do not
  do so in code spans. Therefore, words that look like an address become code spans.
* At the start of a line, characters that can begin a heading, a list or a quotation are escaped.
"""

from __future__ import annotations

import re
from itertools import groupby

from graphbuild._util import escape_unprintable

_ENTITIES = {"<": "&lt;", "&": "&amp;"}
# Characters that can be markup anywhere in a line. Besides those of CommonMark, they include
# characters of tables (|), strikethrough (~), formulas ($), attributes and templates ({), and
# superscript (^). Some dialects also use ==, ++ and %%. A # is markup only at the start of a word.
_MARKUP = re.compile(r"[\\`*_\[|~${^<]|&(?=#?\w+;)|([=%])(?=\1)|(?<!\w)\+(?=\+)|(?<!\S)#")
# The start of a line that can begin a block. The last character of the match is escaped.
_BLOCK_START = re.compile(
    r"[#>+=:!?%-]|\(?(?:\d{1,9}|[a-z#@]|[ivxlcdm]{1,9})[.)](?=\s|$)", re.IGNORECASE
)
# A code span can contain these characters only with syntax that differs between renderers.
_NOT_IN_CODE = frozenset("`|\\")
_SPACES = re.compile(r"\s{2,}")
_WORD = re.compile(r"[^\s`|\\]+")
# A word with one of these can become a link: a URL, a defanged address, the name of a host or a
# domain, an e-mail address, a name after @, or an IP address.
_ADDRESS = re.compile(
    r"//|\[[.:@]\]|www\.|\w@|@\w|\w\.[^\W\d_]{2}|\d+\.\d+\.\d+\.\d", re.IGNORECASE
)
_OPENING, _CLOSING = "([{<\"'“«", ")]}>\"'”».,:;!?…"


def escape_text(text: str) -> str:
    """Escape untrusted text inside a line, after ``escape_unprintable``."""
    shown = _SPACES.sub(" ", escape_unprintable(text))
    parts, end = [], 0
    for match in _WORD.finditer(shown):
        if _ADDRESS.search(match[0]):
            start = match.end() - len(match[0].lstrip(_OPENING))
            stop = match.start() + len(match[0].rstrip(_CLOSING))
            if start < stop:  # otherwise, the word is only punctuation, such as [.]
                parts += [_escape_before_code(shown[end:start]), f"`{shown[start:stop]}`"]
                end = stop
    return "".join([*parts, _escape_markup(shown[end:])])


def escape_code(text: str) -> str:
    """Return untrusted text as a code span, after ``escape_unprintable``.

    Backticks, pipes and backslashes stay outside: the text around them becomes several code spans.
    """
    runs = groupby(escape_unprintable(text), _NOT_IN_CODE.__contains__)
    return "".join(
        _escape_before_code(run) if is_special or run.isspace() else f"`{run}`"
        for is_special, run in ((key, "".join(chars)) for key, chars in runs)
    )


def escape_line_start(line: str) -> str:
    """Escape the start of a line whose text is already escaped, so that it begins no block."""
    line = line.lstrip()
    found = _BLOCK_START.match(line)
    return f"{line[: found.end() - 1]}\\{line[found.end() - 1 :]}" if found else line


def _escape_before_code(text: str) -> str:
    # Some renderers take the backslash before a backtick for an escape, even if it is escaped.
    escaped = _escape_markup(text)
    return f"{escaped[:-2]}&#92;" if text.endswith("\\") else escaped


def _escape_markup(text: str) -> str:
    return _MARKUP.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), text)
