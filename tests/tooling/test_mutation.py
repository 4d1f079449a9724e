"""The report of mutation tests, and its table of modules and tests."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING

import pytest

from tests.mutation.report import format_report, list_mutants, read_mutants
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ORIGINAL = '''"""A module."""

ONE = 1


class Scales:
    def weigh(self, left, right):
        if left > right:
            raise ValueError("too heavy")
        return left


def total(each):
    return sum(each)
'''
# The same as mutmut leaves it: the original and each change, side by side.
CHANGED = '''"""A module."""

ONE = 1


class Scales:
    def weigh(self, left, right):
        return None

    def xǁScalesǁweigh__mutmut_orig(self, left, right):
        if left > right:
            raise ValueError("too heavy")
        return left

    def xǁScalesǁweigh__mutmut_1(self, left, right):
        if left >= right:
            raise ValueError("too heavy")
        return left

    def xǁScalesǁweigh__mutmut_2(self, left, right):
        if left > right:
            raise ValueError("XXtoo heavyXX")
        return left

    def xǁScalesǁweigh__mutmut_3(self, left, right):
        if left > right:
            raise ValueError(None)
        return left


def x_total__mutmut_orig(each):
    return sum(each)


def x_total__mutmut_1(each):
    return sum(None)
'''
WEIGH = "graphbuild.module.xǁScalesǁweigh__mutmut_"
TOTAL = "graphbuild.module.x_total__mutmut_1"


def write_results(folder: Path, codes: dict[str, int | None]) -> Path:
    for subfolder, text in (("", ORIGINAL), ("mutants", CHANGED)):
        path = folder / subfolder / "graphbuild" / "module.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    path.with_suffix(".py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    return folder


def test_undetected_changes_are_listed_and_strings_are_skipped(
    tmp_path: Path,
) -> None:
    codes = {f"{WEIGH}1": 0, f"{WEIGH}2": None, f"{WEIGH}3": 36, TOTAL: 33}
    folder = write_results(tmp_path, codes)
    names = list_mutants(folder)
    assert names == sorted({*codes} - {f"{WEIGH}2"})
    text = format_report("module", read_mutants(folder, set(names)))
    assert "graphbuild/module.py:8: survived" in text
    assert "    - if left > right:\n    + if left >= right:" in text
    assert "graphbuild/module.py:14: covered by no test" in text
    assert "module: 33.3 %: 1 of 3 changes detected, 1 of them by a timeout" in text


@pytest.mark.parametrize(("code", "detected"), [(0, False), (33, False), (1, True), (36, True)])
def test_failures_and_timeouts_count_as_detected(tmp_path: Path, code: int, detected) -> None:
    (mutant,) = read_mutants(write_results(tmp_path, {TOTAL: code}), {TOTAL})
    assert (mutant.detected, mutant.only_strings) == (detected, False)


def test_only_named_changes_are_read(tmp_path: Path) -> None:
    folder = write_results(tmp_path, {f"{WEIGH}1": None, TOTAL: 1})
    assert [each.name for each in read_mutants(folder, {TOTAL})] == [TOTAL]


@pytest.mark.parametrize("codes", [{}, {TOTAL: None}, {TOTAL: 1, f"{WEIGH}1": None}])
def test_an_unfinished_run_is_an_error(tmp_path: Path, codes: dict) -> None:
    with pytest.raises(RuntimeError, match="did not finish"):
        read_mutants(write_results(tmp_path, codes), {TOTAL, f"{WEIGH}1"})


def test_the_modules_and_their_tests_exist() -> None:
    tests = runpy.run_path(str(ROOT / "tests" / "mutation" / "__main__.py"))["TESTS"]
    for module, files in tests.items():
        path = ROOT / "graphbuild" / module
        assert path.with_suffix(".py").exists() or path.is_dir()
        for name in filter(lambda each: each.endswith(".py"), files):
            assert (ROOT / "tests" / name).exists()
