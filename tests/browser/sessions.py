"""Random sessions on a page: searches, folds, filters and path mode at several zoom levels.

After each action, the page must have reported no error, and must draw exactly the nodes and edges
of the graph that pass the filters that its controls show.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.browser.campaigns import large_campaign, many_families, one_family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import networkx as nx

    from tests.browser.conftest import Opened

# Graphs from 10 to about 4,000 nodes.
GRAPHS: dict[str, Callable[[], nx.DiGraph[str]]] = {
    "tiny": lambda: one_family(6),
    "one fold": lambda: one_family(450),
    "medium": large_campaign,
    "large": lambda: many_families(60),
}
ZOOM_LEVELS = (0.03, 0.1, 0.3, 1.0, 3.0)  # pixels per unit of the layout
_STATE = """() => {
  const get = (id) => document.getElementById(id);
  const rows = [...document.querySelectorAll("#legend li")];
  return {
    drawn: window.graphbuild.drawn,
    drawnKeys: window.graphbuild.drawnKeys,
    visible: window.graphbuild.visible,
    hidden: rows.filter((row) => !row.querySelector("input").checked)
      .map((row) => row.querySelector(".name").textContent),
    minLinks: Number(get("min-links").value),
    months: get("timeline").hidden ? null
      : { from: Number(get("from-month").value), to: Number(get("to-month").value) },
    undated: get("undated").checked,
    hiddenKeys: window.graphbuild.hidden,
  };
}"""


@dataclass
class Session:
    """A random session on the page of a graph.

    Attributes:
        page: the open page.
        graph: the graph of the page.
        seed: the seed of the random choices.
        actions: descriptions of the actions so far, to reproduce a failure.
    """

    page: Opened
    graph: nx.DiGraph[str]
    seed: int
    actions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._keys = sorted(self.graph)
        self._weighted = {
            self._search: 5,
            self._zoom: 3,
            self._double_click: 3,
            self._press_panel_button: 3,
            self._toggle_folding: 1,
            self._toggle_type: 2,
            self._set_minimum: 1,
            self._set_months: 2,
            self._find_path: 3,
            self._click_canvas: 2,
            self._show_everything: 2,
            self._undo_or_redo: 3,
            self._select_in_rectangle: 1,
            self._change_colors: 1,
        }

    def run(self, count: int) -> Iterator[str]:
        """Perform ``count`` actions; yield a description of each failure."""
        for _ in range(count):
            (action,) = self._random.choices([*self._weighted], [*self._weighted.values()])
            self.actions.append(action())
            if failure := self._failure():
                yield f"seed {self.seed}, action {len(self.actions)}: {failure}"

    # --- actions; each returns its description

    def _search(self) -> str:
        key = self._random.choice(self._keys)
        self.page.choose(key)
        return f"search {key}"

    def _zoom(self) -> str:
        scale = self._random.choice(ZOOM_LEVELS)
        self.page.zoom(scale)
        return f"zoom {scale}"

    def _double_click(self) -> str:
        key = self._random.choice(self._keys)
        if self.page.marker(key) is None:
            return f"no marker of {key}"
        self.page.page.mouse.dblclick(*self.page.point(key))
        return f"double-click {key}"

    def _press_panel_button(self) -> str:
        buttons = self.page.page.locator("#details .actions button:not(:text('Copy'))")
        names = buttons.all_inner_texts()
        if not names:
            return "no button"
        at = self._random.randrange(len(names))
        buttons.nth(at).evaluate("(button) => button.click()")
        return f"press {names[at]}"

    def _toggle_folding(self) -> str:
        self._click("#fold")
        return "toggle folding"

    def _toggle_type(self) -> str:
        row = self._random.randint(1, self.page.page.locator("#legend li").count())
        self._click(f"#legend li:nth-child({row}) input")
        return f"toggle type {row}"

    def _set_minimum(self) -> str:
        return self._move_slider("#min-links", self._random.choice((0, 0, 1, 2, 3)))

    def _set_months(self) -> str:
        choice = self._random.choice(("#from-month", "#to-month", "#undated", "#all-dates"))
        if not choice.endswith("month"):
            self._click(choice)
            return f"press {choice}"
        low, high = (int(self.page.page.get_attribute(choice, of) or 0) for of in ("min", "max"))
        return self._move_slider(choice, self._random.randint(low, high))

    def _find_path(self) -> str:
        self.page.page.keyboard.press(
            "Escape"
        )  # ends path mode, which another action may have begun
        start, end = self._random.sample(self._keys, 2)
        self.page.choose(start)
        self._click("#details .actions button:text('Path to')")
        action = self._random.choice(("end", "end", "cancel", "escape"))
        if action == "cancel":
            self._click("#cancel-path")
        elif action == "escape":
            self.page.page.keyboard.press("Escape")
        else:
            self.page.choose(end)
        return f"path from {start} to {end}, {action}"

    def _click_canvas(self) -> str:
        box = self.page.page.locator("#canvas").bounding_box()
        assert box is not None
        x = box["x"] + self._random.random() * box["width"]
        y = box["y"] + self._random.random() * box["height"]
        self.page.page.mouse.click(x, y)
        return f"click at {x:.0f}, {y:.0f}"

    def _show_everything(self) -> str:
        self._click("#fit")
        self.page.page.keyboard.press("Escape")
        return "show all, clear the selection"

    def _undo_or_redo(self) -> str:
        keys = self._random.choice(("Control+z", "Control+z", "Control+Shift+z"))
        self.page.page.evaluate("document.activeElement.blur()")
        self.page.page.keyboard.press(keys)
        return keys

    def _select_in_rectangle(self) -> str:
        box = self.page.page.locator("#canvas").bounding_box()
        assert box is not None
        corners = [
            (box["x"] + self._random.random() * box["width"], box["y"] + at * box["height"])
            for at in (0.2, 0.8)
        ]
        self._click("#select-box")
        self.page.page.mouse.move(*corners[0])
        self.page.page.mouse.down()
        self.page.page.mouse.move(*corners[1])
        self.page.page.mouse.up()
        return f"select in {corners}"

    def _change_colors(self) -> str:
        name = self._random.choice(("color", "size"))
        values = self.page.page.locator(f"#{name} option").evaluate_all(
            "(all) => all.map((one) => one.value)"
        )
        value = self._random.choice(values)
        self.page.page.select_option(f"#{name}", value, force=True)
        return f"{name} by {value}"

    def _click(self, selector: str) -> None:
        """Click an element, even if it is outside the visible part of the panel."""
        self.page.page.locator(selector).first.evaluate("(one) => one.click()")

    def _move_slider(self, selector: str, value: int) -> str:
        self.page.page.fill(selector, str(value), force=True)
        return f"set {selector} to {value}"

    # --- checks

    def _failure(self) -> str:
        """Return the difference between the page and the filtered graph, or an empty string."""
        if self.page.complaints:
            return f"{self.actions[-1]}: {self.page.complaints}"
        state = self.page.page.evaluate(_STATE)
        passing = [key for key in state["drawnKeys"] if self._passes(key, state)]
        expected = {
            "nodes": len(passing),
            "links": self.graph.subgraph(passing).number_of_edges(),
        }
        visible, drawn = state["visible"], state["drawn"]
        if {name: visible[name] for name in expected} != expected:
            return f"{self.actions[-1]}: expected {expected}, visible {visible}"
        if drawn != {"markers": visible["markers"], "lines": visible["lines"]}:
            return f"{self.actions[-1]}: visible {visible}, drawn {drawn}"
        return ""

    def _passes(self, key: str, state: dict[str, Any]) -> bool:
        node = self.graph.nodes[key]
        if (
            key in state["hiddenKeys"]
            or node["type"] in state["hidden"]
            or self.graph.degree(key) < state["minLinks"]
        ):
            return False
        if node["type"] != "reference" or state["months"] is None:
            return True
        if "creation_date" not in node:
            return bool(state["undated"])
        date = datetime.fromtimestamp(node["creation_date"], UTC)
        month = date.year * 12 + date.month - 1
        return bool(state["months"]["from"] <= month <= state["months"]["to"])
