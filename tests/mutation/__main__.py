"""``python -m tests.mutation [ROOM ...]``: change the code a little; does a test notice?

mutmut (https://mutmut.readthedocs.io) makes the changes and runs the tests that reach them; here
it is said which tests those are, and what came of it is counted. A change to nothing but words is
not tried: nobody promises the words of a message, and no test reads SQL.

The exit code is 1 if a room's tests notice less than nine changes in ten.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.mutation.report import mutants, names, told

if TYPE_CHECKING:
    from tests.mutation.report import Mutant

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = 0.9
# A room, and the tests that hold it; not those that start processes, where nothing is changed.
_SLOW = [
    "any_world",
    "a_family_that_shares",
    "made_up_campaigns",
    "workers_bring",
    "the_same_campaign",
    "the_lock_dies",
    *(
        f"{name}[{seed}]"
        for name in ("of_the_world", "of_forty", "and_read_in_full")
        for seed in "1234"
    ),
]
_QUICK = ["-k", " and ".join(f"not {name}" for name in _SLOW)]
TESTS = {
    "api/rate_limit": ["api/test_rate_limit.py"],
    "api/client": [
        "api/test_client.py",
        "crawler/test_api_flavors.py",
        "crawler/test_workers.py",
        *_QUICK,
    ],
    "store": [
        "store/test_store.py",
        "store/test_cache.py",
        "store/test_status.py",
        "store/test_importer.py",
        "crawler/test_crawler.py",
        "crawler/test_depth.py",
        "crawler/test_refresh.py",
        "crawler/test_inference.py",
        *_QUICK,
    ],
    "crawler": [
        "crawler/test_crawler.py",
        "crawler/test_workers.py",
        "crawler/test_api_flavors.py",
        "crawler/test_depth.py",
        "crawler/test_refresh.py",
        "crawler/test_inference.py",
        *_QUICK,
    ],
}
_CONFIGURATION = """
[tool.mutmut]
source_paths = ["graphbuild"]
only_mutate = {only}
pytest_add_cli_args = ["--hypothesis-seed=0", "-p", "no:cacheprovider", "-p", "{plugin}"]
pytest_add_cli_args_test_selection = {tests}
track_dependencies = false
use_git_change_detection = false
timeout_constant = 5.0
timeout_multiplier = 2.0
"""


def main() -> int:
    """Do what the arguments say; the exit code."""
    options = _options()
    scores = []
    for room in options.rooms or TESTS:
        try:
            found = _run(room, options)
        except RuntimeError as error:
            sys.exit(f"{room}: {error}")
        sys.stdout.write(told(room, found))
        scores.append(sum(each.noticed for each in found) / len(found))
    return int(min(scores) < ENOUGH)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("rooms", nargs="*", choices=[[], *TESTS], metavar="ROOM")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="N changes a room")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    return parser.parse_args()


def _run(room: str, options: argparse.Namespace) -> list[Mutant]:
    """Change a copy of the tree in all ways that count, or in a sample of them."""
    folder = ROOT / "build" / "mutation" / room
    _copy(room, folder)
    _mutmut(folder, options.jobs, ["none of them"])  # makes the changes, tries none
    chosen = names(folder)
    if options.sample:
        chosen = random.Random(options.seed).sample(chosen, min(options.sample, len(chosen)))
    _mutmut(folder, options.jobs, chosen)
    return mutants(folder, set(chosen))


def _copy(room: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("graphbuild", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    only = [f"graphbuild/{room}{rest}" for rest in (".py", "/*.py")]
    tests = [f"tests/{word}" if word.endswith(".py") else word for word in TESTS[room]]
    configuration = _CONFIGURATION.format(only=only, tests=tests, plugin="tests.mutation.quickest")
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(settings + configuration, encoding="utf-8")


def _mutmut(folder: Path, jobs: int, chosen: list[str]) -> None:
    with (folder / "log").open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs), *chosen],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,  # what came of it stands in its files
        )


if __name__ == "__main__":
    sys.exit(main())
