"""MISP: events are checked with pymisp, its object templates and attribute types."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import pymisp
import pytest
from hypothesis import HealthCheck, given, settings

from graphbuild.exporters import export
from graphbuild.exporters.misp import write_misp
from graphbuild.graph.builder import build_graph
from graphbuild.models import INFERRED, Entity, Observation
from graphbuild.seeds import read_seeds
from tests.support.graphs import (
    BARE,
    EMOTET,
    GANG,
    HOSTILE,
    LOADER,
    OBSERVATIONS,
    OTHERS,
    REPORT,
    TALK,
    UNKNOWN,
    campaign,
    with_title,
)
from tests.support.mixed_campaigns import campaigns, hostile_text_graph, triples_of

TEMPLATES = Path(pymisp.__file__).parent / "data" / "misp-objects" / "objects"


def write_bytes(graph, **options):
    stream = io.BytesIO()
    write_misp(graph, stream, **options)
    return stream.getvalue().decode()


def event_of(graph, **options):
    """Return the event as read by pymisp."""
    event = pymisp.MISPEvent()
    event.load(write_bytes(graph, **options))
    return event


def by_key(event):
    return {each.comment: each for each in event.objects}


def values(each):
    return {attribute.object_relation: attribute.value for attribute in each.attributes}


def triples_in(event):
    """Return the observations, parsed from the comments of object references."""
    keys = {each.uuid: each.comment for each in event.objects}
    return {
        (
            key,
            keys[reference.referenced_uuid],
            None if collection == "-" else collection,
            provenance,
        )
        for key, each in by_key(event).items()
        for reference in each.references
        if reference.comment.startswith("related_references; ")
        for relation, provenance, collections in [reference.comment.split("; ")]
        for collection in collections.split(" ")
    }


def reject_invalid_misp(event):
    """Check attributes against the MISP types and categories, and objects against templates."""
    types = event.describe_types
    names = [each.uuid for each in event.objects]
    for each in event.objects:
        definition = json.loads((TEMPLATES / each.name / "definition.json").read_text())
        assert (each.template_uuid, each.template_version) == (
            definition["uuid"],
            str(definition["version"]),
        )
        assert each["meta-category"] == definition["meta-category"]
        relations = {attribute.object_relation for attribute in each.attributes}
        assert relations <= set(definition["attributes"])
        assert set(definition.get("required", ())) <= relations
        assert not definition.get("requiredOneOf") or relations & set(definition["requiredOneOf"])
        for attribute in each.attributes:
            template = definition["attributes"][attribute.object_relation]
            assert attribute.type == template["misp-attribute"]
            assert attribute.type in types["category_type_mappings"][attribute.category]
            assert attribute.category in template.get("categories", [attribute.category])
            assert attribute.value == attribute.value.strip() != ""
            assert len(attribute.value.encode()) < 65_536
            names.append(attribute.uuid)
        names += [reference.uuid for reference in each.references]
        for reference in each.references:
            assert reference.referenced_uuid in names or reference.referenced_uuid in {
                other.uuid for other in event.objects
            }
    assert len(set(names)) == len(names)


# --- the event -----------------------------------------------------------------------------------


def test_the_event_is_private_and_dated_by_the_data():
    event = event_of(campaign())
    assert (event.distribution, event.threat_level_id, event.published) == (0, 4, False)
    assert event.date.isoformat() == "2018-01-12"
    assert event.info == (
        "VirusTotal references, from graphbuild: file 3, reference 3, collection 2"
    )
    assert event_of(build_graph([])).date.isoformat() == "1970-01-01"


def test_the_name_of_the_event_counts_the_subjects_that_are_not_complete():
    graph = campaign()
    files = [node for _, node in graph.nodes(data=True) if node["type"] == "file"]
    for node, state in zip(files, ("short", "complete", "pending"), strict=True):
        node["state"] = state
    assert event_of(graph).info.endswith("collection 2; not complete: 1 pending, 1 short")


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_pymisp_reads_every_object_and_comments_contain_the_triples(graph):
    with silence():
        event = event_of(graph)
    reject_invalid_misp(event)
    assert set(by_key(event)) == set(graph)
    assert triples_in(event) == triples_of(graph)


class silence:  # noqa: N801  reads as a word
    """Warnings of the library are failures."""

    def __enter__(self):
        self.handler = logging.Handler()
        self.handler.emit = lambda record: pytest.fail(record.getMessage())
        logging.getLogger("pymisp").addHandler(self.handler)

    def __exit__(self, *_):
        logging.getLogger("pymisp").removeHandler(self.handler)


def test_every_title_of_the_corpus_is_an_attribute():
    event = event_of(with_title(*HOSTILE))
    reject_invalid_misp(event)
    titles = [values(each)["title"] for each in event.objects if each.name == "report"]
    assert len(titles) == len(HOSTILE)
    assert not {*map(chr, range(32)), "\ufffe", "\u202e"} & set("".join(titles))


def test_every_bad_text_of_the_corpus_is_accepted():
    with silence():
        event = event_of(hostile_text_graph())
    reject_invalid_misp(event)
    assert triples_in(event) == triples_of(hostile_text_graph())


def test_comments_contain_the_observations():
    assert triples_in(event_of(campaign())) == {
        (o.subject.key, o.reference.key, o.related_from and o.related_from.key, "observed")
        for o in OBSERVATIONS
    }


def test_ids_depend_on_the_seeds():
    seeds = [EMOTET, UNKNOWN]
    first = event_of(build_graph([], subjects=seeds))
    grown = event_of(build_graph(OBSERVATIONS, subjects=seeds))
    other = event_of(build_graph(OBSERVATIONS, subjects=[EMOTET]))
    assert first.uuid == grown.uuid != other.uuid
    assert not {each.uuid for each in grown.objects} & {each.uuid for each in other.objects}
    assert {each.uuid for each in first.objects} < {each.uuid for each in grown.objects}


# --- the objects ---------------------------------------------------------------------------------


def test_objects_of_files_reports_and_collections():
    found = {key: (each.name, values(each)) for key, each in by_key(event_of(campaign())).items()}
    assert found == {
        EMOTET.key: ("file", {"sha256": EMOTET.id, "size-in-bytes": "5120"}),
        LOADER.key: ("file", {"sha1": LOADER.id, "filename": "load & run.exe"}),
        UNKNOWN.key: ("file", {"md5": UNKNOWN.id}),
        REPORT.key: (
            "report",
            {
                "title": "Emotet – a <i>history</i> & more",
                "link": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
            },
        ),
        TALK.key: ("report", {"title": "LODEINFO at 10:00"}),
        BARE.key: ("report", {"title": "454545454545…"}),
        GANG.key: ("malware", {"name": "win.emotet", "is_family": "1"}),
        OTHERS.key: (
            "internal-reference",
            {"identifier": "alienvault_5a5", "type": "grouping", "comment": "Spam run"},
        ),
    }


@pytest.mark.parametrize(
    ("entity", "name", "expected"),
    [
        (Entity("domain", "evil.example"), "domain-ip", {"domain": "evil.example"}),
        (Entity("ip_address", "198.51.100.7"), "domain-ip", {"ip": "198.51.100.7"}),
        (
            Entity("url", "0" * 64, {"url": "http://a.example/"}),
            "url",
            {"url": "http://a.example/"},
        ),
        (
            Entity("collection", "actor", {"collection_type": "threat-actor"}),
            "intrusion-set",
            {"name": "actor"},
        ),
        (
            Entity(
                "collection",
                "vulnerability--cve-2022-30190",
                {"name": "Follina", "collection_type": "vulnerability"},
            ),
            "vulnerability",
            {"id": "CVE-2022-30190", "summary": "Follina"},
        ),
        (
            Entity("collection", "c1", {"name": "Operation", "collection_type": "campaign"}),
            "internal-reference",
            {"identifier": "c1", "type": "campaign", "comment": "Operation"},
        ),
        (
            Entity("collection", "threat-actor--1", {"name": "APT37"}),
            "internal-reference",
            {"identifier": "threat-actor--1", "type": "grouping", "comment": "APT37"},
        ),
    ],
)
def test_objects_of_other_types(entity, name, expected):
    (found,) = event_of(build_graph([], subjects=[entity])).objects
    assert (found.name, values(found)) == (name, expected)


@pytest.mark.parametrize(
    ("attributes", "tags"),
    [
        ({"name": "Emotet"}, []),
        (
            {"name": "Emotet", "collection_type": "malware-family"},
            ['virustotal:collection-type="malware-family"', 'misp-galaxy:tool="Emotet"'],
        ),
        (
            {"name": "APT37", "collection_type": "threat-actor"},
            ['virustotal:collection-type="threat-actor"', 'misp-galaxy:threat-actor="APT37"'],
        ),
        (
            {"name": "Operation", "collection_type": "campaign"},
            ['virustotal:collection-type="campaign"'],
        ),
        (
            {"name": 'A"\0="B', "collection_type": 'x"y'},
            ['virustotal:collection-type="x\'y"'],
        ),
        (
            {"name": 'A" \n="B', "collection_type": "threat-actor"},
            [
                'virustotal:collection-type="threat-actor"',
                "misp-galaxy:threat-actor=\"A' ='B\"",
            ],
        ),
    ],
)
def test_a_stated_kind_becomes_a_tag_and_a_galaxy_cluster(attributes, tags):
    (found,) = event_of(build_graph([], subjects=[Entity("collection", "c1", attributes)])).objects
    first, *others = found.attributes
    assert [tag.name for tag in first.tags] == tags
    assert not any(each.tags for each in others)


def test_the_event_has_a_tag_for_each_known_family_and_actor():
    known = [("Emotet", "malware-family"), ("APT37", "threat-actor"), ("Spam run", "campaign")]
    collections = [
        Entity("collection", f"c{number}", {"name": name, "collection_type": kind})
        for number, (name, kind) in enumerate([*known, known[0]])
    ]
    event = event_of(build_graph([], subjects=[*collections, Entity("collection", "c9")]))
    assert [tag.name for tag in event.tags] == [
        'misp-galaxy:tool="Emotet"',
        'misp-galaxy:threat-actor="APT37"',
    ]
    assert event_of(build_graph([])).tags == []


def test_files_and_references_have_no_tags():
    found = by_key(event_of(campaign()))
    assert not any(a.tags for key in (EMOTET.key, REPORT.key) for a in found[key].attributes)


def test_first_seen_of_a_report_is_its_date():
    found = by_key(event_of(campaign()))
    assert found[REPORT.key].first_seen.isoformat() == "2018-01-12T00:00:00+00:00"
    assert not hasattr(found[BARE.key], "first_seen")


def test_to_ids_is_optional():
    def marked(event):
        return {a.type for each in event.objects for a in each.attributes if a.to_ids}

    assert marked(event_of(campaign())) == set()
    assert marked(event_of(campaign(), to_ids=True)) == {"sha256", "sha1", "md5"}


def test_unsafe_urls_are_not_links():
    found = by_key(event_of(campaign()))[TALK.key]
    assert "javascript" not in str(values(found))


def test_a_file_is_related_to_the_collections_of_its_reports():
    found = by_key(event_of(build_graph([Observation(EMOTET, REPORT, GANG, INFERRED)])))
    comments = {
        reference.referenced_uuid: (reference.relationship_type, reference.comment)
        for reference in found[EMOTET.key].references
    }
    assert comments == {
        found[REPORT.key].uuid: (
            "related-to",
            "related_references; inferred; collection:malpedia_win_emotet",
        ),
        found[GANG.key].uuid: ("related-to", "collection of related_references; inferred"),
    }


def test_an_observed_relationship_is_not_inferred():
    observations = [Observation(EMOTET, REPORT, GANG, INFERRED), Observation(EMOTET, BARE, GANG)]
    for order in (observations, observations[::-1]):
        found = by_key(event_of(build_graph(order)))
        comments = {each.referenced_uuid: each.comment for each in found[EMOTET.key].references}
        assert comments[found[GANG.key].uuid] == "collection of related_references; observed"


# --- the file ------------------------------------------------------------------------------------


def test_the_export_is_readable_as_a_seed_list(tmp_path):
    subjects = [EMOTET, LOADER, UNKNOWN, Entity("domain", "evil.com")]
    path = export(build_graph([], subjects=subjects), tmp_path / "map.misp.json")
    found = read_seeds(path)
    assert [seed.entity.key for seed in found] == [each.key for each in subjects]


def test_an_empty_graph_gives_an_event():
    assert event_of(build_graph([])).objects == []


def test_edge_timestamps_are_counted_as_omitted():
    graph = build_graph([Observation(EMOTET, REPORT, GANG, last_seen=1.0)], timestamps=True)
    assert write_misp(graph, io.BytesIO()).omitted == 1
