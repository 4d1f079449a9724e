"""Measure what a page draws: labels, markers, and how much of the canvas they fill.

The measured boxes are those that the page publishes for each drawn label and marker.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Literal

from graphbuild.analysis.campaign_clusters import add_found_clusters
from graphbuild.emulator import generate_world
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.browser.campaigns import SAMPLE, sample_campaign
from tests.support.real_families import is_present, real_campaign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import networkx as nx

    from graphbuild.emulator import World
    from tests.browser.conftest import Opened

Scheme = Literal["light", "dark"]
Box = dict[str, Any]

SIZES = ((1440, 900), (1920, 1080), (390, 844))  # of the window
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
ZOOMS = (1, 2, 4)  # relative to the view that shows the whole graph
MIN_FILLED = 0.6  # share of the width or the height of the canvas
MAX_SIGN_SHARE = 0.02  # of the area of the canvas

_MEASURED = """() => {
  const { width, height } = document.querySelector("#canvas").getBoundingClientRect();
  const { labels, signs } = window.graphbuild;
  return { width, height, labels, signs };
}"""
# Waits until the page has drawn the current view.
_DRAWN = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"""


def demo() -> nx.DiGraph[str]:
    """Return the graph of the world that the command ``demo`` shows."""
    return graph_of_world(generate_world(1))


def medium() -> nx.DiGraph[str]:
    """Return the graph of 25 campaigns with 732 files."""
    return graph_of_world(generate_world(1, campaigns=25, files_per_campaign=29))


def large() -> nx.DiGraph[str]:
    """Return the graph of 100 campaigns with 4,007 files."""
    return graph_of_world(
        generate_world(1, campaigns=100, files_per_campaign=40, references_per_campaign=60)
    )


def real(count: int) -> nx.DiGraph[str]:
    """Return the graph of real files of known families, with its clusters."""
    graph = real_campaign(count)
    add_found_clusters(graph)
    return graph


def sample() -> nx.DiGraph[str]:
    """Return the graph of the real sample, with its clusters."""
    graph = sample_campaign()
    add_found_clusters(graph)
    return graph


def worlds() -> dict[str, Callable[[], nx.DiGraph[str]]]:
    """Return the graphs to measure, by name: made-up ones, and real ones if they are present."""
    made_up = {"demo": demo, "medium": medium, "large": large}
    sampled = {"sample": sample} if SAMPLE.exists() else {}
    families = {f"real {n}": partial(real, n) for n in (300, 1_000, 5_000)} if is_present() else {}
    return {**made_up, **sampled, **families}


def graph_of_world(world: World) -> nx.DiGraph[str]:
    """Return the graph of a complete crawl of the files of a world, with its clusters."""
    files = {seed: Entity("file", seed, {"state": "complete"}) for seed in world.hashes()}
    references = {
        each.id: Entity("reference", each.id, {"url": each.url, **each.attributes})
        for each in world.references.values()
    }
    collections = {
        each.id: Entity("collection", each.id, _collection_attributes(each))
        for each in world.collections.values()
    }
    observations = [
        Observation(files[file], references[reference], collection and collections[collection])
        for file, reference, collection in sorted(world.triples(), key=str)
    ]
    graph = build_graph(observations, subjects=list(files.values()))
    add_found_clusters(graph)
    return graph


def _collection_attributes(collection: Any) -> dict[str, Any]:
    known = {
        "name": collection.name,
        "collection_type": collection.collection_type,
        "origin": collection.origin,
    }
    return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class View:
    """What a page draws at one scale. All boxes are in CSS pixels on the canvas."""

    width: float
    height: float
    labels: list[Box]
    signs: list[Box]  # those that are at least partly in the view

    def problems(self) -> Iterator[str]:
        """Yield a description of each label that covers something, and of each sign too large."""
        for one, other in combinations(self.labels, 2):
            if _overlap(one, other):
                yield f"the labels {one['text']!r} and {other['text']!r} overlap"
        for label, sign in product(self.labels, self.signs):
            if _overlap(label, sign):
                yield f"the label {label['text']!r} covers {sign['key']}"
        for sign in self.signs:
            area = (sign["right"] - sign["left"]) * (sign["bottom"] - sign["top"])
            if area > MAX_SIGN_SHARE * self.width * self.height:
                yield f"{sign['key']} covers {area / self.width / self.height:.1%} of the canvas"

    def filled(self) -> float:
        """Return the share of the width or of the height that the signs span, the larger one."""
        across = max(s["right"] for s in self.signs) - min(s["left"] for s in self.signs)
        down = max(s["bottom"] for s in self.signs) - min(s["top"] for s in self.signs)
        return max(across / self.width, down / self.height)


def _overlap(one: Box, other: Box) -> bool:
    return bool(
        one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    )


def views(page: Opened) -> Iterator[tuple[int, View]]:
    """Zoom in on an open page; yield each zoom level and what the page draws at this level."""
    fitted = page.scale
    for zoom in ZOOMS:
        if zoom > 1:
            page.zoom(fitted * zoom)
        page.page.evaluate(_DRAWN)
        found = page.page.evaluate(_MEASURED)
        signs = [sign for sign in found.pop("signs") if _is_in_view(sign, **found)]
        yield zoom, View(signs=signs, **found)


def _is_in_view(sign: Box, width: float, height: float, **_: object) -> bool:
    return bool(
        sign["right"] > 0 and sign["bottom"] > 0 and sign["left"] < width and sign["top"] < height
    )


def problems(page: Opened, picture: str = "") -> Iterator[str]:
    """Yield a description of everything that makes an open page hard to read.

    If ``picture`` is not empty, a screenshot of each zoom level is saved under this name.
    """
    yield from page.complaints
    for zoom, view in views(page):
        if picture:
            page.screenshot(f"{picture}-zoom-{zoom}")
        yield from (f"zoom {zoom}: {problem}" for problem in view.problems())
        if zoom == 1 and not view.labels:
            yield "no label is drawn"
        if zoom == 1 and view.filled() < MIN_FILLED:
            yield f"the graph fills only {view.filled():.0%} of the canvas"
