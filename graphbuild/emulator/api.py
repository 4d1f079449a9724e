"""The service itself, without a socket: a request in, an answer out."""

from __future__ import annotations

import gzip
import re
import threading
import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

from graphbuild.emulator.accounts import Accounts
from graphbuild.emulator.answers import Answer, ServiceError
from graphbuild.emulator.config import USUAL
from graphbuild.emulator.dialects import check_dialect
from graphbuild.emulator.faults import Script, apply_fault
from graphbuild.emulator.quota import UNLIMITED
from graphbuild.emulator.request import PREFIX, Request
from graphbuild.emulator.request_log import Entry, append, mark
from graphbuild.emulator.routes import Reader, Routes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from graphbuild.emulator.answers import Json
    from graphbuild.emulator.config import Choices
    from graphbuild.emulator.faults import Fault
    from graphbuild.emulator.quota import Quota
    from graphbuild.emulator.world import World

BASE = "https://www.virustotal.com/api/v3"  # what links say, wherever the emulator runs


class Api:
    """A stand-in of the API over a world; safe to call from several threads.

    Without `keys` any key is good. `public_keys` may not read references, `inactive_keys`
    nothing. `base` is what links begin with. `log_path` takes a copy of the log as JSON lines.

    `dialect` is the generation spoken: "classic", "gti" or "both"; `dialects` has the keys that
    hear another one. Every key may call itself `user` in an address. `group` is a quota that all
    keys share; without it nothing is said of a group. `choices` fill what is not documented.
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
        dialect: str = "classic",
        dialects: Mapping[str, str] | None = None,
        user: str = "analyst",
        group: Quota | None = None,
        choices: Choices = USUAL,
    ) -> None:
        self.log: list[Entry] = []
        self.calls = 0
        self._keys = keys
        self._public_keys = frozenset(public_keys)
        self._inactive_keys = frozenset(inactive_keys)
        self._dialect = check_dialect(dialect)
        self._dialects = {key: check_dialect(name) for key, name in (dialects or {}).items()}
        self._accounts = Accounts(user, quota, group)
        self._script = Script(faults)
        self._clock = clock
        self._base = base
        self._choices = choices
        self._routes = Routes(world, base, choices)
        self._log_path = log_path
        self._lock = threading.Lock()

    @property
    def world(self) -> World:
        """What is served; another world can take its place between two requests."""
        return self._routes.world

    @world.setter
    def world(self, world: World) -> None:
        with self._lock:
            self._routes = Routes(world, self._base, self._choices)

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
        if not key:
            code = "AuthenticationRequiredError"
            raise ServiceError(401, "X-Apikey header is missing", code=code)
        if self._keys is not None and key not in self._known_keys():
            raise ServiceError(401)
        if key in self._inactive_keys:
            raise ServiceError(401, "The user account is not active", code="UserNotActiveError")
        if not request.is_free and self._accounts.is_spent(key, self._clock()):
            raise ServiceError(429)

    def _known_keys(self) -> frozenset[str]:
        return self._public_keys | self._inactive_keys | frozenset(self._keys or ())

    def _read(self, request: Request) -> Json:
        if not request.path.startswith(f"{PREFIX}/"):
            raise ServiceError(404, "Resource not found.")
        key = request.key
        reader = Reader(self._dialects.get(key, self._dialect), key in self._public_keys)
        if request.is_free:
            return self._accounts.read(request, reader, self._base, self._clock())
        return self._routes.read(request.place, request.query, reader)

    def _book(self, request: Request, answer: Answer, fault: Fault | None) -> None:
        if answer.status not in self._choices.unbilled and not request.is_free:
            self.calls += 1
            self._accounts.spend(request.key, request.place, self._clock())
        keys = self._known_keys() | {request.key}
        entry = Entry(
            number=len(self.log) + 1,
            method=request.method,
            path=_without_keys(request.path, keys),
            query=_without_keys(request.query, keys),
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
        if request.takes_gzip and body and "Content-Encoding" not in headers:
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return replace(answer, headers={**headers, "Content-Length": str(len(body))}, body=body)


def _check_method(request: Request) -> None:
    if request.method != "GET":  # nothing here can be written, and the log will tell who tried
        raise ServiceError(405, "Only GET is served here")


def _without_keys(text: str, keys: Collection[str]) -> str:
    parts = re.split("([/&=])", text)
    return "".join("{key}" if part and part in keys else part for part in parts)
