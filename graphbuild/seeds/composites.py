"""Composite values: two parts with a vertical bar between them, as in MISP (``name.exe|<md5>``)."""

from __future__ import annotations

from typing import NamedTuple

from graphbuild.models import HASH_TYPE_NAMES

_SEED = ""
# Type of a composite value -> the roles of its two parts. The role of a hash is its hash type. The
# role of any other indicator is ``_SEED``. Other roles are names of attributes of the seed.
COMPOSITES = {
    "domain|ip": (_SEED, _SEED),
    "hostname|port": (_SEED, "port"),
    "ip-src|port": (_SEED, "port"),
    "ip-dst|port": (_SEED, "port"),
    "malware-sample": ("file_name", "md5"),
    **{f"filename|{name}": ("file_name", name) for name in HASH_TYPE_NAMES},
}


class CompositeValue(NamedTuple):
    """The parts of a composite value."""

    seeds: list[tuple[str, str]]  # (hash type, hash), or ("", indicator)
    attributes: dict[str, str]  # attributes of each of the seeds


def split_composite(kind: str, value: str) -> CompositeValue:
    """Split a composite value at its last vertical bar. ``kind`` is a key of ``COMPOSITES``.

    Raises:
        ValueError: The value contains no vertical bar. The message continues a sentence that
            starts with the value.
    """
    first, bar, second = value.rpartition("|")
    if not bar:
        raise ValueError(f"is not a {kind}: it contains no vertical bar")
    found = CompositeValue([], {})
    for role, part in zip(COMPOSITES[kind], (first.strip(), second.strip()), strict=True):
        if role == _SEED or role in HASH_TYPE_NAMES:
            found.seeds.append((role, part))
        elif part:
            found.attributes[role] = part
    return found
