"""``graphbuild verify``: exit codes, messages, comparisons with snapshots, and invalid claims."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from graphbuild.models import Entity, Observation
from tests.cli.test_compare import FIRST, refreshed  # noqa: F401  a fixture
from tests.crawler.test_refresh import DAY, refresh
from tests.support.campaign_files import write_campaign
from tests.support.graphs import HOSTILE
from tests.support.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.crawler.campaign import Campaign


def family(name: str, files: range, references: int = 3) -> list[Observation]:
    return [
        Observation(
            Entity("file", f"{number:064x}"),
            Entity(
                "reference", f"{name} {each}".encode().hex()[:64].ljust(64, "0"), {"title": name}
            ),
            Entity("collection", f"c{files.start}", {"name": name}),
        )
        for number in files
        for each in range(references)
    ]


def write_claims(shell: Shell, *options: object, store: str = "c.db") -> dict[str, Any]:
    """Write the claims of a report to ``claims.json``, and return them."""
    result = shell("report", "--store", store, "--out", "out", "--json", *options)
    assert result.returncode == 0, result.stderr
    (shell.folder / "claims.json").write_text(result.stdout)
    content: dict[str, Any] = json.loads(result.stdout)
    return content


@pytest.fixture
def reported(shell: Shell) -> Shell:
    """Return a shell in a folder with a campaign file and the claims of its report."""
    write_campaign(
        shell.folder / "c.db", [*family("Emotet", range(1, 6)), *family("Loader", range(11, 14))]
    )
    write_claims(shell)
    return shell


def test_claims_of_the_same_campaign_hold(reported: Shell) -> None:
    content = json.loads((reported.folder / "claims.json").read_text())
    assert [each["path"] for each in content["files"]][-2:] == ["out/report.md", "out/report.html"]
    count = len(content["claims"])
    result = reported("verify", "claims.json", "--store", "c.db")
    assert result.returncode == 0
    assert result.stdout == f"{count} claims: {count} hold, 0 no longer hold, 0 not verified\n"
    result = reported("verify", "claims.json", "--store", "c.db", "--json")
    assert json.loads(result.stdout) == {
        "claims": count,
        "holds": count,
        "no_longer_holds": [],
        "not_verified": [],
    }


def test_false_claims_are_named_with_both_values(reported: Shell) -> None:
    """A file joins the cluster of Emotet, and Loader loses a reference."""
    now = [*family("Emotet", range(1, 7)), *family("Loader", range(11, 14), references=2)]
    write_campaign(reported.folder / "now.db", now)
    result = reported("verify", "claims.json", "--store", "now.db")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    total = lines.index("no longer holds: 8 subjects")
    assert lines[total + 1 : total + 5] == [
        "  claim: total_subjects",
        "  subjects: claimed 8, now 9",
        "  3 observations of the proof missing from the campaign file:",
        f"    file:{11:064x} → reference:{b'Loader 2'.hex():0<64} → collection:c11",
    ]
    clusters = lines.index("no longer holds: 2 clusters")
    same = (
        "  same numbers and names, but 3 observations of the proof missing from the campaign file:"
    )
    assert lines[clusters + 2] == same
    cluster = lines.index("no longer holds: Cluster 1: Emotet, 5 files")
    assert lines[cluster + 2] == (
        "  no cluster has the same 5 files: the nearest one has 6 files, 5 of them the same"
    )
    found = json.loads(reported("verify", "claims.json", "--store", "now.db", "--json").stdout)
    named = {each["id"]: each for each in found["no_longer_holds"]}
    assert named["total_subjects"]["differences"] == [{"name": "subjects", "claimed": 8, "now": 9}]
    assert len(named["total_subjects"]["missing"]) == 3
    assert "total_clusters" in named  # the observations of its proof are missing
    assert "total_calls" not in named
    assert found["holds"] + len(named) == found["claims"]


def test_changes_since_a_date_are_verified_with_this_date(refreshed: Campaign) -> None:  # noqa: F811
    shell = Shell(refreshed.path.parent)
    content = write_claims(shell, "--since", FIRST)
    assert content["baseline"]["since"] == 1_700_006_400.0
    kinds = {each["kind"] for each in content["claims"]}
    assert {"changes_since", "changed_references", "added_reference", "removed_collection"} <= kinds
    assert {each["needs"] for each in content["claims"]} == {None}
    result = shell("verify", "claims.json", "--store", "c.db")
    assert (result.returncode, result.stdout.count("\n")) == (0, 1)


def test_claims_about_the_crawl_are_false_after_a_refresh(refreshed: Campaign) -> None:  # noqa: F811
    shell = Shell(refreshed.path.parent)
    write_claims(shell)
    assert shell("verify", "claims.json", "--store", "c.db").returncode == 0
    refreshed.clock.time += 7 * DAY
    refresh(refreshed, DAY)
    refreshed.crawl()
    result = shell("verify", "claims.json", "--store", "c.db", "--json")
    assert result.returncode == 1
    named = {each["kind"] for each in json.loads(result.stdout)["no_longer_holds"]}
    assert named == {"last_day", "last_response", "total_calls"}


def test_changes_since_another_file_need_this_file(reported: Shell) -> None:
    write_campaign(reported.folder / "old.db", family("Emotet", range(1, 4)))
    content = write_claims(reported, "--baseline", "old.db")
    needing = [each for each in content["claims"] if each["needs"]]
    assert "changes_since" in {each["kind"] for each in needing}
    assert needing[0]["needs"] == "the earlier campaign file old.db (verify --baseline)"
    result = reported("verify", "claims.json", "--store", "c.db")
    assert result.returncode == 4
    assert "the claim compares with old.db, which was not given (--baseline)" in result.stdout
    assert result.stdout.endswith(f"0 no longer hold, {len(needing)} not verified\n")
    result = reported("verify", "claims.json", "--store", "c.db", "--baseline", "old.db")
    assert result.returncode == 0
    result = reported("verify", "claims.json", "--store", "c.db", "--baseline", "c.db")
    assert result.returncode == 1
    assert "no longer holds: files: 5 added, " in result.stdout


def test_a_baseline_that_is_not_needed_is_refused(reported: Shell) -> None:
    result = reported("verify", "claims.json", "--store", "c.db", "--baseline", "c.db")
    assert result.returncode == 2
    assert "do not compare with another campaign file" in result.stderr


def set_value(*path: object) -> Callable[[dict[str, Any]], None]:
    """Return a function that sets the value at a path; the last item is the value."""
    *keys, name, value = path

    def change(content: Any) -> None:
        for key in keys:
            content = content[key]
        content[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.clear(), "JSON without claims; write it again with"),
        (
            set_value("claims_version", 2),
            "claims of version 2, but this graphbuild reads version 1",
        ),
        (set_value("seed", "x"), "seed has the wrong type"),
        (set_value("claims", 0, 7), "claims[0] is not an object"),
        (set_value("claims", 0, "kind", "x"), "claims[0].kind is 'x', which this graphbuild"),
        (set_value("claims", 0, "proof", [-1]), "claims[0].proof contains an item that is no"),
        (set_value("claims", 0, "proof", [10**6]), "claims[0].proof contains an item that is no"),
        (set_value("claims", 0, "subjects", [1]), "claims[0].subjects contains an item that"),
        (set_value("claims", 0, "numbers", {"x": []}), "claims[0].numbers contains a value that"),
        (set_value("claims", 0, "names", {"x": 1}), "claims[0].names contains a value that is"),
        (set_value("observations", 0, ["a"]), "observations[0] is not a list of three node keys"),
        (set_value("clusters", {"x": {}}), "clusters.x.files is missing"),
        (set_value("baseline", {"name": 1}), "baseline.name has the wrong type"),
    ],
)
def test_invalid_claims_are_reported(
    reported: Shell, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    path = reported.folder / "claims.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    result = reported("verify", "claims.json", "--store", "c.db")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("graphbuild: claims.json: ")
    assert message in result.stderr
    assert "graphbuild report --json" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["", "no JSON", "[" * 100_000, "[]", "\xff"])
def test_other_files_are_refused(reported: Shell, text: str) -> None:
    (reported.folder / "other.json").write_bytes(text.encode("latin-1"))
    result = reported("verify", "other.json", "--store", "c.db")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("graphbuild: other.json: ")
    assert "graphbuild report --json" in result.stderr


def test_a_missing_claims_file_is_wrong_usage(reported: Shell) -> None:
    result = reported("verify", "missing.json", "--store", "c.db")
    assert result.returncode == 2
    assert "missing.json" in result.stderr


@pytest.mark.parametrize("value", [{}, 3, "file:x", None])
def test_unknown_subjects_make_a_claim_false(reported: Shell, value: object) -> None:
    """Each kind of claim accepts any subjects without a traceback."""
    path = reported.folder / "claims.json"
    content = json.loads(path.read_text())
    subjects = [] if value is None else [json.dumps(value)] * 3
    for claim in content["claims"]:
        claim["subjects"] = subjects
    path.write_text(json.dumps(content))
    result = reported("verify", "claims.json", "--store", "c.db")
    assert result.returncode == 1


def test_claims_of_another_method_are_announced(reported: Shell) -> None:
    path = reported.folder / "claims.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "method": "0, another"}))
    result = reported("verify", "claims.json", "--store", "c.db")
    assert result.returncode == 0
    assert "another version of graphbuild made these claims" in result.stderr


def test_names_cannot_control_the_terminal(shell: Shell) -> None:
    for number, text in enumerate(text for text in HOSTILE if text.strip()):
        name = f"{text}\x1b[2J\u202e"
        write_campaign(shell.folder / f"{number}.db", family(name, range(1, 4)))
        break
    write_claims(shell, store="0.db")
    write_campaign(shell.folder / "now.db", family("Loader", range(1, 4)))
    result = shell("verify", "claims.json", "--store", "now.db")
    assert result.returncode == 1
    assert not {c for c in result.stdout if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n"}


def test_the_campaign_file_is_found_in_the_folder(reported: Shell) -> None:
    result = reported("verify", "claims.json")
    assert result.returncode == 0
    assert "using the campaign file c.db" in result.stderr


def test_claims_file_of_a_folder_is_refused(reported: Shell, tmp_path: Path) -> None:
    assert reported("verify", tmp_path, "--store", "c.db").returncode == 2
