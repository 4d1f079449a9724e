"""The quick share of the torture rig: a little of each part in every run of the tests.

All of it, some thousand rounds, is ``python -m tests.torture``.
"""

from __future__ import annotations

import base64
import importlib
from typing import TYPE_CHECKING

import pytest

from tests.support.keys import CANARY
from tests.torture import canary, corpus, forking, power, tracing
from tests.torture.forking import Zygote
from tests.torture.tally import Tally, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(bool(forking.possible()), reason=forking.possible() or "possible")

# A part and its rounds here; seeds differ from the full rig's so that the two do not do the same.
QUICK = {
    "kills": 20,
    "workers": 10,
    "signals": 10,
    "corpus": 70,
    "traps": 0,
    "flips": 10,
    "syscalls": 8,
    "transport": 8,
    "clocks": 12,
    "power": 15,
}
SEED = 7
TRACED = frozenset({"syscalls", "power"})


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as made:
        yield made


@pytest.mark.parametrize("part", QUICK)
def test_no_promise_is_broken_and_the_key_left_nowhere(
    part: str, tmp_path: Path, zygote: Zygote
) -> None:
    if part in TRACED and tracing.possible():
        pytest.skip(f"{part} did NOT run: {tracing.possible()}")
    tally = importlib.import_module(f"tests.torture.{part}").run(
        tmp_path, QUICK[part], SEED, zygote
    )
    assert not tally.missing
    assert not tally.broken, "\n".join(tally.broken)
    assert tally.rounds >= QUICK[part]
    assert (tally.lost, tally.unreadable, tally.key_bytes) == (0, 0, 0)
    # Here and not after all parts: they may run in several processes, one here and one there.
    left = canary.scan(tmp_path)
    assert not left.broken, "\n".join(left.broken)


# --- the rig itself ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
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
def test_the_canary_is_found_however_it_is_written(tmp_path: Path, written: str) -> None:
    (tmp_path / "log.txt").write_text(f"before{written}after", encoding="utf-8")
    assert canary.scan(tmp_path).broken


def test_a_disk_that_lies_about_syncs_is_seen_to_lose_pages(
    tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tracing.possible():
        pytest.skip(tracing.possible())
    monkeypatch.setattr(power.Content, "sync", lambda _: None)
    tally = power.run(tmp_path, 10, SEED, zygote)
    assert tally.lost or tally.unreadable


def test_the_corpus_has_a_row_of_each_kind_and_no_id_twice() -> None:
    rows = corpus.read()
    assert len({row["id"] for row in rows}) == len(rows) >= 300
    kinds = {"http", "page", "title", "seeds", "command", "graphml", "store"}
    assert {row["kind"] for row in rows} == kinds


def test_the_table_names_parts_that_did_not_run() -> None:
    said = table([Tally("kills", rounds=3).done(), Tally("syscalls", missing="no strace")])
    assert "syscalls: DID NOT RUN: no strace" in said
