"""What a client tells about its calls: before each is sent, and after its response."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbuild.models import Entity


class CallRecorder:
    """Base class of call recorders. It allows every call and records nothing."""

    def check(self) -> None:
        """Raise CrawlPaused if no call is allowed now."""

    def begin_call(self, subject: Entity, relationship: str) -> int:  # noqa: ARG002  for subclasses
        """Record a call before it is sent; return the id of the record.

        Raise CrawlPaused to prevent the call.
        """
        return 0

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        """Record the result of a call.

        Args:
            call: The id that :meth:`begin_call` returned.
            status: The HTTP status; 0 without a response.
            note: The code or message of the error; empty after a success.
            sent: False if the request cannot have reached the API.
        """
