"""Faults: what the service can be made to do wrong, and when."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import TYPE_CHECKING

from graphbuild.emulator.answer_faults import ANSWER_FAULTS
from graphbuild.emulator.page_faults import PAGE_FAULTS, change_page
from graphbuild.emulator.wire_faults import WIRE_FAULTS, mark_wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbuild.emulator.answers import Answer

# Every kind with a sentence that says what it does.
KINDS: Mapping[str, str] = {
    name: says
    for table in (ANSWER_FAULTS, PAGE_FAULTS, WIRE_FAULTS)
    for name, (says, _) in table.items()
}

# Kinds whose value is a number: a status, a size, a count; or seconds.
_WHOLE = frozenset({"status", "html", "not_gzip", "headers", "gzip_cut", "gzip_layers", "bomb"})
_SECONDS = frozenset({"drip", "drip_headers", "stall", "stall_body", "delay"})
_MOST = 10**10


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing going wrong `times` times (None: for ever) after the first `after` requests.

    Only requests with `match` in their path and query are counted. `value` is what the kind
    takes: a status, an address, a number of seconds or of bytes, a body.
    """

    kind: str
    value: str | bytes | float = ""
    _: KW_ONLY
    times: int | None = 1
    after: int = 0
    match: str = ""
    retry_after: str | None = None  # the text of this header, on kinds that make an error

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; we have {', '.join(sorted(KINDS))}")
        if self.kind in _WHOLE | _SECONDS and self.value != "" and not self._bears_number():
            raise ValueError(f"fault {self.kind!r} takes a number, not {self.value!r}")

    def _bears_number(self) -> bool:
        try:
            number = int(self.value) if self.kind in _WHOLE else float(self.value)
        except (ValueError, OverflowError):
            return False
        return 0 <= number < _MOST  # neither does NaN


class Script:
    """Faults in their order; a request that an earlier one takes is not seen by the later."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = list(faults)
        self._seen = [0] * len(self._faults)

    def add(self, faults: Iterable[Fault]) -> None:
        """Put faults at the end."""
        for fault in faults:
            self._faults.append(fault)
            self._seen.append(0)

    def take(self, target: str) -> Fault | None:
        """Return the fault due on this request."""
        for place, fault in enumerate(self._faults):
            if fault.match in target:
                number = self._seen[place] - fault.after
                self._seen[place] += 1
                if number >= 0 and (fault.times is None or number < fault.times):
                    return fault
        return None


def apply_fault(fault: Fault, answer: Answer, target: str, number: int) -> Answer:
    """Spoil a true answer; `number` tells requests apart."""
    if fault.kind in ANSWER_FAULTS:
        return ANSWER_FAULTS[fault.kind][1](answer, fault, target)
    if fault.kind in PAGE_FAULTS:
        return change_page(answer, fault, target, number)
    return mark_wire(answer, fault)


def parse_fault(text: str) -> Fault:
    """Read a fault from the command line: `status=503,times=2,match=/files/`.

    The first part is the kind with its value; `times=all` is for ever.

    Raises:
        ValueError: a part is not understood.
    """
    first, *rest = text.split(",")
    kind, _, value = first.partition("=")
    options = dict(_parse_option(part) for part in rest)
    return Fault(kind.strip(), value, **options)  # type: ignore[arg-type] # checked by _parse_option


def _parse_option(text: str) -> tuple[str, str | int | None]:
    name, equals, value = text.strip().partition("=")
    if not equals or name not in {each.name for each in fields(Fault)} - {"kind", "value"}:
        raise ValueError(f"expected times=, after=, match= or retry_after=, not {text!r}")
    if name not in {"times", "after"}:
        return name, value
    if name == "times" and value == "all":
        return name, None
    if not value.isascii() or not value.isdigit():
        raise ValueError(f"expected a number at {name}=, not {value!r}")
    return name, int(value)
