"""The report: correct values, and no scripts, requests or external links in its files."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations, pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import networkx as nx
import pytest

from graphbuild._util import UntrustedText
from graphbuild.analysis import Snapshot, find_clusters, group_families
from graphbuild.analysis.incidence import Incidence
from graphbuild.errors import ExportError
from graphbuild.models import Entity, Observation
from graphbuild.report import Baseline, collect_data, write_report
from graphbuild.report.blocks import BulletList, FoldedList, Heading, Table, table
from graphbuild.report.change_sections import describe_changes
from graphbuild.report.charts import cluster_map, month_chart
from graphbuild.report.entity_text import subject_text
from graphbuild.report.html import render_html
from graphbuild.report.markdown import render_markdown
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.cli.test_compare import FIRST, refreshed  # noqa: F401  a fixture
from tests.crawler.campaign import Campaign
from tests.report.parsed_report import parse_folder, parse_markdown, parse_page
from tests.support.campaign_files import write_campaign, write_pages
from tests.support.frugal_crawls import hidden_world
from tests.support.graphs import HOSTILE
from tests.support.planted_campaigns import MEDIUM, plant
from tests.support.planted_variants import plant_doubtful
from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.report.parsed_report import ParsedReport
    from tests.support.planted_campaigns import PlantedCampaigns

DAY = 86_400
SVG = "{http://www.w3.org/2000/svg}"
FILES = ["report-clusters.svg", "report-timeline.svg", "report.md", "report.html"]


def dated(planted: PlantedCampaigns) -> list[Observation]:
    """Return the observations of planted campaigns; six of seven references have a date."""
    dated_observations = {}
    for one in planted.observations():
        number = int(one.reference.id[:6], 16)
        known: dict[str, object] = {"url": url_of(number)}
        if number % 7:
            known["creation_date"] = 1_400_000_000 + number % 3_000 * DAY
        reference = Entity("reference", one.reference.id, {**one.reference.attributes, **known})
        dated_observations[one] = Observation(one.subject, reference, one.related_from)
    # If a response contains a collection for a reference, there is no observation without one.
    named = {(one.subject, one.reference) for one in dated_observations if one.related_from}
    return [
        each
        for one, each in dated_observations.items()
        if one.related_from or (one.subject, one.reference) not in named
    ]


def url_of(number: int) -> str:
    """Return a URL of one of twelve publishers; up to three URLs lead to the same page."""
    scheme = "http" if number % 2 else "https"
    page = number % 300
    return f"{scheme}://www.blog-{page % 12}.example/{page}" + "/?utm_source=x" * (number % 5 == 0)


@dataclass
class WrittenReport:
    """A written report, the observations in it, and those of the earlier snapshot."""

    folder: Path
    observations: list[Observation]
    old: list[Observation]

    @property
    def page(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def markdown(self) -> str:
        return (self.folder / "report.md").read_text(encoding="utf-8")

    def parsed(self) -> list[ParsedReport]:
        """Return the parsed HTML file and the parsed Markdown file."""
        return parse_folder(self.folder)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> WrittenReport:
    """Write a report of six campaigns with two pending subjects and an earlier snapshot."""
    folder = tmp_path_factory.mktemp("report")
    new, old = plant(3), plant(3)
    for file in list(old.members)[:9]:
        del old.members[file]
    new.holds["c0-0"] = [*new.holds["c0-0"][:-3], "an added reference"]
    before = dated(old)
    write_campaign(folder / "c.db", dated(new))
    with Store.open(folder / "c.db") as store:
        store.add_seeds(parse_seeds(["ab" * 32, "cd" * 32]))
    with Store.read(folder / "c.db") as store:
        write_report(
            store, folder / "out", Baseline("last month", Snapshot.from_observations(before))
        )
    return WrittenReport(folder / "out", dated(new), before)


# --- values --------------------------------------------------------------------------------------


def clusters_of(observations: list[Observation]) -> list[set[str]]:
    found = find_clusters(Incidence.from_observations(observations))
    return [{file.id for file in group.files} for group in found.clusters]


def files_by_label(observations: list[Observation]) -> dict[str, set[str]]:
    """Return the files of each reference and of each collection, by label."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in observations:
        for source in (one.reference, one.related_from):
            if source is not None:
                found[source.label].add(one.subject.id)
    return found


