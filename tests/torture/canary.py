"""The key of all runs is a canary: whatever they left behind is searched for it (G24).

Six ways to write it: plain, base64 (at each of three alignments), percent, JSON escapes, hex, and
backwards. Upper and lower case count as one where the way knows no case.
"""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from typing import TYPE_CHECKING

from tests.support.keys import CANARY
from tests.torture.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GZIP = b"\x1f\x8b"


def patterns(key: str = CANARY) -> dict[str, re.Pattern[bytes]]:
    """What to look for, by the name of the way it is written."""
    raw = key.encode()
    aligned = [base64.b64encode(b"\0" * pad + raw)[4 * (pad > 0) : -4] for pad in range(3)]
    percent = "".join(f"%{byte:02x}" for byte in raw)
    escaped = "".join(f"\\u{byte:04x}" for byte in raw)
    ways = {
        "plain": (raw,),
        "base64": tuple(aligned),
        "percent": (percent.encode(),),
        "JSON-escaped": (escaped.encode(),),
        "hex": (raw.hex().encode(),),
        "reversed": (raw[::-1],),
    }
    return {
        name: re.compile(b"|".join(map(re.escape, texts)), 0 if name == "base64" else re.IGNORECASE)
        for name, texts in ways.items()
    }


def scan(folder: Path, key: str = CANARY) -> Tally:
    """Search every file below a folder, and their names; a round is a file."""
    tally = Tally("canary")
    looked_for = patterns(key)
    for path in sorted(folder.rglob("*")):
        texts = [str(path.relative_to(folder)).encode(), *_contents(path)]
        for way, pattern in looked_for.items():
            hits = sum(len(pattern.findall(text)) for text in texts)
            tally.key_bytes += hits * len(key)
            tally.expect(not hits, f"{path}: the key stands there {hits} times ({way})")
        tally.rounds += path.is_file()
    tally.expect(tally.rounds, "there was nothing to search")
    return tally.done()


def _contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what is packed in them."""
    if not path.is_file():
        return
    content = path.read_bytes()
    yield content
    if content.startswith(_GZIP):
        try:
            yield gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return
