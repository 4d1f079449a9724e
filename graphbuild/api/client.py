"""The only room that sends: one question to the API, one page back.

What it guarantees for every request (each is a test):

* the address is built here, from the base, a checked id and the cursor, never taken from an answer;
* no redirect is followed and the key travels only to the configured scheme, host and port;
* the whole request ends within a deadline, however slowly bytes drip, and under a size limit,
  however well they compress;
* the ledger is told before anything is sent, for every attempt; nothing below retries by itself.

Errors are told at https://docs.virustotal.com/reference/errors; the HTTP status is believed first,
because error bodies come in many forms.
"""

from __future__ import annotations

import copy
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import quote

from tenacity import Retrying, retry_if_exception_type

from graphbuild.api.auth import find_api_key
from graphbuild.api.endpoints import API_FLAVORS, AUTO, CLASSIC, GTI, endpoint_path
from graphbuild.api.json_decoding import decode_json
from graphbuild.api.parser import Recall, parse_payload
from graphbuild.api.quotas import is_user_name, parse_quotas
from graphbuild.api.rate_limit import RateLimiter, SystemClock, next_day
from graphbuild.api.transport import MAX_BYTES, Transport
from graphbuild.errors import (
    ApiError,
    AuthenticationError,
    BaseUrlError,
    CrawlPaused,
    ForbiddenError,
    NotFoundError,
    PayloadError,
    QuotaExhaustedError,
    RateLimitError,
    TransientError,
)
from graphbuild.models import RELATED_REFERENCES

if TYPE_CHECKING:
    from types import TracebackType

    from requests.adapters import BaseAdapter
    from tenacity import RetryCallState

    from graphbuild.api.auth import ApiKey
    from graphbuild.api.quotas import Quota
    from graphbuild.api.rate_limit import Clock
    from graphbuild.api.transport import Response
    from graphbuild.models import Entity, Page

BASE_URL = "https://www.virustotal.com/api/v3"
LIMIT = 40  # entries a page: the most the service gives for a relationship
RETRIES = 3
PROBES = 3
RATE_WAIT = 60.0  # seconds, where a 429 names none: the minute window's length
LONGEST_WAIT = 600.0  # a longer one is no matter of this run
_LONGEST_QUOTA = 32 * 86_400.0  # the month's window; whoever states more states nothing
_FIRST_BACKOFF = 1.0
# The API's codes where the status does not tell: an error in a 200, and the one 400 that passes.
_STATUS_OF_CODE = {
    "AuthenticationRequiredError": 401,
    "WrongCredentialsError": 401,
    "UserNotActiveError": 401,
    "ForbiddenError": 403,
    "NotFoundError": 404,
    "QuotaExceededError": 429,
    "TooManyRequestsError": 429,
    "TooManyRequests": 429,
    "NotAvailableYet": 503,
    "TransientError": 503,
    "DeadlineExceededError": 504,
    "BadRequestError": 400,
    "InvalidArgumentError": 400,
}
# How a service may refuse a relationship that its generation does not have; a 403 is the licence.
_WRONG_FLAVOR_STATUSES = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
_TRANSIENT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.FAILED_DEPENDENCY})
_REFUSALS: dict[int, tuple[type[ApiError], str]] = {
    HTTPStatus.UNAUTHORIZED: (
        AuthenticationError,
        "the service refuses this API key ({said}); check VT_APIKEY or ~/.vt.toml",
    ),
    HTTPStatus.FORBIDDEN: (
        ForbiddenError,
        (
            "this API key may not read {relationship} ({said}): the relationship needs a "
            "VirusTotal Enterprise licence with the Threat Landscape module"
        ),
    ),
    HTTPStatus.NOT_FOUND: (NotFoundError, "the service does not know this {type} ({said})"),
}


class CallRecorder(Protocol):
    """Who is told of every call before it is made."""

    def check(self) -> None:
        """Raise CrawlPaused if a call would be forbidden now: asked before a wait for its turn."""
        ...

    def begin_call(self, subject: Entity, relationship: str) -> int:
        """Note that a request is about to be sent; may raise CrawlPaused to forbid it."""
        ...

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Note how it ended."""
        ...


class NullRecorder:
    """A ledger that forgets, for single questions."""

    def check(self) -> None:
        """Forbid nothing."""

    def begin_call(self, subject: Entity, relationship: str) -> int:  # noqa: ARG002  the role's
        """Note nothing."""
        return 0

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Note nothing."""


