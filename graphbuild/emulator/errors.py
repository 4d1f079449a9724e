"""The errors of the API.

To let the emulator return a new error, add its code to ``ERRORS`` and raise ``ServiceError`` in the
module that checks the request. ``api.py`` checks the method, the key and the quota; ``router.py``
checks the path; ``pagination.py`` checks the limit and the cursor; ``accounts.py`` checks paths
below ``/users``, and ``quota.py`` the dates in their queries.

Errors that only tests need do not belong here. Tests replace the regular response with a
``Middleware`` (see ``http_messages.py``); the middlewares are in ``tests/support/faults``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.emulator.http_messages import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

# Error code -> HTTP status and default message. The API documents all codes except that of status
# 405. https://docs.virustotal.com/reference/errors
ERRORS: Mapping[str, tuple[int, str]] = {
    "BadRequestError": (400, "The request is invalid"),
    "WrongCredentialsError": (401, "Wrong API key"),
    "AuthenticationRequiredError": (401, "X-Apikey header is missing"),
    "UserNotActiveError": (401, "The user account is not active"),
    "ForbiddenError": (403, "You are not authorized to perform the requested operation"),
    "NotFoundError": (404, "Resource not found."),
    "MethodNotAllowedError": (405, "Only GET is supported"),
    "AlreadyExistsError": (409, "The resource already exists"),
    "FailedDependencyError": (424, "The request depended on another request that failed"),
    "QuotaExceededError": (429, "Quota exceeded"),
    "TransientError": (503, "Transient server error, retry might work"),
    "DeadlineExceededError": (504, "The operation took too long to complete"),
}


class ServiceError(Exception):
    """Rejects a request; ``response`` is the error response to send.

    ``code`` is a key of ``ERRORS``. An empty message is replaced by the code's default message.
    """

    def __init__(self, code: str, message: str = "") -> None:
        status, default_message = ERRORS[code]
        error = {"code": code, "message": message or default_message}
        super().__init__(error["message"])
        self.response = Response.from_json(status, {"error": error})
