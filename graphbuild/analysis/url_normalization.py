"""Normalize URLs, so that different URLs of one page become equal, and find the page's publisher.

The rules in :data:`URL_RULES` are applied in order, and again until no rule changes the URL.
Normalized URLs are only for comparison. A browser may be unable to open them, for example because
``http`` becomes ``https``.

* The rule ``spelling`` follows RFC 3986, section 6 (case, percent-encoding, dot segments, ports).
  It uses w3lib, which also sorts the query parameters.
* All other rules follow conventions of websites.

URLs are untrusted text. A text is returned unchanged if it is not a valid web URL, if it is
ambiguous (different programs interpret it in different ways), or if it is longer than 8,192
characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from graphbuild._util import require
from graphbuild.seeds.indicators import IDNA_DEVIATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

MAX_URL_LENGTH = 8_192
_MAX_ROUNDS = 300  # limits the time for hostile URLs; ordinary URLs need two or three rounds


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that removes one kind of difference between URLs of one page."""

    name: str  # as in the results of ``graphbuild dedupe``
    description: str  # the differences that the rule removes
    # Returns the changed URL, or the same URL if the rule does not apply. The function may raise
    # ValueError for an invalid URL.
    apply: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class NormalizedUrl:
    """A normalized URL."""

    url: str  # the original text if it cannot be normalized
    # The names of the rules that changed the URL, in the order of URL_RULES.
    rules: tuple[str, ...] = ()


def normalize_url(url: str, *, skipped_rule: str = "") -> NormalizedUrl:
    """Normalize a web URL. An invalid, ambiguous or too long URL is returned unchanged.

    All rules are applied except the rule with the name ``skipped_rule``.
    """
    if not _is_unambiguous(url):
        return NormalizedUrl(url)
    rules = [rule for rule in URL_RULES if rule.name != skipped_rule]
    current, changed = url.strip(), set[str]()
    for _ in range(_MAX_ROUNDS):
        before = current
        for rule in rules:
            try:
                simpler = rule.apply(current)
            except ValueError:  # no host, or an invalid port
                return NormalizedUrl(url)
            if simpler != current:
                changed.add(rule.name)
                current = simpler
        if current == before:
            break
    return NormalizedUrl(current, tuple(rule.name for rule in rules if rule.name in changed))


