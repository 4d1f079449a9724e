"""STIX 2.1: bundles are checked with the official library and validator."""

from __future__ import annotations

import io
import json
import re
import uuid

import pytest
import stix2
from hypothesis import HealthCheck, given, settings
from stix2patterns.v21.pattern import Pattern

import graphbuild as gb
from graphbuild.exporters import export, export_all
from graphbuild.exporters.stix import write_stix
from graphbuild.graph.builder import build_graph
from graphbuild.graph.views import view as select_view
from graphbuild.models import INFERRED, SUBJECT_TYPES, Entity, Link, Observation
from graphbuild.seeds import parse_seeds, read_seeds
from graphbuild.store import Store
from tests.support.campaign_files import write_campaign
from tests.support.graphs import (
    BARE,
    EMOTET,
    GANG,
    HOSTILE,
    LOADER,
    OBSERVATIONS,
    OTHERS,
    REPORT,
    UNKNOWN,
    campaign,
    with_title,
)
from tests.support.mixed_campaigns import campaigns, hostile_text_graph, triples_of
from tests.support.paths import ROOT

NAMESPACE = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # defined by the standard
CONTAINERS = ("report--", "grouping--")


def write_bytes(graph, **options):
    stream = io.BytesIO()
    write_stix(graph, stream, **options)
    return stream.getvalue().decode()


def parsed(graph, **options):
    """Return the objects as read by the official library, which rejects custom content."""
    return stix2.parse(write_bytes(graph, **options), allow_custom=False).objects


def of_type(objects, *kinds):
    return [each for each in objects if each["type"] in kinds]


def only(objects, kind):
    (found,) = of_type(objects, kind)
    return found


def extension(each):
    (found,) = (
        value
        for name, value in each.get("extensions", {}).items()
        if name.startswith("extension-definition--")
    )
    return found


def entity_keys(objects):
    """Return object id -> node key, from notes, extensions and observables."""
    keys = {}
    for each in objects:
        if each["type"] == "file" and "hashes" in each:
            keys[each["id"]] = f"file:{next(iter(each['hashes'].values()))}"
        elif each["type"] == "domain-name":
            keys[each["id"]] = f"domain:{each['value']}"
        elif each["type"] in {"ipv4-addr", "ipv6-addr"}:
            keys[each["id"]] = f"ip_address:{each['value']}"
    for each in objects:
        if "extensions" in each and each["type"] != "relationship":
            properties = extension(each)
            about = each["object_refs"][0] if each["type"] == "note" else each["id"]
            keys[about] = f"{properties['entity_type']}:{properties['entity_id']}"
    return keys


def edges_in(objects):
    """Return (source key, target key, edge attributes) of each edge."""
    keys = entity_keys(objects)
    for each in objects:
        if "extensions" not in each:
            continue
        properties = extension(each)
        if each["type"] == "relationship":
            yield keys[each["source_ref"]], keys[each["target_ref"]], properties
        for edge in properties.get("edges", ()):
            source, target = edge.get("source_ref", each["id"]), edge.get("target_ref", each["id"])
            yield keys[source], keys[target], edge


def triples_in(objects):
    keys = entity_keys(objects)
    return {
        (source, target, collection, edge["provenance"])
        for source, target, edge in edges_in(objects)
        if edge["relation"] == "related_references"
        for collection in [
            *(keys[ref] for ref in edge.get("related_from_refs", ())),
            *([None] if edge.get("unnamed") else []),
        ]
    }


def refuse_errors(text):
    import stix2validator  # noqa: PLC0415  its import takes seconds, which other tests would pay

    found = stix2validator.validate_string(text, stix2validator.ValidationOptions(version="2.1"))
    assert found.is_valid, [str(error) for error in found.errors]


