"""Redirects and hostile addresses in answers: not a byte, not a connection goes elsewhere (G23).

A second listener stands for everybody else. Each form points at it in another way: a redirect of
each status, headers that some clients follow, ``links.next`` in forms that parsers read
differently, a proxy or a password in the environment.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphbuild.errors import GraphbuildError
from tests.support.http_listener import Listener
from tests.support.keys import CANARY
from tests.torture.answers import Table, exported
from tests.torture.payloads import SUBJECT
from tests.torture.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.torture.answers import Came
    from tests.torture.forking import Zygote

_PATH = f"/api/v3/files/{SUBJECT}/related_references"
_SELF = f"https://www.virustotal.com{_PATH}?limit=40"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> Tally:  # noqa: ARG001  all parts are called alike
    """Try every form once."""
    tally = Tally("traps")
    table, foreign = Table(), Listener()
    try:
        for name, answer in [*_redirects(foreign.port), *_pages(foreign.port)]:
            tally.rounds += 1
            place = folder / f"trap-{tally.rounds}"
            place.mkdir()
            came = table.ask(answer, place)
            _judge(tally, name, came, place)
            _nobody_came(tally, name, foreign)
        if zygote is not None:
            _environment(tally, folder, table, foreign, zygote)
    finally:
        table.close()
        foreign.close()
    tally.expect(not table.service.cookies, "a cookie was sent back")
    tally.expect(not table.service.passwords, "a password of the environment was sent")
    return tally.done()


def _judge(tally: Tally, name: str, came: Came, place: Path) -> None:
    ours = came.raised is None or isinstance(came.raised, GraphbuildError)
    tally.expect(ours, f"{name}: raised {came.raised!r}")
    tally.expect(came.calls <= 4, f"{name}: {came.calls} calls")
    if came.pages:
        tally.expect(not exported(place), f"{name}: the export fails")


def _nobody_came(tally: Tally, name: str, foreign: Listener) -> None:
    """What reached the second listener, all of it counted as the key's."""
    tally.key_bytes += foreign.received
    tally.expect(not foreign.connections, f"{name}: {foreign.connections} connections elsewhere")
    foreign.connections = foreign.received = 0


# --- forms ---------------------------------------------------------------------------------------


def _addresses(port: int) -> list[str]:
    """One place, written in many ways."""
    here = f"127.0.0.1:{port}"
    return [
        f"http://{here}{_PATH}?cursor=ZZ&limit=40",
        f"//{here}{_PATH}?cursor=ZZ",
        f"///{here}{_PATH}",
        f"\\\\{here}\\x",
        f"http:{here}{_PATH}",
        f"http://localhost:{port}{_PATH}?cursor=ZZ",
        f"http://user:word@{here}{_PATH}",
        f"http://www.virustotal.com@{here}{_PATH}?cursor=ZZ",
        f"http://www.virustotal.com\\@{here}{_PATH}",
        f"http://127.1:{port}{_PATH}",
        f"http://2130706433:{port}{_PATH}",
        f"http://0x7f000001:{port}{_PATH}",
        f"http://[::ffff:127.0.0.1]:{port}{_PATH}",
        f"HTTP://{here}{_PATH}",
        f"http://127.0.0.1%2e:{port}{_PATH}",
        f" http://{here}{_PATH}",
        f"\thttp://{here}{_PATH}",
        f"https://{here}{_PATH}",
        f"ftp://{here}/x",
        f"javascript:fetch('http://{here}')",
    ]


def _redirects(port: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Answers that send the client elsewhere in a header or in their HTML."""
    page = json.dumps(_page(_SELF))
    for place, address in enumerate(_addresses(port)):
        status = (301, 302, 303, 307, 308, 300)[place % 6]
        yield f"{status} to {address!a}", _http(status, [f"Location: {address}"], page)
    there = _addresses(port)[0]
    for status, head in (
        (305, f"Location: {there}"),
        (306, f"Location: {there}"),
        (304, f"Location: {there}"),
        (201, f"Location: {there}"),
        (200, f"Location: {there}"),
        (200, f"Refresh: 0; url={there}"),
        (200, f"Content-Location: {there}"),
        (200, f'Link: <{there}>; rel="next"'),
        (200, f'Alt-Svc: http/1.1="127.0.0.1:{port}"'),
        (503, f"Location: {there}\r\nRetry-After: 1"),
        (401, f'WWW-Authenticate: Basic realm="x", Location="{there}"'),
        (407, f"Proxy-Authenticate: Basic\r\nLocation: {there}"),
    ):
        yield f"{status} with {head[:30]!a}", _http(status, [head], page)
    refresh = f'<meta http-equiv="refresh" content="0; url={there}"><base href="{there}">'
    yield "a page of HTML that refreshes", _http(200, ["Content-Type: text/html"], refresh)


def _pages(port: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pages whose texts are addresses of somebody else."""
    for address in _addresses(port):
        yield f"links.next {address!a}", _asked(_page(_SELF, next=address))
    there = _addresses(port)[0]
    yield (
        "links.self elsewhere, next to the letter the same",
        _asked(_page(there, next=f"{there}&x=1")),
    )
    cursors = _page(_SELF)
    cursors["meta"]["cursor"] = there
    yield "a cursor that is an address", _asked(cursors)
    yield "an address in every text", _asked(_page(_SELF, title=there, url=there, author=there))


def _http(status: int, head: list[str], body: str) -> dict[str, Any]:
    lines = [f"HTTP/1.1 {status} Trap", "Content-Type: application/json", *head]
    return {"kind": "http", "answers": [{"head": lines, "text": body}]}


def _asked(page: dict[str, Any]) -> dict[str, Any]:
    last: dict[str, Any] = {"data": [], "meta": {}}
    answers = [{"text": json.dumps(page)}, {"text": json.dumps(last)}]
    return {"kind": "page", "answers": answers}


def _page(own: str, next: str | None = None, **attributes: str) -> dict[str, Any]:  # noqa: A002  the API's word
    item = {"type": "reference", "id": "ab" * 32, "attributes": attributes or {"title": "A trap"}}
    links = {"self": own, **({"next": next} if next else {})}
    return {"meta": {"count": 2}, "data": [item], "links": links}


# --- the environment -----------------------------------------------------------------------------


def _environment(
    tally: Tally, folder: Path, table: Table, foreign: Listener, zygote: Zygote
) -> None:
    """A proxy for all, and a password for every host in the home folder."""
    proxy = f"http://127.0.0.1:{foreign.port}"
    forms = {f"{name} in the environment": {name: proxy} for name in _PROXIES}
    forms["a default entry in .netrc"] = {}
    home = folder / "home"
    home.mkdir()
    (home / ".netrc").write_text("default login anybody password secret\n", encoding="utf-8")
    (home / ".netrc").chmod(0o600)
    seeds = home / "hashes.txt"
    seeds.write_text(f"{SUBJECT}\n", encoding="utf-8")
    table.service.clear_faults()
    for number, (name, variables) in enumerate(forms.items()):
        tally.rounds += 1
        before = len(table.service.log)
        where = ["--store", str(home / f"{number}.db"), "--base-url", table.base_url]
        more = {"VT_APIKEY": CANARY, "HOME": str(home), **dict.fromkeys(_PROXIES, ""), **variables}
        running = zygote.start(
            "crawl", str(seeds), *where, out=home / f"{number}.out", variables=more
        )
        code = running.end(60.0)
        asked = len(table.service.log) - before
        tally.expect(code == 0 and asked == 1, f"{name}: ends with {code} after {asked} calls")
        _nobody_came(tally, name, foreign)
