"""Import of saved responses: folders, gzip, several pages per file, objects of vt-cli and vt-py."""

from __future__ import annotations

import json
import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import vt
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.emulator import Api, generate_family_world, generate_world
from graphbuild.models import (
    ASSOCIATIONS,
    COMPLETE,
    DOMAINS,
    FILES,
    INCOMPLETE,
    REFERENCES,
    RELATED_REFERENCES,
    Entity,
)
from graphbuild.store import Store, find_damage, saved_responses
from graphbuild.store.importer import import_responses, read_responses
from graphbuild.store.saved_responses import MAX_REJECTED
from tests.support.archives import gzip_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shell import Shell

FILE = "a1" * 32
WORLD = generate_family_world(2, 90)


def fetch(world, path, *, limit=40, **options):
    """Return the bodies of all pages of a list."""
    api, bodies = Api(world, **options), []
    target = f"/api/v3{path}?limit={limit}"
    while target:
        response = api.respond("GET", target, {"x-apikey": "k"})
        assert response.status == 200, response.body
        bodies.append(response.body)
        following = json.loads(response.body)["links"].get("next")
        target = following and following.partition("virustotal.com")[2]
    return bodies


PAGES = [
    body
    for digest in WORLD.hashes()
    for body in fetch(WORLD, f"/files/{digest}/related_references")
]
OBJECTS = [item for body in PAGES[:3] for item in json.loads(body)["data"]]


@pytest.fixture
def write(tmp_path: Path):
    """Return a function that writes text or bytes to a file and returns its path."""

    def write_file(content, name="page.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def contents(store):
    """Return the observations and links of a store, and the states of its lists."""
    triples = {
        (each.subject.key, each.reference.key, each.related_from and each.related_from.key)
        for each in store.observations()
    }
    links = {(each.source.key, each.relationship, each.target.key) for each in store.links()}
    states = {(each.subject.key, each.relationship, each.state) for each in store.statuses()}
    return triples, links, states


def expected_triples(world):
    return {
        (f"file:{file}", f"reference:{reference}", collection and f"collection:{collection}")
        for file, reference, collection in world.triples()
    }


def import_into(folder, paths, subject=None, relationship=RELATED_REFERENCES):
    """Import files into a new campaign file; return its contents and the rejected files."""
    pages, rejected = read_responses(paths, subject, relationship)
    with Store.open(folder / f"{len(list(folder.iterdir()))}.db") as store:
        import_responses(store, pages)
        assert list(find_damage(store)) == []
        return contents(store), rejected


# --- containers of pages -------------------------------------------------------------------------


def _pretty(body):
    return json.dumps(json.loads(body), indent=2).encode()


_ARRANGEMENTS = [
    ("lines.jsonl", b"\n".join),
    ("lines.json", lambda bodies: b"\r\n\r\n".join(bodies) + b"\n"),
    ("one-line.json", b"".join),
    ("pretty.json", lambda bodies: b"\n".join(map(_pretty, bodies))),
    ("array.json", lambda bodies: b"[" + b",".join(bodies) + b"]"),
    ("pretty-array.json", lambda bodies: b"[\n " + b" ,\n".join(map(_pretty, bodies)) + b"\n]\n"),
    ("arrays.json", lambda bodies: b"\n".join(b"[" + each + b"]" for each in bodies)),
    ("bom.json", lambda bodies: b"\xef\xbb\xbf" + b"\n".join(bodies)),
]


@given(
    order=st.permutations(range(len(PAGES))),
    cut=st.integers(0, len(PAGES)),
    arrangements=st.tuples(st.sampled_from(_ARRANGEMENTS), st.sampled_from(_ARRANGEMENTS)),
    compressed=st.booleans(),
    in_folder=st.booleans(),
)
def test_pages_in_any_arrangement_are_the_same_pages(
    tmp_path_factory, order, cut, arrangements, *, compressed, in_folder
):
    folder = tmp_path_factory.mktemp("import")
    bodies = [PAGES[number] for number in order]
    paths = []
    for part, (name, arrange) in zip((bodies[:cut], bodies[cut:]), arrangements, strict=True):
        if part:
            content = arrange(part)
            paths.append(folder / f"{len(paths)}{name}{'.gz' if compressed else ''}")
            paths[-1].write_bytes(gzip_of(content) if compressed else content)
    pages, rejected = read_responses([folder] if in_folder else paths)
    assert rejected == []
    assert [json.loads(page.body) for page in pages] == [json.loads(body) for body in bodies]


@pytest.mark.parametrize(("name", "arrange"), _ARRANGEMENTS)
def test_pages_in_one_file_are_a_complete_campaign(tmp_path, write, name, arrange) -> None:
    path = write(arrange(PAGES[::-1]), name)
    (triples, links, states), rejected = import_into(tmp_path, [path])
    assert rejected == []
    assert triples == expected_triples(WORLD)
    assert links == set()
    assert states == {(f"file:{each}", RELATED_REFERENCES, COMPLETE) for each in WORLD.hashes()}


def test_a_folder_is_read_in_order_without_other_files(shell: Shell) -> None:
    folder = shell.folder / "saved"
    for number, body in enumerate(PAGES[:3]):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "page.JSON").write_bytes(body)
    (folder / "notes.txt").write_text("no JSON")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.json")
    process = shell("import", "saved", "--store", "c.db")
    assert process.returncode == 0, process.stderr
    assert "3 pages imported, 0 already stored, 0 refused" in process.stdout
    again = shell("import", "saved", "saved/0/page.JSON", "--store", "c.db")
    assert "0 pages imported, 4 already stored, 0 refused" in again.stdout