def publisher_domain(normalized: NormalizedUrl) -> str:
    """Return the publisher of a page: the registered domain or the IP address in its URL.

    If the host is neither in a registered domain nor an IP address, return the whole host. Sites on
    shared hosts such as ``blogspot.com`` are separate publishers, because the public suffix list
    contains these hosts. The library tldextract contains a copy of the list, so nothing is
    downloaded.

    The result is an empty string if the URL does not show the publisher or is not a valid web URL.
    URLs of link shorteners, and archive URLs without the original URL, do not show the publisher.
    """
    if not _is_unambiguous(normalized.url):
        return ""
    try:
        parts = urlsplit(normalized.url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # an invalid URL, to which no rule was applied
        return ""
    return _registered_domain(host) if host.isascii() else ""


def _is_unambiguous(url: str) -> bool:
    """Return whether a text is a web URL that is not too long and that is not ambiguous."""
    stripped = url.strip()
    match = _WEB_URL.match(stripped)
    return (
        match is not None
        and len(url) <= MAX_URL_LENGTH
        and stripped.isprintable()
        and "\\" not in stripped
        and " " not in stripped
        and IDNA_DEVIATIONS.isdisjoint(match["host"])
    )


_WEB_URL = re.compile(r"https?://(?P<host>[^/?#]+)", re.IGNORECASE)


# --- archived and cached copies ------------------------------------------------------------------

# The patterns for copies are tried only if the URL contains one of these words.
_COPY_HINT = re.compile("archive|arquivo|webcache|amp", re.IGNORECASE)
_ANY_HOST = r"https?://(?:[^/?#@]*\.)?"  # scheme and subdomains
_ORIGINAL = r"(?:(?P<scheme>https?):/{1,2})?(?P<rest>[^/?#@]+\.[^/?#@]+.*)"
_ARCHIVE = re.compile(
    rf"""(?:
        {_ANY_HOST}archive\.org(?::\d+)?/web/(?:\d{{1,14}}\*?|\*)?(?:[a-z]{{2}}_)?
        | https?://archive\.(?:today|ph|is|li|vn|md|fo)/(?:\d{{4,14}}|newest|oldest|o/\w{{1,12}})
        | {_ANY_HOST}arquivo\.pt/wayback/\d{{1,14}}(?:[a-z]{{2}}_)?
        | https?://wayback\.archive-it\.org/\w{{1,12}}/\d{{1,14}}(?:[a-z]{{2}}_)?
    )/{_ORIGINAL}""",
    re.IGNORECASE | re.VERBOSE,
)
_WEBCACHE = re.compile(
    r"https?://webcache\.googleusercontent\.com/search\?(?:[^#]*&)?q=cache:(?:[\w-]{12}:)?"
    r"(?:(?P<scheme>https?):/{1,2})?(?P<rest>[^/?#@+&]+\.[^/?#@+&]+[^+&]*).*",
    re.IGNORECASE,
)
_AMP_CACHE = re.compile(
    rf"""{_ANY_HOST}(?:
        cdn\.ampproject\.org/(?:c|v|r|wp/c) | google\.[a-z.]{{2,6}}/amp | bing-amp\.com/c
    )/(?P<secure>s/)?{_ORIGINAL}""",
    re.IGNORECASE | re.VERBOSE,
)


def _find_original(pattern: re.Pattern[str], url: str) -> str:
    """Return the URL of the original page if ``url`` is the URL of a copy, otherwise ``url``.

    ``pattern`` matches URLs of copies. The group ``rest`` is the original URL without the scheme.
    The group ``scheme`` is the original scheme, if the URL contains it. Otherwise, the scheme is
    ``https`` if ``pattern`` has a group ``secure`` that matches, and ``http`` if not.
    """
    match = pattern.fullmatch(url) if _COPY_HINT.search(url) else None
    if match is None:
        return url
    secure = match.groupdict().get("secure")
    scheme = match["scheme"] or ("https" if secure else "http")
    return f"{scheme.lower()}://{match['rest']}"


_AMP_PATH = re.compile(r"(?<=[^/])(?:/+amp/?$|\.amp(?=(?:\.html?)?$))", re.IGNORECASE)
_AMP_PARAMETERS = frozenset({("amp", ""), ("amp", "1"), ("amp", "true"), ("outputtype", "amp")})


def _remove_amp(url: str) -> str:
    if "amp" not in url.lower():
        return url
    original = _find_original(_AMP_CACHE, url)
    if original != url:
        return original
    parts = urlsplit(url)
    host = parts.netloc
    if host.lower().startswith("amp.") and host.count(".") > 1 and parts.path.strip("/"):
        host = host[len("amp.") :]
    kept = _drop_parameters(parts, lambda name, value: (name, value) in _AMP_PARAMETERS)
    return _url_from_parts(url, kept._replace(netloc=host, path=_AMP_PATH.sub("", parts.path)))


# --- spelling, host, path and query --------------------------------------------------------------

# Matches URLs that are certainly canonical: the host is in lower case, and there is no
# percent-encoding, dot segment, port or query. w3lib is slow, and is not used for these URLs.
_CANONICAL = re.compile(
    r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)+/(?:[\w~-][\w.~-]*/)*(?:[\w~-][\w.~-]*)?", re.ASCII
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _canonicalize(url: str) -> str:
    if _CANONICAL.fullmatch(url):
        return url
    canonicalize_url = require("w3lib.url", extra="analysis").canonicalize_url
    parts = urlsplit(canonicalize_url(url, keep_fragments=True))
    user, at, host = parts.netloc.rpartition("@")
    if parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme):
        host = host.rpartition(":")[0]
    canonical: str = urlunsplit(parts._replace(netloc=f"{user}{at}{host.removesuffix('.')}"))
    return canonical


_HTTP = re.compile("^http:", re.IGNORECASE)
_WWW = re.compile(r"^(https?://)(?:www\.)+(?=[^/?#.]+\.[^/?#])", re.IGNORECASE)
_TWITTER = re.compile(r"^(https?://)(?:mobile\.)?twitter\.com(?=[/?#]|$)", re.IGNORECASE)
_INDEX_FILES = frozenset({"index.html", "index.htm", "index.php"})


def _trim_path(url: str) -> str:
    parts = urlsplit(url)
    folder, _, last = parts.path.rpartition("/")
    path = folder if last.lower() in _INDEX_FILES else parts.path
    return _url_from_parts(url, parts._replace(path=path.rstrip("/") or "/"))


