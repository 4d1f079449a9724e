"""The exceptions of graphbuild.

::

    GraphbuildError
    ├── SeedError, PayloadError, ExportError, AnalysisError, MissingLibraryError, ToolNameError
    ├── StoreError
    │   └── StoreMovedError
    ├── ApiError
    │   ├── AuthenticationError, ForbiddenError, NotFoundError, BaseUrlError
    │   └── TransientError
    │       └── RateLimitError
    └── CrawlPaused
        └── QuotaExhaustedError, BudgetExhaustedError

Messages state the cause and, where possible, how to solve the problem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class GraphbuildError(Exception):
    """Base class of the exceptions that graphbuild defines."""


class SeedError(GraphbuildError):
    """A seed list cannot be read or used. Invalid indicators do not raise it; they are skipped."""


class PayloadError(GraphbuildError):
    """A response is not valid JSON, has an unexpected structure, or is about another list.

    Attributes:
        path: The path of the invalid value in the response, such as ``data[3].id``; empty if the
            problem concerns the response as a whole.
        problem: The message without the path.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)


class ApiError(GraphbuildError):
    """A request failed: it was refused, the service did not respond, or the response is unusable.

    Attributes:
        status: The HTTP status; 0 if there was no response.
        code: The API's error code, such as ``NotFoundError``. Without an error code of the API, it
            is the status (``HTTP 502``), a code of graphbuild (``Unreachable``), or empty.
        sent: False if no request was sent. Nothing then counts against the quota.
        api_flavor: The API flavor of the request, ``classic`` or ``gti``; empty if it is not known.
    """

    api_flavor = ""

    def __init__(self, message: str, *, status: int = 0, code: str = "", sent: bool = True) -> None:
        self.status = status
        self.code = code
        self.sent = sent
        super().__init__(message)


class AuthenticationError(ApiError):
    """There is no valid API key, or the service refused the key (HTTP 401)."""


class ForbiddenError(ApiError):
    """The service refused access to a list (HTTP 403 with an API error code)."""


class NotFoundError(ApiError):
    """The service does not know the subject or relationship (HTTP 404 with an API error code)."""

    names_subject = False  # whether the service's message contains the id of the subject


class BaseUrlError(ApiError):
    """The base URL seems to be wrong: for example, the response is a redirect."""


class TransientError(ApiError):
    """A temporary failure, such as HTTP 5xx or a broken connection. A retry may succeed."""


class RateLimitError(TransientError):
    """The service refused a request because of a rate limit or a quota (HTTP 429)."""

    def __init__(self, message: str, *, retry_after: float, code: str = "") -> None:
        self.retry_after = retry_after  # seconds to wait before the next request
        super().__init__(message, status=429, code=code)


class CrawlPaused(GraphbuildError):  # noqa: N818  a control signal, not an error
    """A crawl stopped before its end. The received pages are stored, and the next run continues."""


class QuotaExhaustedError(CrawlPaused):
    """The quota is probably spent. Requests should succeed again after ``resets_at`` (UTC)."""

    def __init__(self, message: str, *, resets_at: datetime) -> None:
        self.resets_at = resets_at
        super().__init__(message)


class BudgetExhaustedError(CrawlPaused):
    """The user's limit of calls, per campaign or per UTC day, is reached."""


class StoreError(GraphbuildError):
    """A campaign file cannot be opened, read or written, or it is damaged."""


class StoreMovedError(StoreError):
    """A campaign file was deleted, moved or replaced while it was open for writing.

    Closing the store then saves the data, if possible, and raises this error again. The message
    of that error states where the data is.
    """


class ExportError(GraphbuildError):
    """A graph or report cannot be written, or a graph cannot be read.

    If writing fails, an existing file stays unchanged.
    """


class AnalysisError(GraphbuildError):
    """A name does not match exactly one node, or both ends of a path are the same node."""


class MissingLibraryError(GraphbuildError, ImportError):
    """An optional library is not installed. The message contains the command that installs it."""


class ToolNameError(GraphbuildError, ValueError):
    """The name for the header ``x-tool`` is invalid. The message states what is expected."""
