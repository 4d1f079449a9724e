"""Subjects, true answers and faults for the server of the part ``wire``."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass, field
from hashlib import md5, sha1, sha256
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from tests.torture.wire_server import Answer

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tests.torture.wire_server import End

_BASE = "https://www.virustotal.com"
_HTML = b"<!doctype html><title>Sign in</title><p>Please accept the terms of use.</p>"


# --- subjects ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Subject:
    """A subject, and what the server says about it.

    Attributes:
        seed: its entry in the seed list.
        path_ids: the ids under which the server knows it; the first one is that of the seed.
        self_id: the id in ``links.self``; empty for the id of the request.
        pages: the references on each page of its list.
        unlisted: how many more references the server announces than it lists.
        error: status and code of the answer to each request; None if there is a list.
        refusals: errors of the API that the server sent for it.
    """

    seed: str
    endpoint: str
    path_ids: tuple[str, ...]
    self_id: str = ""
    pages: list[list[str]] = field(default_factory=lambda: [[]])
    unlisted: int = 0
    error: tuple[int, str] | None = None
    refusals: list[str] = field(default_factory=list)

    @property
    def announced(self) -> int:
        """The length of the list as stated by the server."""
        return sum(map(len, self.pages)) + self.unlisted

    def triples(self) -> set[tuple[str, str]]:
        """Return the ids of each reference of the list and its collection."""
        return {(each, _collection(each)) for page in self.pages for each in page}


def generate_subjects(rng: random.Random, name: str) -> list[Subject]:
    """Return a few subjects, identified by hashes of all kinds and by URLs."""
    subjects = [_generate_subject(rng, f"{name} {number}") for number in range(rng.randint(2, 4))]
    for subject in subjects[1:]:  # a key that was never answered is refused for good reason
        fate = rng.random()
        if fate < 0.1:
            subject.error = 404, "NotFoundError"
        elif fate < 0.2:
            subject.error = 403, "ForbiddenError"
        elif fate < 0.3:
            subject.unlisted = rng.choice((1, 5, 210))
    return subjects


def _generate_subject(rng: random.Random, name: str) -> Subject:
    text = name.encode()
    digest = sha256(text).hexdigest()
    kind = rng.choice(("sha256", "sha256", "md5", "sha1", "url"))
    if kind == "url":
        seed = f"https://site.example/{digest[:12]}"
        path_id = base64.urlsafe_b64encode(seed.encode()).decode().rstrip("=")
        own_id = rng.choice((sha256(seed.encode()).hexdigest(), digest))
        subject = Subject(seed, "urls", (path_id, own_id))
    else:
        seed = {"sha256": digest, "md5": md5(text).hexdigest(), "sha1": sha1(text).hexdigest()}[
            kind
        ]
        subject = Subject(seed, "files", (seed, digest))
    subject.self_id = rng.choice(("", subject.path_ids[1], subject.path_ids[1].upper()))
    sizes = [rng.randint(1, 3) for _ in range(rng.randint(1, 3))]
    subject.pages = [
        [sha256(f"{name} {page} {number}".encode()).hexdigest() for number in range(size)]
        for page, size in enumerate(sizes)
    ]
    return subject


def _collection(reference: str) -> str:
    return f"collection_{reference[:8]}"


# --- requests and true answers -------------------------------------------------------------------


class Exchange(NamedTuple):
    """A request, its subject, and the other subjects of the round."""

    rng: random.Random
    path_id: str
    cursor: str | None
    subject: Subject
    subjects: Sequence[Subject]

    @classmethod
    def from_path(cls, rng: random.Random, path: str, subjects: Sequence[Subject]) -> Exchange:
        """Return the exchange of a request."""
        parts = urlsplit(path)
        path_id = unquote(parts.path.split("/")[4])
        cursor = parse_qs(parts.query).get("cursor", [None])[0]
        subject = next(each for each in subjects if path_id in each.path_ids)
        return cls(rng, path_id, cursor, subject, subjects)


def serialize_page(exchange: Exchange, subject: Subject | None = None, self_id: str = "") -> bytes:
    """Return a page of the requested subject, or else the first one of another subject."""
    number = int(exchange.cursor or 0) if subject is None else 0
    subject = subject or exchange.subject
    self_id = self_id or subject.self_id or exchange.path_id
    page: dict[str, object] = {
        "data": [
            {
                "type": "reference",
                "id": each,
                "attributes": {"title": f"Report {each[:8]}"},
                "context_attributes": {
                    "related_from": [{"type": "collection", "id": _collection(each)}]
                },
            }
            for each in subject.pages[number]
        ],
        "links": {
            "self": f"{_BASE}/api/v3/{subject.endpoint}/{self_id}/related_references?limit=40"
        },
    }
    has_more = number + 1 < len(subject.pages)
    more = {"cursor": str(number + 1)} if has_more else {}
    page["meta"] = {"count": subject.announced, **more}
    return json.dumps(page).encode()


def serialize_error(code: str) -> bytes:
    """Return the body of an error of the API."""
    return json.dumps({"error": {"code": code, "message": "Something is wrong"}}).encode()


def true_answer(exchange: Exchange) -> Answer:
    """Return the true answer, framed in any way that HTTP allows."""
    status, body = 200, b""
    if exchange.subject.error is None:
        body = serialize_page(exchange)
    else:
        status, code = exchange.subject.error
        body = _refuse(exchange, code)
    return _frame(exchange, status, body)


def _refuse(exchange: Exchange, code: str) -> bytes:
    exchange.subject.refusals.append(code)
    return serialize_error(code)


def _frame(exchange: Exchange, status: int, body: bytes) -> Answer:
    rng, fields = exchange.rng, []
    if rng.random() < 0.3:
        body = gzip.compress(body, 1, mtime=0)
        fields.append("Content-Encoding: gzip")
    framing = rng.choice(("length", "length", "chunked", "end"))
    if framing == "end":
        return Answer([_head(status, *fields, "Connection: close") + body], "close")
    if framing == "length":
        data = _head(status, *fields, f"Content-Length: {len(body)}") + body
    else:
        data = _head(status, *fields, "Transfer-Encoding: chunked") + _chunks(rng, body)
    if rng.random() < 0.2:
        cut = rng.randrange(1, len(data))
        return Answer([data[:cut], data[cut:]])
    return Answer([data])


def _head(status: int, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Status", *fields, "", ""]).encode()


def _chunks(rng: random.Random, body: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    size = rng.choice((1, 7, 100, 10_000))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces) + end


def _with_length(status: int, body: bytes, *fields: str) -> bytes:
    return _head(status, *fields, f"Content-Length: {len(body)}") + body


# --- faults --------------------------------------------------------------------------------------


def _true_body(exchange: Exchange) -> tuple[int, bytes]:
    """Return status and body of the true answer, for an answer that the client can refuse."""
    if exchange.subject.error is None:
        return 200, serialize_page(exchange)
    status, code = exchange.subject.error
    return status, serialize_error(code)


def _informational(rng: random.Random, count: int) -> bytes:
    fields = ("Link: </style.css>", "Content-Length: 5", "Connection: close", "X: y")
    return b"".join(
        _head(rng.choice((100, 102, 103, 103, 150, 199)), *rng.sample(fields, rng.randint(0, 2)))
        for _ in range(count)
    )


def _few_informational(exchange: Exchange) -> Answer:
    answer = true_answer(exchange)
    before = _informational(exchange.rng, exchange.rng.randint(1, 10))
    if exchange.rng.random() < 0.5:
        return Answer([before, *answer.segments], answer.end)
    return Answer([before + answer.segments[0], *answer.segments[1:]], answer.end)


def _many_informational(exchange: Exchange) -> Answer:
    count = exchange.rng.randint(11, 14)
    return Answer([_informational(exchange.rng, count) + _with_length(*_true_body(exchange))])


def _switching(exchange: Exchange) -> Answer:
    return Answer([_head(101, "Upgrade: x") + _with_length(*_true_body(exchange))])


def _spill(exchange: Exchange) -> Answer:
    """The true answer, and more bytes in the same or in a later segment."""
    rng, answer = exchange.rng, true_answer(exchange)
    other = rng.choice(exchange.subjects)
    extra = rng.choice(
        (
            b"x",
            b"\r\n",
            b"x" * 100_000,
            _with_length(200, serialize_page(exchange, other, other.path_ids[0])),
            _with_length(200, _without_links(serialize_page(exchange, other))),
            _with_length(404, serialize_error("NotFoundError")),
            _with_length(204, b""),
            _informational(rng, 1),
            b"HTTP/1.1 200 OK\r\nContent-Le",
        )
    )
    if answer.end != "keep":  # bytes after such a body are part of it
        return answer
    if rng.random() < 0.5:
        return Answer([*answer.segments, extra])
    return Answer([*answer.segments[:-1], answer.segments[-1] + extra])


def _without_links(page: bytes) -> bytes:
    return json.dumps({**json.loads(page), "links": {}}).encode()


def _no_self_link(exchange: Exchange) -> Answer:
    """The true page without ``links.self``, if later pages do not name another id."""
    subject = exchange.subject
    if subject.error is not None or subject.self_id.lower() not in {"", exchange.path_id}:
        return true_answer(exchange)
    return Answer([_with_length(200, _without_links(serialize_page(exchange)))])


def _no_content(exchange: Exchange) -> Answer:
    status, (_, body) = exchange.rng.choice((204, 304)), _true_body(exchange)
    fields = (f"Content-Length: {len(body)}",) if exchange.rng.random() < 0.5 else ()
    return Answer([_head(status, *fields) + body])


def _wrong_length(exchange: Exchange) -> Answer:
    rng, (status, body) = exchange.rng, _true_body(exchange)
    size, shift = len(body), rng.choice((1, 2, 10))
    end: End = "close" if rng.random() < 0.99 else "stall"
    return rng.choice(
        (
            Answer([_head(status, f"Content-Length: {size + shift}") + body], end),
            Answer([_head(status, f"Content-Length: {size - shift}") + body]),
            Answer([_head(status, f"Content-Length: -{size}") + body[:-shift]], "close"),
            Answer([_head(status, f"Content-Length: {size}x") + body[:-shift]], "close"),
            Answer([_head(status, "Content-Length: 0") + body]),
            Answer([_head(status, f"Content-Length: {size}", "Content-Length: 5") + body]),
        )
    )


def _wrong_chunks(exchange: Exchange) -> Answer:
    rng, (status, body) = exchange.rng, _true_body(exchange)
    size = rng.choice((b"-1", b"-63", b"-ffffffff", b"zz", b"", b"f" * 5_000, b"fffffffffffff"))
    data = rng.choice(
        (
            _chunks(rng, body[:-1], end=size + b"\r\n" + body),
            b"%b\r\n%b\r\n0\r\n\r\n" % (size, body),
            _chunks(rng, body, end=b""),
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(body) - 2, body),
        )
    )
    return Answer([_head(status, "Transfer-Encoding: chunked") + data], "close")


def _wrong_compression(exchange: Exchange) -> Answer:
    status, body = _true_body(exchange)
    packed = gzip.compress(body, mtime=0)
    data = exchange.rng.choice((packed[:-9], packed[:-8], packed + b"x", packed * 2, body, b""))
    encoding = exchange.rng.choice(("gzip", "gzip", "br", "gzip, gzip"))
    if encoding == "gzip":
        return Answer([_with_length(status, data, "Content-Encoding: gzip")])
    return Answer([_with_length(status, body, f"Content-Encoding: {encoding}")])


_REFUSED = (400, 402, 403, 404, 404, 405, 406, 407, 409, 410, 418, 422, 426, 428, 431, 451, 499)
_FAILED = (408, 421, 424, 425, 500, 502, 503, 504, 520)


def _foreign(exchange: Exchange) -> Answer:
    """A response of another program, such as a proxy."""
    rng = exchange.rng
    status = rng.choice((*_REFUSED, *_FAILED, 200, 201, 302))
    body = rng.choice((_HTML, b"", b"{}", b'{"message": "no"}', b'{"error": {"message": "no"}}'))
    return Answer([_with_length(status, body, "Location: /login")])


def _damaged_error(exchange: Exchange) -> Answer:
    """An error of the API that did not arrive whole."""
    rng, status = exchange.rng, exchange.rng.choice((400, 403, 404))
    body = serialize_error(
        {400: "BadRequestError", 403: "ForbiddenError"}.get(status, "NotFoundError")
    )
    return rng.choice(
        (
            Answer([_head(status, f"Content-Length: {len(body) + 1}") + body], "close"),
            Answer([_with_length(status, body[:-1])]),
            Answer([_with_length(status, body + b" " * 70_000)]),
            Answer([_with_length(status, body, "Content-Encoding: br")]),
            Answer([_with_length(status, gzip.compress(body)[:-8], "Content-Encoding: gzip")]),
            Answer(
                [_head(status, "Transfer-Encoding: chunked") + _chunks(rng, body, b"")], "close"
            ),
        )
    )


def _api_error(exchange: Exchange) -> Answer:
    """An error of the API that is soon over."""
    status, code = exchange.rng.choice(
        (
            (401, "WrongCredentialsError"),
            (429, "TooManyRequestsError"),
            (429, "QuotaExceededError"),
            (503, "TransientError"),
            (504, "DeadlineExceededError"),
        )
    )
    fields = exchange.rng.choice(((), ("Retry-After: 1",), ("Retry-After: 30",)))
    return Answer([_with_length(status, serialize_error(code), *fields)])


def _api_refusal(exchange: Exchange) -> Answer:
    """An error of the API that settles the subject."""
    status, code = exchange.rng.choice(((404, "NotFoundError"), (400, "InvalidArgumentError")))
    return Answer([_with_length(status, _refuse(exchange, code))])


def _other_subject(exchange: Exchange) -> Answer:
    """A page of another subject, as a broken cache sends it.

    A subject that was requested by a weaker hash or by a URL may have any SHA-256.
    """
    named = [
        (each, path_id)
        for each in exchange.subjects
        for path_id in each.path_ids
        if each is not exchange.subject
        and (exchange.cursor or exchange.path_id == exchange.subject.path_ids[1])
    ]
    if not named:
        return true_answer(exchange)
    other, path_id = exchange.rng.choice(named)
    return Answer([_with_length(200, serialize_page(exchange, other, path_id))])


def _no_answer(exchange: Exchange) -> Answer:
    rng = exchange.rng
    data = _with_length(*_true_body(exchange))
    part = data[: rng.randrange(len(data))]
    end: End = rng.choice(("close", "reset"))
    return Answer([part] if part else [], end)


class Fault(NamedTuple):
    """A function that makes an answer, and how often it is used."""

    make: Callable[[Exchange], Answer]
    weight: int = 2


FAULTS = {
    "up to ten informational responses": Fault(_few_informational, 6),
    "more than ten informational responses": Fault(_many_informational),
    "status 101": Fault(_switching),
    "bytes after the body": Fault(_spill, 8),
    "no links.self": Fault(_no_self_link),
    "status 204 or 304 with a body": Fault(_no_content),
    "a wrong length": Fault(_wrong_length, 4),
    "wrong chunks": Fault(_wrong_chunks, 4),
    "wrong compression": Fault(_wrong_compression, 3),
    "a foreign response": Fault(_foreign, 8),
    "a damaged error of the API": Fault(_damaged_error, 4),
    "a temporary error of the API": Fault(_api_error, 3),
    "a final error of the API": Fault(_api_refusal, 1),
    "a page of another subject": Fault(_other_subject, 4),
    "no complete answer": Fault(_no_answer, 3),
}
