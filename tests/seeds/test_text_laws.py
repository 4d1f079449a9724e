"""Laws of free text: nothing is changed, nothing is lost silently, time is linear."""

from __future__ import annotations

import io
import re
import sys
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.seeds import read_seeds
from tests.seeds.test_text import AROUND_URL

A = "a1" * 32


class _Chunks(io.RawIOBase):
    """A stream that returns its content in chunks of the given sizes, in a cycle."""

    def __init__(self, content, sizes):
        self.content, self.position, self.sizes, self.calls = content, 0, sizes, 0

    def read(self, size=-1):
        size = min(size, self.sizes[self.calls % len(self.sizes)])
        self.calls += 1
        chunk = self.content[self.position : self.position + size]
        self.position += len(chunk)
        return chunk


def read_text(text, sizes=(65_536,)):
    """Read text from standard input, which arrives in chunks of the given sizes."""
    with pytest.MonkeyPatch.context() as patch:
        stream = _Chunks(text.encode(), sizes)
        patch.setattr(sys, "stdin", type("Stdin", (), {"buffer": stream}))
        return read_seeds("-", format="text")


def seeds_of(found):
    """Return the text of each seed."""
    return [seed.entity.attributes.get("url", seed.entity.id) for seed in found]


# --- text without a defanging sign is never changed ----------------------------------------------

_PIECES = st.sampled_from(
    [
        *("example.net", "https://", "http://a.example.com/x", "8.8.8.8", A, "me@evil.example"),
        *("a.b", "www.", "evil", "dot", "at", "et", "com", "ETag", "http", "hELp", "2606:4700::1"),
        *(".", ":", "/", "@", "-", "_", ",", ";", " ", "\n", "?", "#", "=", "%", "'", '"', "|"),
        *("(", ")", "<", ">", "…", "“", "”", "是", "а", "x.zip", "A", "1", "%2F"),
    ]
)


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_every_seed_is_a_part_of_text_that_is_not_defanged(text):
    for seed, value in zip((found := read_text(text)), seeds_of(found), strict=True):
        if seed.entity.type == "url":
            assert value in text or value.removeprefix("http://") in text
        elif seed.entity.type != "ip_address" and "xn--" not in value:
            assert value in text.lower()
    assert not any("refanged" in message for message in found.warnings)


# --- the result does not depend on separators, length and chunks ---------------------------------

_label = st.from_regex(r"[a-z]([a-z0-9-]{0,12}[a-z0-9])?", fullmatch=True).filter(
    lambda label: label[2:4] != "--" and label != "dot"
)
_domain = st.builds(
    "{}.{}.{}".format, _label, _label, st.sampled_from(["com", "org", "example", "ru", "co.uk"])
).filter(lambda name: name.split(".")[0] not in {"com", "org", "net", "edu", "gov", "io"})
_address = st.builds("8.{}.{}.{}".format, *[st.integers(1, 254)] * 3)
_hash = st.sampled_from([32, 40, 64]).flatmap(
    lambda size: st.text("0123456789abcdef", min_size=size, max_size=size).filter(
        lambda digits: len(set(digits)) > 1
    )
)
_path = st.lists(
    st.from_regex(r"[A-Za-z0-9~=%@$!+-]{0,8}[A-Za-z0-9=$+-]", fullmatch=True),
    min_size=1,
    max_size=3,
).map("/".join)
_url = st.builds(
    "{}://{}/{}".format, st.sampled_from(["http", "https", "ftp"]), _domain | _address, _path
)
_names = st.lists(_domain | _address | _hash | _url, unique=True, max_size=12)
_SEPARATORS = st.sampled_from(
    [
        *("\n", "\r\n", " ", "\t", ", ", "; ", ",", ";", "|", " | ", "\n- ", "\n* ", "', '", '","'),
        *("<br>", "</td><td>", " and ", " (", ") (", "](", "\u3000", "、", "—", "…", " / "),
    ]
)


_parameter = st.from_regex(
    r"[a-z]{1,3}(\[[b-z0-9]{0,2}\])?=[A-Za-z0-9%:/.@+,;_*$!~-]{0,9}[A-Za-z0-9]", fullmatch=True
)
_long_url = st.builds(
    "{}{}{}{}".format,
    _url,
    st.sampled_from(
        ["", "/", "/a_(b)", "/x.exe", "/{id}/x", "/a,b.js", "/@51.5,-0.1,15z", "/a;b=1"]
    ),
    st.lists(_parameter, max_size=3).map(lambda each: "?" * bool(each) + "&".join(each)),
    st.sampled_from(["", "#top", "#/a?b=c", "#a=b"]),
)


@given(_long_url, st.sampled_from(AROUND_URL))
def test_a_url_comes_back_from_any_context(url, context):
    assert seeds_of(read_text(context.format(url))) == [url]


