"""The emulated service: what a key is told of its quotas, privileges and usage."""

import json

import pytest

import graphbuild.emulator as em

KEY = "5ec2e7" * 10
NAMES = ("api_requests_hourly", "api_requests_daily", "api_requests_monthly")


class Clock:
    now = 1_700_000_000.0  # 2023-11-14 22:13:20

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def world():
    return em.family_world(2, 30)


@pytest.fixture
def make(world, clock):
    return lambda **switches: em.Api(world, clock=clock, **switches)


def ask(api, path, key=KEY):
    answer = api.respond("GET", f"/api/v3{path}", {"x-apikey": key})
    return answer.status, json.loads(answer.body)


def spend(api, count, key=KEY):
    name = api.world.hashes()[0]
    return [ask(api, f"/files/{name}/related_references", key)[0] for _ in range(count)]


def quotas(api, part="user", key=KEY):
    """Return (allowed, used) by the hour, the day and the month."""
    status, body = ask(api, "/users/analyst/overall_quotas", key)
    assert status == 200
    return [
        (body["data"][name][part]["allowed"], body["data"][name][part]["used"]) for name in NAMES
    ]


def test_quotas_are_told_under_a_name_so_that_no_key_stands_in_the_address(make):
    api = make(quota=em.Quota(4, 500, 15_500))
    spend(api, 3)
    assert quotas(api) == [(240, 3), (500, 3), (15_500, 3)]
    by_key = ask(api, f"/users/{KEY}/overall_quotas")
    assert by_key == ask(api, "/users/analyst/overall_quotas")
    assert api.calls == 3


def test_the_name_can_be_another(make):
    api = make(user="ada")
    assert ask(api, "/users/ada/overall_quotas")[0] == 200
    assert ask(api, "/users/analyst/overall_quotas")[0] == 404


def test_what_was_used_is_forgotten_by_the_hour_the_day_and_the_month(make, clock):
    api = make()
    spend(api, 2)
    clock.now += 3600
    spend(api, 1)
    assert [used for _, used in quotas(api)] == [1, 3, 3]
    clock.now += 6400  # past midnight
    assert [used for _, used in quotas(api)] == [0, 0, 3]
    clock.now += 17 * 86_400  # past the end of November
    assert [used for _, used in quotas(api)] == [0, 0, 0]


def test_looking_is_free_even_when_nothing_is_left(make):
    api = make(quota=em.Quota(per_day=1))
    assert spend(api, 2) == [200, 429]
    for path in ("", "/overall_quotas", "/api_usage"):
        assert ask(api, f"/users/analyst{path}")[0] == 200
    assert quotas(api)[1] == (1, 1)
    assert api.calls == 1


def test_a_key_sees_what_is_its_own(make):
    api = make(keys={KEY, "other"})
    spend(api, 2)
    spend(api, 1, "other")
    assert quotas(api)[1][1] == 2
    assert quotas(api, key="other")[1][1] == 1
    for path in ("/users/other", "/users/other/overall_quotas", "/users/other/api_usage"):
        status, body = ask(api, path)
        assert (status, body["error"]["message"]) == (404, "Resource not found.")
    assert ask(api, "/users/analyst", "unknown")[0] == 401


def test_no_key_of_anybody_is_in_the_log(make):
    api = make(keys={KEY, "other" * 5})
    ask(api, f"/users/{'other' * 5}?apikey={'other' * 5}")
    assert (api.log[-1].path, api.log[-1].query) == ("/api/v3/users/{key}", "apikey={key}")


def test_nothing_is_said_of_a_group_unless_there_is_one(make):
    body = ask(make(), "/users/analyst/overall_quotas")[1]
    assert all(set(row) == {"user"} for row in body["data"].values())


def test_a_group_shares_its_quota(make):
    api = make(quota=em.Quota(per_day=3), group=em.Quota(per_day=4))
    assert spend(api, 3, "a") == [200] * 3
    assert spend(api, 2, "b") == [200, 429]
    assert quotas(api, "group", "a")[1] == (4, 4)
    assert quotas(api, "user", "b")[1] == (3, 1)
    body = ask(api, "/users/analyst/overall_quotas", "a")[1]
    assert body["data"]["api_requests_daily"] == {
        "group": {"allowed": 4, "inherited_from": "company", "used": 4},
        "user": {"allowed": 3, "used": 3},
    }


