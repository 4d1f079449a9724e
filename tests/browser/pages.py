"""Write pages for the browser tests, unchanged or without their policy."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from graphbuild.exporters.html.page import write_html

if TYPE_CHECKING:
    import networkx as nx

# Returns the position of a node in the window, from its key.
POINT = """(key) => {
  const at = window.graphbuild.position(key);
  const canvas = document.querySelector("#canvas").getBoundingClientRect();
  return [at.x + canvas.x, at.y + canvas.y];
}"""


def write_page(graph: nx.DiGraph[str], *, title: str = "A campaign", **options: Any) -> bytes:
    """Return the page of a graph; ``options`` are those of ``write_html``."""
    stream = BytesIO()
    write_html(graph, stream, title=title, **options)
    return stream.getvalue()


def without_policy(page: bytes) -> bytes:
    """Return the page without its Content-Security-Policy, so that only escaping protects it."""
    bare, count = re.subn(rb"<meta http-equiv=[^>]*>", b"", page, count=1)
    assert count == 1
    return bare
