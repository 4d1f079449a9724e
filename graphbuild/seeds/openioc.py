"""OpenIOC 1.0 and 1.1 (XML): read the indicator items, wherever they are in the document.

The format is documented at https://github.com/fireeye/OpenIOC_1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.seeds.json_documents import api_hash_name
from graphbuild.seeds.xml_documents import iterate_elements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.seeds.results import SeedReader
    from graphbuild.seeds.xml_documents import Element

ROOTS = frozenset({"ioc", "OpenIOC"})
# Search terms (in lower case) whose content is a domain, an IP address or a URL.
_VALUE_TERMS = frozenset(
    {
        "dnsentryitem/host",
        "dnsentryitem/recorddata/host",
        "dnsentryitem/recorddata/ipv4address",
        "dnsentryitem/recorddata/ipv6address",
        "dnsentryitem/recordname",
        "filedownloadhistoryitem/sourceurl",
        "formhistoryitem/hostname",
        "network/dns",
        "network/url",
        "portitem/remoteip",
        "processitem/portlist/portitem/remoteip",
        "urlhistoryitem/hostname",
        "urlhistoryitem/url",
    }
)
_CONDITIONS = frozenset({"is", "contains"})


def read(texts: Iterable[str], reader: SeedReader) -> None:
    """Add the hashes, domains, IP addresses and URLs in indicator items.

    Items with other search terms, negated items, and items with conditions other than ``is`` and
    ``contains`` are skipped with a warning.
    """
    for element in iterate_elements(texts, reader.source):
        if element.name in {"Context", "Content"}:
            element.keep()
        elif element.name == "IndicatorItem":
            _read_item(element, reader)


def _read_item(item: Element, reader: SeedReader) -> None:
    context, content = item.child("Context"), item.child("Content")
    if context is None or content is None:
        reader.reject(item.text, item.line, "is not an indicator item: it has no content")
        return
    search = context.attributes.get("search", "")
    is_negated = item.attributes.get("negate") == "true"
    if is_negated or item.attributes.get("condition", "is") not in _CONDITIONS:
        reader.count_warning(
            "items with conditions other than is and contains were skipped", item.line
        )
    elif hash_name := _hash_name(search):
        reader.add_file({hash_name: content.text}, item.line, {})
    elif search.lower() in _VALUE_TERMS:
        reader.add(content.text, item.line)
    else:
        reader.skip(search or "no search term")


def _hash_name(search: str) -> str | None:
    """Return the hash type that a search term such as ``FileItem/Md5sum`` names.

    Return None for other terms. Terms with more parts are such terms, because they can name hashes
    of a part of the file, such as a section or the signature.
    """
    document, _, name = search.partition("/")
    is_file = document.lower() in {"fileitem", "driveritem", "processitem", "serviceitem"}
    return api_hash_name(name.lower().removesuffix("sum")) if is_file else None
