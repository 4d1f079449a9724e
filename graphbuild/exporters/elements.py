"""One attribute, one element of GraphML: how each kind of value is written.

Texts with markup stand in CDATA, because Gephi loses a space that stands alone between entities.
What has no element of its own goes into ``attributes``, as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbuild.exporters.columns import further, holds
from graphbuild.exporters.plain import (
    created,
    fits,
    host_of,
    label_text,
    replaced,
    xml_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from graphbuild.exporters.plain import Remarks


def facts(
    attributes: dict[str, Any], remarks: Remarks, seed_keys: Container[str] = ()
) -> list[str]:
    """What is known of a node: the API's values, what follows from each alone, and a seed list's.

    Args:
        attributes: the node's.
        remarks: where it is counted what could not be carried as it was.
        seed_keys: the names from seed lists that have a key of their own.
    """
    parts: list[str] = []
    rest: dict[str, Any] = {}
    for name, value in attributes.items():
        column = _COLUMNS.get(name)
        if column and (type(value) is column[0] or holds(column[0], value)):
            parts.append(column[1](name, value, remarks))
        elif name in seed_keys and isinstance(value, str):
            parts.append(text_element(name, value, remarks))
        else:
            rest[name] = value
    if rest:
        parts.append(element("attributes", further(rest, remarks), remarks))
    return parts


def _label(_name: str, value: str, _remarks: Remarks) -> str:
    label = label_text(value)
    if "&" in label or "<" in label or "]]>" in label:
        label = _cdata(label)
    return f'<data key="label">{label}</data>'


def text_element(name: str, value: str, remarks: Remarks) -> str:
    """``value``, cleaned, as the element ``name``."""
    text = xml_text(value)
    if text is not value and replaced(value) != value:
        remarks.cleaned += 1
    return element(name, text, remarks)


def _url(name: str, value: str, remarks: Remarks) -> str:
    return element("domain", host_of(value), remarks) + text_element(name, value, remarks)


def _number(name: str, value: int, remarks: Remarks) -> str:
    if fits(value):
        return f'<data key="{name}">{value}</data>'
    remarks.left_out += 1
    return ""


def _date(name: str, value: int, remarks: Remarks) -> str:
    day = created(value)
    return _number(name, value, remarks) + (f'<data key="created">{day}</data>' if day else "")


def _flag(name: str, value: bool, _remarks: Remarks) -> str:  # noqa: FBT001  a value, no switch
    return f'<data key="{name}">{"true" if value else "false"}</data>'


def _nothing(*_: object) -> str:
    return ""


def element(key: str, text: str, remarks: Remarks) -> str:
    """``text``, clean already, as the element ``key``; nothing if empty, as Gephi reads that so."""
    if not text:
        return ""
    if "INF" in text or (len(text) == len("null") and text.lower() == "null"):
        remarks.misread += 1
    if "&" in text or "<" in text or "]]>" in text:
        text = _cdata(text)
    return f'<data key="{key}">{text}</data>'


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


# The attributes that have a key of their own: the kind of value it takes, and how it is written.
# The type is written with the looks; the id stands in the node's key already.
_COLUMNS: dict[str, tuple[type, Callable[[str, Any, Remarks], str]]] = {
    "label": (str, _label),
    "type": (str, _nothing),
    "id": (str, _nothing),
    "community": (int, _number),
    "seed": (bool, _flag),
    "state": (str, text_element),
    "crawl_pages": (int, _number),
    "crawl_announced": (int, _number),
    "crawl_received": (int, _number),
    "crawl_inferred": (int, _number),
    "crawl_status": (int, _number),
    "crawl_remark": (str, text_element),
    "crawl_asked_at": (str, text_element),
    "hop": (int, _number),
    "url": (str, _url),
    "title": (str, text_element),
    "author": (str, text_element),
    "creation_date": (int, _date),
    "collection_type": (str, text_element),
    "origin": (str, text_element),
    "tags": (str, text_element),
}
NODE_KINDS = {name: kind for name, (kind, _) in _COLUMNS.items()}