@pytest.mark.parametrize("view", ["full", "folded", "backbone"])
@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("indicators", [False, True])
def test_the_official_validator_accepts_every_option(tmp_path, view, *, timestamps, indicators):
    path = tmp_path / "campaign.db"
    write_campaign(path, OBSERVATIONS)
    with Store.open(path) as store:
        store.add_seeds(parse_seeds(["ab" * 32, "evil.com", "8.8.8.8", "http://evil.com/a"]))
        graph = build_graph(
            store.observations(),
            subjects=store.subjects(times=timestamps),
            timestamps=timestamps,
        )
    text = write_bytes(select_view(graph, view), indicators=indicators)
    assert ("crawl_fetched_at" in text) == timestamps
    refuse_errors(text)


# --- lossless ------------------------------------------------------------------------------------


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_stix2_reads_the_same_observations_edges_and_attributes(graph):
    objects = parsed(graph)
    assert triples_in(objects) == triples_of(graph)
    assert {(s, t): (e["relation"], e["weight"]) for s, t, e in edges_in(objects)} == {
        (s, t): (e["relation"], e["weight"]) for s, t, e in graph.edges(data=True)
    }
    keys = entity_keys(objects)
    assert sorted(keys.values()) == sorted(graph)
    for each in objects:
        if "entity_id" not in (properties := extension_or_nothing(each)):
            continue
        node = graph.nodes[f"{properties['entity_type']}:{properties['entity_id']}"]
        contract = {"type", "label", "id"}
        known = {n: v for n, v in node.items() if n not in contract and fits_64_bits(v)}
        assert json.loads(properties.get("attributes", "{}")) == known


def extension_or_nothing(each):
    return extension(each) if "extensions" in each else {}


def fits_64_bits(value):
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_the_validator_accepts_the_bundle(graph):
    refuse_errors(write_bytes(graph, indicators=True))


def test_a_bundle_with_every_corpus_title_is_valid():
    graph = with_title(*HOSTILE)
    objects = parsed(graph)
    refuse_errors(write_bytes(graph))
    titles = {
        extension(each)["entity_id"]: json.loads(extension(each)["attributes"])["title"]
        for each in of_type(objects, "report")
    }
    assert titles == {f"{n:064x}": title for n, title in enumerate(HOSTILE)}
    shown = "".join(each["name"] for each in of_type(objects, "report"))
    assert not {*map(chr, range(32)), "\ufffe", "\ufdd0", "\u202e"} & set(shown)


def test_every_bad_text_of_the_corpus_is_kept_and_displayed_safely():
    graph = hostile_text_graph()
    refuse_errors(write_bytes(graph, indicators=True))
    objects = parsed(graph, indicators=True)
    assert triples_in(objects) == triples_of(graph)
    links = {
        reference["url"]
        for each in objects
        for reference in each.get("external_references", ())
        if "url" in reference
    }
    assert links
    assert all(re.match(r"(?i)(https?|ftp)://[a-z0-9.-]+(:\d+)?(/|$)", link) for link in links)


def test_links_and_timestamps_are_kept():
    seen = Observation(EMOTET, REPORT, GANG, INFERRED, 1_700_000_000.0, 1_700_000_060.0)
    links = [Link(GANG, "files", LOADER), Link(OTHERS, "references", BARE)]
    graph = build_graph([seen], links=links, timestamps=True)
    found = {(s, t): e for s, t, e in edges_in(parsed(graph))}
    assert found[EMOTET.key, REPORT.key] | {"source_ref": "", "related_from_refs": []} == {
        "source_ref": "",
        "relation": "related_references",
        "weight": 1,
        "provenance": "inferred",
        "first_seen": "2023-11-14T22:13:20Z",
        "last_seen": "2023-11-14T22:14:20Z",
        "related_from_refs": [],
    }
    assert found[GANG.key, LOADER.key]["relation"] == "files"
    assert found[OTHERS.key, BARE.key]["relation"] == "references"
    assert found[REPORT.key, GANG.key]["relation"] == "related_from"


# --- observables ---------------------------------------------------------------------------------


