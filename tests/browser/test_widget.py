"""The notebook widget: the real page, front end and Python object, without Jupyter between them."""

from __future__ import annotations

import pytest

from graphbuild.exporters.notebook import show
from graphbuild.exporters.widget import GraphWidget
from graphbuild.graph.builder import build_graph
from graphbuild.models import Observation
from tests.browser.campaigns import collection, file, many_families, report
from tests.browser.pages import POINT, write_page

pytestmark = pytest.mark.browser

# Loads the front end as anywidget does, with a model that sends changes to Python.
HOST = """async ({ code, state }) => {
  const handlers = new Map();
  const emit = (event, value) => (handlers.get(event) ?? []).forEach((handle) => handle(value));
  const model = {
    get: (name) => state[name],
    set(name, value) {
      if (JSON.stringify(state[name]) === JSON.stringify(value)) return;
      state[name] = value;
      emit(`change:${name}`);
    },
    on: (event, handle) => handlers.set(event, [...(handlers.get(event) ?? []), handle]),
    off: (event, handle) =>
      handlers.set(event, handlers.get(event).filter((each) => each !== handle)),
    save_changes: async () => model.set("selection", await toPython(model.get("selection"))),
  };
  window.fromPython = {
    get: () => state.selection,
    set: (keys) => model.set("selection", keys),
    send: (content) => emit("msg:custom", content),
  };
  window.listenerCount = () => [...handlers.values()].flat().length;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: frontEnd } = await import(url);
  const el = document.body.appendChild(document.createElement("div"));
  window.removeView = frontEnd.render({ model, el });
}"""
IS_NEAR_THE_CENTER = """(key) => {
  const { x, y } = window.graphbuild.position(key);
  const { width, height } = document.querySelector("#canvas").getBoundingClientRect();
  return Math.hypot(x - width / 2, y - height / 2) < 20;
}"""


class Notebook:
    """A tab that displays a widget, and passes messages between the front end and Python."""

    def __init__(self, tab, widget):
        self.tab, self.widget, self.complaints = tab, widget, []
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", lambda message: self.complaints.append(message.text))
        tab.on("request", self._on_request)
        tab.expose_function("toPython", self._on_change)
        widget.send = self._send
        names = ("page", "summary", "height", "selection")
        state = {name: getattr(widget, name) for name in names}
        tab.evaluate(HOST, {"code": widget._esm, "state": state})
        self.wait_until_ready()

    def _on_request(self, request):
        if not request.url.startswith(("blob:", "data:", "about:")):
            self.complaints.append(request.url)

    def _on_change(self, keys):
        self.widget.selection = keys
        return self.widget.selection

    def _send(self, content):
        self.update()
        self.tab.evaluate("(content) => fromPython.send(content)", content)

    def update(self):
        """Send the selection of the Python object to the front end."""
        self.tab.evaluate("(keys) => fromPython.set(keys)", self.widget.selection)

    @property
    def page(self):
        """The frame with the page."""
        return next(frame for frame in self.tab.frames if frame.parent_frame)

    def wait_until_ready(self):
        self.tab.locator("iframe").first.content_frame.locator("#status:not(:empty)").wait_for()

    def click(self, key):
        x, y = self.page.evaluate(POINT, key)
        box = self.tab.locator("iframe").first.bounding_box()
        self.tab.mouse.click(box["x"] + 1 + x, box["y"] + 1 + y)  # the frame has a border of 1 px

    def selected_on_page(self):
        return (self.page.evaluate("graphbuild.selection") or "").split()

    def wait_for_page(self, keys):
        """Wait until exactly these nodes are selected on the page."""
        self.page.wait_for_function(
            "(text) => (graphbuild.selection ?? '') === text", arg=" ".join(keys)
        )

    def wait_for_python(self, keys):
        """Wait until exactly these nodes are selected in the model that Python shares."""
        self.tab.wait_for_function(
            "(text) => fromPython.get().join(' ') === text", arg=" ".join(keys)
        )
        assert self.widget.selection == keys


