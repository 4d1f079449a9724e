"""Redirects and foreign URLs in responses: nothing may be sent to another host (G23).

A second listener represents the other host. The responses name its address in three places: in
redirects of every status, in headers that some clients follow, and in ``links.next``, written so
that URL parsers disagree about the host. The environment sets a proxy or a password.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphbuild.errors import GraphbuildError
from tests.support.forking import environment
from tests.support.http_listener import Listener
from tests.support.keys import CANARY
from tests.torture.payloads import SUBJECT
from tests.torture.responses import CorpusServer, check_exports
from tests.torture.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.forking import Zygote
    from tests.torture.responses import CrawlResult

_PATH = f"/api/v3/files/{SUBJECT}/related_references"
_SELF = f"https://www.virustotal.com{_PATH}?limit=40"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def run(folder: Path, rounds: int, seed: int, zygote: Zygote | None) -> PartResult:  # noqa: ARG001  all parts have the same signature
    """Try each case once."""
    result = PartResult("redirects")
    server, foreign = CorpusServer(), Listener()
    try:
        for name, answer in [*_redirects(foreign.port), *_pages(foreign.port)]:
            result.rounds += 1
            case_folder = folder / f"redirect-{result.rounds}"
            case_folder.mkdir()
            crawled = server.crawl_row(answer, case_folder)
            _check_crawl(result, name, crawled, case_folder)
            _check_no_connection(result, name, foreign)
        if zygote is not None:
            _environment(result, folder, server, foreign, zygote)
    finally:
        server.close()
        foreign.close()
    result.check(not server.api.cookies, "a cookie was sent back")
    result.check(not server.api.passwords, "a password of the environment was sent")
    return result.finish()


def _check_crawl(result: PartResult, name: str, crawled: CrawlResult, case_folder: Path) -> None:
    is_expected = crawled.raised is None or isinstance(crawled.raised, GraphbuildError)
    result.check(is_expected, f"{name}: raised {crawled.raised!r}")
    result.check(crawled.calls <= 4, f"{name}: {crawled.calls} calls")
    if crawled.pages:
        result.check(not check_exports(case_folder), f"{name}: the export fails")


def _check_no_connection(result: PartResult, name: str, foreign: Listener) -> None:
    """Check that the second listener received nothing."""
    result.key_bytes += foreign.received
    result.check(not foreign.connections, f"{name}: {foreign.connections} connections elsewhere")
    foreign.connections = foreign.received = 0


# --- cases ---------------------------------------------------------------------------------------


def _urls(port: int) -> list[str]:
    """Return many notations of one URL."""
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
    """Yield responses that refer to another host in a header or in HTML."""
    page = json.dumps(_page(_SELF))
    for case_folder, address in enumerate(_urls(port)):
        status = (301, 302, 303, 307, 308, 300)[case_folder % 6]
        yield f"{status} to {address!a}", _http(status, [f"Location: {address}"], page)
    there = _urls(port)[0]
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
    yield "an HTML page with a refresh", _http(200, ["Content-Type: text/html"], refresh)


def _pages(port: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield pages that contain URLs of another host."""
    for address in _urls(port):
        yield f"links.next {address!a}", _page_case(_page(_SELF, next=address))
    there = _urls(port)[0]
    yield (
        "links.self and links.next on another host",
        _page_case(_page(there, next=f"{there}&x=1")),
    )
    cursors = _page(_SELF)
    cursors["meta"]["cursor"] = there
    yield "a cursor that is a URL", _page_case(cursors)
    yield "a URL in every text", _page_case(_page(_SELF, title=there, url=there, author=there))


def _http(status: int, head: list[str], body: str) -> dict[str, Any]:
    lines = [f"HTTP/1.1 {status} Trap", "Content-Type: application/json", *head]
    return {"kind": "http", "answers": [{"head": lines, "text": body}]}


def _page_case(page: dict[str, Any]) -> dict[str, Any]:
    last: dict[str, Any] = {"data": [], "meta": {}}
    answers = [{"text": json.dumps(page)}, {"text": json.dumps(last)}]
    return {"kind": "page", "answers": answers}


def _page(own: str, next: str | None = None, **attributes: str) -> dict[str, Any]:  # noqa: A002  the name in the API
    item = {"type": "reference", "id": "ab" * 32, "attributes": attributes or {"title": "A trap"}}
    links = {"self": own, **({"next": next} if next else {})}
    return {"meta": {"count": 2}, "data": [item], "links": links}


# --- the environment -----------------------------------------------------------------------------


def _environment(
    result: PartResult, folder: Path, server: CorpusServer, foreign: Listener, zygote: Zygote
) -> None:
    """Crawl with a proxy in the environment and a password for all hosts in .netrc."""
    proxy = f"http://127.0.0.1:{foreign.port}"
    cases = {f"{name} in the environment": {name: proxy} for name in _PROXIES}
    cases["a default entry in .netrc"] = {}
    home = folder / "home"
    home.mkdir()
    (home / ".netrc").write_text("default login anybody password secret\n", encoding="utf-8")
    (home / ".netrc").chmod(0o600)
    seeds = home / "hashes.txt"
    seeds.write_text(f"{SUBJECT}\n", encoding="utf-8")
    server.api.clear_faults()
    for number, (name, variables) in enumerate(cases.items()):
        result.rounds += 1
        before = len(server.api.log)
        options = ["--store", str(home / f"{number}.db"), "--base-url", server.base_url]
        defaults = {"VT_APIKEY": CANARY, "HOME": str(home), **dict.fromkeys(_PROXIES, "")}
        running = zygote.start(
            *("crawl", str(seeds), *options),
            out=home / f"{number}.out",
            variables=environment(**{**defaults, **variables}),
        )
        code = running.end(60.0)
        calls = len(server.api.log) - before
        result.check(code == 0 and calls == 1, f"{name}: ends with {code} after {calls} calls")
        _check_no_connection(result, name, foreign)
