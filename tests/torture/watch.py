"""``watch`` on changing worlds, also killed at random moments: each change is reported once.

The expected events come from the plan of each world (``tests/support/changing_worlds.py``). In each
round, a world changes or does not change, an earlier state of it may return, and seeds may be
added. Then the command runs, with a limit of calls per run and with kills, until it ends.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Self

from graphbuild.emulator import Api, Emulator
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from tests.support.changing_worlds import ChangingWorld, Expected, expected_changes
from tests.support.forking import environment
from tests.support.keys import CANARY
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Zygote

_CHANGES = 3  # how often each world changes
_PAGE = 40  # entries per page
_PAUSED, _NEW = 3, 10  # exit codes
_MAX_KILLS = 3  # per change
_MAX_WAIT = 0.5  # seconds from the last counted call to a kill


@dataclass
class _Figures:
    """The figures of all worlds."""

    expected: int = 0
    reported: int = 0
    right: int = 0
    repeated: int = 0
    beyond: int = 0
    kills: int = 0
    paused: int = 0
    kinds: Counter[str] = field(default_factory=Counter)  # of expected events
    changes: Counter[str] = field(default_factory=Counter)  # of the worlds

    def notes(self) -> list[str]:
        precision = self.right / self.reported if self.reported else 1.0
        recall = self.right / self.expected if self.expected else 1.0
        kinds, changes = (
            ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
            for counts in (self.kinds, self.changes)
        )
        return [
            f"changes of the worlds: {changes}",
            f"precision {precision:.4f}, recall {recall:.4f} of {self.expected:,} events ({kinds})",
            f"{self.expected - self.right} lost, {self.repeated} repeated in the event files",
            f"{self.beyond} calls beyond the limits; {self.kills:,} kills, {self.paused:,} pauses",
        ]


def run(folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Watch ``rounds`` worlds."""
    result, figures = PartResult("watch"), _Figures()
    for number in range(rounds):
        rng = Random(f"{seed} {number}")
        with _Campaign(folder / f"world-{number}", rng, zygote, result, figures) as campaign:
            campaign.watch_changes()
        result.rounds += 1
    result.lost = figures.expected - figures.right
    result.check(not figures.beyond, f"{figures.beyond} calls beyond the limits")
    result.notes += figures.notes()
    return result.finish()


