"""The exceptions of graphbuild.

::

    GraphbuildError
    ├── SeedError                 a seed list cannot be read
    ├── PayloadError              a response does not have the documented structure
    ├── ApiError                  the service refused a request, or could not be reached
    │   ├── AuthenticationError   no API key, a malformed key, or HTTP 401
    │   ├── ForbiddenError        HTTP 403: the key has no license for this relationship
    │   ├── NotFoundError         HTTP 404: the service does not know this subject
    │   ├── BaseUrlError          a redirect, or a 404 without an API error code
    │   └── TransientError        a retry may succeed: HTTP 5xx, broken connection, damaged page
    │       └── RateLimitError    HTTP 429
    ├── CrawlPaused               the run stopped early; the next run continues the crawl
    │   ├── QuotaExhaustedError   the daily or monthly quota of the service is spent
    │   └── BudgetExhaustedError  the maximum number of calls set by the user is reached
    ├── StoreError                a campaign file is missing, invalid, newer, locked or damaged
    ├── ExportError               a file could not be written
    ├── AnalysisError             a name matches no node or several nodes
    └── MissingLibraryError       a library of an extra is not installed

Every message states the cause and, where possible, how to solve the problem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class GraphbuildError(Exception):
    """Base class of all exceptions of this package."""


class SeedError(GraphbuildError):
    """A seed list could not be read. Invalid lines of a readable list are part of the result."""


class PayloadError(GraphbuildError):
    """A response does not have the documented structure.

    Attributes:
        path: Location in the payload, such as ``data[3].id``; empty for the whole payload.
        problem: Description of the error.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)


class ApiError(GraphbuildError):
    """The service refused a request, or could not be reached.

    Attributes:
        status: The HTTP status, 0 without a response.
        code: The API's error code; without one, ``HTTP`` and the status, or a code of graphbuild
            such as ``Unreachable``.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class AuthenticationError(ApiError):
    """The API key is missing, malformed or refused (HTTP 401)."""


class ForbiddenError(ApiError):
    """The API key is valid but has no license for the request (HTTP 403)."""


class NotFoundError(ApiError):
    """The service does not know this subject (HTTP 404 with an API error code)."""


class BaseUrlError(ApiError):
    """The base URL does not lead to the API: a redirect, or a 404 without an API error code.

    Redirects are not followed, so the key is not sent to their target.
    """


class TransientError(ApiError):
    """A retry may succeed.

    Attributes:
        sent: False if the request was not sent; it then does not count against the quota.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", sent: bool = True) -> None:
        self.sent = sent
        super().__init__(message, status=status, code=code)


class RateLimitError(TransientError):
    """The service refused a request because of a rate limit (HTTP 429).

    Attributes:
        retry_after: Seconds to wait, as stated in the response; 60 if it states no valid time.
    """

    def __init__(self, message: str, *, retry_after: float, code: str = "") -> None:
        self.retry_after = retry_after
        super().__init__(message, status=429, code=code)


class CrawlPaused(GraphbuildError):  # noqa: N818  a control signal, not an error
    """The run stopped early. All received pages are stored; the next run continues the crawl."""


class QuotaExhaustedError(CrawlPaused):
    """The daily or monthly quota of the service is spent.

    Attributes:
        resets_at: End of the quota period (UTC).
    """

    def __init__(self, message: str, *, resets_at: datetime) -> None:
        self.resets_at = resets_at
        super().__init__(message)


class BudgetExhaustedError(CrawlPaused):
    """The maximum number of calls set by the user is reached."""


class StoreError(GraphbuildError):
    """A campaign file cannot be opened, read or written. Its earlier contents are unchanged."""


class ExportError(GraphbuildError):
    """An export could not be written. An existing file of that name is unchanged."""


class AnalysisError(GraphbuildError):
    """An analysis has no answer for these names.

    A name matches no node, a name matches several nodes, or both ends of a path are the same node.
    """


class MissingLibraryError(GraphbuildError, ImportError):
    """A library of an extra is not installed; the message contains the command to install it."""
