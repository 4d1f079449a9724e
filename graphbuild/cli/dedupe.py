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
    from collections.abc import Sequence

    from graphbuild.analysis import Deduplication, ReferenceGroup, SeparateReferences
    from graphbuild.models import Entity

_MAX_URL = 160  # characters


def dedupe(
    store_path: options.StoreOption = None,
    limit: options.LimitOption = options.DEFAULT_LIMIT,
    *,
    json: options.JsonOption = False,
) -> None:
    """Show duplicate references, and the publishers.

    Two references are duplicates if their URLs differ only in ways that do not change the article,
    such as tracking parameters, or if the site was moved and the end of the path stayed the same.
    References with the same date and the same title are also duplicates, unless the title is short
    or generic. References with the same end of the path that may be different articles are listed
    with the reason. URLs are defanged, except in JSON.
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
                "separate": [_separate_json(each) for each in found.separate],
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
    _print_separate(found.separate, limit)
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


def _print_separate(separate: Sequence[SeparateReferences], limit: int) -> None:
    from graphbuild.analysis import REASON_DESCRIPTIONS, reference_url

    for each in separate[:limit]:
        console.print_line()
        reason = f"{each.reason}: {REASON_DESCRIPTIONS[each.reason]}"
        console.print_line(f"not merged: {console.shorten(each.slug)} ({reason})")
        for group in each.groups:
            for number, member in enumerate(group):
                mark = "-" if number else "*"
                url = console.shorten(defang(reference_url(member)), _MAX_URL)
                console.print_line(f"  {mark} {url}")
    console.print_omitted(len(separate) - limit)


def _used_rules(found: Deduplication) -> list[tuple[str, str, int]]:
    """Return the name and description of each rule that matched, and how many groups it matched."""
    from graphbuild.analysis import RULE_DESCRIPTIONS

    used = Counter(rule for each in found.duplicates for rule in each.rules)
    return [(name, text, used[name]) for name, text in RULE_DESCRIPTIONS.items() if name in used]


def _group_json(group: ReferenceGroup) -> dict[str, object]:
    members: list[dict[str, object]] = []
    for member, publisher in zip(group.members, group.publishers, strict=True):
        members.append({"key": member.key, **_shown(member), "publisher": publisher})
    summary = console.attributes_json(group, "representative", "rules", "publisher")
    return {**summary, "members": members}


def _separate_json(separate: SeparateReferences) -> dict[str, object]:
    groups = [[{"key": each.key, **_shown(each)} for each in group] for group in separate.groups]
    return {"slug": separate.slug, "reason": separate.reason, "groups": groups}


def _shown(reference: Entity) -> dict[str, object]:
    return {name: reference.attributes.get(name) for name in ("url", "title", "creation_date")}


def _publisher(name: str) -> str:
    return defang(name) or "(unknown publisher)"
