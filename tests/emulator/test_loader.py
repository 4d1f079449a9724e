"""Loading worlds from JSON lines."""

import hashlib
import json

import pytest

import graphbuild.emulator as em
from tests.support.paths import SHARED

SAMPLE = SHARED / "data" / "sample"
BASE_URL = "https://www.virustotal.com/api/v3"
MD5 = "3" * 32

LINES = (
    '{"k":"meta","format":1}',
    '{"k":"s","i":0}',
    '{"k":"r","i":0,"url":"https://r.example/a","title":"A","author":"Me","date":5}',
    '{"k":"r","i":1,"url":"https://r.example/b"}',
    '{"k":"c","i":0,"id":"one","name":"One","kind":"report","origin":"Us","r":[0]}',
    '{"k":"c","i":1,"id":"two","name":"Two","r":[0]}',
    f'{{"k":"f","md5":"{MD5}","c":[1],"n":[0,1],"r":[1]}}',
)


def sha(url):
    return hashlib.sha256(url.encode()).hexdigest()


def get(api, path):
    response = api.respond("GET", f"/api/v3{path}", {"X-ApiKey": "k"})
    return response.status, json.loads(response.body)


def get_pages(api, path):
    pages = [get(api, path)[1]]
    while "next" in pages[-1]["links"]:
        pages.append(get(api, pages[-1]["links"]["next"].removeprefix(BASE_URL))[1])
    return pages


def test_load_world(tmp_path):
    path = tmp_path / "world.jsonl"
    path.write_text("\n".join(LINES))
    world = em.load_world(path)
    reference = sha("https://r.example/a")
    assert world.triples() == {(MD5, reference, "one"), (MD5, reference, "two")}
    assert world.file(MD5).collections == ("two", "one")
    assert world.file(MD5).references == (sha("https://r.example/b"),)
    assert list(world.references[reference].attributes) == ["creation_date", "author", "title"]


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (1, "{"),
        (2, "[]"),
        (2, '{"k":"x"}'),
        (3, '{"k":"r","i":0}'),
        (3, '{"k":"r","i":0,"url":5}'),
        (5, '{"k":"c","i":0,"id":"one","name":"One","r":[9]}'),
        (5, '{"k":"c","i":0,"id":"one","name":"One","r":5}'),
        (7, '{"k":"f","c":[1]}'),
        (7, f'{{"k":"f","md5":"{MD5}","c":[7]}}'),
        (7, '{"k":"f","md5":5}'),
        (7, '{"k":"f","md5":"\udcff"}'),
    ],
)
def test_errors_contain_the_line_number(tmp_path, number, line):
    path = tmp_path / "world.jsonl"
    text = "\n".join([*LINES[: number - 1], line, "", *LINES[number:]])
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=rf"^line {number}: "):
        em.load_world(path)


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample data is not available")
def test_the_real_sample_gives_its_recorded_figures_and_pages():
    world = em.load_world(SAMPLE / "observations.jsonl")
    api = em.Api(world)
    assert (len(world.files), len(world.references), len(world.collections)) == (60, 151, 14)
    assert world.hashes() == (SAMPLE / "hashes.txt").read_text().split()
    for name in world.hashes():
        get_pages(api, f"/files/{name}/related_references?limit=40")
    assert api.calls == 69
    assert len(world.triples()) == 1494
    assert len({triple[:2] for triple in world.triples()}) == 1434
    for path in (SAMPLE / "api").glob("*.json"):
        expected = json.loads(path.read_bytes())
        assert get(api, expected["links"]["self"].removeprefix(BASE_URL)) == (200, expected)
