"""Seed lists become seeds; what is no seed is told with its place and reason.

A list may be plain lines, a table (CSV, TSV), a STIX 2.1 bundle, a MISP event, or any text in which
hashes, domains, addresses and URLs stand. Nothing is dropped in silence: repeats are counted, what
names nothing is a :class:`Rejected` value, what was changed or passed over is a remark.
"""

from __future__ import annotations

from graphbuild.models import Seed
from graphbuild.seeds.formats import FORMS, parse_seeds, read_seeds
from graphbuild.seeds.plain_list import MAX_LINE
from graphbuild.seeds.results import Rejected, SeedList
from graphbuild.seeds.streams import STDIN

__all__ = [
    "FORMS",
    "MAX_LINE",
    "STDIN",
    "Rejected",
    "Seed",
    "SeedList",
    "parse_seeds",
    "read_seeds",
]
