"""graphbuild: which public reports and which collections tie a set of files together.

::

    import graphbuild as gb

    with gb.Store.open("emotet.db") as store, gb.Client.from_env() as client:
        store.add_seeds(gb.read_seeds("seeds.txt"))
        for step in gb.Crawl(client, store):  # stop whenever; run again to go on
            print(step)
        graph = gb.build_graph(store.observations())

    gb.export(graph, "output/emotet.graphml")  # Gephi
    gb.export(graph, "output/emotet.html")  # any browser

Each name below is loaded when it is first used, so that ``import graphbuild`` costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers see it; typing itself takes longer than all of this

if TYPE_CHECKING:
    from graphbuild.answers import import_answers, read_answers
    from graphbuild.campaign import Store
    from graphbuild.client import Client
    from graphbuild.crawl import Crawl, Step
    from graphbuild.entities import Entity
    from graphbuild.errors import (
        ApiError,
        ExportError,
        GraphbuildError,
        Paused,
        PayloadError,
        SeedError,
        StoreError,
    )
    from graphbuild.exporters import export, export_all
    from graphbuild.graph import build_graph, observations_of
    from graphbuild.keys import Key, find_key
    from graphbuild.layout import place
    from graphbuild.notebook import show
    from graphbuild.observations import Observation, Page, parse_page
    from graphbuild.seeds import Seed, parse_seeds, read_seeds
    from graphbuild.still import picture

__version__ = "0.1.0"

_ROOMS = {
    "answers": ("import_answers", "read_answers"),
    "campaign": ("Store",),
    "client": ("Client",),
    "crawl": ("Crawl", "Step"),
    "entities": ("Entity",),
    "errors": (
        "ApiError",
        "ExportError",
        "GraphbuildError",
        "Paused",
        "PayloadError",
        "SeedError",
        "StoreError",
    ),
    "exporters": ("export", "export_all"),
    "graph": ("build_graph", "observations_of"),
    "keys": ("Key", "find_key"),
    "layout": ("place",),
    "notebook": ("show",),
    "observations": ("Observation", "Page", "parse_page"),
    "seeds": ("Seed", "parse_seeds", "read_seeds"),
    "still": ("picture",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "ApiError",
    "Client",
    "Crawl",
    "Entity",
    "ExportError",
    "GraphbuildError",
    "Key",
    "Observation",
    "Page",
    "Paused",
    "PayloadError",
    "Seed",
    "SeedError",
    "Step",
    "Store",
    "StoreError",
    "build_graph",
    "export",
    "export_all",
    "find_key",
    "import_answers",
    "observations_of",
    "parse_page",
    "parse_seeds",
    "picture",
    "place",
    "read_answers",
    "read_seeds",
    "show",
]


def __getattr__(name: str) -> object:
    """Load a public name from its room, once."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  the same

    value: object = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