def _remove_fragment(url: str) -> str:
    # A fragment that starts with "!" or "/" identifies a page of a single-page application.
    bare, _, fragment = url.partition("#")
    return url if fragment.startswith(("!", "/")) else bare


# Names of parameters that analytics, advertising and newsletter services document as their own.
_TRACKING = re.compile(
    r"(?:utm|pk|mtm|matomo|piwik|hsa)_.*|gclid|gclsrc|gbraid|wbraid|dclid|fbclid|msclkid|yclid"
    r"|twclid|ttclid|li_fat_id|igshid|igsh|mibextid|mc_cid|mc_eid|mkt_tok|_hsenc|_hsmi|__hssc"
    r"|__hstc|__hsfp|hsctatracking|hss_channel|vero_id|vero_conv|oly_enc_id|oly_anon_id|wickedid"
    r"|s_cid|sc_cid|ncid|cmpid|ocid|trk|trkcampaign|trkinfo|wt\.mc_id|wt_mc|_ga|_gl|_openstat"
    r"|guccounter|guce_referrer|guce_referrer_sig|__twitter_impression|sr_share",
    re.DOTALL,
)


def _remove_tracking(url: str) -> str:
    if "?" not in url:
        return url
    kept = _drop_parameters(urlsplit(url), lambda name, _: bool(_TRACKING.fullmatch(name)))
    return _url_from_parts(url, kept)


def _drop_parameters(parts: SplitResult, is_dropped: Callable[[str, str], bool]) -> SplitResult:
    """Return the parts of a URL without some query parameters.

    The text of the remaining parameters does not change. ``is_dropped`` receives the name and the
    value of a parameter, both in lower case, and returns whether to remove the parameter.
    """
    if not parts.query:
        return parts
    kept = []
    for parameter in parts.query.split("&"):
        # Parameters are split before parsing, so that the original text of each one is known.
        (name, value), *_ = parse_qsl(parameter, keep_blank_values=True) or [("", "")]
        if not is_dropped(name.lower(), value.lower()):
            kept.append(parameter)
    return parts._replace(query="&".join(kept))


def _url_from_parts(url: str, parts: SplitResult) -> str:
    """Return the URL with these parts, or ``url`` itself if it has exactly these parts.

    From unchanged parts, ``urlunsplit`` could build a different spelling of ``url``.
    """
    return url if parts == urlsplit(url) else urlunsplit(parts)


URL_RULES = (
    Rule("archive", "a copy in a web archive and the original", partial(_find_original, _ARCHIVE)),
    Rule("cache", "a copy in Google's cache and the original", partial(_find_original, _WEBCACHE)),
    Rule("spelling", "case, escapes, dots, ports, order of parameters (RFC 3986)", _canonicalize),
    Rule("amp", "the AMP version of a page and the page", _remove_amp),
    Rule("scheme", "http and https", partial(_HTTP.sub, "https:")),
    Rule("www", "a host with and without www", partial(_WWW.sub, r"\1")),
    Rule("renamed_host", "twitter.com and x.com", partial(_TWITTER.sub, r"\1x.com")),
    Rule("trailing_slash", "a path with and without a final / or index.html", _trim_path),
    Rule("tracking", "a URL with and without tracking parameters", _remove_tracking),
    Rule("fragment", "different positions in one page", _remove_fragment),
)


# --- publishers ----------------------------------------------------------------------------------

# Matches hosts of archives, caches and link shorteners, whose URLs do not show the publisher.
_NOT_PUBLISHER = re.compile(
    r"(?:.*\.)?(?:archive\.(?:today|ph|is|li|vn|md|fo|org)|archive-it\.org|arquivo\.pt|perma\.cc"
    r"|googleusercontent\.com|ampproject\.org|bing-amp\.com|bit\.ly|t\.co|goo\.gl|tinyurl\.com"
    r"|ow\.ly|buff\.ly|is\.gd|lnkd\.in|dlvr\.it|cutt\.ly|rebrand\.ly)"
)


@lru_cache(maxsize=65_536)  # most references are on a few hosts
def _registered_domain(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    if _NOT_PUBLISHER.fullmatch(host):
        return ""
    found = _suffix_extractor()(host)
    return str(found.top_domain_under_public_suffix or found.fqdn or host)


@cache
def _suffix_extractor() -> Any:  # noqa: ANN401  a class of an optional library
    """Return an extractor that uses the suffix list in tldextract, and never downloads one."""
    extract = require("tldextract", extra="analysis").TLDExtract
    return extract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
