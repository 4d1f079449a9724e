"""Translation of HTTP responses into pages and exceptions.

The HTTP status takes precedence over the body, because the form of error bodies varies. Most 4xx
responses without an error code of the API are attributed to another program, such as a proxy, and
raise BaseUrlError. The API's error codes are listed at
https://docs.virustotal.com/reference/errors.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from graphbuild.api.descriptions import names_requested_id
from graphbuild.api.endpoints import endpoint_path
from graphbuild.api.json_decoding import decode_json
from graphbuild.api.links import check_self_link
from graphbuild.api.parser import parse_payload
from graphbuild.api.retry import DEFAULT_WAIT, RETRY_AT_ONCE
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

# Error code -> HTTP status, for responses with HTTP status 200 whose body is an error.
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
    HTTPStatus.FORBIDDEN: (ForbiddenError, "the service refuses access to this {type} ({reason})"),
    HTTPStatus.NOT_FOUND: (NotFoundError, "the service does not know this {type} ({reason})"),
}
_FOREIGN = "{address} does not answer like the API ({reason}); check --base-url"
_REDIRECT = "{address} answers with a redirect ({reason}), which is not followed; check --base-url"
_TRANSIENT_STATUSES = RETRY_AT_ONCE | {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.FAILED_DEPENDENCY}
# The form of the API's error codes. Error bodies of other services can have the same structure, but
# contain other codes.
_CODE = re.compile(r"[A-Z][A-Za-z]{1,54}Error|NotAvailableYet|TooManyRequests")
# The form of the service's messages that are displayed: letters and simple punctuation, in words of
# up to 20 characters. Markup, URLs, hashes and keys do not match.
_MESSAGE = re.compile(r"(?!.*\w{21})[A-Z][A-Za-z ,.'-]{1,150}")


class PageRequest(NamedTuple):
    """A request for one page of a relationship of ``subject``, or for its description."""

    subject: Entity
    relationship: str
    cursor: str | None = None

    @property
    def object_id(self) -> str:
        """The id of the subject in the URL of a request in the API flavor ``classic``."""
        return endpoint_path(self.subject, self.relationship).split("/")[2]


class PageResponse(NamedTuple):
    """A page, and the body of its response after and before decompression."""

    body: bytes  # decompressed
    page: Page
    compressed_body: bytes = b""  # empty if the body was not compressed with gzip
    names_subject: bool = False  # whether the response contains the id of its subject


def parse_response(
    response: Response, request: PageRequest, address: str, now: float
) -> PageResponse:
    """Return the page in a response.

    ``address`` is the base URL, for messages. ``now`` is the current time, in seconds since 1970.

    Raises:
        ApiError: The response is an error, is damaged, or is not valid JSON.
        PayloadError: The response is JSON, but not a page of the requested list.
    """
    if response.status != HTTPStatus.OK:
        raise _error(response.status, response, request, address, now)
    if response.body_error:
        message = f"the page is damaged: {response.body_error}"
        raise TransientError(message, status=200, code="DamagedPage")
    try:
        payload = decode_json(response.body)
    except PayloadError as error:
        raise TransientError(f"the page is invalid: {error}", status=200, code="NotAPage") from None
    if "error" in payload and "data" not in payload:
        status = _STATUS_OF_CODE.get(_error_fields(payload)[0], 502)
        raise _error(status, response, request, address, now)
    page = parse_payload(payload, request.subject, request.relationship)
    names_subject = names_requested_id(page) or check_self_link(
        payload, request.subject, request.relationship, is_first_page=request.cursor is None
    )
    return PageResponse(response.body, page, response.compressed_body, names_subject)


def _error(
    status: int, response: Response, request: PageRequest, address: str, now: float
) -> ApiError:
    code, text = _stated_error(response.body)
    reason = code or f"HTTP {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers = response.headers
        seconds = retry_after(headers.get("retry-after"), headers.get("date"), now)
        return RateLimitError(f"rate limit reached ({reason})", retry_after=seconds, code=reason)
    kind, message = _kind_of_error(status, code)
    details = reason
    if kind is ForbiddenError and _MESSAGE.fullmatch(text):
        details = f"{reason}: {text}"
    elif message is _FOREIGN and response.body_error:
        details = f"{reason}; its body: {response.body_error}"
    message = message.format(reason=details, type=request.subject.type, address=address)
    error = kind(message, status=status, code=reason)
    if isinstance(error, NotFoundError):
        error.names_subject = request.object_id in text
    return error


def _kind_of_error(status: int, code: str) -> tuple[type[ApiError], str]:
    """Return the exception class and the message template for a status other than 429."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT_STATUSES:
        return TransientError, "the service failed ({reason})"
    if code == "NotAvailableYet":
        return TransientError, "the service has no result yet ({reason})"
    if status >= HTTPStatus.BAD_REQUEST:
        if not code and status != HTTPStatus.UNAUTHORIZED:  # a 401 ends the run in any case
            return BaseUrlError, _FOREIGN
        return _REFUSALS.get(status, (ApiError, "the service refused the request ({reason})"))
    if status >= HTTPStatus.MULTIPLE_CHOICES and status != HTTPStatus.NOT_MODIFIED:
        return BaseUrlError, _REDIRECT
    return TransientError, "the service answered without a page ({reason})"


def retry_after(stated: str | None, date: str | None, now: float) -> float:
    """Return the seconds to wait after a 429, at least 1.

    ``stated`` is the Retry-After header, in seconds or as a date. If the header is missing or
    invalid, the result is ``DEFAULT_WAIT``. A date is compared with ``date``, the Date header,
    because the local clock may be wrong. The local time ``now`` (seconds since 1970) replaces a
    missing or invalid Date header.
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
    # HTTP dates are in GMT, even without a time zone.
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def error_code(body: bytes) -> str:
    """Return the API's error code in ``body``, or an empty string."""
    return _stated_error(body)[0]


def _stated_error(body: bytes) -> tuple[str, str]:
    """Return the API's error code and message in ``body``. Missing values are empty strings."""
    try:
        return _error_fields(decode_json(body))
    except PayloadError:
        return "", ""


def _error_fields(payload: dict[str, object]) -> tuple[str, str]:
    error = payload.get("error")
    code, text = (error.get("code"), error.get("message")) if isinstance(error, dict) else ("", "")
    is_valid = isinstance(code, str) and _CODE.fullmatch(code)
    return str(code) if is_valid else "", text if isinstance(text, str) else ""
