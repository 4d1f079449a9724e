"""Import exports with the code of OpenCTI (pycti), MISP (misp-stix, pymisp) and Neo4j.

``make clients`` runs this. No importer needs a server; that of Neo4j needs Java and Maven. For each
campaign and importer, one line states how many of the campaign's files, families and references
arrived. The exit code is 1 if something is missing. The argument is the number of files of known
families.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.clients.campaigns import export_campaigns
from tests.clients.importers import import_all
from tests.clients.neo4j_admin import missing_tools

FILES = 300


def main(arguments: list[str]) -> int:
    """Import all campaigns; return 0 if everything arrives."""
    logging.disable(logging.WARNING)  # pycti and pymisp explain optional features
    is_right = True
    if missing := missing_tools():
        _print(f"Neo4j: NOT RUN, because it needs {missing}")
    with TemporaryDirectory() as folder:
        for campaign in export_campaigns(Path(folder), int(arguments[0]) if arguments else FILES):
            _print(
                f"{campaign.name}: {len(campaign.files):,} files, {len(campaign.references):,}"
                f" references, of which {len(campaign.tying_references):,} tie files,"
                f" {len(campaign.collections):,} collections, of which"
                f" {len(campaign.families):,} are known families, toolkits or actors"
            )
            for importer, counts in import_all(campaign):
                is_right &= all(each.is_right for each in counts)
                _print(f"  {importer}: {'; '.join(map(str, counts))}")
    return 0 if is_right else 1


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
