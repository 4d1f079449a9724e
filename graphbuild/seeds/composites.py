"""Composite values: two parts with a vertical bar between them, as in MISP (``name.exe|<md5>``)."""

from __future__ import annotations

from typing import NamedTuple

from graphbuild.models import HASH_TYPE_NAMES

_SEED = ""
# Type of a composite value -> roles of the parts. The role of a seed is its hash type or ``_SEED``.
# Other roles are names of attributes of the seed.
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
    attributes: dict[str, str]  # attributes of the seeds


def split_composite(kind: str, value: str) -> CompositeValue:
    """Split a value of the type ``kind``, which must be in ``COMPOSITES``.

    Raises:
        ValueError: The value contains no vertical bar.
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
