"""Show the HTML page in a notebook, and share its selection with Python.

The page is in a sandboxed frame. ``widget.js`` passes the selection between the frame and this
object. The libraries are those of the extra ``notebook``.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from graphbuild.exporters.dataframes import nodes_frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from graphbuild.exporters.page_frame import PageFrame
    from graphbuild.graph.builder import Graph

# Jupyter servers drop outputs that exceed 1 MB per second for three seconds. The view of a widget
# is small: the page reaches it in another message, which is not limited.
_MAX_STATIC_PAGE = 2_500_000  # characters


class GraphWidget(anywidget.AnyWidget):
    """The page of a graph in a notebook. ``selection`` follows the clicks on the page.

    Programs without a kernel display the page alone, unless it is larger than 2.5 MB.

    Attributes:
        selection: The keys of the selected nodes, in the order of the graph. It is empty if nothing
            or a line is selected. To select nodes, call :meth:`select` or set the attribute;
            ``widget.observe(function, "selection")`` calls a function after each change.
    """

    _esm = files("graphbuild.exporters").joinpath("widget.js").read_text(encoding="utf-8")
    # ``sync`` sends a trait to the front end.
    page = traitlets.Unicode().tag(sync=True)  # HTML
    summary = traitlets.Unicode().tag(sync=True)  # the number of nodes per type
    height = traitlets.Int().tag(sync=True)  # of the frame, in pixels
    selection = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, graph: Graph, frame: PageFrame) -> None:
        self._graph = graph
        self._frame = frame
        self._order = {key: number for number, key in enumerate(graph)}
        super().__init__(page=frame.page, summary=frame.summary, height=frame.height)

    def __repr__(self) -> str:
        return repr(self._frame)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401  as in anywidget
        """Return the view of the widget, and the page for programs that have no kernel."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        page = self._frame._repr_html_()
        return (data if len(page) > _MAX_STATIC_PAGE else {**data, "text/html": page}), metadata

    @traitlets.validate("selection")
    def _sort_known_keys(self, proposal: dict[str, Any]) -> list[str]:
        """Return the keys of nodes in the order of the graph, without duplicates.

        The front end can set the attribute, too, so other texts are left out.
        """
        known = set(proposal["value"]) & self._order.keys()
        return sorted(known, key=self._order.__getitem__)

    def selected_frame(self) -> pd.DataFrame:
        """Return the selected nodes as a DataFrame with the columns of ``nodes.parquet``."""
        nodes = nodes_frame(self._graph)
        return nodes[nodes["id"].isin(self.selection)].reset_index(drop=True)

    def select(self, keys: Iterable[str] | str) -> None:
        """Select nodes on the page; without keys, clear the selection.

        Args:
            keys: Node keys, such as ``file:44d8…``, in any order.

        Raises:
            ValueError: The graph has no node with one of the keys.
        """
        self.selection = self._check([keys] if isinstance(keys, str) else list(keys))

    def focus(self, key: str) -> None:
        """Select a node and move the view to it.

        Raises:
            ValueError: The graph has no node with this key.
        """
        self.selection = self._check([key])
        self.send({"focus": key})

    def _check(self, keys: list[str]) -> list[str]:
        for key in keys:
            if key not in self._order:
                raise ValueError(f"the graph has no node {key!r}; a key is like 'file:44d8…'")
        return keys
