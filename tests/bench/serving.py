"""A server for benchmarks: it caches the responses of the emulator.

Run as a script, this file is the server, so its cost is not measured. Imported, it starts one. The
responses are those of the emulator, with gzip for clients that accept it.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from http.client import responses
from pathlib import Path
from typing import TYPE_CHECKING, Self

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from graphbuild.emulator import Api, World, generate_world
from graphbuild.emulator.models import Collection, File

if TYPE_CHECKING:
    from collections.abc import Iterator

_REFERENCES = 200  # per file: five full pages
_PAGE = 40  # maximum page size
# The parts of a family's references in its collections; some references are in two.
_COLLECTIONS = ((0, 120), (100, 170), (160, 200))


def world_of(families: int, files: int) -> World:
    """Return a world of families with 200 references each; families share nothing."""
    generated = generate_world(
        7, campaigns=families, references_per_campaign=_REFERENCES + 10, noise=0
    )
    known = sorted(generated.references.values(), key=lambda each: each.id)
    references, collections, members = [], [], []
    for number in range(families):
        ours = known[number * _REFERENCES : (number + 1) * _REFERENCES]
        held = [
            Collection(
                f"atlas_family{number}_{part}",
                f"Family {number}, part {part}",
                tuple(each.id for each in ours[begin:end]),
            )
            for part, (begin, end) in enumerate(_COLLECTIONS)
        ]
        names = tuple(each.id for each in held)
        members += [
            File(f"{number + 1:032x}{member:032x}", collections=names) for member in range(files)
        ]
        references += ours
        collections += held
    return World(members, references, collections)


class Service:
    """The server process, running inside a ``with`` block."""

    def __init__(self, families: int, files: int) -> None:
        self.hashes = [
            f"{number + 1:032x}{member:032x}"
            for number in range(families)
            for member in range(files)
        ]
        self.pages = len(self.hashes) * _REFERENCES // _PAGE
        self.entries = len(self.hashes) * _REFERENCES
        command = [sys.executable, str(Path(__file__).resolve()), str(families), str(files)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.base_url = ""

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        self.base_url = json.loads(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # the server ends with its standard input


# --- the server itself ---------------------------------------------------------------------------


class _ResponseCache:
    """Complete responses by request target and compression."""

    def __init__(self, world: World) -> None:
        self._api = Api(world)
        self._responses: dict[tuple[str, bool], bytes] = {}

    def get(self, head: bytes) -> bytes:
        """Return the bytes of a response."""
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        key = lines[0].split(" ")[1], "gzip" in fields.get("user-agent", "")
        if key not in self._responses:
            self._responses[key] = self._create(lines[0], fields)
            self._api.log.clear()
        return self._responses[key]

    def _create(self, line: str, fields: dict[str, str]) -> bytes:
        method, target, _ = line.split(" ")
        response = self._api.respond(method, target, fields)
        lines = [f"HTTP/1.1 {response.status} {responses[response.status]}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.body


def _read_heads(connection: socket.socket) -> Iterator[bytes]:
    waiting = b""
    while data := connection.recv(65536):
        waiting += data
        while b"\r\n\r\n" in waiting:
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            yield head


def _serve(connection: socket.socket, cache: _ResponseCache) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, suppress(OSError):
        for head in _read_heads(connection):
            connection.sendall(cache.get(head))


def _accept(server: socket.socket, cache: _ResponseCache) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=_serve, args=(connection, cache), daemon=True).start()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("families", type=int)
    parser.add_argument("files", type=int)
    options = parser.parse_args()
    cache = _ResponseCache(world_of(options.families, options.files))
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(server, cache), daemon=True).start()
    sys.stdout.write(f'"http://127.0.0.1:{server.getsockname()[1]}/api/v3"\n')
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _main()
