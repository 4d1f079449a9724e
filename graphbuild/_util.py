"""Helpers for text, timestamps, optional libraries, files, pipes and signals."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import sys
import unicodedata
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from string import punctuation
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from graphbuild.errors import MissingLibraryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

# The libraries of each extra. A test compares them with pyproject.toml.
EXTRAS = {
    "analysis": ("networkit", "tldextract", "w3lib"),
    "columnar": ("pyarrow",),
    "duckdb": ("duckdb", "pyarrow"),
    "lists": ("stix2", "stix2-patterns", "tldextract"),
    "mcp": ("mcp",),
    "notebook": ("anywidget", "ipykernel", "matplotlib", "traitlets"),
    "spark": ("pyspark-client", "pyarrow"),
    "xlsx": ("xlsxwriter",),
}
MAX_DISPLAY_LENGTH = 500  # characters
# Unicode categories: control, format (bidi, zero width), surrogate, private use, unassigned, line
# separator, paragraph separator.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# A shell replaces ``<(command)`` with the path of an open file descriptor.
_INHERITED_PIPE = re.compile(r"/dev/fd/(\d{1,4})|/proc/self/fd/(\d{1,4})")
_PIPE_TIMEOUT = 3.0  # seconds to wait for the first byte of a named pipe
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_MARKDOWN_ESCAPES = str.maketrans({char: f"\\{char}" for char in punctuation})


class UntrustedText(NamedTuple):
    """Text from the API or a seed list. It must be escaped before it is displayed."""

    text: str


# A line of text in parts. Parts of type ``str`` can be displayed without escaping.
MixedText = tuple[str | UntrustedText, ...]


def to_plain_text(text: MixedText) -> str:
    """Join the parts of a line without escaping anything."""
    return "".join(part.text if isinstance(part, UntrustedText) else part for part in text)


def escape_unprintable(text: str, max_length: int = MAX_DISPLAY_LENGTH) -> str:
    """Escape unprintable characters, which a terminal may hide or interpret as commands.

    Before that, an ellipsis replaces all characters of ``text`` after the first ``max_length``. The
    result can be longer than ``max_length``, because escapes are longer than characters.
    """
    shortened = text if len(text) <= max_length else text[:max_length] + "…"
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _UNPRINTABLE
        else char
        for char in shortened
    )


def escape_markdown(text: str) -> str:
    """Escape unprintable characters, then ASCII punctuation, and return text for Markdown.

    The text is shortened as in :func:`escape_unprintable`.
    """
    return escape_unprintable(text).translate(_MARKDOWN_ESCAPES)


def format_count(number: int, noun: str) -> str:
    """Return a number and a noun, such as ``1 file`` or ``3,000 files``."""
    return f"{number:,} {pluralize(number, noun)}"


def pluralize(number: int, noun: str) -> str:
    """Return ``noun``, in the plural unless ``number`` is 1."""
    if number == 1:
        return noun
    if noun.endswith("y") and noun[-2:-1] not in set("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def format_timestamp(seconds: float) -> str:
    """Format a time (seconds since 1970) in UTC to the second, as in ``2026-11-23T06:20:58Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def install_command(extra: str) -> str:
    """Return a shell command that installs the libraries of an extra for the running Python."""
    # ``pip install graphbuild[extra]`` fails if graphbuild is in no package index.
    python = shlex.quote(sys.executable or "python3")
    return f"{python} -m pip install {' '.join(EXTRAS[extra])}"


def require(module: str, *, extra: str) -> Any:  # noqa: ANN401  attributes depend on the module
    """Import and return a module of an optional library, such as ``pyarrow.parquet``.

    If the import fails, raise MissingLibraryError with the command that installs ``extra``.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise MissingLibraryError(
            f"this needs {library}, which is not installed; run: {install_command(extra)}"
        ) from error


@contextmanager
def open_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file or a pipe for reading bytes.

    Raise OSError if a named pipe delivers no data within three seconds.
    """
    if not Path(path).is_fifo():
        with Path(path).open("rb") as stream:
            yield stream
        return
    if inherited := _INHERITED_PIPE.fullmatch(str(path)):
        # The descriptor is copied. If the writer has already finished, opening the path again would
        # block forever.
        descriptor = os.dup(int(inherited[1] or inherited[2]))
    else:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not inherited:
            _wait_for_data(stream)
        yield stream


def _wait_for_data(pipe: BinaryIO) -> None:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if not poll.poll(_PIPE_TIMEOUT * 1000):
        raise OSError("it is a pipe without data; use a regular file, or standard input for seeds")
    os.set_blocking(pipe.fileno(), True)


def fsync_directory(path: Path) -> None:
    """Flush a directory to disk, so that a rename in it survives a crash of the system.

    Do nothing if the directory cannot be flushed, as on systems other than POSIX. A crash may then
    undo the rename.
    """
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def on_signal(handler: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call ``handler`` on the first SIGINT, SIGTERM and SIGHUP during the ``with`` block.

    ``handler`` is called at most once per kind of signal: a second SIGINT, for example, has its
    default action. Signals that are ignored when the block starts, as under ``nohup``, stay
    ignored. Outside such blocks, the three signals end the process at once.

    Raises:
        ValueError: The block does not run in the main thread.
    """

    def handle(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        handler(signal.Signals(number))

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    # None is a handler that was not set by Python, and could not be set again.
    unchanged = {signal.SIG_IGN, None}
    handled = [number for number in numbers if signal.getsignal(number) not in unchanged]
    previous = {number: signal.signal(number, handle) for number in handled}
    try:
        yield
    finally:
        for number, action in previous.items():
            signal.signal(number, action)
