"""Mask the API key on standard output and standard error.

Results, notices, usage errors, progress bars and tracebacks are all written to these two streams.
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

MIN_MASKED = 12  # characters; shorter parts of a key are not masked
# A line ``apikey = "..."`` of any .vt.toml: its key may differ from the configured keys. The match
# ends before quotes and backslashes, so that masked JSON stays valid.
_SETTING = re.compile(rf"(apikey\W{{1,8}})[^\s\"'\\]{{{MIN_MASKED},}}", re.IGNORECASE)


class KeyMask:
    """Replaces 12 or more consecutive characters of a key, in upper or lower case, by asterisks.

    Backslashes before the characters are also masked: JSON, Markdown and ``repr`` insert them.
    Values of ``apikey`` settings with 12 or more characters are masked, even if they are not keys
    in ``keys``.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        long_keys = {key.lower() for key in keys if len(key) >= MIN_MASKED}
        stripped_keys = {key.replace("\\", "") for key in long_keys}
        # Any 12 consecutive characters of a key contain one of these blocks of 6. Most texts
        # contain no block, and searching for the blocks is 50 times as fast as the pattern.
        half = MIN_MASKED // 2
        self._blocks = {
            key[start : start + half]
            for key in long_keys | stripped_keys
            for start in range(0, len(key) - half + 1, half)
        }
        parts = {r"\\*".join(map(re.escape, part)) for part in _parts(stripped_keys)}
        parts |= {re.escape(part) for part in _parts(long_keys) if "\\" in part}
        self._part = re.compile(rf"(?=(\\*(?:{'|'.join(parts)})))", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """Return ``text`` with asterisks in place of keys and of values of ``apikey`` settings."""
        lowered = text.lower()
        if "apikey" in lowered:
            text = _SETTING.sub(r"\1****", text)
        if "\\" in lowered:
            lowered += lowered.replace("\\", "")
        if any(block in lowered for block in self._blocks):
            characters = list(text)
            for match in self._part.finditer(text):
                start, end = match.span(1)
                characters[start:end] = "*" * (end - start)
            text = "".join(characters)
        return text


def _parts(keys: Iterable[str]) -> set[str]:
    """Return all substrings of the keys that have exactly 12 characters."""
    return {
        key[start : start + MIN_MASKED]
        for key in keys
        for start in range(len(key) - MIN_MASKED + 1)
    }


class _MaskedStream(io.TextIOWrapper):
    """A stream that masks keys, and escapes characters that its encoding cannot represent."""

    def __init__(self, stream: TextIO, mask: Callable[[str], str]) -> None:
        # typer would replace an ASCII stream by its own UTF-8 stream, which masks nothing.
        is_ascii = codecs.lookup(stream.encoding).name == "ascii"
        encoding = "utf-8" if is_ascii else stream.encoding
        super().__init__(stream.buffer, encoding, "backslashreplace", line_buffering=True)
        self._mask = mask

    def write(self, text: str, /) -> int:
        return super().write(self._mask(text))


class _MaskedErrors(_MaskedStream):
    """Standard error. Write errors are ignored, so that they do not change the exit code."""

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def mask_output() -> None:
    """Mask all configured keys in everything that this process prints from now on.

    Replace ``sys.stdout`` and ``sys.stderr`` by streams that mask keys.
    """
    from graphbuild.api.auth import configured_keys

    mask = KeyMask(configured_keys())
    # A stream is None if its file descriptor was closed when Python started.
    if sys.stdout is not None:
        sys.stdout = _MaskedStream(sys.stdout, mask)
    if sys.stderr is not None:
        sys.stderr = _MaskedErrors(sys.stderr, mask)
