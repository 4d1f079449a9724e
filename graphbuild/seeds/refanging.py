"""Refang and defang indicators: ``hxxp://evil[.]example`` is ``http://evil.example`` defanged.

The public constants are parts of regular expressions that match defanged text.
:mod:`graphbuild.seeds.text_candidates` searches text with them.

To support a new form, add it to one of these constants. The form must also match ``_HINT``, or
``refang`` does not change it. If the form can follow a space, ``FIRST_CHARACTER`` must match its
first character, or the search in text skips it.
"""

from __future__ import annotations

import re
import unicodedata

# Invisible characters that authors insert so that programs do not turn the text into a link.
INVISIBLE = "\u00ad\u200b\u200e\u200f\u2060\ufeff"
_BRACKETS = r"\[({"
# The characters with which a form such as ``[.]`` can start, after a space: an opening bracket, or
# the ``\`` (Markdown) or ``&`` (HTML) of an escaped bracket.
FIRST_CHARACTER = rf"[{_BRACKETS}\\&]"
_OPEN = rf"(?:\\?[{_BRACKETS}]{{1,2}}+|&(?:\#91|\#x5[Bb]|lsqb|lbrack|\#40|lpar);)"
_CLOSE = r"(?:\\?[\])}]{1,2}+|&(?:\#93|\#x5[Dd]|rsqb|rbrack|\#41|rpar);)"
_SPACE = r"[ \t\u00a0]?"
# A defanged dot, in all forms except the plain character ``.``. Ideographic dots are dots only
# between ASCII letters or digits. A new form must also match ``_HINT``. If it can follow a space,
# ``FIRST_CHARACTER`` must match its first character.
DEFANGED_DOT = (
    rf"(?:{_SPACE}{_OPEN}{_SPACE}(?:\.|(?i:dot)){_SPACE}{_CLOSE}{_SPACE}|\[\.|\.\]|\\\."
    r"|&(?i:\#46|\#x2e|period);|(?<=[0-9A-Za-z])[\u3002\uff0e\uff61](?=[0-9A-Za-z]))"
)
DEFANGED_AT = rf"(?:{_SPACE}{_OPEN}(?:@|(?i:at)){_CLOSE}{_SPACE})"
DEFANGED_COLON = r"(?:\[:\]|\(:\))"
DEFANGED_SLASH = r"(?:\[/\]|\\/)"
# ``http``, ``https``, ``ftp`` and ``ftps``, plain or defanged, such as ``hxxp``, ``h[tt]p[s]`` and
# ``fxp``. Some reports write ``meow`` instead of ``http``.
SCHEME = (
    r"(?i:(?P<http>h(?:tt|xx|xt|tx|zz|\*\*|__)p|hxxx|h[\[(](?:tt|xx)[\])]p|meow)|f[tx*]p)"
    r"(?P<secure>(?i:s|\[s\]|\(s\)))?"
)
# ``://``, plain or defanged. Backslashes are accepted only after ``p``, ``s`` or a closing bracket,
# with which schemes end, because ``C:\\`` is a drive.
SCHEME_END = (
    r"(?:(?::|\[:\]|\(:\))(?://|\[//\]|\(//\)|\[/\]\[/\]|\\/\\/)"
    r"|(?<=[PpSs\])]):\\{2,4}+|\[://\]|\(://\)|\[:/\]/)"
)
# The forms of ``SCHEME`` with characters that words do not contain: brackets and asterisks.
SCHEME_WITH_BRACKETS = r"(?i:h(?:\*\*|[\[(](?:tt|xx)[\])])ps?(?:\[s\]|\(s\))?|f\*ps?)"
SECURE_IN_BRACKETS = r"(?i:\[s\]|\(s\))"

_LIGATURES = "\ufb00-\ufb06"  # single characters for letters such as ff and fi
# A quick check. Each defanged form must match, because ``refang`` returns other text unchanged.
_HINT = re.compile(
    rf"[{_BRACKETS}\\{INVISIBLE}\u3002\uff0e\uff61]|\.\]|&(?:\#|l|period)|(?:h(?:xx|xt|tx|zz|__|\*\*)p|hxxx|f[x*]p|meow)"
    rf"|[{_LIGATURES}]",
    re.IGNORECASE,
)
_START = re.compile(SCHEME + SCHEME_END)
_SPACE_CHARACTER = re.compile(_SPACE.removesuffix("?"))
_INNER_SCHEME = re.compile(r"(?<![A-Za-z])(?:hxxp(?=s?:)|fxp(?=s?://))")
_LIGATURE = re.compile(f"[{_LIGATURES}]")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_DOT = re.compile(DEFANGED_DOT)
_AT = re.compile(DEFANGED_AT)
_COLON = re.compile(DEFANGED_COLON)
_SLASH = re.compile(DEFANGED_SLASH)
_MARKDOWN_ESCAPE = re.compile(r"\\(?=[_~*=&#-])")
_HTTP_SCHEME = re.compile(r"https?(?=:)", re.IGNORECASE)
_FTP_SCHEME = re.compile(r"(?<![a-z])ftp(s?)://", re.IGNORECASE)


def refang(text: str) -> str:
    """Undo defanging: replace ``hxxp`` with ``http``, ``[.]`` with a dot, and so on.

    Ligatures, invisible characters and the backslashes of Markdown are also replaced or removed.
    """
    if not _HINT.search(text):
        return text
    simple = text.replace("[.]", ".")  # saves time in long lists: other forms are rare
    if not _HINT.search(simple) and not _SPACE_CHARACTER.search(simple):
        return simple
    text = _INVISIBLE.sub("", text)
    text = _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    if start := _START.match(text):
        rest = text[start.end() :]
        if start[0].endswith("\\\\"):
            rest = rest.replace("\\", "/")
        scheme = "http" if start["http"] else "ftp"
        text = f"{scheme}{'s' if start['secure'] else ''}://{rest}"
    # A URL can contain another URL, for example in links to web archives.
    text = _INNER_SCHEME.sub(lambda match: match[0].replace("x", "t"), text)
    text = _SLASH.sub("/", _COLON.sub(":", _AT.sub("@", _DOT.sub(".", text))))
    return _MARKDOWN_ESCAPE.sub("", text)


def defang(text: str) -> str:
    """Write ``http:`` as ``hxxp:``, ``ftp://`` as ``fxp://`` and dots as ``[.]``.

    ``https:`` and ``ftps://`` are changed in the same way.
    """
    text = _HTTP_SCHEME.sub(lambda match: match[0].lower().replace("tt", "xx", 1), text)
    text = _FTP_SCHEME.sub(lambda match: f"fxp{match[1].lower()}://", text)
    return text.replace(".", "[.]")
