"""graphbuild: find the public references and collections that connect a set of files.

Crawl::

    import graphbuild as gb

    with gb.Store.open("emotet.db") as store, gb.Client.from_env() as client:
        store.add_seeds(gb.read_seeds("seeds.txt"))
        for event in gb.Crawl(client, store):  # stop at any time; run again to continue
            print(event)

Analyze::

    with gb.open("emotet.db") as campaign:
        graph = campaign.graph()  # a networkx.DiGraph
        clusters = campaign.clusters()  # a pandas.DataFrame with one row per file
        gb.export(graph, "output/emotet.graphml")  # Gephi
        gb.export(graph, "output/emotet.html")  # any browser

Public names are imported when they are first used, which keeps ``import graphbuild`` fast.
"""

from __future__ import annotations

TYPE_CHECKING = False  # True for type checkers; an import from ``typing`` would be slow

if TYPE_CHECKING:
    from graphbuild.analysis import find_clusters as find_clusters
    from graphbuild.api.auth import ApiKey as ApiKey
    from graphbuild.api.auth import find_api_key as find_api_key
    from graphbuild.api.client import Client as Client
    from graphbuild.api.parser import parse_page as parse_page
    from graphbuild.campaign import Campaign as Campaign
    from graphbuild.campaign import build_graph as build_graph
    from graphbuild.campaign import demo as demo
    from graphbuild.campaign import draw as draw
    from graphbuild.campaign import export as export
    from graphbuild.campaign import open as open  # noqa: A004  used as gb.open
    from graphbuild.campaign import show as show
    from graphbuild.campaign import to_pyvis as to_pyvis
    from graphbuild.crawler import Crawl as Crawl
    from graphbuild.crawler import CrawlEvent as CrawlEvent
    from graphbuild.errors import ApiError as ApiError
    from graphbuild.errors import CrawlPaused as CrawlPaused
    from graphbuild.errors import ExportError as ExportError
    from graphbuild.errors import GraphbuildError as GraphbuildError
    from graphbuild.errors import PayloadError as PayloadError
    from graphbuild.errors import SeedError as SeedError
    from graphbuild.errors import StoreError as StoreError
    from graphbuild.exporters import export_all as export_all
    from graphbuild.graph.builder import extract_observations as extract_observations
    from graphbuild.graph.flatten import flatten as flatten
    from graphbuild.graph.layout import compute_layout as compute_layout
    from graphbuild.models import Entity as Entity
    from graphbuild.models import Observation as Observation
    from graphbuild.models import Page as Page
    from graphbuild.models import Seed as Seed
    from graphbuild.seeds import parse_seeds as parse_seeds
    from graphbuild.seeds import read_seeds as read_seeds
    from graphbuild.store import Store as Store
    from graphbuild.store.importer import import_responses as import_responses
    from graphbuild.store.importer import read_responses as read_responses

__version__ = "1.0.0rc1"

_MODULES = {
    "analysis": ("find_clusters",),
    "api.auth": ("ApiKey", "find_api_key"),
    "api.client": ("Client",),
    "api.parser": ("parse_page",),
    "campaign": ("Campaign", "build_graph", "demo", "draw", "export", "open", "show", "to_pyvis"),
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

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  type checkers read the imports above


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
