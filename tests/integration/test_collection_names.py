"""Two collections of one name have different labels in every output."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.shell import Shell

FILES = ("ab" * 32, "cd" * 32, "ef" * 32)
PARTNER, GOOGLE = "malpedia_win_emotet", "malware--f1151a22-9d9c-589d-90ad-1157ea90033e"
LABELS = {
    PARTNER: "Emotet (malpedia)",
    GOOGLE: "Emotet (malware family, Google Threat Intelligence)",
}
REFERENCES = {"01" * 32: PARTNER, "02" * 32: PARTNER, "03" * 32: GOOGLE, "04" * 32: GOOGLE}
STATED = {"collection_type": "malware-family", "origin": "Google Threat Intelligence"}


def page_of(file):
    """Return a response; the first file has all references, the others those of a collection."""
    kept = {FILES[0]: {PARTNER, GOOGLE}, FILES[1]: {PARTNER}, FILES[2]: {GOOGLE}}[file]
    items = [
        {
            "type": "reference",
            "id": reference,
            "attributes": {"url": f"https://blog.example/2024/{reference[:2]}.html"},
            "context_attributes": {
                "related_from": [
                    {
                        "type": "collection",
                        "id": collection,
                        "attributes": {
                            "name": "Emotet",
                            **(STATED if collection == GOOGLE else {}),
                        },
                    }
                ]
            },
        }
        for reference, collection in REFERENCES.items()
        if collection in kept
    ]
    link = f"https://www.virustotal.com/api/v3/files/{file}/related_references?limit=40"
    return {"data": items, "meta": {"count": len(items)}, "links": {"self": link}}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A shell in a folder with a campaign file of imported pages and its exports."""
    folder = tmp_path_factory.mktemp("names")
    for file in FILES:
        (folder / f"{file[:2]}.json").write_text(json.dumps(page_of(file)))
    shell = Shell(folder)
    assert shell("import", "--store", "c.db", *folder.glob("*.json")).returncode == 0
    done = shell("export", "--store", "c.db", "--out", "out", "--to", ",".join(FORMATS))
    assert done.returncode == 0, done.stderr
    return shell


FORMATS = {
    "html": "graph.html",
    "graphml": "graph.graphml",
    "gexf": "graph.gexf",
    "csv": "nodes.csv",
    "stix": "graph.stix.json",
    "misp": "graph.misp.json",
    "json": "graph.json",
    "cytoscape": "graph.cyjs",
    "dot": "graph.dot",
}


@pytest.mark.parametrize("name", FORMATS.values(), ids=FORMATS)
def test_exports_contain_both_labels(campaign, name):
    (path,) = (campaign.folder / "out").glob(name)
    text = path.read_text()
    assert all(label in text for label in LABELS.values())


@pytest.mark.parametrize(
    "command",
    [("communities",), ("bridges",), ("explain", *LABELS.values())],
    ids=["communities", "bridges", "explain"],
)
def test_commands_show_both_labels(campaign, command):
    done = campaign(*command, "--store", "c.db")
    assert done.returncode == 0, done.stderr
    shown = re.sub(r"\s+", " ", done.stdout)
    assert "Emotet (malpedia)" in shown
    assert "Emotet (malware family, Google Thr" in shown  # tables shorten labels


def test_the_report_contains_both_labels(campaign):
    done = campaign("report", "--store", "c.db", "--out", "report")
    assert done.returncode == 0, done.stderr
    text = (campaign.folder / "report" / "report.html").read_text()
    assert all(label in text for label in LABELS.values())


def test_a_shared_name_is_refused_with_both_keys(campaign):
    done = campaign("explain", "Emotet", FILES[0], "--store", "c.db")
    assert done.returncode != 0
    assert all(f"collection:{each}" in done.stderr for each in LABELS)


def test_references_without_a_title_have_their_address(campaign):
    text = (campaign.folder / "out" / "graph.graphml").read_text()
    assert text.count('<data key="label">blog.example/…/') == len(REFERENCES)
