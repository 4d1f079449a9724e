"""The service itself, without a socket: a request in, an answer out."""

from __future__ import annotations

import gzip
import re
import threading
import time
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING

from graphbuild.emulator.answers import Answer, ServiceError
from graphbuild.emulator.faults import Script, apply_fault
from graphbuild.emulator.log import Entry, append, mark
from graphbuild.emulator.quota import UNLIMITED, Meter
from graphbuild.emulator.routes import Routes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from graphbuild.emulator.faults import Fault
    from graphbuild.emulator.quota import Quota
    from graphbuild.emulator.world import World

BASE = "https://www.virustotal.com/api/v3"  # what links say, wherever the emulator runs
PREFIX = "/api/v3"

# What a public key is not shown: whatever is about references.
_LOCKED = frozenset({"references", "related_references"})
# Whether a 404 or a 400 is billed is not documented; here it is, the careful reading.
_UNBILLED = frozenset({401, 405, 429})


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent, taken apart; `path` is without the prefix of the API."""

    method: str
    target: str
    path: str
    query: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str]) -> Request:
        """Take a request apart; header names are the same in any case."""
        path, _, query = target.partition("?")
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method.upper(), target, path, query, lower)

    @property
    def key(self) -> str:
        """The API key, or nothing."""
        return self.headers.get("x-apikey", "").strip()

    @property
    def is_free(self) -> bool:
        """Whether the service takes no quota for this."""
        return self.path.startswith(f"{PREFIX}/users/")


class Api:
    """A stand-in of the API over a world; safe to call from several threads.

    Without `keys` any key is good. `public_keys` may not read references, `inactive_keys`
    nothing. `base` is what links begin with. `log_path` takes a copy of the log as JSON lines.
    """

    def __init__(  # noqa: PLR0913 - each is a switch of the service, all named
        self,
        world: World,
        *,
        keys: Collection[str] | None = None,
        public_keys: Collection[str] = (),
        inactive_keys: Collection[str] = (),
        quota: Quota = UNLIMITED,
        faults: Iterable[Fault] = (),
        clock: Callable[[], float] = time.time,
        base: str = BASE,
        log_path: Path | None = None,
    ) -> None:
        self.world = world
        self.log: list[Entry] = []
        self.calls = 0
        self._keys = keys
        self._public_keys = frozenset(public_keys)
        self._inactive_keys = frozenset(inactive_keys)
        self._meter = Meter(quota)
        self._script = Script(faults)
        self._clock = clock
        self._routes = Routes(world, base)
        self._log_path = log_path
        self._lock = threading.Lock()

    def respond(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        """Answer one request; `target` is path and query as on a request line."""
        request = Request.of(method, target, headers)
        with self._lock:
            fault = self._script.take(request.target)
            answer = self._answer(request)
            if fault is not None:
                answer = apply_fault(fault, answer, request.target, len(self.log))
            self._book(request, answer, fault)
        return self._finish(request, answer)

    def add_faults(self, *faults: Fault) -> None:
        """Put more faults behind those still to come."""
        with self._lock:
            self._script.add(faults)

    def clear_faults(self) -> None:
        """Behave from now on."""
        with self._lock:
            self._script = Script(())

    def _answer(self, request: Request) -> Answer:
        try:
            _check_method(request)
            self._admit(request)
            return Answer.of(200, self._read(request))
        except ServiceError as error:
            return error.answer

    def _admit(self, request: Request) -> None:
        key = request.key
        known = self._public_keys | self._inactive_keys | frozenset(self._keys or ())
        if not key:
            code = "AuthenticationRequiredError"
            raise ServiceError(401, "X-Apikey header is missing", code=code)
        if self._keys is not None and key not in known:
            raise ServiceError(401)
        if key in self._inactive_keys:
            raise ServiceError(401, "The user account is not active", code="UserNotActiveError")
        if not request.is_free and self._meter.is_spent(key, self._clock()):
            raise ServiceError(429)
        if key in self._public_keys and not _LOCKED.isdisjoint(request.path.split("/")):
            raise ServiceError(403)

    def _read(self, request: Request) -> dict[str, object]:
        if not request.path.startswith(f"{PREFIX}/"):
            raise ServiceError(404, "Resource not found.")
        if request.path == f"{PREFIX}/users/{request.key}/overall_quotas":
            return {"data": self._meter.report(request.key, self._clock())}
        return self._routes.read(request.path.removeprefix(PREFIX), request.query)

    def _book(self, request: Request, answer: Answer, fault: Fault | None) -> None:
        if answer.status not in _UNBILLED and not request.is_free:
            self.calls += 1
            self._meter.spend(request.key, self._clock())
        entry = Entry(
            number=len(self.log) + 1,
            method=request.method,
            path=_without_key(request.path, request.key),
            query=_without_key(request.query, request.key),
            key=mark(request.key),
            status=answer.status,
            fault=fault.kind if fault else "",
            time=self._clock(),
        )
        self.log.append(entry)
        if self._log_path is not None:
            append(self._log_path, entry)

    def _finish(self, request: Request, answer: Answer) -> Answer:
        headers = {"Date": formatdate(self._clock(), usegmt=True), **answer.headers}
        body = answer.body
        if _takes_gzip(request) and body and "Content-Encoding" not in headers:
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return replace(answer, headers={**headers, "Content-Length": str(len(body))}, body=body)


def _check_method(request: Request) -> None:
    if request.method != "GET":  # nothing here can be written, and the log will tell who tried
        raise ServiceError(405, "Only GET is served here")


def _takes_gzip(request: Request) -> bool:
    # The true front end looks at both headers: only a browser or an agent that says so gets gzip.
    agent = request.headers.get("user-agent", "")
    return "gzip" in agent and "gzip" in request.headers.get("accept-encoding", "")


def _without_key(text: str, key: str) -> str:
    parts = re.split("([/&=])", text)
    return "".join("{key}" if key and part == key else part for part in parts)
