"""STIX, TAXII, MISP, objects of the API and other JSON, however they are wrapped."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.errors import SeedError
from graphbuild.seeds import read_seeds
from tests.seeds.seed_lists import CASES, seeds_of
from tests.support.paths import DATA

A, B, C = "a1" * 32, "b2" * 20, "c3" * 16
AT = "2020-01-01T00:00:00Z"
NOTHING_FOUND = "neither STIX, MISP nor a list"


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Return a function that reads a text, or a value as JSON, from a file."""
    folder = tmp_path_factory.mktemp("json")

    def read_value(value, name="list.json", **options):
        path = folder / name
        text = value if isinstance(value, str) else json.dumps(value)
        path.write_text(text, encoding="utf-8")
        return read_seeds(path, **options)

    return read_value


def skipped_types(found):
    """Return the part of the warnings that lists skipped types."""
    return "".join(each for each in found.warnings if "these types were skipped: " in each)


def stix_object(kind, **fields):
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid4()}", **fields}


def indicator(pattern):
    stated = {"created": AT, "modified": AT, "valid_from": AT, "pattern_type": "stix"}
    return stix_object("indicator", pattern=pattern, **stated)


# --- STIX and TAXII ------------------------------------------------------------------------------


def test_host_names_artifacts_processes_and_single_address_networks_are_read():  # case 36
    found = read_seeds(CASES / "case36" / "bundle.json")
    assert seeds_of(found) == [
        ("domain", "www.c2.example.com"),
        ("domain", "mail.c2.example.com"),
        ("file", "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"),
        ("file", "26bf6cb9df564de02dd1723dd704f6b9419a10fe261ee3d52f92a235f2ddd0ce"),
        ("ip_address", "8.8.8.8"),
    ]
    assert found.rejected == []


@pytest.mark.parametrize("name", ["envelope.json", "array.json", "bundles.json"])
@pytest.mark.parametrize("format_name", ["auto", "stix"])
def test_envelopes_and_arrays_are_read_like_bundles(name, format_name):  # case 37
    found = read_seeds(CASES / "case37" / name, format=format_name)
    assert seeds_of(found) == [("file", "2d20f1cd235afc9538202b25f2e68428")]
    assert found.formats[0].format == "stix"


