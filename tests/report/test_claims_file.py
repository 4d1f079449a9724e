"""Read JSON that is not as ``graphbuild report --json`` wrote it."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from graphbuild.errors import ClaimsError
from graphbuild.report import collect_data, make_report, read_claims, verify_claims
from graphbuild.store import Store
from tests.support.campaign_files import write_campaign
from tests.torture.claims import make_world

if TYPE_CHECKING:
    from pathlib import Path

    from graphbuild.report import ReportData


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("claims_file")


@pytest.fixture(scope="module")
def data(folder: Path) -> ReportData:
    write_campaign(folder / "c.db", make_world(1).observations)
    with Store.read(folder / "c.db") as store:
        return collect_data(store)


@pytest.fixture(scope="module")
def content(folder: Path, data: ReportData) -> dict[str, Any]:
    """Return claims as JSON, with a baseline."""
    with Store.read(folder / data.name) as store:
        claims: dict[str, Any] = json.loads(json.dumps(make_report(store).claims_json()))
    return {**claims, "baseline": {"name": "2026-10-01", "since": 1_790_812_800.0}}


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 2**32, 10**400, 1e300, -1e300, float("nan"), float("inf")])
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8)
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6
)


def places(content: object) -> list[tuple[Any, Any]]:
    """Return each container in ``content`` with each of its keys or indices."""
    if not isinstance(content, dict | list):
        return []
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    return [(content, key) for key in keys] + [
        place for key in keys for place in places(content[key])
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    number=st.integers(0, 2**16),
    where=st.sampled_from(["numbers", "header", "claim", "anywhere"]),
    value=_scalars | _values,
    gone=st.booleans(),
)
@example(number=0, where="header", value=[], gone=True)
def test_any_value_in_any_place_is_read_or_refused(
    folder: Path,
    data: ReportData,
    content: dict[str, Any],
    *,
    number: int,
    where: str,
    value: object,
    gone: bool,
) -> None:
    changed = copy.deepcopy({**content, "claims": content["claims"][:60]})
    found = places(changed)
    # Most places are in long lists, so the others are also chosen separately.
    chosen = {"header": [changed, changed["baseline"]], "claim": changed["claims"]}.get(where)
    if where == "numbers":
        found = [(changed, "seed"), (changed["baseline"], "since")]
    elif chosen:
        found = [place for place in found if any(place[0] is each for each in chosen)]
    container, key = found[number % len(found)]
    if gone:
        del container[key]
    else:
        container[key] = value
    path = folder / "changed.json"
    path.write_text(json.dumps(changed), encoding="utf-8")
    with suppress(ClaimsError):
        claims = read_claims(path)
        assert 0 <= claims.seed < 2**32
        if claims.since is not None:
            datetime.fromtimestamp(claims.since, UTC)  # verify reads the state at this time
        assert len(verify_claims(claims, data)) == len(claims.claims)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_numbers_that_are_not_finite_are_refused(
    folder: Path, content: dict[str, Any], text: str
) -> None:
    path = folder / "changed.json"
    for place in ({"x": "NUMBER"}, {"baseline": {"name": "x", "since": "NUMBER"}}):
        path.write_text(json.dumps({**content, **place}).replace('"NUMBER"', text))
        with pytest.raises(ClaimsError, match="not JSON"):
            read_claims(path)