@pytest.fixture
def notebook(chromium):
    context = chromium.new_context(offline=True, reduced_motion="reduce")

    def display(graph, *, select=()):
        widget = GraphWidget(graph, show(graph, static=True))
        widget.select(select)
        return Notebook(context.new_page(), widget)

    yield display
    context.close()


def small():
    """Return a graph with a group of 12 references, which the page folds."""
    observations = [
        Observation(file("one"), report(f"Report {n}"), collection("Red")) for n in range(12)
    ]
    return build_graph([*observations, Observation(file("two"), report("Other"), None)])


def reports(graph):
    """Return the keys of the folded references."""
    return [key for key in graph if graph.nodes[key]["label"].startswith("Report")]


# --- from the page to Python


def test_a_click_changes_the_selection_in_python(notebook):
    shown = notebook(small())
    assert shown.widget.selection == []
    shown.click(file("one").key)
    shown.wait_for_python([file("one").key])
    shown.click(collection("Red").key)
    shown.wait_for_python([collection("Red").key])
    frame = shown.widget.selected_frame()
    assert list(frame["label"]) == ["Red"]
    shown.tab.keyboard.press("Escape")
    shown.wait_for_python([])
    assert shown.complaints == []


def test_a_click_on_a_folded_marker_selects_all_its_members(notebook):
    graph = small()
    shown = notebook(graph)
    shown.click(reports(graph)[0])
    shown.wait_for_python(reports(graph))
    assert sorted(shown.widget.selected_frame()["label"])[:2] == ["Report 0", "Report 1"]


def test_a_selected_line_or_path_selects_no_node(notebook):
    shown = notebook(small())
    shown.click(file("two").key)
    shown.wait_for_python([file("two").key])
    shown.page.get_by_role("button", name="Path to").click()
    shown.click(report("Other").key)
    shown.page.wait_for_function("graphbuild.path")
    shown.wait_for_python([])


# --- from Python to the page


def test_selected_nodes_are_selected_on_the_page(notebook):
    graph = small()
    shown = notebook(graph)
    keys = [file("one").key, *reports(graph)[3:5], file("two").key]
    shown.widget.select(reversed(keys))
    shown.update()
    in_order = [key for key in graph if key in keys]
    assert shown.widget.selection == in_order
    shown.wait_for_page(in_order)
    assert set(shown.page.evaluate("graphbuild.focus")) == set(keys)
    assert "4 nodes selected" in shown.page.text_content("#details")
    assert "selected: 4 nodes" in shown.page.text_content("#status")
    shown.widget.select([])
    shown.update()
    shown.wait_for_page([])
    assert shown.complaints == []


def test_a_selection_made_before_the_page_is_displayed_is_selected_on_it(notebook):
    shown = notebook(small(), select=[file("one").key, file("two").key])
    shown.wait_for_page([file("one").key, file("two").key])


def test_one_member_of_a_folded_group_gets_a_marker_of_its_own(notebook):
    graph = small()
    shown = notebook(graph)
    shown.widget.select(reports(graph)[5])
    shown.update()
    shown.wait_for_page([reports(graph)[5]])
    assert shown.widget.selection == [reports(graph)[5]]


def test_selecting_hidden_nodes_relaxes_the_filters_and_shows_them(notebook):
    shown = notebook(small())
    shown.page.get_by_role("checkbox", name="reference").uncheck()
    shown.widget.select([report("Other").key, file("one").key])
    shown.update()
    shown.wait_for_page([key for key in small() if key in set(shown.widget.selection)])
    assert shown.page.get_by_role("checkbox", name="reference").is_checked()


def test_focus_moves_the_view_to_a_node(notebook):
    graph = many_families(12)
    key = list(graph)[-1]
    shown = notebook(graph)
    assert not shown.page.evaluate(IS_NEAR_THE_CENTER, key)
    shown.widget.focus(key)
    shown.wait_for_page([key])
    shown.page.wait_for_function(IS_NEAR_THE_CENTER, arg=key)
    assert shown.widget.selection == [key]


