"""Pages and cursors: exact totals, and campaign files that change between pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graphbuild.models import Entity, Observation
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.campaign_files import write_campaign
from tests.support.mcp_session import run_session
from tests.support.paged_nodes import check_pages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.mcp_session import Session

FILES = [Entity("file", f"{number:064x}") for number in range(1, 6)]
REPORT = Entity("reference", f"{99:064x}", {"title": "A report"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.db"
    write_campaign(path, [Observation(file, REPORT, None) for file in FILES])
    return path


def test_the_pages_of_a_list_contain_each_node_once(tmp_path: Path) -> None:
    """The torture part `mcp` does the same with 10,000 nodes."""
    check_pages(tmp_path / "campaign.db", 500, limit=125)


def test_a_list_is_stable_while_a_crawl_writes_and_the_change_is_reported(path: Path) -> None:
    async def use(session: Session) -> None:
        first = await session.call("search", limit=2)
        assert (first["total"], first["file_changed"]) == (6, False)
        writer.add_seeds(parse_seeds([f"{0xABC:064x}"]))
        second = await session.call("search", limit=3, cursor=first["next_cursor"])
        assert (second["total"], second["file_changed"]) == (6, True)
        assert second["completeness"] == first["completeness"]
        third = await session.call("search", cursor=second["next_cursor"])
        pages = (first, second, third)
        keys = [each["untrusted_key"] for page in pages for each in page["nodes"]]
        assert keys == [*(file.key for file in FILES), REPORT.key]
        # A call without a cursor reads the new state, and the earlier cursors become stale.
        newest = await session.call("search", limit=2)
        assert (newest["total"], newest["file_changed"]) == (7, False)
        assert newest["completeness"]["pending"] == 1
        message = await session.error("search", limit=2, cursor=first["next_cursor"])
        assert message.startswith("stale cursor: the campaign file has changed")

    errors: list[str] = []
    with Store.open(path) as writer:
        run_session(path, use, errors)
    assert errors == []


def test_a_replaced_file_is_noticed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    write_campaign(other, [Observation(FILES[0], REPORT, None)])

    async def use(session: Session) -> None:
        first = await session.call("search", limit=2)
        other.replace(path)
        second = await session.call("search", cursor=first["next_cursor"])
        assert (second["total"], second["file_changed"]) == (6, True)
        assert (await session.call("search"))["total"] == 2

    run_session(path, use, [])


def test_a_cursor_of_another_tool_or_other_arguments_is_refused(path: Path) -> None:
    async def use(session: Session) -> None:
        cursor = (await session.call("search", limit=1))["next_cursor"]
        for tool, arguments in (
            ("search", {"type": "file"}),
            ("search", {"text": "report"}),
            ("completeness", {"state": "all"}),
        ):
            assert "invalid cursor" in await session.error(tool, **arguments, cursor=cursor)
        changed = ("B" if cursor[0] == "A" else "A") + cursor[1:]
        assert "invalid cursor" in await session.error("search", cursor=changed)
        assert (await session.call("search", cursor=cursor, limit=5))["returned"] == 5

    run_session(path, use, [])


def test_a_cursor_of_another_server_is_refused(path: Path) -> None:
    cursors: list[str] = []

    async def first(session: Session) -> None:
        cursors.append((await session.call("search", limit=1))["next_cursor"])

    async def second(session: Session) -> None:
        assert "invalid cursor" in await session.error("search", cursor=cursors[0])

    run_session(path, first, [])
    run_session(path, second, [])
