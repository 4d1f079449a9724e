"""A campaign that is disturbed: its API, its files, its commands, and checks of the result."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Self

from graphbuild.emulator import Emulator, generate_family_world, generate_world
from graphbuild.errors import StoreError
from graphbuild.store import Store
from tests.support.faults import FaultyApi
from tests.support.forking import environment
from tests.support.keys import CANARY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from graphbuild.emulator import World
    from tests.support.forking import Running, Zygote
    from tests.torture.results import PartResult

EXPORTS = ("graph.graphml", "graph.html", "nodes.csv", "edges.csv", "observations.csv")
TINY = -1
_HEADING = re.compile(rb"<(title|h1)\b[^>]*>.*?</\1>", re.DOTALL)
_REQUEST = re.compile(r"\"GET /\S+ HTTP/1\.1\" [0-9]{3} ")
_STEP = re.compile(r"^[0-9a-f]{32,64}: page [0-9]+, ", re.MULTILINE)


@cache
def world(seed: int) -> World:
    """Return a small world with about 20 files and 40 calls; ``TINY`` has four calls."""
    if seed == TINY:
        return generate_family_world(2, 50)
    return generate_world(
        seed, campaigns=3, files_per_campaign=5, references_per_campaign=60, siblings=2
    )


@cache
def needed(seed: int) -> int:
    """Return the number of calls of an undisturbed crawl."""
    sizes: dict[str, set[str]] = {each: set() for each in world(seed).hashes()}
    for subject, reference, _ in world(seed).triples():
        sizes[subject].add(reference)
    return sum(max(1, -(-len(references) // 40)) for references in sizes.values())


class Campaign:
    """A folder with a seed list and a campaign file, and an emulated API.

    Attributes:
        api: the emulated API, which counts the calls.
        store: the campaign file.
        options: further options of each crawl.
    """

    def __init__(
        self, folder: Path, seed: int, zygote: Zygote, options: Sequence[str] = ()
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.seed = seed
        self.options = options
        self.api = FaultyApi(world(seed))
        self.store = folder / "campaign.db"
        self.seeds = folder / "hashes.txt"
        self.seeds.write_text("\n".join(self.api.world.hashes()), encoding="utf-8")
        self._zygote = zygote
        self._server = Emulator(self.api)
        self._server.start()
        self._runs = 0
        self._known: set[tuple[str, str, str | None]] = set()
        self._pages = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    # --- commands --------------------------------------------------------------------------------

    def crawl_command(self, *more: str) -> list[str]:
        """Return the arguments of a crawl of this campaign that prints a line per stored page."""
        where = ["--store", str(self.store), "--base-url", self._server.base_url]
        return ["crawl", "--verbose", str(self.seeds), *where, *self.options, *more]

    def export_command(self) -> list[str]:
        """Return the arguments of an export."""
        return ["export", "--store", str(self.store), "--out", str(self.folder / "out")]

    def start(self, command: list[str], *, held: bool = False) -> Running:
        """Run a command in a fork of the zygote."""
        self._runs += 1
        out = self.folder / f"run{self._runs}.out"
        variables = environment(VT_APIKEY=CANARY, HOME=str(self.folder))
        return self._zygote.start(*command, out=out, variables=variables, held=held)

    def start_slowly(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Run a command in a new interpreter, as a user does."""
        self._runs += 1
        with (
            (self.folder / f"run{self._runs}.out").open("wb") as out,
            (self.folder / f"run{self._runs}.err").open("wb") as err,
        ):
            return subprocess.Popen(
                [sys.executable, "-m", "graphbuild", *command],
                env=environment(VT_APIKEY=CANARY, HOME=str(self.folder)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def said(self) -> str:
        """Return the standard error of the last run."""
        return (self.folder / f"run{self._runs}.err").read_text("utf-8", "replace")

    def printed_steps(self) -> int:
        """Return the number of pages that the last run printed as stored."""
        return len(_STEP.findall(self.said()))

    def has_requested(self) -> bool:
        """Return whether the last run has logged a request."""
        return _REQUEST.search(self.said()) is not None

    def is_done(self) -> bool:
        """Return whether no request is left."""
        if not self.store.exists():
            return False
        with Store.read(self.store) as store:
            return not store.tasks.has_pending()

    # --- checks ----------------------------------------------------------------------------------

    def examine(self, result: PartResult, what: str) -> None:
        """Check that the campaign file opens, is valid and has lost nothing (G1, G14, G16).

        It must contain every page that the last run printed, and its call log must contain every
        call that the API counted (G4).
        """
        printed, counted = self.printed_steps(), self.api.calls
        if not self.store.exists():
            result.check(
                not self._known and not printed and not counted, f"{what}: the file is gone"
            )
            return
        try:
            with Store.read(self.store) as store:
                found = {
                    (each.subject.id, each.reference.id, each.related_from and each.related_from.id)
                    for each in store.observations()
                }
                pages, calls = store.totals().pages, store.calls.count()
        except StoreError as error:
            result.unreadable += 1
            result.failures.append(f"{what}: the campaign file does not open: {error}")
            return
        lost = len(self._known - found) + max(0, self._pages + printed - pages)
        result.lost += lost
        result.check(not lost, f"{what}: {lost} observations or pages are gone")
        result.check(
            calls >= counted, f"{what}: the log has {calls} calls, the API counted {counted}"
        )
        integrity = check_integrity(self.store)
        result.check(integrity == "ok", f"{what}: SQLite reports damage: {integrity}")
        self._known, self._pages = found, pages

    def finish(self, result: PartResult, what: str, allowed: int) -> None:
        """Crawl to the end and compare the exports with an undisturbed crawl (G1, G20).

        At most ``allowed`` calls may be repeated.
        """
        code = self.start(self.crawl_command()).end()
        said = self.said()
        if not result.check(code == 0, f"{what}: the last crawl ends with {code}: {said[-300:]}"):
            return
        self.examine(result, what)
        triples = self.api.world.triples()
        result.lost += len(triples - self._known)
        result.check(
            triples == self._known, f"{what}: the observations differ from those of the API"
        )
        wasted = self.api.calls - needed(self.seed)
        result.wasted += wasted
        result.check(0 <= wasted <= allowed, f"{what}: {wasted} calls wasted, {allowed} allowed")
        exports, expected = (
            self.exports(),
            undisturbed_exports(self.seed, self.folder.parent, self._zygote),
        )
        result.check(
            exports == expected, f"{what}: exports differ from those of an undisturbed run"
        )

    def exports(self) -> dict[str, str]:
        """Export; return the checksums of the files."""
        code = self.start(self.export_command()).end()
        if code != 0:
            return {"": f"export ends with {code}: {self.said()[-300:]}"}
        return {name: digest(self.folder / "out" / name) for name in EXPORTS}


_undisturbed: dict[int, dict[str, str]] = {}


def undisturbed_exports(seed: int, folder: Path, zygote: Zygote) -> dict[str, str]:
    """Return the checksums of the exports of an undisturbed crawl."""
    if seed not in _undisturbed:
        with Campaign(folder / f"undisturbed-{seed}", seed, zygote) as campaign:
            for command in (campaign.crawl_command(), campaign.export_command()):
                if campaign.start_slowly(command).wait(timeout=120) != 0:
                    raise RuntimeError(f"an undisturbed run fails: {campaign.said()}")
            if campaign.api.calls != needed(seed):
                raise RuntimeError(f"{campaign.api.calls} calls undisturbed, {needed(seed)} needed")
            _undisturbed[seed] = {name: digest(campaign.folder / "out" / name) for name in EXPORTS}
    return _undisturbed[seed]


def check_integrity(path: Path) -> str:
    """Return the result of SQLite's integrity check: ``ok`` or a description."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file without headings, which name the campaign file and the day."""
    return hashlib.sha256(_HEADING.sub(b"", path.read_bytes())).hexdigest()
