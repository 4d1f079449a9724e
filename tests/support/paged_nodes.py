"""Check the pages of all nodes of a large campaign against the counts of the campaign file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.store import Store
from tests.support.large_campaigns import write_memberships
from tests.support.mcp_session import run_session
from tests.support.planted_campaigns import PlantedCampaigns

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.mcp_session import Session

_COLLECTIONS = 10


def check_pages(path: Path, nodes: int, limit: int) -> None:
    """Write a campaign of ``nodes`` nodes, and request all pages of ``limit`` nodes."""
    references = nodes // 2
    files = nodes - references - _COLLECTIONS
    holds = {
        f"c{number}": [f"report {each}" for each in range(number, references, _COLLECTIONS)]
        for number in range(_COLLECTIONS)
    }
    members = {f"{number:064x}": [f"c{number % _COLLECTIONS}"] for number in range(files)}
    if references // _COLLECTIONS > 50:  # so that the number of observations stays small
        holds = {name: listed[:50] for name, listed in holds.items()}
    loose = {
        file: [f"report {number}" for number in range(start, references, files)]
        for start, file in enumerate(members)
    }
    write_memberships(path, PlantedCampaigns(members, holds, loose, {}))
    with Store.read(path) as store:
        totals = store.totals()
    assert totals.subjects + totals.references + totals.collections == nodes

    async def use(session: Session) -> None:
        keys: list[str] = []
        async for page in session.pages("search", "nodes", limit=limit):
            assert page["total"] == nodes
            assert len(page["nodes"]) <= limit
            keys += [each["untrusted_key"] for each in page["nodes"]]
        assert len(keys) == len(set(keys)) == nodes
        for kind, count in (
            ("file", totals.files),
            ("reference", totals.references),
            ("collection", totals.collections),
        ):
            assert sum(key.startswith(f"{kind}:") for key in keys) == count
            assert (await session.call("search", type=kind, limit=1))["total"] == count

    errors: list[str] = []
    run_session(path, use, errors)
    assert errors == []
