"""``graphbuild dataset``: read a dataset with a query engine, and analyze it.

The commands print what the commands of the same name print for a campaign file.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from graphbuild._util import format_count, on_signal
from graphbuild.cli import options
from graphbuild.cli.centrality import print_centrality
from graphbuild.cli.communities import print_communities
from graphbuild.cli.console import notice, print_json, spinner
from graphbuild.cli.export import file_json, print_files, remove_unfinished_and_exit
from graphbuild.cli.overlap import DEFAULT_FDR, AllPairsOption, FdrOption, OfOption, print_overlaps
from graphbuild.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from graphbuild.analysis import Incidence
    from graphbuild.engines import Engine

HELP = "Analyze the folder of 'export --to dataset', even if it does not fit into memory."
EngineName = Literal["duckdb", "spark"]
MAX_OBSERVATIONS = 20_000_000
_MEMORY = re.compile(r"[1-9][0-9]{0,5}(MB|GB)")


def _parse_memory(text: str) -> str:
    size = text.strip().upper()
    if not _MEMORY.fullmatch(size):
        raise typer.BadParameter(
            f"{text[:20]!a} is no valid size; use a whole number of MB or GB, such as 500MB or 4GB"
        )
    return size


FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Dataset: the folder of 'export --to dataset'.")
]
CampaignOption = Annotated[
    list[str] | None,
    typer.Option(
        "--campaign",
        metavar="NAME",
        help="Campaign to read; repeat the option for several (default: all campaigns).",
    ),
]
EngineOption = Annotated[
    EngineName,
    typer.Option(
        "--engine", help="Query engine that reads the dataset; spark needs --master or --remote."
    ),
]
MasterOption = Annotated[
    str | None,
    typer.Option(
        "--master", metavar="URL", help="Spark cluster, such as spark://host:7077 or 'local[2]'."
    ),
]
RemoteOption = Annotated[
    str | None,
    typer.Option("--remote", metavar="URL", help="Spark Connect server, such as sc://host:15002."),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory-limit",
        parser=_parse_memory,
        metavar="SIZE",
        help="Memory of DuckDB, such as 500MB or 8GB (default: 4GB). Beyond it, DuckDB writes "
        "temporary files (into TMPDIR, if set).",
    ),
]
MaxObservationsOption = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Refuse to find clusters, pairs or centralities in more than N observations. The "
        "memory for an analysis also depends on how many files share something.",
    ),
]


def tables(
    folder: FolderArgument,
    out: options.OutOption = options.DEFAULT_OUT,
    campaign: CampaignOption = None,
    engine: EngineOption = "duckdb",
    master: MasterOption = None,
    remote: RemoteOption = None,
    memory_limit: MemoryOption = None,
    max_observations: MaxObservationsOption = MAX_OBSERVATIONS,
    *,
    clusters: Annotated[
        bool,
        typer.Option(
            "--clusters",
            help="If several campaigns are read, find the clusters of all of them together, as "
            "'dataset communities' does. Otherwise, the columns of clusters are empty.",
        ),
    ] = False,
    json: options.JsonOption = False,
) -> None:
    """Write the tables of nodes, edges and observations as Parquet files.

    The files have the columns and rows of those of 'export --to parquet', sorted by node key. If
    the dataset has several campaigns, their rows are united.
    """
    choice = _EngineChoice(engine, master, remote, memory_limit)
    with _open_engine(choice, folder, campaign) as opened:
        from graphbuild.analysis import find_clusters
        from graphbuild.engines import write_tables

        rows = format_count(opened.files.observations, "observation")
        notice(f"reading {rows} of {format_count(len(opened.files.campaigns), 'campaign')}")
        found = None
        if clusters and len(opened.files.campaigns) > 1:
            evidence = _read_evidence(opened, max_observations, merge=False)
            found = find_clusters(evidence.incidence).to_table()
        with spinner() as show_step:
            show_step("writing the tables")
            files = write_tables(opened, out, found)
    if json:
        print_json({"files": [file_json(each) for each in files]})
    else:
        print_files(files)


def overlap(
    folder: FolderArgument,
    of: OfOption = "files",
    fdr: FdrOption = DEFAULT_FDR,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    campaign: CampaignOption = None,
    engine: EngineOption = "duckdb",
    master: MasterOption = None,
    remote: RemoteOption = None,
    memory_limit: MemoryOption = None,
    max_observations: MaxObservationsOption = MAX_OBSERVATIONS,
    *,
    show_all: AllPairsOption = False,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show the pairs of nodes that share the most (see 'graphbuild overlap --help')."""
    choice = _EngineChoice(engine, master, remote, memory_limit)
    with _open_engine(choice, folder, campaign) as opened:
        evidence = _read_evidence(opened, max_observations, merge=merge)
    print_overlaps(evidence.incidence, of, fdr, limit, show_all=show_all, json=json)


