"""Documents written by hand, whose authors did not know how the readers work.

``tests/data/written_documents.json`` contains the indicators of each document. It was written
before a reader read the document.
"""

from __future__ import annotations

import json

from tests.support.paths import DATA
from tests.support.seed_documents.names import HASH, Document

_FOLDER = DATA / "written_documents"


def written_documents() -> list[Document]:
    """Return all documents in the order of their names."""
    known = json.loads((DATA / "written_documents.json").read_text("utf-8"))
    return [_document(name, **each) for name, each in sorted(known.items())]


def _document(
    name: str,
    format: str,  # noqa: A002  named like the option --format
    indicators: dict[str, list[str]],
    optional: dict[str, list[str]],
    columns: tuple[str | None, ...] = (None,),
) -> Document:
    return Document(
        name=name,
        content=(_FOLDER / name).read_bytes(),
        files=tuple(frozenset({text.lower()}) for text in indicators.pop(HASH, [])),
        others=frozenset((kind, text) for kind, texts in indicators.items() for text in texts),
        optional=frozenset((kind, text) for kind, texts in optional.items() for text in texts),
        format_name=format,
        columns=tuple(columns),
    )
