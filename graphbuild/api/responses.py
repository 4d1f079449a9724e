"""Translation of HTTP responses into pages and exceptions.

The HTTP status takes precedence over the body, because the form of error bodies varies. The error
codes are listed at https://docs.virustotal.com/reference/errors.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.api.json_decoding import decode_json
from graphbuild.api.parser import check_self_link, parse_payload
from graphbuild.api.retry import DEFAULT_WAIT
from graphbuild.errors import (
    ApiError,
    AuthenticationError,
    BaseUrlError,
    ForbiddenError,
    NotFoundError,
    PayloadError,
    RateLimitError,
    TransientError,
)

if TYPE_CHECKING:
    from graphbuild.api.transport import Response
    from graphbuild.models import Entity, Page

# Error code -> HTTP status, for an error in a response with status 200.
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
_REFUSALS: dict[int, tuple[type[ApiError], str]] = {
    HTTPStatus.UNAUTHORIZED: (
        AuthenticationError,
        "the service refuses this API key ({reason}); check VT_APIKEY or ~/.vt.toml",
    ),
    HTTPStatus.FORBIDDEN: (
        ForbiddenError,
        (
            "this API key may not read {relationship} ({reason}): the relationship needs a "
            "VirusTotal Enterprise license with the Threat Landscape module"
        ),
    ),
    HTTPStatus.NOT_FOUND: (NotFoundError, "the service does not know this {type} ({reason})"),
}
_FOREIGN_404 = "the address does not answer like the API ({reason}); is --base-url the API's?"
_REDIRECT = (
    "the address answers with a redirect ({reason}), which is not followed; "
    "is --base-url the API's?"
)
_TRANSIENT_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.FAILED_DEPENDENCY})


class PageRequest(NamedTuple):
    """A request for one page of a relationship of a subject."""

    subject: Entity
    relationship: str
    cursor: str | None = None


class PageResponse(NamedTuple):
    """A page, and the body it was parsed from, decompressed and as received."""

    body: bytes
    page: Page
    compressed_body: bytes = b""  # empty if the body was not compressed with gzip
    names_subject: bool = False  # whether ``links.self`` is present; it then names the subject


def parse_response(response: Response, request: PageRequest, now: float) -> PageResponse:
    """Return the page in a response; ``now`` (seconds since 1970) is used for a Retry-After date.

    Raises:
        ApiError: The response is an error, damaged or not JSON; the subclass depends on the cause.
        PayloadError: The response is JSON, but not a page of the requested list.
    """
    if response.status != HTTPStatus.OK:
        raise _error(response.status, error_code(response.body), response, request, now)
    if response.body_error:
        message = f"the page is damaged: {response.body_error}"
        raise TransientError(message, status=200, code="DamagedPage")
    try:
        payload = decode_json(response.body)
    except PayloadError as error:
        raise TransientError(f"the page {error}", status=200, code="NotAPage") from None
    if "error" in payload and "data" not in payload:
        code = _code_in(payload)
        raise _error(_STATUS_OF_CODE.get(code, 502), code, response, request, now)
    page = parse_payload(payload, request.subject, request.relationship)
    names_subject = check_self_link(
        payload, request.subject, request.relationship, is_first_page=request.cursor is None
    )
    return PageResponse(response.body, page, response.compressed_body, names_subject)


def _error(
    status: int, code: str, response: Response, request: PageRequest, now: float
) -> ApiError:
    reason = code or f"HTTP {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers = response.headers
        seconds = retry_after(headers.get("retry-after"), headers.get("date"), now)
        return RateLimitError(f"rate limit reached ({reason})", retry_after=seconds, code=reason)
    # A 404 is stored as a final result, so it must come from the API itself.
    is_foreign = status == HTTPStatus.NOT_FOUND and not code and not response.body_error
    kind, message = (BaseUrlError, _FOREIGN_404) if is_foreign else _kind_of_error(status, code)
    message = message.format(
        reason=reason, relationship=request.relationship, type=request.subject.type
    )
    return kind(message, status=status, code=reason)


def _kind_of_error(status: int, code: str) -> tuple[type[ApiError], str]:
    """Return the exception class and the message for a status other than 429."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT_STATUSES:
        return TransientError, "the service failed ({reason})"
    if code == "NotAvailableYet":
        return TransientError, "the service has no result yet ({reason})"
    if status >= HTTPStatus.BAD_REQUEST:
        return _REFUSALS.get(status, (ApiError, "the service refused the request ({reason})"))
    if status >= HTTPStatus.MULTIPLE_CHOICES and status != HTTPStatus.NOT_MODIFIED:
        return BaseUrlError, _REDIRECT
    return TransientError, "the service answered without a page ({reason})"


def retry_after(stated: str | None, date: str | None, now: float) -> float:
    """Return the seconds to wait after a 429, at least 1; by default ``DEFAULT_WAIT``.

    ``stated`` is the header ``Retry-After``, in seconds or as a date. A date is relative to
    ``date``, the header ``Date``, as the local clock may be wrong; without one, to ``now``.
    """
    text = (stated or "").strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        return max(1.0, float(text))
    until = _parse_date(text)
    if until is None:
        return DEFAULT_WAIT
    sent_at = _parse_date(date or "")
    return max(1.0, until - (now if sent_at is None else sent_at))


def _parse_date(date: str) -> float | None:
    """Return an HTTP date in seconds since 1970, or None if it is invalid."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    # HTTP dates without a time zone are in GMT too.
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def error_code(body: bytes) -> str:
    """Return the API's error code in a body, or an empty string."""
    try:
        return _code_in(decode_json(body))
    except PayloadError:
        return ""


def _code_in(payload: dict[str, object]) -> str:
    error = payload.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    is_valid = isinstance(code, str) and re.fullmatch(r"[A-Za-z]{1,60}", code)
    return str(code) if is_valid else ""
