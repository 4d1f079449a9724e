"""Addresses of one page that are spelled apart, and who publishes what stands there.

Rules, each by its name, take an address to the one that all addresses of its page have in common.
They are applied in their order, and again until none changes anything. What is left serves to
compare; nobody need find a page there, as ``http`` is told as ``https``.

* How one address may be spelled is RFC 3986, section 6 (case, percent signs, dots, ports), done by
  w3lib as a browser would; parameters are put in order.
* What else is the same page is custom, not standard, and told rule by rule in :data:`RULES`.

An address is a text out of a report: what is no address of the web, or not spelled in one way only,
or longer than 8,192 characters, no rule touches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from graphbuild.analysis._optional import library
from graphbuild.seeds.indicators import IDNA_DEVIATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

LONGEST = 8_192  # characters of an address that is looked at
_ROUNDS = 300  # more than such an address has copies of copies in it


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes two addresses one.

    Attributes:
        name: what it is called.
        says: what it takes for the same.
        apply: takes an address to a simpler one, or leaves it; raises ValueError for what is none.
    """

    name: str
    says: str
    apply: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Normal:
    """An address in the form that all addresses of its page have in common.

    Attributes:
        text: that form.
        rules: the names of the rules that changed it on the way, in their order.
    """

    text: str
    rules: tuple[str, ...] = ()


def normal(address: str, *, without: str = "") -> Normal:
    """The form of ``address`` that all addresses of its page have in common.

    Args:
        address: as a report gives it.
        without: the name of a rule that is not applied, to see what it did.

    Raises:
        AnalysisError: w3lib, in the extra ``analysis``, is not installed.
    """
    if not _is_readable(address):
        return Normal(address)
    rules = [rule for rule in RULES if rule.name != without]
    text, changed = address.strip(), set[str]()
    for _ in range(_ROUNDS):
        before = text
        for rule in rules:
            try:
                simpler = rule.apply(text)
            except ValueError:  # it has no host, or a port beyond all ports
                return Normal(address)
            if simpler != text:
                changed.add(rule.name)
                text = simpler
        if text == before:
            break
    return Normal(text, tuple(rule.name for rule in rules if rule.name in changed))


def publisher(address: Normal) -> str:
    """Who publishes what stands at an address: the domain that somebody registered.

    Of an archived copy, the one whose page was copied. Hosts of many, such as ``blogspot.com``, are
    told apart by the public suffix list, as it came with tldextract; a host that is no domain is
    its own publisher.

    Returns:
        A domain or an IP address in lower case; empty where it cannot be told: it is no address
        of the web, or of a link shortener, or of an archive that hides what it copied.

    Raises:
        AnalysisError: tldextract, in the extra ``analysis``, is not installed.
    """
    if not _is_readable(address.text):
        return ""
    try:
        parts = urlsplit(address.text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # no rule could read it, either
        return ""
    return _registered(host) if host.isascii() else ""


def _is_readable(address: str) -> bool:
    """Whether it is an address of the web that programs read alike."""
    bare = address.strip()
    found = _WEB.match(bare)
    return (
        found is not None
        and len(address) <= LONGEST
        and bare.isprintable()
        and "\\" not in bare
        and " " not in bare
        and IDNA_DEVIATIONS.isdisjoint(found["host"])
    )


_WEB = re.compile(r"https?://(?P<host>[^/?#]+)", re.IGNORECASE)


# --- copies --------------------------------------------------------------------------------------

_SIGN = re.compile("archive|arquivo|webcache|amp", re.IGNORECASE)  # most addresses have none
_ANY = r"https?://(?:[^/?#@]*\.)?"  # the beginning of an address, up to the name of a host
_INNER = r"(?:(?P<scheme>https?):/{1,2})?(?P<rest>[^/?#@]+\.[^/?#@]+.*)"
_TODAY = r"archive\.(?:today|ph|is|li|vn|md|fo)"
_ARCHIVES = (
    rf"{_ANY}archive\.org(?::\d+)?/web/(?:\d{{1,14}}\*?|\*)?(?:[a-z]{{2}}_)?/{_INNER}",
    rf"https?://{_TODAY}/(?:\d{{4,14}}|newest|oldest|o/\w{{1,12}})/{_INNER}",
    rf"{_ANY}arquivo\.pt/wayback/\d{{1,14}}(?:[a-z]{{2}}_)?/{_INNER}",
    rf"https?://wayback\.archive-it\.org/\w{{1,12}}/\d{{1,14}}(?:[a-z]{{2}}_)?/{_INNER}",
)
_CACHED = r"https?://webcache\.googleusercontent\.com/search\?(?:[^#]*&)?q=cache:(?:[\w-]{12}:)?"
_CACHES = (rf"{_CACHED}(?:(?P<scheme>https?):/{{1,2}})?(?P<rest>[^/?#@+&]+\.[^/?#@+&]+[^+&]*).*",)
_AMP_CACHES = (
    rf"{_ANY}cdn\.ampproject\.org/(?:c|v|r|wp/c)/(?P<secure>s/)?{_INNER}",
    rf"{_ANY}google\.[a-z.]{{2,6}}/amp/(?P<secure>s/)?{_INNER}",
    rf"{_ANY}bing-amp\.com/c/(?P<secure>s/)?{_INNER}",
)


def _inside(patterns: tuple[str, ...]) -> Callable[[str], str]:
    """Takes the address of a copy to that of which it is one."""
    compiled = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]

    def apply(address: str) -> str:
        if not _SIGN.search(address):
            return address
        for pattern in compiled:
            if found := pattern.fullmatch(address):
                secure = found.groupdict().get("secure")
                scheme = found["scheme"] or ("https" if secure else "http")
                return f"{scheme.lower()}://{found['rest']}"
        return address

    return apply


