"""Start commands within milliseconds, as forks of a process that has imported the package.

Python takes longer to start than a small crawl takes to run, so a kill at a random moment would
mostly hit the interpreter. The *zygote* is a process without threads that has imported the package.
Each command runs in a fork of it, which can be signalled, killed or traced. Run as a script, this
file is the zygote; imported, it controls one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

_PACKAGE = Path(__file__).resolve().parents[2]
_WARM = (
    "graphbuild.store.importer",
    "graphbuild.cli.main",
    "graphbuild.cli.export",
    "graphbuild.api.client",
    "graphbuild.crawler",
    "graphbuild.exporters.html.page",
    "graphbuild.graph.builder",
    "graphbuild.api.auth",
    "graphbuild.graph.layout",
    "graphbuild.seeds",
    "graphbuild.store",
    "requests",
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
    paths = [str(_PACKAGE), *filter(None, [kept.get("PYTHONPATH")])]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        **more,
    }


@dataclass(slots=True)
class Running:
    """A running command; its process id is valid until :meth:`end` returns."""

    pid: int
    out: Path
    err: Path
    _pidfd: int
    _reap: IO[bytes]
    _replies: IO[bytes]

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
        self._reap.write(b"\n")
        self._reap.flush()
        code = int(self._replies.readline())
        os.close(self._pidfd)
        if not ended:
            raise TimeoutError(f"still running after {seconds:g} s; output: {self.said()[-500:]}")
        return code

    def said(self) -> str:
        """Return its standard error."""
        return self.err.read_text("utf-8", "replace")


class Zygote:
    """Controls the process that forks; one command at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        self._orders = self._pipe(self._process.stdin)
        self._replies = self._pipe(self._process.stdout)
        if self._replies.readline() != b"ready\n":
            raise RuntimeError("the zygote does not start; see its output above")

    @staticmethod
    def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None:
            raise RuntimeError("no pipe to the zygote")
        return stream

    def start(
        self, *argv: str, out: Path, variables: dict[str, str] | None = None, held: bool = False
    ) -> Running:
        """Run ``graphbuild`` with these arguments; ``held`` stops it before its first step."""
        err = out.with_suffix(".err")
        for path in (out, err):  # a kill may come before the command has them
            path.write_bytes(b"")
        order = {"argv": argv, "out": str(out), "err": str(err), "env": variables, "held": held}
        self._orders.write(json.dumps(order).encode() + b"\n")
        self._orders.flush()
        pid = int(self._replies.readline())
        return Running(pid, out, err, os.pidfd_open(pid), self._orders, self._replies)

    def close(self) -> None:
        """End the process."""
        self._orders.close()
        self._process.wait(timeout=30)
        self._replies.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- in the zygote -------------------------------------------------------------------------------


def _serve() -> None:
    """Fork for each order and report the process id, then the exit code."""
    for name in _WARM:
        __import__(name)
    # A signal before the command starts ends it, like a starting interpreter.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    replies.write(b"ready\n")
    # Unbuffered: a fork must not inherit what is read ahead.
    orders = os.fdopen(os.dup(0), "rb", buffering=0)
    while line := _line(orders):
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(order)
        replies.write(b"%d\n" % pid)
        if not _line(orders):  # the parent has ended
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        replies.write(b"%d\n" % os.waitstatus_to_exitcode(status))


def _line(stream: IO[bytes]) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (byte := stream.read(1)):
        line += byte
    return line


def _child(order: dict[str, object]) -> None:
    """Run the command; never return."""
    code = 70
    try:
        for number, name in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            opened = os.open(str(name), flags, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        os.environ.update(order["env"] or {})  # type: ignore[call-overload]  # from JSON
        if order["held"]:
            _hold()
        code = _run([str(each) for each in order["argv"]])  # type: ignore[attr-defined]  # same
    finally:
        os._exit(code)


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
