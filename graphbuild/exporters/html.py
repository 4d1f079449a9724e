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
import hashlib
import json
import math
import re
from collections.abc import Set as AbstractSet
from importlib.resources import files
from typing import TYPE_CHECKING, Any, BinaryIO

from graphbuild.entities import COLLECTION, FILE, REFERENCE
from graphbuild.errors import ExportError
from graphbuild.exporters.looks import colour_of, shape_of, sizing
from graphbuild.graph import NO_COLLECTION
from graphbuild.layout import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import networkx as nx

MAX_LABEL = 300  # characters
MAX_TEXT = 4_000  # characters of one attribute; addresses stay whole, or they would lead astray

_LIBRARY = "templates/lib/vis-9.1.2/vis-network.min.js"
_LIBRARY_SHA256 = "1f20f0736f32cb9bedf8f6383b25cfea2f839e1abe80d6e8040b4d5bea378c69"
_SCRIPTS = ("words.js", "model.js", "picture.js", "panel.js", "main.js")
_TYPE_ORDER = (COLLECTION, REFERENCE, FILE)
_NOWHERE = -1
_LARGEST_SAFE_INTEGER = 2**53 - 1  # larger ones lose digits in a browser
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
# Characters nobody sees that hide or turn others; the page's script shows them, a title drops them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def write_html(
    graph: nx.DiGraph[str],
    stream: BinaryIO,
    *,
    positions: Mapping[str, tuple[float, float]] | None = None,
    title: str = "Files, references and collections",
) -> None:
    """Write ``graph`` to ``stream`` as one self-contained page.

    Args:
        graph: keeps the contract of ``graphbuild.graph``; it is not changed.
        stream: an open binary file; UTF-8 is written to it.
        positions: where each node stands, y upwards; ``layout.place`` decides where None.
        title: the heading of the page.

    Raises:
        ExportError: pyvis's vis-network is missing or not the one this page was tested with.
    """
    library = _library()
    network = _campaign_network(library, _script(), _read("style.css"))
    network.heading = _plain(title)
    network.nodes = _nodes(graph, place(graph) if positions is None else positions)
    network.edges = _edges(graph)
    stream.write(network.generate_html().encode("utf-8"))


def _campaign_network(library: str, script: str, style: str) -> Any:  # noqa: ANN401  pyvis is untyped
    """A pyvis network that renders our page; pyvis is slow to import, so only now."""
    from jinja2 import DictLoader, Environment  # noqa: PLC0415  only for those who write a page
    from markupsafe import Markup  # noqa: PLC0415  the same
    from pyvis.network import Network  # noqa: PLC0415  the same, and it imports IPython

    class CampaignNetwork(Network):  # type: ignore[misc]  # pyvis is untyped
        """Nodes and edges as pyvis holds them, in a page that is ours."""

        def __init__(self) -> None:
            super().__init__(directed=True, cdn_resources="in_line")
            self.path = "page.html"
            self.templateEnv = Environment(
                loader=DictLoader({self.path: _read(self.path)}), autoescape=True
            )

        def generate_html(self, *_: object, **__: object) -> str:
            """The page. Only texts shipped with the package are exempt from escaping."""
            self.html = self.templateEnv.get_template(self.path).render(
                heading=self.heading,
                policy=_policy([library, script], style),
                data=Markup(_data(self.nodes, self.edges)),  # noqa: S704  has no <, > or &
                library=Markup(library),  # noqa: S704  ours
                script=Markup(script),  # noqa: S704  ours
                style=Markup(style),  # noqa: S704  ours
            )
            return str(self.html)

    return CampaignNetwork()


# --- what we ship


def _read(name: str) -> str:
    """A text of the page."""
    content = (files("graphbuild.exporters") / "page" / name).read_bytes()
    return _as_parsed(content.decode("utf-8"))


def _as_parsed(text: str) -> str:
    """The text as an HTML parser hands it on: the hashes are of that."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _script() -> str:
    """Our scripts as one, closed off from the page's global names."""
    return '(() => {\n"use strict";\n' + "\n".join(_read(name) for name in _SCRIPTS) + "})();\n"