_amp_cache = _inside(_AMP_CACHES)
_AMP_PATH = re.compile(r"(?<=[^/])(?:/+amp/?$|\.amp(?=(?:\.html?)?$))", re.IGNORECASE)
_AMP_PARAMETERS = frozenset({("amp", ""), ("amp", "1"), ("amp", "true"), ("outputtype", "amp")})


def _amp(address: str) -> str:
    if "amp" not in address.lower():
        return address
    inside = _amp_cache(address)
    if inside != address:
        return inside
    parts = urlsplit(address)
    host = parts.netloc
    if host.lower().startswith("amp.") and host.count(".") > 1 and parts.path.strip("/"):
        host = host[len("amp.") :]
    kept = _without(parts, lambda name, value: (name, value) in _AMP_PARAMETERS)
    return _rebuilt(address, kept._replace(netloc=host, path=_AMP_PATH.sub("", parts.path)))


# --- one address ---------------------------------------------------------------------------------

# Spelled as it should be: no capital in the host, nothing escaped, no dots for a folder, no port.
_PLAIN = re.compile(
    r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)+/(?:[\w~-][\w.~-]*/)*(?:[\w~-][\w.~-]*)?", re.ASCII
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _spelling(address: str) -> str:
    if _PLAIN.fullmatch(address):
        return address
    canonical = library("w3lib.url").canonicalize_url(address, keep_fragments=True)
    parts = urlsplit(canonical)
    user, at, host = parts.netloc.rpartition("@")
    if parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme):
        host = host.rpartition(":")[0]
    spelled: str = urlunsplit(parts._replace(netloc=f"{user}{at}{host.removesuffix('.')}"))
    return spelled


def _scheme(address: str) -> str:
    return f"https{address[4:]}" if address[:5].lower() == "http:" else address


_WWW = re.compile(r"(https?://)(?:www\.)+(?=[^/?#.]+\.[^/?#])", re.IGNORECASE)
_RENAMED = re.compile(r"(https?://)(?:mobile\.)?twitter\.com(?=[/?#]|$)", re.IGNORECASE)


def _www(address: str) -> str:
    found = _WWW.match(address)
    return found[1] + address[found.end() :] if found else address


def _renamed(address: str) -> str:
    found = _RENAMED.match(address)
    return f"{found[1]}x.com{address[found.end() :]}" if found else address


_INDEX = frozenset({"index.html", "index.htm", "index.php"})


