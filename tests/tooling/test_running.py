"""The pytest hooks of ``tests/conftest.py``, in one process and in several."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.keys import CANARY
from tests.support.paths import TESTS

TESTS_TO_RUN = """
import logging
import sys

import pytest
from tests.support.chromium import launch_chromium
from hypothesis import given, strategies as st
from tests.support.keys import CANARY


def test_silent():
    assert sys.gettrace() is not None


@given(st.just(1))
def test_property(_):
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


@pytest.fixture(scope="module", params=[[], ["-n2"]], ids=["one process", "two processes"])
def output(request, tmp_path_factory):
    """Return the output of a test run without a browser."""
    folder = tmp_path_factory.mktemp("some")
    (folder / "test_some.py").write_text(TESTS_TO_RUN)
    (folder / "bin").mkdir()
    outer = {"GRAPHBUILD_REQUIRE_BROWSER", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"}
    environment = {name: text for name, text in os.environ.items() if name not in outer}
    environment["PATH"] = str(folder / "bin")
    environment["PYTHONPATH"] = str(TESTS.parent)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = bulk: large inputs\n")
    environment["COVERAGE_CORE"] = "ctrace"  # the slow core
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-rA", "--cov-report="]
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "--cov=graphbuild", *options, *request.param],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return process.stdout


def test_tests_that_print_the_key_fail_without_showing_it(output):
    for name, where in (
        ("test_printing", "stdout call (plain)"),
        ("test_printing_to_the_other_stream", "stderr call (plain)"),
        ("test_logging", "log call (reversed)"),
        ("ERROR at setup of test_preparing", "stdout setup (plain)"),
    ):
        message = re.escape(f"the key is in captured {where}")
        assert re.search(rf"_ {name} _+\n(\[gw.*\n)?{message}$", output, re.MULTILINE), name
    for encoded in (CANARY, CANARY.upper(), CANARY[::-1]):
        assert encoded not in output


def test_missing_tools_are_reported(output):
    *_, last = output.rstrip().splitlines()
    assert re.search("^NOT RUN: browser tests, no Chromium; install", output, re.MULTILINE)
    assert re.search("3 failed, 3 passed, 1 skipped, 1 error in .* s?=+$", last)


def test_property_and_bulk_tests_are_not_measured(output):
    for name in ("silent", "property", "bulk"):
        assert f"PASSED test_some.py::test_{name}" in output
