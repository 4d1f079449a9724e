"""Validation of the API's base URL."""

from __future__ import annotations

import ipaddress
import re

# Stricter than RFC 3986, to exclude URLs that different parsers could interpret differently.
_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\]"
_BASE_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST})(:(?P<port>[0-9]{{1,5}}))?(?P<path>(/[\w.~-]+)*)/*",
    re.ASCII | re.IGNORECASE,
)


def check_base_url(text: str) -> str:
    """Return the base URL in normal form, without a trailing slash.

    Scheme and host are converted to lower case. A URL without a path gets the path ``/api/v3``.

    Raises:
        ValueError: The text is not an http or https URL, it has parts other than host, port and
            path, or it is an http URL of another machine. The message does not contain the text,
            which may include a password.
    """
    found = _BASE_URL.fullmatch(text)
    if not found or not _is_valid(found):
        raise ValueError("invalid base URL: expected https://host[:port][/path] and nothing more")
    scheme, host = found["scheme"].lower(), found["host"].lower()
    if scheme != "https" and not is_loopback(host.strip("[]")):
        raise ValueError("http would send the key unencrypted; it is allowed only for this machine")
    port = f":{int(found['port'])}" if found["port"] else ""
    return f"{scheme}://{host}{port}{found['path'] or '/api/v3'}"


def _is_valid(found: re.Match[str]) -> bool:
    if found["host"].startswith("["):
        try:
            ipaddress.IPv6Address(found["host"].strip("[]"))
        except ValueError:
            return False
    has_dots = not {".", ".."}.isdisjoint(found["path"].split("/"))
    return not has_dots and 0 < int(found["port"] or 1) < 2**16


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is ``localhost`` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
