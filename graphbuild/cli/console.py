"""Output: results on standard output, notices and progress on standard error.

Text from API responses and seed lists is untrusted. Before text is printed,
:func:`graphbuild._util.escape_unprintable` escapes control and bidirectional formatting characters.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from graphbuild._util import MAX_DISPLAY_LENGTH, escape_unprintable
from graphbuild.models import Entity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

LOG = logging.getLogger("graphbuild")
notice = LOG.info  # logs a message that is not an error; --quiet hides it
error = LOG.error  # logs an error, even with --quiet
_MAX_PER_KIND = 100  # messages of one kind
_MAX_KINDS = 10  # kinds of messages that are counted separately
_COLUMN_GAP = "  "
_MIN_COLUMN_WIDTH = 12  # characters; narrower columns of tables are never shortened
_MIN_KEPT = 12  # characters before a qualifier; if fewer fit, the qualifier is not kept


class _SafeFormatter(logging.Formatter):
    """Formats a log record as its message only, with unsafe characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return escape_unprintable(record.getMessage())


def configure_logging(*, verbose: bool = False, quiet: bool = False) -> None:
    """Log errors and notices to standard error; with ``quiet``, log errors only.

    ``verbose`` without ``quiet`` also logs the request line and the status code of each request to
    the API. Headers, which contain the API key, are never logged.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_SafeFormatter())
    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO
    for name in ("graphbuild", "mcp", "urllib3"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level if name == "graphbuild" or verbose else logging.ERROR)


def print_line(text: str = "", longest: int = MAX_DISPLAY_LENGTH) -> None:
    """Print a line of the result: truncate it to ``longest`` characters, then escape it."""
    typer.echo(escape_unprintable(text, longest))


def print_json(value: Mapping[str, object]) -> None:
    """Print the result as one JSON object."""
    typer.echo(json.dumps(value, ensure_ascii=True, indent=2))


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], divider: tuple[int, str] | None = None
) -> None:
    """Print a header and rows in aligned columns; integers get separators of thousands.

    On a terminal, long texts are shortened so that the table fits its width if possible.
    ``divider`` is a number of rows, and a line to print after them.
    """
    cells = [
        [f"{cell:,}" if isinstance(cell, int) else escape_unprintable(str(cell)) for cell in row]
        for row in (header, *rows)
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if sys.stdout.isatty():
        widths = _fit(widths, shutil.get_terminal_size().columns)
    for number, row in enumerate(cells):
        line = _COLUMN_GAP.join(
            (cell if len(cell) <= width else shorten(cell, width - 1)).ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        print_line(line.rstrip())
        if divider and number == divider[0]:  # row 0 is the header
            print_line(divider[1])


def _fit(widths: Sequence[int], available: int) -> list[int]:
    """Return ``widths``, the widest reduced until the table fits; none is reduced below 12."""
    fitting = list(widths)
    excess = sum(widths) + len(_COLUMN_GAP) * (len(widths) - 1) - available
    while excess > 0 and max(fitting) > _MIN_COLUMN_WIDTH:
        fitting[fitting.index(max(fitting))] -= 1
        excess -= 1
    return fitting


def print_rows(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    total: int,
    divider: tuple[int, str] | None = None,
    shows_all: str = "--json",
) -> None:
    """Print ``rows`` as a table, then the number of omitted rows, unless it is 0.

    ``total`` is the number of all rows, including the omitted ones. ``divider`` is that of
    :func:`print_table`, and ``shows_all`` that of :func:`print_omitted`.
    """
    if rows:
        print_table(header, rows, divider)
    print_omitted(total - len(rows), shows_all)


def print_omitted(count: int, shows_all: str = "--json") -> None:
    """Print the number of omitted entries, unless it is 0.

    ``shows_all`` are the options with which all entries are shown.
    """
    if count > 0:
        print_line(f"… and {count:,} more; --limit N shows more, {shows_all} shows all")


def limit_by_kind(messages: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the first 100 texts of each kind, then the number of further texts of each kind.

    ``messages`` are pairs of a kind and a text. The first ten distinct kinds are counted
    separately, and all others together as one kind.
    """
    counts: Counter[str] = Counter()
    for kind, text in messages:
        known = kind if kind in counts or len(counts) < _MAX_KINDS else "of other kinds"
        counts[known] += 1
        if counts[known] <= _MAX_PER_KIND:
            yield text
    for kind, count in counts.items():
        if count > _MAX_PER_KIND:
            yield f"… and {count - _MAX_PER_KIND:,} more: {kind}; --json lists all"


def attributes_json(value: object, *names: str) -> dict[str, object]:
    """Return attributes of ``value`` by name as JSON data.

    Entities become their node keys, and tuples become lists.
    """

    def convert(attribute: object) -> object:
        if isinstance(attribute, tuple | list):
            return [convert(each) for each in attribute]
        return attribute.key if isinstance(attribute, Entity) else attribute

    return {name: convert(getattr(value, name)) for name in names}


def entity_json(entity: Entity, value: object, *names: str) -> dict[str, object]:
    """Return the key and label of ``entity``, and attributes of ``value``, by name as JSON data."""
    return {**attributes_json(entity, "key", "label"), **attributes_json(value, *names)}


def shorten(text: str, longest: int = 40) -> str:
    """Return the first ``longest`` characters of ``text``, followed by "…" if any were omitted.

    If a long text ends with a short qualifier in parentheses, the characters before the qualifier
    are omitted instead, because the qualifier tells labels apart.
    """
    if len(text) <= longest:
        return text
    qualifier = text[text.rfind(" (") :] if text.endswith(")") else ""
    kept = longest - len(qualifier)
    return f"{text[:kept]}…{qualifier}" if kept >= _MIN_KEPT else f"{text[:longest]}…"


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """Show a spinner; yield a function that sets the name of the current step, shown beside it.

    Nothing is shown with ``--quiet``, or if standard error is not a terminal.
    """
    if not LOG.isEnabledFor(logging.INFO) or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("") as status:
        yield lambda step: status.update(Text(f"{escape_unprintable(step)} ..."))
