"""Quotas: invalid ones are left out, two commands show them, and failures stop no command."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphbuild.api.auth import find_user_name
from graphbuild.api.quotas import is_user_name, parse_tightest_quotas
from graphbuild.cli import quota
from graphbuild.cli.main import app
from graphbuild.emulator import Api, Quota, generate_family_world
from graphbuild.errors import PayloadError
from tests.support.faults import Fault, FaultyApi
from tests.support.keys import CANARY, KEY
from tests.support.shell import seeds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Shell

FILE = hashlib.sha256(b"anything").hexdigest()
NOW = datetime(2024, 12, 30, 22, 13, tzinfo=UTC).timestamp()
DOCUMENTED = {
    "data": {
        "api_requests_hourly": {
            "group": {"allowed": 3300000, "inherited_from": "company", "used": 653},
            "user": {"allowed": 60000000000, "used": 0},
        },
        "api_requests_daily": {
            "group": {"allowed": 99000000, "inherited_from": "company", "used": 45073},
            "user": {"allowed": 1000000000, "used": 17},
        },
        "api_requests_monthly": {"user": {"allowed": 1000000000, "used": 137}},
        "intelligence_downloads_monthly": {"user": {"allowed": 300, "used": 0}},
    }
}


def test_the_documented_response_is_parsed_and_the_smaller_remainder_counts() -> None:
    hourly, daily, monthly = parse_tightest_quotas(DOCUMENTED)
    assert (hourly.window, hourly.owner, hourly.remaining) == ("hourly", "group", 3299347)
    assert (daily.window, daily.owner, daily.remaining) == ("daily", "group", 98954927)
    assert (monthly.window, monthly.owner, monthly.remaining) == ("monthly", "user", 999999863)
    assert hourly.resets_at(NOW) is None
    assert daily.resets_at(NOW) == datetime(2024, 12, 31, tzinfo=UTC)
    assert monthly.resets_at(NOW) == datetime(2025, 1, 1, tzinfo=UTC)


def row(**quotas: object) -> dict[str, object]:
    return {"data": {"api_requests_daily": quotas}}


GOOD = {"allowed": 500, "used": 17}


@pytest.mark.parametrize(
    "invalid",
    [
        None,
        [],
        "500",
        {},
        {"allowed": 5},
        {"allowed": 5, "used": None},
        {"allowed": "5", "used": 0},
        {"allowed": True, "used": 0},
        {"allowed": 5.5, "used": 0},
        {"allowed": -1, "used": 0},
        {"allowed": 5, "used": -1},
        {"allowed": 2**63, "used": 0},
    ],
    ids=str,
)
def test_an_invalid_quota_is_left_out(invalid: object) -> None:
    for quotas in ({"user": GOOD, "group": invalid}, {"group": GOOD, "user": invalid}):
        (daily,) = parse_tightest_quotas(row(**quotas))
        assert (daily.remaining, daily.allowed, daily.used) == (483, 500, 17)
    with pytest.raises(PayloadError, match="no valid request quota"):
        parse_tightest_quotas(row(user=invalid))


def test_more_used_than_allowed_leaves_nothing() -> None:
    (daily,) = parse_tightest_quotas(row(user={"allowed": 500, "used": 501}, group=GOOD))
    assert (daily.remaining, daily.owner) == (0, "user")


@pytest.mark.parametrize("data", [None, [], "x", 5, {}, {"api_requests_daily": []}], ids=str)
def test_a_response_without_quotas_is_an_error(data: object) -> None:
    with pytest.raises(PayloadError, match="data"):
        parse_tightest_quotas({"data": data})


numbers = st.one_of(st.integers(), st.booleans(), st.none(), st.floats(), st.just("5"))
owners = st.dictionaries(st.sampled_from(["allowed", "used"]), numbers)
windows = st.dictionaries(st.sampled_from(["user", "group"]), st.one_of(owners, numbers))


@given(
    st.dictionaries(
        st.sampled_from([f"api_requests_{name}" for name in ("hourly", "daily", "monthly")]),
        st.one_of(windows, numbers),
    )
)
def test_the_remainder_is_never_negative(data: dict[str, object]) -> None:
    try:
        found = parse_tightest_quotas({"data": data})
    except PayloadError:
        return
    for each in found:
        assert 0 <= each.remaining <= each.allowed


# --- names


@pytest.mark.parametrize("name", ["analyst", "a", "A.B-c_9", "me@example.com", "x" * 63])
def test_user_names_are_recognized(name: str) -> None:
    assert is_user_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "x" * 64, CANARY, "a/b", "a b", "a?b", "a%2f", "ä", "a\n", "\u202e"]
)
def test_invalid_user_names_and_keys_are_refused(name: str) -> None:
    assert not is_user_name(name)


def test_the_user_name_is_found_in_the_environment_or_the_settings(tmp_path: Path) -> None:
    path = tmp_path / ".vt.toml"
    assert find_user_name({}, tmp_path) == ""
    path.write_text('apikey = "x"\nuser = " analyst "\n')
    path.chmod(0o600)
    assert find_user_name({}, tmp_path) == "analyst"
    assert find_user_name({"VT_USER": "other"}, tmp_path) == "other"
    assert find_user_name({"VT_USER": ""}, tmp_path) == ""
    path.chmod(0o644)
    assert find_user_name({}, tmp_path) == ""
    path.chmod(0o600)
    for text in ("user = 5", "apikey = 'x'", "no toml", ""):
        path.write_text(text)
        assert find_user_name({}, tmp_path) == ""


# --- the commands


def own_emulator(**options: object) -> FaultyApi:
    return FaultyApi(
        generate_family_world(3, 50), keys=[KEY], quota=Quota(4, 500, 15_500), **options
    )  # type: ignore[arg-type]  # passed on


def test_plan_and_status_print_the_quota_without_a_call(shell: Shell, service) -> None:
    api = own_emulator(group_quota=Quota(per_day=20))
    url = service(api)
    hashes = seeds(shell, *api.world.hashes())
    options = ("--store", "c.db", "--base-url", url)
    assert shell("crawl", hashes, *options, "--max-calls", 3).returncode == 3
    for arguments in (("plan",), ("status",)):
        result = shell(*arguments, *options, "--user", "analyst")
        assert result.returncode == 0
        assert result.stderr == ""
        assert "hourly quota of analyst: 237 of 240 calls left\n" in result.stdout
        assert "daily quota of analyst's group: 17 of 20 calls left; it resets at" in result.stdout
        assert "monthly quota of analyst: 15,497 of 15,500 calls left; it resets" in result.stdout
        assert " 00:00 UTC" in result.stdout
    output = json.loads(shell("plan", *options, "--user", "analyst", "--json").stdout)
    assert json.loads(shell("status", *options, "--user", "analyst", "--json").stdout)["quota"]
    assert output["quota"]["user"] == "analyst"
    daily = output["quota"]["windows"][1]
    resets_at = datetime.fromisoformat(daily.pop("resets_at"))
    assert resets_at.timestamp() % 86_400 == 0
    assert daily == {"window": "daily", "owner": "group", "allowed": 20, "used": 3, "left": 17}
    assert set(output["completion"]) == {"at least", "expected", "quick"}
    assert api.calls == 3
    requests = [entry.path for entry in api.log if entry.path.startswith("/api/v3/users/")]
    assert requests == ["/api/v3/users/analyst/overall_quotas"] * 4


def test_a_plan_considers_the_daily_quota(shell: Shell, service) -> None:
    """Of 500 calls a day 2 are left: 700 files take today, tomorrow and the day after."""
    api = own_emulator()
    options = ("--base-url", service(api), "--user", "analyst", "--json")
    hashes = generate_family_world(700, 1).hashes()
    fault = Fault("body", json.dumps(row(user={"allowed": 500, "used": 498})).encode(), times=None)
    api.add_faults(fault)
    output = json.loads(shell("plan", seeds(shell, *hashes), *options).stdout)
    tomorrow = datetime.fromisoformat(output["quota"]["windows"][0]["resets_at"])
    assert (datetime.fromisoformat(output["completion"]["at least"]) - tomorrow).days == 1
    fewer = json.loads(shell("plan", "seeds.txt", *options, "--per-day", 100).stdout)
    assert (datetime.fromisoformat(fewer["completion"]["at least"]) - tomorrow).days == 6


def test_a_plan_considers_the_monthly_quota(shell: Shell, service) -> None:
    url = service(Api(generate_family_world(1, 1), quota=Quota(per_month=1)))
    hashes = seeds(shell, *generate_family_world(2, 1).hashes())
    output = shell("plan", hashes, "--base-url", url, "--user", "analyst").stdout
    assert "the monthly quota is too small; the remaining calls must wait until" in output
    assert "-01 00:00 UTC" in output


def test_a_daily_quota_of_zero_is_ignored(shell: Shell, service) -> None:
    nothing = json.dumps(row(user={"allowed": 0, "used": 0})).encode()
    url = service(
        FaultyApi(generate_family_world(1, 1), faults=[Fault("body", nothing, times=None)])
    )
    options = ("--base-url", url, "--user", "analyst")
    result = shell("plan", seeds(shell, FILE), *options)
    assert "daily quota of analyst: 0 of 0 calls left" in result.stdout
    assert "finished, with" not in result.stdout


def test_without_a_user_name_nothing_is_requested(shell: Shell, service) -> None:
    api = own_emulator()
    hashes = seeds(shell, *api.world.hashes())
    options = ("--store", "c.db", "--base-url", service(api))
    shell("crawl", hashes, *options, "--max-calls", 3)
    calls = len(api.log)
    result = shell("plan", hashes, *options)
    assert "--user NAME, the variable VT_USER, or user" in result.stdout
    assert json.loads(shell("plan", hashes, *options, "--json").stdout)["quota"] is None
    assert "quota" not in shell("status", *options).stdout
    assert len(api.log) == calls


def test_a_user_name_in_the_environment_is_used(shell: Shell, service) -> None:
    url = service(own_emulator())
    shell.environment["VT_USER"] = "analyst"
    result = shell("plan", seeds(shell, FILE), "--base-url", url)
    assert "quota of analyst" in result.stdout
    assert "VT_USER" not in result.stdout


def test_a_key_as_user_name_is_refused_and_not_repeated(shell: Shell) -> None:
    result = shell("plan", seeds(shell, FILE), "--user", KEY)
    assert result.returncode == 2
    shell.environment["VT_USER"] = KEY
    result = shell("plan", "seeds.txt", "--base-url", "http://127.0.0.1:1")
    assert result.returncode == 0
    assert "invalid user name" in result.stderr


FAULTS = {
    "another's name": ([], "nobody", "NotFoundError"),
    "403": ([Fault("status", 403, times=None)], "analyst", "ForbiddenError"),
    "404": ([Fault("status", 404, times=None)], "analyst", "NotFoundError"),
    "429": ([Fault("status", 429, times=None)], "analyst", "QuotaExceededError"),
    "redirect": ([Fault("redirect", times=None)], "analyst", "HTTP 302"),
    "HTML": ([Fault("html", times=None)], "analyst", ""),
    "reset": ([Fault("reset", times=None)], "analyst", "broke off"),
    "no object": ([Fault("body", b'{"data": []}', times=None)], "analyst", "expected an object"),
    "nothing": ([Fault("body", b'{"data": {}}', times=None)], "analyst", "no valid request quota"),
    "twice": ([Fault("body", b'{"data": 1, "data": 2}', times=None)], "analyst", "twice"),
    "an escape": ([Fault("body", b'{"\x1b[2J": ', times=None)], "analyst", "JSON"),
}


@pytest.mark.parametrize(("faults", "name", "output"), FAULTS.values(), ids=FAULTS)
def test_a_failed_quota_request_is_one_notice_and_the_plan_is_printed(
    shell: Shell, service, faults: list[Fault], name: str, output: str
) -> None:
    url = service(own_emulator(faults=faults))
    result = shell("plan", seeds(shell, FILE), "--base-url", url, "--user", name)
    assert result.returncode == 0
    assert "at least 1 call" in result.stdout
    assert "quota" not in result.stdout
    (line,) = [each for each in result.stderr.splitlines() if not each.startswith("seeds.txt: ")]
    assert line.startswith("graphbuild: the remaining quota is unknown: ")
    assert output in line
    assert "\x1b" not in line


def test_a_plan_needs_neither_key_nor_network(shell: Shell) -> None:
    nowhere = ("--user", "analyst", "--base-url", "http://127.0.0.1:1")
    result = shell("plan", seeds(shell, FILE), *nowhere)
    assert (result.returncode, "cannot reach 127.0.0.1:1" in result.stderr) == (0, True)
    del shell.environment["VT_APIKEY"]
    result = shell("plan", "seeds.txt", *nowhere)
    assert (result.returncode, "no API key found" in result.stderr) == (0, True)


def test_a_silent_service_does_not_delay_the_plan(
    service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = service(own_emulator(faults=[Fault("stall", times=None)]))
    monkeypatch.setattr(quota, "DEADLINE", 0.2)
    monkeypatch.setenv("VT_APIKEY", KEY)
    (tmp_path / "seeds.txt").write_text(FILE)
    arguments = ["plan", str(tmp_path / "seeds.txt"), "--user", "analyst", "--base-url", url]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "no complete response" in result.stderr
    assert "at least 1 call" in result.stdout


def test_the_deadline_of_the_quota_request_is_short() -> None:
    assert quota.DEADLINE <= 10
