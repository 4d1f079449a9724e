"""What mutmut leaves in its folder, read: each change, where it is, whether it was noticed."""

from __future__ import annotations

import ast
import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# mutmut's exit codes; the others are kills of some sort.
_SURVIVED, _UNREACHED, _ENDLESS = 0, (5, 33), (-24, 24, 36, 152, 255)
_MARK = "__mutmut_"
_BETWEEN = "ǁ"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change to the code.

    Attributes:
        name: mutmut's.
        place: file and line.
        change: the lines before and after.
        words: whether it is one of words only.
        code: how its tests ended; None where they did not run.
    """

    name: str
    place: str
    change: str
    words: bool
    code: int | None

    @property
    def noticed(self) -> bool:
        """Whether a test failed, or never ended."""
        return self.code not in {_SURVIVED, *_UNREACHED}

    @property
    def endless(self) -> bool:
        """Whether they were ended, as they took too long."""
        return self.code in _ENDLESS


def names(folder: Path) -> list[str]:
    """The names of all changes there are, but those of words only."""
    return sorted(each.name for each in _all(folder) if not each.words)


def mutants(folder: Path, chosen: set[str]) -> list[Mutant]:
    """The changes that were to be tried.

    Raises:
        RuntimeError: one of them was not.
    """
    found = [each for each in _all(folder) if each.name in chosen]
    if not found or any(each.code is None for each in found):
        raise RuntimeError(f"mutmut did not come to its end; see {folder / 'log'}")
    return found


def told(room: str, found: list[Mutant]) -> str:
    """The changes nobody noticed, and the score."""
    missed = [each for each in found if not each.noticed]
    lines = []
    for each in missed:
        how = "survived" if each.code == _SURVIVED else "reached by no test"
        lines += [f"{each.place}: {how} ({each.name})", each.change]
    noticed = len(found) - len(missed)
    endless = sum(each.endless for each in found)
    lines.append(
        f"{room}: {100 * noticed / len(found):.1f} %: {noticed} of {len(found)} changes noticed,"
        f" {endless} of them as the tests did not end\n"
    )
    return "\n".join(lines)


def _all(folder: Path) -> Iterator[Mutant]:
    return (each for path, codes in _codes(folder) for each in _mutants(folder, path, codes))


def _codes(folder: Path) -> Iterator[tuple[Path, dict[str, int | None]]]:
    """Each changed file, and how the tests of its changes ended."""
    for path in sorted((folder / "mutants").rglob("*.py.meta")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        yield path.with_suffix(""), kept["exit_code_by_key"]


def _mutants(folder: Path, path: Path, codes: dict[str, int | None]) -> Iterator[Mutant]:
    source = path.read_text(encoding="utf-8")
    versions = {node.name: node for node in _functions(ast.parse(source))}
    lines = source.splitlines()
    where = path.relative_to(folder / "mutants")
    starts = _starts((folder / where).read_text(encoding="utf-8"))
    for name, code in codes.items():
        changed = name.rpartition(".")[2]
        function = changed.rpartition(_MARK)[0]
        before, after = versions[f"{function}{_MARK}orig"], versions[changed]
        offset, change = _difference(_text(before, lines), _text(after, lines))
        place = f"{where}:{starts[function] + offset}"
        yield Mutant(name, place, change, _blank(before) == _blank(after), code)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _starts(source: str) -> dict[str, int]:
    """The line of each function of a file, by mutmut's name for it."""
    starts = {}
    tree = ast.parse(source)
    for owner in ast.walk(tree):
        if isinstance(owner, ast.Module | ast.ClassDef):
            inner = (
                f"x{_BETWEEN}{owner.name}{_BETWEEN}" if isinstance(owner, ast.ClassDef) else "x_"
            )
            for node in owner.body:
                if isinstance(node, ast.FunctionDef):
                    starts[inner + node.name] = node.lineno
    return starts


def _text(function: ast.FunctionDef, lines: list[str]) -> list[str]:
    text = lines[function.lineno - 1 : function.end_lineno]
    return [line.replace(function.name, function.name.partition(_MARK)[0]) for line in text]


def _difference(before: list[str], after: list[str]) -> tuple[int, str]:
    """In which line it begins, and what it is."""
    pairs = enumerate(zip(before, after, strict=False))
    offset = next((number for number, (old, new) in pairs if old != new), 0)
    return offset, "\n".join(_changed(difflib.ndiff(before, after)))


def _changed(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line[0]} {line[1:].strip()}" for line in lines if line[0] in "-+")


def _blank(function: ast.FunctionDef) -> str:
    """The function without its name and without any words in it."""
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    body = ast.dump(ast.Module(function.body, []))
    return ast.dump(function.args) + body
