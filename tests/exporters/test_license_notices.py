"""Pages contain the license notices of the libraries that they embed; NOTICE lists them."""

from __future__ import annotations

import json
import re
import tomllib
from io import BytesIO

import pytest

from graphbuild.exporters.html import level_of_detail
from graphbuild.exporters.html.page import write_html
from tests.exporters.test_html import PageParser
from tests.support.graphs import campaign
from tests.support.paths import ROOT, TESTS

NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
# The parts are in the source map of vis-network, and the versions in its package.json.
VIS_NETWORK = (
    *("vis-network 9.1.2", "vis-data 7.1.4", "vis-util 5.0.3", "keycharm 0.4.0"),
    *("@egjs/hammerjs 2.0.17", "component-emitter 1.3.0", "timsort 0.3.0", "uuid 8.3.2"),
    *("core-js-pure 3.21.1", "@babel/runtime-corejs3", "regenerator-runtime", "tslib"),
)
GRANT = "Permission is hereby granted, free of charge"
CONDITION = "The above copyright notice and this permission notice shall be included"
DISCLAIMER = 'THE SOFTWARE IS PROVIDED "AS IS"'


def sigma_parts() -> tuple[str, ...]:
    """Return names and versions of the packages from which tests/sigma builds the bundle."""
    lock = json.loads((TESTS / "sigma" / "package-lock.json").read_text(encoding="utf-8"))
    return tuple(
        f"{path.removeprefix('node_modules/')} {package['version']}"
        for path, package in lock["packages"].items()
        if path and not package.get("dev") and not package.get("peer")  # the peer has types only
    )


PARTS = {"vis": VIS_NETWORK, "webgl": sigma_parts()}


def notice_of(renderer: str, patch: pytest.MonkeyPatch) -> str:
    """Return the comment before the drawing library of an exported page."""
    if renderer == "webgl":
        patch.setattr(level_of_detail, "MAX_ALL", 0)
        patch.setattr(level_of_detail, "MAX_REDUCED", 0)
    stream = BytesIO()
    write_html(campaign(), stream, full=renderer == "webgl")
    scripts = PageParser(stream.getvalue().decode()).all("script")
    library, _ = (text for attributes, text in scripts if not attributes)
    start, comment, code = re.split(r"/\*!|\*/", library, maxsplit=2)
    assert start == ""
    assert code.startswith("\n")
    assert ("sigmaParts" in code) == (renderer == "webgl")
    return comment


@pytest.mark.parametrize("renderer", PARTS)
def test_a_page_contains_the_notice_of_each_embedded_library(
    renderer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = notice_of(renderer, monkeypatch)
    for part in PARTS[renderer]:
        assert part in notice
    for text in (GRANT, CONDITION, DISCLAIMER):
        assert text in " ".join(notice.split())


@pytest.mark.parametrize("renderer", PARTS)
def test_the_notice_file_lists_each_embedded_library(
    renderer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = " ".join(NOTICE.split())
    for part in PARTS[renderer]:
        assert part in listed
    copyrights = re.findall(
        r"Copyright .*?(?=[.,]?$| <| https)", notice_of(renderer, monkeypatch), re.MULTILINE
    )
    for line in copyrights:
        assert line.partition("and code of")[0] in listed


def test_the_packages_contain_license_and_notice() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["license-files"] == ["LICENSE", "NOTICE"]


def test_every_bundle_in_the_package_has_a_notice() -> None:
    bundles = [path.relative_to(ROOT) for path in (ROOT / "graphbuild").rglob("*.min.js")]
    assert bundles
    for bundle in bundles:
        assert str(bundle) in NOTICE
        assert (ROOT / bundle).with_name(bundle.name.replace(".min.js", ".licenses.txt")).exists()
