"""Compressed seed lists, and files that are not text."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.errors import SeedError
from graphbuild.seeds import read_seeds
from tests.seeds.seed_lists import CASES
from tests.support.archives import gzip_of, zip_of

A, B = "a1" * 32, "b2" * 20
LIST = f"{A}\n{B}\n".encode()
TABLE = f"sha256,family\n{A},Emotet\n".encode()


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Return a function that writes bytes to a file and returns its path."""
    folder = tmp_path_factory.mktemp("files")

    def write_file(content, name="seeds.bin"):
        path = folder / name
        path.write_bytes(content)
        return path

    return write_file


def tar_of(content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("a.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def ids(found):
    return [seed.entity.id for seed in found]


# --- compressed lists ----------------------------------------------------------------------------


def test_a_gzip_file_is_read_like_its_content():  # case 39
    found = read_seeds(CASES / "case39" / "list.txt.gz")
    assert ids(found) == ["38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"]
    assert "decompressed from a gzip file" in found.formats[0].reason


@pytest.mark.parametrize(
    ("content", "name", "format_name"),
    [
        (gzip_of(LIST), "list.txt.gz", "list"),
        (gzip_of(LIST), "no-suffix", "list"),
        (gzip_of(LIST[:70]) + gzip_of(LIST[70:]), "two-members.gz", "list"),
        (gzip_of(TABLE), "TABLE.CSV.GZ", "csv"),
        (gzip_of(f'["{A}"]'.encode()), "a.json.gz", "json"),
        (gzip_of(f"\ufeff{A}".encode("utf-16-le")), "utf16.gz", "list"),
        (zip_of({"list.txt": LIST}), "list.zip", "list"),
        (zip_of({"full.csv": TABLE}), "list.zip", "csv"),
        (zip_of({"full.csv": TABLE}, zipfile.ZIP_STORED), "no-suffix", "csv"),
        (zip_of({"a/": b"", "a/full.csv": TABLE, "__MACOSX/a/._full.csv": b"x"}), "m.zip", "csv"),
    ],
)
def test_the_format_is_that_of_the_content(write, content, name, format_name):
    found = read_seeds(write(content, name))
    assert ids(found)[0] == A
    assert found.formats[0].format == format_name


@given(st.lists(st.integers(1, 2**255).map("{:064x}".format), max_size=2_000))
def test_a_compressed_list_is_the_same_list(write, hashes):
    content = "\n".join(hashes).encode()
    plain, *compressed = [
        ids(read_seeds(write(each)))
        for each in (content, gzip_of(content), zip_of({"a.txt": content}))
    ]
    assert plain == list(dict.fromkeys(hashes))
    assert compressed == [plain, plain]


def test_a_gzip_file_can_come_from_a_pipe():
    script = "from graphbuild.seeds import read_seeds; print(len(read_seeds('-')))"
    process = subprocess.run(
        [sys.executable, "-c", script], input=gzip_of(LIST), capture_output=True, check=True
    )
    assert process.stdout == b"2\n"


def test_a_zip_archive_from_a_pipe_is_refused_with_the_way_out():
    script = "from graphbuild.seeds import read_seeds; read_seeds('-')"
    process = subprocess.run(
        [sys.executable, "-c", script], input=zip_of({"a": LIST}), capture_output=True, check=False
    )
    assert b"SeedError: - is a zip archive; pass the file by its name" in process.stderr


# --- refused files -------------------------------------------------------------------------------

_ENCRYPTED = bytearray(zip_of({"a.txt": LIST}))
_ENCRYPTED[6] |= 1  # the flag in the header of the file
_ENCRYPTED[_ENCRYPTED.rindex(b"PK\x01\x02") + 8] |= 1  # and in the list of files
_NEW_VERSION = bytearray(zip_of({"a.txt": LIST}))
_NEW_VERSION[_NEW_VERSION.index(b"PK\x01\x02") + 6] = 99  # the version that is needed to extract


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("book.xlsx", "is an Excel workbook; save each sheet as CSV"),
        ("report.pdf", "is a PDF document; convert it: pdftotext .*report.pdf - | graphbuild"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Office document in an old format"),
        (zip_of({"word/document.xml": b"x"}), "is a Word document"),
        (zip_of({"META-INF/MANIFEST.MF": b"x"}), "Java program .*sha256sum"),
        (zip_of({"a.txt": LIST, "b.txt": LIST}), "is a zip archive of 2 files; extract it"),
        (zip_of({}), "not text"),
        (zip_of({"a/": b""}), "is a zip archive of 0 files"),
        (zip_of({"a.txt": LIST}, zipfile.ZIP_LZMA), "unusual compression"),
        (bytes(_ENCRYPTED), "is a zip archive with a password"),
        (bytes(_NEW_VERSION), "is a zip archive with unusual features; extract it"),
        (gzip_of(gzip_of(LIST)), "contains another compressed file"),
        (gzip_of(zip_of({"a": LIST})), "contains another compressed file"),
        (zip_of({"a": zip_of({"a": LIST})}), "contains another compressed file"),
        (gzip_of(tar_of(LIST)), "is a tar archive; extract it"),
        (tar_of(LIST), "is a tar archive; extract it"),
        (bz2.compress(LIST), "is a bzip2 file; decompress it: bzcat"),
        (lzma.compress(LIST), "is an xz file; decompress it: xzcat"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "is a zstd file; decompress it: zstdcat"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(20), "is a 7z archive"),
        (b"Rar!\x1a\x07\x01\0", "is a rar archive"),
        (b"SQLite format 3\0" + bytes(100), "campaign file, pass it with --store"),
        (b"MZ\x90\0" + bytes(60), "is a program, not a seed list; .*sha256sum"),
        (b"\x7fELF\x02\x01\x01" + bytes(9), "is a program, not a seed list; .*sha256sum"),
        (b"\x89PNG\r\n\x1a\n", "is an image"),
        (b"{\\rtf1\\ansi", "rich text format"),
        (b"<!DOCTYPE html>\n<html><body>", "is an HTML page; .*--format text"),
        (b"\xef\xbb\xbf  <html lang='en'>", "is an HTML page; .*--format text"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_other_files_are_refused_with_their_type_and_the_way_out(write, content, message):
    path = CASES / "case39" / content if isinstance(content, str) else write(content)
    with pytest.raises(SeedError, match=message) as caught:
        read_seeds(path)
    assert str(caught.value).startswith(str(path))


def test_the_command_in_a_message_quotes_the_name_of_the_file(write):
    with pytest.raises(SeedError) as caught:
        read_seeds(write(b"%PDF-1.7\n", "a b;$(x).pdf"))
    assert "a b;$(x).pdf' - |" in str(caught.value)


@pytest.mark.parametrize("start", ["MZ", "BZh91AY", "PAR1", "PK", "Rar", "%PDF", "7z"])
def test_a_text_that_starts_like_another_file_is_read(write, start):
    found = read_seeds(write(f"{start} é\n{A}\n".encode()), format="list")
    assert ids(found) == [A]


def test_an_html_page_is_read_as_text_on_request(write):
    found = read_seeds(write(f"<html><p>{A}</p></html>".encode()), format="text")
    assert ids(found) == [A]


@given(
    st.sampled_from([gzip_of(LIST * 50), zip_of({"ä.txt": LIST * 50})]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    st.integers(0, 400),
)
def test_a_damaged_compressed_file_is_a_list_or_a_seed_error(write, content, changes, end):
    damaged = bytearray(content)
    for position, byte in changes:
        damaged[position % len(damaged)] = byte
    damaged = damaged[: max(4, len(damaged) - end)] if end % 3 == 0 else damaged
    try:
        found = read_seeds(write(bytes(damaged)))
    except SeedError as error:
        message = str(error)
    else:
        message = ""
        assert set(ids(found)) <= {A, B}
    assert "Traceback" not in message


# --- size ----------------------------------------------------------------------------------------


def _bomb(unit, count):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as stream:
        for _ in range(count):
            stream.write(unit)
    return packed.getvalue()


@pytest.mark.parametrize("format_name", ["auto", "csv", "misp"])
def test_a_file_that_expands_a_hundredfold_is_refused_in_little_memory(write, format_name):
    path = write(_bomb(b"a" * 2**20, 40))
    tracemalloc.start()
    with pytest.raises(SeedError, match="expands to more than 100 times"):
        read_seeds(path, format=format_name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 120 * 2**20


def test_a_zip_bomb_is_refused(write):
    packed = zip_of({"a.txt": b"a" * (40 * 2**20)})
    with pytest.raises(SeedError, match="expands to more than 100 times"):
        read_seeds(write(packed))


def test_a_large_zip_archive_is_refused_before_its_list_of_files_is_read(write):
    with pytest.raises(SeedError, match=r"is a zip archive of more than 8 MiB; .*unzip -p"):
        read_seeds(write(zip_of({"a.txt": random.Random(1).randbytes(9 * 2**20)})))


def test_a_list_that_compresses_well_is_read(write):
    content = b"".join(
        b"host%d.example # the same comment in every line\n" % n for n in range(9_000)
    )
    assert len(read_seeds(write(gzip_of(content)))) == 9_000
