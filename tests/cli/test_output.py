"""Output: no part of the API key, no traceback, no unlimited lists."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild._util import escape_markdown
from graphbuild.cli.console import limit_by_kind
from graphbuild.cli.output import MIN_MASKED, KeyMask
from graphbuild.emulator import Api, generate_family_world
from graphbuild.models import Entity, Observation
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.store.helpers import R1, R2, A, body, sound
from tests.support.campaign_files import write_campaign
from tests.support.keys import KEY
from tests.support.shell import seeds
from tests.support.terminal import run_on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.shell import Shell

FULL = Path("/dev/full")  # a device on which every write fails
OTHER_KEY = "fedcba9876543210" * 4
# Printable ASCII without the space, the mask itself, and the backslash, which has its own test.
ALPHABET = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in "*\\"]
keys = st.text(ALPHABET, min_size=MIN_MASKED, max_size=80)


def parts_of_key_in(text: str, key: str = KEY) -> set[str]:
    parts = {key[start : start + MIN_MASKED] for start in range(len(key) - MIN_MASKED + 1)}
    return {part for part in parts if part.lower() in text.lower()}


def run(shell: Shell, *words: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run a command as ``shell`` does, with options of ``subprocess.run``."""
    streams: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    done = subprocess.run(
        [sys.executable, "-m", "graphbuild", *map(str, words)],
        cwd=shell.folder,
        env=shell.environment,
        check=False,
        **{"timeout": 300, **streams, **options},
    )
    assert b"Traceback" not in (done.stderr or b""), done.stderr
    return done


# --- the key -------------------------------------------------------------------------------------


@given(st.data(), keys)
def test_every_part_of_the_key_is_masked_and_the_rest_is_kept(
    data: st.DataObject, key: str
) -> None:
    start = data.draw(st.integers(0, len(key) - 1))
    part = key[start : data.draw(st.integers(start, len(key)))]
    change = data.draw(st.sampled_from([str, str.upper, str.lower, str.title]))
    before, after = data.draw(st.text(max_size=30)), data.draw(st.text(max_size=30))
    text = before + change(part) + after
    masked = KeyMask(["", "short", key])(text)
    assert not parts_of_key_in(masked, key)
    assert len(masked) == len(text)
    if not parts_of_key_in(text, key):
        assert masked == text
    elif len(part) >= MIN_MASKED:
        assert (masked[: len(before)], masked[len(before) + len(part) :]) == (
            *(KeyMask([key])(each) for each in (before, after)),
        ) or masked.count("*") > len(part)


def test_eleven_characters_in_a_row_are_shown() -> None:
    assert KeyMask([KEY])(f"{KEY[:11]} {KEY[3:14]}-{KEY[5:17]}") == (
        f"{KEY[:11]} {KEY[3:14]}-{'*' * 12}"
    )


@given(
    keys,
    st.sampled_from(["", "'", '"', "a\\", "it's \""]),
    st.sampled_from([ascii, json.dumps, escape_markdown]),
)
def test_a_key_is_masked_in_escaped_text(
    key: str, before: str, escape: Callable[[str], str]
) -> None:
    masked = KeyMask([key])(escape(before + key))
    assert not parts_of_key_in(masked.replace("\\", ""), key)
    if escape is json.dumps:
        assert json.loads(masked)


@pytest.mark.parametrize("key", ["a\\b" * 21, "\\" * 63 + "a", r"gti\\-0123456789\abcdef"])
def test_a_key_with_backslashes_is_masked(key: str) -> None:
    mask = KeyMask([key])
    assert mask(f"<{key}>") == f"<{'*' * len(key)}>"
    assert not parts_of_key_in(mask(json.dumps(key)), key)


def test_a_line_of_the_settings_file_is_masked_for_any_key() -> None:
    for line in (f'apikey = "{OTHER_KEY}"', f"ApiKey='{OTHER_KEY}'", f'"apikey = \\"{OTHER_KEY}'):
        assert not parts_of_key_in(KeyMask([])(line), OTHER_KEY)
    assert KeyMask([])('put apikey = "..." into ~/.vt.toml') == 'put apikey = "..." into ~/.vt.toml'


