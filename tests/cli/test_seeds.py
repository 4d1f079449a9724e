"""``graphbuild seeds`` shows what a crawl would request; arguments can be seeds themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Api, generate_family_world
from graphbuild.store import Store
from tests.support.keys import KEY
from tests.support.shell import seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.shell import Shell

    Service = Callable[[Api], str]

A, B = "a1" * 32, "b2" * 20
TABLE = f"Family,SHA-256\nEmotet,{A}\nQakbot,{B}\nnone,word\n"


def write(shell: Shell, name: str, text: str) -> str:
    (shell.folder / name).write_text(text, encoding="utf-8")
    return name


def test_seeds_are_shown_with_line_type_value_and_columns(shell: Shell) -> None:
    done = shell("seeds", write(shell, "t.csv", TABLE))
    assert done.returncode == 0, done.stderr
    *rows, summary = done.stdout.splitlines()
    assert [row.split() for row in rows] == [
        ["2", "file", A, "family=Emotet"],
        ["3", "file", B, "family=Qakbot"],
    ]
    assert summary == "1 sha1, 1 sha256; 0 duplicates, 1 rejected"
    assert "t.csv: read as csv (the file name ends in .csv)" in done.stderr
    assert "not a seed: t.csv, line 4: 'word'" in done.stderr


def test_json_contains_everything_and_is_alone_on_standard_output(shell: Shell) -> None:
    done = shell("seeds", "--json", write(shell, "t.csv", TABLE))
    shown = json.loads(done.stdout)
    assert shown["format"] == "csv"
    assert shown["seeds"][0] == {
        "source": "t.csv",
        "line": 2,
        "type": "file",
        "value": A,
        "attributes": {"family": "Emotet"},
    }
    assert [(each["line"], each["text"]) for each in shown["rejected"]] == [(4, "'word'")]
    assert "is not a file hash" in shown["rejected"][0]["reason"]
    assert shown["warnings"] == []
    assert shown.keys() >= {"column", "sources", "duplicates", "skipped"}


def test_the_value_of_a_url_is_its_text(shell: Shell) -> None:
    (seed,) = json.loads(shell("seeds", "--json", "hxxps://evil[.]example/a").stdout)["seeds"]
    assert (seed["type"], seed["value"]) == ("url", "https://evil.example/a")


def test_the_value_of_a_link_to_a_url_on_virustotal_is_its_id(shell: Shell) -> None:
    done = shell("seeds", f"https://www.virustotal.com/gui/url/{A}")
    assert (done.returncode, done.stdout.split()[1:3]) == (0, ["url", A])


def test_several_lists_are_shown_with_their_names(shell: Shell) -> None:
    names = write(shell, "a.txt", f"{A}\n"), write(shell, "b.csv", f"name,hash\nx,{B}\n")
    done = shell("seeds", *names, "evil.example")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        *("a.txt:", "1"),
        *("b.csv:", "2"),
        *("<argument>:", "1"),
        "1",
    ]
    shown = json.loads(shell("seeds", "--json", *names).stdout)
    assert shown["format"] == ["list", "csv"]
    assert [each["source"] for each in shown["seeds"]] == list(names)


def test_a_list_without_seeds_is_shown_and_is_an_error(shell: Shell) -> None:
    done = shell("seeds", "--json", seeds(shell, "word", "10.0.0.1"))
    assert done.returncode == 1
    assert [each["line"] for each in json.loads(done.stdout)["rejected"]] == [1, 2]
    assert "no file hash, domain, IP address or URL in seeds.txt" in done.stderr


def test_rejected_lines_are_limited_and_json_lists_all(shell: Shell) -> None:
    path = seeds(shell, A, *(f"word{number}" for number in range(300)))
    done = shell("seeds", path)
    assert done.stderr.count("not a seed:") == 100
    assert "… and 200 more: is not a file hash" in done.stderr
    assert len(json.loads(shell("seeds", "--json", path).stdout)["rejected"]) == 300


def test_text_of_a_list_cannot_control_the_terminal(shell: Shell) -> None:
    done = shell("seeds", write(shell, "t.csv", f"n\x1b[31m,hash\n\x1b]0;x\x07\u202e,{A}\n"))
    assert done.returncode == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr)


def test_no_source_is_a_usage_error(shell: Shell) -> None:
    done = shell("seeds")
    assert done.returncode == 2
    assert "SEEDS" in done.stderr


@pytest.mark.parametrize("host", ["evil.example", "evil[.]example"])
def test_arguments_can_be_seeds(shell: Shell, service: Service, host: str) -> None:
    world = generate_family_world(1, 3)
    digest = world.hashes()[0]
    done = shell("crawl", digest, host, "--store", "c.db", "--base-url", service(Api(world)))
    assert "1 domain, 1 sha256; 0 duplicates, 0 rejected" in done.stderr
    with Store.open(shell.folder / "c.db") as store:
        found = {status.subject.key for status in store.statuses()}
    assert found == {f"file:{digest}", "domain:evil.example"}


def test_a_missing_file_is_not_taken_for_a_domain(shell: Shell) -> None:
    done = shell("crawl", "hashes.zip", "--store", "c.db")
    assert done.returncode == 1
    assert "cannot read the seed list hashes.zip: No such file or directory" in done.stderr
    assert "write [.] before its ending" in done.stderr
    assert not (shell.folder / "c.db").exists()


def test_an_api_key_as_an_argument_is_refused_and_not_stored(shell: Shell) -> None:
    done = shell("crawl", KEY, "--store", "c.db")
    assert done.returncode == 1
    assert "contains your API key" in done.stderr
    assert KEY not in done.stderr
    assert not (shell.folder / "c.db").exists()


def test_crawl_prints_the_summary_before_its_first_call(shell: Shell) -> None:
    path = write(shell, "t.csv", TABLE)
    done = shell("crawl", path, "--store", "c.db", "--base-url", "http://127.0.0.1:9/api/v3")
    lines = done.stderr.splitlines()
    summary = lines.index("1 sha1, 1 sha256; 0 duplicates, 1 rejected")
    failure = next(number for number, line in enumerate(lines) if "127.0.0.1:9" in line)
    assert summary < failure
    assert any(
        line.startswith("t.csv: read as csv (the file name ends in .csv); seeds are in column 2")
        for line in lines[:summary]
    )