_WRAPPERS = [
    lambda values: {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": values},
    lambda values: {"more": False, "objects": values},
    lambda values: {"objects": values},
    lambda values: [{"type": "bundle", "objects": [each]} for each in values],
    lambda values: values,
    lambda values: [values],
]
_ENCODERS = [
    json.dumps,
    lambda value: json.dumps(value, indent=2),
    lambda value: "\n".join(map(json.dumps, value if isinstance(value, list) else [value])),
    lambda value: " ".join(map(json.dumps, value if isinstance(value, list) else [value])) + "\n",
]
_DOMAINS = st.integers(0, 999).map("host{}.example".format)
_OBJECTS = st.one_of(
    _DOMAINS.map(lambda name: (stix_object("domain-name", value=name), [("domain", name)])),
    _DOMAINS.map(lambda name: (stix_object("hostname", value=name), [("domain", name)])),
    _DOMAINS.map(lambda name: (indicator(f"[hostname:value = '{name}']"), [("domain", name)])),
    st.integers(1, 2**250)
    .map("{:064x}".format)
    .map(
        lambda sha: (
            stix_object("artifact", hashes={"SHA-256": sha}, url="http://a.example/"),
            [("file", sha)],
        )
    ),
    st.just((stix_object("identity", name="x"), [])),
)


@given(
    st.lists(_OBJECTS, min_size=1, max_size=8),
    st.sampled_from(_WRAPPERS),
    st.sampled_from(_ENCODERS),
)
def test_stix_objects_are_found_in_any_wrapper(read, objects, wrap, encode):
    values = [value for value, _ in objects]
    found = read(encode(wrap(values)), "list")
    assert seeds_of(found) == list(dict.fromkeys(seed for _, names in objects for seed in names))
    assert found.rejected == []
    identities = sum(value["type"] == "identity" for value in values)
    assert found.skipped == identities
    assert (f"identity ({identities})" in skipped_types(found)) == (identities > 0)


def test_a_single_stix_object_is_read(read):
    assert seeds_of(read(indicator(f"[file:hashes.MD5 = '{C}']"))) == [("file", C)]
    assert seeds_of(read({"type": "domain-name", "value": "a.example"})) == [
        ("domain", "a.example")
    ]


def test_an_envelope_that_is_not_the_last_page_gives_a_warning(read):
    found = read(
        {"more": True, "next": "2", "objects": [stix_object("url", value="http://a.example/")]}
    )
    assert len(found) == 1
    assert any("is not the last page" in each for each in found.warnings)
    assert not read({"more": False, "objects": []})


@pytest.mark.parametrize(
    "path",
    [
        "file:hashes",
        "artifact:hashes",
        "process:image_ref.hashes",
        "process:binary_ref.hashes",
        "process:parent_ref.image_ref.hashes",
        "email-message:body_multipart[*].body_raw_ref.hashes",
        "email-message:body_multipart[0].body_raw_ref.hashes",
        "network-traffic:src_payload_ref.hashes",
    ],
)
@pytest.mark.parametrize(
    ("name", "value"), [("MD5", C), ("'SHA-1'", B), ("'SHA-256'", A), ("SHA256", A)]
)
def test_patterns_that_name_a_file_through_another_object_are_read(read, path, name, value):
    assert seeds_of(read(indicator(f"[{path}.{name} = '{value}']"))) == [("file", value)]


@pytest.mark.parametrize(
    ("path", "skipped"),
    [
        ("x509-certificate:hashes.MD5", "x509-certificate:hashes.MD5"),
        ("process:name", "process:name"),
        (
            "file:extensions.'windows-pebinary-ext'.sections[*].hashes.MD5",
            "file:extensions.windows-pebinary-ext.sections.*.hashes.MD5",
        ),
        ("file:hashes.SSDEEP", "file:hashes.SSDEEP"),
    ],
)
def test_patterns_that_name_no_seed_are_counted_by_property(read, path, skipped):
    found = read([indicator(f"[{path} = '{C}']"), indicator(f"[{path} = '{C[::-1]}']")])
    assert not found
    assert f"pattern comparison {skipped} (2)" in skipped_types(found)


def test_a_hash_of_another_type_than_the_pattern_states_is_rejected(read):
    found = read(indicator(f"[file:hashes.MD5 = '{A}']"))
    assert not found
    assert "is listed as md5 but has the length of sha256" in found.rejected[0].reason


@pytest.mark.parametrize(
    ("name", "text"),
    [("TLSH", "T1" + "A0" * 35), ("TLSH", "TNULL"), ("SSDEEP", "none"), ("MD5", "c3")],
)
@pytest.mark.parametrize("is_inside", [False, True])
def test_an_invalid_hash_does_not_affect_the_valid_hashes_of_a_file(read, name, text, is_inside):
    hashes = {"SHA-256": A, name: text}
    value = stix_object("file", hashes=hashes)
    if is_inside:
        stated = {"created": AT, "modified": AT, "first_observed": AT, "last_observed": AT}
        inside = {"0": {"type": "file", "hashes": hashes}}
        value = stix_object("observed-data", number_observed=1, objects=inside, **stated)
        del value["spec_version"]
    found = read(value)
    assert seeds_of(found) == [("file", A)]
    assert found.rejected == []
    assert ("invalid hashes beside" in "".join(found.warnings)) == (name == "MD5")


def test_revoked_objects_are_skipped_with_a_warning(read):
    listed = [indicator(f"[file:hashes.MD5 = '{name}']") for name in (C, C[::-1])]
    listed[0]["revoked"] = True
    found = read(listed)
    assert seeds_of(found) == [("file", C[::-1])]
    assert any("object 1: revoked objects were skipped" in each for each in found.warnings)


def test_the_address_of_an_artifact_is_not_requested(read):
    found = read(stix_object("artifact", hashes={"MD5": C}, url="https://portal.example/download"))
    assert seeds_of(found) == [("file", C)]


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        (f"[file:hashes.MD5 = '{C}' AND file:hashes.'SHA-256' = '{A}']", [(A, C)]),
        (f"[file:hashes.MD5 = '{C}' AND file:size = 5]", [(C, None)]),
        (f"[file:hashes.MD5 = '{C}' AND file:name = 'this OR that [1]']", [(C, None)]),
        (f"[file:hashes.MD5 = '{C}' OR file:hashes.'SHA-256' = '{A}']", [(C, None), (A, None)]),
        (f"[file:hashes.MD5 = '{C}'] AND [file:hashes.'SHA-256' = '{A}']", [(C, None), (A, None)]),
        (
            f"[file:hashes.MD5 = '{C}' AND file:hashes.MD5 = '{C[::-1]}']",
            [(C, None), (C[::-1], None)],
        ),
    ],
)
def test_only_hashes_that_are_combined_with_and_are_one_file(read, pattern, files):
    found = read(indicator(pattern))
    assert [(seed.entity.id, seed.attributes.get("md5")) for seed in found] == files