@pytest.mark.parametrize("place", ["variable", "settings file", "readable by others", "other file"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_settings_file_as_a_seed_list_does_not_print_the_key(
    shell: Shell, place: str, options: tuple[str, ...]
) -> None:
    name = "backup.toml" if place == "other file" else ".vt.toml"
    settings = shell.folder / name
    settings.write_text(f'user = "me"\napikey = "{OTHER_KEY}"\n')
    settings.chmod(0o644 if place == "readable by others" else 0o600)
    if place != "variable":
        del shell.environment["VT_APIKEY"]
    (shell.folder / "good.txt").write_text(A)
    done = shell("plan", name, "good.txt", *options)
    assert "not a seed" in done.stderr
    assert not parts_of_key_in(done.stdout + done.stderr, OTHER_KEY)


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--store", f"{KEY}.db"),
        ("status", f"--{KEY}"),
        ("explain", KEY.upper(), "b", "--store", "c.db"),
        ("explain", KEY[7:40], "b", "--store", "c.db"),
        ("plan", "list.txt"),
        ("plan", "list.txt", "--json"),
        ("import", f"{KEY}.json", "--store", "d.db"),
        (f"{KEY}",),
        ("export", "--to", KEY, "--store", "c.db"),
    ],
)
def test_no_message_contains_a_part_of_the_key(shell: Shell, words: tuple[str, ...]) -> None:
    sound(shell.folder / "c.db")
    (shell.folder / "list.txt").write_text(f'{A}\nx{KEY[:30]}\n"{KEY[20:]}\n')
    done = shell(*words)
    assert "*" * MIN_MASKED in done.stdout + done.stderr
    assert not parts_of_key_in(done.stdout + done.stderr)


def test_a_service_that_repeats_the_key_does_not_get_it_printed(shell: Shell) -> None:
    sound(shell.folder / "c.db")
    with sqlite3.connect(shell.folder / "c.db") as connection:
        connection.execute("UPDATE task SET state = 'failed', detail = ?", [f"bad key {KEY[1:]}"])
    connection.close()
    for options in ((), ("--json",)):
        done = shell("status", "--store", "c.db", *options)
        assert "bad key *" in done.stdout
        assert not parts_of_key_in(done.stdout)


def test_a_traceback_does_not_contain_the_key(shell: Shell) -> None:
    program = (
        "import os; from graphbuild.cli.output import mask_output; mask_output();"
        "print(os.environ['VT_APIKEY']); raise Exception(os.environ['VT_APIKEY'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=shell.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "*" * len(KEY) + "\n"
    assert "Exception: ****" in done.stderr
    assert not parts_of_key_in(done.stderr)


# --- no traceback --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("crawl", "--help"),
        ("status", "--store", "c.db"),
        ("status", "--store", "c.db", "--json"),
        ("check", "--store", "c.db"),
        ("plan", "list.txt"),
    ],
)
def test_output_to_a_full_disk_is_an_error(shell: Shell, words: tuple[str, ...]) -> None:
    sound(shell.folder / "c.db")
    (shell.folder / "list.txt").write_text(A)
    with FULL.open("w") as full:
        done = run(shell, *words, stdout=full)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(b"graphbuild: standard output: No space left on device; ")


def test_messages_to_a_full_disk_do_not_change_the_exit_code(shell: Shell) -> None:
    sound(shell.folder / "c.db")
    with FULL.open("w") as full:
        for words, code in (
            (("status", "--store", "c.db"), 0),
            (("status", "--store", "missing.db"), 1),
            (("status", "--no-such-option"), 2),
        ):
            assert run(shell, *words, stderr=full).returncode == code
        assert run(shell, "status", "--store", "c.db", stdout=full, stderr=full).returncode == 1


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2)])
def test_closed_output_is_no_error(shell: Shell, closed: tuple[int, ...]) -> None:
    sound(shell.folder / "c.db")

    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    done = run(shell, "status", "--store", "c.db", preexec_fn=close)
    assert done.returncode == 0


@pytest.mark.parametrize("words", [("--help",), ("crawl", "--help"), ("status", "--store", "c.db")])
def test_a_reader_that_ends_early_is_no_error(shell: Shell, words: tuple[str, ...]) -> None:
    sound(shell.folder / "c.db")
    reading, writing = os.pipe()
    os.close(reading)
    done = run(shell, *words, stdout=writing)
    os.close(writing)
    assert done.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "koi8-r", "utf-16"])
