"""Compare the page with pyvis: writing the file, time until the drawing is stable, search.

Run as a script, this file writes one page in its own process. One Chromium without network access
opens the pages one after the other.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if __name__ == "__main__":  # as a script, where nothing says where the package is
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import random
from statistics import median

from graphbuild.exporters.html.page import write_html
from graphbuild.graph.builder import build_graph
from graphbuild.graph.drawing_clusters import node_clusters
from graphbuild.graph.layout import compute_layout
from graphbuild.models import Entity, Observation
from tests.bench.rows import Row, paired
from tests.bench.usage import Used

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import networkx as nx
    from playwright.sync_api import Browser

    Graph = nx.DiGraph[str]

_EDGES = 10_000
_FEW_EDGES = 2_000
_MANY_EDGES = 100_000
_FILE_GOAL = 0.01
_PICTURE_GOAL = 0.1
_PATIENCE = 900  # seconds that the other page has to stand still
_READY = "() => window.graphbuild?.ready"
_COUNTS = "() => window.graphbuild.counts"
# Moves the view a little in each frame; returns seconds per hundred frames, of
# which a screen allows no fewer than 1.6.
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
# Watches for vis-network from the first line on: a small picture stands still sooner than anybody
# could ask it to tell. Seconds until it does.
_STANDS = """window.stands = new Promise((done) => {
  const end = () => done(performance.now() / 1000);
  let made;
  Object.defineProperty(window, "network", {
    get: () => made,
    set: (network) => { made = network; made.once("stabilizationIterationsDone", end); },
  });
})"""
# The same, or seconds until patience ends.
_STANDS_OR_NOT = """(patience) => Promise.race([window.stands, new Promise((done) => {
  setTimeout(() => done(performance.now() / 1000), patience * 1000);
})])"""
_BY_KEYS = """document.querySelector("#canvas").dispatchEvent(
  new KeyboardEvent("keydown", { key: number % 2 ? "ArrowLeft" : "ArrowRight" }))"""
_BY_SCRIPT = "network.moveTo({ position: { x: number % 2 ? 80 : 0, y: 0 } })"
# Types into the search box; returns milliseconds until the results are shown.
_ASK = """(text) => {
  const query = document.querySelector("#query");
  query.value = text;
  const began = performance.now();
  query.dispatchEvent(new Event("input", { bubbles: true }));
  if (!window.graphbuild.results.length) throw new Error(`nothing found: ${text}`);
  return performance.now() - began;
}"""


def page(pairs: int) -> list[Row]:
    """Return all rows for the page."""
    return [*files(pairs), *pictures(pairs), *searches(pairs)]


def files(pairs: int, edges: int = _EDGES) -> list[Row]:
    """Compare writing the file, for a graph that folds and for one that does not.

    Layout and clusters are computed before.
    """
    rows = []
    for kind, goal in (("families", _FILE_GOAL), ("scattered", _FILE_GOAL)):
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
                found = _run(kind, name, edges, path)["found"]
            ours = [chromium.ours(sides["ours"]) for _ in range(pairs)]
            # Once is enough: each takes minutes, and is tens of times slower.
            theirs = [chromium.theirs(sides["pyvis"])] * pairs
        case = f"HTML, {kind}, {found[1]:,} edges"
        measured = {"until the picture stands": _PICTURE_GOAL, "100 frames of a move": None}
        for at, (what, goal) in enumerate(measured.items()):
            each = ([both[at] for both in side] for side in (ours, theirs))
            rows.append(paired(f"{case}: {what}", *each, "pyvis default page, once", goal))
    return rows


_SEARCHED = (
    ("scattered", _EDGES, 200.0),
    ("families", _MANY_EDGES, 1_000.0),
    ("scattered", _MANY_EDGES, 1_000.0),
)


def searches(pairs: int, cases: Sequence[tuple[str, int, float]] = _SEARCHED) -> list[Row]:
    """Measure the milliseconds of a search in the open page."""
    rows = []
    for kind, edges, goal in cases:
        with _Chromium() as chromium, tempfile.TemporaryDirectory(prefix="bench-") as folder:
            path = Path(folder) / "page.html"
            found = _run(kind, "ours", edges, path)["found"]
            took, opened = chromium.searches(path, pairs)
        case = f"HTML, {kind}, {found[1]:,} edges: the slowest of 4 searches"
        shown = f"{median(took):.0f} ms, open after {opened:.1f} s"
        rows.append(Row(case, shown, "-", median(took), goal, shown="{:.0f} ms"))
    return rows


class _Chromium:
    """A browser for some pages."""

    def __enter__(self) -> Self:
        from tests.support.chromium import launch_chromium  # noqa: PLC0415  only where there is a browser

        self._launched = launch_chromium()
        self._browser: Browser = self._launched.__enter__()
        return self

    def __exit__(self, *gone: object) -> None:
        self._launched.__exit__(None, None, None)

    def _open(self, path: Path, script: str = "") -> Any:
        context = self._browser.new_context(viewport={"width": 1300, "height": 850}, offline=True)
        opened = context.new_page()
        opened.set_default_timeout(_PATIENCE * 1_000)
        if script:
            opened.add_init_script(script)
        opened.goto(path.as_uri(), wait_until="commit")
        return opened

    def ours(self, path: Path) -> tuple[float, float]:
        """Seconds until the page is ready and two frames are painted; and those of 100 frames."""
        opened = self._open(path)
        opened.wait_for_function(_READY)
        frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        took: float = opened.evaluate(f"() => {frames}.then(() => performance.now() / 1000)")
        return took, self._frame(opened, _BY_KEYS)

    @staticmethod
    def _frame(opened: Any, move: str) -> float:
        """Seconds that a hundred frames take; the page is closed then."""
        took: float = opened.evaluate(_FRAMES, move)
        opened.context.close()
        return took

    def theirs(self, path: Path) -> tuple[float, float]:
        """Seconds until vis-network has stabilised, or patience ends; and of 100 frames then."""
        opened = self._open(path, _STANDS)
        took: float = opened.evaluate(_STANDS_OR_NOT, _PATIENCE)
        opened.evaluate("() => network.stopSimulation()")
        return took, self._frame(opened, _BY_SCRIPT)

    def searches(self, path: Path, pairs: int) -> tuple[list[float], float]:
        """Milliseconds of the slowest of some searches, each time; and seconds to open."""
        opened = self._open(path)
        opened.wait_for_function(_READY)
        ready: float = opened.evaluate("() => performance.now() / 1000")
        queries = ("report 17", "report", "0000000a", "blog.example report")
        took = [max(opened.evaluate(_ASK, text) for text in queries) for _ in range(pairs)]
        opened.context.close()
        return took, ready


def _run(kind: str, side: str, edges: int, path: Path | None = None) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, kind, side, str(edges), *([str(path)] if path else [])],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- the sides -----------------------------------------------------------------------------------


def observations(kind: str, edges: int) -> Iterator[Observation]:
    """Families, whose files share all their reports; or reports with a file each, at random."""
    dice = random.Random(5)
    each = 20 * 100
    for number in range(int(edges * (0.95 if kind == "families" else 0.5))):
        if kind == "families":
            family, place_in = divmod(number, each)
            file, about = family * 1_000 + place_in // 100, family * 1_000 + place_in % 100
            behind = family
        else:
            file, about = dice.randrange(edges // 2), number
            behind = about % 50
        yield Observation(
            Entity("file", f"{file:064x}"),
            Entity(
                "reference",
                f"{about:064x}",
                {
                    "title": f"Report {about} on a family & its tools",
                    "url": f"https://blog.example/{about}?a=1&b=2",
                    "creation_date": 1_500_000_000 + about * 10_000,
                },
            ),
            Entity("collection", f"c{behind}", {"name": f"Family {behind}"}),
        )


def _places(kind: str, graph: Graph) -> dict[str, tuple[float, float]]:
    """Return a layout; a grid where computing one would take minutes and is not measured."""
    if kind == "families" or graph.number_of_edges() < 5_000:
        return compute_layout(graph)
    return {key: (40.0 * (n % 200), 40.0 * (n // 200)) for n, key in enumerate(graph)}


def _ours(kind: str, graph: Graph, path: Path) -> dict[str, float]:
    # Communities are found apart, as places are: it is networkx's work, and pyvis finds none.
    places, found = _places(kind, graph), node_clusters(graph)
    used = Used()
    with path.open("wb") as stream:
        write_html(graph, stream, positions=places, clusters=found)
    return used.so_far()


def _pyvis(graph: Graph, path: Path) -> dict[str, float]:
    from pyvis.network import Network  # noqa: PLC0415  slow to load

    for known in graph.nodes.values():
        known["title"] = str(known.get("title", known["label"]))
    used = Used()
    network = Network(cdn_resources="in_line")
    network.from_nx(graph)
    text = network.generate_html()
    path.write_text(text, encoding="utf-8")  # write_html fails where UTF-8 is not the default
    return used.so_far()


def _main() -> None:
    kind, side, edges = sys.argv[1], sys.argv[2], int(sys.argv[3])
    import pyvis.network  # noqa: PLC0415  slow to load: for both sides before the clock runs

    assert pyvis.network.Network
    graph = build_graph(observations(kind, edges))
    found = [len(graph), graph.number_of_edges()]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(sys.argv[4] if len(sys.argv) > 4 else f"{folder}/page.html")
        told = _ours(kind, graph, path) if side == "ours" else _pyvis(graph, path)
        held = _held(side, path.read_text(encoding="utf-8"))
    assert held == found, f"{side} holds {held} of {found}"
    json.dump({**told, "found": found}, sys.stdout)


def _held(side: str, text: str) -> list[int]:
    """How many nodes and edges a page holds."""
    if side == "pyvis":
        lists = [
            re.search(rf"{name} = new vis\.DataSet\((\[.*?\])\);", text)
            for name in ("nodes", "edges")
        ]
        return [len(json.loads(one[1])) for one in lists if one]
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    data = json.loads(block[1]) if block else {}
    sizes = {members[0]: len(members) for members in data["groups"]}
    pairs = sum(sizes.get(link[0], 1) * sizes.get(link[1], 1) for link in data["links"])
    return [len(data["nodes"]), pairs]


if __name__ == "__main__":
    _main()