def test_a_folder_without_json_files_is_refused(shell: Shell) -> None:
    (shell.folder / "empty").mkdir()
    process = shell("import", "empty", "--store", "c.db")
    assert process.returncode == 1
    assert "not imported: empty: contains no .json, .jsonl or .ndjson files" in process.stderr


def test_valid_parts_of_a_file_are_imported_and_the_others_are_reported(shell: Shell) -> None:
    lines = [PAGES[0], b'{"data": []}', b"{cut", PAGES[1], b'"text"', PAGES[2], b""]
    (shell.folder / "pages.jsonl").write_bytes(b"\n".join(lines))
    process = shell("import", "pages.jsonl", "--store", "c.db", "--json")
    assert process.returncode == 4
    found = json.loads(process.stdout)["import"]
    assert (found["pages"], found["new"], found["refused"]) == (3, 3, 3)
    reasons = [each["reason"] for each in found["refused_files"]]
    assert [each.partition(":")[0] for each in reasons] == ["line 2", "line 3", "line 5"]


# --- objects of vt-cli and vt-py -----------------------------------------------------------------


def vt_py(item):
    """Return an object of the API as the official client for Python converts it."""
    return vt.Object.from_dict(item).to_dict()


def vt_cli(item):
    """Return an object as ``vt`` prints it with ``--format json``."""
    found = {"_id": item["id"], "_type": item["type"], **item.get("attributes", {})}
    if "context_attributes" in item:
        found["_context_attributes"] = item["context_attributes"]
    return found


@given(
    st.lists(st.sampled_from(OBJECTS), min_size=1, max_size=12, unique_by=lambda item: item["id"]),
    st.sampled_from([dict, vt_py, vt_cli]),
    st.sampled_from(
        [
            lambda items: json.dumps(items, default=str),
            lambda items: json.dumps(items, indent=2, default=str),
            lambda items: "\n".join(json.dumps(each, default=str) for each in items),
        ]
    ),
)
def test_objects_of_a_list_are_imported_for_a_subject(tmp_path_factory, items, convert, encode):
    path = tmp_path_factory.mktemp("objects") / "objects.json"
    path.write_text(encode([*map(convert, items)]))
    (page,), rejected = read_responses([path], Entity("file", FILE))
    assert rejected == []
    assert [
        (entry.reference.id, entry.reference.attributes["title"], [each.id for each in entry[1]])
        for entry in page.page.entries
    ] == [
        (
            item["id"],
            item["attributes"]["title"],
            [related["id"] for related in item["context_attributes"]["related_from"]],
        )
        for item in items
    ]


