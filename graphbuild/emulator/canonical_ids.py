"""Canonical ids: map the id in a request to the id under which the API stores the object."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re


def canonical_id(object_type: str, identifier: str) -> str:
    """Return the canonical id of an object, or an empty string if `identifier` is invalid.

    The API documentation does not define the rules for domains and IPv6 addresses. Here any
    case and any notation is accepted.
    """
    match object_type:
        case "domain":
            return identifier.lower()
        case "ip_address":
            return _canonical_ip_address(identifier)
        case "url" | "reference":
            return _canonical_url_id(identifier)
    return identifier


def _canonical_url_id(identifier: str) -> str:
    """Accept a SHA-256 in any case, or the URL in base64 without padding."""
    if re.fullmatch("[0-9a-fA-F]{64}", identifier):
        return identifier.lower()
    if "=" in identifier:
        return ""
    padding = "=" * (-len(identifier) % 4)
    try:
        url = base64.b64decode(identifier + padding, altchars=b"-_", validate=True)
    except ValueError:
        return ""
    return hashlib.sha256(url).hexdigest()


def _canonical_ip_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
