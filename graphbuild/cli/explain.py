"""The command that tells by what two nodes are tied, as sentences, Markdown and JSON."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import escape_markdown, escape_unprintable, format_count
from graphbuild.cli import options
from graphbuild.cli.console import result, result_json
from graphbuild.cli.errors import told
from graphbuild.cli.sources import sources_or_none
from graphbuild.cli.status import gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from graphbuild.analysis import Chain, Sources
    from graphbuild.models import Entity

_BEHIND = 10  # observations told of a step
_LONG = 5_000  # characters of a sentence, all texts in it cut already


def add_to(app: typer.Typer) -> None:
    """Add this command to those of ``app``."""
    app.command(short_help="What ties two nodes: every shortest chain.")(explain)


def explain(
    one: Annotated[str, typer.Argument(metavar="A", help="A hash, an id, a title or a name.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    store: options.StoreOption,
    limit: options.LimitOption = options.FEW,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Tell every chain and every observation.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown.")] = False,
    json: options.JsonOption = False,
) -> None:
    """Tell what ties two nodes: every shortest chain of evidence, and the observations behind it.

    Addresses are defanged, but in JSON, which has all chains.
    """
    from graphbuild.analysis import Evidence
    from graphbuild.store import Store

    with told():
        with Store.read(store) as campaign:
            gaps(campaign)
            evidence = Evidence(campaign.observations())
        ends = evidence.find(one), evidence.find(other)
        count = evidence.count(*ends)
        chains = evidence.chains(*ends)
        if json:
            result_json(
                {
                    "one": ends[0].key,
                    "other": ends[1].key,
                    "chains": [_chain_json(chain) for chain in chains],
                }
            )
            return
        some = chains if everything else islice(chains, limit)
        _tell_chains(
            ends,
            count,
            some,
            sources_or_none(evidence),
            markdown=markdown,
            behind=None if everything else _BEHIND,
        )
        if not everything and count > limit:
            result(f"… and {count - limit:,} more; --all tells every one")


def _tell_chains(
    ends: tuple[Entity, Entity],
    count: int,
    chains: Iterable[Chain],
    sources: Sources | None,
    *,
    markdown: bool,
    behind: int | None,
) -> None:
    """Tell each chain, with so many of the observations behind each step; None: with all."""
    from graphbuild.analysis import called, sentence, statement

    quote: Callable[[str], str] = _in_markdown if markdown else _in_text
    said = " and ".join(called(end, quote) for end in ends)
    if not count:
        result(f"nothing observed ties {said}", _LONG)
        return
    for number, chain in enumerate(chains, start=1):
        if number == 1:
            steps = format_count(len(chain.steps), "step")
            title = f"{format_count(count, 'shortest chain')} of {steps} between {said}"
            result(f"# {title}" if markdown else title, _LONG)
        result("")
        for place, step in enumerate(chain.steps):
            lead = f"{number}. " if not place else "   "
            result(f"{lead}{sentence(step, quote, sources)}{'  ' if markdown else ''}", _LONG)
        result("")
        for step in chain.steps:
            for one in step.observations[:behind]:
                result(f"   - {statement(one, quote)}", _LONG)
            more = len(step.observations[behind:]) if behind else 0
            if more:
                result(f"   - … and {more:,} more observations")


def _in_text(text: str) -> str:
    return f'"{escape_unprintable(text)}"'


def _in_markdown(text: str) -> str:
    return f"“{escape_markdown(text)}”"


def _chain_json(chain: Chain) -> list[dict[str, object]]:
    return [
        {
            "one": step.one.key,
            "other": step.other.key,
            "observations": [
                {
                    "subject": each.subject.key,
                    "reference": each.reference.key,
                    "related_from": each.related_from.key if each.related_from else None,
                    "provenance": each.provenance,
                    "title": each.reference.attributes.get("title"),
                    "url": each.reference.attributes.get("url"),
                    "creation_date": each.reference.attributes.get("creation_date"),
                }
                for each in step.observations
            ],
        }
        for step in chain.steps
    ]
