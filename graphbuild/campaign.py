"""The API for analysts: get a graph, tables, clusters and images from a campaign file.

This module also contains the public functions that take a graph: :func:`export`, :func:`show` and
:func:`draw`. Instead of a graph, they also accept a campaign, given as the path of its file, as a
:class:`Campaign` or as a :class:`~graphbuild.store.Store`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from graphbuild.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    import networkx as nx
    import pandas as pd
    from matplotlib.figure import Figure

    from graphbuild.exporters.notebook import PageFrame
    from graphbuild.models import Entity, Link, Observation
    from graphbuild.store import Totals

    Graph: TypeAlias = nx.DiGraph[str]
    Positions: TypeAlias = Mapping[str, tuple[float, float]]
    CampaignSource: TypeAlias = "Campaign | Store | Path | str"
    GraphSource: TypeAlias = "Graph | CampaignSource"


class Campaign:
    """A campaign file that :func:`open` opened for reading.

    Use it as a context manager, or call :meth:`close`. Each query reads the file again, so the
    result includes what a crawl in another process has stored in the meantime.

    Attributes:
        store: The open store, for access to pages and observations.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        totals = self.status()
        return (
            f"<Campaign {str(self.store.path)!r}: {totals.subjects:,} subjects"
            f" ({totals.complete:,} complete), {totals.references:,} references,"
            f" {totals.collections:,} collections, {totals.observations:,} observations>"
        )

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def status(self) -> Totals:
        """Return counts: subjects in each state, references, observations, calls and others."""
        return self.store.totals()

    def graph(self, *, view: str = "full", timestamps: bool = False) -> Graph:
        """Return the graph file → reference → collection.

        Args:
            view: ``full``, ``folded``, ``backbone``, ``files`` or ``collections``; see
                :mod:`graphbuild.graph.views`.
            timestamps: Whether to add times of responses: ``first_seen`` and ``last_seen`` of edges
                from subjects to references, and ``crawl_fetched_at`` of subjects.

        Raises:
            StoreError: The file is damaged.
            ValueError: There is no such view.
        """
        from graphbuild.graph.builder import build_graph  # noqa: PLC0415  loads networkx
        from graphbuild.graph.views import view as view_of  # noqa: PLC0415  loads networkx

        with self.store.snapshot():
            graph = build_graph(
                self.store.observations(),
                subjects=self.store.subjects(times=timestamps),
                links=self.store.links(),
                timestamps=timestamps,
            )
        return view_of(graph, view)

    def nodes(self, *, timestamps: bool = False) -> pd.DataFrame:
        """Return one row per node, with the columns of ``nodes.parquet``.

        ``crawl_fetched_at`` is empty unless ``timestamps`` is True.
        """
        from graphbuild.exporters import dataframes  # noqa: PLC0415  loads networkx

        return dataframes.nodes_frame(self.graph(timestamps=timestamps))

    def edges(self, *, timestamps: bool = False) -> pd.DataFrame:
        """Return one row per edge, with the columns of ``edges.parquet``.

        ``first_seen`` and ``last_seen`` are empty unless ``timestamps`` is True.
        """
        from graphbuild.exporters import dataframes  # noqa: PLC0415  loads networkx

        return dataframes.edges_frame(self.graph(timestamps=timestamps))

    def observations(self) -> pd.DataFrame:
        """Return one row per observation, with the columns of ``observations.parquet``."""
        from graphbuild.exporters import dataframes  # noqa: PLC0415  loads networkx

        return dataframes.observations_frame(self.graph())

    def clusters(self, *, seed: int = 0) -> pd.DataFrame:
        """Return the cluster of each file, as ``graphbuild communities`` computes it.

        The columns are ``file`` (node key), ``cluster`` (1 is the largest), ``cluster_name`` and
        ``stability``. ``seed`` is the seed of the random number generator.

        Raises:
            MissingLibraryError: A library of the extra ``analysis`` is not installed.
        """
        from graphbuild.analysis import find_clusters  # noqa: PLC0415  loads numpy

        return find_clusters(self.store, seed=seed).to_frame()

    def export(self, path: str | Path, formats: Iterable[str] | None = None) -> list[Path]:
        """Write the graph to a file, or into a folder in several formats; return the paths.

        Args:
            path: A file, whose suffix selects the format. A path without a suffix is a folder; it
                is created if it is missing.
            formats: Format names as in ``graphbuild export --to``; ``path`` is then a folder. The
                default for folders is GraphML, HTML and CSV.

        Raises:
            ExportError: A format is unknown, or a file cannot be written.
        """
        from graphbuild.exporters import export_all  # noqa: PLC0415  loads networkx
        from graphbuild.exporters.formats import DEFAULT_FORMATS  # noqa: PLC0415  needed only here

        path = Path(path)
        if formats is None and path.suffix and not path.is_dir():
            return [export(self, path)]
        files = export_all(self.graph(), path, formats or DEFAULT_FORMATS)
        return [each.path for each in files]

    def show(self, *, height: int = 600) -> PageFrame:
        """Return the interactive page for display in a notebook; see :func:`show`."""
        return show(self, height=height)

    def draw(self) -> Figure:
        """Return the graph as a matplotlib figure; see :func:`draw`."""
        return draw(self)


