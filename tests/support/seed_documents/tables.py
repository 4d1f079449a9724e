"""Tables and lists: feeds, exports of platforms, and lists that vendors publish."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from tests.support.seed_documents.names import Facts
from tests.support.seed_documents.reports import bracket_dots, bracket_last_dot_of_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.support.seed_documents.names import Document

_DATE = "2026-10-05 00:42:15"
_HASHES = (64, 32, 40)  # digits of SHA-256, MD5 and SHA-1


def _csv(rows: Iterable[Sequence[str]], **options: object) -> str:
    stream = io.StringIO()
    csv.writer(stream, **{"lineterminator": "\n", **options}).writerows(rows)  # type: ignore[arg-type]
    return stream.getvalue()


def _words(text: str) -> list[str]:
    return text.split()


def _feed(title: str, header: list[str], rows: list[list[str]]) -> str:
    """Return a feed with a commented head, and spaces between quoted cells."""
    quoted = [", ".join(f'"{cell}"' for cell in row) for row in rows]
    names = ",".join(f'"{name}"' for name in header)
    rule = "#" * 64
    return "\n".join([rule, f"# {title}", rule, "#", f"# {names}", *quoted, "# Number: 30", ""])


# --- feeds ---------------------------------------------------------------------------------------


def _malware_bazaar(facts: Facts) -> Document:
    header = _words(
        "first_seen_utc sha256_hash md5_hash sha1_hash reporter file_name "
        "file_type_guess mime_type signature clamav vtpercent imphash ssdeep "
        "tlsh"
    )
    rows = [
        [
            _DATE,
            *facts.file(*_HASHES),
            "reporter7",
            f"invoice_{number}.exe",
            "exe",
            "application/x-dosexec",
            "Copperwick",
            "n/a",
            "54.05",
            facts.digits(32),
            "768:abCDef/gh+xyz:Kk",
            "T1" + facts.digits(70).upper(),
        ]
        for number in range(30)
    ]
    return facts.document("malwarebazaar.csv", _feed("MalwareBazaar recent", header, rows))


def _threat_fox(facts: Facts) -> Document:
    header = _words(
        "first_seen_utc ioc_id ioc_value ioc_type threat_type fk_malware "
        "malware_alias malware_printable last_seen_utc confidence_level "
        "reference tags anonymous reporter"
    )
    values = [
        *((facts.domain(), "domain") for _ in range(8)),
        *((f"{facts.address()}:{4_000 + number}", "ip:port") for number in range(8)),
        *((facts.url(), "url") for _ in range(8)),
        *((facts.hash(64), "sha256_hash") for _ in range(4)),
        *((facts.hash(32), "md5_hash") for _ in range(2)),
    ]
    rows = [
        [
            *(_DATE, str(number), value, kind, "botnet_cc", "win.copperwick", "None"),
            *("Copperwick", "", "75", "https://posts.northlight.com/status/9", "c2,rat", "0", "r7"),
        ]
        for number, (value, kind) in enumerate(values)
    ]
    return facts.document("threatfox.csv", _feed("ThreatFox IOCs: recent", header, rows))


def _url_haus(facts: Facts) -> Document:
    header = "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter"
    rows = [
        [
            *(str(3_193_886 + number), _DATE, facts.url(), "online", _DATE, "malware_download"),
            *("elf,mips", f"https://portal.northlight.com/url/{number}/", "reporter7"),
        ]
        for number in range(30)
    ]
    table = _csv(rows, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    return facts.document("urlhaus.csv", f"# URLs, last 30 days\r\n#\r\n{header}\r\n{table}")


def _feodo(facts: Facts) -> Document:
    header = ["first_seen_utc", "dst_ip", "dst_port", "c2_status", "last_online", "malware"]
    rows = [[_DATE, facts.address(), "443", "online", "2026-10-05", "Emotet"] for _ in range(20)]
    table = _csv([header, *rows], quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    return facts.document(
        "ipblocklist.csv", f"# Botnet servers\r\n#\r\n{table}# END 20 entries\r\n"
    )


def _open_phish(facts: Facts) -> Document:
    return facts.document("feed.txt", "".join(f"{facts.url()}\n" for _ in range(40)))


def _phish_tank(facts: Facts) -> Document:
    header = (
        "phish_id url phish_detail_url submission_time verified verification_time online target"
    )
    rows = [
        [
            *(str(number), facts.url(), f"http://portal.northlight.com/detail.php?id={number}"),
            *("2026-10-05T00:42:15+00:00", "yes", "2026-10-05T00:50:15+00:00", "yes", "Other"),
        ]
        for number in range(25)
    ]
    return facts.document("verified_online.csv", _csv([header.split(), *rows]))


# --- platforms and vendors -----------------------------------------------------------------------


def _misp_csv(facts: Facts) -> Document:
    header = "uuid event_id category type value comment to_ids date object_relation attribute_tag"
    sha256, md5 = facts.file(64, 32)
    values = [
        ("Payload delivery", "filename|sha256", f"setup.exe|{sha256}"),
        ("Payload delivery", "md5", md5),
        *(("Payload delivery", "sha256", facts.hash(64)) for _ in range(6)),
        *(("Payload delivery", "sha1", facts.hash(40)) for _ in range(4)),
        *(("Network activity", "ip-dst", facts.address()) for _ in range(4)),
        *(("Network activity", "ip-dst|port", f"{facts.address()}|443") for _ in range(4)),
        *(("Network activity", "domain", facts.domain()) for _ in range(4)),
        *(("Network activity", "hostname", facts.domain()) for _ in range(4)),
        *(("Network activity", "domain|ip", f"{facts.domain()}|8.8.8.8") for _ in range(2)),
        *(("Network activity", "url", facts.url()) for _ in range(6)),
        ("External analysis", "link", "https://posts.northlight.com/2026/copperwick"),
        ("Payload delivery", "imphash", facts.digits(32)),
        ("Artifacts dropped", "mutex", "Global\\QmX7"),
        ("Payload delivery", "email-src", "sender@northlight.com"),
        ("Network activity", "x509-fingerprint-sha1", facts.digits(40)),
        ("Payload delivery", "filename", "setup.exe"),
        ("Other", "text", "seen in March, see the report"),
    ]
    facts.optional.add(("address", "8.8.8.8"))  # the second part of domain|ip
    rows = [
        ["5f1e", "17", category, kind, value, "", "1", "20261005", "", ""]
        for category, kind, value in values
    ]
    return facts.document("misp.event.17.csv", _csv([header.split(), *rows]))


def _typed_table(facts: Facts) -> Document:
    values = [
        *(("sha256", facts.hash(64)) for _ in range(8)),
        *(("domain", bracket_last_dot_of_host(facts.domain())) for _ in range(5)),
        *(("ip", bracket_dots(facts.address())) for _ in range(5)),
        *(("url", bracket_dots(facts.url())) for _ in range(5)),
        *(("cert_sha1", facts.digits(40)) for _ in range(2)),
        *(("imphash", facts.digits(32)) for _ in range(2)),
        ("filename", "install.sh"),
        ("file_path", "C:\\PerfLogs\\a.exe"),
        ("email", "sender@northlight.com"),
    ]
    rows = [[kind, value, "Copperwick, a \u201cloader\u201d"] for kind, value in values]
    return facts.document("Copperwick_IOCs.csv", _csv([["Indicator_type", "Data", "Note"], *rows]))


def _excel_table(facts: Facts) -> Document:
    """Return a table as a German Excel writes it: semicolons, Windows-1252, CRLF."""
    rows = [
        *([facts.hash(64), "Gef\u00e4hrlich", "https://portal.northlight.com/x"] for _ in range(8)),
        *([bracket_dots(facts.domain()), "f\u00fcr C2", ""] for _ in range(6)),
        *([bracket_dots(facts.address()), "", ""] for _ in range(4)),
    ]
    table = _csv([["IOC", "Bemerkung", "Link"], *rows], delimiter=";", lineterminator="\r\n")
    return facts.document("Indikatoren.csv", table, encoding="windows-1252")


def _utf16_table(facts: Facts) -> Document:
    """Return a table as Excel's format "Unicode text": tabs, UTF-16 with a byte order mark."""
    rows = [[facts.url(), "download"] for _ in range(10)] + [[facts.domain(), ""] for _ in range(8)]
    table = _csv([["Indicator", "Remark"], *rows], delimiter="\t", lineterminator="\r\n")
    return facts.document("indicators.tsv", table, encoding="utf-16")