@dataclass(frozen=True, slots=True)
class PageResponse:
    """One page as it came: the raw bytes (decompressed), and what they say.

    ``packed`` is the same body as the wire brought it, see :class:`Response`.
    """

    body: bytes
    page: Page
    packed: bytes = b""


@dataclass(frozen=True, slots=True)
class Question:
    """What one call asks: a page of a relationship of a subject."""

    subject: Entity
    relationship: str
    cursor: str | None = None


class Client:
    """Asks the API with the user's key.

    Args:
        key: the user's key.
        base_url: where the API is; plain http only on this machine itself.
        rate_limiter: how fast we go by ourselves; without limit by default, the service's 429s are
            heeded in any case.
        clock: time, replaceable in tests.
        adapter: what carries the requests, replaceable in tests.
        deadline: seconds one request may take in all.
        max_bytes: how large a page may be, decompressed.
        api_flavor: ``classic``, ``gti``, or ``auto`` to detect it with the first request.

    Raises:
        AuthenticationError: the key cannot be one of the service's.
        ValueError: the base URL is none, or the api_flavor.
    """

    def __init__(  # noqa: PLR0913  all but the first have their defaults
        self,
        key: ApiKey,
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
        self.api_flavor = api_flavor
        self._probes = 0
        self.clock = clock or SystemClock()
        self.rate_limiter = rate_limiter or RateLimiter()
        self._connect = partial(
            Transport, key, base_url, adapter=adapter, deadline=deadline, max_bytes=max_bytes
        )
        self._transport = self._connect()
        self._key = key
        self._recall = Recall()
        self._random = random.Random()  # noqa: S311  jitter is no secret

    @classmethod
    def from_env(
        cls,
        *,
        base_url: str = BASE_URL,
        rate_limiter: RateLimiter | None = None,
        clock: Clock | None = None,
        api_flavor: str = AUTO,
    ) -> Client:
        """A client with the key from ``VT_APIKEY`` or ``~/.vt.toml``.

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
        """Return a client with its own connection that shares rate limiter and clock.

        For who asks several questions at once: one client asks one at a time.
        """
        other = copy.copy(self)
        other._transport = self._connect()  # noqa: SLF001  one of us
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
        """One page of the references of the collections that contain ``subject``.

        What :meth:`ask` does, for the question this package is about.
        """
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
        """One page of a relationship of ``subject``.

        Asks up to four times where that may help (``RETRIES``), and waits as long as the service
        says before it asks again or gives up. Where the api_flavor is still to be found out, a
        question that is refused is asked in the younger generation's words too, three times at most
        (``PROBES``): a subject that nobody knows tells nothing about the words.

        Args:
            subject: what to ask about.
            relationship: one of ``questions.LISTED``.
            cursor: where the page starts, as an earlier page said; None for the first.
            recorder: told before each attempt, and how it ended.
            retry_on_429: whether a 429 is waited for; not where the quota is known to be spent and
                this is but a probe.

        Raises:
            ApiError: the service refused; its subclasses tell how.
            PayloadError: the answer is JSON but no such page.
            QuotaExhaustedError: waiting a minute did not help, or the service says it would not.
            CrawlPaused: the ledger forbade the call, or the clock was stopped while waiting.
        """
        question = Question(subject, relationship, cursor)
        book = recorder or NullRecorder()
        if self.api_flavor != AUTO:
            return self._ask(question, self.api_flavor, book, retry_on_429=retry_on_429)
        try:
            answer = self._ask(question, CLASSIC, book, retry_on_429=retry_on_429)
        except (TransientError, BaseUrlError):
            raise
        except ApiError as refusal:
            if self._probes == PROBES or refusal.status not in _WRONG_FLAVOR_STATUSES:
                raise
            self._probes += 1
            return self._ask_younger(question, book, refusal, retry_on_429=retry_on_429)
        self.api_flavor = CLASSIC
        return answer

    def _ask_younger(
        self, question: Question, book: CallRecorder, refusal: ApiError, *, retry_on_429: bool
    ) -> PageResponse:
        """The same in the younger generation's words; if that is refused too, the first refusal."""
        try:
            answer = self._ask(question, GTI, book, retry_on_429=retry_on_429)
        except TransientError:
            raise
        except ApiError:
            raise refusal from None
        self.api_flavor = GTI
        return answer

    def _ask(
        self, question: Question, api_flavor: str, book: CallRecorder, *, retry_on_429: bool
    ) -> PageResponse:
        path = endpoint_path(question.subject, question.relationship, api_flavor)
        try:
            return self._once(question, path, book)
        except TransientError as error:
            first = error
        return self._ask_again(first, question, path, book, retry_on_429=retry_on_429)

    def _ask_again(
        self,
        first: TransientError,
        question: Question,
        path: str,
        book: CallRecorder,
        *,
        retry_on_429: bool,
    ) -> PageResponse:
        """What is to be done after a first attempt that failed in passing."""
        failures = iter([first])

        def attempt() -> PageResponse:
            for error in failures:
                raise error
            return self._once(question, path, book)

        attempts = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=_give_up if retry_on_429 else _give_up_at_once,
            wait=self._backoff,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return attempts(attempt)
        except RateLimitError as error:
            if not retry_on_429 or _is_exhausted(error, attempts.statistics["idle_for"]):
                raise self._exhausted(error) from None
            self._sleep(error.retry_after)  # whatever is asked next leaves no earlier
            raise

    def quotas(self, user: str) -> tuple[Quota, ...]:
        """What is left of the quotas of the key's user, by name.

        The service takes no quota for this, so no ledger is told and no limit is kept. It is asked
        once: whoever wants to know can do without.

        Args:
            user: the user's name. The service would take the key as well; it is refused here,
                because addresses are written into logs.

        Raises:
            ApiError: the service refused, or could not be asked.
            PayloadError: the answer holds no quotas.
            ValueError: that is no user's name.
        """
        if not is_user_name(user) or self._key.reveal().lower() in user.lower():
            raise ValueError("that is no user's name at the service")
        reply = self._transport.get(f"/users/{quote(user, safe='')}/overall_quotas", {})
        if reply.status != HTTPStatus.OK or reply.damage:
            said = _code(reply.body) or f"HTTP {reply.status}"
            raise ApiError(f"the service does not tell ({said})", status=reply.status, code=said)
        return parse_quotas(decode_json(reply.body))

    def _once(self, question: Question, path: str, book: CallRecorder) -> PageResponse:
        call = self._begin(question, book)
        try:
            reply = self._get(path, question.cursor)
            answer = _read(reply, question, self._recall, self.clock.now())
        except ApiError as error:
            sent = not isinstance(error, TransientError) or error.sent
            if isinstance(error, RateLimitError) and error.retry_after <= LONGEST_WAIT:
                self.rate_limiter.hold(self.clock.monotonic() + error.retry_after)
            book.end_call(call, status=error.status, note=error.code or str(error), sent=sent)
            raise
        except PayloadError as error:
            book.end_call(call, status=reply.status, note=str(error), sent=True)
            raise
        book.end_call(call, status=reply.status, note="", sent=True)
        return answer

    def _begin(self, question: Question, book: CallRecorder) -> int:
        """Wait for a place, then enter the call into the ledger."""
        while (wait := self.rate_limiter.take(self.clock.monotonic())) > 0:
            book.check()  # who may not ask need not wait for it
            self._sleep(wait)
        try:
            return book.begin_call(question.subject, question.relationship)
        except BaseException:
            self.rate_limiter.give_back()
            raise

    def _get(self, path: str, cursor: str | None) -> Response:
        try:
            return self._transport.get(path, _query(cursor))
        finally:
            # Only now it is certain to have arrived: the service's minute begins no later.
            self.rate_limiter.sent(self.clock.monotonic())

    def _sleep(self, seconds: float) -> None:
        if seconds > 0 and not self.clock.sleep(seconds):
            raise CrawlPaused("stopped while waiting")

    def _backoff(self, state: RetryCallState) -> float:
        """As long as the service said, else 1, 2, 4 seconds, half of it by chance.

        Before the last attempt a whole minute, so that a 429 to it is no matter of the minute.
        """
        error = _error_of(state)
        if isinstance(error, RateLimitError):
            return max(error.retry_after, RATE_WAIT if state.attempt_number == RETRIES else 0.0)
        longest = _FIRST_BACKOFF * 2.0 ** (state.attempt_number - 1)
        return longest * (0.5 + self._random.random() / 2)

    def _exhausted(self, error: RateLimitError) -> QuotaExhaustedError:
        now = self.clock.now()
        resets_at = next_day(now)
        if LONGEST_WAIT < error.retry_after <= _LONGEST_QUOTA:
            stated = datetime.fromtimestamp(now + error.retry_after, UTC) + timedelta(minutes=1)
            resets_at = stated.replace(second=0, microsecond=0)
        return QuotaExhaustedError(
            f"the service's quota is spent ({error.code}); "
            f"run again after {resets_at:%Y-%m-%d %H:%M} UTC",
            resets_at=resets_at,
        )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _give_up(state: RetryCallState) -> bool:
    """After all attempts, or when waiting for a quota makes no sense."""
    error = _error_of(state)
    exhausted = isinstance(error, RateLimitError) and _is_exhausted(error, state.idle_for)
    return exhausted or state.attempt_number > RETRIES


def _give_up_at_once(state: RetryCallState) -> bool:
    """The same, for who knows already that a 429 is no matter of the minute."""
    return isinstance(_error_of(state), RateLimitError) or _give_up(state)


def _is_exhausted(error: RateLimitError, waited: float) -> bool:
    """Whether a 429 has outlived a whole minute window, or says itself that it will."""
    return error.retry_after > LONGEST_WAIT or waited >= RATE_WAIT


def _query(cursor: str | None) -> dict[str, str]:
    query = {"limit": str(LIMIT)}
    if cursor is not None:
        query["cursor"] = cursor
    return query


# --- what an answer means ------------------------------------------------------------------------


def _read(reply: Response, question: Question, recall: Recall, now: float) -> PageResponse:
    """The page in a reply, or the error it stands for: status first, body second."""
    if reply.status != HTTPStatus.OK:
        raise _error(reply.status, reply, _code(reply.body), question, now)
    if reply.damage:
        raise TransientError(f"the page is damaged: {reply.damage}", status=200, code="DamagedPage")
    if question.relationship == RELATED_REFERENCES:
        known = recall.page(reply.body, question.subject)
        if known is not None:
            return PageResponse(reply.body, known, reply.packed)
    try:
        payload = decode_json(reply.body)
    except PayloadError as error:
        raise TransientError(f"the page {error}", status=200, code="NotAPage") from None
    if "error" in payload and "data" not in payload:
        code = _code_of(payload)
        raise _error(_STATUS_OF_CODE.get(code, 502), reply, code, question, now)
    page = parse_payload(payload, question.subject, question.relationship)
    return PageResponse(reply.body, page, reply.packed)


def _error(status: int, reply: Response, code: str, question: Question, now: float) -> ApiError:
    said = code or f"HTTP {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        after = retry_after(reply.headers.get("retry-after"), reply.headers.get("date"), now)
        return RateLimitError(f"asked to wait ({said})", retry_after=after, code=said)
    kind, message = _REFUSALS.get(status) or _other(status, code)
    if kind is NotFoundError and not code and not reply.damage:
        # Nobody but the API may say that a file is unknown: it is written down for good.
        kind = BaseUrlError
        message = "the address does not answer as the API does ({said}); is --base-url the API's?"
    told = {"said": said, "relationship": question.relationship, "type": question.subject.type}
    return kind(message.format(**told), status=status, code=said)


def _other(status: int, code: str) -> tuple[type[ApiError], str]:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        return TransientError, "the service failed ({said})"
    if code == "NotAvailableYet":
        return TransientError, "the service has no answer yet ({said})"
    if status >= HTTPStatus.BAD_REQUEST:
        return ApiError, "the service refused the request ({said})"
    if status >= HTTPStatus.MULTIPLE_CHOICES and status != HTTPStatus.NOT_MODIFIED:
        return BaseUrlError, (
            "the address answers with a redirect ({said}), which is not followed; "
            "is --base-url the API's?"
        )
    return TransientError, "the service answered without a page ({said})"


def retry_after(stated: str | None, date: str | None, now: float) -> float:
    """Seconds to wait after a 429: as stated, never less than a second, the default if garbage.

    A stated date is judged against the server's own ``Date``, since the local clock may be wrong.
    """
    text = (stated or "").strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        return max(1.0, float(text))
    until = _seconds(text)
    if until is None:
        return RATE_WAIT
    begun = _seconds(date or "")
    return max(1.0, until - (now if begun is None else begun))


def _seconds(date: str) -> float | None:
    """An HTTP date as seconds since 1970; None if it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    # HTTP dates are in GMT; one that names no zone must not be taken for local time.
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _code(body: bytes) -> str:
    """The API's error code, if the body holds one; never fails."""
    try:
        return _code_of(decode_json(body))
    except PayloadError:
        return ""


def _code_of(payload: dict[str, object]) -> str:
    error = payload.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    known = isinstance(code, str) and re.fullmatch(r"[A-Za-z]{1,60}", code)
    return str(code) if known else ""
