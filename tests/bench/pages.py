"""Compare the page with pyvis: writing the file, time until the drawing is stable, search.

Run as a script, this file writes one page in its own process. One Chromium without network access
opens the pages one after the other.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import random
from statistics import median

from graphbuild.analysis.campaign_clusters import add_found_clusters
from graphbuild.exporters.html.page import write_html
from graphbuild.graph.builder import build_graph
from graphbuild.graph.layout import compute_layout
from graphbuild.models import Entity, Observation
from tests.bench.rows import Row, paired
from tests.bench.steps import run_step
from tests.bench.usage import Used

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import networkx as nx
    from playwright.sync_api import Browser

    Graph = nx.DiGraph[str]

_EDGES = 10_000
_FEW_EDGES = 2_000
_MANY_EDGES = 100_000
# Scattered graphs do not fold, so every node and edge is encoded by itself. For 10,000 edges, plain
# code takes a quarter of a second, which nobody notices; pyvis takes nine seconds.
_FILE_GOALS = {"families": 0.01, "scattered": 0.05}
_DRAWING_GOAL = 0.1
_TIMEOUT = 900  # maximum seconds until the layout of the other page is stable
_READY = "() => window.graphbuild?.ready"
_COUNTS = "() => window.graphbuild.counts"
# Moves the view a little in each frame; returns seconds per hundred frames. The refresh rate of a
# screen limits this to at least 1.6.
_FRAMES = """(move) => new Promise((done) => {
  const step = new Function("number", move);
  const began = performance.now();
  let number = 0;
  const frame = () => {
    if (number === 40) return done((performance.now() - began) / number / 10);
    step(number);
    number += 1;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""
# Waits for vis-network from the start, since a small layout is stable before the test could
# subscribe to the event. Resolves with the seconds until the layout is stable.
_WAIT_UNTIL_STABLE = """window.stable = new Promise((done) => {
  const end = () => done(performance.now() / 1000);
  let made;
  Object.defineProperty(window, "network", {
    get: () => made,
    set: (network) => { made = network; made.once("stabilizationIterationsDone", end); },
  });
})"""
# The same, or the seconds until the timeout.
_STABLE_OR_TIMEOUT = """(seconds) => Promise.race([window.stable, new Promise((done) => {
  setTimeout(() => done(performance.now() / 1000), seconds * 1000);
})])"""
_MOVE_BY_KEYS = """document.querySelector("#canvas").dispatchEvent(
  new KeyboardEvent("keydown", { key: number % 2 ? "ArrowLeft" : "ArrowRight" }))"""
_MOVE_BY_SCRIPT = "network.moveTo({ position: { x: number % 2 ? 80 : 0, y: 0 } })"
# Types into the search box; returns milliseconds until the results are shown.
_SEARCH = """(text) => {
  const query = document.querySelector("#query");
  query.value = text;
  const began = performance.now();
  query.dispatchEvent(new Event("input", { bubbles: true }));
  if (!window.graphbuild.results.length) throw new Error(`nothing found: ${text}`);
  return performance.now() - began;
}"""
_run = partial(run_step, __file__)


def page(pairs: int) -> list[Row]:
    """Return all rows for the page."""
    return [*files(pairs), *pictures(pairs), *searches(pairs)]


def files(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Compare writing the file, for a graph that folds and for one that does not.

    Layout and clusters are computed before.
    """
    rows = []
    for kind, goal in _FILE_GOALS.items():
        sides = [
            {name: _run(kind, name, edges) for name in ("ours", "pyvis")} for _ in range(pairs)
        ]
        for side in sides:
            assert side["ours"]["found"] == side["pyvis"]["found"], "the two pages differ"
        cpu = {name: [side[name]["cpu"] for side in sides] for name in ("ours", "pyvis")}
        case = f"HTML file, {kind}, {sides[0]['ours']['found'][1]:,} edges: CPU"
        row = paired(case, cpu["ours"], cpu["pyvis"], "pyvis from_nx + write_html", goal)
        rows.append(replace(row, shown="{:.4f}x"))
    return rows


def pictures(pairs: int, edges: int = _FEW_EDGES) -> list[Row]:
    """Compare seconds until the drawing is stable, and seconds per hundred frames of a move."""
    rows = []
    for kind in ("families", "scattered"):
        with _Chromium() as chromium, tempfile.TemporaryDirectory(prefix="bench-") as folder:
            sides = {name: Path(folder) / f"{name}.html" for name in ("ours", "pyvis")}
            for name, path in sides.items():
                counts = _run(kind, name, edges, path)["found"]
            ours = [chromium.ours(sides["ours"]) for _ in range(pairs)]
            # Run once: it takes minutes and is tens of times slower.
            theirs = [chromium.theirs(sides["pyvis"])] * pairs
        case = f"HTML, {kind}, {counts[1]:,} edges"
        measured = {"until the layout is stable": _DRAWING_GOAL, "100 frames of a move": None}
        for index, (what, goal) in enumerate(measured.items()):
            columns = ([values[index] for values in side] for side in (ours, theirs))
            rows.append(paired(f"{case}: {what}", *columns, "pyvis default page, once", goal))
    return rows


_SEARCH_CASES = (
    ("scattered", _EDGES, 200.0),
    ("families", _MANY_EDGES, 1_000.0),
    ("scattered", _MANY_EDGES, 1_000.0),
)


def searches(pairs: int, cases: Sequence[tuple[str, int, float]] = _SEARCH_CASES) -> list[Row]:
    """Measure the milliseconds of a search in the open page."""
    rows = []
    for kind, edges, goal in cases:
        with _Chromium() as chromium, tempfile.TemporaryDirectory(prefix="bench-") as folder:
            path = Path(folder) / "page.html"
            counts = _run(kind, "ours", edges, path)["found"]
            seconds, ready = chromium.searches(path, pairs)
        case = f"HTML, {kind}, {counts[1]:,} edges: the slowest of 4 searches"
        shown = f"{median(seconds):.0f} ms, open after {ready:.1f} s"
        rows.append(Row(case, shown, "-", median(seconds), goal, shown="{:.0f} ms"))
    return rows


class _Chromium:
    """Opens pages in Chromium and measures them."""

    def __enter__(self) -> Self:
        from tests.support.chromium import launch_chromium  # noqa: PLC0415  needs a browser

        self._launched = launch_chromium()
        self._browser: Browser = self._launched.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._launched.__exit__(None, None, None)

    def _open(self, path: Path, script: str = "") -> Any:
        context = self._browser.new_context(viewport={"width": 1300, "height": 850}, offline=True)
        tab = context.new_page()
        tab.set_default_timeout(_TIMEOUT * 1_000)
        if script:
            tab.add_init_script(script)
        tab.goto(path.as_uri(), wait_until="commit")
        return tab

    def ours(self, path: Path) -> tuple[float, float]:
        """Return the seconds until two frames are painted, and the seconds of 100 frames."""
        tab = self._open(path)
        tab.wait_for_function(_READY)
        frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        seconds: float = tab.evaluate(f"() => {frames}.then(() => performance.now() / 1000)")
        return seconds, self._measure_frames(tab, _MOVE_BY_KEYS)

    @staticmethod
    def _measure_frames(tab: Any, move: str) -> float:
        """Return the seconds of 100 frames, and close the page."""
        seconds: float = tab.evaluate(_FRAMES, move)
        tab.context.close()
        return seconds

    def theirs(self, path: Path) -> tuple[float, float]:
        """Return the seconds until the layout is stable, at most the timeout, and of 100 frames."""
        tab = self._open(path, _WAIT_UNTIL_STABLE)
        seconds: float = tab.evaluate(_STABLE_OR_TIMEOUT, _TIMEOUT)
        tab.evaluate("() => network.stopSimulation()")
        return seconds, self._measure_frames(tab, _MOVE_BY_SCRIPT)

    def searches(self, path: Path, pairs: int) -> tuple[list[float], float]:
        """Return the milliseconds of the slowest search per round, and the seconds to open."""
        tab = self._open(path)
        tab.wait_for_function(_READY)
        ready: float = tab.evaluate("() => performance.now() / 1000")
        queries = ("report 17", "report", "0000000a", "blog.example report")
        seconds = [max(tab.evaluate(_SEARCH, text) for text in queries) for _ in range(pairs)]
        tab.context.close()
        return seconds, ready


# --- measured processes --------------------------------------------------------------------------


def observations(kind: str, edges: int) -> Iterator[Observation]:
    """Yield families whose files share all reports, or reports that have one random file each."""
    rng = random.Random(5)
    family_size = 20 * 100
    for number in range(int(edges * (0.95 if kind == "families" else 0.5))):
        if kind == "families":
            family, position = divmod(number, family_size)
            file, report = family * 1_000 + position // 100, family * 1_000 + position % 100
            collection = family
        else:
            file, report = rng.randrange(edges // 2), number
            collection = report % 50
        yield Observation(
            Entity("file", f"{file:064x}"),
            Entity(
                "reference",
                f"{report:064x}",
                {
                    "title": f"Report {report} on a family & its tools",
                    "url": f"https://blog.example/{report}?a=1&b=2",
                    "creation_date": 1_500_000_000 + report * 10_000,
                },
            ),
            Entity("collection", f"c{collection}", {"name": f"Family {collection}"}),
        )


def _positions(kind: str, graph: Graph) -> dict[str, tuple[float, float]]:
    """Return a layout; a grid where computing one would take minutes and is not measured."""
    if kind == "families" or graph.number_of_edges() < 5_000:
        return compute_layout(graph, folded=True)
    return {key: (40.0 * (n % 200), 40.0 * (n // 200)) for n, key in enumerate(graph)}


def _ours(kind: str, graph: Graph, path: Path) -> dict[str, float]:
    # Layout and clusters are not measured: pyvis computes none when it writes the file.
    add_found_clusters(graph)
    positions = _positions(kind, graph)
    used = Used()
    with path.open("wb") as stream:
        write_html(graph, stream, positions=positions)
    return used.so_far()


def _pyvis(graph: Graph, path: Path) -> dict[str, float]:
    from pyvis.network import Network  # noqa: PLC0415  slow to load

    for attributes in graph.nodes.values():
        attributes["title"] = str(attributes.get("title", attributes["label"]))
    used = Used()
    network = Network(cdn_resources="in_line")
    network.from_nx(graph)
    text = network.generate_html()
    path.write_text(text, encoding="utf-8")  # write_html fails if UTF-8 is not the default
    return used.so_far()


def _main() -> None:
    kind, side, edges = sys.argv[1], sys.argv[2], int(sys.argv[3])
    import pyvis.network  # noqa: PLC0415  slow; loaded before measuring

    assert pyvis.network.Network
    graph = build_graph(observations(kind, edges))
    counts = [len(graph), graph.number_of_edges()]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(sys.argv[4] if len(sys.argv) > 4 else f"{folder}/page.html")
        measured = _ours(kind, graph, path) if side == "ours" else _pyvis(graph, path)
        actual = _counts_in_page(side, path.read_text(encoding="utf-8"))
    assert actual == counts, f"{side} contains {actual} of {counts}"
    json.dump({**measured, "found": counts}, sys.stdout)


def _counts_in_page(side: str, text: str) -> list[int]:
    """Return the numbers of nodes and edges in a page."""
    if side == "pyvis":
        lists = [
            re.search(rf"{name} = new vis\.DataSet\((\[.*?\])\);", text)
            for name in ("nodes", "edges")
        ]
        return [len(json.loads(match[1])) for match in lists if match]
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    data = json.loads(block[1]) if block else {}
    sizes = {members[0]: len(members) for members in data["groups"]}
    pairs = sum(sizes.get(link[0], 1) * sizes.get(link[1], 1) for link in data["links"])
    return [len(data["nodes"]), pairs]


if __name__ == "__main__":
    _main()