SUBJECTS = [
    (Entity("file", "ab" * 32), stix2.File(hashes={"SHA-256": "ab" * 32})),
    (
        Entity("file", "ab" * 32, {"md5": "cd" * 16, "sha1": "EF" * 20}),
        stix2.File(hashes={"MD5": "cd" * 16, "SHA-1": "ef" * 20, "SHA-256": "ab" * 32}),
    ),
    (Entity("file", "cd" * 20, {"size": 5}), stix2.File(hashes={"SHA-1": "cd" * 20}, size=5)),
    (Entity("file", "ef" * 16, {"md5": "00" * 16}), stix2.File(hashes={"MD5": "ef" * 16})),
    (Entity("domain", "evil.example"), stix2.DomainName(value="evil.example")),
    (Entity("ip_address", "198.51.100.7"), stix2.IPv4Address(value="198.51.100.7")),
    (Entity("ip_address", "2001:db8::1"), stix2.IPv6Address(value="2001:db8::1")),
    (
        Entity("url", "00" * 32, {"url": "http://evil.example/a?b=c"}),
        stix2.URL(value="http://evil.example/a?b=c"),
    ),
    *(
        (Entity("url", "00" * 32, {"url": text}), stix2.URL(value=value))
        for text, value in (
            ("http://user:pw@evil.example/", "http://user:pw@evil.example/"),
            ("http://[2001:db8::1]:80/a", "http://[2001:db8::1]:80/a"),
            ("http://evil.example/\u00e4|b", "http://evil.example/%C3%A4%7Cb"),
        )
    ),
]


@pytest.mark.parametrize(("subject", "expected"), SUBJECTS)
def test_observables_equal_those_of_stix2(subject, expected):
    found = only(parsed(build_graph([], subjects=[subject])), expected["type"])
    assert found.serialize() == expected.serialize()


@pytest.mark.parametrize("text", [None, "", 5, "javascript:x", "http://[::1", "http://[1:2]/"])
def test_an_invalid_url_becomes_a_grouping(text):
    subject = Entity("url", "00" * 32, {} if text is None else {"url": text})
    graph = build_graph([Observation(subject, REPORT, GANG)])
    refuse_errors(write_bytes(graph))
    objects = parsed(graph)
    assert "unspecified" in [each["context"] for each in of_type(objects, "grouping")]
    assert triples_in(objects) == triples_of(graph)


@pytest.mark.parametrize("name", ["evil[.]example", "EVIL.example", "evil.example.", "evil"])
def test_an_invalid_domain_becomes_a_grouping(name):
    objects = parsed(build_graph([], subjects=[Entity("domain", name)]))
    assert not of_type(objects, "domain-name")
    assert list(entity_keys(objects).values()) == [f"domain:{name}"]


def test_observable_ids_follow_the_standard():
    found = only(parsed(build_graph([], subjects=[UNKNOWN])), "file")
    name = '{"hashes":{"MD5":"' + UNKNOWN.id + '"}}'
    assert found["id"] == f"file--{uuid.uuid5(NAMESPACE, name)}"


def test_an_upper_case_hash_is_kept():
    graph = build_graph([Observation(Entity("file", "AB" * 32), REPORT, GANG)])
    objects = parsed(graph)
    assert only(objects, "file")["hashes"]["SHA-256"] == "ab" * 32
    assert triples_in(objects) == triples_of(graph)


def test_two_hashes_of_one_file_stay_two_objects():
    other = Entity("file", "ab" * 32, {"md5": UNKNOWN.id})
    graph = build_graph(
        [Observation(UNKNOWN, REPORT, GANG), Observation(other, BARE, None)], subjects=[other]
    )
    objects = parsed(graph)
    assert len({each["id"] for each in objects}) == len(objects)
    assert len(of_type(objects, "file")) == 2
    assert triples_in(objects) == triples_of(graph)


