"""The report in a real browser: no requests, no errors, no overflow."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from graphbuild.analysis import Snapshot
from graphbuild.report import Baseline, write_report
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.browser.test_accessibility import axe, violations  # noqa: F401  a fixture
from tests.support.campaign_files import write_campaign
from tests.support.external_tools import OUTPUT
from tests.support.planted_campaigns import plant

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
WINDOWS = [(1400, "light"), (1400, "dark"), (800, "light"), (800, "dark"), (360, "light")]


@pytest.fixture(scope="module")
def report_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a report with all its sections, and with titles that contain scripts."""
    folder = tmp_path_factory.mktemp("report")
    world = plant(3)
    for name in ("c0-0", "c1-0"):
        world.holds[name] = [
            "</style><script>document.title = 'ran'</script>",
            "<img src=x>",
            "W" * 160,
        ]
    write_campaign(folder / "c.db", world.observations())
    with Store.open(folder / "c.db") as store:
        store.add_seeds(parse_seeds(["ab" * 32]))
    with Store.read(folder / "c.db") as store:
        write_report(
            store,
            folder,
            Baseline("last month", Snapshot.from_observations(plant(4).observations())),
        )
    return folder / "report.html"


@pytest.mark.parametrize(("wide", "colors"), WINDOWS)
def test_the_report_makes_no_request_and_fits_the_window(
    chromium: Browser, report_path: Path, wide: int, colors: str
) -> None:
    context = chromium.new_context(
        viewport={"width": wide, "height": 900},
        color_scheme=colors,  # type: ignore[arg-type]  a valid value
        offline=True,
    )
    page = context.new_page()
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(report_path.as_uri())
    assert page.title() == "Campaign report: c.db"
    assert [url for url in requests if not url.startswith("data:")] == [report_path.as_uri()]
    assert messages == []
    assert page.evaluate("document.documentElement.scrollWidth") <= wide
    assert page.evaluate("document.scripts.length") == 0
    assert page.locator("figure svg").first.bounding_box()["width"] <= wide  # type: ignore[index]
    style = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert style == ("rgb(20, 24, 31)" if colors == "dark" else "rgb(255, 255, 255)")
    screenshots = OUTPUT / "screenshots"
    screenshots.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=screenshots / f"report-{wide}-{colors}.png", full_page=True)
    context.close()


def test_files_are_folded_and_can_be_unfolded_by_keyboard(
    chromium: Browser, report_path: Path
) -> None:
    page = chromium.new_page()
    page.goto(report_path.as_uri())
    fold = page.locator("details", has_text="files in this cluster").first
    assert not fold.locator("li").first.is_visible()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.locator("li").first.is_visible()
    files = int(fold.locator("summary").inner_text().split()[0])
    assert fold.locator("li").count() == files
    page.close()


@pytest.mark.parametrize("wide", [1400, 360])
def test_a_statement_leads_to_its_proof(chromium: Browser, report_path: Path, wide: int) -> None:
    context = chromium.new_context(viewport={"width": wide, "height": 900}, offline=True)
    page = context.new_page()
    page.goto(report_path.as_uri())
    sentence = page.locator(".summary a.claim").first
    text = sentence.inner_text()
    sentence.focus()
    page.keyboard.press("Enter")
    proof = page.locator("details:target")
    assert proof.locator("summary").inner_text() == text
    assert proof.locator("p").first.is_visible()
    assert re.fullmatch(r"[\d,]+ observations:", proof.locator("p").first.inner_text())
    box = proof.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 900
    assert box["x"] + box["width"] <= wide
    assert not page.locator(".proofs details:not(:target) p").first.is_visible()
    context.close()


def test_axe_finds_no_violation(chromium: Browser, report_path: Path, axe: str) -> None:  # noqa: F811
    context = chromium.new_context(bypass_csp=True, offline=True)
    page = context.new_page()
    page.goto(report_path.as_uri())
    assert violations(SimpleNamespace(page=page), axe) == []
    context.close()


def test_the_report_can_be_printed(chromium: Browser, report_path: Path) -> None:
    context = chromium.new_context(offline=True, color_scheme="dark")
    page = context.new_page()
    page.goto(report_path.as_uri())
    content = page.pdf(prefer_css_page_size=True)
    assert content.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert not page.locator(".proofs").is_visible()
    hidden = page.locator("details li").evaluate_all(
        "items => items.filter(item => item.getClientRects().length === 0).length"
    )
    assert hidden == 0  # folded lists are printed
    context.close()
