"""Random campaigns with all types of subjects and collections, for STIX, MISP and others."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache

from hypothesis import strategies as st

from graphbuild.graph.builder import build_graph
from graphbuild.models import INFERRED, OBSERVED, Entity, Link, Observation, is_object_id
from tests.support.graphs import any_text, odd_ids
from tests.support.paths import DATA


def triples_of(graph):
    """Return the observations of a graph, read from its edges, as keys."""
    return {
        (source, target, None if key == "-" else key, edge.get("provenance", "observed"))
        for source, target, edge in graph.edges(data=True)
        if edge["relation"] == "related_references"
        for key in edge["related_from"]
    }


CORPUS = DATA / "corpus.jsonl"
_ROWS = re.compile(r"(J1[2-6]|I([789]|1[0-3]|2[0-2]))\.")


@cache
def hostile_text_graph():
    """Return a graph with all texts, attributes and ids of the corpus rows about text."""
    rows = [
        row for row in map(json.loads, CORPUS.read_text().splitlines()) if _ROWS.match(row["id"])
    ]
    known = [each for row in rows for each in _read_row(row)]
    assert len(known) > 150
    long = {"title": "x" * 65_536, "name": "y\u0301" * 32_768}
    return build_graph(
        Observation(
            Entity("file", f"{n % 3:064x}", {"meaningful_name": each.get("title", "")}),
            Entity("reference", f"{n:064x}", each),
            Entity("collection", behind, each),
        )
        for n, (each, ids) in enumerate([*known, (long, [])])
        for behind in (f"c{n}", *ids)
    )


def _read_row(row):
    """Yield the attributes of a row's first reference and its collection ids, if it is JSON."""
    if row["kind"] == "title":
        yield {row["field"]: row["text"]}, []
        return
    try:
        page = json.loads(row["answers"][0]["text"])
    except (KeyError, ValueError):
        return
    for item in page["data"][:1]:
        known = {n: v for n, v in item["attributes"].items() if isinstance(v, str | int | float)}
        behind = [each["id"] for each in item["context_attributes"]["related_from"]]
        yield known, list(filter(is_object_id, behind))


def _hashes(digits):
    return st.text("0123456789abcdef", min_size=digits, max_size=digits)


_few = st.integers(0, 5)
_URLS = ("http://evil.example/", "https://evil.example/a?b=c#d", "http://[::1", "javascript:x", "")
_known_of_files = st.fixed_dictionaries(
    {},
    optional={
        "md5": _few.map(lambda n: f"{n:032x}") | any_text,
        "sha256": _hashes(64) | any_text,
        "size": st.integers(-1, 2**54),
        "meaningful_name": any_text,
        "seed": st.booleans(),
        "state": st.sampled_from(["complete", "pending"]),
        "seed_note": any_text,
    },
)
_known = st.fixed_dictionaries(
    {},
    optional={
        "title": any_text,
        "name": any_text,
        "url": any_text | st.sampled_from(_URLS),
        "link": any_text,
        "creation_date": st.integers() | st.integers(0, 2_000_000_000),
        "last_modification_date": st.integers(0, 2_000_000_000),
        "collection_type": any_text
        | st.sampled_from(["malware-family", "campaign", "threat-actor", "software-toolkit"])
        | st.sampled_from(["vulnerability", "report", "collection"]),
    },
)
_files = st.builds(
    Entity,
    st.just("file"),
    _few.map(lambda n: f"{n:064x}") | _few.map(lambda n: f"{n:032x}") | _hashes(40) | odd_ids,
    _known_of_files,
)
_names = st.sampled_from(
    [
        Entity("domain", "evil.example"),
        Entity("domain", "xn--pple-43d.example", {"seed": True}),
        Entity("domain", "no domain"),
        Entity("ip_address", "198.51.100.7"),
        Entity("ip_address", "2001:db8::1"),
        Entity("ip_address", "none"),
        Entity("ip_address", "evil.example"),
    ]
)
_urls = st.sampled_from(_URLS).map(
    lambda text: Entity(
        "url", hashlib.sha256(text.encode()).hexdigest(), {"url": text} if text else {}
    )
)
_references = st.builds(
    Entity, st.just("reference"), _few.map(lambda n: f"{n:064x}") | odd_ids, _known
)
_IDS = st.sampled_from(
    [
        "malpedia_win_emotet",
        "alienvault_64edfc5ab93abb1407070292",
        "malware--350aa703-7750-5e07-997b-476375955828",
        "campaign--24f96f40-b2fa-512c-b1da-2f22a949d12d",
        "threat-actor--bcaaad6f-0597-4b89-b69b-84a6be2b7bc3",
        "report--24-10072685",
        "vulnerability--cve-2022-30190",
        "a;b,c|d",
    ]
)
_collections = st.builds(
    Entity, st.sampled_from(["collection", "collection", "threat_actor", "x-odd"]), _IDS, _known
)
_observations = st.builds(
    Observation,
    _files | _names | _urls,
    _references,
    st.none() | _collections | _references,
    st.sampled_from([OBSERVED, INFERRED]),
)
_listed = st.sampled_from(["files", "references"])
_links = st.builds(Link, _collections, _listed, _files | _references)


@st.composite
def campaigns(draw):
    """Draw the graph of a small campaign with inferred observations and deeper levels."""
    return build_graph(
        draw(st.lists(_observations, max_size=8)),
        subjects=draw(st.lists(_files | _names | _urls | _collections | _references, max_size=3)),
        links=draw(st.lists(_links, max_size=3)),
    )