def test_attributes_of_a_file_are_in_a_note():
    objects = parsed(build_graph([], subjects=[UNKNOWN, Entity("file", "12" * 32)]))
    note = only(objects, "note")
    assert note["content"] == "seed: true\nstate: not found"
    assert note["external_references"][0]["source_name"] == "virustotal"
    assert note["external_references"][0]["external_id"] == UNKNOWN.id
    assert len(of_type(objects, "file")) == 2


def test_a_note_is_modified_by_a_later_request():
    subject = Entity("file", "ab" * 32, {"crawl_fetched_at": "2026-11-23T06:20:58Z"})
    note = only(parsed(build_graph([], subjects=[subject])), "note")
    assert (str(note["created"]), str(note["modified"])) == (
        "1970-01-01 00:00:00+00:00",
        "2026-11-23 06:20:58+00:00",
    )


# --- reports and collections ---------------------------------------------------------------------


def test_a_report_has_url_date_and_subjects():
    objects = parsed(campaign())
    keys = entity_keys(objects)
    (report,) = (each for each in of_type(objects, "report") if keys[each["id"]] == REPORT.key)
    assert report["name"] == "Emotet – a <i>history</i> & more"
    for name in ("published", "created", "modified"):
        assert report[name].isoformat() == "2018-01-12T00:00:00+00:00"
    assert "labels" not in report
    assert [dict(each) for each in report["external_references"]] == [
        {
            "source_name": "blog.example.org",
            "url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        },
        {"source_name": "virustotal", "external_id": REPORT.id},
    ]
    assert {keys[ref] for ref in report["object_refs"]} == {EMOTET.key, LOADER.key, GANG.key}


@pytest.mark.parametrize("date", [None, 0, -1, 10**12, "yesterday", True])
def test_a_report_without_a_date_is_labeled(date):
    reference = Entity("reference", "1", {"creation_date": date})
    report = only(parsed(build_graph([Observation(EMOTET, reference, None)])), "report")
    assert report["published"].isoformat() == "1970-01-01T00:00:00+00:00"
    assert report["labels"] == ["date-unknown"]


def test_a_report_without_a_date_gets_the_day_on_which_it_was_first_seen():
    times = (1_700_000_000.5, 1_600_000_000.0, None)
    graph = build_graph(
        Observation(file, BARE, GANG, first_seen=time)
        for file, time in zip((EMOTET, LOADER, UNKNOWN), times, strict=True)
    )
    objects = parsed(graph, indicators=True)
    report, family = only(objects, "report"), only(objects, "malware")
    for date in (report["published"], report["created"], report["modified"], family["created"]):
        assert date.isoformat() == "2020-09-13T00:00:00+00:00"
    assert report["labels"] == ["date-first-seen"]
    assert "labels" not in family
    for each in of_type(objects, "indicator"):
        assert each["valid_from"].isoformat() == "2020-09-13T00:00:00+00:00"


def test_a_stated_date_takes_precedence_over_the_day_of_the_crawl():
    graph = build_graph([Observation(EMOTET, REPORT, None, first_seen=1.0)])
    report = only(parsed(graph), "report")
    assert report["published"].year == 2018
    assert "labels" not in report


def test_the_day_on_which_a_reference_was_first_seen_comes_from_the_campaign_file(tmp_path):
    path = tmp_path / "campaign.db"
    write_campaign(path, [Observation(EMOTET, BARE, GANG)], fetched_at=1_600_000_000.0)
    bundle = gb.export(path, tmp_path / "graph.stix.json").read_text("utf-8")
    report = only(stix2.parse(bundle).objects, "report")
    assert report["labels"] == ["date-first-seen"]
    assert report["published"].isoformat() == "2020-09-13T00:00:00+00:00"


def test_modified_is_the_last_modification_date():
    known = {"creation_date": 1_000_000_000, "last_modification_date": 1_100_000_000}
    (one, other) = (
        only(parsed(build_graph([], subjects=[Entity("reference", "1", dates)])), "report")
        for dates in (known, known | {"last_modification_date": 5})
    )
    assert one["modified"].year == 2004
    assert other["modified"] == other["created"] == one["created"]


@pytest.mark.parametrize(
    ("identifier", "stated", "kind"),
    [
        ("malpedia_win_emotet", None, "grouping"),
        ("analysis_virustotal_zenbox_metasploit", None, "grouping"),
        ("malware--350aa703-7750-5e07-997b-476375955828", None, "grouping"),
        ("malware--350aa703-7750-5e07-997b-476375955828", "software-toolkit", "tool"),
        ("anything", "malware-family", "malware"),
        ("anything", "campaign", "campaign"),
        ("anything", "threat-actor", "intrusion-set"),
        ("anything", "vulnerability", "vulnerability"),
        ("anything", "report", "report"),
        ("threat-actor--bcaaad6f-0597-4b89-b69b-84a6be2b7bc3", None, "grouping"),
        ("report--24-10072685", None, "grouping"),
        ("malpedia_win_emotet", "collection", "grouping"),
        ("malpedia_win_emotet", "never met", "grouping"),
    ],
)
def test_the_type_of_a_collection_follows_from_its_attribute_only(identifier, stated, kind):
    collection = Entity("collection", identifier, {"collection_type": stated} if stated else {})
    objects = parsed(build_graph([Observation(EMOTET, REPORT, collection)]))
    keys = entity_keys(objects)
    (found,) = (each for each in objects if keys.get(each["id"]) == collection.key)
    assert found["type"] == kind
    assert {"source_name": "virustotal", "external_id": identifier} in [
        dict(each) for each in found["external_references"]
    ]


def test_a_vulnerability_has_its_cve_number():
    attributes = {"name": "Follina", "collection_type": "vulnerability"}
    collection = Entity("collection", "vulnerability--cve-2022-30190", attributes)
    found = only(parsed(build_graph([Observation(EMOTET, REPORT, collection)])), "vulnerability")
    assert found["name"] == "Follina"
    assert found["external_references"][0]["external_id"] == "CVE-2022-30190"


@pytest.mark.parametrize("kind", ["malware-family", "software-toolkit", "campaign", "threat-actor"])
def test_alternative_names_are_aliases(kind):
    attributes = {"name": "Emotet", "alt_names": "Geodo; Heodo; Emotet", "collection_type": kind}
    one, other = (Entity("collection", key, attributes) for key in ("one_emotet", "two_emotet"))
    alone = parsed(build_graph([Observation(EMOTET, REPORT, one)]))
    (found,) = (each for each in alone if each.get("name") == "Emotet")
    assert found["aliases"] == ["Geodo", "Heodo"]
    both = parsed(build_graph(Observation(EMOTET, REPORT, each) for each in (one, other)))
    (found,) = (each for each in both if each.get("name", "").endswith(", one)"))
    assert found["aliases"] == ["Emotet", "Geodo", "Heodo"]


def test_an_actor_of_the_classic_generation_is_an_intrusion_set():
    actor = Entity("threat_actor", "c93281be-f6cd-4cd0-a5a3-defde9d77d8b", {"name": "MUMMY SPIDER"})
    assert only(parsed(build_graph([Observation(EMOTET, REPORT, actor)])), "intrusion-set")


def test_a_grouping_lists_its_files():
    objects = parsed(campaign())
    keys = entity_keys(objects)
    (grouping,) = (each for each in of_type(objects, "grouping") if each["id"] in keys)
    assert grouping["context"] == "suspicious-activity"
    assert {keys[ref] for ref in grouping["object_refs"]} == {EMOTET.key, LOADER.key}
    assert (REPORT.key, "related-to", OTHERS.key) in relations(objects)


def test_a_grouping_lists_the_subjects_with_their_notes_and_the_families():
    objects = parsed(campaign(), indicators=True)
    keys = entity_keys(objects)
    (grouping,) = (each for each in of_type(objects, "grouping") if each["id"] not in keys)
    expected = of_type(objects, "file", "note", "indicator", "malware")
    assert len(expected) == 10
    assert grouping["object_refs"] == [each["id"] for each in expected]


def test_a_later_export_of_the_same_seeds_has_the_same_grouping():
    seeds = [EMOTET, UNKNOWN]
    graphs = (
        build_graph([Observation(EMOTET, BARE, None, first_seen=1_600_000_000.0)], subjects=seeds),
        build_graph([Observation(UNKNOWN, BARE, None, first_seen=1_700_000_000.0)], subjects=seeds),
    )
    first, later = (only(parsed(graph), "grouping") for graph in graphs)
    assert first["id"] == later["id"]
    assert first["modified"] < later["modified"]


def test_the_note_of_a_file_contains_its_collections_and_the_references_that_others_share():
    objects = parsed(campaign())
    keys = entity_keys(objects)
    lines = {
        keys[each["object_refs"][0]]: [
            line
            for line in each["content"].splitlines()
            if line.startswith(("collection: ", "reference: "))
        ]
        for each in of_type(objects, "note")
    }
    collections = ["collection: Spam run", "collection: win.emotet"]
    shared = f"reference: Emotet – a <i>history</i> & more {REPORT.attributes['url']}"
    assert {key: sorted(found) for key, found in lines.items()} == {
        EMOTET.key: [*collections, shared],
        LOADER.key: [*collections, shared],
        UNKNOWN.key: [],
    }


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://good.example\\@evil.example/",
        "https://user:pw@evil.example/",
        "https://evil.example/a b",
        "https:\t//evil.example",
        "http://[::1",
        "",
    ],
)
def test_unsafe_urls_are_not_links(url):
    graph = with_title("t", url=url)
    report = only(parsed(graph), "report")
    assert [each["source_name"] for each in report["external_references"]] == ["virustotal"]
    assert json.loads(extension(report)["attributes"])["url"] == url


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://ja.example/日本", "https://ja.example/%E6%97%A5%E6%9C%AC"),
        ("https://\u0430pple.example/x", "https://xn--pple-43d.example/x"),
        ("http://evil.example/100%/a|b", "http://evil.example/100%25/a%7Cb"),
        ("http://evil.example/[a]#b#c", None),
    ],
)
def test_links_are_percent_encoded(url, link):
    graph = with_title("t", url=url)
    refuse_errors(write_bytes(graph))
    found = [each.get("url") for each in only(parsed(graph), "report")["external_references"]]
    assert link is None or found[0] == link


