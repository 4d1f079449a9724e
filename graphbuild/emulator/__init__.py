"""A stand-in of VirusTotal's API v3: a world of data, the service over it, two ways to reach it.

    >>> from graphbuild.emulator import Api, Emulator, made_up_world
    >>> with Emulator(Api(made_up_world(seed=1))) as emulator:
    ...     emulator.base_url.startswith("http://127.0.0.1:")
    True

It knows nothing of the rest of the package, so that the two can disagree.
"""

from graphbuild.emulator.adapter import EmulatorAdapter
from graphbuild.emulator.answers import Answer
from graphbuild.emulator.api import Api
from graphbuild.emulator.config import Choices
from graphbuild.emulator.dialects import DIALECTS
from graphbuild.emulator.faults import KINDS, Fault, parse_fault
from graphbuild.emulator.generator import family_world, made_up_world
from graphbuild.emulator.loader import load_world
from graphbuild.emulator.models import Collection, File, Indicator, Reference
from graphbuild.emulator.mutations import (
    add_references,
    drop_reference,
    join_collection,
    later_world,
    leave_collection,
)
from graphbuild.emulator.quota import Quota
from graphbuild.emulator.request_log import Entry
from graphbuild.emulator.server import Emulator
from graphbuild.emulator.violations import break_rule
from graphbuild.emulator.world import World

__all__ = [
    "DIALECTS",
    "KINDS",
    "Answer",
    "Api",
    "Choices",
    "Collection",
    "Emulator",
    "EmulatorAdapter",
    "Entry",
    "Fault",
    "File",
    "Indicator",
    "Quota",
    "Reference",
    "World",
    "add_references",
    "break_rule",
    "drop_reference",
    "family_world",
    "join_collection",
    "later_world",
    "leave_collection",
    "load_world",
    "made_up_world",
    "parse_fault",
]
