"""Documents with known indicators, and generators of made-up hashes, domains, addresses and URLs.

This module does not use graphbuild, so that a document's indicators do not depend on its readers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

HASH, DOMAIN, ADDRESS, URL = KINDS = ("hash", "domain", "address", "URL")
Indicator = tuple[str, str]  # kind and text, without defanging; hashes and hosts in lower case

_SYLLABLES = (
    *("bex", "cor", "dal", "fen", "gri", "hol", "jup", "kel", "lom", "mar", "nix", "orv"),
    *("pel", "quo", "ras", "sil", "tor", "umb", "vex", "wyn"),
)
_TLDS = (
    *("com", "com", "com", "net", "net", "org", "top", "xyz", "info", "ru", "pl", "co.uk"),
    *("com.br", "cc", "site", "online", "io", "su", "link", "de", "fr", "biz"),
)
_PATHS = (
    "/gate.php",
    "/wp-content/uploads/2021/05/inv_8831.zip",
    "/api/v2/Check?id=AB12&s=9f",
    "/~user/x.sh",
    "/login",
    "/a/b/c.aspx?x=1",
    "/%D0%B0/report.doc",
    "/index.html#top",
    "/cdn/jQuery-3.3.1.min.js",
    "/dATa/uPLoad",
    "/",
    "/files/update_v2.1.exe",
)
_PORTS = ("", "", "", "", ":8443", ":8080")


@dataclass(frozen=True)
class Document:
    """A file with known indicators.

    Attributes:
        name: the name of the file.
        content: its bytes.
        files: for each file that the document describes, all of its hashes.
        others: the domains, addresses and URLs that a reader must find.
        optional: indicators that a reader may find or not, such as links to other reports.
        format_name: the value of ``--format`` that the documentation recommends.
        columns: the values of ``--column`` with which the document is read, once with each. None
            leaves out the option. A warning names the other columns that contain indicators.
    """

    name: str
    content: bytes
    files: tuple[frozenset[str], ...]
    others: frozenset[Indicator]
    optional: frozenset[Indicator] = frozenset()
    format_name: str = "auto"
    columns: tuple[str | None, ...] = (None,)


@dataclass
class Facts:
    """Generates names for one document, and records them as its indicators."""

    seed: int
    files: list[frozenset[str]] = field(default_factory=list)
    others: set[Indicator] = field(default_factory=set)
    optional: set[Indicator] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def file(self, *lengths: int) -> list[str]:
        """Return new hashes of one file with these numbers of digits."""
        hashes = [self.digits(length) for length in lengths]
        self.files.append(frozenset(hashes))
        return hashes

    def hash(self, length: int = 64) -> str:
        """Return a new hash of a file of its own."""
        return self.file(length)[0]

    def domain(self) -> str:
        """Return a new domain, sometimes with subdomains."""
        return self._record(DOMAIN, self.made_up_domain())

    def address(self) -> str:
        """Return a new IPv4 address."""
        return self._record(ADDRESS, self._made_up_address())

    def address6(self) -> str:
        """Return a new IPv6 address in its canonical form."""
        return self._record(ADDRESS, f"2001:4860:4860::{self.random.randrange(1, 0xFFFF):x}")

    def url(self) -> str:
        """Return a new URL with a domain or, sometimes, an address as its host."""
        is_address = self.random.random() < 0.2
        host = self._made_up_address() if is_address else self.made_up_domain()
        scheme, port = self.random.choice(("http", "https")), self.random.choice(_PORTS)
        return self._record(URL, f"{scheme}://{host}{port}{self.random.choice(_PATHS)}")

    def link(self) -> str:
        """Return a link to another report, which is optional."""
        url = f"https://research.{self.made_up_domain()}/blog/{self.digits(6)}"
        self.optional |= {(URL, url), (DOMAIN, url.split("/")[2])}
        return url

    def digits(self, length: int) -> str:
        """Return random hexadecimal digits that are not a hash of a file."""
        return f"{self.random.getrandbits(4 * length):0{length}x}"

    def made_up_domain(self) -> str:
        """Return a domain that is not recorded as an indicator."""
        choose = self.random.choice
        name = "".join(choose(_SYLLABLES) for _ in range(3)) + choose(("", "-cdn", "7", "-24"))
        prefix = choose(("", "", "", "www.", "c2.", "mail.login.", "update-1."))
        return f"{prefix}{name}.{choose(_TLDS)}"

    def document(
        self,
        name: str,
        content: str | bytes,
        format_name: str = "auto",
        *,
        encoding: str = "utf-8",
    ) -> Document:
        """Return a document with the recorded indicators."""
        data = content.encode(encoding) if isinstance(content, str) else content
        found = tuple(self.files), frozenset(self.others), frozenset(self.optional)
        return Document(name, data, *found, format_name)

    def _record(self, kind: str, text: str) -> str:
        self.others.add((kind, text))
        return text

    def _made_up_address(self) -> str:
        start = self.random.choice(("8.8.8", "8.8.4", "9.9.9", "1.1.1", "45.77.12"))
        return f"{start}.{self.random.randrange(1, 255)}"
