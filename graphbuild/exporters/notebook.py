"""Graphs in a notebook: the interactive page, in a frame.

``show`` puts the very page that ``export`` writes into the notebook, in a frame of its own: no
side files, no network, and the frame can neither reach the notebook nor leave the page. It shows
itself to IPython through the methods IPython asks for, so nothing of it is imported here.
"""

from __future__ import annotations

from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from graphbuild.exporters.static_image import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    import networkx as nx

    Graph = nx.DiGraph[str]
    Positions = Mapping[str, tuple[float, float]]

# Scripts run, a picture can be saved, and a report opens in a tab of its own when asked for;
# everything else a frame could do is switched off.
_SANDBOX = "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"
_INSTEAD = "to see it, run the cell again or trust this notebook"


def show(graph: Graph, *, positions: Positions | None = None, height: int = 600) -> Shown:
    """The interactive page, to stand as the last line of a notebook cell.

    A notebook saved with it grows by the size of the page, about a megabyte and the data.

    Args:
        graph: a graph as :func:`graphbuild.graph.builder.build_graph` makes it, or a view of one.
        positions: a place for each node, y upwards; None lays the graph out.
        height: of the frame, in pixels; it is as wide as the notebook.
    """
    from graphbuild.exporters.html.page import write_html  # noqa: PLC0415  loads a template engine

    stream = BytesIO()
    write_html(graph, stream, positions=positions)
    return Shown(stream.getvalue().decode("utf-8"), told(graph), height)


class Shown:
    """A page in a frame, where the notebook shows HTML; a sentence, where it shows text.

    Attributes:
        page: the whole page.
        summary: what is on it, in words.
        height: of the frame, in pixels.
    """

    __slots__ = ("height", "page", "summary")

    def __init__(self, page: str, summary: str, height: int) -> None:
        self.page = page
        self.summary = summary
        self.height = height

    def __repr__(self) -> str:
        return f"{self.summary}; open it in Jupyter"

    def _repr_html_(self) -> str:
        """The frame, with the page inside its ``srcdoc``: no file, no address.

        A browser that shows frames shows nothing of the sentence inside. A notebook that is not
        trusted, as one sent by somebody else, is shown without frames, and then it is what stands.
        """
        instead = escape(f"{self.summary}; {_INSTEAD}")
        return (
            f'<iframe title="{escape(self.summary)}" sandbox="{_SANDBOX}" allow="clipboard-write"'
            f' style="width: 100%; height: {self.height:d}px; border: 1px solid #d5dae1"'
            f' srcdoc="{escape(self.page)}">{instead}</iframe>'
        )
