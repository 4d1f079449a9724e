"""Every error graphbuild raises on purpose.

::

    GraphbuildError
    ├── SeedError            a seed list that cannot be read at all
    ├── PayloadError         an answer that is not what the API documents; names the path into it
    ├── ApiError             the service said no, or could not be asked
    │   ├── KeyRefused       no key, a malformed key, 401: stop, the key must change
    │   ├── Forbidden        403: the key lacks the licence for this relationship
    │   ├── NotFound         404: the service does not know this subject
    │   ├── Transient        worth another try: 5xx, cut connections, pages that are no JSON
    │   └── QuotaExhausted   429 that waiting a minute does not cure; knows when it resets
    ├── StoreError           a campaign file that is missing, foreign, newer, in use or damaged
    └── ExportError          a file that could not be written; what stood there still stands

A message names the thing at fault and the way out, in one sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class GraphbuildError(Exception):
    """The base of all: catch this to catch everything graphbuild raises on purpose."""


class SeedError(GraphbuildError):
    """A seed list could not be read. Single bad lines are values, not errors."""


class PayloadError(GraphbuildError):
    """An answer is not what the API documents.

    Attributes:
        path: where in the payload, for example ``data[3].id``; empty for the whole.
        problem: what is wrong there.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)


class ApiError(GraphbuildError):
    """The service refused, or could not be asked.

    Attributes:
        status: the HTTP status, 0 where no answer came.
        code: the API's own error code, or ours where it gave none.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class KeyRefused(ApiError):  # noqa: N818  the name says it; the tree says it is an error
    """The key is missing, malformed or refused (401)."""


class Forbidden(ApiError):  # noqa: N818  the API's own word
    """The key is good but not licensed for what was asked (403)."""


class NotFound(ApiError):  # noqa: N818  the API's own word
    """The service does not know this subject (404)."""


class Transient(ApiError):  # noqa: N818  the API's own word (TransientError)
    """Asking again may work.

    Attributes:
        sent: False where the request never left this machine, so that it cost nothing.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", sent: bool = True) -> None:
        self.sent = sent
        super().__init__(message, status=status, code=code)


class RateLimited(Transient):
    """The service asked to wait (429).

    Attributes:
        after: seconds to wait, as the answer stated or the default.
        stated: whether the answer stated them.
    """

    def __init__(self, message: str, *, after: float, stated: bool, code: str = "") -> None:
        self.after = after
        self.stated = stated
        super().__init__(message, status=429, code=code)


class QuotaExhausted(ApiError):  # noqa: N818  the API's own word
    """The daily or monthly quota is spent; nothing more can be asked before ``resets_at``."""

    def __init__(self, message: str, *, resets_at: datetime, code: str = "") -> None:
        self.resets_at = resets_at
        super().__init__(message, status=429, code=code)


class StoreError(GraphbuildError):
    """A campaign file cannot be used as it is; it was left untouched."""


class ExportError(GraphbuildError):
    """An export could not be written; an older file of that name is still whole."""
