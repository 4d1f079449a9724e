"""Build the image of ``Containerfile`` and use it, where a builder of images is available."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.dist.commands import ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

_IMAGE = "graphbuild-dist-check"
_OPTIONS = ("--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all")


def find_builder() -> str | None:
    """Return ``podman`` or ``docker`` if it is installed and works."""
    for name in ("podman", "docker"):
        if shutil.which(name) is None:
            continue
        process = subprocess.run([name, "info"], capture_output=True, check=False)
        if process.returncode == 0:
            return name
    return None


def try_container(builder: str, folder: Path) -> list[str]:
    """Build the image, and run the demo and a report in ``folder``; return what failed.

    Raises:
        CommandError: A command failed.
    """
    run([builder, "build", "--file", "Containerfile", "--tag", _IMAGE, "."], ROOT)
    user = [*(["--userns", "keep-id"] if builder == "podman" else [])]
    user += ["--user", f"{os.getuid()}:{os.getgid()}"]
    container = [builder, "run", *_OPTIONS, *user, "--volume", f"{folder}:/campaigns", _IMAGE]
    try:
        run([*container, "demo", "--out", "demo"], folder)
        run([*container, "report", "--store", "demo/campaign.db", "--out", "demo"], folder)
    finally:
        run([builder, "rmi", _IMAGE], folder)
    expected = ("graph.html", "report.html")
    return [f"container: no {name}" for name in expected if not (folder / "demo" / name).is_file()]