# --- relationships -------------------------------------------------------------------------------


def relations(objects):
    keys = entity_keys(objects)
    return {
        (keys.get(each["source_ref"]), each["relationship_type"], keys.get(each["target_ref"]))
        for each in of_type(objects, "relationship")
    }


def test_a_file_is_related_only_to_observed_families():
    assert relations(parsed(campaign())) == {
        (EMOTET.key, "related-to", GANG.key),
        (LOADER.key, "related-to", GANG.key),
        (REPORT.key, "related-to", OTHERS.key),
    }


def test_inferred_relationships_are_labeled():
    inferred, seen = Observation(EMOTET, REPORT, GANG, INFERRED), Observation(EMOTET, BARE, GANG)
    for known, labels in (([inferred], ["inferred"]), ([inferred, seen], None)):
        for order in (known, known[::-1]):
            found = only(parsed(build_graph(order)), "relationship")
            assert found.get("labels") == labels


def test_an_edge_is_not_repeated_as_a_relationship():
    listed = Observation(EMOTET, GANG, None)  # a family in place of a report
    objects = parsed(build_graph([listed, Observation(EMOTET, REPORT, GANG)]))
    assert len({each["id"] for each in objects}) == len(objects)
    assert extension(only(objects, "relationship"))["unnamed"] is True


