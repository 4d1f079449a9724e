"""Recognize links to pages of VirusTotal's website and API about one object."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from graphbuild.models import DOMAIN, FILE, IP_ADDRESS, URL

# Current links (/gui/), the former website (/#/ and /en/) and the API (/api/v3/, /ui/).
_LINK = re.compile(
    r"https?://(?:www\.)?virustotal\.com/(gui/|\#/|[a-z]{2}(?:-[a-z]{2})?/|api/v3/|ui/)?"
    r"(?:(files?|domains?|ip[-_]address(?:es)?|urls?|search)/([^/?#]+))?",
    re.IGNORECASE,
)
_WEBSITE = "gui/"
# First letter of the kind of page in a link -> type of the object.
_TYPES = {"f": FILE, "d": DOMAIN, "i": IP_ADDRESS, "u": URL}


class LinkedObject(NamedTuple):
    """The object that a page of VirusTotal describes."""

    type: str  # an object type of the API, or empty for the results of a search
    id: str  # the text in the link, without percent-encoding


def find_linked_object(url: str) -> LinkedObject | None:
    """Return the object that a link to VirusTotal means; return None for other URLs.

    Raises:
        ValueError: The link leads to another page of the current website (``/gui/``).
    """
    link = _LINK.match(url)
    if link is None:
        return None
    section, kind, object_id = link.groups()
    if kind:
        return LinkedObject(_TYPES.get(kind[0].lower(), ""), unquote(object_id))
    if section and section.lower() == _WEBSITE:
        raise ValueError("is a link to a page of VirusTotal that does not describe an indicator")
    return None
