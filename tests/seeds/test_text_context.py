"""Free text: what the text around a hash, host or URL says about it."""

from __future__ import annotations

import pytest

from graphbuild.seeds import read_seeds
from tests.seeds.seed_lists import seeds_of, warnings_of

SHA256 = "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"


@pytest.fixture
def read_text(tmp_path):
    """Return a function that reads a text."""

    def read(text):
        path = tmp_path / "report.txt"
        path.write_text(text, encoding="utf-8")
        return read_seeds(path, format="text")

    return read


@pytest.mark.parametrize("first", [32, 40])
@pytest.mark.parametrize(
    "start", ["SHA-256     ", "sha256: ", "| SHA256 | ", "a.dll      ", "a.dll\t"]
)
@pytest.mark.parametrize("indent", ["", "            ", "| "])
@pytest.mark.parametrize("end", ["", "\n", "\nnext", "  \n\nSHA-1  x"])
def test_the_halves_of_a_sha256_are_joined(read_text, first, start, indent, end):
    found = read_text(f"{start}{SHA256[:first]}\n{indent}{SHA256[first:]}{end}")
    assert seeds_of(found) == [("file", SHA256)]
    assert "the halves of a SHA-256 on two lines were joined" in warnings_of(found)


@pytest.mark.parametrize(
    "text",
    [
        "MD5         {}\n{}",
        "sha-1: {}\n{}",
        "- {}\n- {}",
        "a.dll       {}\nb.dll       {}",
        "a.dll       {}\n{}  b.dll",
        "the sample {}\n{}",
        "a.dll       {}\n\n{}",
    ],
)
def test_two_hashes_are_not_joined(read_text, text):
    hashes = [SHA256[:32], SHA256[32:]]
    assert seeds_of(read_text(text.format(*hashes))) == [("file", each) for each in hashes]


_PORTAL = "https://portal.example"


@pytest.mark.parametrize("indicator", [SHA256, SHA256.upper(), "evil[.]example", "8.8.8[.]8"])
@pytest.mark.parametrize(
    "link",
    [
        "[{shown}]({portal}/{plain}/?from=report)",
        "[`{shown}`](<{portal}/ioc/{plain}>)",
        "**[{shown}]({portal}/q?search={plain})**",
        '<a href="{portal}/{plain}/">{shown}</a>',
        "<a class='x' href='{portal}/{plain}' target=_blank><code>{shown}</code></a>",
    ],
)
def test_links_to_pages_about_an_indicator_are_skipped(read_text, indicator, link):
    plain = indicator.replace("[.]", ".")
    found = read_text(f"See {link.format(shown=indicator, plain=plain, portal=_PORTAL)} now.")
    assert [text for _, text in seeds_of(found)] == [plain.lower()]
    assert "links to pages about an indicator" in warnings_of(found)


@pytest.mark.parametrize(
    "text",
    [
        "[http://evil.example/a](http://evil.example/a)",
        "[evil.example](http://evil.example/a)",
        "[a report](http://evil.example/a)",
        '<a href="http://evil.example/a">http://evil.example/a</a>',
        '<a href="http://evil.example/a">evil.example</a>',
        '<a href="http://evil.example/a">report</a>',
    ],
)
def test_other_links_are_indicators(read_text, text):
    assert ("url", "http://evil.example/a") in seeds_of(read_text(text))


@pytest.mark.parametrize("reference", ["x.example/a/1", "www.x.example/a", "https://x.example/a"])
@pytest.mark.parametrize("start", ["reference:url,", "reference: url, ", 'reference:url,"'])
def test_references_of_rules_are_skipped(read_text, reference, start):
    rule = f'alert dns any any (msg:"x"; content:"evil.example"; {start}{reference}"; sid:1;)'
    found = read_text(rule)
    assert seeds_of(found) == [("domain", "evil.example")]
    assert "references of rules" in warnings_of(found)


def test_a_url_that_may_continue_on_the_next_line_is_reported(read_text):
    text = (
        "URL      hxxps://evil[.]example/a/\n         b.css?v=1\nURL      hxxp://evil[.]example/c\n"
    )
    assert "line 1: URLs at the end of a line may continue" in warnings_of(read_text(text))
    assert "may continue" not in warnings_of(read_text(text.replace("\n         ", "")))


@pytest.mark.parametrize("name", ["asp.net", "ASP.NET", "socket.io", "http.host"])
def test_names_of_products_and_fields_are_not_domains(read_text, name):
    assert len(read_text(f"They use {name}; and more.")) == 0