def _library() -> str:
    """The vis-network inside pyvis, if it is the one we know."""
    try:
        content = (files("pyvis") / _LIBRARY).read_bytes()
    except (OSError, ModuleNotFoundError) as error:
        raise ExportError(f"pyvis has no {_LIBRARY}: install pyvis 0.3.2 again") from error
    if hashlib.sha256(content).hexdigest() != _LIBRARY_SHA256:
        raise ExportError(f"{_LIBRARY} of pyvis is not vis-network 9.1.2 as released: reinstall it")
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


# --- what the graph says


def _data(nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> str:
    """Everything the script reads, as JSON of plain ASCII without ``<``, ``>`` and ``&``."""
    types = sorted({node["type"] for node in nodes}, key=_type_order)
    relations = list(dict.fromkeys(edge["relation"] for edge in edges))
    document = {
        "types": [_type(name) for name in types],
        "relations": relations,
        "nodes": [{**node, "type": types.index(node["type"])} for node in nodes],
        "edges": [{**edge, "relation": relations.index(edge["relation"])} for edge in edges],
    }
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&]", lambda found: _UNSAFE[found.group()], text)


def _type(name: str) -> dict[str, Any]:
    """How a type looks; collections always show their names."""
    return {
        "name": name,
        "shape": shape_of(name),
        "colour": colour_of(name),
        "named": name == COLLECTION,
    }


def _type_order(name: str) -> tuple[int, str]:
    known = _TYPE_ORDER.index(name) if name in _TYPE_ORDER else len(_TYPE_ORDER)
    return known, name


def _nodes(
    graph: nx.DiGraph[str], positions: Mapping[str, tuple[float, float]]
) -> list[dict[str, Any]]:
    """Nodes by number: a number can be no markup and no name of the browser's."""
    size_of = sizing(graph)
    return [
        {
            "id": number,
            "key": node,
            **_told(graph.nodes[node]),
            "x": float(positions[node][0]),
            "y": 0.0 - float(positions[node][1]),  # browsers count downwards
            "size": size_of(graph.degree[node]),
            "links": graph.degree[node],
        }
        for number, node in enumerate(graph)
    ]


def _told(known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": str(known["type"]),
        "label": _cut(str(known["label"]), MAX_LABEL),
        "attributes": _attributes(known),
    }


def _edges(graph: nx.DiGraph[str]) -> list[dict[str, Any]]:
    number = {node: index for index, node in enumerate(graph)}
    return [
        {
            "id": index,
            "from": number[source],
            "to": number[target],
            "relation": str(known.get("relation", "")),
            "weight": _scalar(known.get("weight")),
            **_via(known.get("related_from"), number),
        }
        for index, (source, target, known) in enumerate(graph.edges(data=True))
    ]


def _via(related_from: object, number: Mapping[str, int]) -> dict[str, list[int | str]]:
    """The collections behind an edge by number; by key where a view has left them out."""
    if not isinstance(related_from, (tuple, list, AbstractSet)):
        return {}
    keys = sorted(str(key) for key in related_from)
    return {"via": [_NOWHERE if key == NO_COLLECTION else number.get(key, key) for key in keys]}


def _attributes(known: Mapping[str, Any]) -> dict[str, Any]:
    """What the panel lists, the well-known first; type and label stand elsewhere."""
    first = ("id", "title", "name", "url", "author", "creation_date")
    names = [name for name in first if name in known]
    names += sorted(str(name) for name in known if name not in {*first, "type", "label"})
    return {
        name: str(known[name]) if name == "url" else _scalar(known[name])
        for name in names
        if known.get(name) is not None
    }


def _scalar(value: object) -> str | float | bool | None:
    """The value as JSON can carry it and a browser can read it; anything else as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST_SAFE_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return _cut(str(value), MAX_TEXT)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _plain(title: str) -> str:
    """A heading on one line, without characters that nobody sees."""
    return _cut(_UNSEEN.sub(" ", title).strip(), MAX_LABEL) or "graphbuild"
