"""A standalone Spark cluster: a master, workers and a Spark Connect server, all on loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_Result = TypeVar("_Result")

HOST = "127.0.0.1"
_DEADLINE = 180.0  # seconds for a process to become ready, and for a query to begin
_QUERY_DEADLINE = 900.0  # seconds for all queries of a check
_POLL_INTERVAL = 0.05  # seconds
_WORKERS = 2
_TASKS_BEFORE_KILL = 4  # of one worker
_FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # halves the CPU time of short programs
# Two applications fit on each worker: one of a test, and the Spark Connect server.
_WORKER_SIZE = ("--cores", "2", "--memory", "2g")
_SETTINGS = {
    "spark.connect.grpc.binding.address": HOST,
    "spark.connect.grpc.binding.port": "0",
    "spark.cores.max": "2",
    "spark.driver.bindAddress": HOST,
    "spark.driver.extraJavaOptions": _FAST_START,
    "spark.driver.host": HOST,
    "spark.driver.memory": "2g",
    "spark.executor.extraJavaOptions": _FAST_START,
    "spark.executor.memory": "1g",
    "spark.master.rest.enabled": "false",  # it would listen on a fixed port
    "spark.shuffle.io.retryWait": "1s",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
}
_DAEMON_VARIABLES = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": _FAST_START}
_CONNECT_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
# Runs a command until it ends or until standard input is closed, which also happens if the process
# that started it is killed. Then all processes of the group are killed.
_GUARD = '("$@" </dev/null; kill -KILL 0) & read -r _; kill -KILL 0'


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition is true; raise TimeoutError after three minutes."""
    end = time.monotonic() + _DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(_POLL_INTERVAL)


def _call_in_thread(call: Callable[[], _Result]) -> Future[_Result]:
    """Call a function in a thread that does not keep Python from ending if the call hangs."""
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001  the caller of result() gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


class ServerProcess:
    """A process in a process group of its own, and its log.

    Args:
        command: The program and its arguments.
        environment: The environment variables.
        log: The file that receives its output; its folder is the current folder of the process.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._is_killed = False
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", *command],
                cwd=log.parent,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_line(self, pattern: str) -> str:
        """Wait for a line in the log; return the first group of the pattern.

        Raise RuntimeError if the process ends before, and TimeoutError if it takes too long.
        """
        found: list[str] = []

        def is_logged() -> bool:
            has_ended = self._process.poll() is not None
            text = self._log.read_text("utf-8", "replace")
            found.extend(re.findall(pattern, text))
            if has_ended and not found:
                raise RuntimeError(f"{self._log.name}: the process ended:\n{text[-5_000:]}")
            return bool(found)

        wait_until(is_logged, f"{self._log.name} contains {pattern}")
        return found[0]

    def kill(self) -> None:
        """Kill the process and all processes that it started, such as executors."""
        if self._is_killed:
            return
        self._is_killed = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


class Worker:
    """A worker of a cluster; its executors write logs into its folder."""

    def __init__(self, process: ServerProcess, folder: Path) -> None:
        self.process = process
        self._folder = folder

    def count_tasks(self) -> int:
        """Return how many tasks its executors have started."""
        logs = [each.read_text("utf-8", "replace") for each in self._folder.glob("app-*/*/stderr")]
        return sum(len(re.findall(r"Running task \S+ in stage ", log)) for log in logs)


class Cluster:
    """A standalone cluster with two workers; see :func:`start_cluster`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        package = find_spec("pyspark")
        assert package
        assert package.origin
        self._programs = Path(package.origin).parent / "bin"
        self._folder = folder
        self._stack = stack
        self._worker_count = 0
        self.workers: list[Worker] = []
        self._write_settings()
        ports = ("--host", HOST, "--port", "0", "--webui-port", "0")
        master = self._start_daemon("master.Master", "master", *ports)
        self.master_url = master.wait_for_line(r"Starting Spark master at (spark://\S+)")
        self.start_workers(_WORKERS)

    @cached_property
    def connect_url(self) -> str:
        """The URL of a Spark Connect server on this cluster, which is started at first use."""
        command = ("--master", self.master_url, "--class", _CONNECT_SERVER)
        server = self._start("spark-submit", "connect", *command)
        address = server.wait_for_line(r"Spark Connect server started at: (\S+)")
        return f"sc://{address}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables with which a process finds the settings of the cluster."""
        return {
            "SPARK_CONF_DIR": str(self._folder / "conf"),
            "SPARK_LOCAL_DIRS": str(self._folder / "local"),
            "SPARK_LOCAL_HOSTNAME": "localhost",
            "SPARK_LOCAL_IP": HOST,
        }

    def start_workers(self, count: int) -> None:
        """Start workers, and wait until the master has registered them."""
        started = []
        for _ in range(count):
            self._worker_count += 1
            name = f"worker-{self._worker_count}"
            work = self._folder / name
            options = ("--host", HOST, "--webui-port", "0", "--work-dir", str(work), *_WORKER_SIZE)
            process = self._start_daemon("worker.Worker", name, *options, self.master_url)
            started.append(Worker(process, work))
        for each in started:
            each.process.wait_for_line(r"(Successfully registered) with master")
        self.workers += started

    def run_with_lost_worker(self, run: Callable[[], _Result]) -> _Result:
        """Call a function that runs queries, kill a worker meanwhile, and return the result.

        The worker is the first that has started four tasks. It is replaced after the call.
        """
        counts = {each: each.count_tasks() for each in self.workers}

        def find_busy() -> list[Worker]:
            return [
                worker
                for worker, count in counts.items()
                if worker.count_tasks() - count >= _TASKS_BEFORE_KILL
            ]

        running = _call_in_thread(run)
        wait_until(lambda: running.done() or bool(find_busy()), "a worker runs tasks")
        assert not running.done(), "the queries ended before a worker was killed"
        lost = find_busy()[0]
        lost.process.kill()
        self.workers.remove(lost)
        counts = {each: each.count_tasks() for each in self.workers}
        result = running.result(_QUERY_DEADLINE)
        assert any(worker.count_tasks() > count for worker, count in counts.items())
        self.start_workers(1)
        return result

    def _start_daemon(self, name: str, log: str, *options: str) -> ServerProcess:
        command = (f"org.apache.spark.deploy.{name}", *options)
        return self._start("spark-class", log, *command, variables=_DAEMON_VARIABLES)

    def _start(
        self, program: str, log: str, *options: str, variables: Mapping[str, str] | None = None
    ) -> ServerProcess:
        inherited = {name: text for name, text in os.environ.items() if name[:6] != "SPARK_"}
        environment = {**inherited, **self.variables, **(variables or {})}
        command = [str(self._programs / program), *options]
        process = ServerProcess(command, environment, self._folder / f"{log}.log")
        self._stack.callback(process.kill)
        return process

    def _write_settings(self) -> None:
        for name in ("conf", "local"):
            (self._folder / name).mkdir()
        settings = {**_SETTINGS, "spark.sql.warehouse.dir": str(self._folder / "warehouse")}
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        (self._folder / "conf" / "spark-defaults.conf").write_text("".join(lines), "utf-8")


@contextmanager
def start_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster, and kill all its processes at the end of the ``with`` block.

    Args:
        folder: An empty folder for settings, logs and temporary files.
    """
    with ExitStack() as stack:
        yield Cluster(folder, stack)
