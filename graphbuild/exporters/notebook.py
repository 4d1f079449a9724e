"""Display the HTML page in a notebook, in a sandboxed frame."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from graphbuild.exporters.static_image import describe

if TYPE_CHECKING:
    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions

# The page in the frame may run scripts, save files, and open links in new tabs. These tabs are not
# sandboxed.
_SANDBOX = "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"
_FALLBACK = "to see it, run the cell again or trust this notebook"


def show(graph: Graph, *, positions: Positions | None = None, height: int = 600) -> PageFrame:
    """Return the interactive page of ``graph``; call this in the last line of a notebook cell.

    The output contains the whole page. So it adds about 0.7 MB, plus the data, to a saved notebook.

    Args:
        graph: A graph as :func:`graphbuild.graph.builder.build_graph` returns it, or a view of one.
        positions: Position of each node, y upwards. If None or empty, the layout is computed.
        height: Height of the frame in pixels. The frame is as wide as the notebook.
    """
    from graphbuild.exporters.html.page import write_html  # noqa: PLC0415  loads a template engine

    stream = BytesIO()
    write_html(graph, stream, positions=positions)
    return PageFrame(stream.getvalue().decode("utf-8"), describe(graph), height)


@dataclass(frozen=True, slots=True, repr=False)
class PageFrame:
    """A page that notebooks display in a frame; ``repr`` returns a summary of the graph."""

    page: str  # HTML
    summary: str  # the number of nodes per type
    height: int  # of the frame, in pixels

    def __repr__(self) -> str:
        return f"{self.summary}; open it in Jupyter"

    def _repr_html_(self) -> str:
        """Return the frame as HTML. Untrusted notebooks show only the text inside the frame."""
        fallback = escape(f"{self.summary}; {_FALLBACK}")
        return (
            f'<iframe title="{escape(self.summary)}" sandbox="{_SANDBOX}" allow="clipboard-write"'
            f' style="width: 100%; height: {self.height:d}px; border: 1px solid #d5dae1"'
            f' srcdoc="{escape(self.page)}">{fallback}</iframe>'
        )
