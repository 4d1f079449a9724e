"""The errors of the emulated API.

To add an error, add its code to ``ERRORS`` and raise ``ServiceError`` in the module that checks the
relevant part of a request:

* ``api.py``: the method, the API key and the quotas
* ``router.py``: the path, and whether the API key can read the requested data
* ``pagination.py``: the limit and the cursor
* ``accounts.py``: paths below ``/users``
* ``quota.py``: the dates in a request for API usage

Do not add errors that only tests need. Tests use a ``Middleware`` (see ``http_messages.py``) from
``tests/support/faults``, which replaces the regular response with an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.emulator.http_messages import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

# Error code -> HTTP status and default message. All codes except MethodNotAllowedError are
# documented at https://docs.virustotal.com/reference/errors.
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
    """A request is rejected.

    Args:
        code: A key of ``ERRORS``.
        message: The message in the response; empty for the default message of the code.

    Attributes:
        response: The error response to send.
    """

    def __init__(self, code: str, message: str = "") -> None:
        status, default_message = ERRORS[code]
        error = {"code": code, "message": message or default_message}
        super().__init__(error["message"])
        self.response = Response.from_json(status, {"error": error})
