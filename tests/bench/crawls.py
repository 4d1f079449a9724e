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
from typing import Any

from tests.bench.rows import Row, paired
from tests.bench.serving import Service

# Client -> maximum CPU of a crawl, relative to it. The others store nothing and check little. The
# crawl verifies each response and stores it durably, in plain code. A page then takes about 2 ms of
# CPU, and its request takes 100 ms or more, so a user would not notice a faster crawl.
GOALS = {"requests": 3.0, "requests+networkx": 2.5, "vt-py": 1.0}
_SHARED_STORE_GOAL = 0.35
# Attributes are stored twice, in the compressed page and readable in the entity, so that no command
# parses all pages. Without shared references the file must not exceed the raw responses.
_UNSHARED_STORE_GOAL = 1.0
_MEMORY_GOAL = 100.0
_MIB = 1 << 20


def shared(pairs: int, families: int = 20, files: int = 20) -> list[Row]:
    """Families of files that share their references, as investigations have them."""
    kind = "20 files of a family share 200 references"
    return _compare(Service(families, files), kind, pairs, _SHARED_STORE_GOAL)


def unshared(pairs: int, families: int = 200) -> list[Row]:
    """Every reference is new, so that the store writes most."""
    kind = "every reference is new"
    return _compare(Service(families, 1), kind, pairs, _UNSHARED_STORE_GOAL)


def memory(_: int, families: int = 100, files: int = 20) -> list[Row]:
    """Ten thousand pages, 20,000 references."""
    with Service(families, files) as service:
        used = run("graphbuild", service)
    grown = used["grown"] / _MIB
    case = f"crawl, {used['pages']:,} pages: peak memory above the start"
    return [Row(case, f"{grown:.0f} MiB", "-", grown, _MEMORY_GOAL, shown="{:.0f} MiB")]


def _compare(service: Service, kind: str, pairs: int, store_goal: float) -> list[Row]:
    with service:
        check_equal(service)
        rounds = [{name: run(name, service) for name in _order(turn)} for turn in range(pairs)]
    thousand_pages = 1_000 / service.pages
    cpu = {name: [each[name]["cpu"] * thousand_pages for each in rounds] for name in _order(0)}
    last = rounds[-1]["graphbuild"]
    stored, raw = (last[name] / _MIB for name in ("stored", "raw"))
    case = f"crawl, {kind}: CPU per 1,000 pages"
    return [
        *(
            paired(case, cpu["graphbuild"], cpu[name], f"{name}, nothing stored", goal)
            for name, goal in GOALS.items()
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
    names = ("graphbuild", *GOALS)
    return names if turn % 2 else names[::-1]


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
