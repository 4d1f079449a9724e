"""The service that both sides of a bench ask: the emulator's answers, made once and then only sent.

Run as a script, this file is the server, a process of its own, so that what it costs is nobody's;
imported, it is the bench's side of it. An answer is what the emulator gives to the same request,
byte for byte: compressed for agents that say gzip, plain for the others.
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

if __name__ == "__main__":  # as a script, where nothing says where the package is
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from graphbuild.emulator import Api, World, generate_world
from graphbuild.emulator.models import Collection, File

if TYPE_CHECKING:
    from collections.abc import Iterator

_REFERENCES = 200  # of a file: five full pages
_PAGE = 40  # the most the service gives
# Where the collections of a family begin and end in its references: some have two behind them.
_COLLECTIONS = ((0, 120), (100, 170), (160, 200))


def world_of(families: int, files: int) -> World:
    """Families of so many files, 200 references each; families share nothing."""
    made = generate_world(7, campaigns=families, references_per_campaign=_REFERENCES + 10, noise=0)
    known = sorted(made.references.values(), key=lambda each: each.id)
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
    """The server's process, up inside a ``with``."""

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
        self._process.communicate()  # the end of its input is the end of it


# --- the server itself ---------------------------------------------------------------------------


class _Answers:
    """Whole answers, head and body, by what decides about them."""

    def __init__(self, world: World) -> None:
        self._api = Api(world)
        self._made: dict[tuple[str, bool], bytes] = {}

    def of(self, head: bytes) -> bytes:
        """The answer to a request."""
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        key = lines[0].split(" ")[1], "gzip" in fields.get("user-agent", "")
        if key not in self._made:
            self._made[key] = self._make(lines[0], fields)
            self._api.log.clear()
        return self._made[key]

    def _make(self, line: str, fields: dict[str, str]) -> bytes:
        method, target, _ = line.split(" ")
        answer = self._api.respond(method, target, fields)
        lines = [f"HTTP/1.1 {answer.status} {responses[answer.status]}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body


def _heads(connection: socket.socket) -> Iterator[bytes]:
    waiting = b""
    while data := connection.recv(65536):
        waiting += data
        while b"\r\n\r\n" in waiting:
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            yield head


def _serve(connection: socket.socket, answers: _Answers) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, suppress(OSError):
        for head in _heads(connection):
            connection.sendall(answers.of(head))


def _accept(server: socket.socket, answers: _Answers) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=_serve, args=(connection, answers), daemon=True).start()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("families", type=int)
    parser.add_argument("files", type=int)
    asked = parser.parse_args()
    answers = _Answers(world_of(asked.families, asked.files))
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(server, answers), daemon=True).start()
    sys.stdout.write(f'"http://127.0.0.1:{server.getsockname()[1]}/api/v3"\n')
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _main()
