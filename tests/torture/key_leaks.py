"""Search all files that a run has written for its API key (G24).

The key is found in six encodings: plain, base64 (in three alignments), percent, JSON escapes, hex
and reversed. Case is ignored where the encoding allows it.
"""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from typing import TYPE_CHECKING

from tests.support.keys import CANARY
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GZIP = b"\x1f\x8b"


def patterns(key: str = CANARY) -> dict[str, re.Pattern[bytes]]:
    """Return a pattern of the key per encoding."""
    raw = key.encode()
    aligned = [base64.b64encode(b"\0" * pad + raw)[4 * (pad > 0) : -4] for pad in range(3)]
    percent = "".join(f"%{byte:02x}" for byte in raw)
    escaped = "".join(f"\\u{byte:04x}" for byte in raw)
    encodings = {
        "plain": (raw,),
        "base64": tuple(aligned),
        "percent": (percent.encode(),),
        "JSON-escaped": (escaped.encode(),),
        "hex": (raw.hex().encode(),),
        "reversed": (raw[::-1],),
    }
    return {
        name: re.compile(b"|".join(map(re.escape, texts)), 0 if name == "base64" else re.IGNORECASE)
        for name, texts in encodings.items()
    }


def scan(folder: Path, key: str = CANARY) -> PartResult:
    """Search the content and the name of every file below a folder; a round is a file."""
    result = PartResult("key leaks")
    searched = patterns(key)
    for path in sorted(folder.rglob("*")):
        texts = [str(path.relative_to(folder)).encode(), *_contents(path)]
        for encoding, pattern in searched.items():
            hits = sum(len(pattern.findall(text)) for text in texts)
            result.key_bytes += hits * len(key)
            result.check(not hits, f"{path}: contains the key {hits} times ({encoding})")
        result.rounds += path.is_file()
    result.check(result.rounds, "there were no files to search")
    return result.finish()


def _contents(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, and the decompressed bytes."""
    if not path.is_file():
        return
    content = path.read_bytes()
    yield content
    if content.startswith(_GZIP):
        try:
            yield gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return
