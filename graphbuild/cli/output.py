"""Standard output and standard error of the process, without the API key.

Results, notices, usage errors, progress bars and tracebacks all pass through these streams.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

MIN_MASKED = 12  # characters in a row of a key
# A line of .vt.toml, which may contain another key than the configured one.
_SETTING = re.compile(rf"(apikey\W{{1,8}})\w{{{MIN_MASKED},}}", re.IGNORECASE)


class KeyMask:
    """Replaces parts of API keys in texts by asterisks; case is ignored."""

    def __init__(self, keys: Iterable[str]) -> None:
        long_keys = {key.lower() for key in keys if len(key) >= MIN_MASKED}
        half = MIN_MASKED // 2
        # Any 12 characters in a row of a key contain one of these blocks. Texts without a block are
        # the rule, and searching for the blocks is 50 times as fast as the pattern.
        self._blocks = {
            key[start : start + half]
            for key in long_keys
            for start in range(0, len(key) - half + 1, half)
        }
        parts = {
            re.escape(key[start : start + MIN_MASKED])
            for key in long_keys
            for start in range(len(key) - MIN_MASKED + 1)
        }
        self._part = re.compile(f"(?=({'|'.join(parts)}))", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """Return ``text`` with an asterisk for each character that is part of a key."""
        lowered = text.lower()
        if "apikey" in lowered:
            text = _SETTING.sub(r"\1****", text)
        if any(block in lowered for block in self._blocks):
            characters = list(text)
            for match in self._part.finditer(text):
                start, end = match.span(1)
                characters[start:end] = "*" * (end - start)
            text = "".join(characters)
        return text


class _MaskedStream(io.TextIOWrapper):
    """A stream that masks keys and escapes characters that its encoding does not have."""

    def __init__(self, stream: TextIO, mask: Callable[[str], str]) -> None:
        # typer replaces a stream in ASCII by one of its own in UTF-8, which masks nothing.
        is_ascii = codecs.lookup(stream.encoding).name == "ascii"
        encoding = "utf-8" if is_ascii else stream.encoding
        super().__init__(stream.buffer, encoding, "backslashreplace", line_buffering=True)
        self._mask = mask

    def write(self, text: str, /) -> int:
        return super().write(self._mask(text))


class _MaskedErrors(_MaskedStream):
    """Standard error; a failure to write to it does not change the result of a command."""

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def mask_output() -> None:
    """Mask the API key in everything that the process prints from now on."""
    from graphbuild.api.auth import configured_keys

    mask = KeyMask(configured_keys())
    # A stream is None if its descriptor is closed.
    if sys.stdout is not None:
        sys.stdout = _MaskedStream(sys.stdout, mask)
    if sys.stderr is not None:
        sys.stderr = _MaskedErrors(sys.stderr, mask)
