"""What tests of the outside hold in their hands: a key to look for, a clock, a listening port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# A key that must turn up nowhere.
CANARY = "c0ffee5ea1ed5eed0ddba11f005ba11deadbea7facade0b0e5caff01d1ab1e42"

KEPT = "Connection: keep-alive"

# Variables with which a process that we start measures which lines it runs.
MEASURED: dict[str, str] = {}


def unmeasured(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process that does not."""
    return {name: text for name, text in environment.items() if name not in MEASURED}


class ManualClock:
    """Time that passes only when somebody waits; the wall clock can be set without it passing.

    Attributes:
        waits: every wait, in seconds.
        stopped: whether waits end at once, as after a signal.
    """

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.waits: list[float] = []
        self.stopped = False
        self._monotonic = 5_000.0
        self._offset = now - self._monotonic

    def now(self) -> float:
        return self._offset + self._monotonic

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> bool:
        self.waits.append(seconds)
        if self.stopped:
            return False
        self.pass_by(seconds)
        return True

    def stop(self) -> None:
        self.stopped = True

    def pass_by(self, seconds: float) -> None:
        """Let time pass that nobody waited for."""
        self._monotonic += max(0.0, seconds)

    def set_wall(self, now: float) -> None:
        """Set the wall clock, as a person or a time server does."""
        self._offset = now - self._monotonic


class Listener:
    """A port whose connections are played by acts, one after the other; the last act for ever.

    An act is a function of the connection, or the bytes of an answer. A listener without acts
    takes down what comes and says nothing.

    Attributes:
        heads: the request heads received, in order.
        received: how many bytes came in all, outside of acts.
        connections: how many connections were made.
        answered: released whenever an act is over and the other side can know.
    """

    def __init__(self, *acts: Act | bytes) -> None:
        self.heads: list[bytes] = []
        self.received = 0
        self.connections = 0
        self.answered = threading.Semaphore(0)
        self._acts = acts
        self._current: socket.socket | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v3"

    def close(self) -> None:
        for each in (self._socket, self._current):
            # Wakes whoever waits for it, which a plain close does not.
            with suppress(OSError):
                if each is not None:
                    each.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def take_head(self, connection: socket.socket) -> bytes:
        """Read a request head and take it down."""
        head = b""
        while b"\r\n\r\n" not in head and (data := connection.recv(65536)):
            head += data
            self.received += len(data)
        self.heads.append(head)
        return head

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._current = connection
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    self._play(connection)

    def _play(self, connection: socket.socket) -> None:
        if not self._acts:
            while data := connection.recv(65536):
                self.received += len(data)
            return
        act = self._acts[min(self.connections, len(self._acts)) - 1]
        if callable(act):
            act(self, connection)
        else:
            self.take_head(connection)
            connection.sendall(act)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        self.answered.release()
        while connection.recv(65536):  # a close before the other side's is a reset
            pass


Act = Callable[[Listener, socket.socket], None]


def drip(connection: socket.socket, data: bytes, pace: float = 0.02) -> None:
    """Send byte by byte until the other side has enough."""
    connection.settimeout(pace)
    for place in range(len(data)):
        connection.sendall(data[place : place + 1])
        # To wait for bytes that never come is a wait that a close ends.
        with suppress(TimeoutError):
            if connection.recv(1) == b"":
                return


def answer(body: bytes = b"", status: int = 200, *fields: str, length: int | None = None) -> bytes:
    """The bytes of an answer; ``length`` is what it says of itself.

    The connection ends with it and says so, unless it is said to be kept.
    """
    said = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {said}", *fields]
    if KEPT not in fields:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def heed_signals() -> None:
    """Take back that signals are ignored, if they are; processes started from now on inherit it."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)


# --- the command line -----------------------------------------------------------------------------

KEY = "0123456789abcdef" * 4


# Libraries that are here for the tests or the notebooks, and that no command may need: who installs
# graphbuild with its extra ``analysis`` does not have them. NetworKit loads them where they are,
# and that takes most of its time.
_NOT_INSTALLED = Path(__file__).with_name("not_installed")


class Shell:
    """Runs ``graphbuild`` in a folder of its own, without what only tests and notebooks need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        known = filter(None, (str(_NOT_INSTALLED), os.environ.get("PYTHONPATH")))
        self.environment = {
            **os.environ,
            **MEASURED,
            "PYTHONPATH": os.pathsep.join(known),
            "VT_APIKEY": KEY,
            "HOME": str(folder),
        }

    def __call__(self, *words: object, given: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "graphbuild", *map(str, words)],
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.folder,
            env=self.environment,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert KEY not in done.stdout + done.stderr
        return done


def seeds(shell: Shell, *lines: str) -> str:
    (shell.folder / "seeds.txt").write_text("\n".join(lines))
    return "seeds.txt"
