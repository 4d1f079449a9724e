"""Missing external tools are reported or errors; available ones are built once."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from tests.support.external_tools import ExternalTool, report_skipped_tools

TOOL = ExternalTool("the tests with it", "GRAPHBUILD_REQUIRE_IT", "install it")
COUNT = "print('made', file=open('count', 'a'))"


def report(*messages):
    """Return the lines at the end of a test run with these skip messages."""
    lines = []
    reports = {
        "skipped": [SimpleNamespace(longrepr=("a.py", 1, f"Skipped: {m}")) for m in messages]
    }
    terminal = SimpleNamespace(stats=reports, write_line=lambda line, **_: lines.append(line))
    report_skipped_tools(terminal)
    return [line for line in lines if line]


def build(folder, source, code, unreachable="no network"):
    TOOL.build(folder / "made", [source], [sys.executable, "-c", code], unreachable)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_text("1")
    return path


def test_a_missing_tool_skips_and_is_reported_once(monkeypatch):
    monkeypatch.delenv("GRAPHBUILD_REQUIRE_IT", raising=False)
    with pytest.raises(pytest.skip.Exception) as caught:
        TOOL.require("sh", "no-such-tool", "nor-this")
    assert report(caught.value.msg, "for another reason", caught.value.msg) == [
        "NOT RUN: the tests with it, no no-such-tool and no nor-this; install it"
    ]


def test_a_missing_required_tool_fails(monkeypatch):
    monkeypatch.setenv("GRAPHBUILD_REQUIRE_IT", "1")
    with pytest.raises(pytest.fail.Exception, match="NOT RUN"):
        TOOL.require("no-such-tool")


def test_an_available_tool_is_not_reported():
    TOOL.require("sh")
    assert report() == []


def test_a_tool_is_rebuilt_only_for_other_sources(tmp_path, source):
    count = tmp_path / "made" / "count"
    for _ in range(2):
        build(tmp_path, source, COUNT)
        assert count.read_text() == "made\n"
    count.write_text("old\n")
    source.write_text("2")
    build(tmp_path, source, COUNT)
    assert count.read_text() == "made\n"  # in an emptied folder


def test_a_failed_download_skips_and_is_retried(tmp_path, source, monkeypatch):
    monkeypatch.delenv("GRAPHBUILD_REQUIRE_IT", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"could not download.*with a network"):
        build(tmp_path, source, "import sys; sys.exit('there is no network')")
    build(tmp_path, source, COUNT)
    assert (tmp_path / "made" / "count").exists()


def test_other_failures_fail(tmp_path, source):
    with pytest.raises(AssertionError, match="a fault in the sources"):
        build(tmp_path, source, "import sys; sys.exit('a fault in the sources')")
