"""Faults of the emulated API for tests: wrong responses, wrong pages, broken connections.

    api = FaultyApi(world, faults=[Fault("status", 503, times=2)])

`FAULT_KINDS` lists all kinds with a description.
"""

from tests.support.faults.api import FAULT_KINDS, FaultyApi
from tests.support.faults.fault import Fault
from tests.support.faults.rule_violations import rule_violators, violate_rule

__all__ = ["FAULT_KINDS", "Fault", "FaultyApi", "rule_violators", "violate_rule"]
