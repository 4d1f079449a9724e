"""Free text: find hashes, domains, IP addresses and URLs, defanged or not.

A domain must end in a public suffix. Names that are more likely names of files or parts of programs
are accepted only if they are defanged. Hashes that have a label of another hash in the text, such
as "imphash", are rejected. Rejected indicators are reported in warnings.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from graphbuild.models import detect_hash_type
from graphbuild.seeds.hash_labels import HashLabels
from graphbuild.seeds.host_names import is_host, is_ipv4, why_not_a_host
from graphbuild.seeds.refanging import refang
from graphbuild.seeds.reference_links import is_link_to_page_about, is_rule_reference
from graphbuild.seeds.results import excerpt
from graphbuild.seeds.text_candidates import Kind, find_candidates, find_hashes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbuild.seeds.results import SeedReader
    from graphbuild.seeds.text_candidates import Candidate

_MAX_WARNINGS = 1_000
_ORDINARY_WORDS = "words with dots or colons that are not indicators were skipped"
_NAMES_IN_PATHS = "names in paths or in percent-encoded text were skipped"
_ENTITIES_REPLACED = "&amp; in URLs was replaced by &"
_NAMESPACES = "names of XML namespaces were skipped"
_REFERENCES = "links to pages about an indicator, and references of rules, were skipped"
_MAY_BE_WRAPPED = "hexadecimal text on two lines may be one SHA-256; join the lines if it is"
_URL_MAY_CONTINUE = "URLs at the end of a line may continue on the next line; join the lines if so"
_JOINED = "the parts of a hash on two lines were joined"

_XML_NAMESPACE = re.compile(r"""\sxmlns(?::[\w.-]+)?=["']$""")
_PRODUCTS = (
    r"apache|applewebkit|chrome|chromium|crios|curl|dalvik|edge?|edga|electron|firefox|fxios|gecko"
    r"|go-http-client|headlesschrome|iis|java|libcurl|mozilla|nginx|okhttp|openssl|opera|opr|outlook"
    r"|php|python|python-requests|safari|samsungbrowser|thunderbird|trident|vivaldi|wget|yabrowser"
)
# Products whose version can follow a space. Products that are also services, such as nginx, are
# omitted, because the address of a server can follow their name.
_SPACED_PRODUCTS = r"chrome|chromium|edge|firefox|openssl|opera|safari"
# The text before a version, such as in: version 1.2.3.4, ProductVersion == "1.2.3.4",
# Chrome/1.2.3.4, section 1.2.3.4, >=1.2.3.4
_VERSION_BEFORE = re.compile(
    r"\b(?:v|ver|version|build|firmware|release|section|chapter|rule)[.:]?\s*$"
    r"|(?:\b|(?-i:(?<=[a-z])(?=V)))version(?:\s(?:string|number))?(?:\s(?:is|was))?[\"']?\s?[:=]{0,2}\s?[\"']?$"
    rf"|\b(?:{_PRODUCTS}|v)/$|\b(?:{_SPACED_PRODUCTS})\s$|[<>~]=\s?$",
    re.IGNORECASE,
)
_SMALL = 32  # in few public addresses, all four numbers are smaller than this
_WORD_BEFORE = re.compile(r"[^\W\d_][\w.-]*[\s(\uff08\"'~=:]{0,4}$")
_HOST_WORD_BEFORE = re.compile(
    r"(?:\b(?:ips?|ipv4|address(?:es)?|hosts?|servers?|c2s?|cnc|dns|resolvers?|nameservers?|port"
    r"|from|to|at|on|via|and|or|by|with|src|dst|source|destination|gateway|proxy|ping|nc|ssh|curl"
    r"|wget|telnet|tcp|udp|https?|adresses?|direcci\w+|serveurs?|servidor\w*|adresy?|et|und|oder|y)"
    r"|ip|[Aa]ddr\w*)[\s(\uff08\"'~=:]{0,4}$",
    re.IGNORECASE,
)
_PRODUCT_BEFORE = re.compile(r"[A-Za-z]/$")
_PRODUCT_AFTER = re.compile(r" [A-Za-z-]{2,20}/\d")  # the next product of a user agent
_SPELLED_DOT = re.compile(r" (?:dot|\.) ")
_HEXADECIMAL_SIGN = re.compile(r"0[xX]$")
_WALLET_LENGTH = 40  # number of digits in the address of an Ethereum wallet
# Two lines that may be the parts of a SHA-256: 32 and 32 digits, or 40 and 24. Three lines of 32
# digits are more likely MD5 hashes.
_WRAPPED_SHA256 = re.compile(
    r"([0-9A-Fa-f]{32})[ \t]*\n[ \t|]*([0-9A-Fa-f]{32})"
    r"(?![0-9A-Za-z]|[ \t]*\n[ \t]*[0-9A-Fa-f]{32}\s)"
    r"|([0-9A-Fa-f]{40})[ \t]*\n[ \t|]*([0-9A-Fa-f]{24})(?![0-9A-Za-z])"
)
# The text after a URL that ends its line, if the next line is indented and has only one word.
_INDENTED_WORD = re.compile(r"[ \t]*\n[ \t]{4,}[^\s:]+[ \t]*(?:\n|$)")
# Two lines that may be parts of a hash. ``_join_halves`` checks the lengths of the parts.
_SPLIT_HASH = re.compile(r"([0-9A-Fa-f]{31,63})[ \t]*\n[ \t|>]*([0-9A-Fa-f]{1,33})(?![0-9A-Za-z])")
_SHA256_BEFORE = re.compile(r"sha-?256[ \t|:=]*$", re.IGNORECASE)
# The text before a hash if it ends in another column that is not a label such as "MD5" or "SHA-1".
_COLUMN_BEFORE = re.compile(
    r"[^\s|>*-](?<!md5)(?<!sha1)(?<!sha-1)(?:[ ]{2,}|[ ]*\t\s*)$", re.IGNORECASE
)


