"""A few rounds of each part of the torture tests.

``python -m tests.torture`` runs thousands of rounds.
"""

from __future__ import annotations

import base64
import http.client
import importlib
from typing import TYPE_CHECKING

import pytest

from graphbuild.api import connection, parser, responses
from graphbuild.api.transport import Transport
from tests.support import forking
from tests.support.forking import shared_zygote
from tests.support.keys import CANARY
from tests.torture import corpus, key_leaks, power, tracing, wire
from tests.torture.results import PartResult, format_table

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.forking import Zygote

pytestmark = pytest.mark.skipif(bool(forking.possible()), reason=forking.possible() or "possible")

# Part to its rounds here; the seed differs from that of a full run.
QUICK = {
    "kills": 6,
    "workers": 6,
    "merge": 6,
    "files": 3,
    "copies": 5,
    "signals": 6,
    "corpus": 25,
    "redirects": 0,
    "flips": 6,
    "syscalls": 3,
    "transport": 8,
    "wire": 25,
    "clocks": 12,
    "frugal": 5,
    "frugal_gti": 4,
    "power": 10,
    "claims": 6,
    "watch": 1,
    "mcp": 15,
    "engines": 1,
}
SEED = 7
TRACED = frozenset({"syscalls", "power"})


@pytest.fixture
def zygote() -> Zygote:
    return shared_zygote()


@pytest.mark.bulk
@pytest.mark.parametrize("part", QUICK)
def test_part_has_no_failures_and_leaks_no_key(part: str, tmp_path: Path, zygote: Zygote) -> None:
    if part in TRACED and tracing.possible():
        pytest.skip(f"{part} did NOT run: {tracing.possible()}")
    result = importlib.import_module(f"tests.torture.{part}").run(
        tmp_path, QUICK[part], SEED, zygote
    )
    assert not result.missing
    assert not result.failures, "\n".join(result.failures)
    assert result.rounds >= QUICK[part]
    assert (result.lost, result.unreadable, result.key_bytes) == (0, 0, 0)
    # After each part, because parts may run in different processes.
    leaks = key_leaks.scan(tmp_path)
    assert not leaks.failures, "\n".join(leaks.failures)


# --- the tools themselves


@pytest.mark.parametrize(
    "encoded",
    [
        CANARY,
        CANARY.upper(),
        *(base64.b64encode(b"x" * pad + CANARY.encode()).decode() for pad in range(3)),
        "".join(f"%{byte:02X}" for byte in CANARY.encode()),
        "".join(f"\\u{byte:04x}" for byte in CANARY.encode()),
        CANARY.encode().hex(),
        CANARY[::-1],
    ],
)
def test_the_key_is_found_in_every_encoding(tmp_path: Path, encoded: str) -> None:
    (tmp_path / "log.txt").write_text(f"before{encoded}after", encoding="utf-8")
    assert key_leaks.scan(tmp_path).failures


def test_lost_syncs_are_detected(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tracing.possible():
        pytest.skip(tracing.possible())
    monkeypatch.setattr(power.Content, "sync", lambda _: None)
    result = power.run(tmp_path, 10, SEED, zygote)
    assert result.lost or result.unreadable


def test_responses_to_earlier_requests_are_detected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its three protections, the client takes a late response for the next one."""
    monkeypatch.setattr(connection._Response, "begin", http.client.HTTPResponse.begin)
    monkeypatch.setattr(Transport, "close", lambda _: None)
    monkeypatch.setattr(responses, "check_self_link", lambda *_, **__: True)
    monkeypatch.setattr(parser, "parse_self_link", lambda _: None)
    failures = wire.run(tmp_path, 20, SEED, None).failures
    assert any("the server did not give" in each for each in failures)


def test_the_corpus_has_rows_of_all_kinds_and_unique_ids() -> None:
    rows = corpus.read()
    assert len({row["id"] for row in rows}) == len(rows) >= 300
    kinds = {"http", "page", "title", "seeds", "command", "graphml", "store"}
    assert {row["kind"] for row in rows} == kinds


def test_the_table_lists_parts_that_did_not_run() -> None:
    text = format_table(
        [PartResult("kills", rounds=3).finish(), PartResult("syscalls", missing="no strace")]
    )
    assert "syscalls: DID NOT RUN: no strace" in text