# --- MISP ----------------------------------------------------------------------------------------

_MISP_WRAPPERS = [
    lambda event: {"Event": event},
    lambda event: event,
    lambda event: [{"Event": event}],
    lambda event: {"response": [{"Event": event}]},
    lambda event: {"response": {"Event": event}},
    lambda event: {"data": {"events": [{"Event": event}]}},
    lambda event: {"result": [event], "errors": []},
    lambda event: {"response": {"Attribute": event["Attribute"]}},
    lambda event: {"Attribute": event["Attribute"]},
    lambda event: {
        "Object": [{"template_uuid": "u", "name": "n", "Attribute": event["Attribute"]}]
    },
    lambda event: {"template_uuid": "u", "name": "n", "Attribute": event["Attribute"]},
]


@given(
    st.lists(_DOMAINS, min_size=1, max_size=5, unique=True),
    st.sampled_from(_MISP_WRAPPERS),
    st.sampled_from(_ENCODERS),
)
def test_misp_events_are_found_in_any_wrapper(read, names, wrap, encode):
    attributes = [{"type": "domain", "value": name, "category": "x"} for name in names]
    event = {"info": "OSINT", "uuid": "u", "Attribute": attributes, "Object": []}
    found = read(encode(wrap(event)))
    assert found.formats[0].format == "misp"
    assert seeds_of(found) == [("domain", name) for name in names]


def test_attributes_are_numbered_across_events_and_objects(read):
    def attribute(kind, value):
        return {"type": kind, "value": value}

    file = [attribute("filename", "a.exe"), attribute("md5", C), attribute("sha1", B)]
    event = {
        "info": "x",
        "Attribute": [attribute("domain", "a.example")],
        "Object": [{"name": "file", "Attribute": [*file, attribute("domain", "b.example")]}],
    }
    found = read([{"Event": event}, {"Event": {"info": "y", "Attribute": [attribute("md5", A)]}}])
    assert [seed.line for seed in found] == [1, 5, 5]
    assert [each.line for each in found.rejected] == [6]


def test_the_event_of_a_found_attribute_becomes_an_attribute_of_the_seed(read):
    event = {"id": "5", "info": "OSINT", "distribution": "0"}
    attribute = {"type": "domain", "value": "a.example", "Event": event}
    (seed,) = read({"response": {"Attribute": [attribute]}})
    assert seed.attributes["event"] == "OSINT"


# --- objects of the API --------------------------------------------------------------------------

_API_OBJECTS = st.one_of(
    st.integers(1, 2**250).map("{:064x}".format).map(lambda sha: ("file", sha)),
    _DOMAINS.map(lambda name: ("domain", name)),
    st.integers(1, 254).map(lambda last: ("ip_address", f"8.8.8.{last}")),
)
_API_WRAPPERS = [
    lambda values: values,
    lambda values: {"data": values},
    lambda values: {"data": values, "meta": {"count": 9}, "links": {"self": "https://x.example/"}},
    lambda values: [{"data": each} for each in values],
    lambda values: {
        "data": {
            "type": "collection",
            "id": "c",
            "attributes": {"name": "n"},
            "relationships": {"files": {"data": values, "meta": {"count": 1}}},
        }
    },
    lambda values: [
        {"_type": each["type"], "_id": each["id"], "names": ["x"], "size": 5} for each in values
    ],
]


@given(
    st.lists(_API_OBJECTS, min_size=1, max_size=8),
    st.sampled_from(_API_WRAPPERS),
    st.sampled_from(_ENCODERS),
)
def test_objects_of_the_api_are_found_in_any_wrapper(read, objects, wrap, encode):
    values = [{"type": kind, "id": object_id} for kind, object_id in objects]
    found = read(encode(wrap(values)), "list")
    assert found.formats[0].format == "virustotal"
    assert seeds_of(found) == list(dict.fromkeys(objects))
    assert found.rejected == []


def test_attributes_of_api_objects_give_hashes_names_and_urls(read):
    file = {"md5": C, "sha1": B, "meaningful_name": "a.exe", "type_description": "Win32 EXE"}
    values = [
        {"type": "file", "id": A, "attributes": file},
        {"type": "url", "id": "b" * 64, "attributes": {"url": "http://evil.example/"}},
        {"type": "url", "id": "d" * 64},
        {"type": "file", "id": "a.exe"},
        {"type": "reference", "id": "e" * 64},
    ]
    found = read({"data": values})
    assert seeds_of(found)[:2] == [("file", A), ("url", "http://evil.example/")]
    (first, *_) = found
    assert dict(first.attributes) == file
    assert [seed.entity.id for seed in found][2:] == ["d" * 64]
    assert [(each.line, each.unit) for each in found.rejected] == [(4, "object")]
    assert "reference (1)" in skipped_types(found)


