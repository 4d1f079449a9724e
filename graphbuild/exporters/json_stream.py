"""JSON documents that are one long list: written an object a line, one in memory at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_objects(
    stream: BinaryIO, head: bytes, objects: Iterable[dict[str, Any]], tail: bytes
) -> None:
    """Write ``head``, ``objects`` with commas between, and ``tail``."""
    encode = msgspec.json.Encoder().encode
    separator = head + b"\n"
    for each in objects:
        stream.write(separator + encode(each))
        separator = b",\n"
    stream.write((b"\n" if separator == b",\n" else separator) + tail)
