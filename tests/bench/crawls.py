"""The crawl's cases: CPU a page beside the bare loops, the size of the store, flat memory.

Two alternatives, told apart in the table: a ``requests.Session`` loop that decodes the same pages
with ``json`` and stores nothing, and the same loop building a networkx graph. Both call themselves
what ``requests`` does by itself, so the service sends them plain text; to us, who say gzip, it
sends gzip, and we pay for unpacking it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.rows import Row, paired
from tests.bench.serving import Service

GOAL = 0.7
_STORE_GOAL = 0.35
_MEMORY_GOAL = 100.0
_MIB = 1 << 20
_BARE = "requests.Session + json, nothing stored"
_GRAPH = "the same + networkx, nothing stored"


def shared(pairs: int, families: int = 20, files: int = 20) -> list[Row]:
    """Families of files that share their references, as investigations have them."""
    return _compared(Service(families, files), "20 files of a family share 200 references", pairs)


def unshared(pairs: int, families: int = 200) -> list[Row]:
    """Every reference is new: the store has the most to write."""
    return _compared(Service(families, 1), "every reference is new", pairs)


def memory(_: int, families: int = 100, files: int = 20) -> list[Row]:
    """Ten thousand pages, 20,000 references."""
    with Service(families, files) as service:
        used = run("ours", service)
    grown = used["grown"] / _MIB
    case = f"crawl, {used['pages']:,} pages: peak memory above the start"
    return [Row(case, f"{grown:.0f} MiB", "-", grown, _MEMORY_GOAL, shown="{:.0f} MiB")]


def _compared(service: Service, kind: str, pairs: int) -> list[Row]:
    with service:
        check_equal(service)
        sides = [{name: run(name, service) for name in _order(turn)} for turn in range(pairs)]
    case = f"crawl, {kind}: CPU per 1,000 pages"
    thousand = 1_000 / service.pages
    cpu = {name: [each[name]["cpu"] * thousand for each in sides] for name in _order(0)}
    last = sides[-1]["ours"]
    stored, raw = (last[name] / _MIB for name in ("stored", "raw"))
    return [
        paired(case, cpu["ours"], cpu["bare"], _BARE, GOAL),
        paired(case, cpu["ours"], cpu["graph"], _GRAPH, GOAL),
        Row(
            f"campaign file, {kind}",
            f"{stored:.1f} MiB",
            f"{raw:.1f} MiB raw JSON",
            stored / raw,
            _STORE_GOAL,
        ),
    ]


def _order(turn: int) -> tuple[str, ...]:
    """Who goes first takes turns."""
    return ("ours", "bare", "graph") if turn % 2 else ("graph", "bare", "ours")


def check_equal(service: Service) -> None:
    """Raise AssertionError unless all sides find the same in the same pages.

    It is also what makes the service ready: every answer has been given once.
    """
    found = {name: run(name, service) for name in _order(0)}
    ours = found["ours"]
    assert ours["pages"] == found["bare"]["pages"] == found["graph"]["pages"] == service.pages
    assert found["bare"]["entries"] == service.entries
    assert (ours["triples"], ours["digest"]) == (
        found["graph"]["triples"],
        found["graph"]["digest"],
    ), "the sides do not find the same"


def run(side: str, service: Service) -> dict[str, Any]:
    """One side, in a process of its own."""
    script = Path(__file__).with_name("crawling.py")
    done = subprocess.run(
        [sys.executable, str(script), side, service.base_url],
        input=json.dumps(service.hashes),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
