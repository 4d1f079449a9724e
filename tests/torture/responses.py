"""Corpus rows that are responses: serve each to a crawl and check the result.

Accepted responses are also exported, read back and printed.
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
from tests.torture.payloads import WORLD, Memory, content, fill_placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphbuild.emulator import Response

    Row = Mapping[str, Any]

_MAX_MESSAGE = 2_000  # characters of each message
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class CountingApi(FaultyApi):
    """An emulated API that counts requests with cookies or passwords."""

    def __init__(self) -> None:
        super().__init__(WORLD)
        self.cookies = 0
        self.passwords = 0

    def respond(self, method: str, target: str, headers: Mapping[str, str]) -> Response:
        """Return the response of the emulator."""
        names = {name.lower() for name in headers}
        self.cookies += "cookie" in names
        self.passwords += not names.isdisjoint({"authorization", "proxy-authorization"})
        return super().respond(method, target, headers)


@dataclass(slots=True)
class CrawlResult:
    """The outcome of a crawl."""

    calls: int = 0
    waited: float = 0.0
    state: str = ""
    pages: int = 0
    messages: str = ""  # warnings and errors, one per line
    observations: int = 0
    raised: BaseException | None = None
    titles: list[object] = field(default_factory=list)


class CorpusServer:
    """One emulated API for all rows."""

    def __init__(self) -> None:
        self.api = CountingApi()
        self._server = Emulator(self.api)
        self._server.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    @property
    def base_url(self) -> str:
        """The base URL of the API."""
        return self._server.base_url

    def crawl_row(self, row: Row, folder: Path) -> CrawlResult:
        """Crawl with the row's responses; the last one is repeated."""
        self._prepare(row)
        Memory.begin()
        return self.crawl(folder, row.get("subjects", 1))

    def crawl(self, folder: Path, subjects: int = 1) -> CrawlResult:
        """Crawl with the current responses of the API."""
        before, crawled, clock = len(self.api.log), CrawlResult(), ManualClock()
        client = Client(
            ApiKey(CANARY),
            base_url=self.base_url,
            clock=clock,
            deadline=5.0,
            api_flavor="classic",
        )
        with client, Store.open(folder / "campaign.db") as store:
            store.add_seeds(parse_seeds(WORLD.hashes()[:subjects]))
            try:
                for _ in Crawl(client, store):
                    pass
            except BaseException as error:  # noqa: BLE001  checked by the caller
                crawled.raised = error
            crawled.calls, crawled.waited = len(self.api.log) - before, sum(clock.waits)
            _read_store(store, crawled)
        return crawled

    def _prepare(self, row: Row) -> None:
        *first, last = [fault_of(answer, row["kind"]) for answer in row["answers"]]
        self.api.clear_faults()
        kind, value = last
        self.api.add_faults(
            *(Fault(kind, value) for kind, value in first), Fault(kind, value, times=None)
        )


def fault_of(answer: Mapping[str, Any], kind: str) -> tuple[str, bytes]:
    """Return kind and value of the fault that sends this response."""
    return ("raw", _raw_response(answer)) if kind == "http" else ("body", content(answer))


def _raw_response(answer: Mapping[str, Any]) -> bytes:
    """Return the bytes of a response; add the length unless the row sets it."""
    body, lines = content(answer), list(answer["head"])
    head = "\r\n".join(fill_placeholders(line, {"@SELF": "/api/v3"}) for line in lines)
    if not lines or not head.startswith("HTTP/"):
        return head.encode() + body
    lower = head.lower()
    if "content-length:" not in lower and "transfer-encoding:" not in lower:
        head += f"\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + body


def _read_store(store: Store, crawled: CrawlResult) -> None:
    first, *_ = store.statuses()  # read all rows, so that the cursor is closed
    crawled.state, crawled.pages = first.state, first.page_count
    warnings = [
        warning
        for page in store.pages()
        for warning in parse_page(page.body, page.subject).warnings
    ]
    messages = [*warnings, first.detail, first.error_code, str(crawled.raised or "")]
    crawled.messages = "\n".join(each[:_MAX_MESSAGE] for each in messages)
    found = list(store.observations())
    crawled.observations = len(found)
    crawled.titles = [each.reference.attributes.get("title") for each in found]


# --- checks -------------------------------------------------------------------------------------


def judge(row: Row, crawled: CrawlResult) -> str:
    """Return how the outcome differs from the row, or an empty string."""
    if crawled.raised is not None and not isinstance(crawled.raised, GraphbuildError):
        return f"raised {crawled.raised!r}"
    found = verdict(crawled)
    if found not in {row["expect"], *row.get("either", ())} and not (
        row["expect"] in {"OK", "MAP", "ITEM"} and found == "OK"
    ):
        return f"outcome {found} ({crawled.messages.strip()[:200]!a}), not {row['expect']}"
    for name in ("calls", "observations"):
        if row.get(name) is not None and row[name] != getattr(crawled, name):
            return f"{getattr(crawled, name)} {name}, not {row[name]}"
    return _judge_details(row, crawled)


def _judge_details(row: Row, crawled: CrawlResult) -> str:
    low, high = row.get("waited", (0, 1e9))
    if not low <= crawled.waited <= high:
        return f"waited {crawled.waited:g} s, not {low} to {high}"
    if row.get("remark") and row["remark"] not in crawled.messages:
        return f"says {crawled.messages.strip()[:200]!a}, not {row['remark']!a}"
    if row["expect"] == "ITEM" and "(skipped)" not in crawled.messages:
        return f"nothing was skipped: {crawled.messages.strip()[:200]!a}"
    if row["expect"] in {"OK", "MAP", "ITEM"} and not crawled.observations:
        return "the valid item next to it is lost"
    if "titles" in row and row["titles"] != crawled.titles:
        return f"titles {crawled.titles!a}, not {row['titles']!a}"
    return ""


def verdict(crawled: CrawlResult) -> str:
    """Return the outcome in the terms of the corpus."""
    if crawled.raised is not None:
        return "STOP"
    if crawled.pages == 0:
        return "PAGE"
    outcomes = {"complete": "OK", "short": "OK", "incomplete": "LOOP"}
    return outcomes.get(crawled.state, f"state {crawled.state}")


# --- exports -------------------------------------------------------------------------------------


def check_exports(folder: Path) -> str:
    """Export the campaign and read it back; return what is wrong, or an empty string."""
    with Store.read(folder / "campaign.db") as store:
        observations = list(store.observations())
        graph = build_graph(observations, subjects=store.subjects())
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status.print_status(store, show_all=True)
            status.print_warnings(store)
    unprintable = {
        char for char in output.getvalue() if unicodedata.category(char) in _UNPRINTABLE
    } - {"\n"}
    if unprintable:
        return f"prints {sorted(unprintable)!a}"
    export_all(graph, folder, ["graphml", "html", "csv"])
    exported = set(extract_observations(read_graphml(folder / "graph.graphml")))
    if exported != set(observations):
        return "GraphML does not give back the same observations"
    return ""