def _marked_table(facts: Facts) -> Document:
    """Return a table with a byte order mark, and a first line that names the separator."""
    rows = [[facts.hash(40), "dropper"] for _ in range(8)]
    rows += [[bracket_dots(facts.domain()), "C2, active"] for _ in range(8)]
    table = _csv([["Observable", "Comment"], *rows], delimiter=";", lineterminator="\r\n")
    return facts.document("observables.csv", f"sep=;\r\n{table}", encoding="utf-8-sig")


def _hashes_with_uuids(facts: Facts) -> Document:
    """Return the index of a MISP feed, which has no header."""
    rows = [[facts.hash(32), f"8761abbd-7f85-42ee-b272-{number:012x}"] for number in range(20)]
    return facts.document("hashes-index.csv", _csv(rows))


def _hash_columns(facts: Facts) -> Document:
    rows = [
        *([f"a{number}.exe", *facts.file(32, 40, 64)] for number in range(10)),
        *([f"b{number}.exe", *facts.file(32), "", ""] for number in range(3)),
        *([f"c{number}.exe", "", "", *facts.file(64)] for number in range(3)),
    ]
    return facts.document("hashes.csv", _csv([["name", "md5", "sha1", "sha256"], *rows]))


def _several_hashes_per_cell(facts: Facts) -> Document:
    rows = [
        *([";".join(facts.file(32, 40, 64)), "2022-10-01", "2027-09-30"] for _ in range(12)),
        *([f"{bracket_dots(facts.address())}:47567", "2022-10-30", "2022-11-29"] for _ in range(8)),
    ]
    header = ["IOC", " Valid From", " Valid Until", " Link"]
    linked = [[*row, f"https://portal.northlight.com/{n}"] for n, row in enumerate(rows)]
    return facts.document("intrusion-set.csv", _csv([header, *linked]))


