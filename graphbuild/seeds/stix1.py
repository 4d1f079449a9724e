"""STIX 1 and CybOX 2 (XML): read files, domains, host names, IP addresses and URLs of observables.

The objects are read wherever they are, for example in observables, in indicators, in other objects
or in responses of TAXII 1.1 servers. The format is documented at https://stixproject.github.io/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.models import detect_hash_type
from graphbuild.seeds.json_documents import api_hash_name
from graphbuild.seeds.xml_documents import iterate_elements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.seeds.results import SeedReader
    from graphbuild.seeds.xml_documents import Element

ROOTS = frozenset({"STIX_Package", "Observables", "Poll_Response"})
_DELIMITER = "##comma##"  # separates several values in one element
_CONDITIONS = frozenset({"", "Equals", "Contains"})
_ADDRESS_CATEGORIES = frozenset({"", "ipv4-addr", "ipv6-addr"})
# Name of an element with a value -> part of its namespace.
_VALUE_OBJECTS = {
    "Address_Value": "#AddressObject-",
    "Hostname_Value": "#HostnameObject-",
}
# Parts of the namespaces of elements whose name is ``Value``.
_NAMED_VALUES = ("#DomainNameObject-", "#URIObject-")
# Elements that are read from the children of their parents.
_KEPT = frozenset({"Type", "Simple_Hash_Value", "File_Name", "Hash"})


def read(texts: Iterable[str], reader: SeedReader) -> None:
    """Add the seeds in CybOX objects; skip objects of types that cannot be seeds."""
    for element in iterate_elements(texts, reader.source):
        if element.name in _KEPT:
            element.keep()
        elif element.name == "Hashes":
            _mark_read(element)
            _read_hashes(element, reader)
        elif _is_value(element):
            _mark_read(element)
            _read_value(element, reader)
        elif element.name == "Properties" and not element.children:
            reader.skip(element.attributes.get("type", "object").rpartition(":")[2])


def _is_value(element: Element) -> bool:
    if element.name == "Value":
        return any(each in element.namespace for each in _NAMED_VALUES)
    return _VALUE_OBJECTS.get(element.name, " ") in element.namespace


def _mark_read(element: Element) -> None:
    """Mark each ``Properties`` element around ``element`` as read, by adding a child to it.

    ``Properties`` without children are counted as skipped objects of an unsupported type.
    """
    ancestor = element.parent
    while ancestor is not None:
        if ancestor.name == "Properties" and not ancestor.children:
            ancestor.children.append(element)
        ancestor = ancestor.parent


def _read_value(element: Element, reader: SeedReader) -> None:
    if not _has_readable_condition(element, reader):
        return
    category = element.parent.attributes.get("category", "") if element.parent else ""
    if element.name == "Address_Value" and category not in _ADDRESS_CATEGORIES:
        reader.skip(category)
        return
    for text in element.text.split(_DELIMITER):
        reader.add(text.strip(), element.line)


def _read_hashes(element: Element, reader: SeedReader) -> None:
    """Add the hashes in an element ``Hashes`` as one file.

    If there are several hashes of the same type, each hash is added as another file.
    """
    hashes: dict[str, list[str]] = {}
    for each in element.children:
        value, kind = each.child("Simple_Hash_Value"), each.child("Type")
        if value is None or not _has_readable_condition(value, reader):
            continue
        texts = [text.strip() for text in value.text.split(_DELIMITER)]
        name = api_hash_name(kind.text) if kind else detect_hash_type(texts[0])
        if name:
            hashes.setdefault(name, []).extend(texts)
        else:
            reader.skip(kind.text if kind else "hash of an unknown type")
    file_name = element.parent.child("File_Name") if element.parent else None
    notes = {"file_name": file_name.text} if file_name and file_name.text else {}
    if all(len(texts) == 1 for texts in hashes.values()):
        if hashes:
            reader.add_file({name: texts[0] for name, texts in hashes.items()}, element.line, notes)
        return
    for name, texts in hashes.items():
        for text in texts:
            reader.add_file({name: text}, element.line, notes)


def _has_readable_condition(element: Element, reader: SeedReader) -> bool:
    if element.attributes.get("condition", "") in _CONDITIONS:
        return True
    reader.count_warning(
        "values with conditions other than Equals and Contains were skipped", element.line
    )
    return False
