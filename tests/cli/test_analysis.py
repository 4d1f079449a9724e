"""Analysis commands: text, JSON, and escaping of untrusted texts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import unicodedata
from itertools import product
from typing import TYPE_CHECKING

import pytest

from graphbuild.analysis import (
    Incidence,
    compute_centrality,
    find_bridges,
    find_clusters,
    find_overlaps,
    group_pairs,
)
from graphbuild.emulator import Api, generate_family_world
from graphbuild.models import Entity, Observation
from graphbuild.store import Store
from tests.support.campaign_files import write_campaign, write_pages
from tests.support.graphs import HOSTILE
from tests.support.paths import DATA, ROOT
from tests.support.planted_campaigns import MEDIUM, plant, shuffled
from tests.support.planted_variants import plant_doubtful
from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = DATA / "related_references.json"
FILE = "5e3f311ae67f046b56435067bcdd39fbf836fa0421fbc8c8b0e43e8e47524954"


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, Incidence]:
    folder = tmp_path_factory.mktemp("analysis")
    write_campaign(folder / "c.db", plant(0, MEDIUM).observations())
    with Store.read(folder / "c.db") as store:
        return Shell(folder), Incidence.from_observations(store.observations())


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The campaign file of the imported sample."""
    shell = Shell(tmp_path_factory.mktemp("imported"))
    assert shell("import", "--store", "c.db", SAMPLE).returncode == 0
    return shell.folder / "c.db"


@pytest.fixture
def sample(shell: Shell, imported: Path) -> Shell:
    """Return a shell in a folder with a copy of this file."""
    shutil.copy(imported, shell.folder)
    return shell


def output_of(shell: Shell, *arguments: object) -> str:
    result = shell(*arguments, "--store", "c.db")
    assert result.returncode == 0, result.stderr
    return result.stdout


# --- overlap, clusters, bridges, times -----------------------------------------------------------


def test_overlap_lists_the_best_pairs_and_hubs(campaign) -> None:
    shell, incidence = campaign
    found = find_overlaps(incidence, "collections")
    beyond = found.significant()
    text = output_of(shell, "overlap", "--of", "collections", "--limit", 3)
    assert f"{len(found):,} share something, {len(beyond):,} more than chance (q <= 0.05)" in text
    assert f"… and {len(group_pairs(found, incidence)) - 3:,} more" in text
    assert "chance may explain" not in text  # all listed pairs are significant
    result = json.loads(output_of(shell, "overlap", "--of", "collections", "--json"))
    assert [(pair["source"], pair["target"], pair["q_value"]) for pair in result["pairs"]] == [
        (pair.source.key, pair.target.key, pair.q_value) for pair in beyond
    ]
    text = output_of(shell, "overlap")
    assert "weak evidence: 174 files share the collection roundup-1 (weight in bits: 1)" in text
    assert "'communities' shows the clusters" in text
    lines = output_of(shell, "overlap", "--limit", 2).splitlines()
    assert lines[1].split() == [
        *("source", "target", "cluster", "pairs", "q", "p", "bits", "evidence"),
        *("sources", "breaking", "references", "independent", "publishers"),
    ]


def test_overlap_divides_pairs_that_chance_may_explain(campaign) -> None:
    shell, incidence = campaign
    found = find_overlaps(incidence, "collections")
    groups = group_pairs(found, incidence)
    above = (groups.pairs.columns["q_value"] <= 0.05).sum()
    assert 0 < above < len(groups)
    lines = output_of(shell, "overlap", "--of", "collections", "--limit", 10_000).splitlines()
    divider = "--- chance may explain the pairs below (q > 0.05) ---"
    assert lines.index(divider) == 2 + above
    assert len([line for line in lines if line == divider]) == 1
    listed = json.loads(output_of(shell, "overlap", "--of", "collections", "--json", "--all"))
    assert len(listed["pairs"]) == len(found)


