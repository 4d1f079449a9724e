"""Start commands within milliseconds, as forks of a process that has imported the package.

Python takes longer to start than most commands take to run. So tests would be slow, and a kill at a
random moment would mostly hit the interpreter. The *zygote* is a process without threads that has
imported the package and its libraries. Each command runs in a fork of it, which can be signalled,
killed or traced. Run as a script, this file is the zygote; imported, it controls one.
"""

from __future__ import annotations

import atexit
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PACKAGE = Path(__file__).resolve().parents[2]
# These libraries are hidden. Only tests and notebooks need matplotlib and scikit-learn. NetworKit
# would import them where they are installed, which takes most of its import time.
NOT_INSTALLED = Path(__file__).with_name("not_installed")
# Libraries that functions of the package import. Any of them may be missing.
_LIBRARIES = (
    "coverage",
    "jinja2",
    "networkit",
    "numpy",
    "pandas",
    "rich.console",
    "rich.progress",
    "scipy.sparse.csgraph",
    "tldextract",
    "w3lib.url",
)
_ANY = 0xFFFFFFFFFFFFFFFF  # PR_SET_PTRACER_ANY
_PR_SET_PTRACER = 0x59616D61


def possible() -> str:
    """Return why a zygote is not possible here, or an empty string."""
    if not hasattr(os, "pidfd_open"):
        return "this needs Linux: os.pidfd_open is missing"
    return ""


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process: no coverage, no threads before the fork."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    paths = [str(NOT_INSTALLED), str(_PACKAGE), *filter(None, [kept.get("PYTHONPATH")])]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        **more,
    }


@dataclass(slots=True)
class Running:
    """A running command; its process id is valid until :meth:`end` returns."""

    pid: int
    out: Path
    err: Path
    _pidfd: int
    _zygote: Zygote

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds``; return whether the command has ended."""
        return bool(select.select([self._pidfd], [], [], max(0.0, seconds))[0])

    def send(self, number: int) -> None:
        """Send a signal, unless the command has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def end(self, seconds: float = 120.0) -> int:
        """Wait for the end and return the exit code, negative for a signal.

        Raises:
            TimeoutError: it does not end; it has been killed.
        """
        ended = self.wait(seconds)
        if not ended:
            self.send(signal.SIGKILL)
        code = self._zygote.ask({"reap": self.pid})
        os.close(self._pidfd)
        if not ended:
            raise TimeoutError(f"still running after {seconds:g} s; output: {self.said()[-500:]}")
        return code

    def said(self) -> str:
        """Return its standard error."""
        return self.err.read_text("utf-8", "replace")


class Zygote:
    """Controls the process that forks; threads may share it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        self._orders = self._pipe(self._process.stdin)
        self._replies = self._pipe(self._process.stdout)
        self._lock = threading.Lock()
        if self._replies.readline() != b"ready\n":
            raise RuntimeError("the zygote does not start; see its output above")

    @staticmethod
    def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None:
            raise RuntimeError("no pipe to the zygote")
        return stream

    def start(
        self,
        *argv: str,
        out: Path,
        variables: Mapping[str, str],
        folder: Path | None = None,
        given: Path | None = None,
        held: bool = False,
    ) -> Running:
        """Run ``graphbuild`` with these arguments.

        Args:
            argv: the arguments.
            out: the file for standard output. Standard error is written to the same name with the
                suffix ``.err``.
            variables: all environment variables of the command. Variables that Python reads only
                when it starts have no effect.
            folder: the working directory; by default the one of the zygote.
            given: a file that the command reads as standard input; by default it is empty.
            held: whether the command stops before its first step.
        """
        err = out.with_suffix(".err")
        for path in (out, err):  # a kill may come before the command has them
            path.write_bytes(b"")
        order = {
            "argv": argv,
            "files": [str(given or os.devnull), str(out), str(err)],
            "env": dict(variables),
            "folder": str(folder or Path.cwd()),
            "held": held,
        }
        pid = self.ask(order)
        return Running(pid, out, err, os.pidfd_open(pid), self)

    def ask(self, order: Mapping[str, object]) -> int:
        """Send an order; return the reply."""
        with self._lock:
            self._orders.write(json.dumps(order).encode() + b"\n")
            self._orders.flush()
            return int(self._replies.readline())

    def close(self) -> None:
        """End the process."""
        self._orders.close()
        self._process.wait(timeout=30)
        self._replies.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def shared_zygote() -> Zygote:
    """Return a zygote that this process shares until its end."""
    zygote = Zygote()
    atexit.register(zygote.close)
    return zygote


# --- in the zygote -------------------------------------------------------------------------------


def _serve() -> None:
    """Execute orders: start a command and reply its process id, or reap it and reply its code."""
    _import_everything()
    # A signal before the command starts ends it, like a starting interpreter.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    replies.write(b"ready\n")
    # Unbuffered: a fork must not inherit what is read ahead.
    orders = os.fdopen(os.dup(0), "rb", buffering=0)
    running: set[int] = set()
    while line := _line(orders):
        order = json.loads(line)
        if "reap" in order:
            pid, status = os.waitpid(order["reap"], 0)
            running.remove(pid)
            replies.write(b"%d\n" % os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if pid == 0:
            _child(order)
        running.add(pid)
        replies.write(b"%d\n" % pid)
    for pid in running:  # the parent has ended
        os.kill(pid, signal.SIGKILL)


def _import_everything() -> None:
    """Import all modules of the package, and the libraries that its functions and typer import.

    The modules of ``graphbuild.mcp`` need a library that is hidden.
    """
    import graphbuild  # noqa: PLC0415  only in the zygote

    for module in pkgutil.iter_modules(graphbuild.__path__, "graphbuild."):
        if module.name != "graphbuild.mcp":
            __import__(module.name)
            path = getattr(sys.modules[module.name], "__path__", ())
            for each in pkgutil.walk_packages(path, f"{module.name}."):
                __import__(each.name)
    for name in _LIBRARIES:
        with suppress(ImportError):
            __import__(name)

    from typer.testing import CliRunner  # noqa: PLC0415  only in the zygote

    from graphbuild.cli.main import app  # noqa: PLC0415  only in the zygote

    CliRunner().invoke(app, ["crawl", "--help"])


def _line(stream: IO[bytes]) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (byte := stream.read(1)):
        line += byte
    return line


def _child(order: dict[str, Any]) -> None:
    """Run the command; never return."""
    code = 70
    try:
        for number, name in enumerate(order["files"]):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            opened = os.open(name, flags, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["env"])
        if order["held"]:
            _hold()
        with _measured():
            code = _run(order["argv"])
    finally:
        os._exit(code)


@contextmanager
def _measured() -> Iterator[None]:
    """Measure coverage if the environment variables say so."""
    if "COVERAGE_PROCESS_CONFIG" not in os.environ:
        yield
        return
    import coverage  # noqa: PLC0415  the smoke tests do without it

    measurement = coverage.process_startup()
    yield
    if measurement is not None:
        measurement.stop()
        measurement.save()


def _hold() -> None:
    """Stop until a SIGCONT, so that strace can attach first."""
    import ctypes  # noqa: PLC0415  only here

    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(_ANY), 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)


def _run(argv: list[str]) -> int:
    from graphbuild.__main__ import main  # noqa: PLC0415  only in the child

    sys.argv = ["graphbuild", *argv]
    code: object = 0
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001  print uncaught exceptions as the interpreter does
        traceback.print_exc()
        code = 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    _serve()
