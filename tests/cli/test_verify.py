"""``graphbuild verify``: exit codes, messages, comparisons with snapshots, and invalid claims."""

from __future__ import annotations

import json
import math
import re
import shutil
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from graphbuild.models import Entity, Observation
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
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


@pytest.fixture(scope="module")
def report_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a campaign file and the claims of its report."""
    folder = tmp_path_factory.mktemp("report")
    write_campaign(
        folder / "c.db", [*family("Emotet", range(1, 6)), *family("Loader", range(11, 14))]
    )
    write_claims(Shell(folder))
    return folder


@pytest.fixture
def reported(shell: Shell, report_folder: Path) -> Shell:
    """Return a shell in a copy of the folder."""
    shutil.copytree(report_folder, shell.folder, dirs_exist_ok=True)
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
    assert result.returncode == 6
    lines = result.stdout.splitlines()
    total = lines.index("no longer holds: 8 subjects")
    assert lines[total + 1 : total + 4] == [
        "  claim: total_subjects",
        "  subjects: claimed 8, now 9",
        "  3 observations of the proof are missing",
    ]
    clusters = lines.index("no longer holds: 2 clusters")
    same = "  same numbers and names, but 3 observations of the proof are missing"
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
    needing = sum(bool(each["missing"]) for each in named.values())
    heading = lines.index("missing from the campaign file: 3 observations of proofs")
    reference = f"reference:{b'Loader 2'.hex():0<64}"
    assert lines[heading + 1 : -1] == [
        f"  file:{number:064x} → {reference} → collection:c11 ({needing} claims)"
        for number in (11, 12, 13)
    ]
    assert "total_calls" not in named
    assert found["holds"] + len(named) == found["claims"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_report_about_an_incomplete_campaign_is_announced(
    reported: Shell, options: list[str]
) -> None:
    with Store.open(reported.folder / "c.db") as store:
        store.add_seeds(parse_seeds(["ab" * 32]))
    result = reported("report", "--store", "c.db", "--out", "out", *options)
    assert result.returncode == 0
    assert result.stderr.startswith("the campaign is not complete: 1 pending, ")


def test_each_text_names_what_it_is_about(reported: Shell) -> None:
    alone = Entity("reference", "ab" * 32, {"title": "Own"})
    write_campaign(reported.folder / "old.db", family("Emotet", range(1, 4)))
    # The observation is added to those in the file.
    write_campaign(reported.folder / "c.db", [Observation(Entity("file", "c" * 64), alone, None)])
    claims = write_claims(reported, "--baseline", "old.db")["claims"]
    texts = {each["kind"]: each["text"] for each in claims}
    assert texts["distinctive_collections"].startswith("Cluster ")
    assert texts["distinctive_collections"].endswith(": 1 distinctive collection")
    assert texts["unclustered_files"] == "1 file is in no cluster."
    assert texts["changed_references"].startswith("Changes of references since old.db: ")
    assert texts["most_distinctive"].startswith(
        "The most distinctive collections of the 2 largest clusters are “Emotet” ("
    )


def test_changes_since_a_date_are_verified_with_this_date(refreshed: Campaign) -> None:  # noqa: F811
    shell = Shell(refreshed.path.parent)
    content = write_claims(shell, "--since", FIRST)
    assert content["baseline"]["since"] == 1_700_006_400.0
    kinds = {each["kind"] for each in content["claims"]}
    assert {"changes_since", "changed_references", "added_reference", "removed_collection"} <= kinds
    assert {each["needs"] for each in content["claims"]} == {None}
    result = shell("verify", "claims.json", "--store", "c.db")
    assert (result.returncode, result.stdout.count("\n")) == (0, 1)


def test_only_facts_about_the_crawl_change_if_a_refresh_finds_nothing_new(
    refreshed: Campaign,  # noqa: F811
) -> None:
    shell = Shell(refreshed.path.parent)
    write_claims(shell)
    assert shell("verify", "claims.json", "--store", "c.db").returncode == 0
    refreshed.clock.time += 7 * DAY
    refresh(refreshed, DAY)
    refreshed.crawl()
    result = shell("verify", "claims.json", "--store", "c.db", "--json")
    assert result.returncode == 0
    content = json.loads(result.stdout)
    named = {each["kind"]: each["topic"] for each in content["no_longer_holds"]}
    assert named == dict.fromkeys(("last_day", "last_response", "total_calls"), "crawl")
    result = shell("verify", "claims.json", "--store", "c.db")
    assert result.returncode == 0
    facts, total = result.stdout.splitlines()
    assert re.fullmatch(r"3 of \d facts about the crawl changed; --all lists them", facts)
    count = content["claims"]
    start = f"{count} claims: {count - 3} hold, 0 no longer hold, 0 not verified"
    assert total == f"{start}, 3 about the crawl changed"
    result = shell("verify", "claims.json", "--store", "c.db", "--all")
    assert result.returncode == 0
    assert re.findall("^  claim: (.*)$", result.stdout, re.MULTILINE)[1:] == [
        "last_response",
        "total_calls",
    ]
    assert result.stdout.splitlines()[-2:] == [facts.partition(";")[0], total]
    assert "no longer holds: " not in result.stdout
    assert result.stdout.count("\nchanged: ") == 2  # and the first line


def test_conclusions_precede_facts_about_the_crawl_and_months(shell: Shell) -> None:
    """Without --all, only the number of changed months and years is printed."""
    dated = [
        replace(
            each,
            reference=Entity(
                "reference", each.reference.id, {"title": "x", "creation_date": 1_300_000_000}
            ),
        )
        for each in family("Emotet", range(1, 6))
    ]
    write_campaign(shell.folder / "c.db", dated)
    content = write_claims(shell)
    later = Entity("reference", "ab" * 32, {"title": "y", "creation_date": 1_300_100_000})
    new = Observation(Entity("file", "cd" * 32), later, None)
    write_campaign(shell.folder / "now.db", [*dated, new])
    short, long = (
        shell("verify", "claims.json", "--store", "now.db", *options) for options in ([], ["--all"])
    )
    assert short.returncode == long.returncode == 6
    assert "2 of 2 claims about years and months no longer hold; --all lists" in short.stdout
    kinds = [
        [re.split(r"-", each)[0] for each in re.findall("^  claim: (.*)$", text, re.MULTILINE)]
        for text in (short.stdout, long.stdout)
    ]
    assert {"total_subjects", "total_references", "timeline"} <= set(kinds[0])
    assert not {"timeline_month", "timeline_year", "known_references"} & set(kinds[0])
    assert kinds[1][: len(kinds[0])] == kinds[0]
    assert kinds[1][-2:] == ["timeline_month", "timeline_year"]
    assert "known_references" in kinds[1]
    assert len(kinds[1]) < len(content["claims"])


def test_many_missing_observations_are_printed_once_and_shortened(shell: Shell) -> None:
    write_campaign(shell.folder / "c.db", family("Emotet", range(1, 30)))
    write_claims(shell)
    write_campaign(shell.folder / "now.db", family("Emotet", range(1, 20)))
    lines = shell("verify", "claims.json", "--store", "now.db").stdout.splitlines()
    heading = lines.index("missing from the campaign file: 30 observations of proofs")
    printed = lines[heading + 1 : heading + 21]
    assert len(set(printed)) == sum(" → " in line for line in lines) == 20
    assert lines[heading + 21] == "  … and 10 more; --json lists all"


def test_files_with_other_names_than_in_the_claims_are_announced(reported: Shell) -> None:
    write_campaign(reported.folder / "old.db", family("Emotet", range(1, 4)))
    write_claims(reported, "--baseline", "old.db")
    for name, original in (("copy.db", "c.db"), ("older.db", "old.db")):
        shutil.copy(reported.folder / original, reported.folder / name)
    result = reported("verify", "claims.json", "--store", "c.db", "--baseline", "old.db")
    assert (result.returncode, result.stderr) == (0, "")
    result = reported("verify", "claims.json", "--store", "copy.db", "--baseline", "older.db")
    assert result.returncode == 0
    assert result.stderr.splitlines() == [
        "the claims are about c.db, but copy.db is compared with them",
        "the claims are about changes since old.db, but the option --baseline names older.db",
    ]


def test_changes_since_another_file_need_this_file(reported: Shell) -> None:
    write_campaign(reported.folder / "old.db", family("Emotet", range(1, 4)))
    content = write_claims(reported, "--baseline", "old.db")
    needing = [each for each in content["claims"] if each["needs"]]
    assert "changes_since" in {each["kind"] for each in needing}
    assert needing[0]["needs"] == "the earlier campaign file old.db (verify --baseline)"
    result = reported("verify", "claims.json", "--store", "c.db")
    assert result.returncode == 4
    reason = "the claim is about changes since old.db; give that file with --baseline"
    assert f"  {reason}\n" in result.stdout
    assert result.stdout.endswith(f"0 no longer hold, {len(needing)} not verified\n")
    result = reported("verify", "claims.json", "--store", "c.db", "--baseline", "old.db")
    assert result.returncode == 0
    result = reported("verify", "claims.json", "--store", "c.db", "--baseline", "c.db")
    assert result.returncode == 6
    assert "no longer holds: Changes of files since old.db: 5 added, " in result.stdout


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
        (set_value("claims_version", "x"), "claims_version is not a whole number"),
        (set_value("campaign", None), "campaign has the wrong type"),
        (set_value("seed", "x"), "seed has the wrong type"),
        (set_value("seed", -1), "seed is not a whole number from 0 to 4294967295"),
        (set_value("seed", 2**32), "seed is not a whole number from 0 to 4294967295"),
        (set_value("baseline", {}), "baseline.name is missing"),
        (
            set_value("baseline", {"name": "x", "since": 1e300}),
            "baseline.since is not a time in the years 1 to 9999",
        ),
        (set_value("baseline", {"name": "x", "since": math.nan}), "not JSON (NaN is not a number)"),
        (set_value("claims", 0, 7), "claims[0] is not an object"),
        (set_value("claims", 0, "kind", "x"), "claims[0].kind is 'x', which this graphbuild"),
        *(
            (set_value("claims", 0, "proof", proof), "claims[0].proof is not a list of ascending")
            for proof in (
                *(
                    [1],
                    [[-1, 0]],
                    [[0, 10**6]],
                    [[1, 0]],
                    [[0]],
                    [[0, 1], [1, 2]],
                    [[3, 3], [1, 1]],
                ),
                *([[True, 1]], [[0, 1.0]], ["01"], [{"0": 1}]),
            )
        ),
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
    assert result.returncode == 6


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
    assert result.returncode == 6
    assert not {c for c in result.stdout if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n"}


def test_the_campaign_file_is_found_in_the_folder(reported: Shell) -> None:
    result = reported("verify", "claims.json")
    assert result.returncode == 0
    assert "using the campaign file c.db" in result.stderr


def test_claims_file_of_a_folder_is_refused(reported: Shell, tmp_path: Path) -> None:
    assert reported("verify", tmp_path, "--store", "c.db").returncode == 2
