"""Made-up documents in the shapes of public reports, feeds and exports, with known indicators."""

from __future__ import annotations

from tests.support.seed_documents.names import ADDRESS, DOMAIN, HASH, KINDS, URL, Document
from tests.support.seed_documents.reports import reports
from tests.support.seed_documents.structured import structured_documents
from tests.support.seed_documents.tables import tables
from tests.support.seed_documents.vendor_notes import vendor_notes

__all__ = ["ADDRESS", "DOMAIN", "HASH", "KINDS", "URL", "Document", "seed_documents"]


def seed_documents() -> list[Document]:
    """Return all documents, which are the same in every run."""
    return [*reports(), *vendor_notes(), *tables(), *structured_documents()]
