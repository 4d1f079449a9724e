"""Remove ``*.`` before and ``/`` after hosts, as in filter lists, and ``0x`` before hashes."""

from __future__ import annotations

import re

from graphbuild.models import URL

_WILDCARD_REMOVED = "*. before domains and / after hosts were removed"
_HEX_PREFIX_REMOVED = "0x before hashes was removed"
_FILTERED_HOST = re.compile(r"(?:\*\.)?([^\s/*?@:,;|]+)/?")
# 40 digits after ``0x`` are more likely an Ethereum address than a SHA-1.
_PREFIXED_HASH = re.compile(r"0x([0-9a-f]{64}|[0-9a-f]{32})", re.IGNORECASE)


def remove_affixes(text: str, stated_type: str) -> tuple[str, tuple[str, ...]]:
    """Return ``text`` without the parts around its indicator, and warnings about these parts.

    If ``stated_type`` is ``URL``, hosts are not changed, because ``evil.example/`` is then a URL.
    """
    if found := _PREFIXED_HASH.fullmatch(text):
        return found[1], (_HEX_PREFIX_REMOVED,)
    has_slash = text[-1:] == "/" and "/" not in text[:-1]
    found = _FILTERED_HOST.fullmatch(text) if has_slash or text[:2] == "*." else None
    if found is None or "." not in found[1] or stated_type == URL:
        return text, ()
    return found[1], (_WILDCARD_REMOVED,)
