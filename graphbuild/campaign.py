"""Campaigns for analysts: a campaign file as graph, tables, clusters and pictures.

The functions of the public API that take a graph are here, too. They also accept a campaign file:
its path, a :class:`Campaign` or a :class:`~graphbuild.store.Store`.
"""

from __future__ import annotations

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
    """A campaign file, opened for reading by :func:`open`.

    Use it as a context manager, or call :meth:`close`. Each method reads the file anew, so a crawl
    in another process may add to it meanwhile.

    Attributes:
        store: the open file, for access to pages and observations.
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
        """Return the numbers of subjects by state, of references, collections and calls."""
        return self.store.totals()

    def graph(self, *, view: str = "full", timestamps: bool = False) -> Graph:
        """Return the graph file → reference → collection.

        Args:
            view: a part of it: ``full``, ``folded``, ``backbone``, ``files`` or ``collections``.
            timestamps: whether edges say when they were first and last in a response.

        Raises:
            StoreError: the file is damaged.
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
        """Return the nodes with their attributes, in the columns of ``nodes.parquet``.

        Args:
            timestamps: whether ``crawl_fetched_at`` is filled.
        """
        from graphbuild.exporters.dataframes import nodes_frame  # noqa: PLC0415  loads networkx

        return nodes_frame(self.graph(timestamps=timestamps))

    def edges(self, *, timestamps: bool = False) -> pd.DataFrame:
        """Return the edges with their attributes, in the columns of ``edges.parquet``.

        Args:
            timestamps: whether ``first_seen`` and ``last_seen`` are filled.
        """
        from graphbuild.exporters.dataframes import edges_frame  # noqa: PLC0415  loads networkx

        return edges_frame(self.graph(timestamps=timestamps))

    def observations(self) -> pd.DataFrame:
        """Return a row per (subject, reference, collection), as in ``observations.parquet``."""
        from graphbuild.exporters.dataframes import (  # noqa: PLC0415  loads networkx
            observations_frame,
        )

        return observations_frame(self.graph())

    def clusters(self, *, seed: int = 0) -> pd.DataFrame:
        """Return the cluster of each file, as ``graphbuild communities`` finds them.

        Args:
            seed: seed of the random number generator.

        Returns:
            A row per file: ``file`` (node key), ``cluster`` (1 is the largest), ``cluster_name``
            and ``stability``.

        Raises:
            MissingLibraryError: a library of the extra ``analysis`` is not installed.
        """
        from graphbuild.analysis import find_clusters  # noqa: PLC0415  loads numpy

        return find_clusters(self.store, seed=seed).to_frame()

    def export(self, path: str | Path, formats: Iterable[str] | None = None) -> list[Path]:
        """Write the graph to a file, or into a folder in several formats.

        Args:
            path: a file, whose suffix selects the format, or a folder, created if missing.
            formats: for a folder: names as in ``graphbuild export --to``; by default GraphML, HTML
                and CSV.

        Returns:
            The written files.

        Raises:
            ExportError: a format is unknown, or a file cannot be written.
        """
        from graphbuild.exporters import export_all  # noqa: PLC0415  loads networkx
        from graphbuild.exporters.registry import DEFAULT_FORMATS  # noqa: PLC0415  with the others

        path = Path(path)
        if formats is None and path.suffix and not path.is_dir():
            return [export(self, path)]
        files = export_all(self.graph(), path, formats or DEFAULT_FORMATS)
        return [each.path for each in files]

    def show(self, *, height: int = 600) -> PageFrame:
        """Return the interactive page for a notebook; see :func:`show`."""
        return show(self, height=height)

    def draw(self) -> Figure:
        """Return a still image of the graph; see :func:`draw`."""
        return draw(self)


def open(path: str | Path) -> Campaign:  # noqa: A001  gb.open reads as the builtin does
    """Open a campaign file for reading.

    Raises:
        StoreError: there is no such file, or it is not a campaign file.
    """
    return Campaign(Store.read(path))