@pytest.mark.parametrize("convert", [vt_py, vt_cli])
def test_a_list_of_printed_objects_is_incomplete(tmp_path, write, convert) -> None:
    # Neither tool prints the length of the list, and vt-cli prints 10 objects by default.
    path = write(json.dumps([*map(convert, OBJECTS)], default=str))
    subject = Entity("file", WORLD.hashes()[0])
    (triples, _, states), _ = import_into(tmp_path, [path], subject)
    assert triples == {each for each in expected_triples(WORLD) if each[0] == subject.key}
    assert states == {(subject.key, RELATED_REFERENCES, INCOMPLETE)}


def test_objects_do_not_change_a_complete_list(write, tmp_path) -> None:
    subject = Entity("file", WORLD.hashes()[0])
    paths = [write(body, f"{number}.json") for number, body in enumerate(PAGES[:3])]
    objects = write(json.dumps(OBJECTS[:5]), "objects.json")
    for order in ([*paths, objects], [objects, *paths]):
        (_, _, states), _ = import_into(tmp_path, order, subject)
        assert states == {(subject.key, RELATED_REFERENCES, COMPLETE)}


def test_many_objects_are_several_pages(write) -> None:
    items = [{"type": "reference", "id": f"{number:064x}"} for number in range(2_500)]
    pages, rejected = read_responses([write(json.dumps(items))], Entity("file", FILE))
    assert rejected == []
    assert [page.page.item_count for page in pages] == [1_000, 1_000, 500]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "contains objects of a list without their subject; pass the subject"),
        (["--subject", FILE, "--relationship", "files"], "a list of files contains no 'reference'"),
        (["--subject", "collection:c", "--relationship", "related_references"], "of a collection"),
        (["--subject", "collection:a b"], "is not a"),
    ],
)
def test_objects_without_the_right_subject_or_relationship_are_refused(
    shell: Shell, options, message
) -> None:
    (shell.folder / "objects.json").write_text(json.dumps(OBJECTS))
    process = shell("import", "objects.json", "--store", "c.db", *options)
    assert process.returncode in {1, 2}
    assert message in process.stderr


def test_an_unknown_relationship_is_refused_with_the_known_ones(shell: Shell) -> None:
    process = shell("import", "x.json", "--store", "c.db", "--relationship", "comments")
    assert process.returncode == 2
    assert "related_references" in process.stderr
    assert not (shell.folder / "c.db").exists()


def test_objects_of_a_collection_are_imported(shell: Shell) -> None:
    items = [{"_id": f"{number:064x}", "_type": "file"} for number in range(3)]
    (shell.folder / "files.json").write_text(json.dumps(items))
    options = ["--subject", "collection:malpedia_x", "--relationship", "files"]
    process = shell("import", "files.json", "--store", "c.db", *options)
    assert process.returncode == 0, process.stderr
    with Store.read(shell.folder / "c.db") as store:
        links = {(each.source.key, each.relationship, each.target.id) for each in store.links()}
    assert links == {("collection:malpedia_x", FILES, item["_id"]) for item in items}


# --- other relationships -------------------------------------------------------------------------


def test_every_list_that_a_crawl_requests_can_be_imported(tmp_path) -> None:
    world = generate_world(3, direct_references_per_campaign=6)
    collection = next(iter(world.collections.values())).id
    file = world.hashes()[0]
    lists = [(f"/collections/{collection}", name) for name in (FILES, REFERENCES, DOMAINS)]
    lists += [(f"/files/{file}", name) for name in (RELATED_REFERENCES, REFERENCES)]
    paths = []
    for path, name in lists:
        for body in fetch(world, f"{path}/{name}"):
            paths.append(tmp_path / f"{len(paths)}.json")
            paths[-1].write_bytes(body)
    (triples, links, states), rejected = import_into(tmp_path, paths)
    assert rejected == []
    assert {state for _, _, state in states} == {COMPLETE}
    assert {(key, name) for key, name, _ in states} == {
        (f"{'file' if 'files/' in path else 'collection'}:{path.rpartition('/')[2]}", name)
        for path, name in lists
    }
    assert {target for source, name, target in links if name == FILES} == {
        f"file:{each}" for each in world.members(collection)
    }
    assert triples >= {each for each in expected_triples(world) if each[0] == f"file:{file}"}


