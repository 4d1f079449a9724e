"""Times: every report in its month, of the whole, of each collection and of each cluster."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.timeline import build_timeline, publication_date
from graphbuild.models import Entity, Observation
from tests.support.graphs import OBSERVATIONS, REPORT
from tests.support.planted_campaigns import plant

DAY = 86_400


def dated_world() -> list[Observation]:
    """A planted world whose reports have days, but for one in seven."""
    told = []
    for one in plant(2).observations():
        number = int(one.reference.id[:6], 16)
        known = {} if number % 7 == 0 else {"creation_date": 1_400_000_000 + number % 900 * DAY}
        reference = Entity("reference", one.reference.id, {**one.reference.attributes, **known})
        told.append(Observation(one.subject, reference, one.related_from))
    return told


def expected(references: set[Entity]) -> tuple[int, int, dict[str, int], list[str]]:
    seconds = {each.id: each.attributes.get("creation_date") for each in references}
    dated = sorted((told, name) for name, told in seconds.items() if told is not None)
    months = Counter(datetime.fromtimestamp(told, UTC).strftime("%Y-%m") for told, _ in dated)
    ends = [dated[0][1], dated[-1][1]] if dated else [None, None]
    return len(references), len(references) - len(dated), dict(sorted(months.items())), ends


def of(span) -> tuple:
    ends = [end and end.id for end in (span.first, span.last)]
    return span.references, span.undated, dict(span.months), ends


def test_the_figures_are_those_of_plain_counting() -> None:
    observations = dated_world()
    incidence = Incidence.from_observations(observations)
    found = find_clusters(incidence)
    told = build_timeline(incidence, found)
    assert of(told.campaign) == expected({one.reference for one in observations})
    assert [span.key for span in told.collections] == [each.key for each in incidence.collections]
    for span in told.collections:
        held = {
            o.reference for o in observations if o.related_from and o.related_from.key == span.key
        }
        assert of(span) == expected(held)
    assert [span.key for span in told.clusters] == [str(each.number) for each in found.clusters]
    for span, group in zip(told.clusters, found.clusters, strict=True):
        files = set(group.files)
        assert of(span) == expected({o.reference for o in observations if o.subject in files})
        assert span.name == group.name


def test_a_table_has_a_row_for_each_month() -> None:
    told = build_timeline(Incidence.from_observations(dated_world()))
    frame = told.to_frame()
    assert len(frame) == sum(len(span.months) for span in (told.campaign, *told.collections))
    whole = frame[frame["kind"] == "campaign"]
    assert dict(zip(whole["month"].dt.strftime("%Y-%m"), whole["references"], strict=True)) == dict(
        told.campaign.months
    )
    assert str(frame["month"].dtype) == "datetime64[ns, UTC]"


def test_the_day_of_a_report_is_in_utc() -> None:
    assert publication_date(REPORT) == date(2018, 1, 12)


@pytest.mark.parametrize(
    "odd", [None, True, "2018", -5, 0, 1e300, float("nan"), float("inf"), 2**70]
)
def test_what_is_no_day_is_none(odd: object) -> None:
    known = {} if odd is None else {"creation_date": odd}
    assert publication_date(Entity("reference", "0" * 64, known)) is None


def test_nothing_dated_has_no_months() -> None:
    told = build_timeline(Incidence.from_observations(OBSERVATIONS[-1:]))
    assert of(told.campaign) == (1, 1, {}, [None, None])
    assert told.collections == told.clusters == ()
    assert len(told.to_frame()) == 0
