"""Untrusted text in ``report.md``: markup-free in real renderers, and readable without one."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from graphbuild._util import UntrustedText, escape_unprintable
from graphbuild.report.blocks import BulletList, FoldedList, Heading, Paragraph, Summary, Table
from graphbuild.report.content import Code
from graphbuild.report.markdown import render_markdown
from graphbuild.report.markdown_text import escape_code, escape_text
from tests.report.parsed_report import RENDERERS
from tests.support.graphs import HOSTILE

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MARK = "OTHER"  # a harmless text
EVERY_RENDERER = pytest.mark.parametrize("renderer", RENDERERS, ids=["commonmark", "gfm"])
PIECES = [
    *("http://evil.example/", "https://", "//evil.com", "www.evil.example", "evil.com", "évil.fr"),
    *("user@evil.com", "mailto:a@b.co", "@name", "hxxp://x[.]y", "<http://a.b>", "<a@b.co>"),
    *("<b>", "</td>", "<svg onload=alert(1)>", "<!--", "-->", "&lt;", "&#60;", "&copy;"),
    *("[a](b)", "![x](y)", "[x]", "](javascript:alert(1))", "[x]: http://y", "[^1]", "[ ]"),
    *("`", "``", "```", "~~~", "~~", "**", "*", "__", "_", "|", "\\", "\\\\", "$", "{#x}", "^"),
    *("#", "##", "# ", "- ", "+ ", "1. ", "1) ", "a. ", "> ", "---", "===", "==", "    ", "\t"),
    *("\n", "\u2028", "\u200b", "\u202e", "\0", "x", "e", "й", "C++", "3.5", "win.emotet", " "),
    *("'", '"', ",", ".", ";", ":", "!", "?", "/", "(", ")", "]", "}", "“", "»"),
]
hostile_text = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(" ".join),
    st.text(max_size=40),
)


class Elements(HTMLParser):
    """The elements of a page except ``code``, and its text without spaces."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, list[str]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "code":
            self.elements.append((tag, [name for name, _ in attrs]))

    def handle_data(self, data: str) -> None:
        self.text += "".join(data.split())


def document(text: str) -> str:
    """Return the Markdown of blocks that contain ``text`` in every place for untrusted text."""
    name, code = UntrustedText(text), Code(text)
    return render_markdown(
        [
            Heading(1, ("Title: ", name)),
            Summary([("The name is ", name, "."), (code, " is the address.")]),
            Paragraph(name),
            Paragraph(("A warning about ", name), "warning"),
            BulletList([name, code, ("Last: ", name, " and ", code)]),
            Table(("name", "count"), [(name, 1), ((name, " ", code), 2)], numbers=[1]),
            FoldedList("2 lines", ["abc", text]),
            Heading(3, (name, ", 2 files")),
        ]
    )


def displayed(text: str) -> str:
    """Return what a reader should see, without spaces."""
    return "".join(escape_unprintable(text).split())


@EVERY_RENDERER
@given(hostile_text)
@example("\\evil.com`a`|b.com")
@example("a. b")
@example("- evil.com")
@example("a *b")
@example("    `")
def test_hostile_text_is_displayed_as_text(renderer: MarkdownIt, text: str) -> None:
    assume(displayed(text))
    check(renderer, text)


@EVERY_RENDERER
@pytest.mark.parametrize("text", [*filter(displayed, HOSTILE)], ids=lambda text: ascii(text[:30]))
def test_texts_of_the_corpus_are_displayed_as_text(renderer: MarkdownIt, text: str) -> None:
    check(renderer, text)


def check(renderer: MarkdownIt, text: str) -> None:
    """Check that ``text`` adds no element but ``code``, and is displayed in all places."""
    plain, found = (Elements(renderer.render(document(each))) for each in (MARK, text))
    assert found.elements == plain.elements
    assert found.text == plain.text.replace(MARK, displayed(text))


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Unpacking Emotet, part 25 (2018-01-12): a well-known loader!", None),
        ("MS Office files – Part II", None),
        ("C++ and C# for 5% of AT&T & others", None),
        ("1.5 million of 3.5", None),
        ("quarterly_report [draft] *new*", r"quarterly\_report \[draft] \*new\*"),
        ("a|b `c` <d> {e} ~f~ $g", r"a\|b \`c\` &lt;d> \{e} \~f\~ \$g"),
        ("&lt; and #1", r"&amp;lt; and \#1"),
        ("see hxxp://b[.]example/a_b, or b.com.", "see `hxxp://b[.]example/a_b`, or `b.com`."),
        ("by @name (me@evil.example)", "by `@name` (`me@evil.example`)"),
        (r"C:\Users\evil.com", r"C:\\Users&#92;`evil.com`"),
    ],
)  # fmt: skip
def test_only_characters_that_can_be_markup_are_escaped(text: str, markdown: str | None) -> None:
    assert escape_text(text) == (markdown or text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("10) a", r"10\) a"),
        ("(b) a", r"(b\) a"),
        ("=== a", r"\=\== a"),
        ("1.5 a", "1.5 a"),
        ("well-known", "well-known"),
        ("Emotet: a", "Emotet: a"),
    ],
)
def test_the_start_of_a_line_is_escaped_if_it_can_begin_a_block(text: str, line: str) -> None:
    lines = render_markdown([BulletList([UntrustedText(text)]), Paragraph(UntrustedText(text))])
    assert lines == f"- {line}\n\n{line}\n"
    table = render_markdown([Table(("name",), [(UntrustedText(text),)])])
    assert f"| {escape_text(text)} |" in table


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("hxxps://evil[.]example/a_b?c=*d*", "`hxxps://evil[.]example/a_b?c=*d*`"),
        ("a`b|c", r"`a`\``b`\|`c`"),
        ("a\\b", "`a`&#92;`b`"),
    ],
)
def test_addresses_are_code(text: str, markdown: str) -> None:
    assert escape_code(text) == markdown