@pytest.mark.parametrize("words", [("status", "--all"), ("explain", A, R1)])
def test_every_encoding_of_the_output_is_supported(
    shell: Shell, encoding: str, words: tuple[str, ...]
) -> None:
    reference = Entity("reference", R1, {"title": "Статья – … 文", "url": "https://a.example/ÿ"})
    observation = Observation(Entity("file", A), reference, Entity("collection", "c"))
    write_campaign(shell.folder / "c.db", [observation])
    shell.environment["PYTHONIOENCODING"] = encoding
    done = run(shell, *words, "--store", "c.db")
    assert done.returncode == 0
    text = done.stdout.decode("utf-8" if encoding == "ascii" else encoding)
    if words[0] == "explain":
        assert "Статья" in text or r"\u0421\u0442\u0430\u0442\u044c\u044f" in text
    else:
        assert "1 " in text


@pytest.mark.parametrize("entity", ["reference", "url"])
def test_nested_json_in_a_stored_attribute_is_reported(shell: Shell, entity: str) -> None:
    path = shell.folder / "c.db"
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(["http://evil.com/a", A]))
    sound(path)
    nested = f'{{"title": {"[" * 100_000}{"]" * 100_000}}}'
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entity SET attributes = ? WHERE type = ?", (nested, entity))
    connection.close()
    commands = [("export", "--to", "json", "--out", "maps"), ("check",)]
    for words in [*commands, ("status",)] if entity == "url" else commands:
        done = shell(*words, "--store", "c.db")
        assert done.returncode == 1
        assert "are damaged" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["status", "crawl", "communities"])
def test_a_named_pipe_is_no_campaign_file(shell: Shell, command: str) -> None:
    os.mkfifo(shell.folder / "pipe.db")
    done = shell(command, "--store", "pipe.db")
    assert done.returncode == 1
    assert "pipe.db is a named pipe, not a campaign file" in done.stderr


def test_a_named_pipe_is_not_chosen_as_the_campaign_file(shell: Shell) -> None:
    os.mkfifo(shell.folder / "a.db")
    sound(shell.folder / "c.db")
    assert shell("status").stdout.startswith("c.db\n")


def test_import_of_a_named_pipe_without_data_is_refused(shell: Shell) -> None:
    os.mkfifo(shell.folder / "pipe.json")
    done = shell("import", "pipe.json", "--store", "c.db")
    assert done.returncode == 1
    assert "not imported: pipe.json: it is a pipe without data" in done.stderr


def test_import_reads_a_pipe_of_the_shell(shell: Shell) -> None:
    (shell.folder / "page.json").write_bytes(body(R1))
    reading, writing = os.pipe()
    os.write(writing, body(R1))
    os.close(writing)
    done = run(
        shell,
        *("import", f"/dev/fd/{reading}", "--subject", A, "--store", "c.db"),
        pass_fds=[reading],
    )
    os.close(reading)
    assert done.stdout.startswith(b"1 page imported")


@pytest.mark.parametrize("password", ["p€ss", "p%E2%82%ACss", "\udcff", "a b"])
def test_a_proxy_password_of_any_characters_gives_a_message(shell: Shell, password: str) -> None:
    shell.environment["HTTPS_PROXY"] = f"http://user:{password}@127.0.0.1:9"
    done = shell("crawl", seeds(shell, A), "--store", "c.db", "--base-url", "https://a.example")
    assert done.returncode == 3
    assert "paused: " in done.stderr
    assert password not in done.stderr


@pytest.mark.parametrize("command", ["status", "check", "crawl"])
@pytest.mark.parametrize("offset", [100, 4096 * 3])
def test_the_message_about_a_damaged_file_says_how_to_restore_it(
    shell: Shell, command: str, offset: int
) -> None:
    path = shell.folder / "c.db"
    sound(path)
    content = bytearray(path.read_bytes())
    content[offset : offset + 200] = b"\xff" * 200
    path.write_bytes(content)
    done = shell(command, "--store", "c.db")
    text = done.stdout + done.stderr
    assert "still there" not in text
    if done.returncode:
        assert "damaged" in text or "not a campaign file" in text


