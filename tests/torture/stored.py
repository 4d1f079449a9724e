"""Corpus rows that are files: GraphML and campaign files.

A campaign file that is refused must be left as it was, to the byte.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbuild.api.parser import parse_page
from graphbuild.errors import ExportError, GraphbuildError
from graphbuild.exporters import read_graphml
from graphbuild.graph.builder import build_graph, extract_observations
from graphbuild.store import Store, find_damage
from tests.torture.campaigns import digest
from tests.torture.payloads import Memory, content

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.torture.responses import CorpusServer

    Row = Mapping[str, Any]


def graphml(row: Row, folder: Path) -> str:
    """Read a GraphML file; a rejected file must raise an ExportError with a reason."""
    path = folder / "graph.graphml"
    path.write_bytes(content(row))
    Memory.begin()
    try:
        list(extract_observations(read_graphml(path)))
    except ExportError as error:
        return _judge(row, "STOP", str(error))
    finally:
        path.unlink()
    return _judge(row, "OK", "")


def store(row: Row, folder: Path, server: CorpusServer) -> str:
    """Damage a valid campaign file and use it in every way."""
    path = _good(folder, server)
    _damage(row, path)
    before = digest(path)
    crawled, message = "OK", ""
    for use in (_look, _open):
        try:
            use(path)
        except GraphbuildError as error:
            crawled, message = "STOP", str(error)
            if use is _look and digest(path) != before:
                return "looking at it changed it"
    if row.get("checked"):  # the file is valid, but its contents are wrong
        return "" if crawled == "STOP" or _damages(path) else "the check finds nothing"
    if crawled == "STOP" and "sql" not in row and digest(path) != before:
        return "it was refused and changed all the same"
    return _judge(row, crawled, message)


def _good(folder: Path, server: CorpusServer) -> Path:
    """Return a campaign file with the pages of one subject and no log file."""
    server.api.clear_faults()
    model = folder.parent / "model.db"
    if not model.exists():
        (folder / "model").mkdir()
        server.crawl(folder / "model")
        with closing(sqlite3.connect(folder / "model" / "campaign.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(folder / "model" / "campaign.db", model)
    return Path(shutil.copy(model, folder / "campaign.db"))


def _damage(row: Row, path: Path) -> None:
    if "sql" in row:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(row["sql"])
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    whole = path.read_bytes()
    if "cut" in row:
        path.write_bytes(whole[: int(len(whole) * row["cut"])])
    elif "cut_bytes" in row:
        path.write_bytes(whole[: -row["cut_bytes"]])
    elif "keep" in row:
        path.write_bytes(whole[: row["keep"]] + b"\xa5" * (len(whole) - row["keep"]))
    else:
        path.write_bytes(content(row))


def _look(path: Path) -> None:
    """Read a campaign file in every way."""
    with Store.read(path) as opened:
        build_graph(opened.observations(), subjects=opened.subjects())
        list(opened.statuses())
        opened.totals()
        for page in opened.pages():
            parse_page(page.body, page.subject)


def _open(path: Path) -> None:
    with Store.open(path) as opened:
        opened.tasks.has_pending()
        opened.totals()
        list(opened.observations())
        list(opened.pages())


def _damages(path: Path) -> list[object]:
    with Store.read(path) as opened:
        return list(find_damage(opened))


def _judge(row: Row, crawled: str, message: str) -> str:
    if crawled not in {row["expect"], *row.get("either", ())}:
        return f"came to {crawled} ({message[:200]!a}), not {row['expect']}"
    if crawled == "STOP" and row.get("remark") and row["remark"] not in message:
        return f"says {message[:200]!a}, not {row['remark']!a}"
    return ""
