"""``graphbuild watch``: what it reports, how often, at which cost, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.cli.event_file import EventFile
from graphbuild.crawler import Crawl
from graphbuild.emulator import Emulator
from graphbuild.errors import ExportError
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store, find_damage
from graphbuild.store.watch import Period, WatchEvent
from tests.support.changing_worlds import ChangingWorld
from tests.support.emulator_adapter import EmulatorAdapter
from tests.support.faults import Fault, FaultyApi
from tests.support.forking import environment
from tests.support.graphs import HOSTILE
from tests.support.keys import KEY
from tests.support.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator


class Watched:
    """A campaign of a changing world, which was crawled once."""

    def __init__(self, folder: Path, url: str, api: FaultyApi, world: ChangingWorld) -> None:
        self.api = api
        self.world = world
        self.path = folder / "c.db"
        self.shell = Shell(folder)
        self._url = url
        self.crawl()

    def crawl(self) -> None:
        """Request all lists again in this process, which is faster than the command."""
        self.api.world = self.world.world()
        client = Client(ApiKey(KEY), adapter=EmulatorAdapter(self.api), api_flavor="classic")
        with Store.open(self.path) as store, client:
            store.add_seeds(parse_seeds(self.world.hashes()))
            store.tasks.refresh(time.time())
            list(Crawl(client, store))
            store.api_info.save_flavor("classic")

    def start(self) -> None:
        """Store the state of the campaign as the first run of the command does."""
        with Store.open(self.path) as store:
            now = time.time()
            store.watch.save(Period(now, now), ())

    def watch(self, *options: object) -> subprocess.CompletedProcess[str]:
        """Apply the changes of the world, and run the command."""
        self.api.world = self.world.world()
        words = "--quiet", "watch", "--store", self.path, "--base-url", self._url
        return self.shell(*words, "--refresh", "0m", *options)

    def events(self, *options: object) -> list[dict]:
        process = self.watch("--json", *options)
        events = [json.loads(line) for line in process.stdout.splitlines()]
        assert process.returncode == (10 if events else 0), process.stderr
        return events

    def move(self, target: int = 1) -> str:
        """Move the first file of the first cluster to another one; return its key."""
        clusters = self.world.clusters()
        number = list(clusters)[target]
        moved = next(iter(clusters.values()))[0]
        self.world._put(moved, number, self.world._own(number))
        return f"file:{moved}"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    world = ChangingWorld.plant(Random(3), clusters=2)
    api = FaultyApi(world.world())
    with Emulator(api) as emulator:
        yield Watched(tmp_path, emulator.base_url, api, world)


def kinds(events: list[dict]) -> list[str]:
    return [each["kind"] for each in events]


def test_the_first_run_reports_nothing_and_says_so(watched: Watched) -> None:
    watched.move()
    process = watched.watch("--verbose")
    assert (process.returncode, process.stdout) == (0, "")
    assert "first run: later runs report the changes since now" in process.stderr


def test_an_event_is_reported_once_with_its_evidence(watched: Watched) -> None:
    watched.start()
    assert watched.events() == []
    moved = watched.move()
    (event,) = watched.events()
    assert (event["kind"], event["entities"]) == ("file_moved", [moved])
    assert moved in event["before"][0]["files"]
    assert moved in event["after"][0]["files"]
    assert {each["subject"] for each in event["evidence"]} == {moved}
    assert {each["change"] for each in event["evidence"]} == {"added", "removed"}
    assert {each["reference"] for each in event["evidence"]} <= event["labels"].keys()
    assert watched.events() == []
    with Store.read(watched.path) as store:
        assert list(find_damage(store)) == []


def test_a_change_there_and_back_and_there_again_is_three_events(watched: Watched) -> None:
    watched.start()
    source, target = list(watched.world.clusters())
    moved = watched.world.clusters()[source][0]
    ids = []
    for number in (target, source, target):
        watched.world._put(moved, number, watched.world._own(number))
        ids += [each["id"] for each in watched.events()]
    assert len(set(ids)) == len(ids) == 3


def test_two_machines_with_the_same_file_give_an_event_the_same_id(watched: Watched) -> None:
    watched.start()
    copy = watched.path.with_name("copy.db")
    with Store.read(watched.path) as store:
        store.back_up(copy)
    watched.move()
    first = watched.events()
    second = watched.events("--store", copy)
    assert [each["id"] for each in first] == [each["id"] for each in second] != []


def test_subjects_that_become_known_are_reported(watched: Watched) -> None:
    watched.start()
    (number, *_) = watched.world.clusters()
    unknown, empty = watched.world.unknown.pop(), watched.world.empty.pop()
    for file in (unknown, empty):
        watched.world._put(file, number, watched.world._own(number))
    events = watched.events()
    assert [each["entities"] for each in events] == [
        [f"file:{f}"] for f in sorted((unknown, empty))
    ]
    assert set(kinds(events)) == {"subject_known"}


def test_new_seeds_are_reported_only_for_later_changes(watched: Watched) -> None:
    watched.start()
    one, other = watched.world.clusters()
    both = watched.world._own(one) + watched.world._own(other)
    new = [watched.world.new_file() for _ in range(3)]
    for file in new:
        watched.world._put(file, one, both)
    watched.crawl()
    assert watched.events() == []
    watched.world.add_cluster(new)
    assert {*kinds(watched.events())} == {"cluster_split", "collection_found"}


def test_since_adds_the_changes_before_the_first_run_and_repeats_none(watched: Watched) -> None:
    before = time.time()
    watched.move()
    watched.crawl()
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(before))
    with Store.open(watched.path) as store:  # the option has a resolution of one second
        pages = "UPDATE page SET fetched_at = fetched_at - 2 WHERE fetched_at < ?"
        store._db.execute(pages, before)
    watched.start()
    assert kinds(watched.events("--since", since)) == ["file_moved"]
    watched.move()
    assert kinds(watched.events("--since", since)) == ["file_moved"]


def test_since_gives_the_first_run_a_baseline(watched: Watched) -> None:
    watched.move()
    with Store.open(watched.path) as store:
        store._db.execute("UPDATE page SET fetched_at = 1000")
    assert kinds(watched.events("--since", "2001-01-01")) == ["file_moved"]


def test_text_lists_the_events_before_their_evidence(watched: Watched) -> None:
    watched.start()
    watched.move()
    process = watched.watch()
    assert process.returncode == 10
    first, second, blank, evidence, *rest = process.stdout.splitlines()
    assert first.startswith("c.db: 1 structural change from 20")
    assert second.startswith("1. moved: ")
    assert second.count(" files)") == 2
    assert blank == ""
    assert evidence.startswith("evidence of 1 (event ")
    assert all(line.startswith(("  removed: file:", "  added: file:", "  … and")) for line in rest)


def test_text_states_how_many_events_are_printed_without_evidence(watched: Watched) -> None:
    watched.start()
    for files in watched.world.clusters().values():
        name = watched.world.new_collection()
        for file in files[:3]:
            watched.world.members[file].append(name)
    process = watched.watch("--limit", 1)
    lines = process.stdout.splitlines()
    assert lines[0].startswith("c.db: 2 structural changes from 20")
    assert [line[:2] for line in lines[1:3]] == ["1.", "2."]
    assert len([line for line in lines if line.startswith("evidence of")]) == 1
    assert lines[-1].startswith("… the evidence of 1 more event is not shown;")


def test_hostile_names_are_escaped_and_defanged(watched: Watched) -> None:
    watched.start()
    number = next(iter(watched.world.clusters()))
    name = watched.world.new_collection()
    for file in watched.world.clusters()[number][:3]:
        watched.world.members[file].append(name)
    hostile = f"\x1b[31m{HOSTILE[:40]} https://evil.example/a"
    watched.world.names[name] = hostile
    text = watched.watch().stdout
    assert "\x1b" not in text
    assert "\\x1b[31m" in text
    assert "https://evil.example" not in text


def test_nothing_is_compared_until_all_lists_are_requested(watched: Watched) -> None:
    watched.start()
    moved = watched.move()
    count = len(watched.world.hashes())
    for _ in range((count - 1) // 5):
        before = watched.api.calls
        process = watched.watch("--per-run", 5, "--verbose")
        assert (process.returncode, process.stdout) == (3, "")
        assert "the 5 calls of this run are made; run again to continue" in process.stderr
        assert watched.api.calls - before == 5
    (event,) = watched.events("--per-run", 5)
    assert event["entities"] == [moved]


def test_without_old_lists_a_run_makes_no_call_and_needs_no_key(watched: Watched) -> None:
    watched.start()
    calls = watched.api.calls
    del watched.shell.environment["VT_APIKEY"]
    process = watched.shell("--quiet", "watch", "--store", watched.path)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    assert watched.api.calls == calls


def test_a_round_that_is_too_slow_is_reported_even_if_quiet(watched: Watched) -> None:
    watched.start()
    with Store.open(watched.path) as store:
        store.watch.begin_round(time.time() - 7 * 86_400, 0)
    process = watched.watch("--per-run", 5)
    assert process.returncode == 3
    assert "run watch more often, or allow more calls per run" in process.stderr
    assert watched.watch("--per-run", 5).stderr == ""


def test_the_limits_of_the_campaign_apply(watched: Watched) -> None:
    calls = watched.api.calls
    for option in ("--max-calls", "--per-day"):
        process = watched.watch(option, calls + 2)
        assert process.returncode == 3
        assert watched.api.calls <= calls + 2


def test_events_that_were_not_delivered_are_output_by_a_paused_run(watched: Watched) -> None:
    watched.start()
    with Store.open(watched.path) as store:
        period = store.watch.period()
        assert period is not None
        store.watch.save(Period(period.until, period.until), [("x", {"kind": "kept"})])
    process = watched.watch("--per-run", 1, "--json")
    assert process.returncode == 10
    assert json.loads(process.stdout)["kind"] == "kept"
    assert watched.events() == []


def test_lists_that_fail_give_exit_code_4_and_their_changes_later(watched: Watched) -> None:
    watched.start()
    moved = watched.move()
    failing = moved.partition(":")[2]
    watched.api.add_faults(Fault("status", 400, match=failing, times=None))
    process = watched.watch("--json")
    assert (process.returncode, process.stdout) == (4, "")
    watched.api.clear_faults()
    assert [each["entities"] for each in watched.events()] == [[moved]]


def test_a_clock_before_the_last_run_is_refused(watched: Watched) -> None:
    watched.start()
    with Store.open(watched.path) as store:
        future = time.time() + 1000
        store.watch.save(Period(future - 1, future), ())
    calls = watched.api.calls
    process = watched.watch()
    assert process.returncode == 1
    assert "correct the clock" in process.stderr
    assert watched.api.calls == calls


def test_events_that_could_not_be_printed_are_printed_by_the_next_run(watched: Watched) -> None:
    watched.start()
    moved = watched.move()
    watched.crawl()
    words = "watch", "--store", watched.path, "--refresh", "2w"  # needs no call
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = subprocess.run(
            [sys.executable, "-m", "graphbuild", *map(str, words)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(HOME=str(watched.path.parent)),
            check=False,
        )
    assert process.returncode == 1
    assert "the output is incomplete, so run the command again" in process.stderr
    (event,) = watched.events()
    assert event["entities"] == [moved]


# --- event file --------------------------------------------------------------------------------


def test_events_are_appended_to_a_file(watched: Watched) -> None:
    watched.start()
    path = watched.path.with_name("events.jsonl")
    watched.move()
    (event,) = watched.events("--append", path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [event]
    with Store.open(watched.path) as store, store.transaction():
        store._db.execute("UPDATE watch_event SET delivered = 0")  # as if killed before the mark
    assert watched.events("--append", path) == [event]
    assert [json.loads(line) for line in path.read_text().splitlines()] == [event]


EVENTS = [WatchEvent(name, json.dumps({"id": name, "kind": "x"})) for name in ("one", "two")]
LINES = "".join(f"{each.content}\n" for each in EVENTS).encode()


@pytest.mark.parametrize("written", range(len(LINES) + 1))
def test_a_file_is_completed_whatever_a_killed_process_has_written(
    tmp_path: Path, written: int
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(LINES[:written])
    with EventFile(path) as file:
        file.append(EVENTS)
    assert path.read_bytes() == LINES


def test_lines_of_other_programs_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    other = b'{"id": broken\n{"note": 1}\n'
    path.write_bytes(other)
    with EventFile(path) as file:
        file.append(EVENTS)
    assert path.read_bytes() == other + LINES


def test_a_file_in_use_by_another_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventFile(path), pytest.raises(ExportError, match="in use by another process"):
        EventFile(path)


def test_a_file_that_ends_with_other_text_is_refused_before_any_call(watched: Watched) -> None:
    calls = watched.api.calls
    path = watched.path.with_name("notes.txt")
    path.write_text("first line\nno event")
    process = watched.watch("--append", path)
    assert process.returncode == 1
    assert "is not an event of watch; choose another file" in process.stderr
    assert path.read_text() == "first line\nno event"
    assert watched.api.calls == calls
    process = watched.watch("--append", watched.path.with_name("missing") / "events.jsonl")
    assert process.returncode == 1
    assert "cannot append to" in process.stderr
