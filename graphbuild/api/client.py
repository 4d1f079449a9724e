"""Client of the VirusTotal API v3 with retries, a rate limit and a record of each call.

URLs are built from the base URL, a valid id and the cursor, and are never taken from a response.
Every attempt is recorded before it is sent.
"""

from __future__ import annotations

import copy
import random
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import quote

from graphbuild.api.auth import ApiKey, find_api_key
from graphbuild.api.endpoints import API_FLAVORS, AUTO, CLASSIC, GTI, endpoint_path
from graphbuild.api.json_decoding import decode_json
from graphbuild.api.quotas import is_user_name, parse_tightest_quotas
from graphbuild.api.rate_limit import RateLimiter, SystemClock
from graphbuild.api.responses import PageRequest, error_code, parse_response
from graphbuild.api.retry import RetryPolicy, pause_after, quota_exhausted
from graphbuild.api.transport import MAX_BYTES, Transport
from graphbuild.errors import (
    ApiError,
    BaseUrlError,
    CrawlPaused,
    PayloadError,
    RateLimitError,
    TransientError,
)
from graphbuild.models import RELATED_REFERENCES

if TYPE_CHECKING:
    from types import TracebackType

    from requests.adapters import BaseAdapter

    from graphbuild.api.quotas import Quota
    from graphbuild.api.rate_limit import Clock
    from graphbuild.api.responses import PageResponse
    from graphbuild.api.transport import Response
    from graphbuild.models import Entity

BASE_URL = "https://www.virustotal.com/api/v3"
LIMIT = 40  # entries per page: the API's maximum for relationships
MAX_FLAVOR_PROBES = 3
# Statuses of a relationship that the service's API flavor does not have.
_UNKNOWN_RELATIONSHIP_STATUSES = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})


class CallRecorder(Protocol):
    """Records every call, and can forbid it."""

    def check(self) -> None:
        """Raise CrawlPaused if a call would be forbidden now."""
        ...

    def begin_call(self, subject: Entity, relationship: str) -> int:
        """Record a call before it is sent and return its id, or raise CrawlPaused."""
        ...

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Record the result of a call."""
        ...


class NullRecorder:
    """A call recorder that records nothing."""

    def check(self) -> None:
        """Allow the call."""

    def begin_call(self, subject: Entity, relationship: str) -> int:  # noqa: ARG002  of the protocol
        """Allow the call."""
        return 0

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Record nothing."""