def test_the_names_of_google_threat_intelligence_are_read(tmp_path) -> None:
    file = WORLD.hashes()[0]
    bodies = fetch(WORLD, f"/files/{file}/related_reports", api_flavor="gti")
    for number, body in enumerate(bodies):
        (tmp_path / f"{number}.json").write_bytes(body)
    (triples, _, states), rejected = import_into(tmp_path, sorted(tmp_path.glob("*.json")))
    assert rejected == []
    assert states == {(f"file:{file}", RELATED_REFERENCES, COMPLETE)}
    assert len(triples) == 90


def test_a_list_that_no_crawl_requests_is_refused(write) -> None:
    link = f"https://www.virustotal.com/api/v3/files/{FILE}/associations"
    pages, (rejected,) = read_responses([write(json.dumps({"data": [], "links": {"self": link}}))])
    assert pages == []
    assert f"a page of {ASSOCIATIONS}, which a crawl does not request" in rejected.reason


# --- hostile files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip_of(PAGES[0])[:-10], "the gzip file is damaged or incomplete"),
        (b"\x1f\x8bnonsense", "the gzip file is damaged or incomplete"),
        (b"[" + PAGES[0] + b" " + PAGES[1] + b"]", "Expecting ','"),
        (b"[" + PAGES[0], "an array is incomplete"),
        (b"[" * 100_000, "nested deeper than 64"),
        (b'{"data":' * 100_000, "nested deeper than 64"),
        (b"[" + b"9" * 10_000 + b"]", "a number with too many digits"),
        (b"\n[" + b"{}," * 1_000_001, "contains more than 1,000,000 values"),
        (b"- _id: x\n  _type: reference\n", "run vt with --format json"),
        (b"SQLite format 3\0", "is not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_invalid_file_is_refused_with_the_reason(write, content, reason) -> None:
    _, rejected = read_responses([write(content)])
    assert reason in rejected[-1].reason


@pytest.mark.parametrize(
    ("unit", "count", "reason"),
    [
        (b"a" * 2**20, 200, "is larger than 32 MiB"),
        (b"{}\n" * 2**18, 200, "has too many errors"),
        (b'"a"\n' + b"\n" * 2**20, 20, "contains more than 10,000 empty lines"),
        (b'"a"' + b" " * 2**20 + b"\n", 80, "expands to more than 100 times"),
    ],
    ids=["line", "documents", "empty lines", "spaces"],
)
def test_a_gzip_bomb_is_refused_in_little_memory(write, unit, count, reason) -> None:
    packed = gzip_of(unit)
    path = write(packed * count, "bomb.jsonl.gz")
    tracemalloc.start()
    pages, rejected = read_responses([path])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert pages == []
    assert reason in rejected[-1].reason
    assert len(rejected) <= MAX_REJECTED + 1
    assert peak < 150 * 2**20


def test_a_folder_of_invalid_files_is_not_read_to_its_end(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(saved_responses, "MAX_REJECTED_IN_FOLDER", 20)
    for number in range(50):
        (tmp_path / f"{number}.json").write_text("{}")
    _, rejected = read_responses([tmp_path])
    assert len(rejected) == 21
    assert rejected[-1].path == tmp_path
    assert "too many invalid files" in rejected[-1].reason


def test_nested_folders_are_read(tmp_path) -> None:
    folder = tmp_path.joinpath(*["d"] * 200)
    folder.mkdir(parents=True)
    (folder / "page.json").write_bytes(PAGES[0])
    pages, _ = read_responses([tmp_path])
    assert len(pages) == 1


def test_a_long_file_of_lines_is_read_in_parts(write) -> None:
    line = json.dumps({"data": [], "links": {"self": f"/files/{FILE}/related_references"}})
    path = write(f"{line}{' ' * 100_000}\n" * 400)  # 40 MB; one line must have at most 32 MiB
    pages, rejected = read_responses([path])
    assert (len(pages), rejected) == (400, [])
