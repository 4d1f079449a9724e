"""graphbuild: which public reports and which collections tie a set of files together.

::

    import graphbuild as gb

    with gb.Store.open("emotet.db") as store, gb.Client.from_env() as client:
        store.add_seeds(gb.read_seeds("seeds.txt"))
        for event in gb.Crawl(client, store):  # to pause, stop; to resume, run it again
            print(event)
        graph = gb.build_graph(store.observations())

    gb.export(graph, "output/emotet.graphml")  # Gephi
    gb.export(graph, "output/emotet.html")  # any browser

Each name below is loaded when it is first used, so that ``import graphbuild`` costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers see it; typing itself takes longer than all of this

if TYPE_CHECKING:
    from graphbuild.api.auth import ApiKey, find_api_key
    from graphbuild.api.client import Client
    from graphbuild.api.parser import parse_page
    from graphbuild.campaign import Store
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
    from graphbuild.exporters import export, export_all
    from graphbuild.exporters.notebook import show
    from graphbuild.exporters.static_image import draw
    from graphbuild.graph.builder import build_graph, extract_observations
    from graphbuild.graph.layout import compute_layout
    from graphbuild.models import Entity, Observation, Page, Seed
    from graphbuild.seeds import parse_seeds, read_seeds
    from graphbuild.store.importer import import_answers, read_answers

__version__ = "0.1.0"

_MODULES = {
    "api.auth": ("ApiKey", "find_api_key"),
    "api.client": ("Client",),
    "api.parser": ("parse_page",),
    "campaign": ("Store",),
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
    "exporters": ("export", "export_all"),
    "exporters.notebook": ("show",),
    "exporters.static_image": ("draw",),
    "graph.builder": ("build_graph", "extract_observations"),
    "graph.layout": ("compute_layout",),
    "models": ("Entity", "Observation", "Page", "Seed"),
    "seeds": ("parse_seeds", "read_seeds"),
    "store.importer": ("import_answers", "read_answers"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ApiError",
    "ApiKey",
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
    "import_answers",
    "parse_page",
    "parse_seeds",
    "read_answers",
    "read_seeds",
    "show",
]


def __getattr__(name: str) -> object:
    """Load a public name from its room, once."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  the same

    value: object = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
