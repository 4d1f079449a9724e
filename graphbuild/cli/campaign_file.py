"""Find and open the campaign file that a command works on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from graphbuild.cli.console import error, notice, spinner
from graphbuild.errors import StoreError
from graphbuild.models import UNFINISHED_STATES

if TYPE_CHECKING:
    from graphbuild.analysis import Incidence
    from graphbuild.store import Store


def find_campaign_file(store_path: Path | None) -> Path:
    """Return ``store_path`` or, if it is None, the only campaign file in the current folder.

    If ``store_path`` is None and the current folder does not contain exactly one campaign file,
    raise BadParameter.
    """
    if store_path is not None:
        return store_path
    found = campaign_files(Path())
    if len(found) == 1:
        notice(f"using the campaign file {found[0]}")
        return found[0]
    if found:
        problem = f"several campaign files: {', '.join(map(str, found))}; choose one"
    elif others := [*campaign_files(Path("output")), *campaign_files(Path("output/demo"))]:
        problem = f"no campaign file (*.db); a subfolder contains {others[0]}"
    else:
        problem = (
            "no campaign file (*.db); create one with 'crawl' or 'import' and --store campaign.db"
        )
    raise typer.BadParameter(f"this folder has {problem}", param_hint="--store")


def campaign_files(folder: Path) -> list[Path]:
    """Return the campaign files ``*.db`` in ``folder``, sorted by name."""
    from graphbuild.store.connection import is_campaign_file

    return [path for path in sorted(folder.glob("*.db")) if is_campaign_file(path)]


def open_for_reading(store_path: Path | None) -> Store:
    """Open the campaign file that :func:`find_campaign_file` returns; see :func:`read_store`."""
    return read_store(find_campaign_file(store_path))


def read_store(path: Path) -> Store:
    """Open a campaign file for reading; log an error if it is an incomplete copy."""
    from graphbuild.store import Store

    return _report_missing_data(Store.read(path))


def _report_missing_data(store: Store) -> Store:
    if store.missing_data:
        error(f"{store.path}: {store.missing_data}")  # is also shown with --quiet
    return store


def open_for_writing(store_path: Path | None, *, create: bool) -> Store:
    """Open a campaign file for writing; :func:`find_campaign_file` returns its path.

    If the file is missing, create it if ``create`` is true; otherwise, raise StoreError.
    """
    from graphbuild.store import Store

    path = find_campaign_file(store_path)
    if not create and not path.exists():
        Store.read(path)  # raises StoreError
    return _report_missing_data(Store.open(path))


def read_incidence(store_path: Path | None, *, merge: bool = False) -> Incidence:
    """Return the observations of a campaign file; with ``merge``, unite duplicate references."""
    from graphbuild.analysis import as_incidence, find_duplicates

    with open_for_reading(store_path) as store:
        warn_if_incomplete(store)
        incidence = as_incidence(store)
    return find_duplicates(incidence.references).merge(incidence) if merge else incidence


def save_clusters(store: Store) -> None:
    """Find the clusters, and store them in a campaign file for the commands that read them.

    Errors are ignored: without stored clusters, these commands find the clusters again.
    """
    from graphbuild.analysis import campaign_clusters

    with suppress(StoreError), spinner() as show_step:
        show_step("finding clusters")
        campaign_clusters.save_clusters(store)


def warn_if_incomplete(store: Store) -> None:
    """If some lists are not complete, log how many are in each state."""
    totals = store.totals()
    if totals.complete < totals.lists:
        states = totals.describe_states(*UNFINISHED_STATES)
        notice(
            f"the campaign is not complete: {states} of {totals.describe_subjects()}; "
            "'graphbuild status --all' lists them"
        )