def test_no_relationship_repeats_object_refs():
    objects = parsed(campaign(), indicators=True)
    listed = {(each["id"], ref) for each in objects for ref in each.get("object_refs", ())}
    assert of_type(objects, "relationship")
    for each in of_type(objects, "relationship"):
        ends = each["source_ref"], each["target_ref"]
        assert not {ends, ends[::-1]} & listed


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_every_object_is_written_after_the_objects_that_it_refers_to(graph):
    written = set()
    for each in json.loads(write_bytes(graph, indicators=True))["objects"]:
        assert references_of(each) <= written
        written.add(each["id"])


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_no_report_or_grouping_lists_a_report_or_grouping(graph):
    for each in json.loads(write_bytes(graph))["objects"]:
        assert not any(ref.startswith(CONTAINERS) for ref in each.get("object_refs", ()))


def references_of(each):
    """Return the ids to which an object refers outside of its extensions."""
    lists = (value for name, value in each.items() if name.endswith("_refs"))
    single = (value for name, value in each.items() if name.endswith("_ref"))
    return {*single, *(ref for refs in lists for ref in refs)}


# --- indicators ----------------------------------------------------------------------------------


def test_indicators_are_optional():
    assert not of_type(parsed(campaign()), "indicator")
    objects = parsed(campaign(), indicators=True)
    patterns = {each["pattern"] for each in of_type(objects, "indicator")}
    assert patterns == {
        f"[file:hashes.'SHA-256' = '{EMOTET.id}']",
        f"[file:hashes.'SHA-1' = '{LOADER.id}']",
        f"[file:hashes.'MD5' = '{UNKNOWN.id}']",
    }
    names = {each["id"]: each["pattern"] for each in of_type(objects, "indicator")}
    indicated = {
        names[each["source_ref"]]
        for each in of_type(objects, "relationship")
        if each["relationship_type"] == "indicates"
    }
    assert len(indicated) == 2


