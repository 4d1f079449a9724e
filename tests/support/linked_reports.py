"""Worlds of Google Threat Intelligence (``gti``) in which reports lead to other reports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from graphbuild.crawler import Crawl
from graphbuild.emulator import Indicator, Reference, World
from graphbuild.models import OBSERVED
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.crawler.campaign import Campaign

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from graphbuild.models import Observation

    Keys = tuple[str, str, str | None]  # node keys of subject, reference and collection or report

ADDRESS = "8.8.8.8"
SOURCES = (0, 4, 11)  # the reports that are listed and also named in ``related_from``
_LEADS_TO = {0: (1, 2, 3, 4), 4: (5, 6), 11: (12, 13, 0)}


def reports() -> list[Reference]:
    """Return twenty reports. Those at odd positions are curated, so their ids are no hashes."""
    found = [
        Reference.from_url(f"https://r.example/{number}", title=f"Report {number}")
        for number in range(20)
    ]
    found = [
        replace(each, id=f"report--21-{number:08}") if number % 2 else each
        for number, each in enumerate(found)
    ]
    return [
        replace(each, reports=tuple(found[other].id for other in _LEADS_TO.get(number, ())))
        for number, each in enumerate(found)
    ]


def documented_shape() -> World:
    """Return an address with twenty related reports, of which ``SOURCES`` lead to others.

    Test data of Google's developer kit has this shape.
    """
    listed = reports()
    led_to = {number for numbers in _LEADS_TO.values() for number in numbers} - {4}
    direct = tuple(each.id for number, each in enumerate(listed) if number not in led_to)
    return World([], listed, [], indicators=[Indicator("ip_address", ADDRESS, references=direct)])


def with_linked_reports(world: World, rng: random.Random) -> World:
    """Let up to six references lead to others, and be directly related to some of the files."""
    ids = sorted(world.references)
    linked = rng.sample(ids, min(len(ids), rng.randint(1, 6)))
    references = dict(world.references)
    for each in linked:
        found = rng.sample(ids, min(len(ids), rng.choice((1, 2, 5, 60))))
        references[each] = replace(references[each], reports=tuple(found))
    groups = [tuple(rng.sample(linked, rng.randint(0, len(linked)))) for _ in range(3)]
    files = [replace(file, references=rng.choice(groups)) for file in world.files.values()]
    return world.replace(files=files, references=references.values())


def expected_observations(world: World) -> set[Keys]:
    """Return the observations of a complete crawl in the flavor ``gti``, from the world alone."""
    return {
        (
            f"{kind}:{subject}",
            f"reference:{_reference_id(report)}",
            source and _source_key(source, world),
        )
        for kind, subject, report, source in world.observations("gti")
    }


def _reference_id(report: str) -> str:
    digits = report.removeprefix("report--")
    return digits if len(digits) == 64 else report


def _source_key(source: str, world: World) -> str:
    return (
        f"collection:{source}"
        if source in world.collections
        else f"reference:{_reference_id(source)}"
    )


def keys_of(observation: Observation) -> Keys:
    """Return the node keys of an observation."""
    source = observation.related_from
    return observation.subject.key, observation.reference.key, source and source.key


def crawl_gti(path: Path, world: World, **options: object) -> tuple[set[Keys], int]:
    """Crawl a world in the flavor ``gti``; return its observations and the number of calls.

    No observation may be inferred.
    """
    campaign = Campaign(path, world, api_flavor="gti")
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([each.seed for each in world.subjects()]))
    with Store.open(path) as store, campaign.client(api_flavor="gti") as client:
        for _ in Crawl(client, store, **options):  # type: ignore[arg-type]
            pass
        found = list(store.observations())
    assert {each.provenance for each in found} <= {OBSERVED}
    return set(map(keys_of, found)), campaign.api.calls
