"""Faults of a whole answer: its status, its headers, its bytes."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from graphbuild.emulator.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbuild.emulator.faults import Fault

_PAGE = b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>\n"
_MIB = 1 << 20
_BOMB_SIZE = 200 * _MIB


def _status(_answer: Answer, fault: Fault, _target: str) -> Answer:
    return _patient(Answer.error(int(fault.value or 503)), fault)


def _html(_answer: Answer, fault: Fault, _target: str) -> Answer:
    headers = {"Content-Type": "text/html; charset=utf-8"}
    return _patient(Answer(int(fault.value or 200), headers, _PAGE), fault)


def _patient(answer: Answer, fault: Fault) -> Answer:
    if fault.retry_after is None:
        return answer
    return replace(answer, headers={**answer.headers, "Retry-After": fault.retry_after})


def _error(_answer: Answer, fault: Fault, _target: str) -> Answer:
    code = str(fault.value or "TransientError")
    return replace(Answer.error(503, code), status=200)


def _redirect(_answer: Answer, fault: Fault, target: str) -> Answer:
    return Answer(302, {"Location": str(fault.value or target)})


def _body(answer: Answer, fault: Fault, _target: str) -> Answer:
    body = fault.value if isinstance(fault.value, bytes) else str(fault.value).encode()
    return Answer(200, {"Content-Type": "application/json", **answer.headers}, body)


def _truncated(answer: Answer, _fault: Fault, _target: str) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def _header(answer: Answer, fault: Fault, _target: str) -> Answer:
    name, _, text = str(fault.value).partition(":")
    return replace(answer, headers={**answer.headers, name.strip(): text.strip()})


def _headers(answer: Answer, fault: Fault, _target: str) -> Answer:
    flood = {f"X-Flood-{number}": "x" for number in range(int(fault.value or 101))}
    return replace(answer, headers={**answer.headers, **flood})


def _content_type(answer: Answer, fault: Fault, _target: str) -> Answer:
    kind = str(fault.value or "text/plain; charset=klingon")
    return replace(answer, headers={**answer.headers, "Content-Type": kind})


def _not_gzip(answer: Answer, fault: Fault, _target: str) -> Answer:
    shown = Answer.error(int(fault.value)) if fault.value else answer
    return _patient(_gzipped(shown, shown.body), fault)


def _gzip_cut(answer: Answer, fault: Fault, _target: str) -> Answer:
    # 8 bytes are the trailer: without it the content is whole but its checksum is missing.
    whole = gzip.compress(answer.body, mtime=0)
    return _gzipped(answer, whole[: -int(fault.value or 200)])


def _gzip_layers(answer: Answer, fault: Fault, _target: str) -> Answer:
    body, layers = answer.body, int(fault.value or 10)
    for _ in range(layers):
        body = gzip.compress(body, mtime=0)
    return _gzipped(answer, body, ", ".join(["gzip"] * layers))


def _bomb(answer: Answer, fault: Fault, _target: str) -> Answer:
    return _gzipped(answer, _gzip_spaces(int(fault.value or _BOMB_SIZE)))


def _gzipped(answer: Answer, body: bytes, coding: str = "gzip") -> Answer:
    return replace(answer, headers={**answer.headers, "Content-Encoding": coding}, body=body)


@cache
def _gzip_spaces(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(b" " * min(_MIB, size - start)) for start in range(0, size, _MIB)]
    return b"".join(parts) + packer.flush()


# A kind: what it does, and how it makes an answer of the true one.
ANSWER_FAULTS: Mapping[str, tuple[str, Callable[[Answer, Fault, str], Answer]]] = {
    "status": ("the documented JSON error of a status (value; 503)", _status),
    "html": ("a page of HTML with a status (value; 200)", _html),
    "error": ("200 with {'error': ...} of a code (value; TransientError)", _error),
    "redirect": ("302 to an address (value; the same one again)", _redirect),
    "body": ("200 with these bytes (value) said to be JSON", _body),
    "empty": ("200 without a body", lambda answer, _, __: replace(answer, body=b"")),
    "truncated": ("the first half of the JSON, lengths agreeing", _truncated),
    "header": ("the true answer with one more header (value; 'Name: text')", _header),
    "headers": ("the true answer under a flood of headers (value; 101)", _headers),
    "content_type": ("the true answer under another content type (value)", _content_type),
    "not_gzip": ("says gzip, is plain; with the error of a status if value", _not_gzip),
    "gzip_cut": ("gzip that ends early by some bytes (value; 200)", _gzip_cut),
    "gzip_layers": ("gzip in gzip (value; 10 deep)", _gzip_layers),
    "bomb": ("gzip of so many spaces (value in bytes; 200 MiB)", _bomb),
}