def test_an_indicator_is_valid_from_the_first_report():
    late = Entity("reference", "9", {"creation_date": 1_600_000_000})
    graph = build_graph(Observation(EMOTET, each, GANG) for each in (late, REPORT, BARE))
    found = only(parsed(graph, indicators=True), "indicator")
    assert found["valid_from"].isoformat() == "2018-01-12T00:00:00+00:00"


def test_a_vulnerability_is_not_indicated():
    hole = Entity(
        "collection", "vulnerability--cve-2022-30190", {"collection_type": "vulnerability"}
    )
    objects = parsed(build_graph([Observation(EMOTET, REPORT, hole)]), indicators=True)
    verbs = [each["relationship_type"] for each in of_type(objects, "relationship")]
    assert verbs == ["related-to", "related-to"]


@pytest.mark.parametrize("text", ["it's", "back\\slash", "' OR [x:y = 'z", "\\'", "a]b"])
def test_a_quote_cannot_leave_its_pattern(text):
    graph = build_graph([], subjects=[Entity("file", text)])
    found = only(parsed(graph, indicators=True), "indicator")
    ((_, operator, constant),) = Pattern(found["pattern"]).inspect().comparisons["file"]
    assert operator == "="
    assert constant[1:-1].replace("\\'", "'").replace("\\\\", "\\") == text


def test_the_command_line_has_a_format_with_indicators(tmp_path):
    plain, more = export_all(campaign(), tmp_path, ["stix", "stix-indicators"])
    assert (plain.path.name, more.path.name) == ("graph.stix.json", "indicators.stix.json")
    assert b'"type":"indicator"' in more.path.read_bytes()
    assert b'"type":"indicator"' not in plain.path.read_bytes()


# --- lean bundles --------------------------------------------------------------------------------


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_a_lean_bundle_has_the_objects_of_the_whole_one_except_references_of_one_subject(graph):
    whole = {each["id"]: each for each in json.loads(write_bytes(graph))["objects"]}
    keys = entity_keys(whole.values())
    lean = json.loads(write_bytes(graph, lean=True))["objects"]
    for each in lean:
        assert each == {n: v for n, v in whole[each["id"]].items() if n != "extensions"}
        assert references_of(each) <= {other["id"] for other in lean}
    left_out = whole.keys() - {each["id"] for each in lean}
    expected = {key for key in graph if key.startswith("reference:") and len(tied(graph, key)) < 2}
    assert {keys[each] for each in left_out if each in keys} == expected
    relationships = [whole[each] for each in left_out if each not in keys]
    for each in relationships:
        assert {keys[each["source_ref"]], keys[each["target_ref"]]} & expected