def test_overlap_lists_the_best_pairs_of_unrelated_files(shell: Shell) -> None:
    world = shuffled(plant(1), 1)
    found = find_overlaps(world.observations())
    assert len(found.significant()) == 0
    assert found.attainable_q <= 0.05
    write_campaign(shell.folder / "c.db", world.observations())
    lines = output_of(shell, "overlap", "--limit", 5).splitlines()
    assert lines[1] == "chance may explain each of these pairs (q > 0.05)"
    assert lines[2].startswith("source ")
    assert lines[8].endswith(" more; --limit N shows more, --json --all shows all")
    assert "---" not in "".join(lines)


def collection_of(name: str, files: list[Entity]) -> list[Observation]:
    """Return the observations of files in a collection with one reference."""
    reference = Entity("reference", f"{sum(map(ord, name)):064x}", {"title": f"About {name}"})
    collection = Entity("collection", name.lower(), {"name": name})
    return [Observation(each, reference, collection) for each in files]


def test_overlap_counts_files_with_the_same_evidence_in_one_row(shell: Shell) -> None:
    """The best pairs are shown, although no pair of so few files can be significant."""
    files = [Entity("file", f"{number:064x}") for number in range(1, 7)]
    write_campaign(
        shell.folder / "c.db", collection_of("Emotet", files) + collection_of("Loader", files[:5])
    )
    lines = output_of(shell, "overlap").splitlines()
    assert lines[0].startswith("6 files: of 15 pairs 15 share something, 0 more than chance")
    assert lines[1].startswith("no pair can have q <= 0.05 here (the lowest possible q is ")
    cells = [re.split(r"\s{2,}", line)[:4] for line in lines[3:5]]
    assert sorted(cells) == [
        ["5 files like 000000000000…", "000000000000…", "Emotet", "5"],
        ["5 files like 000000000000…", "each other", "Emotet", "10"],
    ]
    assert lines[5].startswith("weak evidence")
    result = json.loads(output_of(shell, "overlap", "--json", "--all"))
    assert len(result["pairs"]) == 15
    assert result["attainable_q"] > 0.05
    alike = [file.key for file in files[:5]]
    groups = [(group["pairs"], group["sources"], group["targets"]) for group in result["groups"]]
    assert sorted(groups) == [(5, alike, [files[5].key]), (10, alike, alike)]
    assert json.loads(output_of(shell, "overlap", "--json"))["pairs"] == []


def test_overlap_shows_names_of_files_and_clusters_beside_the_hash(shell: Shell, service) -> None:
    world = generate_family_world(2, 2)
    hashes = shell.folder / "hashes.txt"
    hashes.write_text("\n".join(world.hashes()), encoding="utf-8")
    url = service(Api(world))
    options = ("--base-url", url, "--describe", "files,collections")
    assert output_of(shell, "crawl", hashes, *options)
    source = min(world.files.values(), key=lambda each: each.sha256)
    (name,) = {each.name for each in world.collections.values()}
    lines = output_of(shell, "overlap").splitlines()
    cells = re.split(r"\s{2,}", lines[3])[:4]
    assert cells == [f"2 files like {source.sha256[:12]}… {source.name}", "each other", name, "1"]


def test_communities_lists_clusters_with_collections(campaign) -> None:
    shell, incidence = campaign
    found = find_clusters(incidence)
    result = json.loads(output_of(shell, "communities", "--json"))
    assert [group["name"] for group in result["clusters"]] == [
        group.name for group in found.clusters
    ]
    assert [group["files"] for group in result["clusters"]] == [
        [file.key for file in group.files] for group in found.clusters
    ]
    lines = output_of(shell, "communities", "--limit", 2).splitlines()
    assert lines[0].startswith(
        f"{len(found.clusters)} clusters of {len(incidence.files)} files, 0 "
    )
    first = found.clusters[0]
    assert lines[2].startswith(f"1 {first.name}  ")
    cells = lines[2].removeprefix(f"1 {first.name}").split()
    assert cells[:2] == [str(len(first.files)), f"{first.stability:.2f}"]


