"""The clients that the crawl bench compares: graphbuild, a loop with `requests`, and vt-py.

Run as a script, this file runs one of them in its own process and prints what it used: CPU seconds
(user and system, all threads) from before the first request until everything is closed. Imports
and the check of the results are not counted.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # as a script, without the package on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import networkx as nx
import requests
import vt

from graphbuild.api.auth import ApiKey
from graphbuild.api.client import LIMIT, Client
from graphbuild.crawler import Crawl
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.bench.usage import Used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Triple = tuple[str, str, str]

_KEY = "0123456789abcdef" * 4


# --- the clients ---------------------------------------------------------------------------------


def graphbuild(base_url: str, hashes: list[str], folder: Path) -> dict[str, Any]:
    """Crawl as `graphbuild crawl` does: each page is stored durably before the next call."""
    path = folder / "campaign.db"
    used = Used()
    with Client(ApiKey(_KEY), base_url=base_url) as client, Store.open(path) as store:
        store.add_seeds(parse_seeds(hashes))
        pages = sum(event.error is None for event in Crawl(client, store))
    spent = used.so_far()
    size = sum(each.stat().st_size for each in folder.iterdir())
    with Store.read(path) as store:
        raw = sum(len(page.body) for page in store.pages())
        triples = {
            (each.subject.id, each.reference.id, each.related_from.id if each.related_from else "")
            for each in store.observations()
        }
    return {**spent, **_result(pages, triples), "stored": size, "raw": raw}


def requests_loop(base_url: str, hashes: list[str], _: Path) -> dict[str, Any]:
    """Request and decode the pages with one session; store nothing."""
    used = Used()
    pages = entries = 0
    for _, page in _pages(base_url, hashes):
        pages += 1
        entries += len(page["data"])
    return {**used.so_far(), "pages": pages, "entries": entries}


def requests_graph(base_url: str, hashes: list[str], _: Path) -> dict[str, Any]:
    """The same, and build a networkx graph of the pages."""
    used = Used()
    built: nx.DiGraph[str] = nx.DiGraph()
    pages = 0
    for subject, page in _pages(base_url, hashes):
        pages += 1
        _add(built, subject, page["data"])
    spent = used.so_far()
    triples = {
        (subject, reference, name)
        for subject, reference, names in built.edges(data="related_from")
        for name in names or ()
    }
    return {**spent, **_result(pages, triples)}


def _pages(base_url: str, hashes: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    with requests.Session() as session:
        session.headers["x-apikey"] = _KEY
        for subject in hashes:
            cursor = None
            while True:
                query = {"limit": str(LIMIT), **({"cursor": cursor} if cursor else {})}
                address = f"{base_url}/files/{subject}/related_references"
                response = session.get(address, params=query, timeout=60)
                response.raise_for_status()
                page = json.loads(response.content)
                yield subject, page
                cursor = page["meta"].get("cursor")
                if cursor is None:
                    break


def _add(built: nx.DiGraph[str], subject: str, entries: list[dict[str, Any]]) -> None:
    built.add_node(subject, type="file")
    for entry in entries:
        reference = entry["id"]
        built.add_node(reference, type="reference", **entry["attributes"])
        names = set()
        for collection in entry.get("context_attributes", {}).get("related_from", ()):
            names.add(collection["id"])
            built.add_node(collection["id"], type="collection", **collection.get("attributes", {}))
            built.add_edge(reference, collection["id"], relation="related_from")
        built.add_edge(subject, reference, relation="related_references", related_from=names)


def vt_iterator(base_url: str, hashes: list[str], _: Path) -> dict[str, Any]:
    """Iterate over the references with vt-py, the official client; store nothing."""
    used = Used()
    entries = 0
    with vt.Client(_KEY, host=base_url.removesuffix("/api/v3")) as client:
        for subject in hashes:
            path = f"/files/{subject}/related_references"
            entries += sum(1 for _ in client.iterator(path, batch_size=LIMIT))
    return {**used.so_far(), "entries": entries}


CLIENTS: dict[str, Callable[[str, list[str], Path], dict[str, Any]]] = {
    "graphbuild": graphbuild,
    "requests": requests_loop,
    "requests+networkx": requests_graph,
    "vt-py": vt_iterator,
}


# --- results -------------------------------------------------------------------------------------


def _result(pages: int, triples: set[Triple]) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join(map(" ".join, sorted(triples))).encode()).hexdigest()
    return {"pages": pages, "triples": len(triples), "digest": digest}


def _main() -> None:
    name, base_url = sys.argv[1:]
    hashes = json.load(sys.stdin)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = CLIENTS[name](base_url, hashes, Path(folder))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _main()
