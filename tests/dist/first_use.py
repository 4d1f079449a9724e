"""The first commands of a new user, with an installed graphbuild."""

from __future__ import annotations

import re
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.dist.commands import ROOT, CommandError, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.dist.commands import Environment

_KEY = "0123456789abcdef" * 4
_IMPORT = "import graphbuild, sys; sys.exit(graphbuild.__file__.startswith(sys.argv[1]))"
_REQUIRED_FILES = (
    *("demo/graph.html", "demo/graph.graphml", "graph.html", "graph.graphml", "nodes.csv"),
    *("graph.xlsx", "nodes.parquet", "report.html", "report.md"),
)


class FirstUse:
    """Runs the commands of the README in an empty folder.

    Attributes:
        steps: Name of each step -> function that runs it, in order.
    """

    def __init__(self, commands: Path, folder: Path, environment: Environment) -> None:
        self._program = commands / "graphbuild"
        self._folder = folder
        self._environment = {**environment, "VT_APIKEY": _KEY}
        self.steps: dict[str, Callable[[], None]] = {
            "demo": lambda: self._graphbuild("demo --out output/demo"),
            "crawl": self._crawl,
            "export": lambda: self._graphbuild(
                "export --store campaign.db --to graphml,html,csv,xlsx,parquet --out output"
            ),
            "report": lambda: self._graphbuild("report --store campaign.db --out output"),
        }

    def check_origin(self) -> None:
        """Check that the command imports the installed package and not the source tree."""
        first_line = self._program.read_text(encoding="utf-8").splitlines()[0]
        interpreter = first_line.removeprefix("#!").split()  # pipx adds an option
        run([*interpreter, "-c", _IMPORT, str(ROOT)], self._folder, self._environment)

    def missing_files(self) -> list[str]:
        """Return the files that the steps should have written and did not."""
        out = self._folder / "output"
        return [name for name in _REQUIRED_FILES if not (out / name).is_file()]

    def _graphbuild(self, arguments: str) -> None:
        run([self._program, *arguments.split()], self._folder, self._environment)

    def _crawl(self) -> None:
        with self._emulate() as url:
            self._graphbuild(f"crawl hashes.txt --store campaign.db --base-url {url}")

    @contextmanager
    def _emulate(self) -> Iterator[str]:
        """Run the emulator, which writes the seed list; yield its base URL."""
        with subprocess.Popen(
            [self._program, "emulate", "--port", "0", "--hashes", "hashes.txt"],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as emulator:
            try:
                assert emulator.stdout is not None
                line = emulator.stdout.readline()
                url = re.search(r"http://127\.0\.0\.1:\d+\S*?(?=;)", line)
                if url is None:
                    raise CommandError(f"the emulator did not start: {line!r}")
                yield url[0]
            finally:
                emulator.send_signal(signal.SIGINT)
