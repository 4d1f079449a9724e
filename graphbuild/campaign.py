"""The Python interface for analysts: get graphs, tables and images from a campaign file.

The module has more than 400 lines because it contains all functions of this interface, with the
documentation that ``help()`` shows.

:func:`export`, :func:`show` and :func:`draw` take either a graph or a campaign. To these functions,
a campaign is the path of a campaign file, a :class:`Campaign` or a
:class:`~graphbuild.store.Store`.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable
from datetime import UTC
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from graphbuild.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Self

    import pandas as pd
    from matplotlib.figure import Figure
    from pyvis.network import Network

    from graphbuild.emulator import World
    from graphbuild.exporters.page_frame import PageFrame
    from graphbuild.exporters.widget import GraphWidget
    from graphbuild.graph.builder import Graph
    from graphbuild.graph.style import Positions
    from graphbuild.models import Entity, Link, Observation
    from graphbuild.store import Totals

    CampaignSource: TypeAlias = "Campaign | Store | Path | str"
    GraphSource: TypeAlias = "Graph | CampaignSource"


class Campaign:
    """An open campaign file, as returned by :func:`open`.

    Use the campaign as a context manager, or call :meth:`close`. Results are not cached: each
    method reads the file again, and includes pages that a running crawl has stored meanwhile.

    Attributes:
        store: The store of the file, which gives access to single pages and observations.
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
            f"<Campaign {str(self.store.path)!r}: {totals.describe_subjects()}"
            f" ({totals.complete:,} complete), {totals.references:,} references,"
            f" {totals.collections:,} collections, {totals.observations:,} observations>"
        )

    def close(self) -> None:
        """Close the campaign file."""
        self.store.close()

    def status(self) -> Totals:
        """Return the numbers of subjects, references, calls and so on, and of lists by state."""
        return self.store.totals()

    def graph(self, *, view: str = "full", timestamps: bool = False) -> Graph:
        """Return the graph of the campaign, or a view derived from it.

        Nodes that belong to a cluster have the attributes ``cluster`` and ``cluster_name``.

        Args:
            view: ``full``, ``folded``, ``backbone``, ``files``, ``collections`` or
                ``files-collections``; see :mod:`graphbuild.graph.views`.
            timestamps: Whether to add the times of responses (UTC, ISO 8601): ``first_seen`` and
                ``last_seen`` to edges from subjects to references, and ``crawl_fetched_at`` to
                subjects of which ``related_references`` were requested.

        Raises:
            StoreError: The campaign file is damaged.
            ValueError: No view has the name ``view``.
        """
        from graphbuild.analysis.campaign_clusters import read_graph  # noqa: PLC0415  loads scipy
        from graphbuild.graph.views import view as view_of  # noqa: PLC0415  loads networkx

        return view_of(read_graph(self.store, timestamps=timestamps), view)

    def nodes(self, *, timestamps: bool = False) -> pd.DataFrame:
        """Return a DataFrame with one row per node and the columns of ``nodes.parquet``.

        The column ``crawl_fetched_at`` is empty unless ``timestamps`` is True.
        """
        from graphbuild.exporters import dataframes  # noqa: PLC0415  loads networkx

        return dataframes.nodes_frame(self.graph(timestamps=timestamps))

    def edges(self, *, timestamps: bool = False) -> pd.DataFrame:
        """Return a DataFrame with one row per edge and the columns of ``edges.parquet``.

        The columns ``first_seen`` and ``last_seen`` are empty unless ``timestamps`` is True.
        """
        from graphbuild.exporters import dataframes  # noqa: PLC0415  loads networkx

        return dataframes.edges_frame(self.graph(timestamps=timestamps))

    def observations(self) -> pd.DataFrame:
        """Return all observations in a DataFrame with the columns of ``observations.parquet``.

        The DataFrame contains no direct references.
        """
        from graphbuild.exporters import dataframes  # noqa: PLC0415  loads networkx

        return dataframes.observations_frame(self.graph())

    def clusters(self, *, seed: int = 0) -> pd.DataFrame:
        """Return the cluster of each subject with references, as in ``graphbuild communities``.

        The DataFrame has one row per subject. The columns are ``file`` (node key of the subject),
        ``cluster`` (number; 1 is the largest cluster), ``cluster_name``, ``stability`` (of the
        cluster, 0 to 1), ``subcluster`` (label), ``doubtful`` (whether the subject is nearly as
        similar to another cluster), ``other_cluster`` (number), and of the cluster ``sources`` and
        ``breaking_point``, which are empty without the extra ``analysis``.

        Args:
            seed: Seed of the random number generator.
        """
        from graphbuild.analysis import campaign_clusters  # noqa: PLC0415  loads numpy

        return campaign_clusters.find_with_strengths(self.store, seed=seed).to_frame()

    def structural_changes(self, since: datetime, *, min_files: int = 3) -> pd.DataFrame:
        """Return the structural changes since a time, as ``graphbuild watch`` reports them.

        The DataFrame has one row per change. The columns are ``kind`` (such as
        ``clusters_merged``), ``text`` (one line), ``entities`` (node keys), ``before`` and
        ``after`` (numbers of clusters). Several keys or numbers are separated by spaces. The
        entities are the moved or known subject, the collection, or the references that tie
        clusters.

        Args:
            since: The time of the earlier state; in UTC if it has no time zone.
            min_files: How many subjects a collection must contain to be a change.

        Raises:
            StoreError: The campaign file is damaged.
        """
        from graphbuild import analysis  # noqa: PLC0415  loads scipy
        from graphbuild.analysis.campaign_changes import changes_frame  # noqa: PLC0415  loads scipy

        time = (since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp()
        with self.store.snapshot():
            before, after = (analysis.read_state(self.store, at) for at in (time, inf))
        found = analysis.find_structural_changes(before, after, min_files=min_files)
        return changes_frame(found)

    def export(
        self,
        path: str | Path,
        formats: Iterable[str] | None = None,
        *,
        places: str | Path | None = None,
    ) -> list[Path]:
        """Write the graph to one file, or to a folder in several formats; return the paths.

        Args:
            path: A file, whose suffix selects the format, or a folder. A path without a suffix is a
                folder. A folder is created if it does not exist.
            formats: Format names as in ``graphbuild export --to``; ``path`` is then a folder. By
                default, GraphML, HTML and CSV are written into a folder.
            places: A file whose nodes keep their places; see :func:`export`.

        Raises:
            ExportError: A format is unknown or needs a library that is not installed, or a file
                cannot be read or written.
        """
        from graphbuild.exporters import export_all  # noqa: PLC0415  loads networkx
        from graphbuild.exporters.formats import DEFAULT_FORMATS  # noqa: PLC0415  needed only here

        path = Path(path)
        if formats is None and path.suffix and not path.is_dir():
            return [export(self, path, places=places)]
        graph, positions = _place(self.graph(), None, places)
        files = export_all(
            graph,
            path,
            formats or DEFAULT_FORMATS,
            positions=positions,
            campaign=self.store.path.stem,
        )
        return [each.path for each in files]

    def show(self, *, height: int = 600, static: bool = False) -> GraphWidget | PageFrame:
        """Return the HTML page of the graph, for display in a notebook; see :func:`show`."""
        return show(self, height=height, static=static)

    def draw(self) -> Figure:
        """Return the graph as a matplotlib figure; see :func:`draw`."""
        return draw(self)


def open(path: str | Path) -> Campaign:  # noqa: A001  used as gb.open
    """Open a campaign file for reading.

    Raises:
        StoreError: The file does not exist, is not a campaign file, was written by a newer version
            of graphbuild, or cannot be read.

    Warns:
        UserWarning: The file is an incomplete copy: it was made during a crawl, without the
            write-ahead log.
    """
    store = Store.read(path)
    if store.missing_data:
        warnings.warn(f"{path}: {store.missing_data}", stacklevel=2)
    return Campaign(store)


def demo(world: World | None = None) -> Campaign:
    """Crawl made-up campaigns without an API key, and return the campaign.

    During the crawl, an emulator of the API runs on this machine. The campaign file is temporary:
    it is deleted when the returned object is no longer used, or when Python ends.

    Args:
        world: The data to crawl, such as ``graphbuild.emulator.generate_world(seed=2)``. By
            default, this is the data of the command ``graphbuild demo``.
    """
    from graphbuild.crawler.demo import crawl_world, demo_world  # noqa: PLC0415  loads the client

    folder = TemporaryDirectory(prefix="graphbuild-demo-", ignore_cleanup_errors=True)
    path = Path(folder.name) / "campaign.db"
    crawl_world(world or demo_world(), path)
    campaign = open(path)
    weakref.finalize(campaign, folder.cleanup)
    return campaign


def build_graph(
    source: Iterable[Observation] | CampaignSource,
    *,
    subjects: Iterable[Entity] = (),
    links: Iterable[Link] = (),
    timestamps: bool = False,
) -> Graph:
    """Return the graph of observations or of a campaign.

    Nodes are added in the order of ``subjects``, then of the observations, then of ``links``. Nodes
    that belong to a cluster have the attributes ``cluster`` and ``cluster_name``.

    Args:
        source: Observations, or the path of a campaign file, a :class:`Campaign` or a Store.
        subjects: Entities to add even if they have no observations. If ``source`` is a campaign,
            this argument is ignored, and the subjects of the campaign are added.
        links: Links that a crawl with ``--depth`` found. If ``source`` is a campaign, this argument
            is ignored, and the links of the campaign are added.
        timestamps: Whether to add the times of responses; see :meth:`Campaign.graph`.

    Raises:
        StoreError: The campaign file cannot be read.
        TypeError: ``source`` is neither observations nor a campaign.
    """
    from graphbuild.analysis.campaign_clusters import add_found_clusters  # noqa: PLC0415  loads scipy
    from graphbuild.graph import builder  # noqa: PLC0415  loads networkx

    if isinstance(source, str) or not isinstance(source, Iterable):
        return _read_graph(source, "observations", timestamps=timestamps)
    graph = builder.build_graph(
        _check_observations(source), subjects=subjects, links=links, timestamps=timestamps
    )
    add_found_clusters(graph)
    return graph


def export(
    source: GraphSource,
    path: str | Path,
    *,
    positions: Positions | None = None,
    places: str | Path | None = None,
) -> Path:
    """Write a graph to ``path`` in the format that the suffix of ``path`` selects; return the path.

    Args:
        source: A graph that :func:`build_graph` returned, a view of such a graph, the path of a
            campaign file, a :class:`Campaign` or a Store.
        path: The file, such as ``graph.graphml``; docs/formats.md lists the suffixes.
        positions: A mapping from each node key to the position (x, y) of the node. The y coordinate
            grows upwards. In the same unit, nodes have radii of 6 to 30. If ``positions`` is None,
            the layout is computed for formats that contain positions.
        places: An earlier page, GraphML or GEXF file, or a JSON file that the page saved. Its nodes
            keep their places, labels and notes, and new nodes are placed near their neighbors.

    Raises:
        ExportError: The suffix is unknown, or a library that the format needs is not installed. The
            graph or a position is invalid, or the format cannot represent the graph. The file
            cannot be written, or ``places`` cannot be read.
        StoreError: The campaign file cannot be read.
        ValueError: Both ``positions`` and ``places`` are given.
    """
    from graphbuild import exporters  # noqa: PLC0415  loads networkx

    graph, positions = _place(_to_graph(source), positions, places)
    return exporters.export(graph, path, positions=positions)


def show(
    source: GraphSource,
    *,
    positions: Positions | None = None,
    height: int = 600,
    static: bool = False,
) -> GraphWidget | PageFrame:
    """Return the HTML page of a graph; a call in the last line of a notebook cell displays it.

    If anywidget is installed (extra ``notebook``), the result is a widget: its attribute
    ``selection`` follows the clicks on the page, and its methods ``select`` and ``focus`` select
    nodes on the page; see :class:`~graphbuild.exporters.widget.GraphWidget`. Jupyter displays a
    widget only as long as the kernel runs that made it.

    Args:
        source: A graph or a campaign, as for :func:`export`.
        positions: The position of each node, as for :func:`export`.
        height: Height of the frame that contains the page, in pixels.
        static: Whether to return the page without a connection to Python. A saved notebook then
            displays the page without a kernel, too.
    """
    from graphbuild.exporters import notebook  # noqa: PLC0415  loads a template engine

    graph = _to_graph(source)
    return notebook.show(graph, positions=positions, height=height, static=static)


def to_pyvis(
    source: GraphSource,
    *,
    positions: Positions | None = None,
    **options: Any,  # noqa: ANN401  those of pyvis
) -> Network:
    """Return a graph as a ``pyvis.network.Network``, for scripts that continue with pyvis.

    The network has the colors and shapes of the HTML page, and the positions and sizes of GraphML
    files. Titles are texts, and the force simulation is off. The id of a node is its key, in which
    markup characters, if there are any, are percent-encoded. Unlike the HTML page, the pages that
    pyvis writes load files from other hosts.

    Args:
        source: A graph or a campaign, as for :func:`export`.
        positions: The position of each node, as for :func:`export`.
        options: Arguments of ``pyvis.network.Network``, such as ``height`` or ``notebook``. The
            defaults of ``directed`` and ``cdn_resources`` are True and ``in_line``.
    """
    from graphbuild.exporters import pyvis  # noqa: PLC0415  loads networkx

    return pyvis.to_pyvis(_to_graph(source), positions=positions, **options)


def draw(
    source: GraphSource,
    *,
    positions: Positions | None = None,
    width: float = 9.5,
    max_labels: int = 40,
) -> Figure:
    """Return a graph as a matplotlib figure.

    Args:
        source: A graph or a campaign, as for :func:`export`.
        positions: The position of each node, as for :func:`export`.
        width: Width of the figure in inches.
        max_labels: Maximum number of labels. Only collections get a label, those with the most
            edges first.

    Raises:
        MissingLibraryError: Matplotlib is not installed.
    """
    from graphbuild.exporters import static_image  # noqa: PLC0415  loads numpy

    return static_image.draw(
        _to_graph(source), positions=positions, width=width, max_labels=max_labels
    )


def _place(
    graph: Graph, positions: Positions | None, places: str | Path | None
) -> tuple[Graph, Positions | None]:
    """Return ``graph`` and its positions, those in the file ``places`` if it is given."""
    if places is None:
        return graph, positions
    if positions is not None:
        raise ValueError("positions and places cannot be given together")
    from graphbuild.exporters.places import apply_places, read_places  # noqa: PLC0415  slow import

    return apply_places(graph, read_places(places))


def _to_graph(source: object) -> Graph:
    """Return ``source`` if it is a graph, otherwise the graph of the campaign ``source``.

    A graph without clusters is replaced by a copy with clusters.
    """
    import networkx as nx  # noqa: PLC0415  slow to import

    if isinstance(source, nx.Graph):
        from graphbuild.analysis.campaign_clusters import with_clusters  # noqa: PLC0415  loads scipy

        return with_clusters(cast("Graph", source))
    return _read_graph(source, "a graph", timestamps=False)


def _read_graph(source: object, alternative: str, *, timestamps: bool) -> Graph:
    """Return the graph of the campaign ``source``.

    ``alternative`` is what the caller accepts in place of a campaign, for the error message.
    """
    if isinstance(source, str | Path):
        with open(source) as campaign:
            return campaign.graph(timestamps=timestamps)
    if isinstance(source, Store):
        source = Campaign(source)
    if isinstance(source, Campaign):
        return source.graph(timestamps=timestamps)
    raise TypeError(
        f"expected {alternative}, a campaign or the path of a campaign file, not"
        f" {type(source).__name__}; graphbuild.open(path) opens a campaign file,"
        " graphbuild.build_graph(observations) makes a graph"
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