def _bad_quotes(facts: Facts) -> Document:
    lines = [f'{facts.hash(64)},sha256,"signed by "Some Company"."' for _ in range(2)]
    lines += [f"{facts.hash(64)},sha256,seen in March" for _ in range(20)]
    lines += [f"{bracket_dots(facts.domain())},domain,5 inches" for _ in range(10)]
    return facts.document("indicators.csv", "\n".join(["value,type,comment", *lines, ""]))


def _pulse(facts: Facts) -> Document:
    values = [
        *(("FileHash-SHA256", facts.hash(64)) for _ in range(8)),
        *(("FileHash-MD5", facts.hash(32)) for _ in range(4)),
        *(("domain", facts.domain()) for _ in range(5)),
        *(("hostname", facts.domain()) for _ in range(5)),
        *(("URL", facts.url()) for _ in range(5)),
        *(("IPv4", facts.address()) for _ in range(5)),
        ("CVE", "CVE-2024-31337"),
        ("YARA", facts.digits(40)),
    ]
    rows = [[kind, value, "", "Copperwick"] for kind, value in values]
    return facts.document(
        "pulse.csv", _csv([["Indicator type", "Indicator", "Description", "Title"], *rows])
    )


# --- lists ---------------------------------------------------------------------------------------


def _checksums(facts: Facts) -> Document:
    lines = [f"{facts.hash(64)}  dir/file{number}.exe" for number in range(15)]
    lines += [f"{facts.hash(64)} *b{number}.dll" for number in range(5)]
    return facts.document("SHA256SUMS", "\n".join([*lines, ""]))


def _bulk_list(facts: Facts) -> Document:
    lines = [
        "# Copperwick, 2026-10-05",
        *(f"ip: {facts.address()}" for _ in range(4)),
        *(f"domain: {bracket_dots(facts.domain())}" for _ in range(4)),
        *(f"url: {bracket_last_dot_of_host(facts.url())}" for _ in range(4)),
        *(f"sha256: {facts.hash(64)}" for _ in range(4)),
        *(f"md5:{facts.hash(32)}" for _ in range(4)),
    ]
    return facts.document("bulk.txt", "\n".join([*lines, ""]))


def _bulleted_list(facts: Facts) -> Document:
    lines = [
        *(f"- {facts.hash(64)};dropper" for _ in range(6)),
        *(f"- {bracket_dots(facts.domain())}" for _ in range(6)),
        *(f'* "{facts.url()}",' for _ in range(6)),
        *(f"\u2022 {facts.address()}:443/tcp" for _ in range(6)),
        *(f"- {facts.address6()}" for _ in range(3)),
    ]
    return facts.document("iocs.txt", "\n".join([*lines, ""]))


_MAKERS = (
    _malware_bazaar,
    _threat_fox,
    _url_haus,
    _feodo,
    _open_phish,
    _phish_tank,
    _misp_csv,
    _typed_table,
    _excel_table,
    _utf16_table,
    _marked_table,
    _hashes_with_uuids,
    _hash_columns,
    _several_hashes_per_cell,
    _bad_quotes,
    _pulse,
    _checksums,
    _bulk_list,
    _bulleted_list,
)


def tables() -> Iterator[Document]:
    """Yield one document per shape of table or list."""
    for number, make in enumerate(_MAKERS):
        yield make(Facts(2_000 + number))
