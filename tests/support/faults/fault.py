"""The description of one fault."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that affects `times` requests (None: all) after the first `after` requests.

    Attributes:
        kind: One of `FAULT_KINDS`.
        value: The parameter of the kind: a status, a URL, seconds, a number of bytes, a body.
        match: Only requests whose path and query contain this text are counted and affected.
        retry_after: The `Retry-After` header of kinds that make an error response.
    """

    kind: str
    value: str | bytes | float = ""
    _: KW_ONLY
    times: int | None = 1
    after: int = 0
    match: str = ""
    retry_after: str | None = None

    @property
    def text(self) -> str:
        """The value as text."""
        return self.value.decode() if isinstance(self.value, bytes) else str(self.value)

    @property
    def data(self) -> bytes:
        """The value as bytes."""
        return self.value if isinstance(self.value, bytes) else str(self.value).encode()

    def number(self, default: int) -> int:
        """Return the value as an integer."""
        return int(self.value or default)

    def seconds(self, default: float) -> float:
        """Return the value as a number of seconds."""
        return default if self.value == "" else float(self.value)
