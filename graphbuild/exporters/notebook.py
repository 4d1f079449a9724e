"""Display the HTML page in a notebook, as a widget or in a frame without a kernel."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from graphbuild.exporters.page_frame import PageFrame
from graphbuild.exporters.static_image import describe

if TYPE_CHECKING:
    from graphbuild.exporters.widget import GraphWidget
    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions


def show(
    graph: Graph,
    *,
    positions: Positions | None = None,
    height: int = 600,
    static: bool = False,
) -> GraphWidget | PageFrame:
    """Return the interactive page of ``graph``; call this in the last line of a notebook cell.

    The output contains the whole page. So it adds about 0.7 MB, plus the data, to a saved notebook.

    Args:
        graph: A graph as :func:`graphbuild.graph.builder.build_graph` returns it, or a view of one.
        positions: Position of each node, y upwards. If None or empty, the layout is computed.
        height: Height of the frame in pixels. The frame is as wide as the notebook.
        static: Whether to return the page without a connection to Python.

    Returns:
        A widget if anywidget is installed and ``static`` is false; otherwise the page in a frame.
    """
    from graphbuild.exporters.html.page import write_html  # noqa: PLC0415  loads a template engine

    stream = BytesIO()
    write_html(graph, stream, positions=positions)
    frame = PageFrame(stream.getvalue().decode("utf-8"), describe(graph), height)
    if static:
        return frame
    try:
        from graphbuild.exporters.widget import GraphWidget  # noqa: PLC0415  an extra
    except ImportError:
        return frame
    return GraphWidget(graph, frame)
