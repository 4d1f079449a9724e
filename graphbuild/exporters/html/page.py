"""Write the graph as one HTML page that works offline in any browser.

pyvis builds the page from the template, scripts and style in ``static``, and a drawing library:
vis-network, or sigma for WebGL. The data is untrusted, so the page has these protections:

* The page contains the data as a JSON block, which cannot end the script element around it.
* The scripts insert data as text only, and create links only to http and https URLs.
* The Content-Security-Policy allows only the scripts and the style whose hashes it lists. It allows
  no network requests, external images or forms. The hashes do not depend on the data.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.errors import ExportError
from graphbuild.exporters.html.data import page_data
from graphbuild.exporters.html.json_block import encode_block, single_line
from graphbuild.exporters.html.level_of_detail import FULL
from graphbuild.exporters.results import ExportWarnings
from graphbuild.graph.builder import TITLE
from graphbuild.graph.layout import Layout, compute_layout
from graphbuild.graph.style import check_positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import networkx as nx

_TITLE = "Files, references and collections"
# Renderer -> package and path of the drawing library, description of the expected version with a
# remedy (for error messages), SHA-256. The scripts in tests/sigma build sigma.min.js.
_LIBRARIES = {
    "vis": (
        ("pyvis", "templates/lib/vis-9.1.2/vis-network.min.js"),
        "vis-network 9.1.2 as released: install pyvis 0.3.2 again",
        "1f20f0736f32cb9bedf8f6383b25cfea2f839e1abe80d6e8040b4d5bea378c69",
    ),
    "webgl": (
        ("graphbuild.exporters.html", "libraries/sigma.min.js"),
        "sigma 3.0.3 as included in graphbuild: install graphbuild again",
        "26007c70a6c7ce47ca2dcb3cfe4da20a36d0deeb54205921e6e400822483e601",
    ),
}
# Renderer -> the copyright and license notices of everything in its drawing library.
_NOTICES = {"vis": "vis-network.licenses.txt", "webgl": "sigma.licenses.txt"}
# The order matters, because the top-level code of a script may use names of earlier scripts.
_SCRIPTS = (
    *("text.js", "data.js", "columns.js", "group_positions.js", "model.js", "observed_lines.js"),
    *("neighbors.js", "months.js", "colors.js", "geometry.js", "untangle.js", "detail.js"),
    *("occupancy.js", "regions.js", "labels.js", "layers.js", "focus.js"),
    *("renderer_{renderer}.js", "selection.js", "multi_selection.js", "box_selection.js"),
    *("search.js", "hide_and_pin.js", "view_state.js", "history.js"),
    *("clipboard.js", "long_list.js", "overview_panel.js", "cluster_details.js"),
    *("details_panel.js", "line_panel.js"),
    *("shortest_path.js", "picture.js", "download.js", "permalink.js", "places.js", "node_list.js"),
    *("legend.js", "color_legend.js", "timeline.js", "embedding.js", "main.js"),
)


def write_html(
    graph: nx.DiGraph[str],
    stream: BinaryIO,
    *,
    positions: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
    full: bool = False,
) -> ExportWarnings:
    """Write ``graph`` to ``stream`` as one self-contained page.

    Args:
        graph: A graph as ``build_graph`` returns it, or a view of one.
        stream: Binary stream to write to.
        positions: Position (x, y) of each node by node key, y upwards. If None or empty, the layout
            is computed. If it is a ``Layout`` with ``folded``, the page draws groups at these
            positions while they are folded.
        title: The heading of the page. If empty, that of the campaign of ``graph``, if it is known.
        full: Whether a large graph is drawn as a whole, with WebGL. Otherwise, only a part of a
            large graph is drawn at first; see :mod:`level_of_detail`.

    Returns:
        Zero counts, because this format does not count the texts that it truncates for display.

    Raises:
        ExportError: ``positions`` has no finite position for a node, or the drawing library is
            missing or is not the expected version.
    """
    positions = check_positions(graph, positions) or compute_layout(graph, folded=True)
    folded = positions.folded if isinstance(positions, Layout) else None
    data = page_data(graph, positions, folded_positions=folded, full=full)
    renderer = "webgl" if data["level"] == FULL else "vis"
    network = _network(
        single_line(title or graph.graph.get(TITLE) or _TITLE), encode_block(data), renderer
    )
    stream.write(network.generate_html().encode("utf-8"))
    return ExportWarnings()


def _network(heading: str, block: str, renderer: str) -> Any:  # noqa: ANN401  pyvis is untyped
    """Return a pyvis network that renders the template ``page.html``.

    The template escapes all texts except ``Markup``. The network has no nodes or edges, because
    they are in the data block.
    """
    from jinja2 import DictLoader, Environment  # noqa: PLC0415  slow to import
    from markupsafe import Markup  # noqa: PLC0415  slow to import
    from pyvis.network import Network  # noqa: PLC0415  slow to import: it loads IPython

    library, script, style = _library(renderer), _script(renderer), _read("style.css")
    network = Network(directed=True, cdn_resources="in_line", heading=heading)
    network.path = "page.html"
    network.templateEnv = Environment(
        loader=DictLoader({network.path: _read(network.path)}), autoescape=True
    )
    network.templateEnv.globals |= {
        "policy": _policy([library, script], style),
        "data": Markup(block),  # noqa: S704  has no <, > or &
        "library": Markup(library),  # noqa: S704  ours
        "script": Markup(script),  # noqa: S704  ours
        "style": Markup(style),  # noqa: S704  ours
    }
    return network


# --- static files ---------------------------------------------------------------------------------
# The files are read with read_text(), which converts line endings as HTML parsers do. Otherwise,
# the hashes would not match.


def _read(name: str, folder: str = "static") -> str:
    """Return the content of a file beside this module."""
    return (files("graphbuild.exporters.html") / folder / name).read_text(encoding="utf-8")


def _script(renderer: str) -> str:
    """Return graphbuild's scripts as one function, so that they define no global names."""
    texts = [_read(name.format(renderer=renderer)) for name in _SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(texts) + "})();\n"


def _library(renderer: str = "vis") -> str:
    """Return the script of the drawing library, after a comment with its license notices.

    Whoever passes a page on also passes on the library, whose licenses require the notices.

    Raises:
        ExportError: The script is missing, or its hash is wrong.
    """
    (package, path), description, expected = _LIBRARIES[renderer]
    try:
        file = files(package) / path
        digest = sha256(file.read_bytes()).hexdigest()
    except (OSError, ModuleNotFoundError) as error:
        raise ExportError(f"{path} of {package} is missing; expected {description}") from error
    if digest != expected:
        raise ExportError(f"{path} of {package} is not {description}")
    # The last line is removed: it refers to a source map, which the package does not contain.
    code = file.read_text(encoding="utf-8").partition("//# sourceMappingURL=")[0]
    return f"/*!\n{_read(_NOTICES[renderer], 'libraries')}*/\n{code}"


def _policy(scripts: Iterable[str], style: str) -> str:
    """Return a Content-Security-Policy that allows only these scripts and this style."""
    allowed = " ".join(_hash_source(text) for text in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash_source(style)};"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash_source(text: str) -> str:
    digest = sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
