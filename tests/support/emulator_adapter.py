"""An adapter that serves the emulated API to a ``requests`` session without a socket."""

from __future__ import annotations

from http.client import responses
from io import BytesIO
from typing import TYPE_CHECKING

from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from tests.support.faults.connection_faults import FaultyDelivery

if TYPE_CHECKING:
    import requests

    from graphbuild.emulator import Api


class EmulatorAdapter(HTTPAdapter):
    """Responds to all requests for URLs with the prefix under which the adapter is mounted."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api = api

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        """Return the response to a prepared request; ``response.raw`` can be read as a stream."""
        method = request.method or "GET"
        response = self.api.respond(method, request.path_url, dict(request.headers))
        if isinstance(response.delivery, FaultyDelivery):
            response = response.delivery.receive(response)
        raw = HTTPResponse(
            BytesIO(b"" if method == "HEAD" else response.body),
            headers=response.headers,
            status=response.status,
            reason=responses.get(response.status),
            preload_content=False,
            decode_content=False,
            request_method=method,
        )
        return self.build_response(request, raw)
