"""Return the web address of a node: its page on VirusTotal, or the URL of a classic reference.

Pages on VirusTotal have the addresses that https://www.virustotal.com displays in a browser.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from graphbuild.exporters.sanitize import url_host
from graphbuild.models import (
    COLLECTION,
    DOMAIN,
    FILE,
    FILE_ID_HASH,
    IP_ADDRESS,
    REFERENCE,
    URL,
    detect_hash_type,
    is_object_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WEBSITE = "https://www.virustotal.com/gui"
# Domain names: two or more labels of letters, digits, underscores and inner hyphens, in any script.
_DOMAIN = re.compile(r"\w(?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)+")
_WEB_SCHEME = re.compile("https?://", re.IGNORECASE)


def _is_hash(text: str) -> bool:
    return detect_hash_type(text) is not None


def _is_sha256(text: str) -> bool:
    return detect_hash_type(text) == FILE_ID_HASH


def _is_domain(text: str) -> bool:
    return is_object_id(text) and _DOMAIN.fullmatch(text) is not None


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return is_object_id(text)


class _Page(NamedTuple):
    """The pages of the objects of one type on VirusTotal."""

    prefix: str  # the beginning of the addresses, which continue with the id
    is_valid_id: Callable[[str], bool]


_PAGES: Mapping[str, _Page] = {
    FILE: _Page(f"{_WEBSITE}/file/", _is_hash),
    DOMAIN: _Page(f"{_WEBSITE}/domain/", _is_domain),
    IP_ADDRESS: _Page(f"{_WEBSITE}/ip-address/", _is_ip_address),
    URL: _Page(f"{_WEBSITE}/url/", _is_sha256),
    COLLECTION: _Page(f"{_WEBSITE}/collection/", is_object_id),
}


def web_url(node: Mapping[str, Any]) -> str:
    """Return the web address of a node with the attributes ``node``; empty if there is none.

    A reference without a page on VirusTotal has the address in its attribute ``url``. That must be
    an http or https URL with a host, and without spaces and unprintable characters.
    """
    is_reference = node.get("type") == REFERENCE
    return virustotal_url(node) or (_reference_url(node.get("url")) if is_reference else "")


def virustotal_url(node: Mapping[str, Any]) -> str:
    """Return the address of the page about a node on VirusTotal; empty if there is none.

    A reference has a page if it is a report of Google Threat Intelligence. Its attribute
    ``original_id`` is then the id in the address. Objects with invalid ids, and nodes that
    represent a group, have no page.
    """
    if "group_members" in node:
        return ""
    if node.get("type") == REFERENCE and node.get("original_type") == COLLECTION:
        return _page_url(COLLECTION, node.get("original_id"))
    return _page_url(node.get("type"), node.get("id"))


def page_prefix(node_type: str) -> str:
    """Return the address of a page on VirusTotal without the object id, with which it ends.

    The result is empty if VirusTotal has no pages about objects of the type ``node_type``.
    """
    page = _PAGES.get(node_type)
    return page.prefix if page else ""


def _page_url(object_type: object, object_id: object) -> str:
    page = _PAGES.get(object_type) if isinstance(object_type, str) else None
    if page is None or not isinstance(object_id, str) or not page.is_valid_id(object_id):
        return ""
    return page.prefix + quote(object_id, safe=":")


def _reference_url(url: object) -> str:
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        return ""
    return url if _WEB_SCHEME.match(url) and url_host(url) else ""
