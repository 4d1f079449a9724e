"""Sequences of faulty answers, over plain HTTP and TLS, on first and on reused connections.

Each round crawls a few subjects. The server answers some of the first requests with faults, and the
others with the truth. It decides what is true: the references that it lists for a subject, the
length of the list, and the errors of the API that it sent. The crawl must store exactly that.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections import Counter
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Self
from unittest import mock

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import Client
from graphbuild.api.retry import RETRIES
from graphbuild.crawler import Crawl
from graphbuild.errors import GraphbuildError
from graphbuild.models import COMPLETE, FAILED
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.support.clock import ManualClock
from tests.support.keys import CANARY
from tests.torture.results import PartResult
from tests.torture.wire_answers import FAULTS, Exchange, generate_subjects, true_answer
from tests.torture.wire_server import BUNDLE, HOST, WireServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.forking import Zygote
    from tests.torture.wire_answers import Subject
    from tests.torture.wire_server import Answer

_DEADLINE = 2.0
_MAX_FAULTS = 8  # per round
_MAX_RUNS = 16  # per round; a fault ends at most one run
_KEEP = 100  # every so many campaign files are kept, for the search for the key
_FAULT_SHARE = 0.6  # of the first answers
_NAMES, _WEIGHTS = list(FAULTS), [fault.weight for fault in FAULTS.values()]


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts are called alike
    """Run that many sequences."""
    result = PartResult("wire")
    faults: Counter[str] = Counter()
    answers = 0
    environment = {"REQUESTS_CA_BUNDLE": str(BUNDLE), "NO_PROXY": "*"}
    with (
        WireServer() as server,
        mock.patch.dict(os.environ, environment),
        mock.patch("socket.getaddrinfo", _Lookup()),
    ):
        for number in range(rounds):
            place = folder / f"round-{number}"
            place.mkdir()
            with _Sequence(server, place, f"{seed} {number}") as sequence:
                failures = list(sequence.failures())
            result.failures += [f"seed {seed}, round {number}: {each}" for each in failures]
            result.lost += sequence.lost
            faults += sequence.faults
            answers += sum(sequence.calls.values())
            result.rounds += 1
            if not failures and number % _KEEP:
                shutil.rmtree(place)
    result.notes.append(f"{answers:,} answers, {server.reused:,} of them on a reused connection")
    result.notes.append(", ".join(f"{name}: {faults[name]:,}" for name in FAULTS))
    return result.finish()


class _Lookup:
    """A name service that knows the host of the certificate."""

    def __init__(self) -> None:
        self._lookup = socket.getaddrinfo

    def __call__(self, host: str, *rest: object, **more: object) -> object:
        return self._lookup("127.0.0.1" if host == HOST else host, *rest, **more)  # type: ignore[arg-type]


class _Clock(ManualClock):
    """A clock that waits, before each request, until the server has sent everything."""

    def __init__(self, server: WireServer) -> None:
        super().__init__()
        self._server = server

    def monotonic(self) -> float:
        self._server.wait_until_idle()
        return super().monotonic()


class _Sequence:
    """The answers of one round, and the crawl that receives them.

    Attributes:
        calls: requests by run, subject and cursor.
        faults: how often each fault was sent.
        lost: triples that the server listed and the crawl did not store.
    """

    def __init__(self, server: WireServer, place: Path, name: str) -> None:
        self.calls: Counter[tuple[int, str, str | None]] = Counter()
        self.faults: Counter[str] = Counter()
        self.lost = 0
        self._rng = Random(name)
        self._subjects = generate_subjects(self._rng, name)
        self._faults_left = self._rng.randint(0, _MAX_FAULTS)
        self._base_url = server.base_url(tls=self._rng.random() < 0.5)
        self._clock = _Clock(server)
        self._run = 0
        self._store = Store.open(place / "campaign.db")
        server.respond = self._respond

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def _respond(self, path: str) -> Answer:
        exchange = Exchange.from_path(self._rng, path, self._subjects)
        self.calls[self._run, exchange.subject.seed, exchange.cursor] += 1
        if not self._faults_left or self._rng.random() > _FAULT_SHARE:
            return true_answer(exchange)
        self._faults_left -= 1
        (name,) = self._rng.choices(_NAMES, _WEIGHTS)
        self.faults[name] += 1
        return FAULTS[name].make(exchange)

    def failures(self) -> Iterator[str]:
        """Crawl until nothing is left to request; yield what is wrong."""
        self._store.add_seeds(parse_seeds([each.seed for each in self._subjects]))
        while self._run < _MAX_RUNS and self._store.tasks.has_pending():
            self._run += 1
            error = self._crawl()
            if error is not None and not isinstance(error, GraphbuildError):
                yield f"run {self._run} raised {error!r}"
        yield from self._wrong_calls()
        yield from self._wrong_subjects()

    def _crawl(self) -> BaseException | None:
        client = Client(
            ApiKey(CANARY),
            base_url=self._base_url,
            clock=self._clock,
            deadline=_DEADLINE,
            api_flavor="classic",
        )
        with client:
            try:
                for _ in Crawl(client, self._store):
                    pass
            except Exception as error:  # noqa: BLE001  checked by the caller
                return error
        return None

    def _wrong_calls(self) -> Iterator[str]:
        total, logged = sum(self.calls.values()), self._store.calls.count()
        if total != logged:
            yield f"{total} calls, {logged} in the call log"
        short = {each.seed for each in self._subjects if each.unlisted}
        for (number, seed, cursor), count in self.calls.items():
            # The last page of a list that is too short is requested once more.
            allowed = (RETRIES + 1) * (2 if seed in short else 1)
            if count > allowed:
                yield f"run {number}: {count} calls for {seed}, cursor {cursor}; {allowed} allowed"

    def _wrong_subjects(self) -> Iterator[str]:
        by_id = {
            each_id: each
            for each in self._subjects
            for each_id in (*each.path_ids, sha256(each.seed.encode()).hexdigest())
        }
        stored: dict[str, set[tuple[str, str]]] = {each.seed: set() for each in self._subjects}
        for each in self._store.observations():
            collection = each.related_from.id if each.related_from else ""
            stored[by_id[each.subject.id].seed].add((each.reference.id, collection))
        for status in self._store.statuses():
            subject = by_id[status.subject.id]
            problems = _problems(subject, status.state, stored[subject.seed])
            yield from (f"{subject.seed} ({status.state}): {each}" for each in problems)
            if not subject.refusals:
                self.lost += len(subject.triples() - stored[subject.seed])


def _problems(subject: Subject, state: str, stored: set[tuple[str, str]]) -> Iterator[str]:
    foreign = stored - subject.triples()
    if foreign:
        yield f"{len(foreign)} triples that the server did not give for it"
    references = len({reference for reference, _ in stored})
    if state == COMPLETE and references < subject.announced:
        yield f"{references} references are called complete, {subject.announced} announced"
    if state == FAILED and not subject.refusals:
        yield "settled without an error of the API"
    if subject.refusals:
        return
    if state != COMPLETE and not subject.unlisted:
        yield "held up: the server has its list"
    if stored != subject.triples():
        yield f"{len(subject.triples() - stored)} triples of its list are missing"
