"""A tool that is missing is told, or an error where it must be; one that is there is made once."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from tests.support.external_tools import ExternalTool, report_skipped_tools

TOOL = ExternalTool("the tests with it", "GRAPHBUILD_REQUIRE_IT", "install it")
COUNT = "print('made', file=open('count', 'a'))"


def told(*missed):
    """What is said at the end of a run of which these are the reports."""
    lines = []
    reports = {"skipped": [SimpleNamespace(longrepr=("a.py", 1, f"Skipped: {m}")) for m in missed]}
    terminal = SimpleNamespace(stats=reports, write_line=lambda line, **_: lines.append(line))
    report_skipped_tools(terminal)
    return [line for line in lines if line]


def make(folder, source, code, unreachable="no network"):
    TOOL.build(folder / "made", [source], [sys.executable, "-c", code], unreachable)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_text("1")
    return path


def test_a_missing_tool_skips_and_is_told_once(monkeypatch):
    monkeypatch.delenv("GRAPHBUILD_REQUIRE_IT", raising=False)
    with pytest.raises(pytest.skip.Exception) as caught:
        TOOL.require("sh", "no-such-tool", "nor-this")
    assert told(caught.value.msg, "for another reason", caught.value.msg) == [
        "NOT RUN: the tests with it, no no-such-tool and no nor-this; install it"
    ]


def test_a_missing_tool_that_must_be_there_fails(monkeypatch):
    monkeypatch.setenv("GRAPHBUILD_REQUIRE_IT", "1")
    with pytest.raises(pytest.fail.Exception, match="NOT RUN"):
        TOOL.require("no-such-tool")


def test_a_tool_that_is_there_is_not_told():
    TOOL.require("sh")
    assert told() == []


def test_a_tool_is_made_again_only_of_other_sources(tmp_path, source):
    count = tmp_path / "made" / "count"
    for _ in range(2):
        make(tmp_path, source, COUNT)
        assert count.read_text() == "made\n"
    count.write_text("old\n")
    source.write_text("2")
    make(tmp_path, source, COUNT)
    assert count.read_text() == "made\n"  # in an emptied folder


def test_what_cannot_be_fetched_is_missed_and_tried_again(tmp_path, source, monkeypatch):
    monkeypatch.delenv("GRAPHBUILD_REQUIRE_IT", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"could not download.*with a network"):
        make(tmp_path, source, "import sys; sys.exit('there is no network')")
    make(tmp_path, source, COUNT)
    assert (tmp_path / "made" / "count").exists()


def test_any_other_failure_is_one(tmp_path, source):
    with pytest.raises(AssertionError, match="a fault in the sources"):
        make(tmp_path, source, "import sys; sys.exit('a fault in the sources')")
