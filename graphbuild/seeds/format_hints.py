"""Suggest another format if rejected lines or cells contain a hash or something like a host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbuild.seeds.entries import contains_hash

if TYPE_CHECKING:
    from graphbuild.seeds.results import SeedReader

_MAX_CHECKED = 4_096  # characters of a line or cell
_HOST_SIGN = re.compile(r"h[tx]{2}ps?\W|\[\.\]|\d\.\d{1,3}\.\d{1,3}\.\d", re.IGNORECASE)
_CELL_SEPARATOR = re.compile(r"[,;\t]")  # no bar: it usually belongs to Markdown or AsciiDoc
# The start of a rule of Snort or Suricata, whose commas and semicolons do not separate cells.
_RULE = re.compile(r"[#\s]*[a-z]+[ \t]+[a-z0-9-]+[ \t].*\([ \t]*(?:msg|sid|flow|content)[ \t]*:")
# Local addresses, for example of ``localhost`` in a hosts file, are not indicators.
_LOCAL_ADDRESS = re.compile(
    r"(?<![\d.])(?:127(?:\.\d{1,3}){3}|0\.0\.0\.0|255\.255\.255\.255)(?![\d.])"
)
_FREE_TEXT, _TABLE = "free text with --format text", "a table with --format csv"


class FormatHint:
    """Counts rejected entries that seem to contain indicators, and adds a warning about them."""

    def __init__(self, unit: str) -> None:
        self._unit = unit  # what is counted, such as ``lines``
        self._with_hash = self._with_host = self._with_cells = self._rules = 0

    def check(self, text: str) -> None:
        """Count a rejected line or cell if it contains a hash or something like a host."""
        text = text[:_MAX_CHECKED]
        if contains_hash(text):
            self._with_hash += 1
        elif _HOST_SIGN.search(_LOCAL_ADDRESS.sub("", text)):
            self._with_host += 1
        else:
            return
        if _RULE.match(text):
            self._rules += 1
        else:
            self._with_cells += len(_CELL_SEPARATOR.findall(text)) > 1

    def finish(self, reader: SeedReader, *, is_table: bool = False) -> None:
        """Add a warning that suggests other formats, if any rejected entry was counted.

        If most counted entries have several cells, the format of tables is suggested first.
        """
        count = self._with_hash or self._with_host
        if not count:
            return
        what = "hashes" if self._with_hash else "addresses or URLs"
        is_rules = self._rules * 2 > self._with_hash + self._with_host
        formats = [_FREE_TEXT] if is_table or is_rules else [_FREE_TEXT, _TABLE]
        if self._with_cells * 2 > self._with_hash + self._with_host:
            formats.reverse()
        contain = "contains" if count == 1 else "contain"
        reader.seeds.warnings.append(
            f"{reader.source}: {count:,} of the rejected {self._unit} {contain} {what};"
            f" read {', and '.join(formats)}"
        )