class _Campaign:
    """A campaign file of a changing world, and the emulated API of the world."""

    def __init__(
        self, folder: Path, rng: Random, zygote: Zygote, result: PartResult, figures: _Figures
    ) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._rng = rng
        self._zygote = zygote
        self._result = result
        self._figures = figures
        # The moments of kills do not change the worlds of a seed.
        self._world = ChangingWorld.plant(Random(rng.random()), clusters=rng.randint(3, 4))
        self._choices = Random(rng.random())
        self._api = Api(self._world.world())
        self._emulator = Emulator(self._api)
        self._store = folder / "c.db"
        self._file = folder / "events.jsonl"
        self._printed: set[str] = set()  # ids on standard output
        self._runs = 0

    def __enter__(self) -> Self:
        self._emulator.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._emulator.close()

    def watch_changes(self) -> None:
        """Run the command once for the first state, and then after each change."""
        name = self._folder.name
        self._add_seeds()
        self._result.check(self._watch_once() == 0, f"{name}: the first run fails")
        earlier = deepcopy(self._world)
        for number in range(_CHANGES):
            before, seeds, known = self._world.truth(), self._world.hashes(), len(self._lines())
            earlier, made = self._change(earlier)
            self._figures.changes.update(made or ["none"])
            self._add_seeds()
            self._watch_until_the_end(f"{name}, change {number}")
            expected = Counter(expected_changes(before, self._world.truth(), seeds))
            self._compare(expected, self._lines()[known:], f"{name}, change {number} ({made})")
        self._check_end(name)

    def _change(self, earlier: ChangingWorld) -> tuple[ChangingWorld, list[str]]:
        """Change the world; return its state before and the names of the changes."""
        if self._choices.random() < 0.2:
            returning = deepcopy(earlier)
            returning.keep_known(self._world)
            earlier, self._world, made = self._world, returning, ["return"]
        else:
            earlier = deepcopy(self._world)
            made = self._world.change(self._choices.randint(0, 3))
            if self._choices.random() < 0.2:
                made += self._world.add_files()
        self._api.world = self._world.world()
        return earlier, made

    def _add_seeds(self) -> None:
        with Store.open(self._store) as store:
            store.add_seeds(parse_seeds(self._world.hashes()))
            store.api_info.save_flavor("classic")

    # --- runs ------------------------------------------------------------------------------------

    def _watch_until_the_end(self, what: str) -> None:
        """Run the command until it has compared; kill some runs."""
        killing = self._rng.random() < 0.6
        needed, before = self._needed_calls(), self._api.calls
        kills, code, limit = 0, _PAUSED, self._rng.choice([None, None, needed // 2 + 1])
        compared = self._last_compared()
        while code in {_PAUSED, -signal.SIGKILL}:
            is_killed = killing and kills < _MAX_KILLS
            # A run that was killed after its comparison has requested all lists.
            age = "0m" if self._last_compared() == compared else "2w"
            code = self._watch_once(limit, needed if is_killed else None, age)
            kills += code == -signal.SIGKILL
            self._figures.paused += code == _PAUSED
        self._figures.kills += kills
        self._result.check(code in {0, _NEW}, f"{what}: the last run ends with {code}")
        wasted = self._api.calls - before - needed
        self._result.wasted += max(0, wasted)
        self._result.check(0 <= wasted <= kills, f"{what}: {wasted} calls wasted by {kills} kills")

    def _watch_once(
        self, limit: int | None = None, killed_within: int | None = None, age: str = "0m"
    ) -> int:
        """Run the command; return its exit code.

        If ``killed_within`` is a number of calls, kill the run after up to so many calls and a
        random time.
        """
        self._runs += 1
        out = self._folder / f"run{self._runs}.out"
        logged = self._logged_calls()
        calls = self._api.calls
        words = ["watch", "--store", self._store, "--base-url", self._emulator.base_url, "--json"]
        words += ["--refresh", age, "--append", self._file]
        words += ["--per-run", limit] if limit else []
        variables = environment(VT_APIKEY=CANARY, HOME=str(self._folder))
        running = self._zygote.start(*map(str, words), out=out, variables=variables)
        if killed_within is not None:
            wanted = calls + self._rng.randint(0, killed_within)
            while self._api.calls < wanted and not running.wait(0.001):
                pass
            running.wait(self._rng.uniform(0.0, _MAX_WAIT))
            running.send(signal.SIGKILL)
        code = running.end()
        self._figures.beyond += max(0, self._logged_calls() - logged - (limit or 10**6))
        for line in out.read_text("utf-8").split("\n")[:-1]:
            self._printed.add(json.loads(line)["id"])
        return code

    def _last_compared(self) -> float:
        with Store.read(self._store) as store:
            period = store.watch.period()
            return period.until if period else 0.0

    def _logged_calls(self) -> int:
        with Store.read(self._store) as store:
            return store.calls.count()

    def _needed_calls(self) -> int:
        """Return the number of pages of all lists; a list that is not known takes one call."""
        references: dict[str, set[str]] = {file: set() for file in self._world.hashes()}
        for file, reference, _ in self._world.truth().triples:
            references[file].add(reference)
        return sum(max(1, -(-len(found) // _PAGE)) for found in references.values())

    # --- checks ----------------------------------------------------------------------------------

    def _lines(self) -> list[dict]:
        if not self._file.exists():
            return []
        return [json.loads(line) for line in self._file.read_text("utf-8").splitlines()]

    def _compare(self, expected: Counter[Expected], events: list[dict], what: str) -> None:
        found = Counter(map(_summary, events))
        figures = self._figures
        figures.expected += expected.total()
        figures.reported += found.total()
        figures.right += (expected & found).total()
        figures.kinds.update(each.kind for each in expected)
        if expected != found:
            missing, wrong = expected - found, found - expected
            self._result.failures.append(f"{what}: missing {[*missing]}, wrong {[*wrong]}")

    def _check_end(self, what: str) -> None:
        """Check that each event is once in the file, and was printed; check the campaign file."""
        ids = [each["id"] for each in self._lines()]
        self._figures.repeated += len(ids) - len(set(ids))
        self._result.check(len(ids) == len(set(ids)), f"{what}: an event is repeated")
        self._result.check(set(ids) <= self._printed, f"{what}: an event was not printed")
        self._result.check(self._api.calls <= self._logged_calls(), f"{what}: calls not logged")
        with Store.read(self._store) as store:
            self._result.check(not store.watch.undelivered(), f"{what}: events are left")
            self._result.check(not list(find_damage(store)), f"{what}: the file is damaged")


def _summary(event: dict) -> Expected:
    entities = frozenset(key.partition(":")[2] for key in event["entities"])
    before, after = (
        frozenset(
            frozenset(key.partition(":")[2] for key in cluster["files"]) for cluster in event[side]
        )
        for side in ("before", "after")
    )
    is_known = event["kind"] == "subject_known"
    return Expected(event["kind"], entities, before, frozenset() if is_known else after)