def test_the_message_about_a_malformed_database_names_the_next_step(shell: Shell) -> None:
    path = shell.folder / "c.db"
    sound(path)
    content = bytearray(path.read_bytes())
    content[100:200] = b"\xff" * 100  # the root page of the table of tables
    path.write_bytes(content)
    done = shell("status", "--store", "c.db")
    assert done.returncode == 1
    assert "c.db is damaged" in done.stderr
    assert "restore an earlier copy of it, or import saved responses" in done.stderr


# --- bounded output ------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 30).map(str), st.just("line")), max_size=3_000))
def test_at_most_a_hundred_messages_of_a_kind_are_shown(messages: list[tuple[str, str]]) -> None:
    shown = list(limit_by_kind(messages))
    assert shown.count("line") <= 11 * 100
    counted = [int(text.split()[1].replace(",", "")) for text in shown if text != "line"]
    assert sum(counted) + shown.count("line") == len(messages)


@pytest.mark.parametrize("command", ["plan", "crawl"])
def test_rejected_lines_are_limited_and_json_lists_all(shell: Shell, service, command: str) -> None:
    world = generate_family_world(1, 3)
    lines = [world.hashes()[0], *(f"word{number}" for number in range(1_500))]
    lines += ["example–.com"] * 250 + ["f" * number for number in range(100, 400)]
    words = [command, seeds(shell, *lines), "--store", "c.db", "--base-url", service(Api(world))]
    done = shell(*words)
    shown = done.stderr.count("not a seed:")
    assert 200 <= shown <= 1_100
    assert "… and 1,400 more: is not a file hash, domain, IP address or URL" in done.stderr
    assert "… and 150 more: contains U+2013" in done.stderr
    assert "… and 192 more: of other kinds" in done.stderr
    answer = json.loads(shell(*words, "--json").stdout)
    report = answer["run"] if command == "crawl" else answer
    assert report["rejected"] == len(report["rejected_entries"]) == 2_050
    assert report["rejected_entries"][0] == {
        "source": "seeds.txt",
        "line": 2,
        "text": "'word0'",
        "reason": "is not a file hash, domain, IP address or URL; a file hash is MD5, SHA-1 or "
        "SHA-256",
        "unit": "line",
    }


def test_refused_files_of_an_import_are_limited_and_json_lists_all(shell: Shell) -> None:
    names = [f"{number}.json" for number in range(130)]
    for name in names:
        (shell.folder / name).write_text("{}")
    done = shell("import", *names, "--store", "c.db")
    assert done.stderr.count("not imported:") == 100
    assert "… and 30 more: " in done.stderr
    listed = json.loads(shell("import", *names, "--store", "c.db", "--json").stdout)
    assert [each["path"] for each in listed["import"]["refused_files"]] == names


# --- explain -------------------------------------------------------------------------------------


def test_explain_states_the_least_length_of_a_prefix(shell: Shell) -> None:
    sound(shell.folder / "c.db")
    assert shell("explain", A[:8], R2[:8], "--store", "c.db").returncode == 0
    done = shell("explain", A[:7], R2, "--store", "c.db")
    assert "its first 8 or more characters" in done.stderr
    assert "the first 8 or more characters" in " ".join(shell("explain", "--help").stdout.split())


# --- tables --------------------------------------------------------------------------------------


def test_tables_fit_the_width_of_a_terminal_and_are_complete_in_a_file(shell: Shell) -> None:
    files = [Entity("file", letter * 64) for letter in "ab"]
    references = [Entity("reference", name) for name in (R1, R2)]
    observations = [Observation(*pair, None) for pair in product(files, references)]
    write_campaign(shell.folder / "c.db", observations)
    command = ("status", "--store", "c.db", "--all")
    in_file = shell(*command).stdout.splitlines()
    assert [line[:64] for line in in_file[-2:]] == [each.id for each in files]
    assert max(map(len, in_file)) > 80
    on_terminal = run_on_terminal(shell, *command, stream="stdout", columns=80).splitlines()
    assert len(on_terminal) == len(in_file)
    assert all(len(line) <= 80 and "…" in line for line in on_terminal[-2:])
    assert run_on_terminal(shell, *command, stream="stdout", columns=500).splitlines() == in_file
