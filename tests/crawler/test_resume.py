"""Interrupted crawls: killed or stopped, they resume with the same graph and no call twice.

The crawls are processes that request from an emulator on the loopback interface.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Emulator, generate_world
from graphbuild.store import Store
from tests.support.faults import Fault, FaultyApi
from tests.support.processes import COVERAGE_ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphbuild.emulator.http_messages import Response

KEY = "k" * 64
NAMES = ("graph.graphml", "graph.html", "nodes.csv", "edges.csv", "observations.csv")


class DelayingApi(FaultyApi):
    """A service that can delay all responses after some request.

    The crawl then waits, so that a signal never comes too late, even on a busy machine.
    """

    _open = threading.Event()
    _last = sys.maxsize

    def hold(self, after: int) -> None:
        """Respond to ``after`` more requests, then delay responses."""
        self._last, self._open = len(self.log) + after, threading.Event()

    def release(self) -> None:
        """Send all delayed responses and delay none."""
        self._last = sys.maxsize
        self._open.set()

    def respond(self, method: str, target: str, headers: Mapping[str, str]) -> Response:
        """Log the request and respond as soon as it is allowed."""
        gate, answer = self._open, super().respond(method, target, headers)
        if len(self.log) > self._last:
            gate.wait()
        return answer


class CampaignProcesses:
    """CampaignProcesses commands on one campaign in processes.

    Attributes:
        max_extra_calls: The calls that a crawl can make while a signal is sent.
        environment: Environment variables that measure coverage; useless for killed processes.
    """

    max_extra_calls = 6
    environment: Mapping[str, str] = MappingProxyType({})

    def __init__(self, folder: Path, api: DelayingApi, base_url: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.api = api
        self.seeds = folder / "hashes.txt"
        self.store = folder / "campaign.db"
        self.base_url = base_url
        self.seeds.write_text("\n".join(api.world.hashes()))

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **self.environment, "VT_APIKEY": KEY}
        return subprocess.Popen(
            [sys.executable, "-m", "graphbuild", *command, "--store", str(self.store)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def crawl(self, *more: str) -> subprocess.Popen[bytes]:
        return self.start("crawl", str(self.seeds), "--base-url", self.base_url, *more)

    def crawl_to_the_end(self, *more: str) -> None:
        process = self.crawl(*more)
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr.decode()

    def crawl_until(self, calls: int, number: int, delay: float, *more: str) -> int | None:
        """Send a signal some time after a number of calls; return the exit code."""
        before = len(self.api.log)
        self.api.hold(calls + self.max_extra_calls)
        process = self.crawl(*more)
        while len(self.api.log) - before < calls and process.poll() is None:
            _wait(process, 0.002)
        _wait(process, delay)
        process.send_signal(number)
        self.api.release()
        process.communicate(timeout=120)
        return process.returncode

    def exports(self) -> dict[str, str]:
        process = self.start("export", "--out", str(self.folder / "out"))
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr.decode()
        read = ((name, (self.folder / "out" / name).read_bytes()) for name in NAMES)
        return {name: hashlib.sha256(content).hexdigest() for name, content in read}


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return


@pytest.fixture
def runs(tmp_path: Path):
    servers: list[Emulator] = []

    def make(name: str, faults: tuple[Fault, ...] = (), files: int = 40) -> CampaignProcesses:
        api = DelayingApi(generate_world(4, files_per_campaign=files), faults=faults)
        server = Emulator(api)
        server.start()
        servers.append(server)
        return CampaignProcesses(tmp_path / name, api, server.base_url)

    yield make
    for server in servers:
        server.close()


def test_ten_random_kills_change_nothing_and_waste_at_most_one_call_each(
    runs,
) -> None:
    undisturbed, killed = runs("undisturbed"), runs("killed")
    undisturbed.crawl_to_the_end()
    chance = random.Random(20)
    kills = 0
    while kills < 10:
        code = killed.crawl_until(chance.randint(0, 6), signal.SIGKILL, chance.uniform(0, 0.03))
        assert code == -signal.SIGKILL, "the crawl ended before it could be killed"
        kills += 1
    killed.crawl_to_the_end()
    assert killed.exports() == undisturbed.exports()
    wasted = killed.api.calls - undisturbed.api.calls
    assert 0 <= wasted <= kills


def test_kills_while_objects_are_described_waste_at_most_one_call_each(runs) -> None:
    undisturbed, killed = runs("undisturbed", files=8), runs("killed", files=8)
    describe = ("--describe", "collections,files")
    undisturbed.crawl_to_the_end(*describe)
    needed = undisturbed.api.calls
    for left in (needed - 2, 30, 10):  # two of these kills hit descriptions after the lists
        calls = needed - left - killed.api.calls
        assert killed.crawl_until(calls, signal.SIGKILL, 0.01, *describe) == -signal.SIGKILL
    killed.crawl_to_the_end(*describe)
    assert killed.exports() == undisturbed.exports()
    assert 0 <= killed.api.calls - needed <= 3


def test_a_budget_of_fifty_calls_holds_over_five_kills(runs) -> None:
    """A kill wastes at most one call of the budget."""
    slow = Fault("delay", "0.02", times=None)  # so that no kill comes too late
    bounded, chance = runs("bounded", (slow,)), random.Random(50)
    bounded.max_extra_calls = 2  # so that five runs do not exhaust the budget
    budget = ("--max-calls", "50")
    assert _needed_calls(bounded) > 100
    for _ in range(5):
        code = bounded.crawl_until(7, signal.SIGKILL, chance.uniform(0, 0.02), *budget)
        assert code == -signal.SIGKILL, "the crawl ended before it could be killed"
        assert bounded.api.calls <= 50
    last = bounded.crawl(*budget)
    _, stderr = last.communicate(timeout=120)
    assert last.returncode == 3
    assert "the budget of 50 calls is spent" in stderr.decode()
    assert 45 <= bounded.api.calls <= 50
    with Store.read(bounded.store) as store:
        assert store.calls.count() == 50
    spent = bounded.api.calls
    again = bounded.crawl(*budget)
    again.communicate(timeout=120)
    assert again.returncode == 3
    assert bounded.api.calls == spent


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_lets_the_page_in_flight_finish_and_wastes_no_call(runs, name: str) -> None:
    stopped = runs("stopped", files=15)
    stopped.environment = COVERAGE_ENVIRONMENT
    needed = _needed_calls(stopped)
    for calls in (1, 4, 9):
        assert stopped.crawl_until(calls, getattr(signal, name), 0.0) == 3
    stopped.crawl_to_the_end()
    assert stopped.api.calls == needed


def test_a_signal_while_waiting_for_the_quota_ends_the_wait(runs) -> None:
    waiting = runs("waiting", (Fault("status", 429, after=3, retry_after="300"),), files=15)
    waiting.environment = COVERAGE_ENVIRONMENT
    assert waiting.crawl_until(4, signal.SIGTERM, 0.1) == 3
    waiting.crawl_to_the_end()
    assert waiting.api.calls == _needed_calls(waiting)


def test_a_second_crawl_of_the_same_campaign_is_refused_at_once(runs) -> None:
    held = runs("held", (Fault("delay", "50", after=2),), files=15)
    first = held.crawl()
    while len(held.api.log) < 3:
        _wait(first, 0.002)
    second = held.crawl()
    _, stderr = second.communicate(timeout=300)
    assert second.returncode == 1
    assert f"in use by process {first.pid}" in stderr.decode()
    assert len(held.api.log) == 3
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=300)


def test_status_and_export_work_while_a_crawl_is_running(runs) -> None:
    busy = runs("busy", (Fault("delay", "50", after=9),), files=15)
    crawl = busy.crawl()
    while len(busy.api.log) < 10:
        _wait(crawl, 0.002)
    assert set(busy.exports()) == set(NAMES)
    with Store.read(busy.store) as store:
        assert store.totals().pages >= 8
    crawl.send_signal(signal.SIGKILL)
    crawl.communicate(timeout=300)


def _needed_calls(runs: CampaignProcesses) -> int:
    sizes: dict[str, set[str]] = {subject: set() for subject in runs.api.world.hashes()}
    for subject, reference, _ in runs.api.world.triples():
        sizes[subject].add(reference)
    return sum(max(1, -(-len(references) // 40)) for references in sizes.values())
