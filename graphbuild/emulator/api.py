"""Create the responses of the emulated API, without the HTTP server."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
import time
from dataclasses import asdict, dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING

from graphbuild.emulator.accounts import Accounts
from graphbuild.emulator.errors import ServiceError
from graphbuild.emulator.http_messages import PREFIX, Request, Response
from graphbuild.emulator.quota import UNLIMITED
from graphbuild.emulator.relationships import check_api_flavor
from graphbuild.emulator.router import DEFAULT_SETTINGS, Router

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from graphbuild.emulator.http_messages import Json, Middleware
    from graphbuild.emulator.quota import Quota
    from graphbuild.emulator.router import UndocumentedSettings
    from graphbuild.emulator.world import World


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A request and its response. In the path and the query, ``{key}`` replaces API keys."""

    number: int  # number of the request, from 1
    method: str  # in upper case
    path: str  # without the query
    query: str
    key: str  # the first 8 hexadecimal digits of the SHA-256 of the API key; empty without a key
    status: int  # HTTP status of the response
    fault: str  # name of the simulated fault; empty if there is none
    time: float  # when the response was ready, in seconds since 1970


class Api:
    """An emulation of the VirusTotal API v3; safe to call from several threads.

    Args:
        world: The data to serve.
        keys: API keys to accept, in addition to ``public_keys``; None to accept any key.
        public_keys: API keys that cannot read references and reports.
        inactive_keys: API keys of inactive accounts; their requests are rejected.
        quota: The quota of each API key.
        group_quota: The quota that all API keys share; None if there is no group.
        api_flavor: The API flavors that API keys can use: ``classic``, ``gti`` or ``both``.
        api_flavor_by_key: Maps API keys to the flavors that they can use, if these differ from
            ``api_flavor``.
        user: The user name of every account. A path can contain it in place of the API key.
        undocumented: The behavior in cases that the API documentation does not specify.
        middleware: A function that receives each request with its response and returns the
            response to send, for example to simulate an error.
        clock: A function that returns the time in seconds since 1970.
        log_path: A file to which each entry of ``log`` is appended as a line of JSON, or None.

    Attributes:
        world: The argument ``world``; it can be replaced between two requests.
        undocumented: The argument ``undocumented``; it can be replaced between two requests.
        middleware: The argument ``middleware``; it can be replaced between two requests.
        log: One entry per request, oldest first.
        calls: The number of requests that were counted against the quotas.
    """

    def __init__(  # noqa: PLR0913 - options of the service, keyword-only
        self,
        world: World,
        *,
        keys: Collection[str] | None = None,
        public_keys: Collection[str] = (),
        inactive_keys: Collection[str] = (),
        quota: Quota = UNLIMITED,
        group_quota: Quota | None = None,
        api_flavor: str = "classic",
        api_flavor_by_key: Mapping[str, str] | None = None,
        user: str = "analyst",
        undocumented: UndocumentedSettings = DEFAULT_SETTINGS,
        middleware: Middleware | None = None,
        clock: Callable[[], float] = time.time,
        log_path: Path | None = None,
    ) -> None:
        self.world = world
        self.log: list[LogEntry] = []
        self.calls = 0
        self.middleware = middleware
        self._accepts_any_key = keys is None
        self._public_keys = frozenset(public_keys)
        self._inactive_keys = frozenset(inactive_keys)
        self._known_keys = self._public_keys | self._inactive_keys | frozenset(keys or ())
        self._accounts = Accounts(user, quota, group_quota)
        self._api_flavor = check_api_flavor(api_flavor)
        self._api_flavor_by_key = {
            key: check_api_flavor(name) for key, name in (api_flavor_by_key or {}).items()
        }
        self.undocumented = undocumented
        self._clock = clock
        self._log_path = log_path
        self._lock = threading.Lock()

    def respond(self, method: str, target: str, headers: Mapping[str, str]) -> Response:
        """Log a request and return its response; ``target`` is the path with the query."""
        request = Request.parse(method, target, headers)
        with self._lock:
            try:
                self._check(request)
                response = Response.from_json(200, self._get(request))
            except ServiceError as error:
                response = error.response
            if self.middleware is not None:
                response = self.middleware(request, response)
            self._record(request, response)
        return self._finish(request, response)

    def _check(self, request: Request) -> None:
        """Raise ``ServiceError`` if the method or the API key is invalid or a quota is used up."""
        key = request.key
        if request.method != "GET":
            raise ServiceError("MethodNotAllowedError")
        if not key:
            raise ServiceError("AuthenticationRequiredError")
        if not self._accepts_any_key and key not in self._known_keys:
            raise ServiceError("WrongCredentialsError")
        if key in self._inactive_keys:
            raise ServiceError("UserNotActiveError")
        if not request.is_free and self._accounts.is_exhausted(key, self._clock()):
            raise ServiceError("QuotaExceededError")

    def _get(self, request: Request) -> Json:
        if not request.path.startswith(f"{PREFIX}/"):
            raise ServiceError("NotFoundError")
        is_public = request.key in self._public_keys
        if request.is_free:
            return self._accounts.get(request, self._clock(), is_public=is_public)
        api_flavor = self._api_flavor_by_key.get(request.key, self._api_flavor)
        router = Router(self.world, self.undocumented, api_flavor, is_public)
        return router.get(request.resource_path, request.query)

    def _record(self, request: Request, response: Response) -> None:
        key = request.key
        if response.status not in self.undocumented.free_statuses and not request.is_free:
            self.calls += 1
            self._accounts.record_call(key, request.resource_path, self._clock())
        keys = self._known_keys | {key}
        entry = LogEntry(
            number=len(self.log) + 1,
            method=request.method,
            path=_mask_keys(request.path, keys),
            query=_mask_keys(request.query, keys),
            key=hashlib.sha256(key.encode()).hexdigest()[:8] if key else "",
            status=response.status,
            fault=response.fault,
            time=self._clock(),
        )
        self.log.append(entry)
        if self._log_path is not None:
            with self._log_path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(entry)) + "\n")

    def _finish(self, request: Request, response: Response) -> Response:
        headers = {"Date": formatdate(self._clock(), usegmt=True), **response.headers}
        body = response.body
        if request.accepts_gzip and body and "Content-Encoding" not in headers:
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return replace(response, headers={**headers, "Content-Length": str(len(body))}, body=body)


def _mask_keys(text: str, keys: Collection[str]) -> str:
    """Replace each API key in a path or query that is a whole segment, name or value."""
    parts = re.split("([/&=])", text)
    return "".join("{key}" if part and part in keys else part for part in parts)