# --- other JSON ----------------------------------------------------------------------------------


@given(st.lists(_API_OBJECTS, min_size=1, max_size=8), st.booleans())
def test_an_array_of_texts_is_a_list(read, objects, indented):
    names = [name for _, name in objects]
    found = read(json.dumps(names, indent=indented or None), "list")
    assert seeds_of(found) == list(dict.fromkeys(objects))
    assert found.formats[0].format == "json"


def test_values_of_an_array_that_are_no_indicators_are_rejected(read):
    found = read(["a.example", 5, "nonsense", {"type": "file"}])
    assert seeds_of(found) == [("domain", "a.example")]
    assert [(each.line, each.unit) for each in found.rejected] == [
        (2, "item"),
        (3, "item"),
        (4, "item"),
    ]


_RECORD_WRAPPERS = [
    lambda records: records,
    lambda records: {"query_status": "ok", "data": records},
    lambda records: {"name": "x", "references": ["https://portal.example/"], "indicators": records},
    lambda records: {str(number): [record] for number, record in enumerate(records)},
    lambda records: {"urls": records},
]


@given(
    st.lists(_API_OBJECTS, min_size=1, max_size=8, unique=True),
    st.sampled_from(_RECORD_WRAPPERS),
    st.sampled_from(_ENCODERS),
)
def test_flat_objects_are_read_like_the_rows_of_a_table(read, objects, wrap, encode):
    portal = "https://portal.example/entry/"
    records = [
        {"id": str(number), "ioc": name, "reference": f"{portal}{number}", "port": 5, "tags": ["x"]}
        for number, (_, name) in enumerate(objects)
    ]
    if len(records) == 1 and wrap is _RECORD_WRAPPERS[0]:
        records *= 2  # the encoders write an array of one object as an object
    found = read(encode(wrap(records)), "list")
    assert found.formats[0].format == "json"
    assert "'ioc'" in found.formats[0].column
    assert seeds_of(found) == objects
    assert all(seed.attributes["tags"] == "x" for seed in found)


def test_objects_with_types_and_values_are_read_like_a_table(read):
    records = [
        {"type": "url", "value": "http://a.example/"},
        {"type": "hostname", "value": "b.example"},
        {"type": "sha256", "value": A},
        {"type": "imphash", "value": C},
    ]
    found = read(records)
    assert found.formats[0].format == "json"
    assert seeds_of(found) == [("url", "http://a.example/"), ("domain", "b.example"), ("file", A)]
    assert "imphash (1)" in skipped_types(found)


def test_fields_beside_an_array_of_objects_give_a_warning(read):
    found = read(
        {"sha256": A, "references": ["http://a.example/"], "data": [{"domain": "b.example"}]}
    )
    assert seeds_of(found) == [("domain", "b.example")]
    assert any("was read, not the fields 'sha256', 'references'" in each for each in found.warnings)


def test_nested_fields_in_a_response_of_a_server_are_ignored_with_a_warning(read):
    records = [
        {"ioc": "http://a.example/x", "ioc_type": "url", "malware_samples": [{"md5_hash": C}]},
        {"ioc": "8.8.8.8:443", "ioc_type": "ip:port", "malware_samples": []},
        {"ioc": A, "ioc_type": "sha256_hash", "malware_samples": None, "extra": {"b": B}},
    ]
    found = read({"query_status": "ok", "data": records})
    expected = [("url", "http://a.example/x"), ("ip_address", "8.8.8.8"), ("file", A)]
    assert seeds_of(found) == expected
    warning = next(each for each in found.warnings if "nested" in each)
    assert "nested fields were ignored: 'malware_samples' (1), 'extra' (1);" in warning
    assert "--format text" in warning


def test_hashes_beside_nested_fields_are_one_file(read):
    record = {"sha256_hash": A, "md5_hash": C, "file_name": "a.exe", "scan": {"result": None}}
    found = read({"query_status": "ok", "data": [record]})
    assert seeds_of(found) == [("file", A)]
    assert next(iter(found)).attributes["md5"] == C


