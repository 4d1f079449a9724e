"""Corpus rows that are seed lists or command lines.

Seed lists are read with ``read_seeds`` and with ``graphbuild crawl``. Rejected input must cause no
call, a documented exit code and a message.
"""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

from graphbuild.errors import SeedError
from graphbuild.seeds import parse_seeds, read_seeds
from graphbuild.store import Store
from tests.support.forking import environment
from tests.support.keys import CANARY
from tests.torture.payloads import SUBJECT, Memory, content, fill_placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphbuild.seeds import SeedList
    from tests.support.forking import Zygote
    from tests.torture.responses import CorpusServer

    Row = Mapping[str, Any]


def seeds(row: Row, folder: Path, server: CorpusServer, zygote: Zygote | None) -> str:
    """Read a seed list with the library and, given a zygote, with the command line."""
    path = folder / "list.txt"
    path.write_bytes(content(row))
    Memory.begin()
    try:
        return _library(row, path) or (_crawl(row, path, server, zygote) if zygote else "")
    finally:
        path.unlink()  # some rows are large, and one contains the key


def _library(row: Row, path: Path) -> str:
    expected = row["library"] if isinstance(row.get("library"), str) else row["expect"]
    try:
        found = read_seeds(path)
    except SeedError as error:
        if expected != "STOP":
            return f"the whole list is rejected: {error}"
        return _check_message(row, str(error))
    if expected == "STOP":
        return "accepted as a seed list"
    return _check_counts(row, found) or _check_line_messages(row, found)


def _check_counts(row: Row, found: SeedList) -> str:
    for name, number in (
        ("seeds", len(found)),
        ("rejected", len(found.rejected)),
        ("repeats", found.duplicates),
    ):
        if row.get(name) is not None and row[name] != number:
            return f"{number} {name}, not {row[name]}"
    return ""


def _check_line_messages(row: Row, found: SeedList) -> str:
    """Check the messages about rejected lines and the warnings."""
    output = "\n".join([*map(str, found.rejected[:9]), *found.warnings[:9]])
    if any(not char.isprintable() for char in output.replace("\n", "")):
        return f"prints {output[:200]!a}"
    return "" if isinstance(row.get("library"), str) else _check_message(row, output)


def _check_message(row: Row, messages: str) -> str:
    expected = row.get("remark")
    return (
        "" if not expected or expected in messages else f"says {messages[:200]!a}, not {expected!a}"
    )


def _crawl(row: Row, path: Path, server: CorpusServer, zygote: Zygote) -> str:
    """Crawl with the command line; a rejected list must cause no call."""
    if row.get("library") is True:  # too long for a fast test
        return ""
    server.api.clear_faults()
    before = len(server.api.log)
    store = path.with_name("lists.db")
    argv = ["crawl", str(path), "--store", str(store), "--base-url", server.base_url]
    argv += ["--api-flavor", "classic"]  # auto makes calls beyond those of the list
    code, output = _run(zygote, argv, path.with_name("list.out"), CANARY)
    calls = len(server.api.log) - before
    if row["expect"] == "STOP":
        if code != 1 or calls:
            return f"ends with {code} and {calls} calls: {output[-200:]!a}"
        return (
            _check_message(row, output)
            or _check_output(output)
            or _check_key_is_not_stored(path.parent)
        )
    expected = row.get("seeds")
    if code not in {0, 4} or (expected is not None and calls != expected):
        return f"ends with {code} and {calls} calls: {output[-200:]!a}"
    return _check_output(output)


def _check_key_is_not_stored(folder: Path) -> str:
    """A key in a seed list must not be stored: a later run would request it."""
    kept = [path.name for path in folder.glob("lists.db*") if CANARY.encode() in path.read_bytes()]
    return f"the key is stored in {kept[0]}" if kept else ""


def command(row: Row, folder: Path, server: CorpusServer, zygote: Zygote | None) -> str:
    """Run a command that must be rejected with the expected exit code and message."""
    if zygote is None:
        return ""
    placeholders = _create_files(folder, server)
    before = len(server.api.log)
    argv = [fill_placeholders(each, placeholders) for each in row["argv"]]
    key = fill_placeholders(row.get("key", CANARY))
    code, output = _run(zygote, argv, folder / "command.out", key)
    calls = len(server.api.log) - before
    kept = (folder / "list.txt").read_text("utf-8")
    (folder / "list.txt").unlink()
    if code != row["code"] or calls:
        return f"ends with {code} and {calls} calls, not {row['code']}: {output[-300:]!a}"
    if kept != f"{SUBJECT}\n":
        return "the seed list has changed"
    return _check_message(row, output) or _check_output(output)


def _create_files(folder: Path, server: CorpusServer) -> dict[str, str]:
    """Create the files that command lines use; return their placeholders."""
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
        "@URL": server.base_url,
    }


def _run(zygote: Zygote, argv: list[str], out: Path, key: str) -> tuple[int, str]:
    variables = environment(VT_APIKEY=key, HOME=str(out.parent))
    running = zygote.start(*argv, out=out, variables=variables)
    code = running.end(60.0)
    return code, running.said()


def _check_output(output: str) -> str:
    """Check that there is no traceback, no control character and no key."""
    if "Traceback" in output:
        return f"a traceback: {output[-300:]!a}"
    if CANARY in output.lower():
        return "prints the key"
    unprintable = [char for char in output if not char.isprintable() and char != "\n"]
    return f"prints {unprintable[0]!a}" if unprintable else ""
