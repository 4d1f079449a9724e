"""Normalize URLs, so that different URLs of one page become equal, and find a page's publisher.

Named rules are applied in order. This is repeated until no rule changes the URL. The normalized URL
is only for comparison and may not work in a browser; for example, ``http`` becomes ``https``.

* The rule ``spelling`` follows RFC 3986, section 6 (case, percent-encoding, dot segments, ports).
  It uses w3lib, which also sorts the parameters.
* The other rules are conventions of websites; :data:`URL_RULES` describes each.

URLs are untrusted text. No rule is applied if the text is not a web URL, if programs may interpret
the URL differently, or if it is longer than 8,192 characters.
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
_MAX_ROUNDS = 300  # limits the time for hostile URLs; others need two or three


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that makes URLs of one page equal.

    Attributes:
        description: The differences between URLs that the rule removes.
        apply: The function that returns the changed URL, or the same URL if the rule does not
            concern it; raises ``ValueError`` for an invalid URL.
    """

    name: str
    description: str
    apply: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class NormalizedUrl:
    """A normalized URL.

    Attributes:
        url: The normalized URL, or the original text if it cannot be normalized.
        rules: The names of the rules that changed it, in the order of ``URL_RULES``.
    """

    url: str
    rules: tuple[str, ...] = ()


def normalize_url(url: str, *, skipped_rule: str = "") -> NormalizedUrl:
    """Normalize a URL for comparison; ``skipped_rule`` is the name of a rule not to apply.

    Raises:
        MissingLibraryError: w3lib is not installed.
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
    """Return the publisher of a page: the registered domain or the IP address of its host.

    Sites on shared hosts such as ``blogspot.com`` count as separate publishers. They are recognized
    by the public suffix list that tldextract contains; no list is downloaded. The result is empty
    if the URL does not show the publisher. Examples are URLs of link shorteners, and URLs of
    archives without the original URL.

    Raises:
        MissingLibraryError: Tldextract is not installed.
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
    """Return whether a text is a web URL, not too long, that all programs interpret alike."""
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

# Most URLs do not contain any of these words, and are skipped.
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
    """Return the URL of the original if ``url`` is that of a copy, otherwise ``url``.

    The group ``rest`` is the original URL after its scheme. The groups ``scheme`` and ``secure``
    (https) are optional.
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


# --- one URL -------------------------------------------------------------------------------------

# URLs that are already canonical: the host is in lower case, and there is no percent-encoding, dot
# segment, port or query. They are not passed to w3lib, which is slow.
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
    # Single-page applications identify the page by a fragment that starts with "!" or "/".
    bare, _, fragment = url.partition("#")
    return url if fragment.startswith(("!", "/")) else bare


# Parameters documented by analytics, advertising and newsletter services.
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
    """Remove the parameters for which ``is_dropped`` is true; the others stay exactly as written.

    ``is_dropped`` is a function of the name and the value of a parameter, both in lower case.
    """
    if not parts.query:
        return parts
    kept = []
    for parameter in parts.query.split("&"):
        # Parsed one at a time, so that the text of each parameter is known.
        (name, value), *_ = parse_qsl(parameter, keep_blank_values=True) or [("", "")]
        if not is_dropped(name.lower(), value.lower()):
            kept.append(parameter)
    return parts._replace(query="&".join(kept))


def _url_from_parts(url: str, parts: SplitResult) -> str:
    """Return the URL with these parts, or ``url`` itself if it has them.

    ``urlunsplit`` could change the spelling of ``url``.
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
    Rule("tracking", "with and without tracking parameters", _remove_tracking),
    Rule("fragment", "different positions in one page", _remove_fragment),
)


# --- publishers ----------------------------------------------------------------------------------

# Domains of archives and link shorteners, whose URLs do not show who published the page.
_NOT_PUBLISHER = re.compile(
    r"(?:.*\.)?(?:archive\.(?:today|ph|is|li|vn|md|fo|org)|archive-it\.org|arquivo\.pt|perma\.cc"
    r"|googleusercontent\.com|ampproject\.org|bing-amp\.com|bit\.ly|t\.co|goo\.gl|tinyurl\.com"
    r"|ow\.ly|buff\.ly|is\.gd|lnkd\.in|dlvr\.it|cutt\.ly|rebrand\.ly)"
)


@lru_cache(maxsize=65_536)  # most references are from few hosts
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
    """Return an extractor that uses the suffix list in tldextract and downloads nothing."""
    extract = require("tldextract", extra="analysis").TLDExtract
    return extract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
