"""The client: errors, retries, waits, recorded calls, and the secrecy of the key."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import inspect
import itertools
import json
import logging
import pickle
import random
import time
import traceback
import urllib.parse
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import LIMIT, Client
from graphbuild.api.parser import parse_page
from graphbuild.api.rate_limit import RateLimiter
from graphbuild.api.responses import PageResponse, retry_after
from graphbuild.api.retry import RETRIES
from graphbuild.emulator import Api, Quota, generate_family_world
from graphbuild.errors import (
    ApiError,
    AuthenticationError,
    BaseUrlError,
    BudgetExhaustedError,
    CrawlPaused,
    ForbiddenError,
    NotFoundError,
    PayloadError,
    QuotaExhaustedError,
    RateLimitError,
    TransientError,
)
from graphbuild.models import Entity
from tests.support.clock import ManualClock
from tests.support.emulator_adapter import EmulatorAdapter
from tests.support.faults import Fault
from tests.support.http_listener import KEEP_ALIVE, answer
from tests.support.keys import CANARY
from tests.support.paths import ROOT

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from graphbuild.emulator import Emulator
    from tests.support.http_listener import Action, Listener

    Listeners = Callable[..., Listener]
    Emulators = Callable[..., Emulator]
    Opener = Callable[..., Client]

E = TypeVar("E", bound=Exception)
SUBJECT = Entity("file", "5e3f" * 16)
PAGE = b'{"data": []}'
NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC, where the manual clock begins
MIDNIGHT = datetime(2023, 11, 15, tzinfo=UTC)


class CountingRecorder:
    """A call recorder with a budget.

    Attributes:
        ends: how each call ended: status, note, sent.
        begun: how many were begun.
    """

    def __init__(self, *, budget: int = 100, look: Callable[[], int] = lambda: 0) -> None:
        self.begun = 0
        self.ends: list[tuple[int, str, bool]] = []
        self.seen: list[int] = []
        self._budget = budget
        self._look = look

    def check(self) -> None:
        if self.begun >= self._budget:
            raise BudgetExhaustedError("the budget is spent")

    def begin_call(self, subject: Entity, relationship: str) -> int:
        assert (subject.type, relationship) == ("file", "related_references")
        self.check()
        self.seen.append(self._look())
        self.begun += 1
        return self.begun

    def end_call(self, call: int, *, status: int, note: str, sent: bool) -> None:
        assert call == len(self.ends) + 1 == self.begun
        self.ends.append((status, note, sent))


@pytest.fixture
def opened(key: ApiKey, clock: ManualClock) -> Iterator[Opener]:
    """Make clients on the manual clock."""
    made: list[Client] = []

    def make(base_url: str, **options: object) -> Client:
        defaults = {"clock": clock, "api_flavor": "classic"}
        client = Client(key, base_url=base_url, **{**defaults, **options})  # type: ignore[arg-type]  # passed on
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


def known(emulator: Emulator) -> Entity:
    return Entity("file", emulator.api.world.hashes()[0])


def error_body(code: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": "said so"}}).encode()


def refusal(kind: type[E], client: Client, counter: CountingRecorder | None = None) -> E:
    with pytest.raises(kind) as caught:
        client.related_references(SUBJECT, recorder=counter)
    assert type(caught.value) is kind
    return caught.value


# --- a page


def test_a_list_is_fetched_with_one_call_per_page(emulator: Emulators, opened: Opener) -> None:
    service = emulator(world=generate_family_world(2, 90))
    subject, client, cursor = known(service), opened(service.base_url), None
    found: list[str] = []
    for items in (40, 40, 10):
        answered = client.related_references(subject, cursor=cursor)
        assert answered.page.item_count == items
        assert answered.page.count == 90
        found += [each.reference.id for each in answered.page.observations]
        cursor = answered.page.next_cursor
    assert cursor is None
    assert sorted(found) == sorted(service.api.world.references)
    assert service.api.calls == 3
    assert {entry.method for entry in service.api.log} == {"GET"}


def test_the_compressed_body_is_kept(emulator: Emulators, opened: Opener) -> None:
    service = emulator()
    answered = opened(service.base_url).related_references(known(service))
    assert answered.body.startswith(b"{")
    assert gzip.decompress(answered.compressed_body) == answered.body
    assert answered.page == parse_page(answered.body, known(service))


def test_the_request_line_is_as_documented(listener: Listeners, opened: Opener) -> None:
    server = listener(answer(PAGE))
    client = opened(server.base_url)
    client.related_references(SUBJECT)
    assert server.answered.acquire(timeout=60)
    client.related_references(SUBJECT, cursor="a+b/c==&limit=1")
    lines = [head.split(b"\r\n")[0].decode() for head in server.heads]
    path = f"GET /api/v3/files/{SUBJECT.id}/related_references?limit=40"
    assert lines == [
        f"{path} HTTP/1.1",
        f"{path}&cursor=a%2Bb%2Fc%3D%3D%26limit%3D1 HTTP/1.1",
    ]
    assert LIMIT == 40


@pytest.mark.parametrize(
    "subject",
    [
        Entity("collection", "x"),
        Entity("comment", "0" * 64),
        Entity("file", ""),
        Entity("file", "."),
        Entity("file", ".."),
        Entity("file", "../users/me"),
        Entity("file", "a?limit=9"),
        Entity("file", "a#b"),
        Entity("file", "a%2fb"),
        Entity("file", "a\r\nX: y"),
        Entity("file", "a" * 300),
    ],
)
def test_unknown_endpoints_and_invalid_ids_are_never_requested(
    listener: Listeners, opened: Opener, subject: Entity
) -> None:
    server, counter = listener(answer(PAGE)), CountingRecorder()
    with pytest.raises(ValueError, match="cannot request related_references of"):
        opened(server.base_url).related_references(subject, recorder=counter)
    assert (server.connections, counter.begun) == (0, 0)


def test_an_adapter_replaces_the_network(opened: Opener) -> None:
    api = Api(generate_family_world(1, 5))
    client = opened("https://api.example", adapter=EmulatorAdapter(api))
    answered = client.related_references(Entity("file", api.world.hashes()[0]))
    assert isinstance(answered, PageResponse)
    assert answered.page.count == 5


def test_a_client_reads_its_key_from_the_environment(
    emulator: Emulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VT_APIKEY", CANARY)
    service = emulator(keys=[CANARY])
    with Client.from_env(base_url=service.base_url) as client:
        assert client.related_references(known(service)).page.count == 90


def test_without_a_key_there_is_no_client() -> None:
    with pytest.raises(AuthenticationError):
        Client.from_env()


def test_the_public_base_url_is_the_default(key: ApiKey) -> None:
    with Client(key) as client:
        assert client._transport.base_url == "https://www.virustotal.com/api/v3"
    with pytest.raises(AuthenticationError):
        Client(ApiKey("short"))
    with pytest.raises(ValueError, match="expected https"):
        Client(key, base_url="https://www.virustotal.com\\@evil.example/")


# --- the subject of a response


SHA256, MD5, SHA1 = "5e3f" * 16, "ab" * 16, "cd" * 20
OTHER = "0a1b" * 16
SITE = "http://evil.example/a?b"
SITE_ID = hashlib.sha256(SITE.encode()).hexdigest()
URL = Entity("url", SITE_ID, {"url": SITE})


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def naming(link: object) -> bytes:
    return json.dumps({"data": [], "links": {"self": link}}).encode()


def self_link(path: str) -> str:
    return f"https://www.virustotal.com/api/v3/{path}?limit=40"


def keeping(body: bytes, status: int = 200) -> Action:
    """Answer each request of a connection with these bytes."""

    def action(server: Listener, connection: socket.socket) -> None:
        while server.read_head(connection):
            connection.sendall(answer(body, status, KEEP_ALIVE))

    return action


def fetch(client: Client, subject: Entity, relationship: str, cursor: str | None = None) -> object:
    """Return the subject that the response names by another id, or the error."""
    try:
        return client.fetch_page(subject, relationship, cursor=cursor).page.canonical_subject
    except (ApiError, PayloadError) as error:
        return error


REFERENCES = "related_references"
ACCEPTED = [
    (SUBJECT, f"files/{SHA256}/{REFERENCES}", None),
    (SUBJECT, f"files/{SHA256.upper()}/{REFERENCES}", None),
    (SUBJECT, f"files/{SHA256}/relationships/{REFERENCES}", None),
    (SUBJECT, f"files/{SHA256}/related_reports", None),
    (Entity("file", MD5), f"files/{MD5}/{REFERENCES}", None),
    (Entity("file", MD5), f"files/{SHA256}/{REFERENCES}", SHA256),
    (Entity("file", SHA1), f"files/{SHA256.upper()}/{REFERENCES}", SHA256),
    (URL, f"urls/{SITE_ID}/{REFERENCES}", None),
    (URL, f"urls/{encoded(SITE)}/{REFERENCES}", None),
    (URL, f"urls/{OTHER}/{REFERENCES}", OTHER),
    (URL, f"urls/{encoded('http://x/')}/{REFERENCES}", hashlib.sha256(b"http://x/").hexdigest()),
    (Entity("domain", "evil.example"), f"domains/Evil.EXAMPLE/{REFERENCES}", None),
    (Entity("ip_address", "2001:db8::1"), f"ip_addresses/2001%3Adb8%3A%3A1/{REFERENCES}", None),
    (Entity("ip_address", "2001:db8::1"), f"ip_addresses/2001:DB8:0::1/{REFERENCES}", None),
    (Entity("collection", "malpedia_x"), "collections/malpedia_x/files", None),
    (Entity("collection", "malpedia_x"), "collections/malpedia_x/new_name_of_files", None),
    (Entity("reference", OTHER), f"collections/report--{OTHER}/files", None),
]


def relationship_of(subject: Entity) -> str:
    return "files" if subject.type in {"collection", "reference"} else REFERENCES


@pytest.mark.parametrize(("subject", "path", "named"), ACCEPTED)
def test_a_response_that_names_its_subject_is_accepted(
    listener: Listeners, opened: Opener, subject: Entity, path: str, named: str | None
) -> None:
    server = listener(keeping(naming(self_link(path))))
    client = opened(server.base_url)
    for _ in range(3):
        found = fetch(client, subject, relationship_of(subject))
        assert found == (named and Entity(subject.type, named))
    assert server.connections == 1


FOREIGN = [
    (SUBJECT, self_link(f"files/{OTHER}/{REFERENCES}")),
    (SUBJECT, self_link(f"files/{MD5}/{REFERENCES}")),
    (SUBJECT, self_link(f"files/{SHA1}/{REFERENCES}")),
    (SUBJECT, self_link(f"urls/{SHA256}/{REFERENCES}")),
    (SUBJECT, self_link(f"files/{SHA256}/references")),
    (Entity("file", MD5), self_link(f"files/{'ef' * 16}/{REFERENCES}")),
    (Entity("file", MD5), self_link(f"files/{SHA1}/{REFERENCES}")),
    (Entity("url", OTHER, {"url": SITE}), self_link(f"urls/{'1' * 64}/{REFERENCES}")),
    (Entity("url", OTHER, {"url": SITE}), self_link(f"urls/{SITE_ID}/{REFERENCES}")),
    (Entity("url", SITE_ID), self_link(f"urls/{OTHER}/{REFERENCES}")),
    (Entity("domain", "evil.example"), self_link(f"domains/good.example/{REFERENCES}")),
    (Entity("domain", "evil.example"), self_link(f"domains/{OTHER}/{REFERENCES}")),
    (Entity("ip_address", "192.0.2.1"), self_link(f"ip_addresses/192.0.2.10/{REFERENCES}")),
    (Entity("collection", "malpedia_x"), self_link("collections/malpedia_y/files")),
    (Entity("collection", "malpedia_x"), self_link(f"collections/{OTHER}/files")),
    (Entity("collection", "malpedia_x"), self_link("collections/malpedia_x/references")),
    (Entity("reference", OTHER), self_link("collections/report--24-10000001/files")),
    (SUBJECT, self_link(f"files/{SHA256}")),
    (SUBJECT, self_link(f"comments/x/{REFERENCES}")),
    (SUBJECT, "https://[/"),
    (SUBJECT, "x" * 100_000),
    (SUBJECT, ""),
    (SUBJECT, 5),
    (SUBJECT, []),
]


@pytest.mark.parametrize(("subject", "link"), FOREIGN)
def test_a_response_about_another_list_is_refused_and_ends_the_connection(
    listener: Listeners, opened: Opener, subject: Entity, link: object
) -> None:
    server = listener(keeping(naming(link)))
    client = opened(server.base_url)
    for _ in range(3):
        error = fetch(client, subject, relationship_of(subject))
        assert isinstance(error, PayloadError)
        assert error.path == "links.self"
    assert server.connections == 3


@pytest.mark.parametrize(("subject", "path", "named"), ACCEPTED)
def test_a_later_page_names_the_subject_by_no_new_id(
    listener: Listeners, opened: Opener, subject: Entity, path: str, named: str | None
) -> None:
    client = opened(listener(keeping(naming(self_link(path)))).base_url)
    found = fetch(client, subject, relationship_of(subject), cursor="x")
    assert isinstance(found, PayloadError) == (named is not None)


UNNAMED = {
    "no links": PAGE,
    "links null": b'{"data": [], "links": null}',
    "no self": b'{"data": [], "links": {}}',
    "self null": naming(None),
    "no page": b'{"data": 5}',
    "no JSON": b"<html>",
    "nothing": b"",
    "an error of the API": error_body("NotFoundError"),
}


@pytest.mark.parametrize("status", [200, 404, 503])
@pytest.mark.parametrize("body", UNNAMED.values(), ids=UNNAMED)
def test_a_connection_is_not_used_again_after_a_response_that_names_no_subject(
    listener: Listeners, opened: Opener, status: int, body: bytes
) -> None:
    server = listener(keeping(body, status))
    client = opened(server.base_url)
    for _ in range(2):
        fetch(client, SUBJECT, REFERENCES)
    assert server.connections == len([head for head in server.heads if head]) > 1


# --- redirects


LOCATIONS = [
    "http://127.0.0.1:{other}/api/v3/files",
    "http://localhost:{other}/",
    "//127.0.0.1:{other}/",
    "http://{here}@127.0.0.1:{other}/",
    "http://127.0.0.1:{here}\\@127.0.0.1:{other}/",
    "http:\\\\127.0.0.1:{other}\\",
    "https://127.0.0.1:{other}/",
    "HTTP://127.0.0.1:{other}",
    "http://[::1]:{other}/",
    "http://127.0.0.1:{here}/api/v3/elsewhere",
    "/api/v3/elsewhere",
    "elsewhere",
    "?cursor=x",
    "",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "data:text/html,x",
    "http://[::1",
    "http://127.0.0.1:99999999/",
    "http://\xff\xfe/",
    "http://evil.example:{other}/",
    "\t http://127.0.0.1:{other}/",
    "x" * 10_000,
    ":",
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", LOCATIONS, ids=range(len(LOCATIONS)))
def test_a_redirect_is_never_followed_and_costs_one_call(
    listener: Listeners, opened: Opener, status: int, location: str
) -> None:
    trap = listener(answer(PAGE))
    target = location.replace("{other}", str(trap.port)).replace("{here}", "80")
    server = listener(answer(PAGE, status, f"Location: {target}"))
    counter = CountingRecorder()
    error = refusal(BaseUrlError, opened(server.base_url), counter)
    assert error.status == status
    assert "redirect" in str(error)
    assert (trap.connections, trap.received) == (0, 0)
    assert (server.connections, len(server.heads), counter.begun) == (1, 1, 1)
    assert "evil" not in str(error)


def test_a_redirect_to_itself_is_requested_once(emulator: Emulators, opened: Opener) -> None:
    service = emulator(Fault("redirect", times=None))
    refusal(BaseUrlError, opened(service.base_url))
    assert len(service.api.log) == 1


def test_the_body_of_a_redirect_is_not_decompressed(
    listener: Listeners, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reject_decompression(*_: object) -> None:
        pytest.fail("a body was opened")

    fields = ("Location: /x", "Content-Encoding: gzip")
    server = listener(answer(gzip.compress(bytes(20 << 20)), 302, *fields))
    monkeypatch.setattr("graphbuild.api.transport.zlib.decompressobj", reject_decompression)
    refusal(BaseUrlError, opened(server.base_url))


# --- refusals


FINAL = [
    (400, "BadRequestError", ApiError),
    (400, "InvalidArgumentError", ApiError),
    (401, "AuthenticationRequiredError", AuthenticationError),
    (401, "UserNotActiveError", AuthenticationError),
    (401, "WrongCredentialsError", AuthenticationError),
    (403, "ForbiddenError", ForbiddenError),
    (404, "NotFoundError", NotFoundError),
    (409, "AlreadyExistsError", ApiError),
    (405, "MethodNotAllowedError", ApiError),
]


@pytest.mark.parametrize("final", FINAL, ids=str)
def test_a_refused_request_is_reported_at_once_and_not_retried(
    listener: Listeners, opened: Opener, clock: ManualClock, final: tuple[int, str, type[ApiError]]
) -> None:
    status, code, kind = final
    server, counter = listener(answer(error_body(code), status)), CountingRecorder()
    error = refusal(kind, opened(server.base_url), counter)
    assert (error.status, error.code) == (status, code)
    assert code in str(error)
    assert (len(server.heads), clock.waits) == (1, [])
    assert counter.ends == [(status, code, True)]


HTML = b"<!doctype html><title>401</title>"


@pytest.mark.parametrize("body", [b"", HTML, b"[]", b'{"error": 5}', b'{"error": {"code": 7}}'])
def test_a_401_concerns_the_key_whatever_its_body(
    listener: Listeners, opened: Opener, body: bytes
) -> None:
    server = listener(answer(body, 401))
    assert refusal(AuthenticationError, opened(server.base_url)).code == "HTTP 401"
    assert len(server.heads) == 1


FOREIGN_STATUSES = [400, *range(402, 408), *range(409, 421), 422, 423, 426, 427, 428, 430, 431, 451]
FOREIGN_STATUSES += [499]
# Responses of other programs, and of the API if something on the way damaged them.
FOREIGN_BODIES = {
    "nothing": (b"",),
    "HTML": (HTML,),
    "a list": (b"[]",),
    "JSON without an error": (b"{}",),
    "another API": (error_body("ResourceNotFound"),),
    "a number": (b'{"error": {"code": 404, "message": "Not found"}}',),
    "cut": (error_body("NotFoundError")[:-2],),
    "cut short": (error_body("NotFoundError"), "Content-Length: 5000"),
    "not gzip": (error_body("NotFoundError"), "Content-Encoding: gzip"),
    "gzip without its end": (
        gzip.compress(error_body("NotFoundError"))[:-8],
        "Content-Encoding: gzip",
    ),
    "other encoding": (error_body("NotFoundError"), "Content-Encoding: br"),
    "too long": (error_body("NotFoundError") + b" " * 100_000,),
    "followed by another": (error_body("NotFoundError") * 2,),
}


@pytest.mark.parametrize("body", FOREIGN_BODIES.values(), ids=FOREIGN_BODIES)
@pytest.mark.parametrize("status", [400, 403, 404, 410, 451])
def test_only_a_whole_response_with_an_error_code_of_the_api_is_a_refusal(
    listener: Listeners, opened: Opener, clock: ManualClock, status: int, body: tuple
) -> None:
    """A refusal is stored, so a wrong base URL must not mark every file as unknown."""
    content, *fields = body
    sent = answer(content, status, *fields)
    if "Content-Length" in str(fields):
        sent = sent.replace(b"Content-Length: %d\r\n" % len(content), b"", 1)
    server = listener(sent)
    error = refusal(BaseUrlError, opened(server.base_url))
    assert (error.status, error.code) in {(status, f"HTTP {status}"), (status, "NotFoundError")}
    assert str(error).startswith(f"{server.base_url} does not answer like the API (HTTP {status}")
    assert str(error).endswith("; check --base-url")
    assert (len(server.heads), clock.waits) == (1, [])


@pytest.mark.parametrize("status", FOREIGN_STATUSES)
def test_a_4xx_without_an_error_code_is_not_from_the_api(
    listener: Listeners, opened: Opener, status: int
) -> None:
    server = listener(answer(HTML, status))
    assert refusal(BaseUrlError, opened(server.base_url)).status == status
    assert len(server.heads) == 1


@pytest.mark.parametrize("status", [421, 425])
@pytest.mark.parametrize("failures", [1, 2])
def test_a_status_about_the_connection_is_retried_at_once_on_a_new_one(
    listener: Listeners, opened: Opener, clock: ManualClock, status: int, failures: int
) -> None:
    server = listener(*[answer(HTML, status)] * failures, answer(PAGE))
    opened(server.base_url).related_references(SUBJECT)
    assert (len(server.heads), server.connections) == (failures + 1, failures + 1)
    assert [round(wait) for wait in clock.waits] in ([], [1], [2])
    assert len(clock.waits) == failures - 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("You may not see this file", ": You may not see this file"),
        ("No", ": No"),
        (f"Key {CANARY} may not", ""),
        (f"Key {'x' * 21}", ""),
        ("<b>No</b>", ""),
        ("See https://evil.example/", ""),
        ("No\nno", ""),
        ("N" + "o " * 200, ""),
        ("", ""),
    ],
)
def test_a_forbidden_list_is_reported_with_the_words_of_the_service(
    listener: Listeners, opened: Opener, text: str, shown: str
) -> None:
    body = json.dumps({"error": {"code": "ForbiddenError", "message": text}}).encode()
    error = refusal(ForbiddenError, opened(listener(answer(body, 403)).base_url))
    assert str(error) == f"the service refuses access to this file (ForbiddenError{shown})"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("WrongCredentialsError", AuthenticationError),
        ("ForbiddenError", ForbiddenError),
        ("NotFoundError", NotFoundError),
        ("BadRequestError", ApiError),
    ],
)
def test_a_200_with_an_error_is_that_error(
    emulator: Emulators, opened: Opener, code: str, kind: type[ApiError]
) -> None:
    service = emulator(Fault("error", code, times=None))
    assert refusal(kind, opened(service.base_url)).code == code
    assert len(service.api.log) == 1


@pytest.mark.parametrize("code", ["X" * 61, "a b", "", "<b>", "a\nb", "\u202e", CANARY])
def test_an_invalid_error_code_is_not_repeated(
    listener: Listeners, opened: Opener, code: str
) -> None:
    server = listener(answer(error_body(code), 403))
    error = refusal(BaseUrlError, opened(server.base_url))
    assert error.code == "HTTP 403"
    assert not code or code not in str(error)


def test_a_response_without_a_page_is_reported_and_not_retried(
    listener: Listeners, opened: Opener
) -> None:
    """A retry would give the same response."""
    server, counter = listener(answer(b'{"data": 5}')), CountingRecorder()
    error = refusal(PayloadError, opened(server.base_url), counter)
    assert error.path == "data"
    assert len(server.heads) == 1
    assert counter.ends == [(200, str(error), True)]


@pytest.mark.parametrize(
    ("body", "path"),
    [(b'{"data": [], "error": {"code": "NotFoundError"}}', "error"), (b"{}", "data")],
)
def test_both_error_and_data_or_neither_is_a_payload_error(
    listener: Listeners, opened: Opener, body: bytes, path: str
) -> None:
    server = listener(answer(body))
    assert refusal(PayloadError, opened(server.base_url)).path == path
    assert len(server.heads) == 1


def test_status_300_is_a_redirect(listener: Listeners, opened: Opener) -> None:
    server = listener(answer(b"", 300))
    assert "redirect" in str(refusal(BaseUrlError, opened(server.base_url)))


# --- transient failures


def assert_backed_off(waits: list[float]) -> None:
    """1, 2 and 4 seconds, each shorter by up to half."""
    assert len(waits) == 3
    for wait, longest in zip(waits, (1.0, 2.0, 4.0), strict=True):
        assert longest / 2 <= wait <= longest


TRANSIENT = {
    **{f"status {status}": answer(HTML, status) for status in (500, 502, 503, 504, 408, 424)},
    **{f"status {status}": answer(PAGE, status) for status in (201, 202, 203, 206)},
    **{f"status {status}": answer(b"", status) for status in (204, 304)},
    "not yet": answer(error_body("NotAvailableYet"), 400),
    "200 not yet": answer(error_body("NotAvailableYet")),
    "200 transient": answer(error_body("TransientError")),
    "200 of an unknown code": answer(error_body("NeverHeardOfError")),
    "200 of no code": answer(b'{"error": null}'),
    "200 HTML": answer(HTML, 200, "Content-Type: text/html"),
    "200 HTML said to be JSON": answer(HTML, 200, "Content-Type: application/json"),
    "200 empty": answer(b""),
    "200 half": answer(PAGE[:5]),
    "200 UTF-16": answer(PAGE.decode().encode("utf-16")),
    "200 latin-1": answer(b'{"data": ["\xe9"]}'),
    "200 says gzip": answer(PAGE, 200, "Content-Encoding: gzip"),
    "200 cut gzip": answer(gzip.compress(PAGE)[:-8], 200, "Content-Encoding: gzip"),
    "200 a list": answer(b"[]"),
    "200 cut": answer(PAGE, length=99),
    "nothing": b"",
}


@pytest.mark.parametrize("sent", TRANSIENT.values(), ids=TRANSIENT)
def test_a_transient_failure_is_tried_four_times_and_each_is_recorded_before(
    listener: Listeners, opened: Opener, clock: ManualClock, sent: bytes
) -> None:
    server = listener(sent)
    counter = CountingRecorder(look=lambda: len(server.heads))
    with pytest.raises(TransientError) as caught:
        opened(server.base_url).related_references(SUBJECT, recorder=counter)
    assert caught.value.sent
    assert (len(server.heads), counter.begun, RETRIES) == (4, 4, 3)
    assert counter.seen == [0, 1, 2, 3]
    assert len(counter.ends) == 4
    assert all(was_sent and note for _, note, was_sent in counter.ends)
    assert_backed_off(clock.waits)


def test_the_error_of_a_damaged_page_has_a_reason(listener: Listeners, opened: Opener) -> None:
    server = listener(answer(gzip.compress(PAGE)[:-8], 200, "Content-Encoding: gzip"))
    error = refusal(TransientError, opened(server.base_url))
    assert (error.code, error.status) == ("DamagedPage", 200)
    assert "truncated" in str(error)


def test_a_page_over_the_size_limit_is_reported(emulator: Emulators, opened: Opener) -> None:
    service = emulator(Fault("gzip_bomb", 10_000, times=None))
    with pytest.raises(TransientError, match="larger than 5000 bytes"):
        opened(service.base_url, max_bytes=5_000).related_references(known(service))


def test_a_response_that_is_not_json_is_reported(listener: Listeners, opened: Opener) -> None:
    error = refusal(TransientError, opened(listener(answer(HTML)).base_url))
    assert (error.code, error.status) == ("NotAPage", 200)
    assert str(error).startswith("the page is invalid: the text is not JSON: ")


def test_a_request_over_the_deadline_is_retried(emulator: Emulators, opened: Opener) -> None:
    service, counter = emulator(Fault("stall")), CountingRecorder()
    client = opened(service.base_url, deadline=0.5)
    assert client.related_references(known(service), recorder=counter).page.item_count == 40
    assert counter.ends == [(0, "Deadline", True), (200, "", True)]


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", ["status", "html", "reset", "cut", "truncated", "not_gzip"])
def test_retries_end_with_the_first_good_response(
    emulator: Emulators, opened: Opener, clock: ManualClock, failures: int, kind: str
) -> None:
    service = emulator(*[Fault(kind, times=failures)] * bool(failures))
    counter = CountingRecorder()
    answered = opened(service.base_url).related_references(known(service), recorder=counter)
    assert answered.page.item_count == 40
    assert len(service.api.log) == counter.begun == failures + 1
    assert len(clock.waits) == failures
    assert counter.ends[-1] == (200, "", True)


def test_waits_have_jitter(emulator: Emulators, opened: Opener) -> None:
    service = emulator(Fault("status", 503, times=None))
    clocks = [ManualClock() for _ in range(5)]
    for clock in clocks:
        refusal(TransientError, opened(service.base_url, clock=clock))
        assert_backed_off(clock.waits)
    assert len({tuple(clock.waits) for clock in clocks}) == 5


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_jitter_is_at_most_half_of_a_wait(
    emulator: Emulators,
    opened: Opener,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
) -> None:
    monkeypatch.setattr(random.Random, "random", lambda _: share)
    service = emulator(Fault("status", 503, times=None))
    refusal(TransientError, opened(service.base_url))
    assert clock.waits == [longest * (0.5 + share / 2) for longest in (1, 2, 4)]


def test_an_unsent_request_is_recorded_as_not_sent(opened: Opener) -> None:
    counter = CountingRecorder()
    error = refusal(TransientError, opened("https://api.invalid"), counter)
    assert not error.sent
    assert [sent for _, _, sent in counter.ends] == [False] * 4


# --- 429


def limited(*fields: str) -> bytes:
    return answer(error_body("QuotaExceededError"), 429, *fields)


def test_a_429_is_followed_by_a_wait(
    listener: Listeners, opened: Opener, clock: ManualClock
) -> None:
    server = listener(limited(), answer(PAGE))
    counter = CountingRecorder()
    opened(server.base_url).related_references(SUBJECT, recorder=counter)
    assert clock.waits == [60.0]
    assert counter.ends == [(429, "QuotaExceededError", True), (200, "", True)]


@pytest.mark.parametrize(
    ("stated", "waited"),
    [("5", 5), ("0", 1), ("1.5", 1.5), ("600", 600), ("soon", 60), ("-5", 60), ("", 60)],
)
def test_a_429_is_followed_by_the_stated_wait(
    listener: Listeners, opened: Opener, clock: ManualClock, stated: str, waited: float
) -> None:
    server = listener(limited(f"Retry-After: {stated}"), answer(PAGE))
    opened(server.base_url).related_references(SUBJECT)
    assert clock.waits == [waited]


def test_two_retry_after_headers_are_ignored(
    listener: Listeners, opened: Opener, clock: ManualClock
) -> None:
    server = listener(limited("Retry-After: 5", "Retry-After: 7"), answer(PAGE))
    opened(server.base_url).related_references(SUBJECT)
    assert clock.waits == [60.0]


def test_a_retry_after_date_is_relative_to_the_servers_clock(
    listener: Listeners, opened: Opener, clock: ManualClock
) -> None:
    date = "Date: Tue, 01 Jan 2030 00:00:00 GMT"
    until = "Retry-After: Tue, 01 Jan 2030 00:00:30 GMT"
    server = listener(limited(date, until), answer(PAGE))
    clock.set_wall_clock(NOW + 3_600)
    opened(server.base_url).related_references(SUBJECT)
    assert clock.waits == [30.0]


@pytest.mark.parametrize(
    "body", [b"", HTML, b"{", error_body("TooManyRequests"), error_body("TooManyRequestsError")]
)
@pytest.mark.parametrize("field", ["X: y", "Content-Encoding: gzip", "Content-Length: 5000"])
def test_the_body_of_a_429_does_not_matter(
    listener: Listeners, opened: Opener, clock: ManualClock, body: bytes, field: str
) -> None:
    first = answer(body, 429, field)
    if field.startswith("Content-Length"):
        first = first.replace(b"Content-Length: %d\r\n" % len(body), b"", 1)
    server = listener(first, answer(PAGE))
    opened(server.base_url).related_references(SUBJECT)
    assert clock.waits == [60.0]


@pytest.mark.parametrize("stated", [None, "0", "1", "7", "59", "60", "61", "300", "600", "soon"])
def test_an_endless_429_means_a_spent_quota_after_two_minutes_and_few_calls(
    emulator: Emulators, opened: Opener, clock: ManualClock, stated: str | None
) -> None:
    service = emulator(Fault("status", 429, times=None, retry_after=stated))
    error = refusal(QuotaExhaustedError, opened(service.base_url))
    assert error.resets_at == MIDNIGHT
    assert "2023-11-15 00:00 UTC" in str(error)
    assert sum(clock.waits) >= 120
    assert len(service.api.log) == {"300": 2, "600": 2}.get(
        str(stated), 4 if str(stated) in {"0", "1", "7", "59"} else 3
    )


@pytest.mark.parametrize("refused", [1, 2])
def test_a_429_in_two_successive_minutes_is_a_busy_service(
    listener: Listeners, opened: Opener, clock: ManualClock, refused: int
) -> None:
    server = listener(*[limited()] * refused, answer(PAGE))
    opened(server.base_url).related_references(SUBJECT)
    assert clock.waits == [60.0] * refused


@pytest.mark.parametrize(
    ("stated", "resets_at"),
    [
        ("601", datetime.fromtimestamp(NOW + 601, UTC)),
        ("601.5", datetime.fromtimestamp(NOW + 601.5, UTC)),
        ("3600", datetime.fromtimestamp(NOW + 3_600, UTC)),
        ("1000000", datetime.fromtimestamp(NOW + 1_000_000, UTC)),
        ("2764800", datetime.fromtimestamp(NOW + 32 * 86_400, UTC)),
        ("2764801", MIDNIGHT),
        ("99999999999", MIDNIGHT),
        ("999999999999.999999", MIDNIGHT),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MIDNIGHT),
    ],
)
def test_a_long_retry_after_means_a_spent_quota(
    listener: Listeners, opened: Opener, clock: ManualClock, stated: str, resets_at: datetime
) -> None:
    server = listener(limited(f"Retry-After: {stated}"))
    error = refusal(QuotaExhaustedError, opened(server.base_url))
    assert resets_at <= error.resets_at <= resets_at + timedelta(minutes=1)
    assert f"{error.resets_at:%Y-%m-%d %H:%M} UTC" in str(error)
    assert (error.resets_at.second, error.resets_at.microsecond) == (0, 0)
    assert (clock.waits, len(server.heads)) == ([], 1)


def test_a_429_after_other_failures_does_not_mean_a_spent_quota(
    listener: Listeners, opened: Opener, clock: ManualClock
) -> None:
    """A single 429 on the last attempt does not show that the daily quota is spent."""
    server = listener(*[answer(HTML, 503)] * 3, limited("Retry-After: 33"))
    error = refusal(RateLimitError, opened(server.base_url))
    assert error.retry_after == 33
    assert str(error) == "rate limit reached (QuotaExceededError)"
    assert clock.waits[-1] == 33
    assert len(server.heads) == 4


def test_a_quota_error_with_status_200_is_a_429(emulator: Emulators, opened: Opener) -> None:
    service = emulator(Fault("error", "QuotaExceededError", times=None))
    refusal(QuotaExhaustedError, opened(service.base_url))
    assert len(service.api.log) == 3


def test_a_quota_error_with_status_200_can_have_a_retry_after_date(
    listener: Listeners, opened: Opener, clock: ManualClock
) -> None:
    until = format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True)
    limit = answer(error_body("QuotaExceededError"), 200, f"Retry-After: {until}")
    opened(listener(limit, answer(PAGE)).base_url).related_references(SUBJECT)
    assert clock.waits == [90.0]


@pytest.mark.parametrize("stated", ["Retry-After: 5", "X: y"])
def test_without_retry_on_429_a_429_is_not_waited_for(
    listener: Listeners, opened: Opener, clock: ManualClock, stated: str
) -> None:
    server = listener(limited(stated))
    with pytest.raises(QuotaExhaustedError):
        opened(server.base_url).related_references(SUBJECT, retry_on_429=False)
    assert (len(server.heads), clock.waits) == (1, [])


def test_without_retry_on_429_other_failures_are_retried(
    emulator: Emulators, opened: Opener, clock: ManualClock
) -> None:
    service = emulator(Fault("status", 503, times=3))
    opened(service.base_url).related_references(known(service), retry_on_429=False)
    assert len(service.api.log) == 4
    assert_backed_off(clock.waits)


@pytest.mark.parametrize(("stated", "waits"), [("30", [30.0]), ("600", [600.0]), ("601", [])])
def test_clients_with_one_rate_limiter_share_the_wait_after_a_429(
    listener: Listeners, opened: Opener, clock: ManualClock, stated: str, waits: list[float]
) -> None:
    server, rate_limiter = listener(limited(f"Retry-After: {stated}"), answer(PAGE)), RateLimiter()
    first, second = (opened(server.base_url, rate_limiter=rate_limiter) for _ in range(2))
    with pytest.raises(QuotaExhaustedError):
        first.related_references(SUBJECT, retry_on_429=False)
    assert clock.waits == []
    second.related_references(SUBJECT)
    assert clock.waits == waits


@pytest.mark.parametrize("api_flavor", ["auto", "classic", "gti"])
def test_a_429_is_waited_for_in_every_api_flavor(
    listener: Listeners, opened: Opener, clock: ManualClock, api_flavor: str
) -> None:
    server = listener(limited("Retry-After: 7"), answer(PAGE))
    opened(server.base_url, api_flavor=api_flavor).fetch_page(SUBJECT, "related_references")
    assert clock.waits == [7.0]


DATE = datetime(2024, 5, 5, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stated", "waited"),
    [
        (None, 60),
        ("", 60),
        (" 30 ", 30),
        ("0", 1),
        ("00", 1),
        ("0.4", 1),
        ("1.5", 1.5),
        ("-5", 60),
        ("+5", 60),
        ("1e10", 60),
        ("0x10", 60),
        ("1_000", 60),
        ("٣", 60),
        ("soon", 60),
        ("nan", 60),
        ("inf", 60),
        ("5, 7", 60),
        ("5; 7", 60),
        ("9" * 13, 60),
        ("9" * 5_000, 60),
        (format_datetime(DATE + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(DATE - timedelta(seconds=90), usegmt=True), 1),
        ("Sunday, 05-May-24 12:02:00 GMT", 120),
        ("Sun May  5 12:02:00 2024", 120),
        ("Sun, 05 May 2024 12:02:00", 120),
        ("Sun, 05 May 2024 12:02:00 -0000", 120),
        ("Sun, 05 May 2024 14:02:00 +0200", 120),
        ("Sun, 05 May 2024 25:02:00 GMT", 60),
        ("Sun, 99 May 2024 12:02:00 GMT", 60),
        ("Sun, 05 May 99999 12:02:00 GMT", 60),
    ],
)
def test_retry_after_is_parsed_or_ignored(
    stated: str | None, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = format_datetime(DATE, usegmt=True)
    for zone in ("UTC", "Asia/Kathmandu"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert retry_after(stated, date, NOW) == waited
        if waited == 60:
            assert retry_after(stated, None, NOW) == waited
    monkeypatch.undo()
    time.tzset()


def test_without_a_date_header_the_local_clock_is_used() -> None:
    stated = format_datetime(DATE + timedelta(seconds=90), usegmt=True)
    for date in (None, "", "yesterday", "9" * 5_000):
        assert retry_after(stated, date, DATE.timestamp()) == 90


odd_dates = st.builds(
    "{}{} {} {} {}:{} {}".format,
    st.sampled_from(["", "Sun, ", "Sunday, ", ","]),
    st.one_of(st.integers(-1, 10**6), st.sampled_from(["", "x", ","])),
    st.sampled_from(["May", "may,", "13", ""]),
    st.one_of(st.integers(-1, 10**6), st.sampled_from(["", "12:00", ","])),
    st.integers(-1, 99),
    st.integers(-1, 99),
    st.sampled_from(["GMT", "+9999", "-2400", "+0000000000", "", "\u0663"]),
)


@settings(max_examples=300)
@given(st.one_of(st.text(), odd_dates), st.one_of(st.none(), st.text(), odd_dates))
def test_any_retry_after_gives_a_wait(stated: str, date: str | None) -> None:
    assert retry_after(stated, date, NOW) >= 1


# --- a stop


@pytest.mark.parametrize("fault", [Fault("status", 503, times=None), Fault("status", 429)])
def test_a_stop_ends_a_wait_and_sends_nothing(
    emulator: Emulators, opened: Opener, clock: ManualClock, fault: Fault
) -> None:
    service, counter = emulator(fault), CountingRecorder()
    clock.stop()
    error = refusal(CrawlPaused, opened(service.base_url), counter)
    assert "stopped" in str(error)
    assert len(service.api.log) == 1
    assert len(counter.ends) == 1


def test_a_stop_during_a_rate_limit_wait_sends_nothing(
    emulator: Emulators, opened: Opener, clock: ManualClock
) -> None:
    service, counter = emulator(), CountingRecorder()
    client = opened(service.base_url, rate_limiter=RateLimiter(1))
    client.related_references(known(service), recorder=counter)
    clock.stop()
    with pytest.raises(CrawlPaused):
        client.related_references(known(service), recorder=counter)
    assert (len(service.api.log), counter.begun) == (1, 1)


# --- the call recorder


@pytest.mark.parametrize("budget", [0, 1, 2, 3])
def test_a_recorder_can_forbid_a_call(emulator: Emulators, opened: Opener, budget: int) -> None:
    service, counter = emulator(Fault("status", 503, times=None)), CountingRecorder(budget=budget)
    refusal(BudgetExhaustedError, opened(service.base_url), counter)
    assert len(service.api.log) == counter.begun == len(counter.ends) == budget


def test_nothing_is_sent_if_the_recorder_fails(emulator: Emulators, opened: Opener) -> None:
    class Full(CountingRecorder):
        def begin_call(self, *_: object) -> int:
            raise OSError(28, "No space left on device")

    service = emulator()
    with pytest.raises(OSError, match="No space"):
        opened(service.base_url).related_references(known(service), recorder=Full())
    assert service.api.log == []


# --- the rate limit


class SlowAdapter(EmulatorAdapter):
    """Delays each request and each response."""

    def __init__(self, api: Api, clock: ManualClock, delays: Iterator[float]) -> None:
        super().__init__(api)
        self._clock = clock
        self._delays = delays

    def send(self, *arguments: object, **more: object) -> object:  # type: ignore[override]
        self._clock.advance(next(self._delays))
        response = super().send(*arguments, **more)  # type: ignore[arg-type]
        self._clock.advance(next(self._delays))
        return response


@settings(max_examples=40)
@given(
    limit=st.integers(1, 5),
    delays=st.lists(st.sampled_from([0.0, 0.1, 5.0, 31.0]), min_size=1, max_size=6),
    jumps=st.lists(st.sampled_from([0.0, 3_600.0, -3_600.0, -2_592_000.0]), max_size=12),
)
def test_a_service_with_the_same_rate_limit_rejects_no_request(
    limit: int, delays: list[float], jumps: list[float]
) -> None:
    """Requests can be slow, and the wall clock can change between them."""
    clock = ManualClock()
    api = Api(generate_family_world(1, 1), quota=Quota(per_minute=limit), clock=clock.monotonic)
    adapter = SlowAdapter(api, clock, itertools.cycle(delays))
    subject = Entity("file", api.world.hashes()[0])
    with Client(
        ApiKey(CANARY),
        base_url="https://api.example",
        rate_limiter=RateLimiter(limit),
        clock=clock,
        adapter=adapter,
    ) as client:
        for jump in jumps:
            client.related_references(subject)
            clock.set_wall_clock(clock.now() + jump)
    assert [entry.status for entry in api.log] == [200] * len(jumps)


def test_fractions_of_a_second_are_waited_for(
    emulator: Emulators, opened: Opener, clock: ManualClock
) -> None:
    service = emulator()
    client = opened(service.base_url, rate_limiter=RateLimiter(1))
    client.related_references(known(service))
    clock.advance(59.5)
    client.related_references(known(service))
    assert clock.waits == [0.5]


def test_retries_respect_the_rate_limit(
    emulator: Emulators, opened: Opener, clock: ManualClock
) -> None:
    service = emulator(Fault("status", 503, times=3))
    started = clock.monotonic()
    opened(service.base_url, rate_limiter=RateLimiter(1)).related_references(known(service))
    assert clock.monotonic() - started == pytest.approx(180)


def test_a_spent_budget_ends_the_run_without_a_wait(
    emulator: Emulators, opened: Opener, clock: ManualClock
) -> None:
    service, counter = emulator(), CountingRecorder(budget=2)
    client = opened(service.base_url, rate_limiter=RateLimiter(2))
    for _ in range(2):
        client.related_references(known(service), recorder=counter)
    with pytest.raises(BudgetExhaustedError):
        client.related_references(known(service), recorder=counter)
    assert clock.waits == []
    assert (len(service.api.log), counter.begun) == (2, 2)


def test_a_budget_spent_during_a_wait_is_respected(
    emulator: Emulators, opened: Opener, clock: ManualClock
) -> None:
    class Late(CountingRecorder):
        def begin_call(self, subject: Entity, relationship: str) -> int:
            if clock.waits:
                raise BudgetExhaustedError("in the meantime")
            return super().begin_call(subject, relationship)

    service, counter = emulator(), Late()
    client = opened(service.base_url, rate_limiter=RateLimiter(1))
    client.related_references(known(service), recorder=counter)
    with pytest.raises(BudgetExhaustedError, match="meantime"):
        client.related_references(known(service), recorder=counter)
    assert len(clock.waits) == 1
    assert (len(service.api.log), counter.begun) == (1, 1)


# --- remaining quotas


def test_quotas_are_requested_by_user_name_and_not_recorded(
    listener: Listeners, key: ApiKey
) -> None:
    server = listener(
        answer(b'{"data": {"api_requests_daily": {"user": {"allowed": 500, "used": 17}}}}')
    )
    with Client(key, base_url=server.base_url) as client:
        (daily,) = client.quotas("me@x+y")
    assert daily.remaining == 483
    (head,) = server.heads
    line, _, fields = head.partition(b"\r\n")
    assert line == b"GET /api/v3/users/me%40x%2By/overall_quotas HTTP/1.1"
    assert fields.count(CANARY.encode()) == 1


@pytest.mark.parametrize("name", [CANARY, CANARY.upper(), "..", "", "a/../b"])
def test_a_key_is_refused_as_a_user_name(listener: Listeners, key: ApiKey, name: str) -> None:
    server = listener(answer(b"{}"))
    with Client(key, base_url=server.base_url) as client, pytest.raises(ValueError, match="name"):
        client.quotas(name)
    assert server.connections == 0


def test_a_short_key_of_an_emulator_is_refused_too(listener: Listeners) -> None:
    server = listener(answer(b"{}"))
    with Client(ApiKey("Secret"), base_url=server.base_url) as client:
        for name in ("Secret", "secret", "my.SECRET"):
            with pytest.raises(ValueError, match="name"):
                client.quotas(name)
    assert server.connections == 0


@pytest.mark.parametrize("status", [302, 401, 403, 404, 429, 500, 503])
def test_a_refused_quota_request_is_not_retried(
    listener: Listeners, key: ApiKey, clock: ManualClock, status: int
) -> None:
    server = listener(answer(b"<html>", status))
    client = Client(key, base_url=server.base_url, clock=clock)
    with client, pytest.raises(ApiError, match=f"HTTP {status}") as caught:
        client.quotas("analyst")
    assert (caught.value.status, caught.value.code) == (status, f"HTTP {status}")
    assert (len(server.heads), clock.waits) == (1, [])


def test_a_refused_quota_request_has_the_error_code_of_the_service(
    listener: Listeners, key: ApiKey
) -> None:
    server = listener(answer(error_body("NotFoundError"), 404))
    with Client(key, base_url=server.base_url) as client, pytest.raises(ApiError) as caught:
        client.quotas("somebody")
    assert caught.value.code == "NotFoundError"
    assert "does not report the quotas (NotFoundError)" in str(caught.value)


def test_a_damaged_quota_response_is_an_error(listener: Listeners, key: ApiKey) -> None:
    packed = gzip.compress(b'{"data": {}}')[:-8]
    server = listener(answer(packed, 200, "Content-Encoding: gzip"))
    with Client(key, base_url=server.base_url) as client, pytest.raises(ApiError, match="HTTP 200"):
        client.quotas("analyst")


# --- a client


def test_from_env_passes_its_arguments_on(
    monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    monkeypatch.setenv("VT_APIKEY", CANARY)
    rate_limiter = RateLimiter(4)
    with Client.from_env(rate_limiter=rate_limiter, clock=clock, api_flavor="gti") as client:
        assert (client.rate_limiter, client.clock, client.api_flavor) == (
            rate_limiter,
            clock,
            "gti",
        )


def test_the_api_flavor_is_detected_by_default(
    monkeypatch: pytest.MonkeyPatch, key: ApiKey
) -> None:
    monkeypatch.setenv("VT_APIKEY", CANARY)
    with Client(key) as one, Client.from_env() as other:
        assert one.api_flavor == other.api_flavor == "auto"


def test_the_default_deadline_is_a_minute() -> None:
    assert inspect.signature(Client).parameters["deadline"].default == 60.0


# --- the key


def encodings_of(key: str) -> dict[str, str]:
    """Return the key in common encodings."""
    raw = key.encode()
    wide = key.encode("utf-16-le")
    return {
        "plain": key,
        "upper": key.upper(),
        "reversed": key[::-1],
        "half": key[:32],
        "other half": key[32:],
        "hex": raw.hex(),
        "percent": "".join(f"%{byte:02X}" for byte in raw),
        "quoted": urllib.parse.quote(key),
        "escaped": "".join(f"\\u{ord(char):04x}" for char in key),
        **{f"base64 {n}": base64.b64encode(b"x" * n + raw)[4:80].decode() for n in range(3)},
        "urlsafe": base64.urlsafe_b64encode(raw).decode()[:80],
        "wide": base64.b64encode(wide)[:80].decode(),
    }


def assert_key_is_absent(text: str) -> None:
    lower = text.lower()
    for name, form in encodings_of(CANARY).items():
        assert form.lower() not in lower, name


def test_the_search_for_the_key_detects_every_encoding() -> None:
    for form in encodings_of(CANARY).values():
        with pytest.raises(AssertionError):
            assert_key_is_absent(f"...{form}...")


def describe_error(error: BaseException) -> str:
    """Return everything that a log, a crash reporter or a debugger can record of an error."""
    chain, text = error, []
    while chain is not None:
        text += [repr(chain), str(chain), repr(vars(chain)), repr(pickle.dumps(chain.args))]
        shown = traceback.TracebackException.from_exception(chain, capture_locals=True)
        text += shown.format()
        # An attribute with the request would expose the key.
        assert not hasattr(chain, "request")
        assert not hasattr(chain, "response")
        chain = chain.__cause__ or chain.__context__  # type: ignore[assignment]
    return "\n".join(text)


LEAKY = {
    "refused key": answer(error_body("WrongCredentialsError"), 401),
    "forbidden": answer(HTML, 403),
    "redirect": answer(b"", 302, "Location: http://127.0.0.1:1/"),
    "quota": answer(HTML, 429, "Retry-After: 99999"),
    "failing": answer(HTML, 503),
    "no page": answer(b'{"data": 5}'),
    "no JSON": answer(b"<html>"),
    "no HTTP": b"?",
    "silence": b"",
    "cut": answer(PAGE, length=99),
    "bad header": answer(PAGE, 503, "bad header: x", "Content-Length: 7"),
    "damaged": answer(PAGE, 200, "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("sent", LEAKY.values(), ids=LEAKY)
def test_the_key_is_in_no_error_log_or_output_of_a_failure(
    listener: Listeners,
    opened: Opener,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    sent: bytes,
) -> None:
    caplog.set_level(logging.DEBUG, "urllib3")  # a command run before may have raised it
    server = listener(sent)
    client, counter = opened(server.base_url), CountingRecorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http.client.HTTPConnection, "debuglevel", 9)
        with pytest.raises((ApiError, PayloadError, CrawlPaused)) as caught:
            client.related_references(SUBJECT, recorder=counter)
    assert any(CANARY.encode() in head for head in server.heads)
    assert caplog.records
    assert_key_is_absent(describe_error(caught.value))
    assert_key_is_absent(caplog.text)
    assert_key_is_absent("".join(capsys.readouterr()))
    assert_key_is_absent(f"{counter.ends} {client!r} {vars(client)} {vars(client._transport)}")


@pytest.mark.parametrize("base_url", ["https://api.invalid", "http://127.0.0.1:1"])
def test_the_key_is_in_no_error_of_a_request_that_was_not_sent(
    opened: Opener, caplog: pytest.LogCaptureFixture, base_url: str
) -> None:
    caplog.set_level(logging.DEBUG, "urllib3")
    error = refusal(TransientError, opened(base_url))
    assert_key_is_absent(describe_error(error) + caplog.text)


def test_only_the_transport_imports_network_libraries() -> None:
    package = ROOT / "graphbuild"
    network = ("import requests", "from requests", "import urllib3", "from urllib3")
    senders = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(line.strip().startswith(network) for line in path.read_text("utf-8").splitlines())
    }
    assert senders == {"api/client.py", "api/connection.py", "api/transport.py"}
