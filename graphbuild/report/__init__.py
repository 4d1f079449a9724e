"""A campaign told on one page: numbers, what is missing, clusters, bridges, times, what is new.

::

    from graphbuild.report import write_report

    with gb.Store.read("campaign.db") as store:
        write_report(store, "output")  # report.md and report.html

Both are whole by themselves, pictures included, and ask nobody for anything.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.exporters import ExportedFile, ExportWarnings
from graphbuild.exporters.atomic_write import make_folder, open_atomic
from graphbuild.report.data import Before, Findings, find
from graphbuild.report.html import as_page
from graphbuild.report.markdown import as_markdown
from graphbuild.report.sections import blocks_of

if TYPE_CHECKING:
    from graphbuild.store import Store

__all__ = ["Before", "Findings", "find", "write_report"]


def write_report(
    store: Store, folder: str | Path, before: Before | None = None, *, seed: int = 0
) -> list[ExportedFile]:
    """Write ``report.md`` and ``report.html`` into a folder, each whole or not at all.

    The same campaign file gives the same bytes.

    Args:
        store: the campaign file.
        folder: where they go; made if missing.
        before: what to hold the campaign beside, so that the report tells what is new.
        seed: of the clusters.

    Raises:
        AnalysisError: scipy, in the extra ``analysis``, is not installed.
        ExportError: a file could not be written; what stood there still stands.
    """
    blocks = blocks_of(find(store, before, seed=seed))
    into = make_folder(Path(folder))
    texts = {"report.md": as_markdown(blocks), "report.html": as_page(blocks)}
    return [_write(into / name, text.encode("utf-8")) for name, text in texts.items()]


def _write(path: Path, content: bytes) -> ExportedFile:
    with open_atomic(path) as stream:
        stream.write(content)
    return ExportedFile(path, len(content), hashlib.sha256(content).hexdigest(), ExportWarnings())