def test_a_field_of_objects_can_be_chosen_like_a_column(read):
    records = [{"md5": C, "source_ip": "8.8.8.8"}, {"md5": C[::-1], "source_ip": "8.8.4.4"}]
    assert [seed.entity.type for seed in read(records)] == ["file", "file"]
    found = read(records, column="source_ip")
    assert seeds_of(found) == [("ip_address", "8.8.8.8"), ("ip_address", "8.8.4.4")]
    with pytest.raises(SeedError, match="without columns"):
        read([A], column="1")


@pytest.mark.parametrize(
    "value",
    [
        {"behaviour": {"network": ["http://evil.example/"]}, "sha256": A},
        {"data": [{"type": "file", "id": "17"}]},
        {"data": [{"type": "reference", "id": A}]},
        {"objects": [{"type": "car", "id": "5"}]},
        {"sha256": A},
        {"domains": ["a.example"], "files": [{"sha256": A}], "network": {"ip": "8.8.8.8"}},
        {"files": [{"sha256": A}], "hosts": [{"ip": "8.8.8.8"}], "status": "ok"},
        [{"sha256": A, "network": [{"ip": "8.8.8.8"}]}],
        {"status": "ok", "data": [{"name": A, "network": [{"ip": "8.8.8.8"}]}]},
        {"status": "ok", "data": [{"sha256": A}, {"network": [{"ip": "8.8.8.8"}]}]},
        [{"sha256": A}, [{"sha256": B}]],
        {},
        [],
        [[]],
        None,
        {"Event": 5},
        {"Attribute": [{"a": {}}]},
    ],
    ids=str,
)
def test_other_json_is_refused_with_the_option_that_reads_it(read, value):
    with pytest.raises(SeedError, match=f"{NOTHING_FOUND}; .* --format text"):
        read(value)


@pytest.mark.parametrize("format_name", ["stix", "misp", "virustotal", "json"])
def test_a_stated_json_format_that_does_not_match_is_refused(read, format_name):
    with pytest.raises(SeedError, match=r"is not|contains no"):
        read({"a": "b"}, format=format_name)


# Escaped characters that would join or split names if they were read as plain text.
_SANDBOX = {
    "http://a.example/x": "u",
    "log": "seen\nnews.example\tlist.example\\nothing",
    "dropped": {"nested": [f"{A}", 5, None, True, {"sha1": B}]},
    "unicode": "\u0065vil.example",
}


def test_every_text_in_other_json_is_read_as_text(read):
    text = json.dumps(_SANDBOX).replace("/", "\\/").replace("evil", "\\u0065vil")
    found = read(text, format="text")
    assert {name for _, name in seeds_of(found)} == {
        "http://a.example/x",
        "news.example",
        "list.example",
        A,
        B,
        "evil.example",
    }


def test_warnings_about_other_json_have_the_number_of_the_string(read):
    found = read({"a": "b", "c": "setup.zip"}, format="text")
    assert any(", string 4: " in each for each in found.warnings)


def test_a_saved_response_is_refused_with_the_command_that_stores_it(read):
    with pytest.raises(SeedError, match=r"a saved response of the API; .*graphbuild import"):
        read((DATA / "related_references.json").read_text())


def test_text_that_only_looks_like_json_is_read_as_text(read):
    found = read(f'{{"cut": "{A}", "a.example', format="text")
    assert ("file", A) in seeds_of(found)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda value: {"a": value},
        lambda value: [value],
        lambda value: {"objects": [value]},
        lambda value: {"data": [value]},
        lambda value: {"Event": value},
    ],
)
@pytest.mark.parametrize("format_name", ["auto", "stix", "misp", "virustotal", "json"])
def test_deep_nesting_is_refused(read, wrap, format_name):
    value = A
    for _ in range(100):
        value = wrap(value)
    with pytest.raises(SeedError, match="nested deeper than 64"):
        read(value, format=format_name)


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(A),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "id",
                    "objects",
                    "data",
                    "Event",
                    "Attribute",
                    "Object",
                    "value",
                    "hashes",
                    "attributes",
                    "relationships",
                    "response",
                    "_type",
                    "_id",
                    "more",
                    "pattern",
                    "info",
                ]
            ),
            children | st.sampled_from(["file", "bundle", "indicator", "domain", "url", "file--x"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(_ANY_JSON, st.sampled_from(["auto", "stix", "misp", "virustotal", "json", "text"]))
def test_any_json_is_a_list_or_a_seed_error(read, value, format_name):
    with suppress(SeedError):
        found = read(value, format=format_name)
        assert all(seed.entity.id for seed in found)