def test_communities_lists_subclusters_and_doubtful_files(shell: Shell) -> None:
    planted, between = plant_doubtful()
    write_campaign(shell.folder / "c.db", planted.observations())
    first, second = json.loads(output_of(shell, "communities", "--json"))["clusters"]
    truth = {f"file:{file}": number for file, number in planted.truth.items()}
    del truth[f"file:{between}"]
    assert [part["label"] for part in first["subclusters"]] == ["1a", "1b"]
    for part in first["subclusters"]:
        assert len({truth[file] for file in part["files"] if file in truth}) == 1
        assert part["top_collections"][0]["outside"] == 0
    assert sorted(file for part in first["subclusters"] for file in part["files"]) == first["files"]
    (whole,) = second["subclusters"]
    assert (whole["label"], whole["files"]) == ("2", second["files"])
    assert first["doubtful"] == [{"file": f"file:{between}", "other_cluster": 2}]
    assert second["doubtful"] == []
    lines = output_of(shell, "communities").splitlines()
    (line,) = [line for line in lines if line.startswith("subclusters of ")]
    assert re.fullmatch(
        r"subclusters of 1: 1a \(21 files: s1-v\d-\d\), 1b \(20 files: s1-v\d-\d\)", line
    )
    position = lines.index("1 doubtful file is nearly as similar to another cluster:")
    assert lines[position + 1] == f"  {between[:12]}… of cluster 1, similar to cluster 2"


def test_bridges_lists_nodes_between_clusters(campaign) -> None:
    shell, incidence = campaign
    found = find_bridges(incidence, find_clusters(incidence))
    result = json.loads(output_of(shell, "bridges", "--json"))
    assert [(b["key"], b["components"], b["cut_off_files"]) for b in result["bridges"]] == [
        (b.entity.key, b.components, b.cut_off_files) for b in found.bridges
    ]
    assert result["joined_pairs"] == found.joined_pairs
    text = output_of(shell, "bridges")
    assert f"of clusters connected, {len(found.single_links):,} of them by a single node" in text


def test_bridges_has_one_sentence_per_node(shell: Shell) -> None:
    # Three families without a common reference; the collection "roundup" has half of their files.
    observations = [
        Observation(Entity("file", f"{family}{number}" * 32), *listed)
        for family, number in product("abc", range(4))
        for listed in (
            (Entity("reference", family * 64), Entity("collection", f"family-{family}")),
            (Entity("reference", "f" * 64), Entity("collection", "roundup")),
        )[: 1 + number % 2]
    ]
    write_campaign(shell.folder / "c.db", observations)
    lines = output_of(shell, "bridges").splitlines()
    assert lines[0] == "3 pairs of clusters connected, 3 of them by a single node"
    sentence = "only the collection roundup connects 3 pairs of clusters: 1-2, 1-3, 2-3"
    assert [line for line in lines if line.startswith("only ")] == [sentence]
    conclusion = output_of(shell, "centrality").splitlines()[-1]
    assert conclusion == (
        "without the collection roundup, its files fall into 3 components, with 8 files outside"
        " the largest; see 'graphbuild bridges'"
    )


def test_centrality_ends_with_a_conclusion(sample: Shell) -> None:
    *_, last = output_of(sample, "centrality").splitlines()
    assert last == "without the collection Emotet, the same files stay connected"


def test_centrality_ranks_nodes(campaign) -> None:
    shell, incidence = campaign
    found = compute_centrality(incidence)
    text = output_of(shell, "centrality", "--limit", "3")
    assert text.splitlines()[0] == f"{len(found.nodes):,} nodes, betweenness exact"
    first = found.nodes[0]
    assert text.splitlines()[2].split()[:2] == [first.entity.type, first.entity.label]
    result = json.loads(output_of(shell, "centrality", "--json"))
    assert result["samples"] is None
    assert [node["key"] for node in result["nodes"]] == [each.entity.key for each in found.nodes]
    assert result["nodes"][0]["betweenness"] == first.betweenness


