"""Check the files of the wheel and of the source distribution, without installing them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from tests.dist.commands import ROOT, run

DIST = ROOT / "dist"
MAX_WHEEL_SIZE = 1_000_000  # bytes
_GENERATED = {"PKG-INFO"}  # in the source distribution, besides tracked files
_LICENSE_FILES = ("LICENSE", "NOTICE")


def find_packages() -> tuple[Path, Path]:
    """Return the wheel and the source distribution that `make dist` built."""
    (wheel,), (sdist,) = DIST.glob("graphbuild-*.whl"), DIST.glob("graphbuild-*.tar.gz")
    return wheel, sdist


def check_packages(wheel: Path, sdist: Path) -> list[str]:
    """Return what is wrong with the files, one line each."""
    return [*_check_wheel(wheel), *_check_sdist(sdist), *_check_reproducible(wheel, sdist)]


def _check_wheel(wheel: Path) -> list[str]:
    problems = []
    if wheel.stat().st_size >= MAX_WHEEL_SIZE:
        problems.append(f"the wheel has {wheel.stat().st_size:,} bytes")
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        files = {name for name in names if name.startswith("graphbuild/")}
        licenses = {name: archive.read(name) for name in names if "/licenses/" in name}
    problems += [f"the wheel lacks {name}" for name in sorted(_tracked("graphbuild") - files)]
    problems += [f"{name} is not tracked" for name in sorted(files - _tracked("graphbuild"))]
    for name in _LICENSE_FILES:
        found = [text for path, text in licenses.items() if Path(path).name == name]
        if found != [(ROOT / name).read_bytes()]:
            problems.append(f"the wheel does not contain {name}")
    return problems


def _check_sdist(sdist: Path) -> list[str]:
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()} - _GENERATED
    expected = _tracked("graphbuild", "tests", "docs", "notebooks", "requirements")
    missing = (expected | set(_LICENSE_FILES)) - files
    return [
        *(f"the source distribution lacks {name}" for name in sorted(missing)),
        *(f"{name} is not tracked" for name in sorted(files - _tracked())),
    ]


def _tracked(*folders: str) -> set[str]:
    """Return the files in these folders that git tracks; without arguments, all of them."""
    command = ["git", "ls-files", "-z", "--", *folders]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(filter(None, listing.split("\0")))


def _check_reproducible(wheel: Path, sdist: Path) -> list[str]:
    """Build both again from the source distribution, in another folder with another umask."""
    with TemporaryDirectory() as temporary:
        sources, out = Path(temporary, "sources"), Path(temporary, "out")
        with tarfile.open(sdist) as archive:
            archive.extractall(sources, filter="data")
        (folder,) = sources.iterdir()
        for path in folder.rglob("*"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
        build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", out, folder)
        run(build, folder, {**os.environ, "TZ": "Asia/Tokyo", "LANG": "C"}, umask=0o077)
        return [
            f"{package.name} differs if it is built again"
            for package in (wheel, sdist)
            if (out / package.name).read_bytes() != package.read_bytes()
        ]
