"""Write a report about a campaign: missing data, changes, clusters, bridges and a timeline.

::

    import graphbuild as gb
    from graphbuild.report import write_report

    with gb.Store.read("campaign.db") as store:
        write_report(store, "output")  # report.md and report.html

Both files contain their figures. To display a file, a program loads nothing from the network.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.exporters import ExportedFile, ExportWarnings
from graphbuild.exporters.atomic_write import make_folder, open_atomic
from graphbuild.report.data import Baseline, ReportData, collect_data
from graphbuild.report.html import render_html
from graphbuild.report.markdown import render_markdown
from graphbuild.report.sections import build_blocks

if TYPE_CHECKING:
    from graphbuild.store import Store

__all__ = ["Baseline", "ReportData", "collect_data", "write_report"]


def write_report(
    store: Store, folder: str | Path, baseline: Baseline | None = None, *, seed: int = 0
) -> list[ExportedFile]:
    """Write ``report.md`` and ``report.html``, each atomically; return the written files.

    The same campaign file, baseline, seed and library versions give the same bytes.

    Args:
        store: The campaign file.
        folder: The folder for the two files; it is created if it does not exist.
        baseline: An earlier snapshot; the report then contains the changes since this snapshot.
        seed: The random seed of the cluster detection.

    Raises:
        MissingLibraryError: A library of the extra ``analysis``, except NetworKit, is missing.
        ExportError: The folder or a file cannot be written. If only the second file cannot be
            written, the first file is new. A file that cannot be replaced remains unchanged.
    """
    blocks = build_blocks(collect_data(store, baseline, seed=seed))
    folder = make_folder(Path(folder))
    texts = {"report.md": render_markdown(blocks), "report.html": render_html(blocks)}
    written = []
    for name, text in texts.items():
        content = text.encode("utf-8")
        with open_atomic(folder / name) as stream:
            stream.write(content)
        digest = hashlib.sha256(content).hexdigest()
        written.append(ExportedFile(folder / name, len(content), digest, ExportWarnings()))
    return written