def test_timeline_lists_months_and_first_and_last_dates(sample: Shell) -> None:
    text = output_of(sample, "timeline")
    assert text.splitlines()[0] == "2 references, 0 without a date; months in UTC"
    assert "\n…        49 months without references\n" in text
    months = re.findall(r"^(\d{4}-\d\d) +(\d+)  (#+)$", text, re.MULTILINE)
    assert [(month, count) for month, count, _ in months] == [("2018-01", "1"), ("2022-03", "1")]
    assert re.search(r"^Emotet +2 +0 +2018-01-\d\d .+ 2022-03-\d\d ", text, re.MULTILINE)
    result = json.loads(output_of(sample, "timeline", "--json"))
    assert result["campaign"]["months"] == {"2018-01": 1, "2022-03": 1}
    assert result["clusters"][0]["references"] == 2
    assert output_of(sample, "timeline", "--clusters").splitlines()[5].startswith("cluster")


# --- explain -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [(), ("--markdown",), ("--json",)])
def test_explain_lists_both_references_of_the_documented_sample(
    sample: Shell, form: tuple[str, ...]
) -> None:
    text = output_of(sample, "explain", FILE, "Emotet", *form)
    for title in (
        json.loads(SAMPLE.read_bytes())["data"][n]["attributes"]["title"] for n in (0, 1)
    ):
        shown = title if not form else re.sub(r"([?,-])", r"\\\1", title)
        assert (json.dumps(title)[1:-1] if "--json" in form else shown) in text
    assert "malpedia_win_emotet" in text if "--json" in form else "Emotet" in text
    if "--json" not in form:
        assert "2018-01-12" in text
        assert not re.search(r"https?:", text)


def test_explain_counts_paths_and_truncates_the_list(campaign) -> None:
    shell, _ = campaign
    one, other = "c0-0", "c1-0"
    all_paths = json.loads(output_of(shell, "explain", one, other, "--json"))["paths"]
    assert len(all_paths) > 2
    text = output_of(shell, "explain", one, other, "--limit", 2)
    assert text.startswith(f"{len(all_paths):,} shortest paths of ")
    assert f"… and {len(all_paths) - 2:,} more; --all" in text
    full_output = output_of(shell, "explain", one, other, "--all")
    assert f"\n{len(all_paths)}. " in full_output
    assert "more observations" not in full_output


def test_explain_has_one_line_per_reference(shell: Shell) -> None:
    reference = Entity("reference", "f" * 64)
    first, second = (Entity("collection", name) for name in ("first", "second"))
    files = [Entity("file", f"{number:02x}" * 32) for number in range(1, 16)]
    observations = [Observation(file, reference, first) for file in files[:9]]
    observations += [Observation(file, reference, second) for file in files[3:]]
    write_campaign(shell.folder / "c.db", observations)
    arguments = ("explain", reference.key, "collection:first")
    lines = [line for line in output_of(shell, *arguments).splitlines() if " - " in line]
    assert len(lines) == 1
    assert lines[0].endswith('; listed for 9 files through the collection "first"')
    lines = [line for line in output_of(shell, *arguments, "--all").splitlines() if " - " in line]
    assert len(lines) == 9
    listed = [f'; listed for file "{file.id[:12]}…" through ' for file in files[:9]]
    assert all(text in line for text, line in zip(listed, lines, strict=True))


def test_explain_knows_files_without_references(shell: Shell) -> None:
    files = [Entity("file", f"{number:064x}") for number in (1, 2)]
    write_campaign(shell.folder / "c.db", collection_of("Emotet", files[:1]))
    write_pages(shell.folder / "c.db", {files[1]: []})
    text = output_of(shell, "explain", files[1].id, "Emotet")
    assert text == 'no observation connects file "000000000000…" and the collection "Emotet"\n'


