"""Check the built documentation site: ``make docs`` runs this after Sphinx.

The argument is the folder of the site. The exit code is 1 if a check fails.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.site import checks
from tests.site.pages import read_inventory, read_pages


def main(site: Path) -> int:
    """Run all checks; return 0 if they pass."""
    pages, inventory = read_pages(site), read_inventory(site)
    problems = [
        *checks.check_names(inventory),
        *checks.check_options(inventory),
        *checks.check_hosts(site, pages),
        *checks.check_links(site, pages),
        *checks.check_images(pages),
        *checks.check_reachability(pages),
        *checks.check_tasks(pages),
    ]
    for problem in problems:
        sys.stdout.write(f"FAILED: {problem}\n")
    names = sum(kind.startswith("py:") for kind, _ in inventory)
    options = sum(kind == "std:cmdoption" for kind, _ in inventory)
    sys.stdout.write(
        f"{site}: {len(pages)} pages, {names} Python names, {options} options,"
        f" {len(problems)} problems\n"
    )
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
