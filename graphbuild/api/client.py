"""Client of the VirusTotal API v3 with retries, a rate limit and a record of each call.

Request URLs are built from the base URL and validated values; URLs in responses are never
requested. A :class:`CallRecorder` can record each request for a page before it is sent.
"""

from __future__ import annotations

import copy
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from graphbuild.api.auth import ApiKey, find_api_key
from graphbuild.api.call_recorder import CallRecorder
from graphbuild.api.descriptions import REQUESTED_ATTRIBUTES
from graphbuild.api.endpoints import API_FLAVORS, AUTO, CLASSIC, GTI, endpoint_path
from graphbuild.api.json_decoding import decode_json
from graphbuild.api.quotas import is_user_name, parse_tightest_quotas
from graphbuild.api.rate_limit import Clock, RateLimiter
from graphbuild.api.responses import PageRequest, PageResponse, error_code, parse_response
from graphbuild.api.retry import RetryPolicy, pause_after, quota_exhausted
from graphbuild.api.tool_name import find_tool_name
from graphbuild.api.transport import MAX_BYTES, Transport
from graphbuild.errors import (
    ApiError,
    BaseUrlError,
    CrawlPaused,
    NotFoundError,
    PayloadError,
    RateLimitError,
    TransientError,
)
from graphbuild.models import DESCRIPTION, FILE, RELATED_REFERENCES, Entity

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests.adapters import BaseAdapter

    from graphbuild.api.quotas import Quota
    from graphbuild.api.transport import Response

    _Fetch = Callable[[PageRequest, str], PageResponse]

BASE_URL = "https://www.virustotal.com/api/v3"
LIMIT = 40  # entries per page: the API's maximum for relationships
# The EICAR test file, which the service knows.
KNOWN_FILE = Entity(FILE, "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f")
# HTTP statuses with which the service refuses a relationship that it does not know.
UNKNOWN_RELATIONSHIP_STATUSES = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})


