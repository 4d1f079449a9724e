"""``python -m tests.mutation [MODULE ...]``: mutation tests with mutmut.

mutmut (https://mutmut.readthedocs.io) changes the code in small ways and runs the tests that cover
each change. This script selects the tests per module and counts the results. Changes of string
literals are skipped: tests do not fix the wording of messages or SQL.

The exit code is 1 if the tests of a module detect less than 90 % of the changes.
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

from tests.mutation.report import format_report, list_mutants, read_mutants

if TYPE_CHECKING:
    from tests.mutation.report import Mutant

ROOT = Path(__file__).resolve().parents[2]
MIN_SCORE = 0.9

# Slow tests that detect no further changes.
_SLOW = [
    "of_any_world",
    "cost_one_call_each_and_one_full_list",
    "of_generated_campaigns",
    "store_the_same_for_as_many_calls",
    *(
        f"{name}[{seed}]"
        for name in ("of_the_world", "of_forty", "and_read_in_full")
        for seed in "1234"
    ),
]
_QUICK = ["-k", " and ".join(f"not {name}" for name in _SLOW)]
# Module or package to its tests, without tests that start processes: changes do not reach these.
TESTS = {
    "api/rate_limit": ["api/test_rate_limit.py"],
    "api/retry": ["api/test_retry.py", "api/test_client.py", *_QUICK],
    "api/client": [
        "api/test_client.py",
        "crawler/test_api_flavors.py",
        "crawler/test_workers.py",
        *_QUICK,
    ],
    "store": [
        "store/test_store.py",
        "store/test_page_writer.py",
        "store/test_paging.py",
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
    """Run the selected modules; return the exit code."""
    options = _options()
    scores = []
    for module in options.modules or TESTS:
        try:
            mutants = _run(module, options)
        except RuntimeError as error:
            sys.exit(f"{module}: {error}")
        sys.stdout.write(format_report(module, mutants))
        scores.append(sum(each.detected for each in mutants) / len(mutants))
    return int(min(scores) < MIN_SCORE)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", choices=[[], *TESTS], metavar="MODULE")
    parser.add_argument(
        "--sample", type=int, default=0, metavar="N", help="changes per module (default: all)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="parallel processes")
    return parser.parse_args()


def _run(module: str, options: argparse.Namespace) -> list[Mutant]:
    """Test all changes of a module, or a sample of them, in a copy of the tree."""
    folder = ROOT / "build" / "mutation" / module
    _copy(module, folder)
    _mutmut(folder, options.jobs, ["none"])  # generates the changes without testing them
    names = list_mutants(folder)
    if options.sample:
        names = random.Random(options.seed).sample(names, min(options.sample, len(names)))
    _mutmut(folder, options.jobs, names)
    return read_mutants(folder, set(names))


def _copy(module: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("graphbuild", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    only = [f"graphbuild/{module}{suffix}" for suffix in (".py", "/*.py")]
    tests = [f"tests/{each}" if each.endswith(".py") else each for each in TESTS[module]]
    configuration = _CONFIGURATION.format(
        only=only, tests=tests, plugin="tests.mutation.fastest_first"
    )
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(settings + configuration, encoding="utf-8")


def _mutmut(folder: Path, jobs: int, names: list[str]) -> None:
    with (folder / "log").open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs), *names],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,  # the results are in its files
        )


if __name__ == "__main__":
    sys.exit(main())