def _end(address: str) -> str:
    parts = urlsplit(address)
    folder, _, last = parts.path.rpartition("/")
    path = folder if last.lower() in _INDEX else parts.path
    return _rebuilt(address, parts._replace(path=path.rstrip("/") or "/"))


def _fragment(address: str) -> str:
    # Behind "#!" and "#/" stands what page of a site is meant, not what place of a page.
    bare, _, place = address.partition("#")
    return address if place.startswith(("!", "/")) else bare


# What the makers of analytics, of advertisements and of newsletters say that they add to addresses.
_TRACKING = frozenset(
    re.findall(
        r"\S+",
        "gclid gclsrc gbraid wbraid dclid fbclid msclkid yclid twclid ttclid li_fat_id igshid "
        "igsh mibextid mc_cid mc_eid mkt_tok _hsenc _hsmi __hssc __hstc __hsfp hsctatracking "
        "hss_channel vero_id vero_conv oly_enc_id oly_anon_id wickedid s_cid sc_cid ncid cmpid "
        "ocid trk trkcampaign trkinfo wt.mc_id wt_mc _ga _gl _openstat guccounter guce_referrer "
        "guce_referrer_sig __twitter_impression sr_share",
    )
)
_TRACKING_FAMILIES = ("utm_", "pk_", "mtm_", "matomo_", "piwik_", "hsa_")


def _tracking(address: str) -> str:
    if "?" not in address:
        return address

    def tracks(name: str, _: str) -> bool:
        return name in _TRACKING or name.startswith(_TRACKING_FAMILIES)

    return _rebuilt(address, _without(urlsplit(address), tracks))


def _without(parts: SplitResult, is_dropped: Callable[[str, str], bool]) -> SplitResult:
    """An address without some of its parameters; the others as they are spelled."""
    if not parts.query:
        return parts
    kept = []
    for parameter in parts.query.split("&"):
        # One at a time, so that no limit on their number is met.
        (name, value), *_ = parse_qsl(parameter, keep_blank_values=True) or [("", "")]
        if not is_dropped(name.lower(), value.lower()):
            kept.append(parameter)
    return parts._replace(query="&".join(kept))


def _rebuilt(address: str, parts: SplitResult) -> str:
    """The address of the parts; as it is spelled where they are its own."""
    return address if parts == urlsplit(address) else urlunsplit(parts)


RULES = (
    Rule("archive", "a copy in a web archive is the page copied", _inside(_ARCHIVES)),
    Rule("cache", "so is Google's cached copy", _inside(_CACHES)),
    Rule("spelling", "case, escapes, dots, ports, order of parameters (RFC 3986)", _spelling),
    Rule("amp", "the AMP form of a page is the page", _amp),
    Rule("scheme", "http and https", _scheme),
    Rule("www", "a host with and without www", _www),
    Rule("renamed", "twitter.com and x.com", _renamed),
    Rule("end", "with and without a slash or index.html at the end of the path", _end),
    Rule("tracking", "parameters that tell where a reader came from", _tracking),
    Rule("fragment", "places of a page", _fragment),
)


# --- publishers ----------------------------------------------------------------------------------

# Who stands behind a page of theirs, its address does not tell.
_NOBODYS = frozenset(
    re.findall(
        r"\S+",
        "archive.today archive.ph archive.is archive.li archive.vn archive.md archive.fo "
        "archive.org archive-it.org arquivo.pt perma.cc googleusercontent.com ampproject.org "
        "bing-amp.com bit.ly t.co goo.gl tinyurl.com ow.ly buff.ly is.gd lnkd.in dlvr.it cutt.ly "
        "rebrand.ly",
    )
)


@lru_cache(maxsize=65_536)  # a few hosts publish most reports
def _registered(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    if any(".".join(labels[place:]) in _NOBODYS for place in range(len(labels))):
        return ""
    found = _suffixes()(host)
    return str(found.top_domain_under_public_suffix or found.fqdn or host)


@cache
def _suffixes() -> Any:  # noqa: ANN401  a library that not everybody installs
    """The list that came with the library: nobody is asked for a newer one."""
    extract = library("tldextract").TLDExtract
    return extract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
