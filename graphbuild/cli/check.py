"""``graphbuild check``: verify the integrity of a campaign file."""

from __future__ import annotations

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import read_campaign
from graphbuild.cli.console import display_name, print_json, print_line
from graphbuild.cli.errors import ExitCode


def check(store: options.StoreOption = None, *, json: options.JsonOption = False) -> None:
    """Verify the integrity of a campaign file.

    Compares stored pages with their checksums, and observations with the pages.
    Exits with 1 if anything differs, and names the subject it belongs to.
    """
    from graphbuild.store import find_damage

    with read_campaign(store) as campaign:
        found = list(find_damage(campaign))
        if json:
            problems = [
                {"subject": each.subject.id if each.subject else None, "problem": each.problem}
                for each in found
            ]
            print_json({"sound": not found, "damages": problems})
        else:
            for each in found:
                where = display_name(each.subject) if each.subject else campaign.path
                print_line(f"{where}: {each.problem}")
            pages = format_count(campaign.totals().pages, "page") if not found else "some damaged"
            print_line(f"{campaign.path}: {'not sound' if found else 'sound'}, {pages}")
    if found:
        raise typer.Exit(ExitCode.ERROR)