def read(texts: Iterable[str], reader: SeedReader) -> None:
    """Add the indicators in a text; warn once about each of the first 1,000 rejected indicators."""
    text_reader = _TextReader(reader)
    for candidate in find_candidates(texts):
        text_reader.read(candidate)
    text_reader.finish()


class _TextReader:
    """Adds the candidates of a text to a seed list."""

    def __init__(self, reader: SeedReader) -> None:
        self._reader = reader
        self._rejected: set[str] = set()
        self._more_rejected = 0
        self._labels = HashLabels()
        self._previous_length = 0  # of the previous hash
        self._previous = ""  # the previous candidate that is not DOTTED
        self._previous_url = ""  # the same candidate if it is a URL, otherwise empty
        self._other_hashes: set[str] = set()  # hashes that have a label of another hash
        self._second_half = ""  # the second part of the previous hash if it was joined

    def read(self, candidate: Candidate) -> None:
        """Add or reject a candidate."""
        self._read_candidate(candidate)
        if candidate.kind is not Kind.DOTTED:
            self._previous = candidate.text
            self._previous_url = candidate.text if candidate.kind is Kind.URL else ""

    def _read_candidate(self, candidate: Candidate) -> None:
        match candidate.kind:
            case Kind.HASH:
                self._read_hash(candidate)
            case Kind.URL:
                self._read_url(candidate)
            case Kind.HOST:
                self._read_host(candidate)
            case Kind.IPV6:
                self._read_ipv6(candidate)
            case Kind.EMAIL:
                self._read_email(candidate)
            case Kind.DOTTED:
                self._read_words(candidate, _ORDINARY_WORDS)
            case Kind.PATH:
                self._read_words(candidate, _NAMES_IN_PATHS)
            case Kind.SPELLED:
                self._read_spelled_dots(candidate)
            case Kind.LONG:
                self._reject(candidate, "is too long")

    def finish(self) -> None:
        """Report how many more indicators were rejected than the first 1,000."""
        if self._more_rejected:
            self._reader.seeds.warnings.append(
                f"{self._reader.source}: {self._more_rejected:,} more indicators were rejected"
            )

    def _read_hash(self, candidate: Candidate) -> None:
        second_half, self._second_half = self._second_half, ""
        if second_half and second_half == candidate.text:
            return
        if label := self._labels.find(candidate.before, candidate.after, self._previous_url):
            self._other_hashes.add(candidate.text)
        if label or candidate.text in self._other_hashes:
            name = f"called {label!a}" if label else "called something else above"
            self._reject(candidate, f"is {name}, not the hash of a file")
            return
        if len(candidate.text) == _WALLET_LENGTH and _HEXADECIMAL_SIGN.search(candidate.before):
            self._reject(candidate, "may be the address of a wallet; remove 0x if it is a SHA-1")
            return
        is_listed = self._previous_length == len(candidate.text) and not candidate.before.strip()
        if not is_listed:
            candidate = self._join_halves(candidate)
        self._previous_length = len(candidate.text)
        self._add(candidate)

    def _join_halves(self, candidate: Candidate) -> Candidate:
        """Return the whole hash if the candidate and the next line are its two parts.

        Otherwise, return the candidate. Warn if the hash is joined, or if it may have two parts.
        """
        split = _SPLIT_HASH.match(candidate.text + candidate.after)
        if split and not detect_hash_type(split[1]) and detect_hash_type(split[1] + split[2]):
            return self._join(candidate, split[1], split[2])
        wrapped = _WRAPPED_SHA256.match(candidate.text + candidate.after)
        if wrapped is None:
            return candidate
        first, second = filter(None, wrapped.groups())
        line_start = candidate.before.rpartition("\n")[2]
        rest_of_line = candidate.after.partition(second)[2].partition("\n")[0]
        is_wrapped = _SHA256_BEFORE.search(line_start) or _COLUMN_BEFORE.search(line_start)
        if rest_of_line.strip() or not is_wrapped:
            self._reader.count_warning(_MAY_BE_WRAPPED, candidate.line)
            return candidate
        return self._join(candidate, first, second)

    def _join(self, candidate: Candidate, first: str, second: str) -> Candidate:
        self._reader.count_warning(_JOINED, candidate.line)
        self._second_half = second
        return candidate._replace(text=first + second, after="")

    def _read_url(self, candidate: Candidate) -> None:
        if _XML_NAMESPACE.search(candidate.before):
            self._reader.count_warning(_NAMESPACES, candidate.line)
            return
        url = candidate.text.replace("&amp;", "&")
        if is_rule_reference(candidate.before) or is_link_to_page_about(
            url, candidate.before, candidate.after, self._previous
        ):
            self._reader.count_warning(_REFERENCES, candidate.line)
            return
        if url != candidate.text:
            self._reader.count_warning(_ENTITIES_REPLACED, candidate.line)
        if url[-1] in "/=&?_-" and _INDENTED_WORD.match(candidate.after):
            self._reader.count_warning(_URL_MAY_CONTINUE, candidate.line)
        self._add(candidate._replace(text=url))

    def _read_host(self, candidate: Candidate) -> None:
        if is_rule_reference(candidate.before):
            self._reader.count_warning(_REFERENCES, candidate.line)
            return
        refanged = refang(candidate.text)
        host = re.split("[:/?]", refanged, maxsplit=1)[0]
        reason = ""
        if refanged == candidate.text.replace("\\.", "."):  # regular expressions have ``\.``
            if is_ipv4(host):
                reason = _find_version(host, candidate.before, candidate.after)
            else:
                reason = why_not_a_host(
                    host, candidate.after, candidate.before, has_path="/" in refanged
                )
        if not (reason and self._read_contained_hashes(candidate)):
            self._add(candidate, reason)

    def _read_email(self, candidate: Candidate) -> None:
        host = refang(candidate.text).rpartition("@")[2]
        if is_ipv4(host):  # the user of a server, such as root@8.8.8.8
            self._add(candidate._replace(text=host))
        else:
            self._reject(candidate, "is an email address")

    def _read_ipv6(self, candidate: Candidate) -> None:
        try:
            ip_address(re.split("[/%]", refang(candidate.text), maxsplit=1)[0])
        except ValueError:
            self._reader.count_warning(_ORDINARY_WORDS, candidate.line)
        else:
            self._add(candidate)

    def _read_words(self, candidate: Candidate, warning: str) -> None:
        if not self._read_contained_hashes(candidate):
            if refang(candidate.text) == candidate.text:
                self._reader.count_warning(warning, candidate.line)
            else:
                self._reject(candidate, "does not end in a public suffix such as com or co.uk")

    def _read_contained_hashes(self, candidate: Candidate) -> bool:
        """Read the hashes in a candidate, such as in the name of a file.

        Return whether the candidate contains any hash.
        """
        hashes = find_hashes(candidate.text)
        for each in hashes:
            self._read_hash(candidate._replace(text=each, after=""))
        if hashes and "." in candidate.text.partition(hashes[0])[0]:
            self._reader.count_warning(_ORDINARY_WORDS, candidate.line)
        return bool(hashes)

    def _read_spelled_dots(self, candidate: Candidate) -> None:
        if not is_host(_SPELLED_DOT.sub(".", candidate.text)):
            return
        if " dot " in candidate.text:
            advice = "write [.] instead of the word dot if it is"
        else:
            advice = "remove the spaces if it is"
        self._reject(candidate, f"may be a domain; {advice}")

    def _add(self, candidate: Candidate, reason: str = "") -> None:
        if reason := reason or self._reader.try_add(candidate.text, candidate.line):
            self._reject(candidate, reason)

    def _reject(self, candidate: Candidate, reason: str) -> None:
        if candidate.text in self._rejected:
            return
        if len(self._rejected) == _MAX_WARNINGS:
            self._more_rejected += 1
            return
        self._rejected.add(candidate.text)
        self._reader.warn(candidate.line, f"{excerpt(candidate.text)} {reason}; skipped")


def _is_small_after_word(address: str, before: str) -> bool:
    """Return whether all numbers of an address are small, and it follows a word not used for hosts.

    Such an address is more likely the version of a program: ``AnyDesk 8.0.10.0``.
    """
    is_small = all(int(number) < _SMALL for number in address.split("."))
    line = before.rpartition("\n")[2]
    return is_small and bool(_WORD_BEFORE.search(line)) and not _HOST_WORD_BEFORE.search(line)


def _find_version(address: str, before: str, after: str) -> str:
    """Return why an IPv4 address may be the number of a version, or an empty string."""
    before = before[-40:]
    is_user_agent = _PRODUCT_BEFORE.search(before) and _PRODUCT_AFTER.match(after)
    is_version = is_user_agent or _VERSION_BEFORE.search(before)
    if is_version or _is_small_after_word(address, before):
        return "looks like a version number"
    if address.endswith(".0.0"):
        return "looks like a version number or a network"
    return ""