def test_a_page_that_the_notebook_loads_again_keeps_the_selection(notebook):
    shown = notebook(small())
    shown.click(file("one").key)
    shown.wait_for_python([file("one").key])
    shown.tab.evaluate("document.body.append(document.querySelector('iframe'))")
    shown.wait_until_ready()
    shown.wait_for_page([file("one").key])
    assert shown.widget.selection == [file("one").key]


def test_a_removed_view_ends_its_listeners(notebook):
    shown = notebook(small())
    assert shown.tab.evaluate("listenerCount()") == 2
    shown.tab.evaluate("removeView()")
    assert shown.tab.evaluate("listenerCount()") == 0


# --- hostile messages


def test_only_the_keys_of_nodes_are_accepted_from_the_page(notebook):
    shown = notebook(small())
    for keys in (["<img src=x onerror=alert(1)>", "__proto__"], [1, None], "file:x", {"length": 3}):
        shown.page.evaluate(
            "(keys) => parent.postMessage({ graphbuild: 'selection', keys }, '*')", keys
        )
    shown.click(file("one").key)  # messages arrive in order
    shown.wait_for_python([file("one").key])
    assert shown.complaints == []


def test_messages_from_elsewhere_are_ignored(notebook):
    shown = notebook(small())
    shown.tab.evaluate(
        """(key) => {
      const message = { graphbuild: "selection", keys: [key] };
      window.postMessage(message, "*");
      const other = document.body.appendChild(document.createElement("iframe"));
      other.srcdoc = `<script>parent.postMessage(${JSON.stringify(message)}, "*")</script>`;
      return new Promise((resolve) => { other.onload = resolve; });
    }""",
        file("two").key,
    )
    shown.click(file("one").key)
    shown.wait_for_python([file("one").key])


def test_the_page_cannot_access_the_notebook(notebook):
    shown = notebook(small())
    for code in ("parent.document.title", "parent.toPython", "localStorage.length"):
        with pytest.raises(Exception, match="SecurityError"):
            shown.page.evaluate(code)


def test_unknown_keys_from_the_notebook_are_ignored_by_the_page(notebook):
    shown = notebook(small())
    shown.tab.evaluate(
        """(key) => {
      const page = document.querySelector("iframe").contentWindow;
      for (const message of [null, 7, "select", { graphbuild: "select", keys: 7 },
        { graphbuild: "focus", key: "constructor" }, { graphbuild: "eval", code: "alert(1)" },
        { graphbuild: "select", keys: ["__proto__", key, null] }]) page.postMessage(message, "*");
    }""",
        file("two").key,
    )
    shown.wait_for_page([file("two").key])
    assert shown.complaints == []


def test_an_exported_page_tells_its_selection_to_no_other_document(chromium, tmp_path):
    """Any web page could put the URL of an exported page into a frame."""
    (tmp_path / "graph.html").write_bytes(write_page(small()))
    (tmp_path / "host.html").write_text(
        "<script>addEventListener('message', (event) => { window.received = true; })</script>"
        "<iframe src=graph.html width=900 height=700></iframe>"
    )
    tab = chromium.new_page()
    tab.goto((tmp_path / "host.html").as_uri())
    page = tab.frames[1]
    page.wait_for_function("window.graphbuild?.ready")
    page.fill("#query", file("one").key)
    page.press("#query", "Enter")
    tab.evaluate(
        "(keys) => frames[0].postMessage({ graphbuild: 'select', keys }, '*')", [file("two").key]
    )
    page.wait_for_function("graphbuild.selection")
    assert page.evaluate("graphbuild.selection") == file("one").key
    assert tab.evaluate("window.received") is None
    tab.close()


def test_the_widget_has_the_sandbox_of_the_static_frame(notebook):
    shown = notebook(small())
    frame = show(small(), static=True)._repr_html_()
    sandbox = shown.tab.locator("iframe").first.get_attribute("sandbox")
    assert f'sandbox="{sandbox}"' in frame
    assert sandbox
    assert "allow-same-origin" not in sandbox
