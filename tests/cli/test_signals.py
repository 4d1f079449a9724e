"""Interrupted commands: no traceback, a documented exit code, and the next run continues.

Moments are numbers of audit events (imports, opened files, connections, executed code), so that a
test can be repeated. The signal is sent in a separate process.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Api, generate_family_world
from graphbuild.store import Store
from tests.support.processes import COVERAGE_ENVIRONMENT, without_coverage
from tests.support.shell import seeds

if TYPE_CHECKING:
    from tests.support.shell import Shell

AT_AN_EVENT = """
import os, signal, sys
number, count_into, sys.argv[1:] = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
begun, seen, connected, process = False, 0, 0, os.getpid()

def hook(event, arguments):
    global begun, seen, connected
    if not begun:
        code = arguments[0] if event == "exec" else None
        begun = code is not None and code.co_filename.endswith("__main__.py")
    elif os.getpid() == process:
        seen += 1
        if event == "socket.connect":
            connected = seen
        if seen == number:
            signal.raise_signal(signal.{signal})

sys.addaudithook(hook)
from graphbuild.__main__ import main
try:
    main()
finally:
    with open(count_into, "w") as stream:
        stream.write(f"{connected} {seen}")
"""


def run(
    shell: Shell,
    number: int,
    *arguments: object,
    name: str = "SIGINT",
    at: str = "",
    first: str = "",
) -> tuple[int, str]:
    """Run a command that sends itself a signal; return its exit code and standard error.

    The signal is sent at the event with a number, or at the first event of the kind ``at``. The
    code ``first`` runs before the command. Coverage has audit events of its own, so it is measured
    only with ``at``.
    """
    code = first + AT_AN_EVENT.replace("{signal}", name)
    if at:
        code = code.replace("seen == number", f"event == {at!r}")
    process = subprocess.run(
        [sys.executable, "-c", code, str(number), "events", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=shell.folder,
        env={**without_coverage(shell.environment), **(COVERAGE_ENVIRONMENT if at else {})},
        check=False,
        timeout=300,
    )
    return process.returncode, process.stderr


def event_numbers(shell: Shell, count: int, *arguments: object) -> list[int]:
    """Return numbers of audit events of a command: evenly spread, and around its first request."""
    run(shell, 0, *arguments)
    connected, events = map(int, (shell.folder / "events").read_text().split())
    assert events > 100
    spread = {1 + (events - 1) * step // count for step in range(count + 1)}
    return sorted(spread | {connected - 1, connected, connected + 1} - {-1, 0, 1})


def test_crawl_interrupted_at_any_moment_is_silent_and_can_continue(shell: Shell, service) -> None:
    api = Api(generate_family_world(3, 50))
    arguments = ["crawl", seeds(shell, *api.world.hashes()), "--base-url", service(api), "--store"]
    stopped = set()
    for number in event_numbers(shell, 6, *arguments, "calm.db"):
        before = api.calls
        code, message = run(shell, number, *arguments, f"{number}.db")
        assert code in {-signal.SIGINT, 3, 0}, message
        assert "Traceback" not in message
        assert "KeyboardInterrupt" not in message
        stopped.add(code)
        assert shell(*arguments, f"{number}.db").returncode == 0
        assert api.calls - before == 6
    assert {-signal.SIGINT, 3} <= stopped


def test_export_interrupted_at_any_moment_leaves_no_partial_file(shell: Shell, service) -> None:
    api = Api(generate_family_world(3, 50))
    options = ("--store", "c.db", "--base-url", service(api))
    shell("crawl", seeds(shell, *api.world.hashes()), *options)
    arguments = ["export", "--store", "c.db", "--out"]
    for number in event_numbers(shell, 4, *arguments, "calm"):
        code, message = run(shell, number, *arguments, str(number))
        assert code in {-signal.SIGINT, 0}
        assert message == ""
        assert list((shell.folder / str(number)).glob(".*")) == []


def test_export_interrupted_before_the_rename_leaves_no_file(shell: Shell, service) -> None:
    """The signal arrives after the bytes are written, and before the file is renamed."""
    api = Api(generate_family_world(3, 50))
    options = ("--store", "c.db", "--base-url", service(api))
    shell("crawl", seeds(shell, *api.world.hashes()), *options)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        arguments = ("export", "--store", "c.db", "--out", "out")
        assert run(shell, 0, *arguments, name=name, at="os.rename") == (-getattr(signal, name), "")
        assert list((shell.folder / "out").iterdir()) == []


def test_merge_interrupted_at_any_moment_is_silent_and_can_be_repeated(
    shell: Shell, service
) -> None:
    api = Api(generate_family_world(3, 5))
    options = ("--store", "c.db", "--base-url", service(api))
    shell("crawl", seeds(shell, *api.world.hashes()), *options)
    with Store.read(shell.folder / "c.db") as store:
        expected = list(store.observations())
    for number in event_numbers(shell, 4, "merge", "c.db", "--store", "calm.db"):
        arguments = ("merge", "c.db", "--store", f"{number}.db")
        code, message = run(shell, number, *arguments)
        assert code in {-signal.SIGINT, 0}
        assert "Traceback" not in message
        assert shell(*arguments).returncode == 0
        with Store.read(shell.folder / f"{number}.db") as store:
            assert list(store.observations()) == expected


@pytest.mark.parametrize(
    "arguments", [("--help",), ("plan", "seeds.txt"), ("import", "x", "-s", "c")]
)
def test_other_commands_interrupted_at_any_moment_are_silent(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    seeds(shell, *generate_family_world(3, 1).hashes())
    for number in (1, 2, 3, *event_numbers(shell, 2, *arguments)):
        code, message = run(shell, number, *arguments)
        assert code == -signal.SIGINT or number > 3  # the number of events may vary slightly
        assert "Traceback" not in message


def test_ignored_signals_stay_ignored(shell: Shell, service) -> None:
    api = Api(generate_family_world(2, 50))
    url = service(api)
    seeds(shell, *api.world.hashes())
    for name in ("SIGINT", "SIGHUP"):
        ignore = f"import signal; signal.signal(signal.{name}, signal.SIG_IGN)\n"
        arguments = ("crawl", "seeds.txt", "--store", f"{name}.db", "--base-url", url)
        code, _ = run(shell, 0, *arguments, name=name, at="socket.connect", first=ignore)
        assert code == 0
        with Store.read(shell.folder / f"{name}.db") as store:
            assert store.totals().complete == 2
