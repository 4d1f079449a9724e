"""The measure of the tests: that it counts what it says, and knows rooms and tests that exist."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING

import pytest

from tests.mutation.report import mutants, names, told
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ORIGINAL = '''"""A room."""

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
CHANGED = '''"""A room."""

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
WEIGH = "graphbuild.room.xǁScalesǁweigh__mutmut_"
TOTAL = "graphbuild.room.x_total__mutmut_1"


def left_behind(folder: Path, codes: dict[str, int | None]) -> Path:
    for place, text in (("", ORIGINAL), ("mutants", CHANGED)):
        path = folder / place / "graphbuild" / "room.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    path.with_suffix(".py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    return folder


def test_what_nobody_noticed_is_listed_with_its_place_and_words_do_not_count(
    tmp_path: Path,
) -> None:
    codes = {f"{WEIGH}1": 0, f"{WEIGH}2": None, f"{WEIGH}3": 36, TOTAL: 33}
    folder = left_behind(tmp_path, codes)
    counted = names(folder)
    assert counted == sorted({*codes} - {f"{WEIGH}2"})
    text = told("room", mutants(folder, set(counted)))
    assert "graphbuild/room.py:8: survived" in text
    assert "    - if left > right:\n    + if left >= right:" in text
    assert "graphbuild/room.py:14: reached by no test" in text
    assert "room: 33.3 %: 1 of 3 changes noticed, 1 of them as the tests did not end" in text


@pytest.mark.parametrize(("code", "noticed"), [(0, False), (33, False), (1, True), (36, True)])
def test_a_test_that_fails_or_never_ends_has_noticed(tmp_path: Path, code: int, noticed) -> None:
    (one,) = mutants(left_behind(tmp_path, {TOTAL: code}), {TOTAL})
    assert (one.noticed, one.words) == (noticed, False)


def test_only_what_was_chosen_counts(tmp_path: Path) -> None:
    folder = left_behind(tmp_path, {f"{WEIGH}1": None, TOTAL: 1})
    assert [each.name for each in mutants(folder, {TOTAL})] == [TOTAL]


@pytest.mark.parametrize("codes", [{}, {TOTAL: None}, {TOTAL: 1, f"{WEIGH}1": None}])
def test_a_run_that_did_not_come_to_its_end_is_told(tmp_path: Path, codes: dict) -> None:
    with pytest.raises(RuntimeError, match="did not come to its end"):
        mutants(left_behind(tmp_path, codes), {TOTAL, f"{WEIGH}1"})


def test_the_rooms_and_their_tests_exist() -> None:
    tests = runpy.run_path(str(ROOT / "tests" / "mutation" / "__main__.py"))["TESTS"]
    for room, files in tests.items():
        path = ROOT / "graphbuild" / room
        assert path.with_suffix(".py").exists() or path.is_dir()
        for name in filter(lambda word: word.endswith(".py"), files):
            assert (ROOT / "tests" / name).exists()
