"""Write a report about a campaign: missing data, changes, clusters, bridges and a timeline.

::

    import graphbuild as gb
    from graphbuild.report import write_report

    with gb.Store.read("campaign.db") as store:
        write_report(store, "output")  # report.md, its figures, and report.html

``report.html`` contains its figures. The figures of ``report.md`` are SVG files beside it. To
display the files, a program loads nothing from the network.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphbuild.exporters import ExportedFile, ExportWarnings
from graphbuild.exporters.atomic_write import make_folder, open_atomic
from graphbuild.report.blocks import Figure, collect_claims
from graphbuild.report.claims_file import claims_json, read_claims
from graphbuild.report.data import Baseline, ReportData, collect_data
from graphbuild.report.html import render_html
from graphbuild.report.markdown import render_markdown
from graphbuild.report.sections import build_blocks
from graphbuild.report.verification import verify_claims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild.report.blocks import Block
    from graphbuild.report.content import Claim
    from graphbuild.store import Store

__all__ = [
    "Baseline",
    "Report",
    "ReportData",
    "collect_data",
    "make_report",
    "read_claims",
    "verify_claims",
    "write_report",
]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A report before it is written: its data and its content.

    Attributes:
        data: The data.
        blocks: The content, independent of the format.
        seed: The random seed for the stability of the clusters.
    """

    data: ReportData
    blocks: Sequence[Block]
    seed: int

    @property
    def claims(self) -> list[Claim]:
        """The claims of the report, in order."""
        return collect_claims(self.blocks)

    def claims_json(self) -> dict[str, object]:
        """Return the claims as JSON data, which :func:`read_claims` reads from a file."""
        return claims_json(self.data, self.claims, seed=self.seed)

    def write(self, folder: str | Path, *, embed: bool = False) -> list[ExportedFile]:
        """Write the report; see :func:`write_report`."""
        blocks = self.blocks
        figures = {} if embed else {each.name: each for each in blocks if isinstance(each, Figure)}
        names = {name: f"report-{name}.svg" for name in figures}
        texts = {names[name]: f"{figure.svg}\n" for name, figure in figures.items()}
        texts["report.md"] = render_markdown(blocks, names)
        texts["report.html"] = render_html(blocks)
        folder = make_folder(Path(folder))
        return [_write(folder / name, text) for name, text in texts.items()]


def make_report(store: Store, baseline: Baseline | None = None, *, seed: int = 0) -> Report:
    """Analyze a campaign file and make its report, without writing it; see :func:`write_report`."""
    data = collect_data(store, baseline, seed=seed)
    return Report(data, build_blocks(data), seed)


def write_report(
    store: Store,
    folder: str | Path,
    baseline: Baseline | None = None,
    *,
    seed: int = 0,
    embed: bool = False,
) -> list[ExportedFile]:
    """Write ``report.md``, its figures and ``report.html``; return the files as written in order.

    Each file is written atomically, and a document only after its figures. The same campaign file,
    arguments and library versions give the same bytes.

    Args:
        store: The campaign file.
        folder: The folder for the files; it is created if it does not exist.
        baseline: An earlier snapshot; the report then contains the changes since this snapshot.
        seed: The random seed for the stability of the clusters.
        embed: Whether ``report.md`` contains its figures, as ``data:`` URLs. By default, the
            figures are SVG files beside it, because code hosts do not display such URLs.

    Raises:
        MissingLibraryError: A library of the extra ``analysis``, except NetworKit, is missing.
        ExportError: The folder or a file cannot be written. The files written before are then new.
            A file that cannot be replaced remains unchanged.
    """
    return make_report(store, baseline, seed=seed).write(folder, embed=embed)


def _write(path: Path, text: str) -> ExportedFile:
    content = text.encode("utf-8")
    with open_atomic(path) as stream:
        stream.write(content)
    return ExportedFile(path, len(content), hashlib.sha256(content).hexdigest(), ExportWarnings())
