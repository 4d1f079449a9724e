"""What goes back over the wire: an answer, and the errors the service documents."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.emulator.faults import Fault

Json = dict[str, Any]

_JSON = "application/json; charset=utf-8"

# The code that the documentation gives for a status; 500, 502 and 405 are not in its table.
CODES: Mapping[int, str] = {
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

MESSAGES: Mapping[int, str] = {
    401: "Wrong API key",
    403: "You are not authorized to perform the requested operation",
    429: "Quota exceeded",
    503: "Transient server error, retry might work",
    504: "The operation took too long to complete",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and a body; `wire` is a fault the transport has to act out."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    wire: Fault | None = None

    @classmethod
    def of(cls, status: int, value: Json) -> Answer:
        """Make an answer of JSON; text stays readable, as the service sends it."""
        body = json.dumps(value, ensure_ascii=False).encode()
        return cls(status, {"Content-Type": _JSON}, body)

    @classmethod
    def error(cls, status: int, code: str = "", message: str = "") -> Answer:
        """Make the documented error body, with the usual code and text of the status."""
        code = code or CODES.get(status, "InternalServerError")
        message = message or MESSAGES.get(status, "Something went wrong")
        return cls.of(status, {"error": {"code": code, "message": message}})


class ServiceError(Exception):
    """A request that the service refuses; turned into an answer in one place."""

    def __init__(self, status: int, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.answer = Answer.error(status, code, message)
