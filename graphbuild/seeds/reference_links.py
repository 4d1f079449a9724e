"""Recognize URLs in text that are links to information, not indicators.

Such a URL can be the target of a link whose text is an indicator, for example the page of another
service about a hash: ``[<hash>](https://portal.example/<hash>)``. Or it is in the option
``reference`` of a Snort or Suricata rule.
"""

from __future__ import annotations

import re

from graphbuild.seeds.refanging import refang

_RULE_REFERENCE = re.compile(r"\breference\s?:\s?url\s?,\s?[\"']?(?:https?://)?$", re.IGNORECASE)
_MARKDOWN_TARGET = re.compile(r"[`*_]{0,3}\]\(<?$")  # between the text and the target of a link
_HTML_TEXT = re.compile(
    r"""["'][^<>]{0,150}>(?:\s|<\w{1,6}>){0,3}(?P<text>[^<>\s]{4,200})(?:\s|</\w{1,6}>){0,3}</a>""",
    re.IGNORECASE,
)
_HOST = re.compile(r"\w{1,10}://[^/?#]*")


def is_rule_reference(before: str) -> bool:
    """Return whether ``before``, the text before a URL or host, ends in ``reference:url,``."""
    return _RULE_REFERENCE.search(before) is not None


def is_link_to_page_about(url: str, before: str, after: str, previous: str) -> bool:
    """Return whether a URL is the target of a link, and the link's text occurs in the URL's path.

    Args:
        url: The URL.
        before: The text between the previous indicator and the URL.
        after: The text after the URL.
        previous: The previous indicator. If the URL is the target of a Markdown link, this is the
            text of the link.
    """
    if _MARKDOWN_TARGET.fullmatch(before):
        text = previous
    elif html := _HTML_TEXT.match(after):
        text = html["text"]
    else:
        return False
    host = _HOST.match(url)
    path = url[host.end() :] if host else ""
    return bool(text) and refang(text).lower() in path.lower()
