"""The progress of ``crawl``: time left, waits for the rate limit, lines outside a terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.rate_limit import RateLimiter
from graphbuild.emulator import Api, generate_family_world
from tests.support.processes import without_coverage
from tests.support.shell import seeds

if TYPE_CHECKING:
    from tests.support.shell import Shell

_MAX_READS = 200  # the bar is drawn ten times per second


def test_a_terminal_shows_the_wait_for_the_rate_limit_and_the_time_left(
    shell: Shell, service
) -> None:
    api = Api(generate_family_world(5, 3))
    controller, terminal = pty.openpty()
    arguments = ["crawl", seeds(shell, *api.world.hashes()), "--store", "c.db", "--per-minute", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "graphbuild", *arguments, "--base-url", service(api)],
        cwd=shell.folder,
        env={**without_coverage(shell.environment), "TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    # One call is made at once. Each of the other four waits for a minute.
    expected = r"1/5.*3 list entries.*about 4 min left, waiting [56]\d s for the rate limit"
    shown = ""
    for _ in range(_MAX_READS):
        shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(controller, 65_536).decode())
        if re.search(expected, shown):
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 3
    os.close(controller)
    assert re.search(expected, shown), shown[-500:]
    assert api.calls == 1


def test_outside_a_terminal_a_line_is_printed_per_ten_percent(shell: Shell, service) -> None:
    api = Api(generate_family_world(30, 3))
    options = ("--store", "c.db", "--base-url", service(api))
    process = shell("crawl", seeds(shell, *api.world.hashes()), *options)
    percents = [int(each) for each in re.findall(r"^(\d+) %: ", process.stderr, re.MULTILINE)]
    assert percents == list(range(10, 101, 10))
    assert "50 %: 15 of 30 calls, 45 list entries, about " in process.stderr
    assert "100 %: 30 of 30 calls, 90 list entries\n" in process.stderr
    assert "page 1" not in process.stderr


def test_lines_include_pages_that_the_first_pages_announce(shell: Shell, service) -> None:
    api = Api(generate_family_world(10, 90))  # three pages per file
    options = ("--store", "c.db", "--base-url", service(api))
    process = shell("crawl", seeds(shell, *api.world.hashes()), *options)
    totals = [int(each) for each in re.findall(r" of (\d+) calls", process.stderr)]
    assert set(totals) == {30}
    assert "100 %: 30 of 30 calls, 900 list entries\n" in process.stderr


def test_pages_beyond_the_limit_of_a_list_are_not_counted(shell: Shell, service) -> None:
    """The lists of 400 files that ``--depth`` adds have ten pages, of which one is read."""
    api = Api(generate_family_world(400, 3))
    options = ("--store", "c.db", "--base-url", service(api), "--depth", 1, "--per-node", 40)
    process = shell("crawl", seeds(shell, api.world.hashes()[0]), *options)
    assert "100 %: 1 of 1 call, 3 list entries\n" in process.stderr  # before --depth adds lists
    totals = {int(each) for each in re.findall(r" of (\d+) calls", process.stderr)}
    assert totals == {api.calls}
    assert f"100 %: {api.calls} of {api.calls} calls" in process.stderr


@pytest.mark.parametrize(
    ("limit", "left"),
    [("--per-minute", r"about 1[12]\d s"), ("--per-day", r"about (\d+ h|2 days)")],
)
def test_the_time_left_includes_the_limit_of_the_user(
    shell: Shell, service, limit: str, left: str
) -> None:
    api = Api(generate_family_world(100, 3))
    options = ("--store", "c.db", "--base-url", service(api), "--max-calls", 10)
    process = shell("crawl", seeds(shell, *api.world.hashes()), *options, limit, 40)
    assert re.search(f"10 %: 10 of 100 calls, 30 list entries, {left} left", process.stderr)


def test_verbose_prints_a_line_per_page(shell: Shell, service) -> None:
    api = Api(generate_family_world(2, 3))
    options = ("--store", "c.db", "--base-url", service(api), "--verbose")
    process = shell("crawl", seeds(shell, *api.world.hashes()), *options)
    assert process.stderr.count("page 1, 3 new references, complete") == 2
    assert "%" not in process.stderr


def test_wait_changes_nothing_and_ignores_requests_in_flight() -> None:
    limiter = RateLimiter(1)
    assert limiter.wait(100.0) == 0
    assert limiter.acquire(100.0) == 0
    assert limiter.wait(100.0) == 0
    limiter.record(100.0)
    assert limiter.wait(119.0) == limiter.acquire(119.0) == 41
    limiter.pause_until(170.0)
    assert limiter.wait(119.0) == 51