def tied(graph, reference):
    """Return the subjects that a reference ties, as a target or in ``related_from``."""
    return {
        source
        for source, target, edge in graph.edges(data=True)
        if graph.nodes[source]["type"] in SUBJECT_TYPES
        and (target == reference or reference in edge.get("related_from", ()))
    }


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(campaigns())
def test_the_validator_accepts_a_lean_bundle(graph):
    refuse_errors(write_bytes(graph, lean=True))


def test_a_lean_bundle_relates_a_file_to_its_family_without_a_shared_reference():
    graph = build_graph([Observation(EMOTET, REPORT, GANG)])
    objects = parsed(graph, lean=True)
    assert not of_type(objects, "report")
    relationship = only(objects, "relationship")
    ends = only(objects, "file")["id"], only(objects, "malware")["id"]
    assert (relationship["source_ref"], relationship["target_ref"]) == ends


def test_a_lean_bundle_has_its_own_id_and_file(tmp_path):
    whole, lean = export_all(campaign(), tmp_path, ["stix", "stix-lean"])
    assert lean.path.name == "lean.stix.json"
    ids = {json.loads(each.path.read_bytes())["id"] for each in (whole, lean)}
    assert len(ids) == 2


# --- the file ------------------------------------------------------------------------------------


def test_the_export_is_readable_as_a_seed_list(tmp_path):
    public = Entity(
        "ip_address", "8.8.8.8"
    )  # addresses reserved for documentation are rejected as seeds
    subjects = [EMOTET, LOADER, UNKNOWN, Entity("domain", "evil.com"), public]
    path = export(build_graph([], subjects=subjects), tmp_path / "map.stix.json")
    found = read_seeds(path)
    assert [seed.entity.key for seed in found] == [each.key for each in subjects]
    assert not found.rejected


def test_ids_are_the_same_in_another_campaign():
    def ids(graph):
        return {
            key: name
            for name, key in entity_keys(parsed(graph)).items()
            if key in {EMOTET.key, GANG.key, BARE.key}
        }

    other = build_graph([Observation(EMOTET, BARE, GANG)])
    assert ids(other) == ids(campaign())
    assert json.loads(write_bytes(other))["id"] != json.loads(write_bytes(campaign()))["id"]


def test_each_object_is_on_its_own_line():
    lines = write_bytes(campaign()).splitlines()
    assert len(lines) == len(parsed(campaign())) + 2
    assert json.loads(lines[5].removesuffix(","))["spec_version"] == "2.1"


def test_an_empty_graph_gives_a_bundle():
    assert [each["type"] for each in parsed(build_graph([]))] == ["identity"]


def test_the_documentation_contains_the_definition_of_the_extension():
    text = (ROOT / "docs" / "stix-extension.json").read_text("utf-8")
    definition = stix2.parse(text)
    family = only(parsed(campaign()), "malware")
    assert list(family["extensions"]) == [definition["id"]]
    assert family["created_by_ref"] == definition["created_by_ref"]


@pytest.mark.parametrize("weight", [float("nan"), 2**60, None, "2"])
def test_an_invalid_weight_is_omitted_and_counted(weight):
    graph = build_graph([Observation(EMOTET, REPORT, None)])
    graph.edges[EMOTET.key, REPORT.key].update(weight=weight, color="red")
    warnings = write_stix(graph, io.BytesIO())
    assert warnings.omitted == 2
    assert triples_in(parsed(graph)) == triples_of(graph)


def test_cleaned_names_are_counted():
    assert write_stix(with_title("a\0b", "fine", "a\n b"), io.BytesIO()).cleaned == 1
