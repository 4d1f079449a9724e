"""The bundled WebGL library is reproducible and ships its licenses."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from tests.support.external_tools import OUTPUT, ExternalTool
from tests.support.paths import TESTS

if TYPE_CHECKING:
    from pathlib import Path

SIGMA = ExternalTool(
    "the test of the second renderer's script",
    "GRAPHBUILD_REQUIRE_NODE",
    "install what it needs with: apt-get install nodejs npm",
)
SOURCES = TESTS / "sigma"
BUILD_FOLDER = OUTPUT / "sigma"
UNREACHABLE = r"npm (?:error|ERR!) code (?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|E403)"
SHIPPED = files("graphbuild.exporters.html") / "libraries"
NAMES = ("package.json", "package-lock.json", "entry.mjs", "build.mjs")


def test_the_script_is_reproducible(tmp_path: Path) -> None:
    SIGMA.require("node", "npm")
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    SIGMA.build(BUILD_FOLDER, [SOURCES / name for name in NAMES], command, UNREACHABLE)
    subprocess.run(["node", "build.mjs", tmp_path], cwd=BUILD_FOLDER, check=True)
    for name in ("sigma.min.js", "sigma.licenses.txt"):
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name


@pytest.mark.parametrize("name", ["events", "graphology", "graphology-utils", "sigma"])
def test_the_license_of_each_part_is_shipped(name: str) -> None:
    licenses = (SHIPPED / "sigma.licenses.txt").read_text(encoding="utf-8")
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    package = lock["packages"][f"node_modules/{name}"]
    assert f"{name} {package['version']}\n" in licenses
    assert package["license"] == "MIT"
    assert licenses.count("Permission is hereby granted") == 4
