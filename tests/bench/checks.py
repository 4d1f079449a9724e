"""Check a campaign file of 60,000 files.

Run as a script, this file is the measured process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from graphbuild.api.parser import parse_page
from graphbuild.seeds import parse_seeds
from graphbuild.store import FetchedPage, Store, find_damage
from tests.bench.rows import Row
from tests.bench.steps import run_step
from tests.bench.usage import Used

_FILES = 60_000
_FAMILY = 20  # files with the same references
_ENTRIES = 40  # per file, on one page
_MAX_MIB = 500.0
_MIB = 1 << 20


def check(_: int, files: int = _FILES) -> list[Row]:
    """Measure CPU time and memory of a check."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "campaign.db"
        write_campaign(path, files)
        size = path.stat().st_size / _MIB
        used = run_step(__file__, path)
    assert used["damages"] == 0
    peak = used["peak"] / _MIB
    case = f"check, {files:,} files, {used['pages']:,} pages"
    return [
        Row(f"{case}: CPU", f"{used['cpu']:.0f} s", "-", used["cpu"], None, shown="{:.0f} s"),
        Row(
            f"{case}: peak memory",
            f"{peak:.0f} MiB",
            f"{size:,.0f} MiB file",
            peak,
            _MAX_MIB,
            shown="{:.0f} MiB",
        ),
    ]


def write_campaign(path: Path, files: int) -> None:
    """Write a complete campaign of families; each file has one page of 40 references."""
    with Store.open(path) as store, store.transaction():
        store.add_seeds(parse_seeds(f"{number:064x}" for number in range(1, files + 1)))
        for number, task_id in enumerate(store.tasks.ids("pending")):
            task = store.tasks.get(task_id)
            if number % _FAMILY == 0:
                body = _body(number // _FAMILY)
                page = parse_page(body, task.subject)
            fetched = FetchedPage(body, replace(page, subject=task.subject), 1.0, None)
            store.page_writer.save_page(task, fetched)


def _body(family: int) -> bytes:
    collection = {"type": "collection", "id": f"c{family}", "attributes": {"name": f"F {family}"}}
    data = [
        {
            "type": "reference",
            "id": f"{number:064x}",
            "attributes": {"title": f"Report {number}", "url": f"https://blog.example/{number}"},
            "context_attributes": {"related_from": [collection]},
        }
        for number in range(family * _ENTRIES + 1, (family + 1) * _ENTRIES + 1)
    ]
    return json.dumps({"data": data, "meta": {"count": _ENTRIES}}).encode()


def _main() -> None:
    used = Used()
    with Store.read(sys.argv[1]) as store:
        damages = sum(1 for _ in find_damage(store))
        measured = used.so_far()
        json.dump({**measured, "damages": damages, "pages": store.totals().pages}, sys.stdout)


if __name__ == "__main__":
    _main()