def build_graph(
    source: Iterable[Observation] | CampaignSource,
    *,
    subjects: Iterable[Entity] = (),
    links: Iterable[Link] = (),
    timestamps: bool = False,
) -> Graph:
    """Return the graph file → reference → collection.

    Args:
        source: observations, in the order of the nodes; or a campaign: its path, a
            :class:`Campaign` or a Store, of which subjects and links are included.
        subjects: with observations: entities to include even without observations.
        links: with observations: files and references found with ``--depth``.
        timestamps: whether edges say when they were first and last in a response.

    Raises:
        TypeError: ``source`` is none of these.
    """
    from graphbuild.graph import builder  # noqa: PLC0415  loads networkx

    if isinstance(source, str | Path | Store | Campaign):
        return _read_graph(source, timestamps=timestamps)
    if not isinstance(source, Iterable):
        raise _wrong_source(source)
    return builder.build_graph(
        _check_observations(source), subjects=subjects, links=links, timestamps=timestamps
    )


def export(source: GraphSource, path: str | Path, *, positions: Positions | None = None) -> Path:
    """Write a graph to ``path``, in the format of its suffix.

    Args:
        source: a graph of :func:`build_graph`, a view of one, or a campaign (its path, a
            :class:`Campaign` or a Store).
        path: ends in ``.graphml``, ``.gexf``, ``.html``, ``.json`` or another suffix of
            docs/formats.md.
        positions: position of each node; computed if None.

    Raises:
        ExportError: the format is unknown, or the file cannot be written; an older file remains.
    """
    from graphbuild import exporters  # noqa: PLC0415  loads networkx

    return exporters.export(_to_graph(source), path, positions=positions)


def show(
    source: GraphSource, *, positions: Positions | None = None, height: int = 600
) -> PageFrame:
    """Return the interactive page, to be the last line of a notebook cell.

    Args:
        source: as for :func:`export`.
        positions: position of each node, y upwards; computed if None.
        height: height in pixels.
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
    """Return a still image of a graph as a matplotlib figure.

    Args:
        source: as for :func:`export`.
        positions: position of each node, y upwards; computed if None.
        width: width in inches.
        max_labels: maximum number of labeled collections, the largest first.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from graphbuild.exporters import static_image  # noqa: PLC0415  loads numpy

    return static_image.draw(
        _to_graph(source), positions=positions, width=width, max_labels=max_labels
    )


def _to_graph(source: object) -> Graph:
    """Return ``source`` if it is a graph, otherwise the graph of a campaign."""
    import networkx as nx  # noqa: PLC0415  loads slowly

    if isinstance(source, nx.Graph):
        return cast("Graph", source)  # the exporters check it
    if isinstance(source, str | Path | Store | Campaign):
        return _read_graph(source, timestamps=False)
    raise _wrong_source(source)


def _read_graph(source: CampaignSource, *, timestamps: bool) -> Graph:
    if isinstance(source, str | Path):
        with open(source) as campaign:
            return campaign.graph(timestamps=timestamps)
    campaign = Campaign(source) if isinstance(source, Store) else source
    return campaign.graph(timestamps=timestamps)


def _wrong_source(source: object) -> TypeError:
    return TypeError(
        f"expected a graph, a campaign or the path of a campaign file, not {type(source).__name__};"
        " graphbuild.open(path) opens a campaign file, graphbuild.build_graph(observations) makes a"
        " graph"
    )


def _check_observations(source: Iterable[Observation]) -> Iterator[Observation]:
    from graphbuild.models import Observation  # noqa: PLC0415  as all imports of functions here

    for each in source:
        if not isinstance(each, Observation):
            raise TypeError(
                f"expected observations, not {type(each).__name__}; graphbuild.build_graph takes"
                " store.observations(), or the path of a campaign file"
            )
        yield each
