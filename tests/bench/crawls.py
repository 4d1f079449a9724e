"""Bench cases of a crawl: CPU per page, size of the campaign file, peak memory.

A crawl is compared with three clients that store nothing: a `requests.Session` loop that decodes
the pages with `json`, the same loop building a networkx graph, and the iterator of vt-py. The
service sends plain text to `requests` and gzip to graphbuild and vt-py, as the API does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.rows import Row, paired
from tests.bench.serving import Service

# Maximum CPU of a page, relative to a request that takes 100 ms. More would slow down a crawl with
# eight workers noticeably.
_CPU_GOAL = 5.0  # percent
_REQUEST_SECONDS = 0.1
# Client -> maximum CPU of a crawl, relative to that client. The other clients store nothing and
# check little. The crawl verifies each response and stores it durably, in plain code. These goals
# only detect a crawl that became slower. If every reference is new, 40 more entities per page are
# stored with their attributes.
_SHARED_GOALS = {"requests": 3.0, "requests+networkx": 2.5, "vt-py": 1.0}
_UNSHARED_GOALS = {"requests": 4.5, "requests+networkx": 3.0, "vt-py": 1.25}
_CLIENTS = ("graphbuild", *_SHARED_GOALS)
_SHARED_STORE_GOAL = 0.35
# Attributes are stored twice, in the compressed page and readable in the entity, so that no command
# parses all pages. Without shared references the file must not exceed the raw responses.
_UNSHARED_STORE_GOAL = 1.0
_MEMORY_GOAL = 100.0
_MIB = 1 << 20


def shared(pairs: int, families: int = 20, files: int = 20) -> list[Row]:
    """Families of files that share their references, as investigations have them."""
    kind = "20 files of a family share 200 references"
    return _compare(Service(families, files), kind, pairs, _SHARED_GOALS, _SHARED_STORE_GOAL)


def unshared(pairs: int, families: int = 200) -> list[Row]:
    """Every reference is new, so that the store writes most."""
    kind = "every reference is new"
    return _compare(Service(families, 1), kind, pairs, _UNSHARED_GOALS, _UNSHARED_STORE_GOAL)


def memory(_: int, families: int = 100, files: int = 20) -> list[Row]:
    """Ten thousand pages, 20,000 references."""
    with Service(families, files) as service:
        used = run("graphbuild", service)
    grown = used["grown"] / _MIB
    case = f"crawl, {used['pages']:,} pages: peak memory above the start"
    return [Row(case, f"{grown:.0f} MiB", "-", grown, _MEMORY_GOAL, shown="{:.0f} MiB")]


def _compare(
    service: Service, kind: str, pairs: int, goals: dict[str, float], store_goal: float
) -> list[Row]:
    with service:
        check_equal(service)
        rounds = [{name: run(name, service) for name in _order(turn)} for turn in range(pairs)]
    thousand_pages = 1_000 / service.pages
    cpu = {name: [each[name]["cpu"] * thousand_pages for each in rounds] for name in _order(0)}
    last = rounds[-1]["graphbuild"]
    stored, raw = (last[name] / _MIB for name in ("stored", "raw"))
    case = f"crawl, {kind}: CPU per 1,000 pages"
    seconds_per_page = median(cpu["graphbuild"]) / 1_000
    share = 100 * seconds_per_page / _REQUEST_SECONDS
    return [
        Row(
            f"crawl, {kind}: CPU of a page, relative to a request",
            f"{1_000 * seconds_per_page:.1f} ms",
            f"{1_000 * _REQUEST_SECONDS:.0f} ms, assumed",
            share,
            _CPU_GOAL,
            shown="{:.1f} %",
        ),
        *(
            paired(case, cpu["graphbuild"], cpu[name], f"{name}, nothing stored", goal)
            for name, goal in goals.items()
        ),
        Row(
            f"campaign file, {kind}",
            f"{stored:.1f} MiB",
            f"{raw:.1f} MiB raw JSON",
            stored / raw,
            store_goal,
        ),
    ]


def _order(turn: int) -> tuple[str, ...]:
    """Return the clients in the order of a round; every second round is reversed."""
    return _CLIENTS if turn % 2 else _CLIENTS[::-1]


def check_equal(service: Service) -> None:
    """Raise AssertionError unless all clients find the same in the same pages.

    This also warms the service up: it has computed every response once.
    """
    found = {name: run(name, service) for name in _order(0)}
    ours, loop, graph = (found[name] for name in ("graphbuild", "requests", "requests+networkx"))
    assert ours["pages"] == loop["pages"] == graph["pages"] == service.pages
    assert loop["entries"] == found["vt-py"]["entries"] == service.entries
    same = (ours["triples"], ours["digest"]) == (graph["triples"], graph["digest"])
    assert same, "the clients do not find the same"


def run(name: str, service: Service) -> dict[str, Any]:
    """Run one client in its own process."""
    script = Path(__file__).with_name("crawling.py")
    process = subprocess.run(
        [sys.executable, str(script), name, service.base_url],
        input=json.dumps(service.hashes),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(process.stdout)
    return found
