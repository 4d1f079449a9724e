"""The run of the tests itself: what several processes find out, one summary says."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.keys import CANARY
from tests.support.paths import TESTS

SOME = """
import logging
import sys

import pytest
from tests.support.chromium import launch_chromium
from hypothesis import given, strategies as st
from tests.support.keys import CANARY


def test_silent():
    assert sys.gettrace() is not None


@given(st.just(1))
def test_law(_):
    assert sys.gettrace() is None


@pytest.mark.bulk
def test_bulk():
    assert sys.gettrace() is None


def test_printing():
    print("Key: " + CANARY)


def test_printing_to_the_other_stream():
    sys.stderr.write(CANARY.upper())


def test_logging():
    logging.getLogger("x").warning("asked with %s", CANARY[::-1])


@pytest.fixture
def writing():
    print(CANARY)


def test_preparing(writing):
    pass


def test_looking():
    with launch_chromium():
        pass
"""


@pytest.fixture(scope="module", params=[[], ["-n2"]], ids=["in one process", "in two"])
def said(request, tmp_path_factory):
    """What a run of some tests says that have no browser."""
    folder = tmp_path_factory.mktemp("some")
    (folder / "test_some.py").write_text(SOME)
    (folder / "bin").mkdir()
    outer = {"GRAPHBUILD_REQUIRE_BROWSER", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"}
    environment = {name: text for name, text in os.environ.items() if name not in outer}
    environment["PATH"] = str(folder / "bin")
    environment["PYTHONPATH"] = str(TESTS.parent)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = bulk: so much of one thing\n")
    environment["COVERAGE_CORE"] = "ctrace"  # the one that doubles the time of what it looks at
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-rA", "--cov-report="]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--cov=graphbuild", *options, *request.param],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_a_test_that_writes_the_key_anywhere_fails_and_nobody_is_shown_it(said):
    for name, where in (
        ("test_printing", "stdout call (plain)"),
        ("test_printing_to_the_other_stream", "stderr call (plain)"),
        ("test_logging", "log call (reversed)"),
        ("ERROR at setup of test_preparing", "stdout setup (plain)"),
    ):
        told = re.escape(f"the key stands in captured {where}")
        assert re.search(rf"_ {name} _+\n(\[gw.*\n)?{told}$", said, re.MULTILINE), name
    for written in (CANARY, CANARY.upper(), CANARY[::-1]):
        assert written not in said


def test_that_browser_tests_did_not_run_is_said_on_a_line_of_its_own(said):
    *_, last = said.rstrip().splitlines()
    assert re.search("^NOT RUN: browser tests, no Chromium; install", said, re.MULTILINE)
    assert re.search("3 failed, 3 passed, 1 skipped, 1 error in .* s?=+$", last)


def test_neither_laws_nor_bulk_are_measured(said):
    for name in ("silent", "law", "bulk"):
        assert f"PASSED test_some.py::test_{name}" in said
