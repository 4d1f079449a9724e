"""The benchmarks with tiny sizes: both sides find the same. Times are not checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.bench import (
    checks,
    clusters,
    crawls,
    graphs,
    lists,
    pages,
    quick,
    run,
    scale,
    seed_lists,
    subclusters,
    tables,
    ties,
    truth,
    truth_overlap,
)
from tests.bench.rows import Row, paired, table
from tests.bench.serving import Service
from tests.support.family_mixes import generated
from tests.support.large_campaigns import plant_many
from tests.support.paged_families import MadeUp
from tests.support.seed_documents import Document, seed_documents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page


def test_all_sides_of_the_crawl_find_the_same() -> None:
    rows = crawls.shared(1, families=2, files=2)
    output = table(rows)
    for word in ("requests, nothing stored", "networkx", "vt-py", "raw JSON", "goal", "<= 1.00x"):
        assert word in output


def test_different_results_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str, service: Service) -> dict[str, object]:
        counts = {"pages": service.pages, "entries": service.entries, "triples": 1}
        return {**counts, "digest": "ours" if name == "graphbuild" else "theirs"}

    monkeypatch.setattr(crawls, "run", found)
    with Service(1, 1) as service, pytest.raises(AssertionError, match="do not find the same"):
        crawls.check_equal(service)


@pytest.mark.bulk
def test_the_other_cases_run() -> None:
    (row,) = crawls.memory(1, families=1, files=1)
    assert "5 pages" in row.case
    assert [row.missed for row in lists.seeds(1, lines=10)] == [False, False]
    assert [row.missed for row in checks.check(1, files=3)] == [False, False]
    assert "write_graphml_lxml" in table(graphs.graphml(1, edges=500))
    assert "write_gexf" in table(graphs.gexf(1, edges=500))
    assert "weighted_projected_graph" in table(ties.overlap(1, edges=1_000))
    assert "louvain_communities" in table(ties.find(1, edges=5_000))
    assert "share any" in table(clusters.ties(1, sizes=["small"], worlds=1))
    assert [row.missed for row in clusters.clusters(1, sizes=["small"], worlds=1)] == [False]
    rows = subclusters.subclusters(1, families=5, homogeneous=20, lists=1)
    assert not any(row.missed for row in rows)


def test_lists_of_generated_families() -> None:
    """The same shape as the real families; see ``make bench CASES=truth``."""
    mixes = [mix._replace(times=1) for mix in truth.MIXES if mix.families <= 20]
    rows = truth.measure(generated(1), 1, mixes)
    assert len({row.case for row in rows}) == len(rows)
    goals = [row for row in rows if row.goal is not None]
    assert {mix.name for mix in mixes} == {row.case.partition(":")[0] for row in goals}
    others = {row.case.partition(": ")[2] for row in rows if row.goal is None}
    assert {"graphbuild before (modularity)", "CPM 0.1 on collections"} < others
    for row in rows:
        if "the best other" in row.case:
            assert row.ratio >= -0.02, row.case
        if "families merged" in row.case:
            assert row.ratio <= 1, row.case


def test_pairs_of_generated_families() -> None:
    """The same shape as the real families; see ``make bench CASES=truth-overlap``."""
    mixes = [mix._replace(times=1) for mix in truth_overlap.PAIR_MIXES if mix.families <= 20]
    rows = truth_overlap.measure(generated(1), 2, mixes)
    assert len({row.case for row in rows}) == len(rows) == 3 * len(mixes) + 2
    goals = [row for row in rows if row.goal is not None]
    assert {row.case.partition(":")[0] for row in goals} == {
        *(mix.name for mix in mixes if mix.families >= 10 and "shuffled" not in mix.name),
        *(mix.name for mix in truth_overlap.SHUFFLED),
    }
    assert [row.case for row in goals if row.missed] == []
    calibration = [row.ratio for row in rows if "share wrong" in row.case]
    assert len(calibration) == len(mixes)
    assert max(calibration) <= 0.2


def test_counts_of_pairs_give_precision_and_recall() -> None:
    """Of 4 pairs with q <= 0.05, 1 is wrong; 2 of 5 true pairs are not among them."""
    q_value = np.array([0.001, 0.02, 0.03, 0.04, 0.15, 0.5])
    is_true = np.array([True, True, False, True, True, True])
    one = truth_overlap.count(q_value, is_true, 100)
    assert one.precision.tolist() == pytest.approx([1, 3 / 4, 3 / 4, 4 / 5])
    assert one.recall.tolist() == pytest.approx([1 / 5, 3 / 5, 3 / 5, 4 / 5])
    both = one + truth_overlap.count(np.array([0.2]), np.array([False]), 10)
    assert (both.true, both.tested) == (5, 110)
    assert both.precision.tolist() == pytest.approx([1, 3 / 4, 3 / 4, 4 / 6])
    assert truth_overlap.count(np.array([0.9]), np.array([False]), 1).recall.tolist() == [1] * 4


@pytest.mark.parametrize("case", ["truth", "truth-overlap"])
def test_without_data_of_families_a_case_names_the_option(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([case, "--families", str(tmp_path / "none.gz")]) == 0
    assert "--families FILE" in capsys.readouterr().out


def test_score_of_a_merged_and_a_split_family() -> None:
    """Families 0 and 1 are one cluster; family 2 has two clusters, of two files and of one."""
    true = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    found = truth.score(true, np.array([7, 7, 7, 7, 7, 1, 1, 2]))
    assert found.precision == pytest.approx((3 + 1 + 1) / (10 + 1))
    assert found.recall == pytest.approx((3 + 1 + 1) / (3 + 1 + 3))
    assert (found.merged, found.pieces) == (1, pytest.approx(4 / 3))
    assert truth.score(true, true) == truth.Score(1.0, 1.0, 1.0, 0.0, 1.0)


def test_chosen_pages_give_the_final_clusters_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "is_present", lambda: False)
    sizes = MadeUp(families=4, files=(3, 6), large_collections=2, large=(150, 250))
    compared, many_pages = quick.quick(1, seeds=[0], made_up={"small": sizes})
    assert "AMI after" in compared.case
    assert "pages each: AMI after 25% of the calls" in many_pages.case
    assert -1 < compared.ratio < 1  # the smallest difference of the two curves


def test_missing_and_wrong_seeds_are_counted_by_kind() -> None:
    first, second, third = (digit * 64 for digit in "abc")
    document = Document(
        "list.txt",
        f"{first}\n{second}\nevil.example.com\n8.8.8.8\n".encode(),
        files=(frozenset({first, "a" * 32}), frozenset({third})),
        others=frozenset({("address", "8.8.8.8"), ("URL", "https://a.example.com/")}),
    )
    found = seed_lists.score(document)
    assert found.missing == [("hash", third), ("URL", "https://a.example.com/")]
    assert found.wrong == [("hash", second), ("domain", "evil.example.com")]
    assert [found.recall(kind) for kind in ("hash", "domain", "address", "URL")] == [0.5, 1, 1, 0]
    assert [found.precision(kind) for kind in ("hash", "domain", "address")] == [0.5, 0, 1]


def test_a_document_that_is_refused_has_no_seeds() -> None:
    document = Document("list.txt", b"%PDF-1.7", (), frozenset({("domain", "a.example.com")}))
    found = seed_lists.score(document)
    assert "PDF" in found.error
    assert found.recall("domain") == 0


def test_the_documents_are_the_same_in_every_run_and_have_all_kinds() -> None:
    documents = seed_documents()
    assert documents == seed_documents()
    assert len({each.name for each in documents}) == len(documents) >= 40
    kinds = {kind for each in documents for kind, _ in each.others}
    assert kinds == {"domain", "address", "URL"}
    assert sum(len(each.files) for each in documents) > 500


def test_a_goal_can_be_a_minimum() -> None:
    low, high = (Row("recall", "", "", value, 0.97, is_minimum=True) for value in (0.9, 0.98))
    assert (low.missed, high.missed) == (True, False)
    assert ">= 0.97x" in table([low])


@pytest.mark.parametrize(
    "sides",
    [("csv", "pandas"), ("parquet", "pandas-typed"), ("json", "dump", "dumps")],
    ids="-".join,
)
def test_all_sides_of_tables_write_the_same(sides: tuple[str, ...], tmp_path: Path) -> None:
    rows = list(graphs.observations(450))
    # Also lists of several and of no collections, which the graph does not have.
    rows.append(replace(rows[0], related_from=Entity("collection", "another")))
    rows.append(Observation(Entity("file", "f" * 64), rows[0].reference, None))
    graph = build_graph(rows)
    results = []
    for side in sides:
        folder = tmp_path / side
        folder.mkdir()
        write, read = tables.SIDES[side](graph, folder)
        write()
        results.append(list(read()))
    assert len(results[0]) > 600  # nodes and edges, at least
    assert all(each == results[0] for each in results)


def test_table_processes_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    output = table(tables.parquet(1, edges=250))
    for word in ("Parquet, 250 edges", "pandas to_csv, frames ready", "memory to write it"):
        assert word in output
    monkeypatch.setattr(tables, "_run", lambda side, *_: {"cpu": 1.0, "found": side})
    with pytest.raises(AssertionError, match="do not write the same"):
        tables.parquet(1, edges=1)


def test_a_dataset_is_compared_with_parquet() -> None:
    output = table(tables.dataset(1, edges=250))
    for word in ("dataset, 250 edges: CPU", "Parquet tables", "memory beyond that of Parquet"):
        assert word in output


def test_pages_of_both_sides() -> None:
    output = table(pages.files(1, edges=300))
    for word in ("families", "scattered", "pyvis from_nx + write_html", "<= 0.0100x"):
        assert word in output


@pytest.mark.browser
def test_a_layout_that_is_stable_at_once_is_detected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text(_STABLE_AT_ONCE, encoding="utf-8")
    monkeypatch.setattr(pages, "_TIMEOUT", 10)
    with pages._Chromium() as chromium:
        monkeypatch.setattr(chromium, "_open", _once_loaded(chromium._open))
        seconds, moved = chromium.theirs(page)
    assert seconds < 10  # before the timeout
    assert moved > 0


# The parts of vis-network that the benchmark uses; the layout is stable at once.
_STABLE_AT_ONCE = """<!DOCTYPE html><script>
  const heard = [];
  var network;
  network = {
    once: (event, act) => heard.push([event, act]),
    stopSimulation: () => {},
    moveTo: () => {},
  };
  for (const [event, act] of heard) if (event === "stabilizationIterationsDone") act();
