"""Recognize names of indicator types in lists and tables (``SHA-256``, ``ip:port``, ``imphash``).

A name can also be the heading of a column, such as ``sha256_hash`` or ``C2 domain``. Some German
names are known, too, such as ``Dateiname``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from graphbuild.models import DOMAIN, FILE, HASH_TYPE_NAMES, IP_ADDRESS, URL
from graphbuild.seeds.composites import COMPOSITES

UNSUPPORTED = "unsupported"  # a known type that cannot be a seed, such as a mutex
IP_AND_PORT = "ip-dst|port"
HOST_AND_PORT = "hostname|port"
_MAX_NAME = 60  # characters

_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ACCENT = re.compile(r"[\u0300-\u036f]")  # a combining character, which follows its letter
_WORD = re.compile(r"[a-z0-9]+")
_SHA = re.compile(r"\bsha[ _-]?2[ _-](?=\d)|\bsha[ _-](?=\d)|\bmd[ _-](?=5)")
# A name with one of these words is unsupported, whatever its other words. There is one exception:
# ``path`` is ignored in a name with a word for URLs.
_UNSUPPORTED_WORD = re.compile(
    # hashes by which the API cannot find a file
    "authentihash|cdhash|dhash|favicon|gimphash|hassh|icon|imphash|impfuzzy|ja3s?|ja4|jarm|mmh3|"
    "pehash|phash|richhash|sha224|sha384|sha512|ssdeep|telfhash|tlsh|vhash|"
    # paths, names and certificates of files; objects of operating systems; networks
    "certs?|certificates?|cidr|commandline|director(?:y|ies)|filenames?|filepaths?|fingerprints?|"
    "folders?|mutex(?:es)?|netblocks?|paths?|pdb|pipes?|registry|regkeys?|serials?|signers?|"
    "subnets?|thumbprints?|useragents?|x509|"
    # some of these words in German, without accents
    "dateinamen?|dateipfade?|pfade?|registrierungsschlussel|zertifikate?|"
    # people, reports and rules
    "accounts?|actors?|agent|asn|attack|authors?|campaigns?|collections?|cves?|description|emails?|"
    "mail|mitre|references?|reports?|sigma|snort|suricata|techniques?|usernames?|vulnerability|"
    "wallets?|yara|"
    # cryptocurrencies
    "bitcoin|btc|ethereum|monero|xmr"
)
# A name that consists only of these words can mean many things, and is no type of indicator.
_VAGUE_WORD = re.compile(
    "code|command|comment|country|key|line|links?|name|note|organization|process|rule|"
    "service|size|source|text|title"
)
# A name means ``FILE`` only if it consists of these words: "file location" does not.
_FILE_WORDS = frozenset(
    {
        "datei",
        "file",
        "files",
        "filehash",
        "hash",
        "hashes",
        "malicious",
        "malware",
        "prufsumme",
        "sample",
        "samples",
    }
)
_DOMAIN_WORDS = frozenset(
    {
        "c2",
        "cnc",
        "network",
        "domain",
        "domains",
        "domainname",
        "domane",
        "domanen",
        "fqdn",
        "host",
        "hostname",
        "hostnames",
        "hosts",
    }
)
_IP_WORDS = frozenset(
    {"ip", "ips", "ipv4", "ipv6", "ipaddr", "ipaddress", "ipaddresses", "ip4", "ip6"}
)
# Words that can be next to ``_IP_WORDS``, as in ``dst_ip`` or ``ip:port``.
_IP_DETAILS = frozenset(
    {"address", "adresse", "adressen", "destination", "dst", "port", "source", "src"}
)
_URL_WORDS = frozenset({"url", "urls", "uri", "uris"})


def split_words(name: str) -> list[str]:
    """Return the words of a name in lower case, without accents.

    ``SHA-256`` is one word, ``sha256``. Only the first 60 characters of the name are read.
    """
    name = _CAMEL_CASE.sub(" ", name[:_MAX_NAME]).lower()
    if not name.isascii():
        name = _ACCENT.sub("", unicodedata.normalize("NFKD", name))
    return _WORD.findall(_SHA.sub(lambda match: match[0].rstrip(" _-2"), name))


@lru_cache(maxsize=4_096)
def find_type(name: str) -> str | None:
    """Return the type that ``name`` means: a hash type, an object type or a composite type.

    Return ``UNSUPPORTED`` for types that cannot be seeds and for vague names (see ``is_vague``).
    Return None for unknown names.
    """
    exact = name.strip().lower()
    if exact in COMPOSITES:
        return exact
    words = set(split_words(name))
    if words & _IP_WORDS and words <= _IP_WORDS | _IP_DETAILS:
        return IP_AND_PORT if "port" in words else IP_ADDRESS
    if words & _URL_WORDS:
        words -= {"path"}  # ``url_path`` can be a whole URL
    if is_vague(name) or any(map(_UNSUPPORTED_WORD.fullmatch, words)) or words >= {"file", "name"}:
        return UNSUPPORTED
    return _find_supported_type(words)


def is_vague(name: str) -> bool:
    """Return whether all words of ``name`` can mean many things, such as "source" and "text"."""
    words = split_words(name)
    return bool(words) and all(map(_VAGUE_WORD.fullmatch, words))


def _find_supported_type(words: set[str]) -> str | None:
    if "port" in words:  # "host:port", or the heading of a column of port numbers
        return HOST_AND_PORT if words & _DOMAIN_WORDS else UNSUPPORTED
    hashes = words & HASH_TYPE_NAMES
    if len(hashes) == 1:
        return hashes.pop()
    for type_words, found in (
        (_URL_WORDS, URL),
        (_IP_WORDS, IP_ADDRESS),
        (_DOMAIN_WORDS, DOMAIN),
    ):
        if words & type_words:
            return found
    return FILE if words and words <= _FILE_WORDS else None
