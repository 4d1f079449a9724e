"""graphbuild: find the public references and collections that connect a set of files.

Crawl::

    import graphbuild as gb

    with gb.Store.open("emotet.db") as store, gb.Client.from_env() as client:
        store.add_seeds(gb.read_seeds("seeds.txt"))
        for event in gb.Crawl(client, store):  # may be stopped and continued later
            print(event)

Analyze::

    with gb.open("emotet.db") as campaign:
        graph = campaign.graph()  # networkx
        files = campaign.clusters()  # pandas
        gb.export(graph, "output/emotet.graphml")  # Gephi
        gb.export(graph, "output/emotet.html")  # any browser

Public names are imported on first use, so that ``import graphbuild`` is fast.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers assume True; importing typing would take longer than the rest

if TYPE_CHECKING:
    from graphbuild.analysis import find_clusters
    from graphbuild.api.auth import ApiKey, find_api_key
    from graphbuild.api.client import Client
    from graphbuild.api.parser import parse_page
    from graphbuild.campaign import (
        Campaign,
        build_graph,
        draw,
        export,
        open,  # noqa: A004  gb.open reads as the builtin does
        show,
    )
    from graphbuild.crawler import Crawl, CrawlEvent
    from graphbuild.errors import (
        ApiError,
        CrawlPaused,
        ExportError,
        GraphbuildError,
        PayloadError,
        SeedError,
        StoreError,
    )
    from graphbuild.exporters import export_all
    from graphbuild.graph.builder import extract_observations
    from graphbuild.graph.flatten import flatten
    from graphbuild.graph.layout import compute_layout
    from graphbuild.models import Entity, Observation, Page, Seed
    from graphbuild.seeds import parse_seeds, read_seeds
    from graphbuild.store import Store
    from graphbuild.store.importer import import_responses, read_responses

__version__ = "0.1.0"

_MODULES = {
    "analysis": ("find_clusters",),
    "api.auth": ("ApiKey", "find_api_key"),
    "api.client": ("Client",),
    "api.parser": ("parse_page",),
    "campaign": ("Campaign", "build_graph", "draw", "export", "open", "show"),
    "crawler": ("Crawl", "CrawlEvent"),
    "errors": (
        "ApiError",
        "ExportError",
        "GraphbuildError",
        "CrawlPaused",
        "PayloadError",
        "SeedError",
        "StoreError",
    ),
    "exporters": ("export_all",),
    "graph.builder": ("extract_observations",),
    "graph.flatten": ("flatten",),
    "graph.layout": ("compute_layout",),
    "models": ("Entity", "Observation", "Page", "Seed"),
    "seeds": ("parse_seeds", "read_seeds"),
    "store": ("Store",),
    "store.importer": ("import_responses", "read_responses"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ApiError",
    "ApiKey",
    "Campaign",
    "Client",
    "Crawl",
    "CrawlEvent",
    "CrawlPaused",
    "Entity",
    "ExportError",
    "GraphbuildError",
    "Observation",
    "Page",
    "PayloadError",
    "Seed",
    "SeedError",
    "Store",
    "StoreError",
    "build_graph",
    "compute_layout",
    "draw",
    "export",
    "export_all",
    "extract_observations",
    "find_api_key",
    "find_clusters",
    "flatten",
    "import_responses",
    "open",
    "parse_page",
    "parse_seeds",
    "read_responses",
    "read_seeds",
    "show",
]


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  needed only here

    value: object = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