@given(_names, _SEPARATORS, st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_names_are_found_with_any_separator_and_in_any_chunks(names, separator, sizes):
    text = separator.join(names)
    assert seeds_of(read_text(text, sizes)) == names


@pytest.mark.parametrize("separator", [",", ";", " ", "|", "\t", '","', ", ", "", "(", "、"])
def test_names_are_found_in_a_text_of_any_length(separator):
    count = 5_000
    if separator:
        names = [f"{'http://' if n % 3 else ''}c{n}.example.com/x{n}" for n in range(count)]
        expected = [name if ":" in name else f"http://{name}" for name in names]
    else:
        names = [f"<{n:064x}>" for n in range(1, count)]
        expected = [name[1:-1] for name in names]
    assert seeds_of(read_text(separator.join(names))) == expected


# --- nothing is lost silently --------------------------------------------------------------------

_RESEMBLES_INDICATOR = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![A-Za-z0-9])"
    r"|[a-z0-9][a-z0-9-]*(?:\.|\[\.\]|\(dot\))(?:com|net|org|ru|zip|call|local)(?![A-Za-z0-9])"
    r"|(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])"
    r"|h(?:tt|xx)ps?://[a-z0-9]",
)
_NOISY_PIECES = st.sampled_from(
    [
        *("evil", "a", "1", "8", "255", "0", "f" * 32, A, A[:40], "ab" * 16, "com", "net", "zip"),
        *("call", "local", "http", "hxxps", "://", "[.]", "(dot)", ".", "..", "-", "_", "@", "/"),
        *("\\", ":", ",", ";", " ", "\n", "(", ")", "[", "]", "{", "}", "<", ">", "'", '"', "`"),
        *("<b>", "</b>", "0x", " . "),
        *("imphash", "v", "Password", "=", "%", "%2F", "www.", "例", "\u200b", "&amp;", "dot", "?"),
    ]
)


@given(st.lists(_NOISY_PIECES, max_size=25).map("".join))
def test_what_resembles_an_indicator_is_a_seed_or_is_reported(text):
    found = read_text(text)
    values = [value.lower() for value in seeds_of(found)]
    for match in _RESEMBLES_INDICATOR.finditer(text):
        plain = (
            re.sub(r"\[\.\]|\(dot\)", ".", match[0])
            .replace("hxxp:", "http:")
            .replace("hxxps:", "https:")
        )
        assert found.warnings or any(plain in value for value in values)


@pytest.mark.parametrize(
    "text",
    [
        *("10.0.0.1", "me@evil.com", "setup.zip", "printer.local", "f" * 128, "0" * 32, "a.b.call"),
        *(f"imphash {A[:32]}", "http://localhost/x", "http://", "gopher://evil.com", "8.8.8.0/24"),
        *("a.com_b", "8.8.8.8-8.8.8.20", "/usr/evil.com", "x%2Fevil.com", "evil dot com", "::1"),
        *("fe80::1", "foo://bar", "x" * 5_000 + ".com", "http://a.com/" + "x" * 5_000, "evil[.]c"),
    ],
)
def test_each_text_that_is_not_accepted_is_reported(text):
    found = read_text(text)
    assert not found
    assert found.warnings


# --- bounds --------------------------------------------------------------------------------------

_HOSTILE = [
    *("[", "[.]", "a.", "a@", "a@b.", ":", "0:", "http://", "(dot", "1.2.3.", "-dot-", "xn--", "h"),
    *(
        "{[( ",
        "a.com/",
        "a.com?",
        "a.zip/",
        "a,",
        "a.b,",
        "a.b/",
        "//",
        "\\",
        "\\.",
        "\\/",
        "例",
        "。",
    ),
    *(
        "a dot ",
        "h[tt]p",
        "http[s]",
        "&",
        "&amp;",
        "a.b_",
        "--a.b",
        "imphash ",
        "a<b>",
        "a<b ",
        "a<b>[.]",
        "a[.]com/",
        "x . ",
        "0x",
        " [ ",
        "\u200b",
        "%2F",
    ),
    *(
        "a b ",
        "abc, ",
        "f" * 31 + " ",
        "a1" * 16 + "-",
        "a1" * 16 + ".",
        "a:\\\\",
        "a'",
        "\n",
        " ",
        "_",
    ),
]
_PREFIXES = ["", "http://a.com/", "http://a.com?", "http://a.com/,", "http://", "a.", "a@", "a"]
_SIZE = 30_000


@pytest.mark.parametrize("prefix", _PREFIXES)
def test_hostile_text_takes_linear_time(prefix):
    for repeated in _HOSTILE:
        text = prefix + repeated * (_SIZE // len(repeated))
        start = time.process_time()
        found = read_text(f"{text}\nThe file {A}")
        assert time.process_time() - start < 2, repeated
        assert A in seeds_of(found), repeated


@pytest.mark.parametrize("repeated", ["a", "x" * 9_999 + " ", "[.]", "a."])
def test_a_long_line_takes_little_memory(monkeypatch, repeated):
    stream = _Chunks(f"{repeated * (4_000_000 // len(repeated))} {A}".encode(), [65_536])
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": stream}))
    read_text("a.example")  # loads the public suffix list
    tracemalloc.start()
    found = read_seeds("-", format="text")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seeds_of(found)[-1] == A
    assert peak < 2_000_000


@pytest.mark.parametrize("prose", ["some words\n", "\n", "the end. And\n", f"{A}\n", "a.example\n"])
def test_the_number_of_a_line_does_not_depend_on_the_text_before(prose):
    (*_, seed) = read_text(prose * 20_000 + "8.8.8.8")
    assert seed.line == 20_001


def test_repeated_rejections_take_little_memory():
    text = "\n".join(f"10.{n // 65_536}.{n // 256 % 256}.{n % 256}" for n in range(30_000))
    found = read_text(text)
    assert len(found.warnings) == 1_001
    assert found.warnings[-1].endswith("29,000 more indicators were rejected")
