"""The documented errors of the API: status, code and message.

To add an error that the API documents, add its status to ``ERROR_CODES`` and its default message
to ``ERROR_MESSAGES``; then raise ``ServiceError`` where a request is handled (``api.py``,
``router.py``, ``accounts.py``).

Errors that a test injects do not belong here. A middleware, see ``http_messages.Middleware``,
replaces the regular response; those of the tests are in ``tests/support/faults``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.emulator.http_messages import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

# The error code of each HTTP status. The API documents all of them except that of 405.
# https://docs.virustotal.com/reference/errors
ERROR_CODES: Mapping[int, str] = {
    400: "BadRequestError",
    401: "WrongCredentialsError",
    403: "ForbiddenError",
    404: "NotFoundError",
    405: "MethodNotAllowedError",
    409: "AlreadyExistsError",
    424: "FailedDependencyError",
    429: "QuotaExceededError",
    503: "TransientError",
    504: "DeadlineExceededError",
}
ERROR_MESSAGES: Mapping[int, str] = {
    401: "Wrong API key",
    403: "You are not authorized to perform the requested operation",
    429: "Quota exceeded",
    503: "Transient server error, retry might work",
    504: "The operation took too long to complete",
}
# For statuses that are not in the tables, such as 500 and 502, which the API does not document.
_DEFAULT_CODE = "InternalServerError"
_DEFAULT_MESSAGE = "Something went wrong"


def error_response(status: int, code: str = "", message: str = "") -> Response:
    """Return an error response; an empty code or message is replaced by that of the status."""
    code = code or ERROR_CODES.get(status, _DEFAULT_CODE)
    message = message or ERROR_MESSAGES.get(status, _DEFAULT_MESSAGE)
    return Response.from_json(status, {"error": {"code": code, "message": message}})


class ServiceError(Exception):
    """Rejects a request. ``response`` is the error response to send."""

    def __init__(self, status: int, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.response = error_response(status, code, message)
