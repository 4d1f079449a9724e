"""Install the built packages as users do, and use them: ``make dist-check`` runs this.

First, the files of the packages are checked, and their dependencies downloaded. Then each package
is installed with each installer in an empty home folder, outside the repository and without a
network. There, the commands of the README run. At the end, the image of the container is built and
used, if possible. The exit code is 1 if a check fails. For each of uv and pipx, the installation
of the wheel and the commands together must take at most one minute.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.dist.commands import CommandError  # noqa: E402  of the tests, which are no package
from tests.dist.container import find_builder, try_container  # noqa: E402  the same
from tests.dist.first_use import FirstUse  # noqa: E402  the same
from tests.dist.installers import INSTALLERS, download, user_environment  # noqa: E402  the same
from tests.dist.packages import check_packages, find_packages  # noqa: E402  the same

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.dist.installers import Installer

# Seconds for the installation of the wheel and all commands, without the download. pip has no goal:
# it installs in one thread and compiles every module, which takes most of a minute alone.
_GOAL = 60.0
_WITH_GOAL = ("uv tool install", "pipx install")
_STEPS = ("install", "demo", "crawl", "export", "report")
_ROW = "{:17} {:8}" + " {:>8}" * (len(_STEPS) + 1)


def main() -> int:
    """Run all checks; return 0 if they pass."""
    wheel, sdist = find_packages()
    for package in (wheel, sdist):
        _print(f"{package.name}: {package.stat().st_size:,} bytes")
    problems = check_packages(wheel, sdist)
    if not problems:
        _print("contents, licenses and a second build: as expected")
    with TemporaryDirectory() as folder:
        try:
            seconds = _measure(lambda: download(wheel, Path(folder)))
        except CommandError as error:
            sys.exit(f"NOT RUN: the dependencies could not be downloaded: {error}")
        _print(f"dependencies downloaded in {seconds:.1f} s", "")
        _print(_ROW.format("installer", "package", *_STEPS, "total"))
        for package in (wheel, sdist):
            for installer in INSTALLERS:
                problems += _try_installation(package, installer, Path(folder))
    problems += _try_container()
    for problem in problems:
        _print(f"FAILED: {problem}")
    return int(bool(problems))


def _try_installation(package: Path, installer: Installer, downloads: Path) -> list[str]:
    """Install and use a package, and print a row of times; return what failed."""
    kind = "wheel" if package.suffix == ".whl" else "sdist"
    name = f"{installer.name} of the {kind}"
    with TemporaryDirectory() as temporary:
        home = Path(temporary)
        environment = user_environment(home, downloads)
        copy(package, home)
        work = home / "work"
        work.mkdir()
        try:
            started = time.monotonic()
            commands = installer.install(f"./{package.name}[all]", home, environment)
            times = [time.monotonic() - started]
            use = FirstUse(commands, work, environment)
            use.check_origin()
            times += [_measure(step) for step in use.steps.values()]
        except CommandError as error:
            return [f"{name}: {error}"]
        problems = [f"{name}: no {file}" for file in use.missing_files()]
    total = sum(times)
    _print(_ROW.format(installer.name, kind, *(f"{each:.1f} s" for each in (*times, total))))
    if total > _GOAL and kind == "wheel" and installer.name in _WITH_GOAL:
        problems.append(f"{name}: {total:.0f} s, goal {_GOAL:.0f} s")
    return problems


def _try_container() -> list[str]:
    """Build and use the image, if possible; return what failed."""
    builder = find_builder()
    if builder is None:
        _print("", "container: NOT RUN, because neither podman nor docker works; `make test` checks the file")
        return []
    with TemporaryDirectory() as folder:
        try:
            problems = try_container(builder, Path(folder))
        except CommandError as error:
            return [f"container: {error}"]
    if not problems:
        _print("", f"container: built with {builder}, demo and report as expected")
    return problems


def _measure(step: Callable[[], None]) -> float:
    started = time.monotonic()
    step()
    return time.monotonic() - started


def _print(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
