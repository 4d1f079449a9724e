"""Quotas, privileges and usage of a key."""

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
    return em.generate_family_world(2, 30)


@pytest.fixture
def make_api(world, clock):
    return lambda **options: em.Api(world, clock=clock, **options)


def get(api, path, key=KEY):
    response = api.respond("GET", f"/api/v3{path}", {"x-apikey": key})
    return response.status, json.loads(response.body)


def send_requests(api, count, key=KEY):
    name = api.world.hashes()[0]
    return [get(api, f"/files/{name}/related_references", key)[0] for _ in range(count)]


def quotas(api, part="user", key=KEY):
    """Return (allowed, used) per hour, day and month."""
    status, body = get(api, "/users/analyst/overall_quotas", key)
    assert status == 200
    return [
        (body["data"][name][part]["allowed"], body["data"][name][part]["used"]) for name in NAMES
    ]


def test_quotas_are_available_under_a_user_name(make_api):
    api = make_api(quota=em.Quota(4, 500, 15_500))
    send_requests(api, 3)
    assert quotas(api) == [(240, 3), (500, 3), (15_500, 3)]
    by_key = get(api, f"/users/{KEY}/overall_quotas")
    assert by_key == get(api, "/users/analyst/overall_quotas")
    assert api.calls == 3


def test_user_name(make_api):
    api = make_api(user="ada")
    assert get(api, "/users/ada/overall_quotas")[0] == 200
    assert get(api, "/users/analyst/overall_quotas")[0] == 404


def test_usage_is_reset_per_hour_day_and_month(make_api, clock):
    api = make_api()
    send_requests(api, 2)
    clock.now += 3600
    send_requests(api, 1)
    assert [used for _, used in quotas(api)] == [1, 3, 3]
    clock.now += 6400  # past midnight
    assert [used for _, used in quotas(api)] == [0, 0, 3]
    clock.now += 17 * 86_400  # past the end of November
    assert [used for _, used in quotas(api)] == [0, 0, 0]


def test_account_requests_are_free(make_api):
    api = make_api(quota=em.Quota(per_day=1))
    assert send_requests(api, 2) == [200, 429]
    for path in ("", "/overall_quotas", "/api_usage"):
        assert get(api, f"/users/analyst{path}")[0] == 200
    assert quotas(api)[1] == (1, 1)
    assert api.calls == 1


def test_a_key_sees_only_its_own_account(make_api):
    api = make_api(keys={KEY, "other"})
    send_requests(api, 2)
    send_requests(api, 1, "other")
    assert quotas(api)[1][1] == 2
    assert quotas(api, key="other")[1][1] == 1
    for path in ("/users/other", "/users/other/overall_quotas", "/users/other/api_usage"):
        status, body = get(api, path)
        assert (status, body["error"]["message"]) == (404, "Resource not found.")
    assert get(api, "/users/analyst", "unknown")[0] == 401


def test_the_log_contains_no_key_of_another_user(make_api):
    api = make_api(keys={KEY, "other" * 5})
    get(api, f"/users/{'other' * 5}?apikey={'other' * 5}")
    assert (api.log[-1].path, api.log[-1].query) == ("/api/v3/users/{key}", "apikey={key}")


def test_no_group_by_default(make_api):
    body = get(make_api(), "/users/analyst/overall_quotas")[1]
    assert all(set(row) == {"user"} for row in body["data"].values())


def test_group_quota(make_api):
    api = make_api(quota=em.Quota(per_day=3), group_quota=em.Quota(per_day=4))
    assert send_requests(api, 3, "a") == [200] * 3
    assert send_requests(api, 2, "b") == [200, 429]
    assert quotas(api, "group", "a")[1] == (4, 4)
    assert quotas(api, "user", "b")[1] == (3, 1)
    body = get(api, "/users/analyst/overall_quotas", "a")[1]
    assert body["data"]["api_requests_daily"] == {
        "group": {"allowed": 4, "inherited_from": "company", "used": 4},
        "user": {"allowed": 3, "used": 3},
    }


@pytest.mark.parametrize("status", [403, 404, 429])
def test_free_statuses(make_api, status):
    for free in (frozenset(), frozenset({status})):
        api = make_api(
            public_keys={KEY} if status == 403 else (),
            quota=em.Quota(per_day=0) if status == 429 else em.Quota(),
            undocumented=em.UndocumentedSettings(free_statuses=free),
        )
        path = f"/files/{'0' * 64}{'/references' if status == 403 else ''}"
        assert get(api, path)[0] == status
        assert quotas(api)[1][1] == api.calls == (0 if free else 1)


# --- the account


def test_an_account_has_quotas_and_privileges_but_no_key(make_api):
    api = make_api(quota=em.Quota(per_day=9))
    send_requests(api, 2)
    data = get(api, f"/users/{KEY}")[1]["data"]
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


def test_a_public_key_has_no_privileges(make_api):
    data = get(make_api(public_keys={KEY}), "/users/analyst")[1]["data"]
    assert not any(each["granted"] for each in data["attributes"]["privileges"].values())


# --- usage


def test_usage_per_endpoint_and_day(make_api, world, clock):
    api, name = make_api(), world.hashes()[0]
    get(api, f"/files/{name}")
    get(api, f"/files/{name}?relationships=collections")
    get(api, f"/files/{name}/relationships/related_references")
    send_requests(api, 2)
    get(api, "/domains/x.example/references")
    get(api, "/ip_addresses/192.0.2.1/references")
    get(api, "/nowhere/at/all")
    clock.now += 86_400
    get(api, "/urls/x/references")
    get(api, "/collections/made_up_family", "other")
    assert get(api, "/users/analyst/api_usage")[1]["data"] == {
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


def test_usage_between_two_dates(make_api, clock):
    api = make_api()
    for _ in range(3):
        send_requests(api, 1)
        clock.now += 86_400
    query = "start_date=20231115&end_date=20231115"
    daily = get(api, f"/users/analyst/api_usage?{query}")[1]["data"]["daily"]
    assert daily == {"2023-11-15": {"file_relationships": 1}}
    clock.now += 70 * 86_400
    query = "start_date=20231110&end_date=20231120"
    assert get(api, f"/users/analyst/api_usage?{query}")[1]["data"] == {"daily": {}, "total": {}}


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
def test_an_invalid_span_is_a_bad_request(make_api, query):
    status, body = get(make_api(), f"/users/analyst/api_usage?{query}")
    assert (status, body["error"]["code"]) == (400, "BadRequestError")


def test_the_first_possible_date_is_valid(make_api):
    assert get(make_api(), "/users/analyst/api_usage?end_date=00010101")[0] == 200
