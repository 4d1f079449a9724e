"""The command line of the torture tests: parts, rounds and seed; prints a table of results."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.forking import Zygote, possible
from tests.support.processes import restore_default_signals
from tests.torture.results import PartResult, format_table

if TYPE_CHECKING:
    from collections.abc import Sequence

# Part to its rounds in a full run; 0 for parts with a fixed number of rounds.
PARTS = {
    "kills": 1_000,
    "workers": 200,
    "merge": 200,
    "files": 1_000,
    "copies": 200,
    "signals": 200,
    "syscalls": 0,
    "power": 400,
    "flips": 400,
    "transport": 0,
    "wire": 10_000,
    "redirects": 0,
    "clocks": 0,
    "corpus": 0,
    "frugal": 500,
    "frugal_gti": 500,
    "engines": 40,
    "claims": 200,
    "watch": 200,
    "mcp": 0,
    "page": 2_000,
    "readability": 0,
}


def run_part(name: str, folder: Path, rounds: int, seed: int, zygote: Zygote) -> PartResult:
    """Run one part in its own folder; an exception of the part is a failure."""
    module = importlib.import_module(f"tests.torture.{name}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        result: PartResult = module.run(folder, rounds, seed, zygote)
    except Exception:  # noqa: BLE001  the other parts must run, too
        return PartResult(name, failures=[f"the part failed: {traceback.format_exc()}"]).finish()
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the selected parts; return the exit code."""
    options = _options(arguments)
    restore_default_signals()
    if possible():
        _print(f"torture: DID NOT RUN: {possible()}")
        return 1
    with tempfile.TemporaryDirectory(prefix="torture-") as made, Zygote() as zygote:
        folder = Path(options.keep or made)
        results = []
        for name in options.parts or PARTS:
            rounds = options.rounds or PARTS[name]
            _print(f"{name}: seed {options.seed}, {rounds or 'all'} rounds ...")
            results.append(run_part(name, folder / name, rounds, options.seed, zygote))
            _print(format_table(results[-1:]))
        results.append(importlib.import_module("tests.torture.key_leaks").scan(folder))
    _print("\n" + format_table(results))
    missing = options.parts and any(each.missing for each in results)
    return int(bool(missing) or any(each.failures for each in results))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    names = ", ".join(PARTS)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {names} (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=0, help="rounds per part (default: depends on the part)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments")
    parser.add_argument("--keep", metavar="DIR", help="work in this folder and keep all files")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; choose from {names}")
    return options


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
