"""``graphbuild check``: verify the integrity of a campaign file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import open_for_reading
from graphbuild.cli.console import limit_by_kind, print_json, print_line
from graphbuild.cli.errors import ExitCode
from graphbuild.cli.progress import page_progress

if TYPE_CHECKING:
    from graphbuild.store import Damage


def check(store_path: options.StoreOption = None, *, json: options.JsonOption = False) -> None:
    """Verify the integrity of a campaign file.

    The command compares the stored pages with their checksums, the observations with the pages, and
    states, counts, cursors and calls with the other tables. It prints one line per problem, but at
    most 100 lines for problems of one kind. The last line names what cannot be checked. The exit
    code is 1 if there are problems.
    """
    from graphbuild.store import NOT_CHECKED, find_damage

    with open_for_reading(store_path) as store:
        with page_progress() as show:
            found = list(find_damage(store, show))
        if json:
            problems = [
                {"subject": each.subject.id if each.subject else None, "problem": each.problem}
                for each in found
            ]
            print_json({"sound": not found, "damages": problems, "not_checked": NOT_CHECKED})
        else:
            for line in limit_by_kind(_describe(each, store.path) for each in found):
                print_line(line)
            if found:
                print_line(f"{store.path}: damaged, {format_count(len(found), 'problem')}")
            else:
                print_line(f"{store.path}: sound, {format_count(store.totals().pages, 'page')}")
            print_line(f"not checked: {', '.join(NOT_CHECKED)}")
    if found:
        raise typer.Exit(ExitCode.ERROR)


def _describe(damage: Damage, path: Path) -> tuple[str, str]:
    """Return the kind of a problem, and a line that describes it.

    Problems are of one kind if their texts, up to the second colon, differ only in numbers.
    """
    where = damage.subject.readable_id if damage.subject else path
    kind = re.sub(r"[0-9]+", "N", ":".join(damage.problem.split(":")[:2]))
    return kind, f"{where}: {damage.problem}"
