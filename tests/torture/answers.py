"""Rows of the corpus that are answers: each is given over HTTP to a crawl, which must judge it.

What is accepted goes on into every export and back, and to the terminal.
"""

from __future__ import annotations

import contextlib
import io
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.api.parser import parse_page
from graphbuild.cli import status
from graphbuild.crawler import Crawl
from graphbuild.emulator import Emulator
from graphbuild.errors import GraphbuildError
from graphbuild.exporters import export_all, read_graphml
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.clock import ManualClock
from tests.support.faults import Fault, FaultyApi
from tests.support.keys import CANARY
from tests.torture.payloads import WORLD, Memory, content, filled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphbuild.emulator import Response

    Row = Mapping[str, Any]

_SHORT = 2_000  # characters of a remark that are kept
_SHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Service(FaultyApi):
    """The emulated service, which also watches what it must never be sent."""

    def __init__(self) -> None:
        super().__init__(WORLD)
        self.cookies = 0
        self.passwords = 0

    def respond(self, method: str, target: str, headers: Mapping[str, str]) -> Response:
        """Answer as the emulator does."""
        names = {name.lower() for name in headers}
        self.cookies += "cookie" in names
        self.passwords += not names.isdisjoint({"authorization", "proxy-authorization"})
        return super().respond(method, target, headers)


@dataclass(slots=True)
class Came:
    """What an answer came to."""

    calls: int = 0
    waited: float = 0.0
    state: str = ""
    pages: int = 0
    told: str = ""  # remarks, verdict and error, one a line
    observations: int = 0
    raised: BaseException | None = None
    titles: list[object] = field(default_factory=list)


class Table:
    """Where answers are tried: one service for all rows."""

    def __init__(self) -> None:
        self.service = Service()
        self._server = Emulator(self.service)
        self._server.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._server.base_url

    def ask(self, row: Row, folder: Path) -> Came:
        """Crawl against the row's answers, the last of them for ever."""
        self._prepare(row)
        Memory.begin()
        return self.ask_truly(folder, row.get("subjects", 1))

    def ask_truly(self, folder: Path, subjects: int = 1) -> Came:
        """Crawl against whatever the service answers now."""
        before, came, clock = len(self.service.log), Came(), ManualClock()
        client = Client(ApiKey(CANARY), base_url=self.base_url, clock=clock, deadline=5.0)
        with client, Store.open(folder / "campaign.db") as store:
            store.add_seeds(parse_seeds(WORLD.hashes()[:subjects]))
            try:
                for _ in Crawl(client, store):
                    pass
            except BaseException as error:  # noqa: BLE001  what it is, is the question
                came.raised = error
            came.calls, came.waited = len(self.service.log) - before, sum(clock.waits)
            _look(store, came)
        return came

    def _prepare(self, row: Row) -> None:
        *first, last = [fault_of(answer, row["kind"]) for answer in row["answers"]]
        self.service.clear_faults()
        kind, value = last
        self.service.add_faults(
            *(Fault(kind, value) for kind, value in first), Fault(kind, value, times=None)
        )


def fault_of(answer: Mapping[str, Any], kind: str) -> tuple[str, bytes]:
    """Kind and value of the fault that gives this answer."""
    return ("raw", _wire(answer)) if kind == "http" else ("body", content(answer))


def _wire(answer: Mapping[str, Any]) -> bytes:
    """An answer as it goes over the wire; its length is added where the row says none."""
    body, lines = content(answer), list(answer["head"])
    head = "\r\n".join(filled(line, {"@SELF": "/api/v3"}) for line in lines)
    if not lines or not head.startswith("HTTP/"):
        return head.encode() + body
    lower = head.lower()
    if "content-length:" not in lower and "transfer-encoding:" not in lower:
        head += f"\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + body


def _look(store: Store, came: Came) -> None:
    first, *_ = store.statuses()  # all of them: a half-read listing complains when it is dropped
    came.state, came.pages = first.state, first.page_count
    remarks = [
        remark for page in store.pages() for remark in parse_page(page.body, page.subject).warnings
    ]
    said = [*remarks, first.detail, first.error_code, str(came.raised or "")]
    came.told = "\n".join(each[:_SHORT] for each in said)
    found = list(store.observations())
    came.observations = len(found)
    came.titles = [each.reference.attributes.get("title") for each in found]


# --- judging -------------------------------------------------------------------------------------


def judge(row: Row, came: Came) -> str:
    """Why the row did not come to what it says; empty if it did."""
    if came.raised is not None and not isinstance(came.raised, GraphbuildError):
        return f"raised {came.raised!r}"
    found = verdict(came)
    if found not in {row["expect"], *row.get("either", ())} and not (
        row["expect"] in {"OK", "MAP", "ITEM"} and found == "OK"
    ):
        return f"came to {found} ({came.told.strip()[:200]!a}), not {row['expect']}"
    for name in ("calls", "observations"):
        if row.get(name) is not None and row[name] != getattr(came, name):
            return f"{getattr(came, name)} {name}, not {row[name]}"
    return _judge_details(row, came)


def _judge_details(row: Row, came: Came) -> str:
    low, high = row.get("waited", (0, 1e9))
    if not low <= came.waited <= high:
        return f"waited {came.waited:g} s, not {low} to {high}"
    if row.get("remark") and row["remark"] not in came.told:
        return f"says {came.told.strip()[:200]!a}, not {row['remark']!a}"
    if row["expect"] == "ITEM" and "(skipped)" not in came.told:
        return f"nothing was skipped: {came.told.strip()[:200]!a}"
    if row["expect"] in {"OK", "MAP", "ITEM"} and not came.observations:
        return "the good entry beside it is lost"
    if "titles" in row and row["titles"] != came.titles:
        return f"titles {came.titles!a}, not {row['titles']!a}"
    return ""


def verdict(came: Came) -> str:
    """The corpus's word for what an answer came to."""
    if came.raised is not None:
        return "STOP"
    if came.pages == 0:
        return "PAGE"
    return {"complete": "OK", "incomplete": "LOOP"}.get(came.state, f"state {came.state}")


# --- onwards -------------------------------------------------------------------------------------


def exported(folder: Path) -> str:
    """Export what the folder's campaign holds, read it back; what is wrong, or nothing."""
    with Store.read(folder / "campaign.db") as store:
        observations = list(store.observations())
        graph = build_graph(observations, subjects=store.subjects())
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status.print_status(store, show_all=True)
            status.print_warnings(store)
    odd = {char for char in said.getvalue() if unicodedata.category(char) in _SHOWN} - {"\n"}
    if odd:
        return f"the terminal is shown {sorted(odd)!a}"
    export_all(graph, folder, ["graphml", "html", "csv"])
    back = set(extract_observations(read_graphml(folder / "graph.graphml")))
    if back != set(observations):
        return "GraphML does not give back the same observations"
    return ""
