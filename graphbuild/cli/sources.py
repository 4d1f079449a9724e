"""Which references are one report, and who published it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.console import result, result_json, table
from graphbuild.cli.errors import told
from graphbuild.cli.status import gaps
from graphbuild.seeds.indicators import defang

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from graphbuild.analysis import Evidence, Incidence, Publication, Sources
    from graphbuild.models import Entity

_LONGEST = 160  # characters of a title or an address
_UNKNOWN = "(not told by the address)"


def add_to(app: typer.Typer) -> None:
    """Add this command to those of ``app``."""
    app.command(short_help="Which references are one report, and who published it.")(sources)


def sources(
    store: options.StoreOption,
    limit: options.LimitOption = options.FEW,
    *,
    json: options.JsonOption = False,
) -> None:
    """Show which references are one report, by which rule, and who published how many.

    References are one report if their addresses are the same but for what changes no page, or if
    title and day are the same. Addresses are defanged, but in JSON.
    """
    with told():
        found = sources_of(incidence_of(store))
        if json:
            result_json(
                {
                    "references": len(found.references),
                    "reports": len(found.publications),
                    "rules": {name: says for name, says, _ in _rules(found)},
                    "merged": [_publication_json(each) for each in found.merged],
                    "publishers": [asdict(each) for each in found.publishers],
                }
            )
            return
        _tell(found, limit)


def incidence_of(store: Path, *, merge: bool = False) -> Incidence:
    """What a campaign file says; with ``merge``, each report counts once."""
    from graphbuild.analysis import Incidence
    from graphbuild.store import Store

    with Store.read(store) as campaign:
        gaps(campaign)
        incidence = Incidence.of(campaign.observations())
    return sources_of(incidence).merge(incidence) if merge else incidence


def sources_of(evidence: Incidence | Evidence) -> Sources:
    """Which of its references are one report."""
    from graphbuild.analysis import find_sources

    return find_sources(evidence.references)


def sources_or_none(evidence: Evidence) -> Sources | None:
    """The same; None where the libraries that tell are not installed."""
    from graphbuild.errors import AnalysisError

    try:
        return sources_of(evidence)
    except AnalysisError:
        return None


def _tell(found: Sources, limit: int) -> None:
    publishers = [each for each in found.publishers if each.name]
    result(
        f"{format_count(len(found.references), 'reference')}:"
        f" {format_count(len(found.publications), 'report')}"
        f" by {format_count(len(publishers), 'publisher')};"
        f" {format_count(len(found.merged), 'report')} under several addresses"
    )
    for each in found.merged[:limit]:
        result("")
        result(f"{_title(each.reference)} ({', '.join(each.rules)})")
        for member, name in zip(each.members, each.publishers, strict=True):
            mark = "*" if member == each.reference else "-"
            result(f"  {mark} {_cut(defang(_address(member) or member.id))}  {_quiet(name)}")
    if len(found.merged) > limit:
        result(f"… and {len(found.merged) - limit:,} more; --limit shows them, --json has all")
    result("")
    for name, says, count in _rules(found):
        result(f"{name}: {says} ({format_count(count, 'report')})")
    rows = [
        (_quiet(each.name), f"{each.reports:,}", f"{each.references:,}")
        for each in found.publishers[:limit]
    ]
    if rows:
        table(("publisher", "reports", "references"), rows)
    if len(found.publishers) > limit:
        result(f"… and {len(found.publishers) - limit:,} more; --limit shows them, --json has all")


def _rules(found: Sources) -> list[tuple[str, str, int]]:
    """The rules that merged something: name, what each says, and how many reports it merged."""
    from graphbuild.analysis import SAYS

    used = Counter(rule for each in found.merged for rule in each.rules)
    return [(name, says, used[name]) for name, says in SAYS.items() if name in used]


def _publication_json(each: Publication) -> dict[str, object]:
    return {
        "reference": each.reference.key,
        "rules": list(each.rules),
        "publisher": each.publisher,
        "members": [
            {
                "key": member.key,
                "url": member.attributes.get("url"),
                "title": member.attributes.get("title"),
                "creation_date": member.attributes.get("creation_date"),
                "publisher": name,
            }
            for member, name in zip(each.members, each.publishers, strict=True)
        ],
    }


def _title(reference: Entity) -> str:
    from graphbuild.analysis import quiet

    return quiet(reference.label)


def _address(reference: Entity) -> str:
    address = reference.attributes.get("url")
    return address if isinstance(address, str) else ""


def _quiet(publisher: str) -> str:
    return defang(publisher) or _UNKNOWN


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