def test_explain_reports_unknown_and_equal_nodes(sample: Shell) -> None:
    result = sample("explain", FILE, "Nobody", "--store", "c.db")
    assert result.returncode == 1
    assert "no node of the campaign matches 'Nobody'" in result.stderr
    result = sample("explain", "emotet", "Emotet", "--store", "c.db")
    assert result.returncode == 1
    assert "are the same node" in result.stderr


def test_hostile_texts_are_escaped_on_terminal_and_in_markdown(shell: Shell) -> None:
    file = Entity("file", "a" * 64)
    texts = [text for text in HOSTILE if text.strip() and "\ud800" not in text]
    result = [
        {
            "type": "reference",
            "id": f"{n:064x}",
            "attributes": {"title": text, "url": text, "author": text},
            "context_attributes": {
                "related_from": [{"type": "collection", "id": "c", "attributes": {"name": text}}]
            },
        }
        for n, text in enumerate(texts)
    ]
    write_pages(shell.folder / "c.db", {file: result})
    for arguments in (
        ("explain", file.id, "collection:c"),
        ("timeline",),
        ("bridges",),
        ("overlap",),
    ):
        text = output_of(shell, *arguments, *(["--all"] if arguments[0] == "explain" else []))
        assert not {c for c in text if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n"}
        assert arguments[0] != "explain" or not re.search(r"https?:|//evil\.", text)
    text = output_of(shell, "explain", file.id, "collection:c", "--all", "--markdown")
    bare = re.sub(r"\\.", "", text)
    assert not re.search(r"[<>\[\]`*_|~]|https?:", bare)


# --- errors --------------------------------------------------------------------------------------


def test_unknown_node_type_of_overlap_is_wrong_usage(sample: Shell) -> None:
    result = sample("overlap", "--of", "reports", "--store", "c.db")
    assert result.returncode == 2
    assert "is not one of 'files', 'collections'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("overlap --fdr nan", "'nan' is not a share"),
        ("overlap --fdr 0", "'0' is not a share"),
        ("communities --seed -1", "greater than or equal to 0"),
        ("bridges --seed 4294967296", "less than or equal to 4294967295"),
    ],
)
def test_invalid_number_is_wrong_usage(sample: Shell, arguments: str, problem: str) -> None:
    result = sample(*arguments.split(), "--store", "c.db")
    assert result.returncode == 2
    assert problem in result.stderr


def test_share_in_percent(sample: Shell) -> None:
    assert json.loads(output_of(sample, "overlap", "--fdr", "5%", "--json"))["fdr"] == 0.05


def test_largest_random_seed_is_accepted(campaign) -> None:
    shell, _ = campaign
    text = output_of(shell, "communities", "--seed", "4294967295", "--json")
    assert json.loads(text)["clusters"]


@pytest.mark.parametrize(
    "arguments",
    ["overlap", "communities", "bridges", "centrality", "timeline", f"explain {FILE} Emotet"],
)
def test_analysis_of_an_incomplete_campaign_warns(sample: Shell, arguments: str) -> None:
    result = sample(*arguments.split(), "--store", "c.db")
    assert result.returncode == 0
    assert (
        "the campaign is not complete: 0 pending, 1 incomplete, 0 failed of 1 file" in result.stderr
    )


@pytest.mark.parametrize("command", ["overlap", "communities", "bridges", "centrality", "timeline"])
def test_analysis_of_an_empty_campaign_is_not_an_error(shell: Shell, command: str) -> None:
    Store.open(shell.folder / "c.db").close()
    assert output_of(shell, command)
    assert json.loads(output_of(shell, command, "--json"))


def test_missing_library_is_reported_with_the_install_command(sample: Shell) -> None:
    code = (
        "import sys; sys.modules['networkit'] = None; from graphbuild.cli.main import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "centrality", "--store", "c.db"],
        cwd=sample.folder,
        capture_output=True,
        text=True,
        check=False,
        env={**sample.environment, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "graphbuild: this needs networkit, which is not installed;"
        f" run: {sys.executable} -m pip install networkit tldextract w3lib"
    )
