"""An `Api` whose responses can be replaced by faults."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphbuild.emulator import Api
from tests.support.faults.connection_faults import CONNECTION_FAULTS
from tests.support.faults.page_faults import PAGE_FAULTS, apply_page_fault
from tests.support.faults.response_faults import RESPONSE_FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from graphbuild.emulator import Request, Response, World
    from tests.support.faults.fault import Fault

# Every kind of fault with its description.
FAULT_KINDS: Mapping[str, str] = {
    kind: description
    for table in (RESPONSE_FAULTS, PAGE_FAULTS, CONNECTION_FAULTS)
    for kind, (description, _) in table.items()
}


class FaultyApi(Api):
    """An `Api` with a list of faults; each request is affected by at most one of them."""

    def __init__(self, world: World, *, faults: Iterable[Fault] = (), **options: Any) -> None:
        super().__init__(world, middleware=self._inject, **options)
        self._faults: list[Fault] = []
        self._matched: list[int] = []  # for each fault, the number of requests that it matched
        self.add_faults(*faults)

    def add_faults(self, *faults: Fault) -> None:
        """Append faults; a request affected by an earlier fault is not seen by a later one."""
        for fault in faults:
            if fault.kind not in FAULT_KINDS:
                raise ValueError(f"no fault {fault.kind!r}")
        with self._lock:
            self._faults += faults
            self._matched += [0] * len(faults)

    def clear_faults(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults, self._matched = [], []

    def _inject(self, request: Request, response: Response) -> Response:
        fault = self._next_fault(request.target)
        if fault is None:
            return response
        return replace(self._apply(fault, request, response), fault=fault.kind)

    def _next_fault(self, target: str) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.match in target:
                number = self._matched[index] - fault.after
                self._matched[index] += 1
                if number >= 0 and (fault.times is None or number < fault.times):
                    return fault
        return None

    def _apply(self, fault: Fault, request: Request, response: Response) -> Response:
        if fault.kind in RESPONSE_FAULTS:
            return RESPONSE_FAULTS[fault.kind][1](response, fault, request.target)
        if fault.kind in PAGE_FAULTS:
            return apply_page_fault(response, fault, request.query, len(self.log))
        make_delivery: Callable[..., Any] = CONNECTION_FAULTS[fault.kind][1]
        return replace(response, delivery=make_delivery(fault))
