"""Reading seed lists: plain lists, wrong arguments, files and streams, size."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.errors import SeedError
from graphbuild.models import Entity
from graphbuild.seeds import Seed, parse_seeds, read_seeds

A, B, C = "a1" * 32, "b2" * 20, "c3" * 16
LINES = 1_000_000


@pytest.fixture
def write_list(tmp_path):
    """Return a function that writes bytes or text to a file and returns its path."""

    def write(content, name="seeds.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def set_stdin(monkeypatch):
    """Return a function that replaces standard input."""

    def put(stream):
        binary = io.BytesIO(stream) if isinstance(stream, bytes) else stream
        monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": binary}))

    return put


def ids(found):
    return [seed.entity.id for seed in found]


def reasons(found):
    return [(rejected.line, rejected.reason) for rejected in found.rejected]


# --- lines ---------------------------------------------------------------------------------------


def test_seeds_have_the_source_and_line_of_their_entry(write_list):
    path = write_list(f"# my list\n{A}\n\n{B}\n")
    found = read_seeds(path)
    assert list(found) == [
        Seed(Entity("file", A), str(path), 2),
        Seed(Entity("file", B), str(path), 4),
    ]
    assert (len(found), found.skipped, found.duplicates, found.rejected) == (2, 2, 0, [])
    assert found.warnings == []


@pytest.mark.parametrize(
    ("line", "seed"),
    [
        pytest.param(A.upper(), A, id="L1-upper"),
        pytest.param(B.title(), B, id="L1-mixed"),
        pytest.param(f"  {A}\t ", A, id="L7-spaces"),
        pytest.param(f"\u00a0{A}\u00a0", A, id="L7-nbsp"),
        pytest.param(f"{A}  # Emotet", A, id="L7-comment"),
        pytest.param(f"{A}\t#Emotet # again", A, id="L7-comment-after-tab"),
        pytest.param(f"sha256:{A}", A, id="L9-sha256"),
        pytest.param(f"SHA-256: {A}", A, id="L9-dash"),
        pytest.param(f"sha1={B} # x", B, id="L9-sha1"),
        pytest.param(f"MD5:{C}", C, id="L9-md5"),
        pytest.param(f"{A}\n", A, id="L13"),
        pytest.param(f"\u2028{A}\u0085", A, id="L6-around"),
    ],
)
def test_common_decorations_of_a_hash_are_accepted_without_warning(line, seed):
    found = parse_seeds([line])
    assert ids(found) == [seed]
    assert (found.rejected, found.warnings) == ([], [])


@pytest.mark.parametrize(
    "around",
    ["\u200b", "\u00ad", "\u2060", "\u200e", " \u200b \ufeff"],
    ids=["L8-zero-width", "L8-soft-hyphen", "L8-joiner", "L8-mark", "L8-several"],
)
def test_invisible_characters_around_a_hash_are_removed_with_a_warning(around):
    found = parse_seeds([around + A + around])
    assert ids(found) == [A]
    assert found.warnings == ["<lines>, line 1: invisible characters around the hash were removed"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(f"{A[:10]}\u2028{A[11:]}", "U+2028", id="L6-ls"),
        pytest.param(f"{A}\u0085{B}", "more than a hash", id="L6-nel"),
        pytest.param(f"{A}\x0b{B}", "more than a hash", id="L6-vt"),
        pytest.param(f"{A}\x0c{B}", "more than a hash", id="L6-ff"),
        pytest.param(f"{A[:5]}\u200b{A[5:]}", "U+200B", id="L8-inside"),
        pytest.param(f"{A}#x", "is not a file hash", id="L9-no-space-before-comment"),
        pytest.param(f"sha512:{A}{A}", "is not a file hash", id="L9-sha512"),
        pytest.param(f"sha256:{C}", "the prefix sha256 but the length of md5", id="L9-mismatch"),
        pytest.param("md5:xyz", "is not a file hash", id="L9-no-hash"),
        pytest.param(f"[{A}]", "is not a file hash", id="L9-brackets"),
        pytest.param(A + A, "looks like SHA-512", id="L10"),
        pytest.param("\u0430" + A[1:], "U+0430", id="L12"),
        pytest.param("a" * 4097, "longer than 4096 characters", id="L19"),
        pytest.param("a" * 4096, "has 4096 hexadecimal digits", id="L19-just-not"),
        pytest.param("1.23E+45", "spreadsheet", id="L27"),
    ],
)
def test_an_invalid_line_is_rejected_with_its_number_and_reason(line, reason):
    found = parse_seeds([A, line, B])
    assert ids(found) == [A, B]
    (rejected,) = found.rejected
    assert (rejected.source, rejected.line) == ("<lines>", 2)
    assert reason in rejected.reason


def test_a_rejected_line_is_shown_short_and_escaped():
    found = parse_seeds(["\x1b]52;c;\u202e" + "x" * 100, "short\u00e9", "x" * 60])
    first, second, third = map(str, found.rejected)
    assert first.startswith(r"<lines>, line 1: '\x1b]52;c;\u202exxx")
    assert first.isascii()
    assert first.isprintable()
    assert "xx'... contains U+202E" in first
    assert r"'short\xe9' contains U+00E9" in second
    assert f"line 3: '{'x' * 60}' is not" in third


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ("d41d8cd98f00b204e9800998ecf8427e", "the empty file"),
        ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "the empty file"),
        ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "the empty file"),
        ("0" * 64, "unlikely to be a file hash"),
        ("f" * 32, "unlikely to be a file hash"),
    ],
    ids=["L14-md5", "L14-sha1", "L14-sha256", "L14-zeros", "L14-f"],
)
def test_meaningless_hashes_are_rejected_without_allow_empty(seed, message):
    found = parse_seeds([seed.upper(), A])
    assert ids(found) == [A]
    (rejected,) = found.rejected
    assert message in rejected.reason
    assert rejected.reason.endswith("; add --allow-empty to request it anyway")
    found = parse_seeds([seed.upper()], allow_empty=True)
    assert ids(found) == [seed]
    (warning,) = found.warnings
    assert message in warning


def test_a_hash_of_one_repeated_digit_is_accepted_with_a_warning():
    found = parse_seeds(["d" * 64])
    assert ids(found) == ["d" * 64]
    assert found.warnings == [
        "<lines>, line 1: this consists of one repeated digit and is unlikely to be a file hash"
    ]


def test_duplicates_are_counted(write_list):  # L3
    one, two = (
        write_list(f"{A}\n{A.upper()}\n{B}\n", "1.txt"),
        write_list(f"sha256:{A}\n{C}\n", "2.txt"),
    )
    found = read_seeds(one, two)
    assert [(seed.entity.id, seed.source, seed.line) for seed in found] == [
        (A, str(one), 1),
        (B, str(one), 3),
        (C, str(two), 2),
    ]
    assert found.duplicates == 2


def test_lines_can_have_line_ends():
    found = parse_seeds([f"{A}\n", "\r\n", f"{B}\r\n", "x\n"], source="mine")
    assert [(seed.source, seed.line) for seed in found] == [("mine", 1), ("mine", 3)]
    assert (found.skipped, [rejected.line for rejected in found.rejected]) == (1, [4])


def test_lines_can_come_from_a_generator():
    assert ids(parse_seeds(line for line in (A, B))) == [A, B]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_is_split_into_lines_like_a_file(end):
    found = parse_seeds(end.join(["# my list", A, f"{B}\u2028", ""]))
    assert [(seed.entity.id, seed.line) for seed in found] == [(A, 2), (B, 3)]
    assert list(parse_seeds(A)) == list(parse_seeds([A]))
    assert len(parse_seeds("")) == 0


# --- wrong arguments -----------------------------------------------------------------------------


@pytest.mark.parametrize("argument", [[A, B], (A,), None, 5, open], ids=str)
def test_read_seeds_names_the_call_for_seeds_in_memory(argument):
    with pytest.raises(
        TypeError, match=r"takes paths, not .*; for seeds in memory call parse_seeds"
    ):
        read_seeds(argument)


@pytest.mark.parametrize("argument", [A, "evil[.]example", f"{A}\n{B}\n"])
def test_read_seeds_hints_at_parse_seeds_if_the_path_is_a_seed(argument):
    with pytest.raises(SeedError, match=r"No such file .*; to read seeds that are not in a file"):
        read_seeds(argument)


def test_read_seeds_gives_no_hint_for_other_paths(tmp_path):
    with pytest.raises(SeedError, match=r"No such file or directory$"):
        read_seeds(tmp_path / "missing.txt")


@pytest.mark.parametrize("argument", [None, 5, Path("seeds.txt")], ids=str)
def test_parse_seeds_names_the_call_for_files(argument):
    with pytest.raises(
        TypeError, match=r"takes the text of a list .*; to read a file call read_seeds"
    ):
        parse_seeds(argument)


@pytest.mark.parametrize("argument", [[Path("seeds.txt")], [A, 5], A.encode(), [Entity("file", A)]])
def test_parse_seeds_refuses_lines_that_are_no_text(argument):
    with pytest.raises(TypeError, match=r"takes text or lines of text, not \w+: parse_seeds\("):
        parse_seeds(argument)


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + f"{A}\n{B}\n".encode(), id="L4-utf-8-bom"),
        pytest.param(f"\ufeff{A}\n{B}\n".encode("utf-16-le"), id="L4-utf-16-le"),
        pytest.param(f"\ufeff{A}\r\n{B}\r\n".encode("utf-16-be"), id="L4-utf-16-be"),
        pytest.param(f"{A}\r\n{B}\r\n".encode(), id="L5-crlf"),
        pytest.param(f"{A}\r{B}\r".encode(), id="L5-cr"),
        pytest.param(f"{A}\n{B}".encode(), id="L5-no-last-end"),
    ],
)
def test_a_list_is_read_in_any_encoding_and_line_end(write_list, set_stdin, content):
    set_stdin(content)
    for source in (write_list(content), "-"):
        found = read_seeds(source)
        assert [(seed.entity.id, seed.source, seed.line) for seed in found] == [
            (A, str(source), 1),
            (B, str(source), 2),
        ]
        assert (found.rejected, found.warnings) == ([], [])


def test_a_list_longer_than_a_chunk_is_read_completely(write_list):
    hashes = [f"{number:064x}" for number in range(1, 5_000)]
    for end in ("\n", "\r\n", "\r"):
        assert ids(read_seeds(write_list(end.join(hashes)))) == hashes


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n", b"# a\n"])
def test_a_list_without_seeds_is_an_empty_list(write_list, content):
    found = read_seeds(write_list(content))
    assert not found
    assert found.skipped == content.count(b"\n")


def test_no_source_is_an_empty_list():
    assert list(read_seeds()) == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"{A}\n".encode("utf-16-le"), id="L4-utf-16-without-mark"),
        pytest.param(f"\ufeff{A}\n".encode("utf-32"), id="L4-utf-32"),
        pytest.param(f"\ufeff{A}".encode("utf-16-le")[:-1], id="L4-utf-16-cut"),
        pytest.param(f"{A}\n".encode() * 2000 + b"\x81", id="L4-undefined"),
        pytest.param(f"{A}\n".encode() + b"\x02\xff", id="L4-control"),
        pytest.param(bytes(100_000), id="zeros"),
    ],
)
def test_binary_files_are_refused(write_list, content):
    path = write_list(content)
    with pytest.raises(SeedError, match=r"is not text: .*; save it as UTF-8") as caught:
        read_seeds(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(f"{A}\nM\u00fcller".encode("latin-1"), 2, id="L4-latin-1"),
        pytest.param(f"{A}\n".encode() * 2000 + b"\xff", 2001, id="L4-late"),
        pytest.param(f"{A}\n".encode() + b"\xc3", 2, id="L4-cut"),
    ],
)
def test_lines_that_are_not_utf_8_are_read_as_windows_1252(write_list, content, line):
    found = read_seeds(write_list(content))
    assert ids(found) == [A]
    assert [rejected.line for rejected in found.rejected] == [line]
    (warning,) = found.warnings
    assert f"line {line}: the line is not UTF-8 and was read as Windows-1252" in warning


def test_unreadable_sources_are_refused_with_the_reason(tmp_path):  # L21
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (
        ("missing.txt", "No such file or directory"),
        ("", "Is a directory"),
        ("pipe", "it is a pipe without data"),
        ("a\0b", "null"),
        ("n" * 300, "File name too long"),
    ):
        source = f"{tmp_path}/{name}" if name else tmp_path
        with pytest.raises(SeedError, match="cannot read the seed list") as caught:
            read_seeds(source)
        assert reason in str(caught.value)


@pytest.fixture
def unprivileged():
    """Run as an unprivileged user, because root may read every file."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.usefixtures("unprivileged")
