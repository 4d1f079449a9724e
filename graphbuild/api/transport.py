"""Send HTTP requests with a deadline and a maximum size of the response.

Requests are sent only to URLs below the base URL, and redirects are never followed.
:mod:`graphbuild.api.connection` enforces the deadline, because the ``timeout`` of ``requests``
limits each read but not the whole request.
"""

from __future__ import annotations

import http.client
import zlib
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from graphbuild.api.base_url import check_base_url, is_loopback
from graphbuild.api.connection import DeadlineAdapter, RequestState
from graphbuild.api.tool_name import DEFAULT_TOOL, check_tool_name
from graphbuild.errors import BaseUrlError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests.adapters import BaseAdapter

    from graphbuild.api.auth import ApiKey

MAX_BYTES = 32 * 1024 * 1024  # of the body of a response, by default
_MAX_ERROR_BYTES = 64 * 1024  # of the body of an error response, which has a code and a message
_CONNECT_TIMEOUT = 10.0  # seconds, for each address of the host
_CHUNK = 64 * 1024  # bytes
_GZIP = 16 + zlib.MAX_WBITS  # makes zlib expect the gzip format
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Connection": "keep-alive",
    # The service compresses a response only if the user agent contains "gzip".
    "User-Agent": "graphbuild (gzip)",
}
# Exceptions of ``requests`` (which are OSErrors) and of the libraries that ``requests`` uses. Some
# passwords of proxies cause a UnicodeError.
_FAILURES = (OSError, HTTPError, http.client.HTTPException, UnicodeError)


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response with its decompressed body."""

    status: int
    headers: Mapping[str, str]  # names are case-insensitive
    body: bytes  # empty if ``body_error`` is not empty
    body_error: str = ""  # the reason why the body is unusable
    compressed_body: bytes = b""  # the gzip stream as received; empty if the body was uncompressed


class Transport:
    """Sends GET requests to URLs below one base URL, one request at a time.

    ``adapter`` replaces the network in tests. Without an adapter, a request fails if its response
    is not complete after ``deadline`` seconds; while it connects, it can fail later. ``max_bytes``
    limits the body of a response, both compressed and decompressed. ``tool`` is the value of the
    header ``x-tool``.

    Raises:
        AuthenticationError: The key has a wrong length, and the base URL is not on this machine.
        ToolNameError: ``tool`` is invalid.
        ValueError: The base URL is invalid.
    """

    def __init__(  # noqa: PLR0913  all but the first two have names
        self,
        key: ApiKey,
        base_url: str,
        *,
        adapter: BaseAdapter | None,
        deadline: float,
        max_bytes: int,
        tool: str = DEFAULT_TOOL,
    ) -> None:
        self.base_url = check_base_url(base_url)
        self._host = urlsplit(self.base_url).netloc
        self._is_local = is_loopback(urlsplit(self.base_url).hostname or "")
        if not self._is_local:
            key.check_length()
        self._key = key
        self._headers = {**_HEADERS, "x-tool": check_tool_name(tool)}
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._state = RequestState(key)
        self._adapter = adapter or DeadlineAdapter(self._state)

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def get(self, path: str, query: Mapping[str, str]) -> Response:
        """Send a request for a path below the base URL and read the response.

        Raises:
            BaseUrlError: The URL is not below the base URL. Nothing was sent.
            TransientError: There was no complete response. The attribute ``sent`` of the exception
                is False if the request was not sent.
        """
        # Other adapters do not report whether a request was sent, so it is assumed to be sent.
        sent = not isinstance(self._adapter, DeadlineAdapter)
        self._state.start(self._deadline, sent=sent)
        try:
            return self._get(path, query)
        except _FAILURES as error:
            failure = self._failure(error)
        # This is outside the except block, because the __context__ of the exception could otherwise
        # contain the key.
        raise failure

    def _get(self, path: str, query: Mapping[str, str]) -> Response:
        response = self._adapter.send(
            self._prepare(path, query),
            stream=True,
            timeout=(min(_CONNECT_TIMEOUT, self._deadline), self._deadline),
            **self._environment,
        )
        with response:
            body = self._read_body(response)
        if body.error:
            self._adapter.close()  # the connection may still deliver the rest of the body
        return Response(response.status_code, response.headers, *body)

    def _prepare(self, path: str, query: Mapping[str, str]) -> requests.PreparedRequest:
        url = self.base_url + path
        request = requests.Request("GET", url, self._headers, params=query).prepare()
        if not (request.url or "").startswith(self.base_url + "/"):
            message = "the URL of the request is not below --base-url; nothing was sent"
            raise BaseUrlError(message, sent=False)
        if not isinstance(self._adapter, DeadlineAdapter):  # a DeadlineAdapter adds the key itself
            request.headers["x-apikey"] = self._key.reveal()
        return request

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """The proxies and the CA bundle that environment variables set for ``requests``."""
        with requests.Session() as session:
            found = session.merge_environment_settings(self.base_url, {}, None, None, None)
        # Requests to the loopback interface never go through a proxy.
        proxies = {} if self._is_local else found["proxies"]
        return {"verify": found["verify"], "proxies": proxies}

    def _read_body(self, response: requests.Response) -> _Body:
        chunks = response.raw.stream(_CHUNK, decode_content=False)
        if response.status_code == HTTPStatus.OK:
            return _decompress(chunks, response.headers, self._max_bytes)
        if 300 <= response.status_code < 400:  # noqa: PLR2004  the class of redirects
            return _Body(b"", "the body of a redirect is not read")
        try:
            limit = min(_MAX_ERROR_BYTES, self._max_bytes)
            return _decompress(chunks, response.headers, limit)
        except _FAILURES:
            # The body is incomplete, but the status of the response is known and is reported.
            return _Body(b"", "cut short")

    def _failure(self, error: Exception) -> TransientError:
        state = self._state
        if state.is_late:
            message = f"no complete response from {self._host} within {self._deadline:g} s"
            return TransientError(message, code="Deadline", sent=state.sent)
        if state.sent:
            message = f"the connection to {self._host} broke off ({type(error).__name__})"
            return TransientError(message, code="Broken")
        code, message = "Unreachable", f"cannot reach {self._host}"
        if isinstance(error, requests.exceptions.ProxyError):
            message = f"the proxy that this machine uses does not connect to {self._host}"
        elif isinstance(error, requests.exceptions.SSLError) or type(error) is OSError:
            # requests raises a plain OSError if the CA bundle does not exist.
            code = "NotTrusted"
            message = (
                f"no trusted connection to {self._host}: its certificate was not accepted; "
                "set REQUESTS_CA_BUNDLE to the bundle of your certificate authority"
            )
        return TransientError(message, code=code, sent=False)


# --- the body ------------------------------------------------------------------------------------


class _Body(NamedTuple):
    """The body of a response: the last three fields of :class:`Response`."""

    content: bytes
    error: str = ""
    compressed: bytes = b""


def _decompress(chunks: Iterator[bytes], headers: Mapping[str, str], limit: int) -> _Body:
    """Join and decompress the chunks of a body; return the body, or why it is unusable.

    ``limit`` is the maximum number of bytes, before and after decompression.
    """
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return _join(chunks, limit)
    if encoding != "gzip":
        return _Body(b"", f"unexpected Content-Encoding {encoding[:20]!a} (gzip was requested)")
    received = _join(chunks, limit)
    return received if received.error else _gunzip(received.content, limit)


def _join(chunks: Iterator[bytes], limit: int) -> _Body:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            return _Body(b"", f"larger than {limit} bytes")
    return _Body(bytes(body))


def _gunzip(compressed: bytes, limit: int) -> _Body:
    """Decompress a body that must be exactly one complete gzip member.

    urllib3 would accept a truncated gzip stream if its length matches the Content-Length header.
    """
    decompressor = zlib.decompressobj(_GZIP)
    try:
        body = decompressor.decompress(compressed, limit + 1)
    except zlib.error:
        return _Body(b"", "its Content-Encoding is gzip, but it is not valid gzip data")
    if len(body) > limit or decompressor.unconsumed_tail:
        return _Body(b"", f"larger than {limit} bytes")
    if decompressor.unused_data:
        return _Body(b"", "bytes after the end of the gzip stream")
    if not decompressor.eof:
        return _Body(b"", "the gzip stream is truncated")
    return _Body(body, "", compressed)
