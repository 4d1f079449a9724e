"""Deduplication: references to one article are grouped, and independent references counted."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.analysis import (
    RULE_DESCRIPTIONS,
    EvidenceGraph,
    Incidence,
    describe_step,
    find_bridges,
    find_clusters,
    find_duplicates,
    find_overlaps,
)
from graphbuild.analysis.incidence import NO_COLLECTION
from graphbuild.models import Entity, Observation
from tests.cli.test_analysis import output_of
from tests.support.campaign_files import write_pages
from tests.support.graphs import HOSTILE
from tests.support.observed_graphs import observed_graphs
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from tests.support.shell import Shell

DAY = 1_515_715_200  # 2018-01-12 00:00:00 UTC
HOUR = 3_600
TITLE = "Korea In The Crosshairs"


def reference(name: str, url: str = "", title: str = "", date: int | None = None) -> Entity:
    known = {"url": url, "title": title, "creation_date": date}
    return Entity("reference", name, {n: v for n, v in known.items() if v not in {"", None}})


def groups(*references: Entity) -> list[list[str]]:
    """Return the ids of the references of each article."""
    return [[each.id for each in one.members] for one in find_duplicates(references).groups]


def rules(*references: Entity) -> tuple[str, ...]:
    (merged,) = find_duplicates(references).groups
    return merged.rules


# --- by URL --------------------------------------------------------------------------------------

URL_VARIANTS = (
    lambda url: url,
    lambda url: url.replace("https:", "http:"),
    lambda url: url.replace("https://", "https://www."),
    lambda url: f"{url}/",
    lambda url: f"{url}?utm_source=feed",
    lambda url: f"{url}#top",
    lambda url: f"{url}/amp",
    lambda url: f"https://web.archive.org/web/2018/{url}",
    lambda url: f"https://archive.ph/20180101000000/{url}",
    lambda url: f"https://www.google.com/amp/s/{url.removeprefix('https://')}",
    lambda url: url.upper().replace("/PAGE-", "/page-"),
)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.lists(st.sampled_from(URL_VARIANTS), max_size=3)),
        max_size=12,
    )
)
def test_variants_of_a_url_are_grouped_and_other_urls_are_not(
    pages: list[tuple[int, list]],
) -> None:
    planted: dict[int, list[str]] = {}
    references = []
    for number, (page, variants) in enumerate(pages):
        url = f"https://site{page % 3}.example/page-{page}"
        for variant in variants:
            url = variant(url)
        references.append(reference(f"r{number:02}", url))
        planted.setdefault(page, []).append(f"r{number:02}")
    assert sorted(groups(*references)) == sorted(planted.values())


def test_rules_are_those_without_which_the_urls_would_differ() -> None:
    one = reference("a", "http://www.example.com/page?utm_source=1")
    assert rules(one, reference("b", "https://www.example.com/page?utm_source=2")) == (
        "scheme",
        "tracking",
    )
    assert rules(one, reference("b", "http://example.com/page/?utm_source=1")) == (
        "www",
        "trailing_slash",
    )
    assert rules(one, reference("b", one.attributes["url"])) == ("identical_url",)
    assert find_duplicates([one]).groups[0].rules == ()


def test_representative_has_the_least_changed_url_in_any_order() -> None:
    members = [
        reference("a", "https://web.archive.org/web/2018/https://example.com/page", TITLE, DAY),
        reference("b", "https://example.com/page"),
        reference("c", "https://example.com/page", TITLE),
        reference("d", "https://example.com/page", TITLE),
        reference("e", "http://example.com/page", TITLE, DAY),
    ]
    for order in (members, members[::-1]):
        found = find_duplicates(order)
        (merged,) = found.groups
        assert merged.representative.id == "c"
        assert merged.members == tuple(members)
        assert merged.rules == ("identical_url", "archive", "scheme")
        assert found == find_duplicates(members)


def test_representative_has_a_known_publisher_if_a_member_has_one() -> None:
    title = "Operation Daybreak hits three banks"
    original = reference("original", "http://www.example.com/page", title, DAY)
    short = reference("a", "https://archive.ph/AbCd1", title, DAY)
    without_url = reference("b", "", title, DAY)
    (merged,) = find_duplicates([short, original, without_url]).groups
    assert (merged.representative, merged.publisher) == (original, "example.com")


# --- by title and date ---------------------------------------------------------------------------


def test_references_with_same_specific_title_and_date_are_duplicates() -> None:
    one = reference("a", "https://one.example/1", TITLE, DAY)
    assert groups(one, reference("b", "https://two.example/2", TITLE, DAY + 23 * HOUR)) == [
        ["a", "b"]
    ]
    other = reference("b", "https://two.example/2", " korea in the \u201cCROSSHAIRS\u201d! ", DAY)
    assert rules(one, other) == ("title",)
    assert rules(one, reference("b", "", TITLE, DAY)) == ("title",)
    assert rules(one, other, reference("c", "http://one.example/1")) == ("scheme", "title")


@pytest.mark.parametrize(
    ("title", "date"),
    [
        (TITLE, DAY + 24 * HOUR),
        (TITLE, DAY - 1),
        (TITLE, None),
        (TITLE, 0),
        (f"{TITLE} part 2", DAY),
        ("", DAY),
    ],
)
def test_references_with_other_date_or_title_are_not_duplicates(
    title: str, date: int | None
) -> None:
    one = reference("a", "https://one.example/1", TITLE, DAY)
    assert groups(one, reference("b", "https://two.example/2", title, date)) == [["a"], ["b"]]


def test_titles_without_a_date_are_not_compared() -> None:
    found = [reference(name, f"https://{name}.example/", TITLE) for name in "ab"]
    assert groups(*found) == [["a"], ["b"]]


@pytest.mark.parametrize(
    "title",
    [
        "Blog",
        "Malware Analysis Report",
        "Monthly Threat Intelligence Report - January 2018",
        "Emotet Malware Analysis Report",
        "Operation Daybreak",
        "2018 01 12 17",
        "\u6076\u610f\u8f6f\u4ef6\u5206\u6790\u62a5\u544a",  # malware analysis report
        "!!! ??? ... ---",
        "   ",
    ],
)
def test_common_titles_are_not_compared(title: str) -> None:
    found = [reference(name, f"https://{name}.example/", title, DAY) for name in "ab"]
    assert groups(*found) == [["a"], ["b"]]


@pytest.mark.parametrize(
    "title",
    [
        "The Banking Trojan Emotet: Detailed Analysis of a Dropper",
        "APT28 Under the Scope",
        "Malware Analysis Report (AR18-165A)",
        "\u6d77\u83b2\u82b1\u7ec4\u7ec7\u9488\u5bf9\u4e2d\u56fd\u91d1\u878d\u673a\u6784\u653b\u51fb",
        "\ubd81\ud55c \ud574\ucee4 \uc740\ud589 \ud0c8\ucde8",
    ],
)
def test_references_with_specific_title_are_duplicates(title: str) -> None:
    found = [reference(name, f"https://{name}.example/", title, DAY) for name in "ab"]
    assert groups(*found) == [["a", "b"]]


# --- merging -------------------------------------------------------------------------------------


def triples(incidence: Incidence) -> set[tuple[str, str, str | None]]:
    return {
        (
            incidence.files[file].key,
            incidence.references[reference_index].key,
            None if collection == NO_COLLECTION else incidence.sources[collection].key,
        )
        for file, reference_index, collection in incidence.triples.tolist()
    }


URLS = [
    *("https://one.example/1", "http://www.one.example/1/", "https://one.example/1?gclid=2"),
    *(
        "https://two.example/",
        "https://archive.is/2018/https://two.example",
        "https://one.example/2",
    ),
    *("javascript:alert(1)", "https://archive.ph/aBc", "http://[::1", ""),
]
copies = st.lists(
    st.builds(
        lambda file, number, title, collection: Observation(
            Entity("file", f"f{file}"),
            reference(f"r{number:02}", URLS[number % len(URLS)], title, DAY),
            collection and Entity("collection", collection),
        ),
        st.integers(0, 3),
        st.integers(0, 2 * len(URLS)),
        st.sampled_from(["", "", TITLE, "Blog"]),
        st.sampled_from(["c0", "c1", None]),
    ),
    max_size=20,
)
generated_observations = observed_graphs().map(lambda graph: graph.observations)


@settings(max_examples=80)
@given(copies | generated_observations)
def test_merging_keeps_all_references_in_groups(observations: list[Observation]) -> None:
    incidence = Incidence.from_observations(observations)
    found = find_duplicates(incidence.references)
    assert found.references == incidence.references
    members = [each for one in found.groups for each in one.members]
    assert Counter(members) == Counter(incidence.references)
    for one in found.groups:
        assert one.representative in one.members
        assert all(found.group_of(each) == one for each in one.members)
        assert bool(one.rules) == (len(one.members) > 1)
        assert list(one.rules) == [name for name in RULE_DESCRIPTIONS if name in one.rules]
    merged = found.merge(incidence)
    representative_of = {
        each.key: one.representative.key for one in found.groups for each in one.members
    }
    assert triples(merged) == {
        (file, representative_of[member], collection)
        for file, member, collection in triples(incidence)
    }
    rows = [tuple(row) for row in merged.triples.tolist()]
    assert rows == sorted(set(rows))
    assert list(merged.references) == sorted(merged.references, key=lambda each: each.key)
    assert (merged.files, merged.collections) == (incidence.files, incidence.collections)


def test_data_frame_has_one_row_per_reference() -> None:
    references = [
        reference("a", "http://www.example.com/1", TITLE, DAY),
        reference("b", "https://www.example.com/1"),
        reference("c", "javascript:alert(1)"),
    ]
    frame = find_duplicates(references).to_frame()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "reference": "string",
        "representative": "string",
        "publisher": "category",
        "rules": "object",
        "url": "string",
        "title": "string",
        "published": "datetime64[us, UTC]",
    }
    assert frame["representative"].tolist() == ["reference:b", "reference:b", "reference:c"]
    assert frame["rules"].tolist() == [["scheme"], ["scheme"], []]
    assert frame["publisher"].isna().tolist() == [False, False, True]
    assert frame["published"][0] == pd.Timestamp("2018-01-12", tz="UTC")
    assert frame.dtypes.equals(find_duplicates([]).to_frame().dtypes) or not len(
        find_duplicates([]).to_frame()
    )


# --- independent references ----------------------------------------------------------------------

FILES = [Entity("file", each * 64) for each in "12345"]
FIRST, SECOND = (Entity("collection", each, {"name": each}) for each in ("first", "second"))
FIVE = [
    reference("a" * 64, "http://www.one.example/1"),
    reference("b" * 64, "https://one.example/1/?utm_source=x"),
    reference("c" * 64, "https://one.example/2"),
    reference("d" * 64, "https://two.example/1", TITLE, DAY),
    reference("e" * 64, "https://web.archive.org/web/2018/https://two.example/9", TITLE, DAY),
]
OBSERVATIONS = [
    Observation(file, each, kind) for file in FILES for each in FIVE for kind in (FIRST, SECOND)
]


def test_five_shared_references_are_three_articles_of_two_publishers() -> None:
    incidence = Incidence.from_observations(OBSERVATIONS)
    duplicates = find_duplicates(incidence.references)
    assert duplicates.count_independent(FIVE) == (3, 2)
    for side in ("files", "collections"):
        overlaps = find_overlaps(incidence, side)
        assert {(pair.independent_references, pair.publishers) for pair in overlaps} == {
            (None, None)
        }
        with_counts = overlaps.with_duplicates(incidence, duplicates)
        assert {
            (pair.shared_references, pair.independent_references, pair.publishers)
            for pair in with_counts
        } == {(5, 3, 2)}
        assert with_counts.to_frame()[
            ["shared_references", "independent_references", "publishers"]
        ].iloc[0].tolist() == [
            5,
            3,
            2,
        ]
        assert str(with_counts.to_frame()["independent_references"].dtype) == "Int64"
        assert {(pair.independent_references) for pair in with_counts.head(1)} == {3}
        merged = find_overlaps(duplicates.merge(incidence), side)
        assert {pair.shared_references for pair in merged} == {3}


@settings(max_examples=80)
@given(copies | generated_observations)
def test_independent_references_are_those_of_plain_sets(
    observations: list[Observation],
) -> None:
    incidence = Incidence.from_observations(observations)
    duplicates = find_duplicates(incidence.references)
    has: dict[str, set[Entity]] = {}
    for one in observations:
        has.setdefault(one.subject.key, set()).add(one.reference)
    for pair in find_overlaps(incidence).with_duplicates(incidence, duplicates):
        both = has[pair.source.key] & has[pair.target.key]
        articles = {duplicates.group_of(each).representative for each in both}
        names = {duplicates.group_of(each).publisher for each in both} - {""}
        assert (pair.independent_references, pair.publishers) == (len(articles), len(names))


def test_two_urls_of_one_article_are_shared_only_after_merging() -> None:
    observations = [Observation(FILES[0], FIVE[0], None), Observation(FILES[1], FIVE[1], None)]
    incidence = Incidence.from_observations(observations)
    assert len(find_overlaps(incidence)) == 0
    merged = find_duplicates(incidence.references).merge(incidence)
    assert [(pair.shared_references, pair.shared_evidence) for pair in find_overlaps(merged)] == [
        (1, 1)
    ]


def test_duplicate_reports_in_related_from_become_one_after_merging() -> None:
    collection, listed = Entity("collection", "c"), reference("listed")
    incidence = Incidence.from_observations(
        [
            Observation(FILES[0], listed, FIVE[0]),
            Observation(FILES[1], listed, FIVE[1]),
            Observation(FILES[1], FIVE[1], collection),
        ]
    )
    merged = find_duplicates(incidence.references).merge(incidence)
    assert merged.sources == (collection, FIVE[0])
    assert triples(merged) == {
        (FILES[0].key, listed.key, FIVE[0].key),
        (FILES[1].key, listed.key, FIVE[0].key),
        (FILES[1].key, FIVE[0].key, collection.key),
    }
    assert [pair.shared_evidence for pair in find_overlaps(merged)] == [1]


def test_two_bridges_to_one_article_become_one_after_merging() -> None:
    sides = [[Entity("file", f"{side}{n}" * 32) for n in range(8)] for side in "ab"]
    kinds = [Entity("collection", f"{side}{n}") for side in "ab" for n in range(3)]
    observations = [
        Observation(file, reference(f"own {kind.id} {each}"), kind)
        for side in sides
        for file in side
        for kind in kinds
        if kind.id[0] == file.id[0]
        for each in range(3)
    ]
    observations += [Observation(side[0], each, None) for side in sides for each in FIVE[:2]]
    incidence = Incidence.from_observations(observations)
    merged = find_duplicates(incidence.references).merge(incidence)
    singles = []
    for each in (incidence, merged):
        clusters = find_clusters(each)
        assert len(clusters.clusters) == 2
        singles.append([entity.id for _, entity in find_bridges(each, clusters).single_links])
    assert singles == [[], ["a" * 64]]


def test_step_description_counts_independent_references() -> None:
    evidence = EvidenceGraph(OBSERVATIONS)
    duplicates = find_duplicates(evidence.references)
    (path,) = evidence.shortest_paths(FILES[0], FIRST)
    assert describe_step(path.steps[0], repr, duplicates).endswith(
        ", through 5 references (3 independent, by 2 publishers)"
    )
    assert describe_step(path.steps[0], repr).endswith(", through 5 references")


def test_publishers_are_sorted_by_number_of_independent_references() -> None:
    found = find_duplicates([*FIVE, reference("f", "javascript:1"), reference("g", "x")]).publishers
    assert [(each.name, each.independent_references, each.references) for each in found] == [
        ("", 2, 2),
        ("one.example", 2, 3),
        ("two.example", 1, 2),
    ]


# --- the commands --------------------------------------------------------------------------------


def references_json(
    references: list[Entity], collection: tuple[Entity, ...] = ()
) -> list[dict[str, object]]:
    return [
        {
            "type": each.type,
            "id": each.id,
            "attributes": dict(each.attributes),
            "context_attributes": {
                "related_from": [
                    {"type": one.type, "id": one.id, "attributes": dict(one.attributes)}
                    for one in collection
                ]
            },
        }
        for each in references
    ]


@pytest.fixture
def campaign(shell: Shell) -> Shell:
    """Return a shell in a folder with a campaign of two files, two collections, five references."""
    body = references_json(FIVE, (FIRST, SECOND))
    write_pages(shell.folder / "c.db", dict.fromkeys(FILES[:2], body))
    return shell


def test_command_lists_duplicates_rules_and_publishers(campaign: Shell) -> None:
    lines = output_of(campaign, "dedupe").splitlines()
    assert lines[0] == "5 references: 3 independent, 2 of them with duplicates; 2 publishers"
    text = "\n".join(lines)
    assert "(scheme, www, trailing_slash, tracking)" in text
    assert "  * hxxps://one[.]example/1/?utm_source=x  one[.]example" in text or (
        "  * hxxp://www[.]one[.]example/1  one[.]example" in text
    )
    assert f"{TITLE} (title)" in text
    assert re.search(r"^one\[\.\]example +2 +3$", text, re.MULTILINE)
    assert not re.search(r"https?:|\w\.example", text)
    output = json.loads(output_of(campaign, "dedupe", "--json"))
    assert (output["references"], output["independent_references"]) == (5, 3)
    merged = {each["representative"]: each for each in output["duplicates"]}
    keys = {name: f"reference:{name * 64}" for name in "abcde"}
    assert {tuple(m["key"] for m in each["members"]) for each in merged.values()} == {
        (keys["a"], keys["b"]),
        (keys["d"], keys["e"]),
    }
    assert merged[keys["d"]]["rules"] == ["title"]
    assert merged[keys["d"]]["publisher"] == "two.example"
    assert output["publishers"][0] == {
        "name": "one.example",
        "independent_references": 2,
        "references": 3,
    }
    assert set(output["rules"]) == {"scheme", "www", "trailing_slash", "tracking", "title"}


def test_command_lists_references_with_the_same_slug_that_are_not_merged(shell: Shell) -> None:
    slug = "new-wiper-hits-oslo-again"
    one, other = (
        reference(each * 64, f"https://{name}.example/{slug}", f"{name}\x1b[2J", DAY)
        for each, name in (("a", "one"), ("b", "other"))
    )
    write_pages(shell.folder / "c.db", {FILES[0]: references_json([one, other])})
    lines = output_of(shell, "dedupe").splitlines()
    start = lines.index(
        "not merged: new wiper hits oslo again (different_publishers:"
        " different publishers, and the slug has fewer than five specific words)"
    )
    assert lines[start + 1 : start + 3] == [
        f"  * hxxps://one[.]example/{slug}",
        f"  * hxxps://other[.]example/{slug}",
    ]
    (separate,) = json.loads(output_of(shell, "dedupe", "--json"))["separate"]
    assert (separate["slug"], separate["reason"]) == (
        "new wiper hits oslo again",
        "different_publishers",
    )
    assert [[each["key"] for each in group] for group in separate["groups"]] == [
        [one.key],
        [other.key],
    ]


def test_limit_shortens_lists_with_a_note(campaign: Shell) -> None:
    text = output_of(campaign, "dedupe", "--limit", 1)
    assert text.count("… and 1 more; --limit N shows more, --json shows all") == 2


def test_other_commands_show_independent_references(campaign: Shell) -> None:
    header, row = output_of(campaign, "overlap").splitlines()[2:4]
    assert header.split()[-3:] == ["references", "independent", "publishers"]
    assert row.split()[-3:] == ["5", "3", "2"]
    merged = output_of(campaign, "overlap", "--merge-duplicates").splitlines()[3]
    assert merged.split()[-3:] == ["3", "3", "2"]
    (pair,) = json.loads(output_of(campaign, "overlap", "--all", "--json"))["pairs"]
    assert (pair["shared_references"], pair["independent_references"], pair["publishers"]) == (
        5,
        3,
        2,
    )
    assert "through 5 references (3 independent, by 2 publishers)" in output_of(
        campaign, "explain", FILES[0].id, "first"
    )
    assert output_of(campaign, "timeline").startswith("5 references")
    assert output_of(campaign, "timeline", "--merge-duplicates").startswith("3 references")
    for command in ("communities", "bridges"):
        assert output_of(campaign, command, "--merge-duplicates")


def test_collections_with_the_same_articles_are_one_source_of_a_cluster(campaign: Shell) -> None:
    header, row = output_of(campaign, "communities").splitlines()[1:3]
    assert header.split()[3:5] == ["sources", "breaking"]
    assert re.search(r" 2 +1\.00 +1 +1 ", row)  # files, stability, sources, breaking point
    (cluster,) = json.loads(output_of(campaign, "communities", "--json"))["clusters"]
    measured = {name: cluster[name] for name in ("sources", "breaking_point")}
    assert measured == {"sources": 1, "breaking_point": 1}
    assert cluster["breaking_point_exact"] is True
    (pair,) = json.loads(output_of(campaign, "overlap", "--all", "--json"))["pairs"]
    assert (pair["shared_evidence"], pair["sources"], pair["breaking_point"]) == (2, 1, None)


def test_explain_shows_the_independent_sources_of_a_pair(campaign: Shell) -> None:
    files = FILES[0].id, FILES[1].id
    lines = output_of(campaign, "explain", *files).splitlines()
    assert lines[1] == "shared: 1 independent source; chance may explain the pair"
    lines = output_of(campaign, "explain", "first", "second", "--markdown").splitlines()
    assert lines[1:3] == ["", "shared: 3 independent sources; chance may explain the pair"]
    shown = json.loads(output_of(campaign, "explain", *files, "--json"))
    assert (shown["sources"], shown["breaking_point"]) == (1, None)
    shown = json.loads(output_of(campaign, "explain", files[0], "first", "--json"))
    assert "sources" not in shown


def test_empty_campaign_has_no_duplicates(shell: Shell) -> None:
    write_pages(shell.folder / "c.db", {})
    assert output_of(shell, "dedupe") == (
        "0 references: 0 independent, 0 of them with duplicates; 0 publishers\n\n"
    )
    assert json.loads(output_of(shell, "dedupe", "--json"))["publishers"] == []
    for command in ("overlap", "communities", "bridges", "timeline"):
        assert output_of(shell, command, "--merge-duplicates")


def test_output_contains_no_control_characters_or_live_urls(shell: Shell) -> None:
    texts = [text for text in HOSTILE if text.strip() and "\ud800" not in text]
    texts += ["javascript:alert(1)", "https://evil.example/\x1b[2J", "https://a.b/<script>"]
    references = [
        reference(f"{n:02}{twice}".ljust(64, "0"), text, f"{text} long enough to tell", DAY)
        for n, text in enumerate(texts)
        for twice in "ab"
    ]
    write_pages(shell.folder / "c.db", {FILES[0]: references_json(references)})
    text = output_of(shell, "dedupe", "--limit", 500)
    assert text.startswith(f"{len(references)} references: ")
    assert text.count(" * ") >= len(texts) / 2
    assert not {c for c in text if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n"}
    assert not re.search(r"https?:", text)
    assert max(map(len, text.splitlines())) < 600


_WITHOUT = """
import sys
sys.modules["{}"] = None
from graphbuild.cli.main import main
main()
"""


@pytest.mark.parametrize("library", ["w3lib", "tldextract"])
def test_missing_library_is_reported_with_the_install_command(
    campaign: Shell, library: str
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _WITHOUT.format(library), *arguments, "--store", "c.db"],
            cwd=campaign.folder,
            capture_output=True,
            text=True,
            check=False,
            env={**campaign.environment, "PYTHONPATH": str(ROOT)},
        )

    process = run("dedupe")
    assert process.returncode == 1
    assert process.stderr == (
        f"graphbuild: this needs {library}, which is not installed;"
        f" run: {sys.executable} -m pip install networkit tldextract w3lib\n"
    )
    # explain works without these libraries, but does not count independent references.
    process = run("explain", FILES[0].id, "first")
    assert process.returncode == 0
    assert "through 5 references\n" in process.stdout
    # communities works too, but does not count independent sources.
    process = run("communities")
    assert process.returncode == 0
    assert "sources" not in process.stdout
