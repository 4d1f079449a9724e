"""``graphbuild dedupe``: find duplicate references, and count references by publisher."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli import console, options
from graphbuild.cli.campaign_file import read_incidence
from graphbuild.seeds.refanging import defang

if TYPE_CHECKING:
    from graphbuild.analysis import Deduplication, ReferenceGroup

_MAX_URL = 160  # characters


def dedupe(
    store_path: options.StoreOption = None,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    json: options.JsonOption = False,
) -> None:
    """Show duplicate references, and the publishers.

    Two references are duplicates if their URLs differ only in ways that do not change the article,
    such as tracking parameters. References with the same date and the same title are also
    duplicates, unless the title is short or generic. URLs are defanged, except in JSON.
    """
    from graphbuild.analysis import find_duplicates

    found = find_duplicates(read_incidence(store_path).references)
    if json:
        console.print_json(
            {
                "references": len(found.references),
                "independent_references": len(found.groups),
                "rules": {name: description for name, description, _ in _used_rules(found)},
                "duplicates": [_group_json(each) for each in found.duplicates],
                "publishers": [asdict(each) for each in found.publishers],
            }
        )
        return
    publishers = [each for each in found.publishers if each.name]
    console.print_line(
        f"{format_count(len(found.references), 'reference')}: {len(found.groups):,} independent,"
        f" {len(found.duplicates):,} of them with duplicates;"
        f" {format_count(len(publishers), 'publisher')}"
    )
    for group in found.duplicates[:limit]:
        _print_group(group)
    console.print_omitted(len(found.duplicates) - limit)
    console.print_line()
    for name, description, count in _used_rules(found):
        console.print_line(f"{name}: {description} ({format_count(count, 'group')})")
    rows = [
        (_publisher(each.name), each.independent_references, each.references)
        for each in found.publishers[:limit]
    ]
    console.print_rows(("publisher", "independent", "references"), rows, len(found.publishers))


def _print_group(group: ReferenceGroup) -> None:
    from graphbuild.analysis import defanged_label, reference_url

    console.print_line()
    console.print_line(f"{defanged_label(group.representative)} ({', '.join(group.rules)})")
    for member, publisher in zip(group.members, group.publishers, strict=True):
        mark = "*" if member == group.representative else "-"
        url = console.shorten(defang(reference_url(member) or member.id), _MAX_URL)
        console.print_line(f"  {mark} {url}  {_publisher(publisher)}")


def _used_rules(found: Deduplication) -> list[tuple[str, str, int]]:
    """Return the name and description of each rule that matched, and how many groups it matched."""
    from graphbuild.analysis import RULE_DESCRIPTIONS

    used = Counter(rule for each in found.duplicates for rule in each.rules)
    return [(name, text, used[name]) for name, text in RULE_DESCRIPTIONS.items() if name in used]


def _group_json(group: ReferenceGroup) -> dict[str, object]:
    members: list[dict[str, object]] = []
    for member, publisher in zip(group.members, group.publishers, strict=True):
        shown = {name: member.attributes.get(name) for name in ("url", "title", "creation_date")}
        members.append({"key": member.key, **shown, "publisher": publisher})
    summary = console.attributes_json(group, "representative", "rules", "publisher")
    return {**summary, "members": members}


def _publisher(name: str) -> str:
    return defang(name) or "(unknown publisher)"
