"""A client session of the SDK with a server of a campaign file, and checks of all results."""

from __future__ import annotations

import json
import re
import unicodedata
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from mcp import Client

from graphbuild.mcp import build_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from mcp.types import Tool

    Result = dict[str, Any]

MARK = "untrusted_"
MAX_LENGTH = 1_001  # characters of a text, including an ellipsis
TOOLS = ("search", "node", "neighbors", "explain", "communities", "overlap", "completeness")
# All texts outside the marked fields: words of graphbuild, dates, cursors, labels of subclusters.
TRUSTED = re.compile(
    r"[a-z]+(?:_[a-z]+)*|average linkage of shared evidence|[0-9]+[a-z]*"
    r"|\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?|[A-Za-z0-9_-]{40,60}={0,2}"
)
# Categories of unprintable characters, and characters of other categories that are not drawn.
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
NOT_DRAWN = frozenset(map(chr, (0x34F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10))))


class Session:
    """A connected client that checks each result against the schema of its tool."""

    def __init__(self, client: Client, tools: dict[str, Tool]) -> None:
        from jsonschema import Draft202012Validator  # noqa: PLC0415  a slow import

        self._client = client
        self.tools = tools
        schemas = {name: tool.output_schema for name, tool in tools.items()}
        self._validators = {name: Draft202012Validator(each) for name, each in schemas.items()}

    async def call(self, tool: str, **arguments: object) -> Result:
        """Return the result of a tool; fail if it is an error or differs from the schema."""
        result = await self._client.call_tool(tool, arguments)
        (content,) = result.content
        assert not result.is_error, content.text
        found: Result = result.structured_content
        self._validators[tool].validate(found)
        assert json.loads(content.text) == found
        check_untrusted(found)
        return found

    async def error(self, tool: str, **arguments: object) -> str:
        """Return the message of a tool that refuses its arguments."""
        result = await self._client.call_tool(tool, arguments)
        (content,) = result.content
        assert result.is_error, content.text
        assert result.structured_content is None
        return content.text

    async def pages(self, tool: str, entries: str, **arguments: object) -> AsyncIterator[Result]:
        """Yield all pages of a list; check that the numbers of each page are right."""
        seen, cursor = 0, None
        while True:
            given = arguments if cursor is None else {**arguments, "cursor": cursor}
            page = await self.call(tool, **given)
            seen += len(page[entries])
            assert page["returned"] == len(page[entries])
            cursor = page["next_cursor"]
            assert (cursor is None) == (seen == page["total"])
            yield page
            if cursor is None:
                return

    async def entries(self, tool: str, entries: str, **arguments: object) -> list[Result]:
        """Return the entries of all pages of a list."""
        pages = self.pages(tool, entries, **arguments)
        return [entry async for page in pages for entry in page[entries]]


@asynccontextmanager
async def connect(client: Client) -> AsyncIterator[Session]:
    """Connect a client, and request the list of tools."""
    async with client:
        listed = (await client.list_tools()).tools
        yield Session(client, {tool.name: tool for tool in listed})


def run_session(path: Path, use: Callable[[Session], Awaitable[None]], errors: list[str]) -> None:
    """Call ``use`` with a session in this process; add reported errors to ``errors``."""

    async def main() -> None:
        server, close = build_server(path, errors.append)
        try:
            async with connect(Client(server, mode="legacy")) as session:
                await use(session)
        finally:
            close()

    anyio.run(main)


def check_untrusted(result: Result) -> None:
    """Check that text of strangers is only in marked fields, without what people cannot see."""
    for text, is_marked in texts(result):
        if is_marked:
            hidden = [
                char
                for char in text
                if unicodedata.category(char) in UNPRINTABLE
                or char in NOT_DRAWN
                or 0xE0100 <= ord(char) <= 0xE01EF
            ]
            assert not hidden, ascii(text)
            assert len(text) <= MAX_LENGTH, ascii(text)
            assert not re.search(r"(?i)https?://", text), ascii(text)
        else:
            assert TRUSTED.fullmatch(text), ascii(text)


def texts(value: object, *, is_marked: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield each text and field name of a result, and whether it is in a marked field."""
    if isinstance(value, str):
        yield value, is_marked
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, is_marked=is_marked)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name, False
            yield from texts(each, is_marked=is_marked or name.startswith(MARK))


async def call_every_tool(session: Session) -> dict[str, Result]:
    """Call each tool with the arguments that a client would take from earlier results."""
    found = {"search": await session.call("search", type="file")}
    source, target = (each["untrusted_key"] for each in found["search"]["nodes"][:2])
    found["node"] = await session.call("node", node=source)
    found["neighbors"] = await session.call("neighbors", node=source)
    found["explain"] = await session.call("explain", source=source, target=target)
    found["communities"] = await session.call("communities")
    found["overlap"] = await session.call("overlap", all=True)
    found["completeness"] = await session.call("completeness", state="all")
    return found
