"""The campaign file as a person has it in hand: with its tables for pandas.

A table is made of the graph, and the room of the file knows nothing of graphs: it keeps what was
observed. So the tables are added here, above both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild import store

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd


class Store(store.Store):
    """A campaign file, opened. Use :meth:`open` to write, :meth:`read` to look.

    Its frames have the columns and types of the Parquet files that ``export --to parquet`` writes:
    few words are categories, times are in UTC, whole numbers stay so where some are missing.
    """

    def nodes_frame(self, *, times: bool = False) -> pd.DataFrame:
        """The nodes of the graph: files, references, collections, and what is known of them.

        Args:
            times: also when each subject was asked about last.

        Raises:
            StoreError: the file is damaged.
        """
        from graphbuild.exporters import csv_tables  # noqa: PLC0415  loads networkx

        return csv_tables.nodes_frame(self._graph(times=times))

    def edges_frame(self, *, times: bool = False) -> pd.DataFrame:
        """The edges of the graph, and what stands behind each.

        Args:
            times: also when each was seen first and last.

        Raises:
            StoreError: the file is damaged.
        """
        from graphbuild.exporters import csv_tables  # noqa: PLC0415  the same

        return csv_tables.edges_frame(self._graph(times=times))

    def observations_frame(self) -> pd.DataFrame:
        """The observations: subject, reference, and the collection behind it, if any.

        Raises:
            StoreError: the file is damaged.
        """
        from graphbuild.exporters import csv_tables  # noqa: PLC0415  the same

        return csv_tables.observations_frame(self._graph(times=False))

    def _graph(self, *, times: bool) -> nx.DiGraph[str]:
        from graphbuild.graph.builder import build_graph  # noqa: PLC0415  the same

        with self.snapshot():
            return build_graph(
                self.observations(),
                subjects=self.subjects(times=times),
                links=self.links(),
                times=times,
            )
