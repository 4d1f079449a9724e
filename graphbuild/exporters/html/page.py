"""The graph as one HTML page that opens in any browser and calls nobody.

pyvis builds it, with our own template, script and style, and with the vis-network that pyvis
brings along, written into the page. Titles, authors and names come from strangers, so:

* data goes into a JSON block that no HTML parser can be led out of, and is read as JSON;
* the script puts text into the page as text only, and links to http and https only;
* the policy in the first line of the page allows the scripts shipped here, by their hashes, and
  nothing else: no request, no image, no form. The hashes are taken from the files before anything
  is rendered, so that nothing from the data can ever be among them.
"""

from __future__ import annotations

import base64
import gc
import hashlib
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.errors import ExportError
from graphbuild.exporters.html.data import page_data
from graphbuild.exporters.html.level_of_detail import WHOLE
from graphbuild.exporters.html.text import as_block, one_line
from graphbuild.graph import style
from graphbuild.graph.layout import Places, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import networkx as nx


# What draws: where the script is, whose it is, and which it must be. tests/sigma makes the second.
_LIBRARIES = {
    "vis": (
        ("pyvis", "templates/lib/vis-9.1.2/vis-network.min.js"),
        "vis-network 9.1.2 as released: install pyvis 0.3.2 again",
        "1f20f0736f32cb9bedf8f6383b25cfea2f839e1abe80d6e8040b4d5bea378c69",
    ),
    "webgl": (
        ("graphbuild.exporters", "sigma/sigma.min.js"),
        "sigma 3.0.3 as we ship it: install graphbuild again",
        "26007c70a6c7ce47ca2dcb3cfe4da20a36d0deeb54205921e6e400822483e601",
    ),
}
# In the order in which they build on each other.
_SCRIPTS = (
    "words.js",
    "data.js",
    "model.js",
    "relate.js",
    "looks.js",
    "labels.js",
    "focus.js",
    "{renderer}.js",
    "choose.js",
    "search.js",
    "copy.js",
    "rows.js",
    "overview.js",
    "panel.js",
    "evidence.js",
    "path.js",
    "save.js",
    "address.js",
    "list.js",
    "legend.js",
    "colours.js",
    "timeline.js",
    "main.js",
)


def write_html(  # noqa: PLR0913  all but the first two have their defaults
    graph: nx.DiGraph[str],
    stream: BinaryIO,
    *,
    positions: Mapping[str, tuple[float, float]] | None = None,
    title: str = "Files, references and collections",
    communities: Mapping[str, int] | None = None,
    full: bool = False,
) -> None:
    """Write ``graph`` to ``stream`` as one self-contained page.

    Args:
        graph: keeps the contract of ``graphbuild.graph.builder``; it is not changed.
        stream: an open binary file; UTF-8 is written to it.
        positions: where each node stands, y upwards; ``layout.place`` decides where None.
        title: the heading of the page.
        communities: which community each node is of, from 0 up, the largest first; Louvain's
            method, with networkx, decides where None. A node that is not named is of none.
        full: begin with the whole picture, however large, and let WebGL draw it; without, a
            graph of more than 15,000 nodes and lines, once folded, begins with a part of it
            (``html_ladder``).

    Raises:
        ExportError: the script that draws is missing or not the one this page was tested with.
    """
    places = place(graph) if positions is None else positions
    if communities is None and isinstance(places, Places):
        communities = places.communities
    if communities is None:
        communities = style.communities(graph)
    block, rung = _data(graph, places, communities, full=full)
    renderer = "webgl" if rung == WHOLE else "vis"
    network = _campaign_network(one_line(title), block, renderer)
    stream.write(network.generate_html().encode("utf-8"))


def _data(
    graph: nx.DiGraph[str],
    places: Mapping[str, tuple[float, float]],
    communities: Mapping[str, int],
    *,
    full: bool,
) -> tuple[str, str]:
    """The data block, and with how much of the graph the page begins."""
    with _collector_paused():
        told = page_data(graph, places, of_community=communities, full=full)
        block, rung = as_block(told), str(told["rung"])
        told.clear()  # or the collector would go through all of it as soon as it is back
    return block, rung


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Nothing made meanwhile is garbage, and to look for some is a third of the work."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _campaign_network(heading: str, block: str, renderer: str) -> Any:  # noqa: ANN401  pyvis is untyped
    """A pyvis network that renders our page; pyvis is slow to import, so only now."""
    from jinja2 import DictLoader, Environment  # noqa: PLC0415  only for those who write a page
    from markupsafe import Markup  # noqa: PLC0415  the same
    from pyvis.network import Network  # noqa: PLC0415  the same, and it imports IPython

    library, script, style = _library(renderer), _script(renderer), _read("style.css")

    class CampaignNetwork(Network):  # type: ignore[misc]  # pyvis is untyped
        """pyvis's network, with our template in place of its own.

        What is drawn is in the data block: pyvis's lists of nodes and edges stay empty, as its own
        template would fill them in, and ours does not.
        """

        def __init__(self) -> None:
            super().__init__(directed=True, cdn_resources="in_line", heading=heading)
            self.path = "page.html"
            self.templateEnv = Environment(
                loader=DictLoader({self.path: _read(self.path)}), autoescape=True
            )

        def generate_html(self, *_: object, **__: object) -> str:
            """The page. Only texts shipped with the package are exempt from escaping."""
            self.html = self.templateEnv.get_template(self.path).render(
                heading=self.heading,
                policy=_policy([library, script], style),
                data=Markup(block),  # noqa: S704  has no <, > or &
                library=Markup(library),  # noqa: S704  ours
                script=Markup(script),  # noqa: S704  ours
                style=Markup(style),  # noqa: S704  ours
            )
            return str(self.html)

    return CampaignNetwork()


# --- what we ship


def _read(name: str) -> str:
    """A text of the page."""
    content = (files("graphbuild.exporters.html") / "static" / name).read_bytes()
    return _as_parsed(content.decode("utf-8"))


def _as_parsed(text: str) -> str:
    """The text as an HTML parser hands it on: the hashes are of that."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _script(renderer: str) -> str:
    """Our scripts as one, closed off from the page's global names."""
    texts = [_read(name.format(renderer=renderer)) for name in _SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(texts) + "})();\n"


def _library(renderer: str = "vis") -> str:
    """The script that draws, if it is the one we know."""
    (package, path), which, expected = _LIBRARIES[renderer]
    try:
        content = (files(package) / path).read_bytes()
    except (OSError, ModuleNotFoundError) as error:
        raise ExportError(f"{path} of {package} is missing; it must be {which}") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise ExportError(f"{path} of {package} is not {which}")
    # The last line points a debugger to a file that is not there.
    return _as_parsed(content.decode("utf-8").partition("//# sourceMappingURL=")[0])


def _policy(scripts: Iterable[str], style: str) -> str:
    """The Content-Security-Policy: what we ship may run, nothing may be fetched."""
    allowed = " ".join(_source(text) for text in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_source(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