def open(path: str | Path) -> Campaign:  # noqa: A001  gb.open reads as the builtin does
    """Open a campaign file for reading.

    Raises:
        StoreError: The file does not exist, or it is not a campaign file.

    Warns:
        UserWarning: The file is an incomplete copy.
    """
    store = Store.read(path)
    if store.missing_data:
        warnings.warn(f"{path}: {store.missing_data}", stacklevel=2)
    return Campaign(store)


def build_graph(
    source: Iterable[Observation] | CampaignSource,
    *,
    subjects: Iterable[Entity] = (),
    links: Iterable[Link] = (),
    timestamps: bool = False,
) -> Graph:
    """Return the graph file → reference → collection.

    Args:
        source: Observations, in the order in which nodes are added; or a campaign, given as its
            path, a :class:`Campaign` or a Store.
        subjects: Entities to include even without observations; not used for a campaign.
        links: Related files and references found with ``--depth``; not used for a campaign.
        timestamps: As for :meth:`Campaign.graph`.

    Raises:
        TypeError: ``source`` is neither observations nor a campaign.
    """
    from graphbuild.graph import builder  # noqa: PLC0415  loads networkx

    if isinstance(source, str) or not isinstance(source, Iterable):
        return _read_graph(source, timestamps=timestamps)
    return builder.build_graph(
        _check_observations(source), subjects=subjects, links=links, timestamps=timestamps
    )


def export(source: GraphSource, path: str | Path, *, positions: Positions | None = None) -> Path:
    """Write a graph to ``path``, in the format that its suffix selects.

    Args:
        source: A graph of :func:`build_graph` or a view of one; or a campaign, given as its path,
            a :class:`Campaign` or a Store.
        path: The file, such as ``graph.graphml``; docs/formats.md lists the suffixes.
        positions: Position of each node, y upwards. If None, the layout is computed.

    Raises:
        ExportError: The suffix is unknown, the graph is invalid, or the file cannot be written.
    """
    from graphbuild import exporters  # noqa: PLC0415  loads networkx

    return exporters.export(_to_graph(source), path, positions=positions)


def show(
    source: GraphSource, *, positions: Positions | None = None, height: int = 600
) -> PageFrame:
    """Return the interactive page. Jupyter displays it if it is the last value of a cell.

    For ``source`` and ``positions``, see :func:`export`. ``height`` is in pixels.
    """
    from graphbuild.exporters import notebook  # noqa: PLC0415  loads a template engine

    return notebook.show(_to_graph(source), positions=positions, height=height)


def draw(
    source: GraphSource,
    *,
    positions: Positions | None = None,
    width: float = 9.5,
    max_labels: int = 40,
) -> Figure:
    """Return a graph as a matplotlib figure; ``width`` is in inches.

    ``source`` and ``positions`` are those of :func:`export`. The collections with the most edges,
    at most ``max_labels``, have a label.

    Raises:
        ImportError: Matplotlib is not installed.
    """
    from graphbuild.exporters import static_image  # noqa: PLC0415  loads numpy

    return static_image.draw(
        _to_graph(source), positions=positions, width=width, max_labels=max_labels
    )


def _to_graph(source: object) -> Graph:
    """Return ``source`` itself if it is a graph, otherwise the graph of the campaign."""
    import networkx as nx  # noqa: PLC0415  loads slowly

    if isinstance(source, nx.Graph):
        return cast("Graph", source)  # the exporters check it
    return _read_graph(source, timestamps=False)


def _read_graph(source: object, *, timestamps: bool) -> Graph:
    if isinstance(source, str | Path):
        with open(source) as campaign:
            return campaign.graph(timestamps=timestamps)
    if isinstance(source, Store):
        source = Campaign(source)
    if isinstance(source, Campaign):
        return source.graph(timestamps=timestamps)
    raise TypeError(
        f"expected a graph, a campaign or the path of a campaign file, not {type(source).__name__};"
        " graphbuild.open(path) opens a campaign file, graphbuild.build_graph(observations) makes a"
        " graph"
    )


def _check_observations(source: Iterable[Observation]) -> Iterator[Observation]:
    from graphbuild.models import Observation  # noqa: PLC0415  needed only here

    for each in source:
        if not isinstance(each, Observation):
            raise TypeError(
                f"expected observations, not {type(each).__name__}; graphbuild.build_graph takes"
                " store.observations(), or the path of a campaign file"
            )
        yield each