class Client:
    """Sends requests to the API, one at a time. Use one :meth:`clone` per thread.

    Args:
        key: The API key.
        base_url: URL of the API; plain http is accepted only for this machine.
        rate_limiter: Limits the requests per minute. By default, requests are not limited, and
            waits occur only before retries and after HTTP 429.
        clock: Used for times and waits. Tests replace it.
        adapter: The HTTP adapter of ``requests``. Tests replace it.
        deadline: Maximum duration in seconds of a request with its response, without ``adapter``.
            The timeouts of several addresses of a host can exceed it.
        max_bytes: Maximum bytes of a response body, both compressed and decompressed.
        api_flavor: ``classic``, ``gti``, or ``auto`` to detect the flavor from the first responses.
        tool: The value of the header ``x-tool``, 1 to 100 printable ASCII characters. By default,
            the value of ``GRAPHBUILD_TOOL`` or, if that is not set, ``graphbuild``.

    Raises:
        AuthenticationError: The key is malformed, or its length is wrong. The length is not checked
            if the base URL is on this machine.
        ToolNameError: The tool name is invalid.
        ValueError: The base URL or the API flavor is invalid.
    """

    def __init__(  # noqa: PLR0913  all but the first have defaults
        self,
        key: ApiKey | str,
        *,
        base_url: str = BASE_URL,
        rate_limiter: RateLimiter | None = None,
        clock: Clock | None = None,
        adapter: BaseAdapter | None = None,
        deadline: float = 60.0,
        max_bytes: int = MAX_BYTES,
        api_flavor: str = AUTO,
        tool: str | None = None,
    ) -> None:
        if api_flavor not in API_FLAVORS:
            expected = ", ".join(API_FLAVORS)
            raise ValueError(f"unknown API flavor {api_flavor!r}; expected one of {expected}")
        self._key = ApiKey(key) if isinstance(key, str) else key
        self.api_flavor = api_flavor
        self.clock = clock or Clock()
        self.rate_limiter = rate_limiter or RateLimiter()
        self._connect = partial(
            Transport,
            self._key,
            base_url,
            adapter=adapter,
            deadline=deadline,
            max_bytes=max_bytes,
            tool=find_tool_name() if tool is None else tool,
        )
        self._transport = self._connect()

    @classmethod
    def from_env(
        cls,
        *,
        base_url: str = BASE_URL,
        rate_limiter: RateLimiter | None = None,
        clock: Clock | None = None,
        api_flavor: str = AUTO,
        tool: str | None = None,
    ) -> Client:
        """Return a client with the key from ``VT_APIKEY`` or ``~/.vt.toml``.

        The arguments are those of :class:`Client`.

        Raises:
            AuthenticationError: There is no valid key; see :func:`find_api_key`.
            ToolNameError: The tool name is invalid.
            ValueError: The base URL or the API flavor is invalid.
        """
        return cls(
            find_api_key(),
            base_url=base_url,
            rate_limiter=rate_limiter,
            clock=clock,
            api_flavor=api_flavor,
            tool=tool,
        )

    def clone(self) -> Client:
        """Return a client with its own connection and the same rate limiter and clock."""
        other = copy.copy(self)
        other._transport = self._connect()  # noqa: SLF001  of the same class
        return other

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def related_references(
        self,
        subject: Entity,
        *,
        cursor: str | None = None,
        recorder: CallRecorder | None = None,
        retry_on_429: bool = True,
    ) -> PageResponse:
        """Fetch one page of ``related_references``; see :meth:`fetch_page`."""
        return self.fetch_page(
            subject, RELATED_REFERENCES, cursor=cursor, recorder=recorder, retry_on_429=retry_on_429
        )

    def fetch_page(
        self,
        subject: Entity,
        relationship: str,
        *,
        cursor: str | None = None,
        recorder: CallRecorder | None = None,
        retry_on_429: bool = True,
    ) -> PageResponse:
        """Fetch one page of a relationship of ``subject``.

        Temporary failures are retried; see :mod:`graphbuild.api.retry`.

        With the API flavor ``auto``, the first request uses the flavor ``classic``. If the API
        refuses this request with HTTP 400 or 404, up to two more requests determine the flavor.
        After any other error, the flavor remains ``auto``. It also remains ``auto`` after a request
        for a description, because such a request is the same in both flavors.

        Args:
            subject: The entity whose relationship is requested.
            relationship: The classic name of a relationship, such as ``related_references``; or
                ``description`` for the object itself with its attributes.
            cursor: ``next_cursor`` of the previous page; None for the first page.
            recorder: Records each attempt as a call, and can prevent it.
            retry_on_429: Whether to wait and retry after HTTP 429. If False, HTTP 429 is regarded
                as a spent quota.

        Raises:
            ApiError: The request failed; the subclass depends on the cause.
            PayloadError: The response is JSON, but not a page of this relationship.
            QuotaExhaustedError: The service responded with HTTP 429, and the quota is probably
                spent: see :meth:`graphbuild.api.retry.RetryPolicy.is_quota_spent`.
            CrawlPaused: The recorder prevented the call, or the clock was stopped.
            ValueError: ``subject`` has an invalid id, or a type without this relationship.
        """
        request = PageRequest(subject, relationship, cursor)
        fetch = partial(self._fetch, recorder or CallRecorder(), retry_on_429=retry_on_429)
        if self.api_flavor != AUTO:
            return fetch(request, self.api_flavor)
        if relationship == DESCRIPTION:
            return fetch(request, CLASSIC)
        try:
            response = fetch(request, CLASSIC)
        except ApiError as error:
            is_decided = error.status not in UNKNOWN_RELATIONSHIP_STATUSES
            if is_decided or isinstance(error, TransientError | BaseUrlError):
                raise
            refusal = error
        else:
            self.api_flavor = CLASSIC
            return response
        return self._detect_flavor(fetch, request, refusal)

    def _detect_flavor(
        self, fetch: _Fetch, request: PageRequest, refusal: ApiError
    ) -> PageResponse:
        """Determine the API flavor; return the page or raise the error of a request in that flavor.

        ``refusal`` is the error of the request in the flavor ``classic``. The service refuses
        unknown subjects and unknown relationships alike, so the error does not prove the flavor.
        The same request in the flavor ``gti`` may prove the flavor. Otherwise, a request for a
        well-known file proves it.
        """
        gti: PageResponse | ApiError | None = None
        if not (isinstance(refusal, NotFoundError) and refusal.names_subject):
            gti = _fetch_gti(fetch, request)
        if gti is None or (isinstance(gti, ApiError) and gti.status == refusal.status):
            known = _fetch_gti(fetch, PageRequest(KNOWN_FILE, RELATED_REFERENCES))
            is_gti = not isinstance(known, ApiError)
        else:
            is_gti = isinstance(gti, PageResponse | NotFoundError)
        self.api_flavor = GTI if is_gti else CLASSIC
        if not is_gti:
            raise refusal
        if gti is None:
            return fetch(request, GTI)
        if isinstance(gti, ApiError):
            raise gti
        return gti

    def check_access(self, *, recorder: CallRecorder | None = None) -> None:
        """Request the references of a well-known file, to check whether the key may read them.

        The request is not retried. With the API flavor ``auto``, the request uses the flavor
        ``classic``, and the flavor of the client remains ``auto``.

        Args:
            recorder: Records the call, and can prevent it.

        Raises:
            ForbiddenError: The key may not read the references.
            ApiError: The request failed for another reason.
            PayloadError: The response is JSON, but not a page.
            CrawlPaused: The recorder prevented the call, or the clock was stopped.
        """
        api_flavor = CLASSIC if self.api_flavor == AUTO else self.api_flavor
        request = PageRequest(KNOWN_FILE, RELATED_REFERENCES)
        self._attempt(request, api_flavor, recorder or CallRecorder())

    def quotas(self, user: str) -> tuple[Quota, ...]:
        """Fetch the quotas of the user with the name ``user``.

        The service does not count this request. It is not recorded, rate-limited or retried.

        Raises:
            ApiError: The service refused the request, or could not be reached.
            PayloadError: The response contains no valid quotas.
            ValueError: ``user`` is not a user name, or it contains the key. The key must not become
                part of a URL, because proxies may log URLs.
        """
        if not is_user_name(user) or self._key.is_in(user):
            raise ValueError("invalid user name; expected up to 63 letters, digits and _ . @ + -")
        response = self._transport.get(f"/users/{quote(user, safe='')}/overall_quotas", {})
        self._transport.close()  # this response does not name its request; see _exchange
        if response.status != HTTPStatus.OK or response.body_error:
            reason = error_code(response.body) or f"HTTP {response.status}"
            message = f"the service does not report the quotas ({reason})"
            raise ApiError(message, status=response.status, code=reason)
        return parse_tightest_quotas(decode_json(response.body))

    def _fetch(
        self, recorder: CallRecorder, request: PageRequest, api_flavor: str, *, retry_on_429: bool
    ) -> PageResponse:
        retries = RetryPolicy(retry_on_429=retry_on_429)
        while True:
            try:
                return self._attempt(request, api_flavor, recorder)
            except TransientError as error:
                failure = error
            if isinstance(failure, RateLimitError) and retries.is_quota_spent(failure):
                raise quota_exhausted(failure, self.clock.now())
            wait = retries.next_wait(failure)
            if wait is None:
                break
            self._sleep(wait)
        if isinstance(failure, RateLimitError):
            self._sleep(pause_after(failure))  # no request may be sent during the pause
        raise failure

    def _attempt(
        self, request: PageRequest, api_flavor: str, recorder: CallRecorder
    ) -> PageResponse:
        path = endpoint_path(request.subject, request.relationship, api_flavor)
        call = self._begin_call(request, recorder)
        try:
            result = self._exchange(request, path)
        except ApiError as error:
            error.api_flavor = api_flavor
            if isinstance(error, RateLimitError) and (pause := pause_after(error)):
                self.rate_limiter.pause_until(self.clock.monotonic() + pause)
            note = error.code or str(error)
            recorder.end_call(call, status=error.status, note=note, sent=error.sent)
            raise
        except PayloadError as error:
            recorder.end_call(call, status=200, note=str(error), sent=True)
            raise
        recorder.end_call(call, status=200, note="", sent=True)
        return result

    def _begin_call(self, request: PageRequest, recorder: CallRecorder) -> int:
        """Wait for the rate limit, then record a call and return the id of the record."""
        while (seconds := self.rate_limiter.acquire(self.clock.monotonic())) > 0:
            recorder.check()  # do not wait for a call that is not allowed
            self._sleep(seconds)
        try:
            return recorder.begin_call(request.subject, request.relationship)
        except BaseException:
            self.rate_limiter.release()
            raise

    def _exchange(self, request: PageRequest, path: str) -> PageResponse:
        """Send a request and parse the response.

        The connection is closed unless the response names its subject. A response that does not may
        belong to an earlier request. The response to this request could then follow on the same
        connection, and would be attributed to the next request.
        """
        result = None
        try:
            response = self._send(path, _query(request))
            address = self._transport.base_url
            result = parse_response(response, request, address, self.clock.now())
        finally:
            if result is None or not result.names_subject:
                self._transport.close()
        return result

    def _send(self, path: str, query: dict[str, str]) -> Response:
        try:
            return self._transport.get(path, query)
        finally:
            # The service counted the request on its arrival, which was not later than now.
            self.rate_limiter.record(self.clock.monotonic())

    def _sleep(self, seconds: float) -> None:
        if seconds > 0 and not self.clock.sleep(seconds):
            raise CrawlPaused("stopped while waiting")


def _query(request: PageRequest) -> dict[str, str]:
    """Return the query parameters of a request."""
    if request.relationship == DESCRIPTION:
        return {"attributes": ",".join(REQUESTED_ATTRIBUTES[request.subject.type])}
    return {"limit": str(LIMIT)} | ({} if request.cursor is None else {"cursor": request.cursor})


def _fetch_gti(fetch: _Fetch, request: PageRequest) -> PageResponse | ApiError:
    """Fetch a page in the flavor ``gti``. Return an error that a wrong flavor may have caused.

    Other errors are raised.
    """
    try:
        return fetch(request, GTI)
    except ApiError as error:
        is_unknown = error.status in UNKNOWN_RELATIONSHIP_STATUSES
        if isinstance(error, TransientError) or not (is_unknown or isinstance(error, BaseUrlError)):
            raise
        return error
