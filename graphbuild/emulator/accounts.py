"""What each key spent, and what it is told about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from graphbuild.emulator.answers import ServiceError
from graphbuild.emulator.quota import UNLIMITED, Meter
from graphbuild.emulator.usage import Usage

if TYPE_CHECKING:
    from graphbuild.emulator.answers import Json
    from graphbuild.emulator.quota import Quota
    from graphbuild.emulator.request import Request
    from graphbuild.emulator.routes import Reader

_ALL = ""  # the key under which the calls of all are counted
_GROUP = "company"  # the documented sample's

# The name of the privilege that opens references is not documented; this one is made up.
_PRIVILEGES = ("intelligence", "threat-landscape")


class Accounts:
    """The books of all keys; `user` is what each may call itself, `group` is what all share."""

    def __init__(self, user: str, quota: Quota, group: Quota | None) -> None:
        self._user = user
        self._meter = Meter(quota)
        self._shared = Meter(group or UNLIMITED)
        self._has_group = group is not None
        self._usage = Usage()

    def spend(self, key: str, place: str, now: float) -> None:
        """Book one call; `place` is the path of it."""
        self._meter.spend(key, now)
        self._shared.spend(_ALL, now)
        self._usage.book(key, place, now)

    def is_spent(self, key: str, now: float) -> bool:
        """Tell whether any quota of a key or of the group is used up."""
        return self._meter.is_spent(key, now) or self._shared.is_spent(_ALL, now)

    def read(self, request: Request, reader: Reader, base: str, now: float) -> Json:
        """Answer `/users/{key or name}` and what is under it.

        Raises:
            ServiceError: it is about somebody else, or there is no such thing.
        """
        key = request.key
        match [unquote(part) for part in request.place.strip("/").split("/")]:
            case ["users", name] if self._is(name, key):
                return {"data": self._account(key, reader, base, now)}
            case ["users", name, "overall_quotas"] if self._is(name, key):
                return {"data": self._quotas(key, now)}
            case ["users", name, "api_usage"] if self._is(name, key):
                return {"data": self._usage.report(key, request.query, now)}
        raise ServiceError(404, "Resource not found.")  # without the name: it may be a key

    def _is(self, name: str, key: str) -> bool:
        return name in {key, self._user}

    def _quotas(self, key: str, now: float) -> Json:
        shared = self._shared.report(_ALL, now)
        return {
            name: self._group(shared[name]) | {"user": row}
            for name, row in self._meter.report(key, now).items()
        }

    def _group(self, row: dict[str, int]) -> Json:
        if not self._has_group:
            return {}
        return {"group": {"allowed": row["allowed"], "inherited_from": _GROUP, "used": row["used"]}}

    def _account(self, key: str, reader: Reader, base: str, now: float) -> Json:
        # The service tells its user the key as well; nobody here has a use for that.
        privileges = {
            name: {
                "granted": not reader.is_public,
                "expiration_date": None,
                "inherited_from": None,
                "inherited_via": None,
            }
            for name in _PRIVILEGES
        }
        quotas = self._meter.report(key, now)
        return {
            "attributes": {"quotas": quotas, "privileges": privileges},
            "type": "user",
            "id": self._user,
            "links": {"self": f"{base}/users/{self._user}"},
        }
