"""The checks of the documentation site find what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.site import checks
from tests.site.pages import read_pages, resolve

if TYPE_CHECKING:
    from pathlib import Path

START = '<a href="docs/index.html">Documentation</a>'


def problems(folder: Path, **pages: str) -> list[str]:
    """Return the problems of a site with a front page and other pages in ``docs``."""
    (folder / "docs").mkdir()
    (folder / "index.html").write_text(START)
    for name, content in pages.items():
        (folder / "docs" / f"{name}.html").write_text(content)
    read = read_pages(folder)
    return [
        *checks.check_hosts(folder, read),
        *checks.check_links(folder, read),
        *checks.check_images(read),
        *checks.check_reachability(read),
    ]


def test_a_site_without_problems(tmp_path: Path) -> None:
    other = '<h1 id="title">Other</h1> <img src="picture.png" alt="a picture">'
    assert not problems(tmp_path, index='<a href="other.html#title">Other</a>', other=other)


def test_pages_that_no_link_leads_to_are_found(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, index="", other="")
    assert "docs/other.html" in problem


def test_links_to_missing_pages_and_elements_are_found(tmp_path: Path) -> None:
    index = (
        '<a href="missing.html">a</a> <a href="#missing">b</a> <a href="https://a.example">c</a>'
    )
    page, element = problems(tmp_path, index=index)
    assert "missing.html, which does not exist" in page
    assert "#missing, but docs/index.html has no such element" in element


def test_files_of_other_hosts_are_found(tmp_path: Path) -> None:
    loading = (
        '<script src="https://a.example/a.js"></script>',
        '<link rel="stylesheet" href="//b.example/b.css">',
        "<style>@import 'https://c.example/c.css';</style>",
        '<p style="background: url(http://d.example/d.png)"></p>',
        '<img src="https://e.example/e.png" alt="e">',
    )
    (tmp_path / "fonts.css").write_text("@font-face { src: url('https://f.example/f.woff2') }")
    found = problems(tmp_path, index="".join(loading))
    assert len(found) == len(loading) + 1
    for host in "abcdef":
        assert any(f"{host}.example" in problem for problem in found)


def test_images_without_text_are_found(tmp_path: Path) -> None:
    assert problems(tmp_path, index='<img src="a.png">') == ["docs/index.html: a.png has no text"]


def test_missing_names_and_options_are_found() -> None:
    documented = {("py:function", "graphbuild.open"), ("std:cmdoption", "graphbuild.--version")}
    assert "graphbuild.export is not on the site" in list(checks.check_names(documented))
    assert "graphbuild.open is not on the site" not in list(checks.check_names(documented))
    found = list(checks.check_options(documented))
    assert "graphbuild-crawl --store is not on the site" in found
    assert "graphbuild-dataset-overlap --engine is not on the site" in found
    assert "--version is not on the site" not in found


def test_tasks_must_be_named_on_the_front_page_and_show_their_command(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    gephi, clusters, weekly = checks.TASKS
    (tmp_path / "docs" / "index.html").write_text(
        f'<article><a href="a.html">{gephi}</a> <a href="b.html">{clusters}</a></article>'
        f'<a href="a.html">{weekly}</a>'
    )
    (tmp_path / "docs" / "a.html").write_text("<pre>$ graphbuild export</pre>")
    (tmp_path / "docs" / "b.html").write_text("graphbuild communities")
    assert list(checks.check_tasks(read_pages(tmp_path))) == [
        "docs/b.html does not show 'graphbuild communities'",
        f"the front page does not name the task {weekly!r}",
    ]


def test_addresses_are_resolved_relative_to_their_page() -> None:
    assert resolve("docs/howto/a.html", "../b.html#c") == ("docs/b.html", "c")
    assert resolve("docs/a.html", "#c") == ("docs/a.html", "c")
    assert resolve("docs/a.html", "mailto:you@example.org") is None
    assert resolve("docs/a.html", "//host.example/b.html") is None
