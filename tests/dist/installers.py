"""Install a package with pip, uv and pipx into empty folders, from downloaded dependencies."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.dist.commands import ROOT, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.dist.commands import Environment

_TOOLS = Path(sys.executable).parent


def download(package: Path, folder: Path) -> None:
    """Download everything that the installations need as wheels.

    pip is included because pipx updates its own copy, and the build requirements because the source
    distribution is built while it is installed.

    Raises:
        CommandError: The download failed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = [f"{package}[all]", *project["build-system"]["requires"], "pip"]
    pip_wheel = (sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(folder))
    run([*pip_wheel, *requirements], folder)
    for built in folder.glob("graphbuild-*"):
        built.unlink()


def user_environment(home: Path, downloads: Path) -> Environment:
    """Return the environment of a user without settings, whose only index is a local folder."""
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(downloads),
        "PIP_NO_INDEX": "1",
        "UV_FIND_LINKS": str(downloads),
        "UV_NO_CONFIG": "1",
        "UV_OFFLINE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


@dataclass(frozen=True)
class Installer:
    """A way to install a package.

    Attributes:
        name: The command that a user runs.
        install: Installs a requirement in a home folder, and returns the folder of the commands.
    """

    name: str
    install: Callable[[str, Path, Environment], Path]


def _install_with_pip(requirement: str, home: Path, environment: Environment) -> Path:
    folder = home / "environment"
    run([sys.executable, "-m", "venv", folder], home, environment)
    run([folder / "bin" / "pip", "install", requirement], home, environment)
    return folder / "bin"


def _install_with_uv(requirement: str, home: Path, environment: Environment) -> Path:
    uv = str(_TOOLS / "uv")
    run([uv, "tool", "install", "--python", sys.executable, requirement], home, environment)
    return home / ".local" / "bin"


def _install_with_pipx(requirement: str, home: Path, environment: Environment) -> Path:
    pipx = [sys.executable, "-m", "pipx", "install", "--python", sys.executable]
    run([*pipx, requirement], home, environment)
    return home / ".local" / "bin"


INSTALLERS = (
    Installer("pip install", _install_with_pip),
    Installer("uv tool install", _install_with_uv),
    Installer("pipx install", _install_with_pipx),
)
