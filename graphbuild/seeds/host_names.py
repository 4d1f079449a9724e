"""Distinguish host names in text from names of files, packages and parts of programs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from tldextract import TLDExtract

from graphbuild.seeds.indicators import FILE_EXTENSION_DOMAINS

if TYPE_CHECKING:
    from tldextract.tldextract import ExtractResult

_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_COMMON_DOMAINS = frozenset({"com", "net", "org", "biz", "edu", "gov", "mil"})
# Top-level domains that are more often endings of file names than of host names.
_FILE_DOMAINS = frozenset({"cab", "mov", "properties", "zip"})
# Country-code domains that are also file extensions. ``notes.md`` may be a file. Names with a
# subdomain (``mail.evil.md``), if their case is not mixed, and names with a path are hosts. ``pl``
# is omitted, because files of Perl are rarer in reports than hosts in Poland.
_FILE_COUNTRY_DOMAINS = FILE_EXTENSION_DOMAINS - _FILE_DOMAINS - {"pl"}
# Top-level domains that are also names of methods or fields in many programming languages.
_CODE_DOMAINS = frozenset(
    {
        *("abc", "audio", "author", "bom", "call", "circle", "codes", "compare", "data", "day"),
        *("degree", "delta", "directory", "docs", "dot", "events", "fail", "family", "final"),
        *("foo", "here", "how", "lease", "like", "map", "name", "new", "next", "now", "open"),
        *("parts", "pid", "ping", "pin", "post", "prod", "read", "run", "safe", "save", "search"),
        *("select", "shell", "show", "style", "tab", "target", "total", "video", "windows", "zero"),
    }
)
_CODE_OBJECTS = frozenset(
    {"array", "body", "document", "element", "http", "math", "module", "obj", "object", "window"}
)
_OWN_OBJECT = frozenset({"cls", "self", "this"})
_PACKAGE_ROOTS = frozenset({"adodb", "android", "androidx", "java", "javax", "kotlin", "system"})
_REVERSED_ROOTS = frozenset({"com", "edu", "gov", "io", "net", "org"})  # as in com.example.app
_PRODUCTS = frozenset({"ado.net", "asp.net", "socket.io", "vb.net"})
# Maximum length of a short label. ``a.data`` with a short first label is a part of a program;
# ``t.me``, whose ending is short as well, is a domain.
_SHORT = 2
_CAMEL_CASE = re.compile(r"[a-z0-9][A-Z]")
# The text after a part of a program, such as ``a.click()`` or ``a.id = 1``. If an IPv4 address
# follows, as in ``host = 192.0.2.1``, the name is a host.
_CALL_OR_ASSIGNMENT = re.compile(r"(?:\(|\s?[+-]?=(?!=))(?!\s?\d{1,3}\.\d{1,3}\.)")
_CSS_RULE = re.compile(r"\s?\{\s{0,9}[a-z-]{1,40}\s?:")  # after the name in #main.net{color:red}
_HTML_NAME = re.compile(r"""\s(?:id|class)=["']$""")  # before the name of an HTML element
_HINT = "defang it if it is a domain"

# These arguments make tldextract use its bundled public suffix list, without downloads. The
# reserved top-level domain ``example`` is added, because demonstrations use it.
_SPLIT = TLDExtract(cache_dir=None, suffix_list_urls=(), extra_suffixes=["example"])


def is_host(name: str) -> bool:
    """Return whether a name is an IPv4 address, or has a label before a suffix such as ``co.uk``.

    Suffixes are those of the public suffix list.
    """
    return is_ipv4(name) or _is_registrable(name.lower())


def is_ipv4(name: str) -> bool:
    """Return whether a name consists of four numbers with dots between them.

    Numbers above 255 are accepted, so that the parser can report them.
    """
    return _IPV4.fullmatch(name) is not None


def why_not_a_host(host: str, after: str, before: str = "", *, has_path: bool) -> str:
    """Return why a host that is not defanged may be something else, or an empty string.

    ``after`` and ``before`` are the text around the host, and ``has_path`` is whether a path
    follows it. The result continues a sentence that starts with the host.
    """
    labels = host.split(".")
    top = labels[-1]
    if labels[0].lower() == "www":
        return ""
    checks = (
        (_is_file_name(host, has_path=has_path), "may be a file name"),
        (not (top.islower() or host.isupper()), "does not end in a lower-case top-level domain"),
        (host.lower() in _PRODUCTS, "is the name of a product"),
        (_is_package(labels), "may be the name of a package"),
        (_is_code(labels, after), "may be a part of a program"),
        (_is_selector(labels, before, after), "may be the name of an HTML element"),
    )
    return next((f"{reason}; {_HINT}" for applies, reason in checks if applies), "")


def _is_file_name(host: str, *, has_path: bool) -> bool:
    lower = host.lower()
    top = lower.rpartition(".")[2]
    if top in _FILE_COUNTRY_DOMAINS and not has_path:
        parts = _split(lower)
        has_more_labels = bool(parts.subdomain) or "." in parts.suffix
        return not has_more_labels or host not in {lower, host.upper()}
    return top in _FILE_DOMAINS


def _is_package(labels: list[str]) -> bool:
    root, top = labels[0].lower(), labels[-1]
    if root in _PACKAGE_ROOTS:
        return top not in {"com", "org"}
    is_long = len(labels) > 2 and len(top) > 2  # noqa: PLR2004  country codes have two letters
    return root in _REVERSED_ROOTS and is_long and top not in _COMMON_DOMAINS


def _is_code(labels: list[str], after: str) -> bool:
    first, top = labels[0].lower(), labels[-1].lower()
    if "_" in _split(".".join(labels).lower()).domain:
        return True
    if top in _COMMON_DOMAINS:
        return False
    is_short = len(labels) == 2  # noqa: PLR2004  such as this.id
    return (
        top in _CODE_DOMAINS
        or first in _OWN_OBJECT
        or (is_short and first in _CODE_OBJECTS)
        or (len(first) <= _SHORT < len(labels) and labels[-2].lower() in _CODE_OBJECTS)
        or (is_short and len(first) <= _SHORT < len(top))
        or any(map(_CAMEL_CASE.search, labels))
        or _CALL_OR_ASSIGNMENT.match(after) is not None
    )


def _is_selector(labels: list[str], before: str, after: str) -> bool:
    if before.endswith("#") and _CSS_RULE.match(after):
        return True
    return labels[-1].lower() not in _COMMON_DOMAINS and _HTML_NAME.search(before[-10:]) is not None


def _is_registrable(host: str) -> bool:
    parts = _split(host)
    return bool(parts.domain and parts.suffix)


@lru_cache(maxsize=4_096)
def _split(host: str) -> ExtractResult:
    return _SPLIT(host)
