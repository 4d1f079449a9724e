"""The tables of ``docs/formats.md`` that are generated from the lists of formats and columns.

To update the document, run ``python -m tests.support.doc_tables``.
"""

from __future__ import annotations

import re

from graphbuild.exporters import formats
from graphbuild.exporters.columns import (
    EDGE_COLUMNS,
    NODE_COLUMNS,
    OBSERVATION_COLUMNS,
    markdown_table,
)
from graphbuild.exporters.dataset_tables import dataset_columns
from tests.support.paths import ROOT

_DATASET_ROWS = {
    "observations": "observation: the node keys of subject, reference, and collection or report",
    "entities": "node",
    "subjects": "subject; `seed_attributes` is a JSON object with the columns of the seed list",
    "links": "edge that does not follow from observations",
}
DOCUMENT = ROOT / "docs" / "formats.md"


def updated(document: str) -> str:
    """Return ``document`` with updated tables."""
    tables = {
        "formats": formats.markdown_table(),
        "node columns": markdown_table(NODE_COLUMNS),
        "edge columns": markdown_table(EDGE_COLUMNS, omit={"of"}),
        "dataset columns": _dataset_table(),
        "observation columns": markdown_table(OBSERVATION_COLUMNS, omit={"formats", "of"}),
    }
    for name, table in tables.items():
        start, end = f"<!-- {name}: generated -->", f"<!-- end of {name} -->"
        assert document.count(start) == document.count(end) == 1, name
        block = f"{start}\n{table}\n{end}"
        document = re.sub(f"{start}.*?{end}", lambda _: block, document, flags=re.DOTALL)  # noqa: B023  used at once
    return document


def _dataset_table() -> str:
    """Return a Markdown table of the rows and columns of each table of a dataset."""
    lines = ["| table | one row per | columns |", "| --- | --- | --- |"]
    for table, columns in dataset_columns().items():
        names = ", ".join(f"`{each.name}`" for each in columns)
        lines.append(f"| `{table}` | {_DATASET_ROWS[table]} | {names} |")
    return "\n".join(lines)


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
