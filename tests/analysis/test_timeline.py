"""Timeline: references by month, for the campaign, each collection and each cluster."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from graphbuild.analysis.clusters import find_clusters
from graphbuild.analysis.deduplication import publication_date
from graphbuild.analysis.incidence import Incidence
from graphbuild.analysis.timeline import build_timeline
from graphbuild.models import Entity, Observation
from tests.support.graphs import OBSERVATIONS, REPORT
from tests.support.planted_campaigns import plant

DAY = 86_400


def dated_observations() -> list[Observation]:
    """Return a planted campaign in which six of seven references have a date."""
    observations = []
    for one in plant(2).observations():
        number = int(one.reference.id[:6], 16)
        known = {} if number % 7 == 0 else {"creation_date": 1_400_000_000 + number % 900 * DAY}
        reference = Entity("reference", one.reference.id, {**one.reference.attributes, **known})
        observations.append(Observation(one.subject, reference, one.related_from))
    return observations


def expected(references: set[Entity]) -> tuple[int, int, dict[str, int], list[str]]:
    seconds = {each.id: each.attributes.get("creation_date") for each in references}
    dated = sorted((value, name) for name, value in seconds.items() if value is not None)
    months = Counter(datetime.fromtimestamp(value, UTC).strftime("%Y-%m") for value, _ in dated)
    ends = [dated[0][1], dated[-1][1]] if dated else [None, None]
    return len(references), len(references) - len(dated), dict(sorted(months.items())), ends


def values(series) -> tuple:
    ends = [end and end.id for end in (series.first, series.last)]
    return series.references, series.undated, dict(series.months), ends


def test_counts_are_those_of_plain_sets() -> None:
    observations = dated_observations()
    incidence = Incidence.from_observations(observations)
    found = find_clusters(incidence)
    timeline = build_timeline(incidence, found)
    assert values(timeline.campaign) == expected({one.reference for one in observations})
    assert [series.key for series in timeline.collections] == [
        each.key for each in incidence.collections
    ]
    for series in timeline.collections:
        references = {
            o.reference for o in observations if o.related_from and o.related_from.key == series.key
        }
        assert values(series) == expected(references)
    assert [series.key for series in timeline.clusters] == [
        str(each.number) for each in found.clusters
    ]
    for series, group in zip(timeline.clusters, found.clusters, strict=True):
        files = set(group.files)
        assert values(series) == expected({o.reference for o in observations if o.subject in files})
        assert series.name == group.name


def test_data_frame_has_one_row_per_series_and_month() -> None:
    timeline = build_timeline(Incidence.from_observations(dated_observations()))
    frame = timeline.to_frame()
    assert len(frame) == sum(
        len(series.months) for series in (timeline.campaign, *timeline.collections)
    )
    campaign = frame[frame["kind"] == "campaign"]
    assert dict(
        zip(campaign["month"].dt.strftime("%Y-%m"), campaign["references"], strict=True)
    ) == dict(timeline.campaign.months)
    assert str(frame["month"].dtype) == "datetime64[ns, UTC]"


def test_publication_date_is_in_utc() -> None:
    assert publication_date(REPORT) == date(2018, 1, 12)


@pytest.mark.parametrize(
    "invalid", [None, True, "2018", -5, 0, 1e300, float("nan"), float("inf"), 2**70]
)
def test_invalid_creation_date_is_none(invalid: object) -> None:
    known = {} if invalid is None else {"creation_date": invalid}
    assert publication_date(Entity("reference", "0" * 64, known)) is None


def test_series_without_dates_has_no_months() -> None:
    timeline = build_timeline(Incidence.from_observations(OBSERVATIONS[-1:]))
    assert values(timeline.campaign) == (1, 1, {}, [None, None])
    assert timeline.collections == timeline.clusters == ()
    assert len(timeline.to_frame()) == 0