def test_key_figures_are_those_of_plain_sets(written: WrittenReport) -> None:
    observations = written.observations
    sizes = [len(files) for files in clusters_of(observations)]
    expected = {
        "subjects": len({one.subject for one in observations}) + 2,
        "references": len({one.reference for one in observations}),
        "collections": len({one.related_from for one in observations} - {None}),
        "observations": len({(o.subject, o.reference, o.related_from) for o in observations}),
        "clusters": sum(size > 1 for size in sizes),
        "unclustered files": sizes.count(1),
        "calls": 0,
    }
    for report in written.parsed():
        assert report.key_figures == expected


def test_key_figures_of_one_have_a_singular_noun(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c.db", plant(0).observations()[:1])
    with Store.read(tmp_path / "c.db") as store:
        write_report(store, tmp_path)
    ones = dict.fromkeys(
        ("subject", "reference", "collection", "observation", "unclustered file"), 1
    )
    for report in parse_folder(tmp_path):
        assert report.key_figures == {**ones, "clusters": 0, "calls": 0}


def test_missing_data_is_reported_before_the_key_figures(written: WrittenReport) -> None:
    count = len({one.subject for one in written.observations}) + 2
    warning = f"Incomplete data: 2 pending, 0 incomplete, 0 failed of {count} files."
    assert written.page.index(warning) < written.page.index('class="figures"')
    assert written.markdown.index(warning) < written.markdown.index("- **")
    for report in written.parsed():
        assert report.rows("Missing data", "subject") == [
            {"subject": name * 32, "state": "pending", "known": "0", "expected": "", "warning": ""}
            for name in ("ab", "cd")
        ]
        known = len({(one.subject, one.reference) for one in written.observations})
        assert any(
            f"{known:,} of {known:,} expected references" in line for line in report.paragraphs
        )


def test_complete_campaign_has_no_missing_data(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c.db", plant(0).observations())
    with Store.read(tmp_path / "c.db") as store:
        write_report(store, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"All lists are complete ({len(plant(0).members)} subjects)." in text
    assert "All lists are complete.\n" in text
    assert "Incomplete data" not in text
    assert "no known reference" not in text
    assert "Changes since" not in text


def test_complete_subjects_without_references_are_listed(tmp_path: Path) -> None:
    write_pages(tmp_path / "c.db", {Entity("file", name * 64): [] for name in "ab"})
    with Store.read(tmp_path / "c.db") as store:
        write_report(store, tmp_path)
    for report in parse_folder(tmp_path):
        title = "2 files with complete lists but no known reference"
        assert report.listings["Missing data", title] == ["a" * 64, "b" * 64]
        assert any("no reference is known of 2 files." in line for line in report.paragraphs)
        assert not any("Nothing" in line or "No data" in line for line in report.paragraphs)


def independent_sources(observations: list[Observation]) -> dict[str, set[frozenset[int]]]:
    """Return the sources of each file; a source is identified by the pages on which it is based."""
    pages: dict[str, set[int]] = defaultdict(set)
    for one in observations:
        if one.related_from:
            pages[one.related_from.key].add(int(one.reference.id[:6], 16) % 300)
    found: dict[str, set[frozenset[int]]] = defaultdict(set)
    for one in observations:
        page = int(one.reference.id[:6], 16) % 300
        source = pages[one.related_from.key] if one.related_from else {page}
        found[one.subject.id].add(frozenset(source))
    return found


def test_cluster_tables_are_those_of_plain_sets(written: WrittenReport) -> None:
    groups, files_of = clusters_of(written.observations), files_by_label(written.observations)
    days = {one.reference.id: one.reference.attributes for one in written.observations}
    references_of = defaultdict(set)
    for one in written.observations:
        references_of[one.subject.id].add(one.reference.id)
    file_count = len(references_of)
    sources_of = independent_sources(written.observations)
    for report in written.parsed():
        rows = report.rows("Clusters", "cluster")
        assert [int(row["files"]) for row in rows] == [
            len(files) for files in groups if len(files) > 1
        ]
        for row, files in zip(rows, groups, strict=False):
            references = set().union(*(references_of[file] for file in files))
            dates = [
                days[each]["creation_date"]
                for each in references
                if days[each].get("creation_date")
            ]
            pages = {int(each[:6], 16) % 300 for each in references}
            independent = f" ({len(pages)} independent)" if len(pages) < len(references) else ""
            assert row["references"] == f"{len(references)}{independent}"
            assert int(row["publishers"]) == len({n % 12 for n in pages})
            assert (row["first"], row["last"]) == (day_of(min(dates)), day_of(max(dates)))
            counts = Counter(source for file in files for source in sources_of[file])
            assert int(row["sources"]) == sum(count > 1 for count in counts.values())
            assert 1 <= int(row["breaking point"].removeprefix("≤")) <= len(counts)
            section = f"Cluster {row['cluster']}: {row['name']}, {len(files)} files"
            for head in ("distinctive collection", "distinctive reference"):
                distinctive = report.rows(section, head)
                assert distinctive
                for each in distinctive:
                    name, _, _ = each[head].partition(" hxxp")
                    holding = files_of[name]
                    assert int(each["inside"]) == len(holding & files)
                    assert int(each["outside"]) == len(holding - files)
                    lift = len(holding & files) / len(files) / (len(holding) / file_count)
                    assert float(each["lift"]) == pytest.approx(lift, abs=0.051)


def test_every_file_of_a_cluster_is_listed(written: WrittenReport) -> None:
    groups = clusters_of(written.observations)
    for report in written.parsed():
        listed = [
            lines
            for (section, title), lines in report.listings.items()
            if title == f"{len(lines)} files in this cluster" and section.startswith("Cluster ")
        ]
        assert listed == [sorted(files) for files in groups if len(files) > 1]


def day_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def test_bridges_are_those_of_plain_sets_and_networkx(written: WrittenReport) -> None:
    groups, files_of = clusters_of(written.observations), files_by_label(written.observations)
    graph: nx.Graph = nx.Graph()
    for one in written.observations:
        if one.related_from is None:
            graph.add_edge(one.subject.id, one.reference.label)
        else:
            graph.add_edge(one.subject.id, one.related_from.label)
            graph.add_edge(one.related_from.label, one.reference.label)
    all_files = {one.subject.id for one in written.observations}
    for report in written.parsed():
        rows = report.rows("Bridges", "bridge")
        assert rows
        for row in rows:
            name = row["bridge"]
            assert int(row["files"]) == len(files_of[name])
            assert int(row["clusters"]) == sum(bool(files_of[name] & group) for group in groups)
            rest = graph.subgraph(nx.node_connected_component(graph, name) - {name})
            left = [len(part & all_files) for part in nx.connected_components(rest)]
            left = [size for size in left if size]
            found = int(row["components"]), int(row["cut-off files"])
            assert found == (len(left), sum(left) - max(left))
        joined = sum(
            any(held & one and held & other for held in files_of.values())
            for one, other in combinations(groups, 2)
        )
        assert any(
            line.startswith(f"{joined} pairs of clusters are connected")
            for line in report.paragraphs
        )


def test_timeline_has_all_months_and_years(written: WrittenReport) -> None:
    seconds = {
        one.reference.id: one.reference.attributes.get("creation_date")
        for one in written.observations
    }
    months = Counter(day_of(each)[:7] for each in seconds.values() if each)
    years = Counter(day_of(each)[:4] for each in seconds.values() if each)
    for report in written.parsed():
        rows = report.rows("Timeline", "year")
        assert {row["year"]: int(row["references"]) for row in rows} == years
        assert bars_of(report.figures[1]) == months
        undated = sum(not each for each in seconds.values())
        assert (
            f"{len(seconds):,} references, {undated} without a publication date."
            in report.paragraphs
        )


def bars_of(svg: str) -> dict[str, int]:
    titles = [each.text for each in ET.fromstring(svg).iterfind(f".//{SVG}rect/{SVG}title")]
    return {when: int(re.match(r"[\d,]+", count)[0].replace(",", "")) for when, count in
            (title.split(": ") for title in titles if title)}  # fmt: skip


def test_map_has_one_dot_for_files_in_the_same_collections(written: WrittenReport) -> None:
    groups = clusters_of(written.observations)
    held = defaultdict(set)
    for one in written.observations:
        if one.related_from:
            held[one.subject.id].add(one.related_from.id)
    of = {file: number for number, files in enumerate(groups, 1) for file in files}
    dots = Counter((of[file], frozenset(inside)) for file, inside in held.items())
    expected = sorted((count, cluster) for (cluster, _), count in dots.items())
    links = sum(len(inside) for _, inside in dots)
    for report in written.parsed():
        drawn = ET.fromstring(report.figures[0])
        titles = [each.text or "" for each in drawn.iterfind(f".//{SVG}circle/{SVG}title")]
        found = [re.findall(r"\d+", title) for title in titles]
        assert sorted((int(count), int(cluster)) for count, cluster in found) == expected
        paths = [each.get("d", "") for each in drawn.iterfind(f"{SVG}path")]
        assert len([each for each in paths if "l" not in each]) == links
        names = {each.text for each in drawn.iterfind(f"{SVG}text")}
        assert names >= {one.related_from.id for one in written.observations if one.related_from}


def test_large_map_has_one_dot_per_cluster() -> None:
    observations = plant(1, MEDIUM).observations()
    incidence = Incidence.from_observations(observations)
    clusters = find_clusters(incidence)
    families = group_families(incidence)
    svg, text = cluster_map(families, clusters, families.distinctive(clusters.labels))
    files_of = {
        name: files for name, files in files_by_label(observations).items() if " " not in name
    }
    shown = {each.entity.id for group in clusters.clusters for each in group.top_collections[:2]}
    shown |= set(sorted(sorted(files_of), key=lambda name: -len(files_of[name]))[:8])
    groups = {group.number: {file.id for file in group.files} for group in clusters.clusters}
    links = [
        (number, name)
        for number, files in groups.items()
        for name in shown
        if len(files & files_of[name]) >= len(files) / 4
    ]
    drawn = ET.fromstring(svg)
    titles = [each.text or "" for each in drawn.iterfind(f".//{SVG}circle/{SVG}title")]
    found = dict(
        re.match(r"(\d+) files of cluster (\d+)", title).groups()[::-1] for title in titles
    )
    assert {int(number): int(size) for number, size in found.items()} == {
        number: len(files) for number, files in groups.items()
    }
    paths = [each.get("d", "") for each in drawn.iterfind(f"{SVG}path")]
    assert len([each for each in paths if "l" not in each]) == len(links)
    names = {each.text for each in drawn.iterfind(f"{SVG}text")}
    assert names == {name for _, name in links} | {str(number) for number in groups}
    assert text.startswith("Clusters (dots")


def test_changes_are_those_of_plain_sets(written: WrittenReport) -> None:
    new, old = (
        {(o.subject, o.reference, o.related_from) for o in side}
        for side in (written.observations, written.old)
    )
    subjects = [{triple[0] for triple in side} for side in (old, new)]
    added = {triple for triple in new - old if triple[0] in subjects[0]}
    removed = {triple for triple in old - new if triple[0] in subjects[1]}
    references = [{triple[1] for triple in side} for side in (old, new)]
    certain = {triple[1] for triple in added} - references[0]
    for report in written.parsed():
        rows = numbers_of_changes(report, "last month")
        assert rows["files"] == [len(subjects[1] - subjects[0]), 0, len(subjects[0]), 0, 0]
        assert rows["observations"] == [
            *(len(added), len(removed), len(new & old)),
            *(len(new - old - added), len(old - new - removed)),
        ]
        assert rows["references"][0] == len(certain)
        (listed,) = report.rows("Added references", "date")
        assert {each.label for each in certain} == {"an added reference"}
        assert listed["reference"].startswith("an added reference hxxp")


def numbers_of_changes(report: ParsedReport, baseline: str) -> dict[str, list[int]]:
    """Return the numbers of the table of changes, by the name of the row."""
    return {
        name: [int(cell.replace(",", "")) for cell in cells]
        for name, *cells in (row.values() for row in report.rows(f"Changes since {baseline}", ""))
    }


def test_references_missing_from_a_refreshed_list_are_removed(refreshed: Campaign) -> None:  # noqa: F811  the fixture
    folder = refreshed.path.parent
    result = Shell(folder)("report", "--store", "c.db", "--out", "o", "--since", FIRST)
    assert result.returncode == 0
    for report in parse_folder(folder / "o"):
        rows = numbers_of_changes(report, FIRST)
        assert rows["references"] == [2, 2, 1, 0, 0]
        assert rows["collections"] == [1, 1, 1, 0, 0]
        assert len(report.rows("Removed references", "date")) == 2


def test_added_collections_of_one_family_are_one_line(families: WrittenReport) -> None:
    old = [each for each in families.observations if each.related_from is None]
    subjects = {each.subject for each in families.observations}
    states = [(subject, "complete") for subject in subjects]
    with Store.read(families.folder.parent / "c.db") as store:
        data = collect_data(store, Baseline("b", Snapshot.from_observations(old, states)))
    (lines,) = [
        block.lines
        for heading, block in pairwise(describe_changes(data))
        if isinstance(block, BulletList) and getattr(heading, "text", "") == "Added collections"
    ]
    markdown = render_markdown([BulletList(lines)])
    times = "\N{MULTIPLICATION SIGN}"
    assert markdown == f"- Emotet {times}3 (a; b; c)\n- Heodo (d)\n"


# --- untrusted text ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> WrittenReport:
    folder = tmp_path_factory.mktemp("hostile")
    texts = [text for text in HOSTILE if text.strip() and "\ud800" not in text]
    texts += [
        "](javascript:alert(1))",
        "| a | b |",
        "<svg onload=alert(1)>",
        "# h",
        "www.evil.example",
    ]
    references = [
        {
            "type": "reference",
            "id": f"{n:064x}",
            "attributes": {"title": text, "url": text, "creation_date": 1_500_000_000 + n * DAY},
            "context_attributes": {
                "related_from": [
                    {"type": "collection", "id": f"c{n}", "attributes": {"name": text}}
                ]
            },
        }
        for n, text in enumerate(texts)
    ]
    files = [Entity("file", f"{n:064x}") for n in range(1, 4)]
    path = folder / "<b>c.db"
    write_pages(path, dict.fromkeys(files, references))
    with Store.read(path) as store:
        write_report(
            store,
            folder / "out",
            Baseline("<i>x", Snapshot.from_observations([], [(f, "complete") for f in files])),
        )
    return WrittenReport(folder / "out", [], [])


def test_page_has_no_scripts_requests_or_external_links(
    hostile: WrittenReport, written: WrittenReport
) -> None:
    for page in (hostile.page, written.page):
        parsed = parse_page(page)
        allowed = {"html", "head", "meta", "link", "title", "style", "body", "nav", "ul", "li", "a"}
        allowed |= {"main", "h1", "h2", "h3", "p", "dl", "dt", "dd", "div", "figure", "figcaption"}
        allowed |= {"table", "thead", "tbody", "tr", "th", "td", "bdi", "span", "code"}
        allowed |= {"details", "summary"}
        assert set(parsed.elements) <= allowed
        for tag, name, value in parsed.attributes:
            assert not name.startswith("on")
            assert name not in {"src", "srcdoc", "style", "action", "srcset"}
            assert name != "href" or str(value).startswith("#" if tag == "a" else "data:,")
        for svg in parsed.figures:
            drawn = ET.fromstring(svg)
            tags = {each.tag.removeprefix(SVG) for each in drawn.iter()}
            assert tags <= {"svg", "title", "rect", "path", "circle", "text"}
            names = {name for each in drawn.iter() for name in each.attrib}
            assert not {name for name in names if name.startswith(("on", "style", "{"))}
            assert "href" not in names


def test_content_security_policy_allows_only_the_style_sheet(hostile: WrittenReport) -> None:
    (policy,) = re.findall(
        r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', hostile.page
    )
    (style,) = re.findall(r"<style>(.*?)</style>", hostile.page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.replace("&#39;", "'").split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert hostile.page.index(policy) < hostile.page.index("<title>")


def test_titles_do_not_become_markup_or_links_in_markdown(hostile: WrittenReport) -> None:
    parsed = parse_markdown(hostile.markdown, hostile.folder)
    allowed = {"h1", "h2", "h3", "p", "ul", "li", "strong", "code", "pre", "img"}
    allowed |= {"table", "thead", "tbody", "tr", "th", "td"}
    assert set(parsed.elements) <= allowed
    values = [(tag, name) for tag, name, _ in parsed.attributes]
    assert set(values) <= {("img", "src"), ("img", "alt"), ("td", "style"), ("th", "style")}
    sources = [value for tag, name, value in parsed.attributes if (tag, name) == ("img", "src")]
    assert sources == ["report-clusters.svg", "report-timeline.svg"]
    assert parsed.elements["strong"] == len(parsed.key_figures)
    assert not {c for c in hostile.markdown if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n"}


def test_titles_are_readable_in_both_files(hostile: WrittenReport) -> None:
    for report in hostile.parsed():
        cells = {cell for rows in report.tables.values() for row in rows for cell in row.values()}
        for text in ("</script><script>alert(1)</script>", "| a | b |", "<svg onload=alert(1)>"):
            assert any(text in cell for cell in cells)


def test_a_campaign_without_connected_clusters_says_so(tmp_path: Path) -> None:
    observations = [
        Observation(
            Entity("file", f"{group}{n}" * 32),
            Entity("reference", f"{group}{n % 2}" * 32, {"title": f"{group}{n % 2}"}),
            Entity("collection", f"x_{group}", {"name": f"Group {group}"}),
        )
        for group in "ab"
        for n in range(4)
    ]
    write_campaign(tmp_path / "c.db", observations)
    with Store.read(tmp_path / "c.db") as store:
        write_report(store, tmp_path)
    for report in parse_folder(tmp_path):
        start = "If one of the following is removed, some files of a cluster"
        assert "No collection or reference connects two clusters." in report.paragraphs
        assert any(line.startswith(start) for line in report.paragraphs)
        assert {row["cut-off files"] for row in report.rows("Bridges", "bridge")} == {"3"}
        assert not any(line.startswith("Added and removed") for line in report.paragraphs)


def test_subclusters_and_doubtful_files_are_listed(tmp_path: Path) -> None:
    planted, between = plant_doubtful()
    write_campaign(tmp_path / "c.db", planted.observations())
    with Store.read(tmp_path / "c.db") as store:
        write_report(store, tmp_path)
    for report in parse_folder(tmp_path):
        (line,) = [each for each in report.paragraphs if "subclusters" in each]
        assert re.fullmatch(
            r"Cluster 1 has 2 subclusters with different evidence:"
            r" 1a \(21 files, “s1-v\d-\d”\), 1b \(20 files, “s1-v\d-\d”\)\.",
            line,
        )
        (lines,) = [
            lines
            for (section, title), lines in report.listings.items()
            if section.startswith("Cluster 1: ") and title.startswith("1 doubtful file, nearly")
        ]
        assert lines == [f"{between}  (cluster 2)"]


# --- one row per family, and values of all rows ---------------------------------------------------


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> WrittenReport:
    """Write a report of one family that several sources name differently, and of another file."""
    folder = tmp_path_factory.mktemp("families")
    names = {"a": "Emotet", "b": "EMOTET", "c": "emo tet", "d": "Heodo"}
    files = [Entity("file", f"{n:064x}") for n in range(1, 6)]
    observations = [
        Observation(
            file,
            Entity("reference", f"{n:064x}", {"url": f"https://www.evil.example/{n}/x"}),
            Entity("collection", f"{source}_{n}", {"name": name, "origin": source}),
        )
        for n, (source, name) in enumerate(names.items(), 10)
        for file in files[source > "a" :]
    ]
    other = Entity("reference", f"{99:064x}", {"title": "Another report"})
    observations.append(Observation(Entity("file", "ab" * 32), other, None))
    write_campaign(folder / "c.db", observations)
    with Store.read(folder / "c.db") as store:
        write_report(store, folder / "out")
    return WrittenReport(folder / "out", observations, [])


def test_collections_of_one_family_are_one_row_with_origins_and_keys(
    families: WrittenReport,
) -> None:
    for report in families.parsed():
        ((section, _),) = [key for key in report.tables if key[1] == "distinctive collection"]
        rows = {
            row["distinctive collection"]: row
            for row in report.rows(section, "distinctive collection")
        }
        emotet = rows["Emotet \N{MULTIPLICATION SIGN}3"]
        assert emotet["origins"] == "a; b; c"
        assert (emotet["inside"], emotet["outside"]) == ("5", "0")
        assert rows["Heodo"]["inside"] == "4"
        keys = report.listings[section, "Node keys of 4 collections"]
        assert [line.split()[0] for line in keys] == [
            f"collection:{each}" for each in ("a_10", "b_11", "c_12", "d_13")
        ]


def test_references_without_a_title_have_their_defanged_url(families: WrittenReport) -> None:
    for report in families.parsed():
        (rows,) = [
            rows for (_, column), rows in report.tables.items() if column == "distinctive reference"
        ]
        assert {row["distinctive reference"] for row in rows} == {
            f"hxxps://www[.]evil[.]example/{n}/x" for n in range(10, 14)
        }


def test_files_are_listed_even_without_a_cluster(families: WrittenReport) -> None:
    for report in families.parsed():
        (listed,) = [
            lines for (_, title), lines in report.listings.items() if "in this cluster" in title
        ]
        assert listed == [f"{n:064x}" for n in range(1, 6)]
        assert report.listings["Files without a cluster", "1 file"] == ["ab" * 32]


def test_names_of_files_follow_their_hashes() -> None:
    name = "https://evil.example/\u202ecod.exe"
    file = Entity("file", "ab" * 32, {"meaningful_name": name})
    assert subject_text(file) == f"{'ab' * 32}  hxxps://evil[.]example/\u202ecod[.]exe"
    listing = FoldedList("1 file", [subject_text(file)])
    line = f"{'ab' * 32}  hxxps://evil[.]example/\\u202ecod[.]exe"
    assert render_markdown([listing]) == f"1 file:\n\n    {line}\n"
    assert f"<li><code>{line}</code></li>" in render_html([Heading(1, "x"), listing])


def test_values_that_all_rows_share_are_stated_once(families: WrittenReport) -> None:
    same = "Same in every row: outside 0, lift 1.2."
    for report in families.parsed():
        assert same in report.paragraphs
        assert f"{same} Empty in every row: date." in report.paragraphs
    assert "| distinctive collection | origins | inside |\n" in families.markdown
    assert "| distinctive reference | inside |\n" in families.markdown


def test_tables_omit_only_columns_with_one_value() -> None:
    head = ("name", "count", "zero", "text", "mixed", "none")
    rows = [("a", 1, 0, UntrustedText("x"), 1, None), ("a", 1, 0, UntrustedText("x"), 2, None)]
    sentence, shown = table(head, rows, numbers=range(1, 5))
    assert isinstance(shown, Table)
    assert (shown.head, shown.rows) == (("name", "mixed"), [("a", 1), ("a", 2)])
    assert list(shown.numbers) == [1]
    assert render_markdown([sentence]) == (
        "Same in every row: count 1, zero 0, text x. Empty in every row: none.\n"
    )
    assert list(table(head, rows[:1])) == [Table(head, rows[:1], [])]


# --- files ---------------------------------------------------------------------------------------


def test_same_campaign_gives_same_bytes(written: WrittenReport) -> None:
    store = written.folder.parent / "c.db"
    digests = set()
    for seed in ("1", "2"):
        out = written.folder.parent / f"again{seed}"
        command = [
            sys.executable,
            "-m",
            "graphbuild",
            "report",
            "--store",
            store,
            "--out",
            out,
            "--json",
        ]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        result = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment
        )
        files = json.loads(result.stdout)["files"]
        assert [each["path"] for each in files] == [str(out / name) for name in FILES]
        digests.add(tuple(each["sha256"] for each in files))
        for each in files:
            content = (out / each["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == each["sha256"]
            assert len(content) == each["bytes"]
    assert len(digests) == 1


def test_failed_report_leaves_existing_files_unchanged(
    written: WrittenReport, tmp_path: Path
) -> None:
    (tmp_path / "report.html").mkdir()
    (tmp_path / "report.md").write_text("old")
    with Store.read(written.folder.parent / "c.db") as store:
        with pytest.raises(ExportError, match="is a folder or a device"):
            write_report(store, tmp_path)
        with pytest.raises(ExportError, match="is a file; choose another folder"):
            write_report(store, tmp_path / "report.md")
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_images_are_files_beside_markdown_or_inside_it(
    written: WrittenReport, tmp_path: Path
) -> None:
    store = written.folder.parent / "c.db"
    with Store.read(store) as open_store:
        files = write_report(open_store, tmp_path, embed=True)
    assert [each.path.name for each in files] == ["report.md", "report.html"]
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    embedded = [
        base64.b64decode(each).decode()
        for each in re.findall(r"^\[\w+\]: data:image/svg\+xml;base64,(.*)$", text, re.MULTILINE)
    ]
    page, markdown = written.parsed()
    assert embedded == page.figures == [figure.rstrip("\n") for figure in markdown.figures]
    shown = re.findall(r"^!\[.*\]\[(\w+)\]$", text, re.MULTILINE)
    assert shown == re.findall(r"^\[(\w+)\]: ", text, re.MULTILINE) == ["clusters", "timeline"]
    assert ET.fromstring(markdown.figures[0]).tag == f"{SVG}svg"


def test_documents_are_written_after_their_images(written: WrittenReport, tmp_path: Path) -> None:
    (tmp_path / "report-timeline.svg").mkdir()  # this file cannot be written
    (tmp_path / "report.md").write_text("old")
    with Store.read(written.folder.parent / "c.db") as store, pytest.raises(ExportError):
        write_report(store, tmp_path)
    assert (tmp_path / "report.md").read_text() == "old"
    assert not (tmp_path / "report.html").exists()
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_command_prints_its_files_and_warns_of_missing_data(
    written: WrittenReport, shell: Shell
) -> None:
    store = written.folder.parent / "c.db"
    result = shell("report", "--store", store, "--out", "o", "--since", "2026-10-01")
    assert result.returncode == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        f"o/{name}" for name in FILES
    ]
    assert result.stderr.startswith("the campaign is not complete: 2 pending")
    assert "Changes since 2026-10-01" in (shell.folder / "o" / "report.md").read_text()
    result = shell("report", "--store", store, "--out", "o", "--baseline", store)
    assert "Changes since `c.db`" in (shell.folder / "o" / "report.md").read_text()
    assert (
        shell("report", "--store", store, "--baseline", store, "--since", "2026-10-01").returncode
        == 2
    )


def test_empty_campaign_has_a_report(shell: Shell) -> None:
    Store.open(shell.folder / "c.db").close()
    assert shell("report", "--store", "c.db", "--since", "2026-10-01").returncode == 0
    text = (shell.folder / "output" / "report.md").read_text(encoding="utf-8")
    assert "There are no clusters of two or more files." in text


@pytest.mark.parametrize(
    ("months", "bars"),
    [
        ({}, {}),
        ({"2018-11": 3, "2019-02": 1}, {"2018-11": 3, "2019-02": 1}),
        ({"1970-01": 2, "1970-05": 1, "2020-01": 7}, {"1970": 3, "2020": 7}),
        ({"0001-01": 1, "9999-12": 1234}, {"0001": 1, "9999": 1234}),
    ],
)
def test_chart_of_many_months_has_one_bar_per_year(
    months: dict[str, int], bars: dict[str, int]
) -> None:
    assert bars_of(month_chart(months)) == bars


def test_a_report_names_inferred_references(tmp_path: Path) -> None:
    plain, frugal = (Campaign(tmp_path / f"{name}.db", hidden_world()) for name in ("p", "f"))
    plain.crawl()
    frugal.crawl(frugal=True)
    with Store.read(plain.path) as store:
        before = Snapshot.from_observations(store.current_observations(), store.states())
    with Store.read(frugal.path) as store:
        write_report(store, tmp_path / "out", Baseline("the plain crawl", before))
    text = (tmp_path / "out" / "report.md").read_text()
    assert "50 of the known references were inferred, not observed. They may have more" in text
    assert "For this reason, 10 observations cannot be counted as removed." in text