</script>"""


def _once_loaded(open_page: Callable[..., Page]) -> Callable[..., Page]:
    def opened(*arguments: object) -> Page:
        page = open_page(*arguments)
        page.wait_for_load_state("load")
        return page

    return opened


@pytest.mark.browser
def test_browser_benchmarks() -> None:
    rows = pages.pictures(1, edges=60)
    assert [row.case.rpartition(": ")[2] for row in rows] == [
        "until the layout is stable",
        "100 frames of a move",
    ] * 2
    assert all(row.ratio > 0 for row in rows)
    (row,) = pages.searches(1, [("scattered", 60, 200.0)])
    assert "ms" in row.ours


def test_ratios_are_medians_of_pairs() -> None:
    row = paired("x", [1.0, 9.0, 2.0], [2.0, 1.0, 2.0], "loop", 0.7)
    assert (row.ratio, row.spread, row.missed) == (1.0, (0.5, 9.0), True)
    assert not Row("y", "1", "1", 0.7, 0.7).missed
    line = "x     2.00 s  2.00 s loop  1.00x  0.50x to 9.00x  <= 0.70x  MISSED"
    assert table([row]).endswith(line)


def test_the_command_fails_if_a_goal_is_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"good": [Row("fast", "1 s", "2 s", 0.5, 0.7)], "bad": [Row("slow", "2 s", "1 s", 2, 1)]}
    monkeypatch.setattr(run, "CASES", {name: lambda _, n=name: rows[n] for name in rows})
    assert run.main(["good"]) == 0
    assert run.main([]) == 1
    assert "slow" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run.main(["ugly"])


def test_ignoring_wide_evidence_loses_nothing_in_small_lists() -> None:
    row = scale.loss("small", [plant_many(300)])
    assert (row.ratio, row.missed) == (0, False)
