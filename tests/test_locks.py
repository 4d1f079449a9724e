"""The lock files are complete, and every install command uses one."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
EVERY_LOCK = pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
FLOORS = ROOT / "requirements" / "floors.lock"  # the lowest versions instead of the newest
CLIENTS = ROOT / "requirements" / "clients.lock"  # earlier versions, which pycti requires
NEWEST = [lock for lock in LOCKS if lock not in {FLOORS, CLIENTS}]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
# Files with commands that install packages automatically.
SCRIPTS = [
    path
    for path in (
        ROOT / "Makefile",
        *(ROOT / ".ci").rglob("*"),
        *(ROOT / ".github").rglob("*.yml"),
        ROOT / ".pre-commit-config.yaml",
    )
    if path.is_file()
]


class Pin(NamedTuple):
    """One entry of a lock: a requirement with exactly one version, and its hashes."""

    requirement: Requirement
    hashes: list[str]


@cache
def pins(lock: Path) -> dict[str, list[Pin]]:
    """Return the entries by package name; some have several versions for ranges of Python."""
    found: dict[str, list[Pin]] = {}
    for entry in re.findall(r"^[^\s#].*(?:\n[ ]+--hash.*)*", lock.read_text("utf-8"), re.MULTILINE):
        text, *hashes = re.split(r"\\?\s*--hash=", entry)
        requirement = Requirement(text.strip())
        pin = Pin(requirement, [each.rstrip("\\ ") for each in hashes])
        found.setdefault(canonicalize_name(requirement.name), []).append(pin)
    return found


def applicable_pins(lock: Path) -> dict[str, Requirement]:
    """Return the entries of a lock that apply to this Python on this platform."""
    return {
        name: entry.requirement
        for name, entries in pins(lock).items()
        for entry in entries
        if entry.requirement.marker is None or entry.requirement.marker.evaluate()
    }


def requirements_of(pinned: Requirement) -> Iterator[Requirement]:
    """Yield the requirements of an installed distribution, including those of pinned extras."""
    for text in metadata.requires(pinned.name) or ():
        requirement = Requirement(text)
        extras = {"", *pinned.extras}
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


@EVERY_LOCK
def test_each_entry_has_one_version_and_a_hash(lock: Path) -> None:
    for entries in pins(lock).values():
        for requirement, hashes in entries:
            assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
            assert hashes, requirement
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), requirement


@pytest.mark.parametrize("lock", NEWEST, ids=lambda path: path.stem)
def test_each_requirement_of_an_installed_package_is_in_the_lock(lock: Path) -> None:
    pinned = applicable_pins(lock)
    missing = [
        f"{name} requires {requirement}"
        for name, pin in pinned.items()
        if is_installed(name)
        for requirement in requirements_of(pin)
        if not satisfies(pinned.get(canonicalize_name(requirement.name)), requirement)
    ]
    assert missing == []


def satisfies(pinned: Requirement | None, requirement: Requirement) -> bool:
    """Return whether a pin has a required version and the required extras."""
    if pinned is None or not requirement.extras <= pinned.extras:
        return False
    version = str(pinned.specifier).removeprefix("==")
    return requirement.specifier.contains(version, prereleases=True)


def test_a_package_has_the_same_version_in_every_lock() -> None:
    versions: dict[str, set[str]] = {}
    for lock in NEWEST:
        for name, requirement in applicable_pins(lock).items():
            versions.setdefault(name, set()).add(str(requirement.specifier))
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_floors_are_the_lowest_allowed_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    texts = {*project["dependencies"], *(text for name in extras for text in extras[name])}
    pinned = applicable_pins(FLOORS)
    for text in texts - {text for text in texts if text.startswith(project["name"])}:
        lowest = Requirement(text.replace(">=", "=="))
        assert satisfies(pinned[lowest.name], lowest), text
    assert str(pinned["filelock"].specifier) == "==3.20.3"


def test_installed_versions_equal_the_test_lock() -> None:
    different = {
        name: metadata.version(name)
        for name, pin in applicable_pins(ROOT / "requirements" / "test.lock").items()
        if not is_installed(name) or f"=={metadata.version(name)}" != str(pin.specifier)
    }
    assert different == {}


def test_no_lock_names_a_package_index() -> None:
    for lock in LOCKS:
        assert not re.search(r"index|find-links|://", lock.read_text("utf-8")), lock


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_install_command_uses_a_lock_without_dependencies(script: Path) -> None:
    options = re.search(r"^PIP_INSTALL := (.*)$", MAKEFILE, re.MULTILINE)
    assert options
    text = script.read_text("utf-8").replace("\\\n", " ").replace("$(PIP_INSTALL)", options[1])
    for line in text.splitlines():
        if re.search(r"\bpip\b.*\binstall\b", line) and not line.startswith(("#", "PIP_INSTALL")):
            assert "--no-deps" in line, line
            assert "--require-hashes" in line or "--editable ." in line, line
