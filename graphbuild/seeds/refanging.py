"""Refang and defang indicators: ``hxxp://evil[.]example`` is ``http://evil.example`` defanged."""

from __future__ import annotations

import re

# A quick check: ``refang`` does not change text that does not match.
_DEFANG_HINT = re.compile(r"[\[\](){}\\]|^[hf][x*t]{1,2}p", re.IGNORECASE)
_DEFANGED_SCHEME = re.compile(
    r"^(h(?:xx|xt|tx|\*\*|tt)p|f[xt]p)(s?)(?:\[:\]|\(:\)|:)(?://|\[//\]|\\/\\/)"
    r"|^(h(?:xx|xt|tx|\*\*|tt)p|f[xt]p)(s?)\[://\]",
    re.IGNORECASE,
)
_HTTP_SCHEME = re.compile(r"https?(?=:)", re.IGNORECASE)
_FTP_SCHEME = re.compile(r"(?<![a-z])ftp(s?)://", re.IGNORECASE)
_DEFANGED_INNER_SCHEME = re.compile(r"hxxp(?=s?:)|(?<![a-z])fxp(?=s?://)")
_DEFANGED_DOT = re.compile(
    r"\s?(?:\[\s?(?:\.|dot)\s?\]|\(\s?(?:\.|dot)\s?\)|\{\s?(?:\.|dot)\s?\})\s?|\[\.|\.\]|\\\.",
    re.IGNORECASE,
)
_DEFANGED_COLON = re.compile(r"\[:\]|\(:\)")
_DEFANGED_AT = re.compile(r"\[(?:@|at)\]|\((?:@|at)\)", re.IGNORECASE)
_DEFANGED_SLASH = re.compile(r"\[/\]")


def refang(text: str) -> str:
    """Undo defanging: replace ``hxxp`` with ``http``, ``[.]`` with a dot, and so on."""
    if not _DEFANG_HINT.search(text):
        return text
    original, text = text, _DEFANGED_SCHEME.sub(_refang_scheme, text)
    if text != original:  # a URL can contain another URL, for example that of a web archive
        text = _DEFANGED_INNER_SCHEME.sub(lambda match: match[0].replace("x", "t"), text)
    text = _DEFANGED_DOT.sub(".", text)
    text = _DEFANGED_COLON.sub(":", text)
    return _DEFANGED_SLASH.sub("/", _DEFANGED_AT.sub("@", text))


def defang(text: str) -> str:
    """Write ``http:`` as ``hxxp:``, ``ftp://`` as ``fxp://`` and dots as ``[.]``."""
    text = _HTTP_SCHEME.sub(lambda match: match[0].lower().replace("tt", "xx", 1), text)
    text = _FTP_SCHEME.sub(lambda match: f"fxp{match[1].lower()}://", text)
    return text.replace(".", "[.]")


def _refang_scheme(match: re.Match[str]) -> str:
    scheme, secure = match[1] or match[3], match[2] or match[4] or ""
    return f"{'ftp' if scheme[0] in 'fF' else 'http'}{secure.lower()}://"
