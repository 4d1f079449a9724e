"""The notebook widget without a browser: its selection in Python, and what replaces it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import graphbuild
from graphbuild.exporters.page_frame import PageFrame
from graphbuild.exporters.widget import GraphWidget
from tests.support.graphs import campaign

if TYPE_CHECKING:
    from collections.abc import Callable

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def widget() -> GraphWidget:
    shown = graphbuild.show(campaign())
    assert isinstance(shown, GraphWidget)
    return shown


def test_the_selection_is_in_the_order_of_the_graph_without_duplicates(widget: GraphWidget) -> None:
    keys = list(campaign())
    assert widget.selection == []
    widget.select([keys[4], keys[1], keys[4]])
    assert widget.selection == [keys[1], keys[4]]
    widget.select(keys[2])
    assert widget.selection == [keys[2]]
    widget.select([])
    assert widget.selection == []


def test_a_function_can_observe_the_selection(widget: GraphWidget) -> None:
    changes: list[list[str]] = []
    widget.observe(lambda change: changes.append(change["new"]), "selection")
    first = next(iter(campaign()))
    widget.focus(first)
    widget.selection = []
    assert changes == [[first], []]


def test_the_selected_frame_has_the_selected_nodes_and_the_columns_of_the_tables(
    widget: GraphWidget,
) -> None:
    graph = campaign()
    keys = list(graph)[1:4]
    assert widget.selected_frame().empty
    widget.select(keys)
    frame = widget.selected_frame()
    assert list(frame["id"]) == keys
    assert list(frame["label"]) == [graph.nodes[key]["label"] for key in keys]
    assert list(frame["degree"]) == [graph.degree[key] for key in keys]
    assert list(frame.index) == [0, 1, 2]


@pytest.mark.parametrize(
    "call",
    [
        lambda widget: widget.select(["file:x"]),
        lambda widget: widget.select("file:x"),
        lambda widget: widget.focus("file:x"),
    ],
    ids=["list", "text", "focus"],
)
def test_a_key_of_no_node_is_an_error(
    widget: GraphWidget, call: Callable[[GraphWidget], None]
) -> None:
    first = next(iter(campaign()))
    widget.select(first)
    with pytest.raises(ValueError, match="the graph has no node 'file:x'"):
        call(widget)
    assert widget.selection == [first]


def test_the_front_end_can_set_only_keys_of_nodes(widget: GraphWidget) -> None:
    first = next(iter(campaign()))
    widget.set_state({"selection": ["<img src=x onerror=alert(1)>", first]})
    assert widget.selection == [first]


def test_programs_without_a_kernel_display_the_page(widget: GraphWidget) -> None:
    data, _ = widget._repr_mimebundle_()
    static = graphbuild.show(campaign(), static=True)
    assert isinstance(static, PageFrame)
    assert data["text/html"] == static._repr_html_()
    assert data["text/plain"] == repr(static)
    assert data[WIDGET_VIEW]["model_id"]


def test_a_large_page_is_only_in_the_widget() -> None:
    """Jupyter servers drop outputs of more than 3 MB."""
    frame = PageFrame("<p>" + "x" * 2_600_000, "a large graph", 600)
    data, _ = GraphWidget(campaign(), frame)._repr_mimebundle_()
    assert set(data) == {"text/plain", WIDGET_VIEW}


def test_without_the_extra_the_page_is_shown_in_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)  # an import raises ImportError
    monkeypatch.delitem(sys.modules, "graphbuild.exporters.widget")
    shown = graphbuild.show(campaign())
    assert isinstance(shown, PageFrame)
    assert shown.page.startswith("<!DOCTYPE html>")


def test_a_static_page_explains_how_to_get_the_widget() -> None:
    static = graphbuild.show(campaign(), static=True)
    with pytest.raises(AttributeError, match=r"'selection'.*pip install anywidget"):
        _ = static.selection
    with pytest.raises(AttributeError, match=r"^'PageFrame' object has no attribute 'nonsense'$"):
        _ = static.nonsense
