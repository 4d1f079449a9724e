"""The exceptions of graphbuild.

::

    GraphbuildError
    ├── SeedError, PayloadError, ExportError, DatasetError, AnalysisError, ClaimsError,
    │   MissingLibraryError, ToolNameError
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
    """Base class of all exceptions in this module."""


class SeedError(GraphbuildError):
    """A seed list cannot be read or used. Invalid entries are skipped without this error."""


class PayloadError(GraphbuildError):
    """A response is not valid JSON, has an unexpected structure, or does not match the request.

    Attributes:
        path: The path of the invalid value in the response, such as ``data[3].id``; empty if the
            problem concerns the response as a whole.
        problem: The text of the exception without ``path``.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)


class ApiError(GraphbuildError):
    """The service refused a request, did not respond, or sent an unusable response.

    The error is also raised if a request cannot be sent, for example without a valid API key.

    Attributes:
        status: The HTTP status; 0 if there was no response. If a response with HTTP 200 contains
            only an error, this is the status of the error code, or 502 for an unknown code.
        code: The API's error code, such as ``NotFoundError``. If the API sent none, this is the
            status (``HTTP 502``), a code of graphbuild (``Unreachable``), or empty.
        sent: False if no request was sent, so that no call counts against the quota.
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
    """The service refused access to a list or an object (HTTP 403 with an API error code)."""


class NotFoundError(ApiError):
    """The service does not know the subject or relationship (HTTP 404 with an API error code)."""

    names_subject = False  # whether the message of the service contains the id of the subject


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
    """A crawl stopped early. The received pages are stored, and the next run continues it."""


class QuotaExhaustedError(CrawlPaused):
    """The quota is probably spent. After ``resets_at`` (UTC), requests should succeed again."""

    def __init__(self, message: str, *, resets_at: datetime) -> None:
        self.resets_at = resets_at
        super().__init__(message)


class BudgetExhaustedError(CrawlPaused):
    """The user's limit of calls, per campaign or per UTC day, is reached."""


class StoreError(GraphbuildError):
    """A campaign file is damaged, or cannot be opened, read or written."""


class StoreMovedError(StoreError):
    """A campaign file was deleted, moved or replaced while it was open for writing.

    After this error, ``Store.close`` saves the data, if possible, and raises the error again. The
    second message states where the data is.
    """


class ExportError(GraphbuildError):
    """A graph or report cannot be written, or a graph cannot be read.

    A file that cannot be written completely is not written at all: an existing file stays
    unchanged.
    """


class DatasetError(GraphbuildError):
    """A dataset cannot be read, or it is too large for the limits of the engine or command."""


class AnalysisError(GraphbuildError):
    """The name of a node matches no node or several, or both ends of a path are the same node."""


class ClaimsError(GraphbuildError):
    """A file does not contain the claims of a report, or their version is not supported."""


class MissingLibraryError(GraphbuildError, ImportError):
    """An optional library is not installed. The message contains the command that installs it."""


class ToolNameError(GraphbuildError, ValueError):
    """The value for the header ``x-tool`` is invalid. The message describes valid values."""