def communities(
    folder: FolderArgument,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    campaign: CampaignOption = None,
    engine: EngineOption = "duckdb",
    master: MasterOption = None,
    remote: RemoteOption = None,
    memory_limit: MemoryOption = None,
    max_observations: MaxObservationsOption = MAX_OBSERVATIONS,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Show clusters of files (see 'graphbuild communities --help')."""
    choice = _EngineChoice(engine, master, remote, memory_limit)
    with _open_engine(choice, folder, campaign) as opened:
        evidence = _read_evidence(opened, max_observations, merge=merge)
    print_communities(evidence.incidence, evidence.open_calls, seed, limit, json=json)


def centrality(
    folder: FolderArgument,
    seed: options.SeedOption = 0,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    campaign: CampaignOption = None,
    engine: EngineOption = "duckdb",
    master: MasterOption = None,
    remote: RemoteOption = None,
    memory_limit: MemoryOption = None,
    max_observations: MaxObservationsOption = MAX_OBSERVATIONS,
    *,
    merge: options.MergeOption = False,
    json: options.JsonOption = False,
) -> None:
    """Rank nodes by centrality (see 'graphbuild centrality --help')."""
    choice = _EngineChoice(engine, master, remote, memory_limit)
    with _open_engine(choice, folder, campaign) as opened:
        evidence = _read_evidence(opened, max_observations, merge=merge)
    print_centrality(evidence.incidence, seed, limit, json=json)


COMMANDS = (tables, overlap, communities, centrality)


class _Evidence(NamedTuple):
    """The data of a dataset that the analyses need."""

    incidence: Incidence
    open_calls: dict[str, int]  # number of calls that the list of each file needs, by node key


class _EngineChoice(NamedTuple):
    """The options that select an engine."""

    engine: EngineName
    master: str | None
    remote: str | None
    memory_limit: str | None

    def check(self) -> None:
        """Raise BadParameter if the options contradict each other."""
        if self.engine == "duckdb" and (self.master or self.remote):
            option = "--master" if self.master else "--remote"
            raise typer.BadParameter("use it with --engine spark", param_hint=option)
        if self.engine == "spark" and bool(self.master) == bool(self.remote):
            raise typer.BadParameter(
                "Spark needs either --master (a cluster) or --remote (a Spark Connect server)",
                param_hint="--engine",
            )
        if self.engine == "spark" and self.memory_limit:
            raise typer.BadParameter(
                "only DuckDB has this limit; the cluster limits the memory of Spark",
                param_hint="--memory-limit",
            )


@contextmanager
def _open_engine(
    choice: _EngineChoice, folder: Path, campaigns: list[str] | None
) -> Iterator[Engine]:
    """Yield an engine for a dataset; on exit or on a signal, remove the engine's files."""
    choice.check()
    opened = _ENGINES[choice.engine](choice, folder, campaigns or ())
    with on_signal(remove_unfinished_and_exit), opened as engine:
        yield engine


def _open_duckdb(choice: _EngineChoice, folder: Path, campaigns: Sequence[str]) -> Engine:
    from graphbuild.engines.duckdb import DEFAULT_MEMORY_LIMIT, DuckDBEngine

    memory_limit = choice.memory_limit or DEFAULT_MEMORY_LIMIT
    return DuckDBEngine(folder, campaigns, memory_limit=memory_limit)


@contextmanager
def _open_spark(choice: _EngineChoice, folder: Path, campaigns: Sequence[str]) -> Iterator[Engine]:
    from graphbuild.engines import DatasetFiles
    from graphbuild.engines.spark import SparkEngine
    from graphbuild.engines.spark_session import open_session

    DatasetFiles.find(folder, campaigns)  # a session takes seconds to start
    with (
        open_session(master=choice.master, remote=choice.remote) as session,
        SparkEngine(session, folder, campaigns) as engine,
    ):
        yield engine


_ENGINES: dict[
    EngineName, Callable[[_EngineChoice, Path, Sequence[str]], AbstractContextManager[Engine]]
] = {"duckdb": _open_duckdb, "spark": _open_spark}


def _read_evidence(engine: Engine, max_observations: int, *, merge: bool) -> _Evidence:
    """Read the observations; first log how many there are, and refuse too many."""
    from graphbuild.analysis import find_duplicates
    from graphbuild.api.client import LIMIT
    from graphbuild.engines import build_incidence
    from graphbuild.store.models import count_calls

    with spinner() as show_step:
        show_step("reading the dataset")
        sizes = engine.sizes()
        observations = format_count(sizes.observations, "observation")
        notice(f"reading {observations} as {format_count(sizes.pairs, 'evidence pair')}")
        if sizes.observations > max_observations:
            raise DatasetError(
                f"{observations} are more than the limit of {max_observations:,}; read fewer"
                " campaigns (--campaign), or raise --max-observations if the memory suffices"
            )
        incidence = build_incidence(engine.relations())
        pending = engine.pending_lists()
    if merge:
        incidence = find_duplicates(incidence.references).merge(incidence)
    calls = {
        each.subject: count_calls(each.expected_count, each.received_count, LIMIT)
        for each in pending
    }
    return _Evidence(incidence, calls)
