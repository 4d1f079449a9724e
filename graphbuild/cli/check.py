"""``graphbuild check``: verify the integrity of a campaign file."""

from __future__ import annotations

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_reading
from graphbuild.cli.console import print_json, print_line
from graphbuild.cli.errors import ExitCode


def check(store_path: options.StoreOption = None, *, json: options.JsonOption = False) -> None:
    """Verify the integrity of a campaign file.

    Compares stored pages with their checksums, and observations with the pages. Prints a line for
    each problem, and exits with 1 if there are any.
    """
    from graphbuild.store import find_damage

    with open_for_reading(store_path) as store:
        found = list(find_damage(store))
        if json:
            problems = [
                {"subject": each.subject.id if each.subject else None, "problem": each.problem}
                for each in found
            ]
            print_json({"sound": not found, "damages": problems})
        else:
            for each in found:
                where = each.subject.readable_id if each.subject else store.path
                print_line(f"{where}: {each.problem}")
            if found:
                print_line(f"{store.path}: damaged, {format_count(len(found), 'problem')}")
            else:
                print_line(f"{store.path}: sound, {format_count(store.totals().pages, 'page')}")
    if found:
        raise typer.Exit(ExitCode.ERROR)
