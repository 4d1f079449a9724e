"""Every error graphbuild raises on purpose.

::

    GraphbuildError
    ├── SeedError            a seed list that cannot be read at all
    ├── PayloadError         an answer that is not what the API documents; names the path into it
    ├── ApiError             the service said no, or could not be asked
    │   ├── AuthenticationError       no key, a malformed key, or 401: the key must change
    │   ├── ForbiddenError        403: the key lacks the licence for this relationship
    │   ├── NotFoundError         404: the service does not know this subject
    │   ├── BaseUrlError      a redirect, or another's 404: this address is not the API
    │   └── TransientError        worth another try: 5xx, cut connections, pages that are no JSON
    │       └── RateLimitError  429: says how long to wait
    ├── CrawlPaused               the run ends here by intent; running again goes on
    │   ├── QuotaExhaustedError   the service's daily or monthly quota is spent; knows when it resets
    │   └── BudgetExhaustedError      the limit the user set is reached
    ├── StoreError           a campaign file that is missing, foreign, newer, in use or damaged
    ├── ExportError          a file that could not be written; what stood there still stands
    └── AnalysisError        a question about a campaign that cannot be answered; says why

A message names the thing at fault and the way out.
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


class AuthenticationError(ApiError):
    """The key is missing, malformed or refused (401)."""


class ForbiddenError(ApiError):
    """The key is good but not licensed for what was asked (403)."""


class NotFoundError(ApiError):
    """The service does not know this subject (404)."""


class BaseUrlError(ApiError):
    """The address does not answer as the API does: a redirect, or a 404 that is nobody's word.

    A redirect was not followed, and the key stayed here.
    """


class TransientError(ApiError):
    """Asking again may work.

    Attributes:
        sent: False where the request never left this machine, so that it cost nothing.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", sent: bool = True) -> None:
        self.sent = sent
        super().__init__(message, status=status, code=code)


class RateLimitError(TransientError):
    """The service asked to wait (429).

    Attributes:
        after: seconds to wait: as the answer stated, or the default.
    """

    def __init__(self, message: str, *, after: float, code: str = "") -> None:
        self.after = after
        super().__init__(message, status=429, code=code)


class CrawlPaused(GraphbuildError):
    """The run ends here by intent. Everything so far is stored; running again goes on."""


class QuotaExhaustedError(CrawlPaused):
    """The daily or monthly quota is spent.

    Attributes:
        resets_at: when asking makes sense again (UTC).
    """

    def __init__(self, message: str, *, resets_at: datetime) -> None:
        self.resets_at = resets_at
        super().__init__(message)


class BudgetExhaustedError(CrawlPaused):
    """The number of calls the user allowed is reached."""


class StoreError(GraphbuildError):
    """A campaign file cannot be used as it is; it was left untouched."""


class ExportError(GraphbuildError):
    """An export could not be written; an older file of that name is still whole."""


class AnalysisError(GraphbuildError):
    """A question about a campaign cannot be answered: an unknown name, or a missing library."""
