"""The exceptions of graphbuild.

::

    GraphbuildError
    ├── SeedError, PayloadError, StoreError, ExportError, AnalysisError, MissingLibraryError
    ├── ApiError
    │   ├── AuthenticationError, ForbiddenError, NotFoundError, BaseUrlError
    │   └── TransientError
    │       └── RateLimitError
    └── CrawlPaused
        └── QuotaExhaustedError, BudgetExhaustedError

Every message states the cause and, where possible, how to solve the problem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class GraphbuildError(Exception):
    """Base class of all exceptions of this package."""


class SeedError(GraphbuildError):
    """A seed list could not be read. Invalid lines of a readable list do not raise this error."""


class PayloadError(GraphbuildError):
    """A response does not have the documented structure.

    ``path`` is the place of the ``problem``, such as ``data[3].id``; empty for the whole payload.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)


class ApiError(GraphbuildError):
    """The service refused a request, or could not be reached.

    ``status`` is the HTTP status, or 0 without a response. ``code`` is the API's error code. If
    there is none, it is the status, as in ``HTTP 502``, or a code of graphbuild (``Unreachable``).
    ``sent`` is False if the request was not sent, so that it does not count against the quota.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", sent: bool = True) -> None:
        self.status = status
        self.code = code
        self.sent = sent
        super().__init__(message)


class AuthenticationError(ApiError):
    """The API key is missing, malformed or refused (HTTP 401)."""


class ForbiddenError(ApiError):
    """The API key may not read this list (HTTP 403 with an API error code)."""


class NotFoundError(ApiError):
    """The service does not know the subject or the relationship (HTTP 404 with an API error code).

    ``names_subject`` is whether the service's message contains the id of the subject.
    """

    names_subject = False


class BaseUrlError(ApiError):
    """The response is not from the API: a redirect, or a 4xx without an API error code."""


class TransientError(ApiError):
    """A retry may succeed, for example after HTTP 5xx, a broken connection or a damaged page."""


class RateLimitError(TransientError):
    """The service refused a request because of a rate limit (HTTP 429).

    ``retry_after`` is the time to wait in seconds, from the header ``Retry-After`` (default: 60).
    """

    def __init__(self, message: str, *, retry_after: float, code: str = "") -> None:
        self.retry_after = retry_after
        super().__init__(message, status=429, code=code)


class CrawlPaused(GraphbuildError):  # noqa: N818  a control signal, not an error
    """The run stopped early. All received pages are stored; the next run continues the crawl."""


class QuotaExhaustedError(CrawlPaused):
    """The daily or monthly quota of the service is spent until ``resets_at`` (UTC)."""

    def __init__(self, message: str, *, resets_at: datetime) -> None:
        self.resets_at = resets_at
        super().__init__(message)


class BudgetExhaustedError(CrawlPaused):
    """The maximum number of calls set by the user is reached."""


class StoreError(GraphbuildError):
    """A campaign file cannot be opened, read or written. The failed operation changes nothing."""


class StoreMovedError(StoreError):
    """A campaign file was deleted, moved or replaced while it was open for writing.

    When the file is closed, its data is saved, and the message names the place.
    """


class ExportError(GraphbuildError):
    """A graph cannot be written or read. A file that could not be written is left as it was."""


class AnalysisError(GraphbuildError):
    """A name matches no node or several nodes, or both ends of a path are the same node."""


class MissingLibraryError(GraphbuildError, ImportError):
    """A library of an extra is not installed; the message contains the command to install it."""