class Client:
    """A client of the API. It sends one request at a time; see :meth:`clone`.

    Args:
        key: the API key.
        base_url: URL of the API; plain http only on this machine itself.
        rate_limiter: our own rate limit, none by default. The service's 429 responses are always
            respected.
        clock: the time, replaceable in tests.
        adapter: the network, replaceable in tests.
        deadline: maximum duration of a request in seconds.
        max_bytes: maximum size of a response, decompressed.
        api_flavor: ``classic``, ``gti``, or ``auto`` to detect it with the first request.

    Raises:
        AuthenticationError: the key is malformed.
        ValueError: the base URL or the API flavor is invalid.
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
        api_flavor: str = CLASSIC,
    ) -> None:
        if api_flavor not in API_FLAVORS:
            expected = ", ".join(API_FLAVORS)
            raise ValueError(f"unknown API flavor {api_flavor!r}; expected one of {expected}")
        self._key = ApiKey(key) if isinstance(key, str) else key
        self.api_flavor = api_flavor
        self.clock = clock or SystemClock()
        self.rate_limiter = rate_limiter or RateLimiter()
        self._connect = partial(
            Transport, self._key, base_url, adapter=adapter, deadline=deadline, max_bytes=max_bytes
        )
        self._transport = self._connect()
        self._flavor_probes = 0
        self._random = random.Random()  # noqa: S311  jitter is not a secret

    @classmethod
    def from_env(
        cls,
        *,
        base_url: str = BASE_URL,
        rate_limiter: RateLimiter | None = None,
        clock: Clock | None = None,
        api_flavor: str = AUTO,
    ) -> Client:
        """Return a client with the key from ``VT_APIKEY`` or ``~/.vt.toml``.

        Raises:
            AuthenticationError: there is no key, or it is malformed.
        """
        return cls(
            find_api_key(),
            base_url=base_url,
            rate_limiter=rate_limiter,
            clock=clock,
            api_flavor=api_flavor,
        )

    def clone(self) -> Client:
        """Return a client with its own connection that shares rate limiter and clock."""
        other = copy.copy(self)
        other._transport = self._connect()  # noqa: SLF001  of the same class
        return other

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def related_references(
        self,
        subject: Entity,
        *,
        cursor: str | None = None,
        recorder: CallRecorder | None = None,
        retry_on_429: bool = True,
    ) -> PageResponse:
        """Fetch a page of ``related_references``, see :meth:`fetch_page`."""
        return self.fetch_page(
            subject,
            RELATED_REFERENCES,
            cursor=cursor,
            recorder=recorder,
            retry_on_429=retry_on_429,
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

        A request is sent up to four times if a retry may help. With the API flavor ``auto``, a
        refused request is repeated in the other flavor, for at most ``MAX_FLAVOR_PROBES`` subjects.
        A subject that the service does not know is refused in both.

        Args:
            subject: the entity.
            relationship: a key of ``endpoints.RELATIONSHIPS``.
            cursor: ``next_cursor`` of the page before; None for the first page.
            recorder: records every attempt.
            retry_on_429: whether to wait and retry after a 429.

        Raises:
            ApiError: the service refused the request; the subclass tells why.
            PayloadError: the response is JSON, but not such a page.
            QuotaExhaustedError: a 429 that lasts longer than a minute.
            CrawlPaused: the recorder forbade the call, or the clock was stopped during a wait.
        """
        request = PageRequest(subject, relationship, cursor)
        fetch = partial(self._fetch, request, recorder or NullRecorder(), retry_on_429=retry_on_429)
        if self.api_flavor != AUTO:
            return fetch(self.api_flavor)
        try:
            response = fetch(CLASSIC)
        except (TransientError, BaseUrlError):
            raise
        except ApiError as error:
            is_decided = error.status not in _UNKNOWN_RELATIONSHIP_STATUSES
            if is_decided or self._flavor_probes == MAX_FLAVOR_PROBES:
                raise
            self._flavor_probes += 1
            try:
                response = fetch(GTI)
            except TransientError:
                raise
            except ApiError:
                raise error from None
            self.api_flavor = GTI
        else:
            self.api_flavor = CLASSIC
        return response

    def quotas(self, user: str) -> tuple[Quota, ...]:
        """Fetch what is left of the quotas of the key's user.

        The service does not count this request, so it is neither recorded nor rate-limited. It is
        sent once, without retries.

        Args:
            user: the user name. The key itself is refused, since URLs are logged.

        Raises:
            ApiError: the service refused the request, or could not be reached.
            PayloadError: the response contains no quotas.
            ValueError: this is not a user name.
        """
        if not is_user_name(user) or self._key.reveal().lower() in user.lower():
            raise ValueError("this is not a user name of the service")
        response = self._transport.get(f"/users/{quote(user, safe='')}/overall_quotas", {})
        if response.status != HTTPStatus.OK or response.body_error:
            reason = error_code(response.body) or f"HTTP {response.status}"
            message = f"the service does not report the quotas ({reason})"
            raise ApiError(message, status=response.status, code=reason)
        return parse_tightest_quotas(decode_json(response.body))

    def _fetch(
        self, request: PageRequest, recorder: CallRecorder, api_flavor: str, *, retry_on_429: bool
    ) -> PageResponse:
        path = endpoint_path(request.subject, request.relationship, api_flavor)
        retries = RetryPolicy(retry_on_429=retry_on_429, rng=self._random)
        while True:
            try:
                return self._attempt(request, path, recorder)
            except TransientError as error:
                failure = error
            if isinstance(failure, RateLimitError) and retries.is_quota_spent(failure):
                raise quota_exhausted(failure, self.clock.now())
            wait = retries.next_wait(failure)
            if wait is None:
                break
            self._sleep(wait)
        if isinstance(failure, RateLimitError):
            self._sleep(pause_after(failure))  # the next request must not be sent earlier
        raise failure

    def _attempt(self, request: PageRequest, path: str, recorder: CallRecorder) -> PageResponse:
        call = self._begin_call(request, recorder)
        status = 0
        try:
            response = self._send(path, request.cursor)
            status = response.status
            result = parse_response(response, request, self.clock.now())
        except ApiError as error:
            if isinstance(error, RateLimitError) and (pause := pause_after(error)):
                self.rate_limiter.pause_until(self.clock.monotonic() + pause)
            sent = not isinstance(error, TransientError) or error.sent
            note = error.code or str(error)
            recorder.end_call(call, status=error.status, note=note, sent=sent)
            raise
        except PayloadError as error:
            recorder.end_call(call, status=status, note=str(error), sent=True)
            raise
        recorder.end_call(call, status=status, note="", sent=True)
        return result

    def _begin_call(self, request: PageRequest, recorder: CallRecorder) -> int:
        """Wait for the rate limit, then record the call."""
        while (seconds := self.rate_limiter.acquire(self.clock.monotonic())) > 0:
            recorder.check()  # a call that is forbidden need not wait
            self._sleep(seconds)
        try:
            return recorder.begin_call(request.subject, request.relationship)
        except BaseException:
            self.rate_limiter.release()
            raise

    def _send(self, path: str, cursor: str | None) -> Response:
        query = {"limit": str(LIMIT)} | ({} if cursor is None else {"cursor": cursor})
        try:
            return self._transport.get(path, query)
        finally:
            # The service's minute begins when the request arrives, which is no later than now.
            self.rate_limiter.record(self.clock.monotonic())

    def _sleep(self, seconds: float) -> None:
        if seconds > 0 and not self.clock.sleep(seconds):
            raise CrawlPaused("stopped while waiting")
