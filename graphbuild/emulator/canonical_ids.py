"""Ways to name one thing in an address, brought to the one the service keeps."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def canonical_url_id(name: str) -> str:
    """Return the SHA-256 of a url from itself, in any case, or from unpadded base64 of the url.

    Anything else is "", the id of nothing: the documentation has 404 for "makesnosenseatall".
    """
    if re.fullmatch("[0-9a-fA-F]{64}", name):
        return name.lower()
    if "=" in name:
        return ""
    try:
        url = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return ""
    return hashlib.sha256(url).hexdigest()


def canonical_address(text: str) -> str:
    """Return an address in its one short spelling, "" when it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


# How the id of a type is found from what stands in the address. The rules for domains and
# for IPv6 are not documented; here any case and any spelling will do.
SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "domain": str.lower,
    "ip_address": canonical_address,
    "url": canonical_url_id,
    "reference": canonical_url_id,
    "collection": str,
}
