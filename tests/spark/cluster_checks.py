"""The cluster itself: it computes, survives the loss of a worker, and leaves no process behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark.cluster import HOST, start_cluster, wait_until
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from tests.spark.cluster import Cluster

ROWS, GROUPS, TASKS = 400_000, 100, 200
QUERY = f"""
SELECT id % {GROUPS} AS number, max(sha2(CAST(id AS STRING), 256)) AS largest
FROM range(0, {ROWS}, 1, {TASKS}) GROUP BY number ORDER BY number
"""
# Starts a cluster in the given folder, and waits.
HOLD_CLUSTER = """
import sys
from pathlib import Path
from tests.spark.cluster import start_cluster

with start_cluster(Path(sys.argv[1])):
    print("started", flush=True)
    sys.stdin.read()
"""
LISTEN = "0A"  # the state of a listening socket in /proc/net/tcp


@pytest.fixture(scope="module")
def expected() -> list[tuple[int, str]]:
    """The result of the query."""
    digests = [sha256(str(number).encode()).hexdigest() for number in range(ROWS)]
    return [(number, max(digests[number::GROUPS])) for number in range(GROUPS)]


def run_query(session: SparkSession) -> list[tuple[int, str]]:
    return [tuple(row) for row in session.sql(QUERY).collect()]


def test_a_query_runs_on_both_workers(
    session: SparkSession, cluster: Cluster, expected: list[tuple[int, str]]
) -> None:
    before = [worker.count_tasks() for worker in cluster.workers]
    assert run_query(session) == expected
    after = [worker.count_tasks() for worker in cluster.workers]
    assert all(new > old for new, old in zip(after, before, strict=True))
    assert sum(after) - sum(before) > TASKS


def test_a_query_survives_a_lost_worker(
    session: SparkSession, cluster: Cluster, expected: list[tuple[int, str]]
) -> None:
    assert cluster.run_with_lost_worker(lambda: run_query(session)) == expected
    assert len(cluster.workers) == 2


def test_all_processes_listen_on_loopback_only(tmp_path: Path) -> None:
    with start_cluster(tmp_path) as cluster:
        assert cluster.connect_url.startswith(f"sc://{HOST}:")
        hosts = [host for process in processes_of(tmp_path) for host in listening_hosts(process)]
    assert len(hosts) >= 8  # two ports each of the master, both workers and the Connect server
    assert set(hosts) == {HOST}


def test_no_process_remains_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with start_cluster(tmp_path):
            assert processes_of(tmp_path)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    wait_until(lambda: not processes_of(tmp_path), "all processes are killed")


def test_no_process_remains_if_the_starting_process_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_CLUSTER, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "started\n"
        assert len(processes_of(tmp_path)) >= 3
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    wait_until(lambda: not processes_of(tmp_path), "all processes are killed")


def processes_of(folder: Path) -> list[Path]:
    """Return the directories in /proc of the Java processes of the cluster in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:  # the process has ended
            continue
        if b"java" in command.split(b"\0")[0] and str(folder).encode() in command:
            found.append(process)
    return found


def listening_hosts(process: Path) -> Iterator[str]:
    """Yield the address of each TCP port on which a process listens."""
    sockets = {str(link.readlink()) for link in (process / "fd").iterdir()}
    for table in ("tcp", "tcp6"):
        for line in (process / "net" / table).read_text("ascii").splitlines()[1:]:
            _, local, _, state, *others = line.split()
            if state == LISTEN and f"socket:[{others[5]}]" in sockets:
                yield parse_address(local.partition(":")[0])


def parse_address(words: str) -> str:
    """Return an address of /proc/net/tcp, which consists of words of 32 bits in host order."""
    raw = b"".join(
        int(words[start : start + 8], 16).to_bytes(4, sys.byteorder)
        for start in range(0, len(words), 8)
    )
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw).removeprefix("::ffff:")