def test_a_list_without_read_permission_is_refused():  # L21
    with tempfile.NamedTemporaryFile() as stream:
        Path(stream.name).chmod(0)
        with pytest.raises(SeedError, match="Permission denied"):
            read_seeds(stream.name)


def test_standard_input_can_be_combined_with_files(write_list, set_stdin):
    set_stdin(f"{B}\n".encode())
    assert ids(read_seeds(write_list(A), "-")) == [A, B]


@pytest.mark.parametrize("stdin", [None, io.StringIO(A)], ids=["closed", "without bytes"])
def test_a_missing_standard_input_is_reported(monkeypatch, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(SeedError, match="no standard input"):
        read_seeds("-")


def test_standard_input_can_arrive_byte_by_byte(set_stdin):
    class Drip(io.RawIOBase):
        rest = f"\ufeff{A}\r\n{B}\r\n".encode("utf-16-le")

        def readable(self):
            return True

        def readinto(self, buffer):
            piece, self.rest = self.rest[:1], self.rest[1:]
            buffer[: len(piece)] = piece
            return len(piece)

    set_stdin(io.BufferedReader(Drip()))
    assert ids(read_seeds("-")) == [A, B]


# --- size ----------------------------------------------------------------------------------------


class _Endless:
    """A stream of one very long line."""

    def __init__(self, pieces, end=b""):
        self.pieces, self.end = pieces, end

    def read(self, size):
        self.pieces -= 1
        if self.pieces < 0:
            piece, self.end = self.end, b""
            return piece
        return b"a" * size


def test_a_line_of_a_hundred_megabytes_takes_little_memory(set_stdin):  # L19
    set_stdin(_Endless(1_600, f"\n{A}\n".encode()))
    tracemalloc.start()
    found = read_seeds("-")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reasons(found) == [(1, "is longer than 4096 characters")]
    assert [(seed.entity.id, seed.line) for seed in found] == [(A, 2)]
    assert peak < 2_000_000


_MEASURE = """
import re, resource, sys, time
from pathlib import Path
from graphbuild.seeds import read_seeds
found = read_seeds(sys.argv[1])
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
# On Linux, ru_maxrss is inherited from the parent process; VmHWM is not.
status = Path("/proc/self/status")
if status.exists():
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) * 1024
print(len(found), found.duplicates, time.process_time(), peak)
"""


@pytest.mark.slow
@pytest.mark.parametrize("distinct", [LINES, LINES * 7 // 10], ids=["distinct", "with repeats"])
def test_a_million_lines_take_seconds_and_less_than_300_mebibytes(write_list, distinct):
    path = write_list("".join(f"{n % distinct + 1:064x}\n" for n in range(LINES)))
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", _MEASURE, path]
    process = subprocess.run(command, env=plain, capture_output=True, text=True, check=True)
    seeds, repeats, seconds, peak = process.stdout.split()
    assert (int(seeds), int(repeats)) == (distinct, LINES - distinct)
    assert float(seconds) < 15
    assert int(peak) < 300 * 2**20


# --- properties ----------------------------------------------------------------------------------

_EDGES = st.text("\u200b\ufeff \t#\u00a0\u2028", max_size=3)
_HASHES = st.sampled_from(
    [
        "evil[.]example",
        "8.8.8.8",
        "a.example/x",
        A,
        A.upper(),
        B,
        C,
        "sha256:" + A,
        "md5:" + A,
        A[1:],
        "0" * 32,
    ]
)
_LINES = st.one_of(
    st.tuples(_EDGES, _HASHES, _EDGES).map("".join),
    st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"])),
)


def _count_entries(found):
    return len(found) + len(found.rejected) + found.duplicates + found.skipped


@given(st.lists(_LINES))
def test_every_line_in_memory_is_accounted_for(lines):
    found = parse_seeds(lines)
    assert _count_entries(found) == len(lines)
    assert len(set(ids(found))) == len(found)
    assert all(lines[rejected.line - 1].strip() for rejected in found.rejected)


@given(st.lists(_LINES), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_every_line_of_a_file_is_accounted_for(tmp_path_factory, lines, end, ended):
    text = end.join(lines) + (end if ended else "")
    path = tmp_path_factory.getbasetemp() / "law.txt"
    path.write_bytes(text.encode())
    expected = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    assert _count_entries(read_seeds(path)) == len(expected) - (expected[-1] == "")


@given(st.binary())
def test_any_bytes_are_a_list_or_a_seed_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    with suppress(SeedError):
        assert _count_entries(read_seeds(path)) <= content.count(b"\n") + content.count(b"\r") + 1


@pytest.mark.parametrize(
    ("argument", "entity_type", "value"),
    [
        (A.upper(), "file", A),
        ("Evil.example", "domain", "evil.example"),
        ("evil[.]example", "domain", "evil.example"),
        ("evil.example:8080", "domain", "evil.example"),
        ("8.8.8[.]8", "ip_address", "8.8.8.8"),
        ("2606:4700::1111", "ip_address", "2606:4700::1111"),
        ("hxxps://evil.example/a.zip", "url", "https://evil.example/a.zip"),
        ("https://evil.example/" + "x" * 1_000, "url", "https://evil.example/" + "x" * 1_000),
        ("hashes[.]zip", "domain", "hashes.zip"),
    ],
)
def test_an_indicator_can_be_a_source(argument, entity_type, value):
    (seed,) = read_seeds(argument, accept_indicators=True)
    assert (seed.entity.type, seed.source, seed.line) == (entity_type, "<argument>", 1)
    assert seed.entity.attributes.get("url", seed.entity.id) == value
    with pytest.raises(SeedError, match="cannot read the seed list"):
        read_seeds(argument)


@pytest.mark.parametrize("name", ["hashes.zip", "list.md", "evil.example/hashes", "notes.txt", "a"])
def test_a_name_that_may_be_a_missing_file_is_not_a_seed(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SeedError, match="No such file or directory"):
        read_seeds(name, accept_indicators=True)


def test_a_file_with_the_name_of_an_indicator_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.example").write_text(f"{A}\n")
    (seed,) = read_seeds("evil.example", accept_indicators=True)
    assert seed.entity.id == A
