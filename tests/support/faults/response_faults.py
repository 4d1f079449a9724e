"""Faults of a whole response: its status, its headers, its body."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from graphbuild.emulator import Response
from graphbuild.emulator.errors import ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.faults.fault import Fault

_HTML = b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>\n"
_MIB = 1 << 20


def error_response(status: int, code: str = "") -> Response:
    """Return an error with a status and a code; the default code is that of the status."""
    codes = [each for each, (documented, _) in ERRORS.items() if documented == status]
    code = code or next(iter(codes), "InternalServerError")
    _, message = ERRORS.get(code, (status, "Something went wrong"))
    return Response.from_json(status, {"error": {"code": code, "message": message}})


def _status(_response: Response, fault: Fault, _target: str) -> Response:
    return _with_retry_after(error_response(fault.number(503)), fault)


def _html(_response: Response, fault: Fault, _target: str) -> Response:
    headers = {"Content-Type": "text/html; charset=utf-8"}
    return _with_retry_after(Response(fault.number(200), headers, _HTML), fault)


def _with_retry_after(response: Response, fault: Fault) -> Response:
    if fault.retry_after is None:
        return response
    return replace(response, headers={**response.headers, "Retry-After": fault.retry_after})


def _error(_response: Response, fault: Fault, _target: str) -> Response:
    return error_response(200, fault.text or "TransientError")


def _redirect(_response: Response, fault: Fault, target: str) -> Response:
    return Response(302, {"Location": fault.text or target})


def _body(response: Response, fault: Fault, _target: str) -> Response:
    return Response(200, {"Content-Type": "application/json", **response.headers}, fault.data)


def _truncated(response: Response, _fault: Fault, _target: str) -> Response:
    return replace(response, body=response.body[: len(response.body) // 2])


def _header(response: Response, fault: Fault, _target: str) -> Response:
    name, _, text = fault.text.partition(":")
    return replace(response, headers={**response.headers, name.strip(): text.strip()})


def _headers(response: Response, fault: Fault, _target: str) -> Response:
    extra = {f"X-Flood-{number}": "x" for number in range(fault.number(101))}
    return replace(response, headers={**response.headers, **extra})


def _content_type(response: Response, fault: Fault, _target: str) -> Response:
    content_type = fault.text or "text/plain; charset=klingon"
    return replace(response, headers={**response.headers, "Content-Type": content_type})


def _not_gzip(response: Response, fault: Fault, _target: str) -> Response:
    response = error_response(fault.number(0)) if fault.value else response
    return _with_retry_after(_gzipped(response, response.body), fault)


def _gzip_cut(response: Response, fault: Fault, _target: str) -> Response:
    # The last 8 bytes are the trailer: without them only the checksum is missing.
    return _gzipped(response, gzip.compress(response.body, mtime=0)[: -fault.number(200)])


def _gzip_layers(response: Response, fault: Fault, _target: str) -> Response:
    body, layers = response.body, fault.number(10)
    for _ in range(layers):
        body = gzip.compress(body, mtime=0)
    return _gzipped(response, body, ", ".join(["gzip"] * layers))


def _gzip_bomb(response: Response, fault: Fault, _target: str) -> Response:
    return _gzipped(response, _compressed_spaces(fault.number(200 * _MIB)))


def _gzipped(response: Response, body: bytes, encoding: str = "gzip") -> Response:
    return replace(response, headers={**response.headers, "Content-Encoding": encoding}, body=body)


@cache
def _compressed_spaces(size: int) -> bytes:
    compressor = zlib.compressobj(9, wbits=31)
    parts = [compressor.compress(b" " * min(_MIB, size - start)) for start in range(0, size, _MIB)]
    return b"".join(parts) + compressor.flush()


# Kind to a description, and a function of the regular response.
RESPONSE_FAULTS: Mapping[str, tuple[str, Callable[[Response, Fault, str], Response]]] = {
    "status": ("the documented error of a status (value; default 503)", _status),
    "html": ("an HTML page with a status (value; default 200)", _html),
    "error": ("status 200 with an error code (value; default TransientError)", _error),
    "redirect": ("status 302 to a URL (value; default the same URL)", _redirect),
    "body": ("status 200 with these bytes (value) as JSON", _body),
    "empty": ("an empty body", lambda response, _, __: replace(response, body=b"")),
    "truncated": ("the first half of the JSON with a matching length", _truncated),
    "header": ("one more header (value; 'Name: text')", _header),
    "headers": ("many more headers (value; default 101)", _headers),
    "content_type": ("another content type (value)", _content_type),
    "not_gzip": ("plain data declared as gzip, with an error status if value", _not_gzip),
    "gzip_cut": ("gzip data without the last bytes (value; default 200)", _gzip_cut),
    "gzip_layers": ("nested gzip (value; default 10 layers)", _gzip_layers),
    "gzip_bomb": ("gzip data of many spaces (value in bytes; default 200 MiB)", _gzip_bomb),
}
