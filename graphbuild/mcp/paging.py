"""Divide lists into pages, and make cursors.

A cursor is opaque to clients. It contains the position of the next page and the state of the
campaign file, with a message authentication code (MAC) over both, the tool and its arguments. So a
cursor of another tool, of other arguments or of another server is refused.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import struct
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from graphbuild.mcp.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

_Entry = TypeVar("_Entry")

DEFAULT_LIMIT = 20  # entries per page, as in the tables of the commands
MAX_LIMIT = 500  # so that a page does not fill the context of a model
_HEAD = struct.Struct(">QQ")  # position of the next entry, number of the snapshot
_MAC_SIZE = 16  # bytes
_INVALID = (
    "invalid cursor; pass next_cursor of the previous result, with the same tool and the same"
    " arguments, or no cursor to start again"
)
_STALE = (
    "stale cursor: the campaign file has changed, and a later call has read its new state; call the"
    " tool without a cursor to start again"
)


class PageRequest(NamedTuple):
    """The part of a list that a call requests."""

    start: int  # index of the first entry
    limit: int  # maximum number of entries

    def select(self, entries: Sequence[_Entry]) -> Sequence[_Entry]:
        """Return the entries of this page."""
        return entries[self.start : self.start + self.limit]


class Cursors:
    """Makes and reads the cursors of one server."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def encode(self, start: int, snapshot: int, call: str) -> str:
        """Return a cursor.

        Args:
            start: The index of the first entry of the next page.
            snapshot: The number of the snapshot to which the list belongs.
            call: The tool and its arguments except cursor and limit, as text.
        """
        head = _HEAD.pack(start, snapshot)
        return base64.urlsafe_b64encode(head + self._mac(head, call)).decode()

    def decode(self, cursor: str, snapshot: int, call: str) -> int:
        """Return the index of the first entry of the next page.

        Raises:
            ToolError: The cursor is invalid, or belongs to another snapshot than ``snapshot``.
        """
        try:
            data = base64.b64decode(cursor, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise ToolError(_INVALID) from None
        head, mac = data[: _HEAD.size], data[_HEAD.size :]
        if not hmac.compare_digest(mac, self._mac(head, call)):
            raise ToolError(_INVALID)
        start, made_for = _HEAD.unpack(head)
        if made_for != snapshot:
            raise ToolError(_STALE)
        return int(start)

    def _mac(self, head: bytes, call: str) -> bytes:
        return hmac.digest(self._key, head + call.encode(), "sha256")[:_MAC_SIZE]
