"""Accounts: count calls per API key, check quotas, and respond to requests below ``/users``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from graphbuild.emulator.errors import ServiceError
from graphbuild.emulator.http_messages import BASE_URL
from graphbuild.emulator.quota import UNLIMITED, CallCounter

if TYPE_CHECKING:
    from graphbuild.emulator.http_messages import Json, Request
    from graphbuild.emulator.quota import Quota

_ALL_KEYS = ""  # used in place of an API key in the call counter of the group
_GROUP_NAME = "company"  # as in a sample of the API documentation

# The name "threat-landscape" is invented, because the API documentation does not state which
# privilege gives access to references.
_PRIVILEGES = ("intelligence", "threat-landscape")


class Accounts:
    """The accounts of all API keys, with one account per key.

    All accounts have the user name ``user``. A path below ``/users`` contains this name or the API
    key of the request. Unless ``group_quota`` is None, all accounts belong to a group with this
    quota.
    """

    def __init__(self, user: str, quota: Quota, group_quota: Quota | None) -> None:
        self._user = user
        self._calls = CallCounter(quota)
        self._group_calls = CallCounter(group_quota or UNLIMITED)
        self._has_group = group_quota is not None

    def record_call(self, key: str, resource_path: str, now: float) -> None:
        """Count a call at the time ``now`` (seconds since 1970) for the key and the group."""
        self._calls.record(key, resource_path, now)
        self._group_calls.record(_ALL_KEYS, resource_path, now)

    def is_exhausted(self, key: str, now: float) -> bool:
        """Return whether a quota of the key or of the group is used up."""
        return self._calls.is_exhausted(key, now) or self._group_calls.is_exhausted(_ALL_KEYS, now)

    def get(self, request: Request, now: float, *, is_public: bool) -> Json:
        """Return the body of the response to a request about the account of its API key.

        The path is ``/users/{id}`` for the account, ``/users/{id}/overall_quotas`` for its quotas,
        and ``/users/{id}/api_usage`` for its usage. ``is_public`` is whether the key is public.

        Raises:
            ServiceError: The path is another one, or contains another key or user name. The dates
                in a request for the usage are invalid.
        """
        key = request.key
        own_names = {key, self._user}
        match [unquote(part) for part in request.resource_path.strip("/").split("/")]:
            case ["users", name] if name in own_names:
                return {"data": self._account(key, now, is_public=is_public)}
            case ["users", name, "overall_quotas"] if name in own_names:
                return {"data": self._overall_quotas(key, now)}
            case ["users", name, "api_usage"] if name in own_names:
                return {"data": self._calls.api_usage(key, request.query, now)}
        raise ServiceError("NotFoundError")  # without the path, which can contain an API key

    def _overall_quotas(self, key: str, now: float) -> Json:
        group = self._group_calls.quotas(_ALL_KEYS, now)
        quotas: Json = {}
        for name, user in self._calls.quotas(key, now).items():
            quotas[name] = {"user": user}
            if self._has_group:
                quotas[name]["group"] = {**group[name], "inherited_from": _GROUP_NAME}
        return quotas

    def _account(self, key: str, now: float, *, is_public: bool) -> Json:
        # The response of the real API also contains the API key; the emulator omits it.
        privilege = {
            "granted": not is_public,
            "expiration_date": None,
            "inherited_from": None,
            "inherited_via": None,
        }
        return {
            "attributes": {
                "quotas": self._calls.quotas(key, now),
                "privileges": dict.fromkeys(_PRIVILEGES, privilege),
            },
            "type": "user",
            "id": self._user,
            "links": {"self": f"{BASE_URL}/users/{self._user}"},
        }
