"""Graphs for the browser tests: synthetic campaigns and, if present, the real sample."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "sample" / "observations.jsonl"
_VENDORS = ("talos", "eset", "unit42", "mandiant", "cisa", "proofpoint")
_NAMES = ("Sednit", "Turla", "Lazarus", "Emotet", "OceanLotus", "MuddyWater", "Kimsuky")
SVG = "{http://www.w3.org/2000/svg}"  # prefix of element names in a saved SVG image


def file(name, state="complete"):
    return Entity("file", _digest(name), {"seed": True, "state": state})


def report(name, **attributes):
    return Entity("reference", _digest(name), {"title": name, **attributes})


def collection(name):
    return Entity("collection", name.lower().replace(" ", "_"), {"name": name})


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def large_campaign(seed=1):
    """Return a graph of about 500 nodes: 4 files with 240 references, and six linked campaigns."""
    rng = random.Random(seed)
    observations = _campaign(rng, 0, files=4, reports=240, shared=[])
    shared = [observation.reference for observation in observations]
    for number in range(1, len(_NAMES)):
        size = {"files": rng.randint(2, 12), "reports": rng.randint(15, 45)}
        observations += _campaign(rng, number, **size, shared=shared)
    alone = [file(f"alone {n}", "failed" if n % 3 == 0 else "complete") for n in range(8)]
    observations += [Observation(one, report(f"About {one.id[:4]}"), None) for one in alone[:3]]
    return build_graph(observations, subjects=alone)


def many_families(count, seed=1):
    """Return a graph of families: 25 files and up to 60 references each, some of them shared."""
    rng = random.Random(seed)
    observations = []
    for number in range(count):
        kit, year = collection(f"Family {number}"), collection(f"Family {number} in brief")
        reports = [_report(rng, f"Family {number}", n) for n in range(rng.randint(15, 60))]
        reports += [_report(rng, "Round-up", rng.randrange(20))]
        for n in range(25):
            parts = rng.sample([kit, year], rng.randint(1, 2))
            one = file(f"family {number} file {n}")
            observations += [Observation(one, about, part) for part in parts for about in reports]
    return build_graph(observations)


def one_family(reports):
    """Return a graph of two files; one has ``reports`` references, and shares one of them."""
    dates = (
        {"creation_date": 1_500_000_000 + n * 900_000} if n % 2 else {} for n in range(reports)
    )
    found = [report(f"Report {n}", **date) for n, date in enumerate(dates)]
    red = collection("Red")
    observations = [Observation(file("one"), about, red) for about in found]
    return build_graph([*observations, Observation(file("two"), found[0], None)])


def _campaign(rng, number, *, files, reports, shared):
    name = _NAMES[number]
    references = [_report(rng, name, index) for index in range(reports)]
    references += rng.sample(shared, min(len(shared), 4))
    halves = {collection(f"{name} toolset"): references[: len(references) // 2 + 3]}
    halves[collection(f"{name} 2019 activity")] = references[len(references) // 2 - 3 :]
    if not shared:
        halves = {collection(name): references}
    found = []
    for index in range(files):
        mine = rng.sample(list(halves), rng.randint(1, len(halves)))
        one = file(f"{name} {index}")
        found += [Observation(one, about, part) for part in mine for about in halves[part]]
    return found


def _report(rng, name, index):
    attributes = {"url": f"https://{rng.choice(_VENDORS)}.example/blog/{name.lower()}/{index}"}
    if rng.random() < 0.4:
        attributes["creation_date"] = rng.randrange(1_300_000_000, 1_700_000_000)
    title = f"{rng.choice(('Inside', 'Tracking', 'A look at'))} {name}, part {index}"
    if rng.random() < 0.7:
        attributes["title"] = title
    return Entity("reference", _digest(title), attributes)


def sample_campaign():
    """Return the graph of the real sample. A file has the references of its collections."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    references = [_sample_report(row) for row in rows if row["k"] == "r"]
    collections = [row for row in rows if row["k"] == "c"]
    return build_graph(
        Observation(
            file(row.get("sha256") or row.get("sha1") or row["md5"]),
            references[number],
            Entity("collection", collections[part]["id"], {"name": collections[part]["name"]}),
        )
        for row in rows
        if row["k"] == "f"
        for part in (*row.get("c", []), *row.get("n", []))
        for number in collections[part]["r"]
    )


def _sample_report(row):
    names = {"url": "url", "title": "title", "author": "author", "date": "creation_date"}
    attributes = {name: row[api_name] for api_name, name in names.items() if api_name in row}
    return Entity("reference", _digest(row["url"]), attributes)
