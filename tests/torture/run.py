"""The rig's command line: which parts, how many rounds, which seed; a table at the end."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a script, where nothing says where the parts are
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.processes import restore_default_signals
from tests.torture.forking import Zygote, possible
from tests.torture.tally import Tally, table

if TYPE_CHECKING:
    from collections.abc import Sequence

# A part and its rounds in a full run. Parts without a choice of rounds do all they have: 0.
PARTS = {
    "kills": 1_000,
    "workers": 200,
    "signals": 200,
    "syscalls": 0,
    "power": 400,
    "flips": 400,
    "transport": 0,
    "traps": 0,
    "clocks": 0,
    "corpus": 0,
}


def run_part(name: str, folder: Path, rounds: int, seed: int, zygote: Zygote) -> Tally:
    """Run one part in a folder of its own; what it raises is a broken promise of the rig's."""
    module = importlib.import_module(f"tests.torture.{name}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found: Tally = module.run(folder, rounds, seed, zygote)
    except Exception:  # noqa: BLE001  one part's failure must not hide what the others found
        return Tally(name, broken=[f"the part itself failed: {traceback.format_exc()}"]).done()
    return found


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; the exit code."""
    options = _options(arguments)
    restore_default_signals()
    if possible():
        _say(f"torture: DID NOT RUN: {possible()}")
        return 1
    with tempfile.TemporaryDirectory(prefix="torture-") as made, Zygote() as zygote:
        folder = Path(options.keep or made)
        tallies = []
        for name in options.parts or PARTS:
            rounds = options.rounds or PARTS[name]
            _say(f"{name}: seed {options.seed}, {rounds or 'all'} rounds ...")
            tallies.append(run_part(name, folder / name, rounds, options.seed, zygote))
            _say(table(tallies[-1:]))
        tallies.append(importlib.import_module("tests.torture.canary").scan(folder))
    _say("\n" + table(tallies))
    missing = options.parts and any(tally.missing for tally in tallies)
    return int(bool(missing) or any(tally.broken for tally in tallies))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    names = ", ".join(PARTS)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {names}; all without")
    parser.add_argument("--rounds", type=int, default=0, help="instead of each part's own number")
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed chooses the same moments"
    )
    parser.add_argument("--keep", metavar="DIR", help="work there and leave everything behind")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; we have {names}")
    return options


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
