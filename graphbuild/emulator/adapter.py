"""The emulator inside a `requests` session, without a socket."""

from __future__ import annotations

from http.client import responses
from io import BytesIO
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbuild.emulator.answers import Answer
    from graphbuild.emulator.api import Api

# What a client sees of a fault that needs a connection; the others arrive as sent.
_SEEN: Mapping[str, type[requests.RequestException]] = {
    "reset": requests.ConnectionError,
    "close": requests.ConnectionError,
    "raw": requests.ConnectionError,
    "stall": requests.ReadTimeout,
    "drip_headers": requests.ReadTimeout,
}
_HALVED = frozenset({"cut", "cut_reset", "stall_body"})


class EmulatorAdapter(HTTPAdapter):
    """Mount it on a session: every request of that prefix is answered in process."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api = api

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        """Answer a prepared request; the raw stream reads like one from a socket."""
        method = request.method or "GET"
        answer = self.api.respond(method, request.path_url, dict(request.headers))
        if answer.wire is not None and answer.wire.kind in _SEEN:
            raise _SEEN[answer.wire.kind](f"emulated: {answer.wire.kind}", request=request)
        return self.build_response(request, _raw(answer, method))


def _raw(answer: Answer, method: str) -> HTTPResponse:
    halved = answer.wire is not None and answer.wire.kind in _HALVED
    body = answer.body[: len(answer.body) // 2] if halved else answer.body
    return HTTPResponse(
        BytesIO(b"" if method == "HEAD" else body),
        headers=answer.headers,
        status=answer.status,
        reason=responses.get(answer.status),
        preload_content=False,
        decode_content=False,
        request_method=method,
    )
