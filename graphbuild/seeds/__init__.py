"""Seed lists: read the file hashes, domains, IP addresses and URLs from which a crawl starts.

A list can be plain text with one entry per line, a table (CSV, TSV), STIX 1 or 2, MISP events,
OpenIOC, objects of the API, a JSON array, or free text that contains indicators. Invalid entries
are reported as :class:`RejectedEntry` objects; in free text, they are reported as warnings.
Duplicates are counted. Some changes to indicators, such as refanging, cause warnings.
"""

from __future__ import annotations

from graphbuild.models import Seed
from graphbuild.seeds.formats import FORMAT_NAMES
from graphbuild.seeds.reading import parse_seeds, read_seeds
from graphbuild.seeds.results import RejectedEntry, SeedList

__all__ = [
    "FORMAT_NAMES",
    "RejectedEntry",
    "Seed",
    "SeedList",
    "parse_seeds",
    "read_seeds",
]
