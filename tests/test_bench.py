"""The bench, with tiny sizes: both sides find the same, and the table says so. No timing."""

from __future__ import annotations

import pytest
from bench import clusters, crawls, graphs, lists, pages, run, ties
from bench.rows import Row, paired, table
from bench.serving import Service


def test_all_sides_of_the_crawl_find_the_same_in_the_same_pages() -> None:
    rows = crawls.shared(1, families=2, files=2)
    printed = table(rows)
    for word in ("requests.Session + json", "networkx", "raw JSON", "goal", "<= 0.70x"):
        assert word in printed


def test_sides_that_differ_are_no_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = crawls.run

    def lying(side: str, service: Service) -> dict[str, object]:
        found = honest(side, service)
        return {**found, "digest": ""} if side == "ours" else found

    monkeypatch.setattr(crawls, "run", lying)
    with Service(1, 1) as service, pytest.raises(AssertionError, match="do not find the same"):
        crawls.check_equal(service)


def test_the_other_cases_run() -> None:
    (row,) = crawls.memory(1, families=1, files=1)
    assert "5 pages" in row.case
    assert [row.missed for row in lists.seeds(1, lines=10)] == [False, False]
    assert "write_graphml_lxml" in table(graphs.graphml(1, edges=500))
    assert "write_gexf" in table(graphs.gexf(1, edges=500))
    assert "weighted_projected_graph" in table(ties.overlap(1, edges=1_000))
    assert "louvain_communities" in table(ties.find(1, edges=1_000))
    assert "sharing any" in table(clusters.ties(1, sizes=["small"], worlds=1))
    assert [row.missed for row in clusters.clusters(1, sizes=["small"], worlds=1)] == [False]


def test_both_pages_hold_the_graph_and_the_table_says_so() -> None:
    printed = table(pages.files(1, edges=300))
    for word in ("families", "scattered", "pyvis from_nx + write_html", "<= 0.01x"):
        assert word in printed


@pytest.mark.browser
def test_pictures_and_searches_are_timed_in_a_browser() -> None:
    rows = pages.pictures(1, edges=60)
    assert [row.case.rpartition(": ")[2] for row in rows] == [
        "until the picture stands",
        "100 frames of a move",
    ] * 2
    assert all(row.ratio > 0 for row in rows)
    (row,) = pages.searches(1, [("scattered", 60, 200.0)])
    assert "ms" in row.ours


def test_a_ratio_is_the_median_of_the_pairs() -> None:
    row = paired("x", [1.0, 9.0, 2.0], [2.0, 1.0, 2.0], "loop", 0.7)
    assert (row.ratio, row.spread, row.missed) == (1.0, (0.5, 9.0), True)
    assert not Row("y", "1", "1", 0.7, 0.7).missed
    assert table([row]).endswith("x     2.00 s  2.00 s loop  1.00x  0.50 to 9.00  <= 0.70x  MISSED")


def test_the_command_tells_every_case_and_fails_where_a_goal_is_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"good": [Row("fast", "1 s", "2 s", 0.5, 0.7)], "bad": [Row("slow", "2 s", "1 s", 2, 1)]}
    monkeypatch.setattr(run, "CASES", {name: lambda _, n=name: rows[n] for name in rows})
    assert run.main(["good"]) == 0
    assert run.main([]) == 1
    assert "slow" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run.main(["ugly"])
