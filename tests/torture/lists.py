"""Rows of the corpus that a person types or hands in: seed lists and command lines.

A list goes through ``read_seeds`` and through ``graphbuild crawl``; a command line through the
command. What is refused makes no call, ends with a documented exit code and says so in a sentence.
"""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.seeds import parse_seeds, read_seeds
from graphbuild.store import Store
from tests.support.keys import CANARY
from tests.torture.payloads import SUBJECT, Memory, content, filled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphbuild.seeds import SeedList
    from tests.torture.answers import Table
    from tests.torture.forking import Zygote

    Row = Mapping[str, Any]


def seeds(row: Row, folder: Path, table: Table, zygote: Zygote | None) -> str:
    """Read a seed list in the library and, where there is a zygote, at the command line."""
    path = folder / "list.txt"
    path.write_bytes(content(row))
    Memory.begin()
    try:
        return _library(row, path) or (_crawl(row, path, table, zygote) if zygote else "")
    finally:
        path.unlink()  # rows of a hundred megabytes, and one with the key in it


def _library(row: Row, path: Path) -> str:
    expected = row["library"] if isinstance(row.get("library"), str) else row["expect"]
    try:
        found = read_seeds(path)
    except SeedError as error:
        if expected != "STOP":
            return f"refused as a whole: {error}"
        return _says(row, str(error))
    if expected == "STOP":
        return "taken for a seed list"
    return _counted(row, found) or _said_of_lines(row, found)


def _counted(row: Row, found: SeedList) -> str:
    for name, number in (
        ("seeds", len(found)),
        ("rejected", len(found.rejected)),
        ("repeats", found.duplicates),
    ):
        if row.get(name) is not None and row[name] != number:
            return f"{number} {name}, not {row[name]}"
    return ""


def _said_of_lines(row: Row, found: SeedList) -> str:
    """Each line that is refused is told with its number; what was changed is a remark."""
    said = "\n".join([*map(str, found.rejected[:9]), *found.warnings[:9]])
    if any(not char.isprintable() for char in said.replace("\n", "")):
        return f"a terminal would be shown {said[:200]!a}"
    return "" if isinstance(row.get("library"), str) else _says(row, said)


def _says(row: Row, said: str) -> str:
    wanted = row.get("remark")
    return "" if not wanted or wanted in said else f"says {said[:200]!a}, not {wanted!a}"


def _crawl(row: Row, path: Path, table: Table, zygote: Zygote) -> str:
    """The same at the command line: a list that is refused costs no call."""
    if row.get("library") is True:  # too long for the command to be quick
        return ""
    table.service.clear_faults()
    before = len(table.service.log)
    store = path.with_name("lists.db")
    argv = ["crawl", str(path), "--store", str(store), "--base-url", table.base_url]
    argv += ["--api-flavor", "classic"]  # auto makes calls beyond those of the list
    code, said = _run(zygote, argv, path.with_name("list.out"), CANARY)
    calls = len(table.service.log) - before
    if row["expect"] == "STOP":
        if code != 1 or calls:
            return f"ends with {code} and {calls} calls: {said[-200:]!a}"
        return _says(row, said) or _sentence(said) or _kept(path.parent)
    wanted = row.get("seeds")
    if code not in {0, 4} or (wanted is not None and calls != wanted):
        return f"ends with {code} and {calls} calls: {said[-200:]!a}"
    return _sentence(said)


def _kept(folder: Path) -> str:
    """A key that was handed in by mistake is kept nowhere: a later run would ask about it."""
    kept = [path.name for path in folder.glob("lists.db*") if CANARY.encode() in path.read_bytes()]
    return f"the key is kept in {kept[0]}" if kept else ""


def command(row: Row, folder: Path, table: Table, zygote: Zygote | None) -> str:
    """Run a command line that must be refused: no call, the stated exit code, a sentence."""
    if zygote is None:
        return ""
    names = _setting(folder, table)
    before = len(table.service.log)
    argv = [filled(each, names) for each in row["argv"]]
    key = filled(row.get("key", CANARY))
    code, said = _run(zygote, argv, folder / "command.out", key)
    calls = len(table.service.log) - before
    kept = (folder / "list.txt").read_text("utf-8")
    (folder / "list.txt").unlink()
    if code != row["code"] or calls:
        return f"ends with {code} and {calls} calls, not {row['code']}: {said[-300:]!a}"
    if kept != f"{SUBJECT}\n":
        return "the seed list is no longer what it was"
    return _says(row, said) or _sentence(said)


def _setting(folder: Path, table: Table) -> dict[str, str]:
    """What command lines name: a list, a campaign file, a pipe, a pickle, a taken folder."""
    (folder / "list.txt").write_text(f"{SUBJECT}\n", encoding="utf-8")
    (folder / "taken" / "graph.graphml").mkdir(parents=True)
    (folder / "taken" / "graph.html").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "some.pkl").write_bytes(pickle.dumps({"data": []}))
    with Store.open(folder / "good.db") as store:
        store.add_seeds(parse_seeds([SUBJECT]))
    return {
        "@LIST": str(folder / "list.txt"),
        "@STORE": str(folder / "new.db"),
        "@GOOD": str(folder / "good.db"),
        "@TAKEN": str(folder / "taken"),
        "@PIPE": str(folder / "pipe"),
        "@PICKLE": str(folder / "some.pkl"),
        "@OUT": str(folder / "out"),
        "@DIR": str(folder),
        "@URL": table.base_url,
    }


def _run(zygote: Zygote, argv: list[str], out: Path, key: str) -> tuple[int, str]:
    running = zygote.start(*argv, out=out, variables={"VT_APIKEY": key, "HOME": str(out.parent)})
    code = running.end(60.0)
    return code, running.said()


def _sentence(said: str) -> str:
    """No traceback, no control characters, and not the key."""
    if "Traceback" in said:
        return f"a traceback: {said[-300:]!a}"
    if CANARY in said.lower():
        return "the key is told"
    odd = [char for char in said if not char.isprintable() and char != "\n"]
    return f"a terminal is shown {odd[0]!a}" if odd else ""