@pytest.mark.parametrize("status", [403, 404, 429])
def test_whether_a_refusal_costs_a_call_is_a_choice(make, status):
    for unbilled in (frozenset(), frozenset({status})):
        api = make(
            public_keys={KEY} if status == 403 else (),
            quota=em.Quota(per_day=0) if status == 429 else em.Quota(),
            choices=em.Choices(unbilled=unbilled),
        )
        path = f"/files/{'0' * 64}{'/references' if status == 403 else ''}"
        assert ask(api, path)[0] == status
        assert quotas(api)[1][1] == api.calls == (0 if unbilled else 1)


# --- the account


def test_an_account_tells_quotas_and_privileges_and_never_the_key(make):
    api = make(quota=em.Quota(per_day=9))
    spend(api, 2)
    data = ask(api, f"/users/{KEY}")[1]["data"]
    assert (data["type"], data["id"]) == ("user", "analyst")
    assert data["links"]["self"].endswith("/api/v3/users/analyst")
    assert data["attributes"]["quotas"]["api_requests_daily"] == {"allowed": 9, "used": 2}
    for privilege in data["attributes"]["privileges"].values():
        assert set(privilege) == {
            "granted",
            "expiration_date",
            "inherited_from",
            "inherited_via",
        }
        assert privilege["granted"] is True
    assert KEY not in json.dumps(data)


def test_a_public_key_has_no_privilege(make):
    data = ask(make(public_keys={KEY}), "/users/analyst")[1]["data"]
    assert not any(each["granted"] for each in data["attributes"]["privileges"].values())


# --- usage


def test_usage_counts_calls_by_sort_and_day(make, world, clock):
    api, name = make(), world.hashes()[0]
    ask(api, f"/files/{name}")
    ask(api, f"/files/{name}?relationships=collections")
    ask(api, f"/files/{name}/relationships/related_references")
    spend(api, 2)
    ask(api, "/domains/x.example/references")
    ask(api, "/ip_addresses/192.0.2.1/references")
    ask(api, "/nowhere/at/all")
    clock.now += 86_400
    ask(api, "/urls/x/references")
    ask(api, "/collections/made_up_family", "other")
    assert ask(api, "/users/analyst/api_usage")[1]["data"] == {
        "daily": {
            "2023-11-14": {
                "domain_relationships": 1,
                "file_relationships": 3,
                "files": 2,
                "ip_addresses_relationships": 1,
            },
            "2023-11-15": {"url_relationships": 1},
        },
        "total": {
            "domain_relationships": 1,
            "file_relationships": 3,
            "files": 2,
            "ip_addresses_relationships": 1,
            "url_relationships": 1,
        },
    }


def test_usage_of_a_span_of_days(make, clock):
    api = make()
    for _ in range(3):
        spend(api, 1)
        clock.now += 86_400
    query = "start_date=20231115&end_date=20231115"
    daily = ask(api, f"/users/analyst/api_usage?{query}")[1]["data"]["daily"]
    assert daily == {"2023-11-15": {"file_relationships": 1}}
    clock.now += 70 * 86_400
    query = "start_date=20231110&end_date=20231120"
    assert ask(api, f"/users/analyst/api_usage?{query}")[1]["data"] == {"daily": {}, "total": {}}


@pytest.mark.parametrize(
    "query",
    [
        "start_date=20231115&end_date=20231114",
        "start_date=20231001&end_date=20231101",
        "start_date=2023-11-15",
        "start_date=20231315",
        "end_date=",
        "end_date=00000101",
        "end_date=00010101&start_date=99991231",
    ],
)
def test_a_span_that_is_none_is_a_bad_request(make, query):
    status, body = ask(make(), f"/users/analyst/api_usage?{query}")
    assert (status, body["error"]["code"]) == (400, "BadRequestError")


def test_the_first_day_of_all_is_a_day(make):
    assert ask(make(), "/users/analyst/api_usage?end_date=00010101")[0] == 200
