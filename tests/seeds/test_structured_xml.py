"""STIX 1 and OpenIOC in XML, valid, invalid and hostile."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbuild.errors import SeedError
from graphbuild.seeds import read_seeds
from tests.seeds.seed_lists import seeds_of

A, B, C = "a1" * 32, "b2" * 20, "c3" * 16
NAMESPACES = {
    "stix": "http://stix.mitre.org/stix-1",
    "cybox": "http://cybox.mitre.org/cybox-2",
    "cyboxCommon": "http://cybox.mitre.org/common-2",
    "FileObj": "http://cybox.mitre.org/objects#FileObject-2",
    "DomainNameObj": "http://cybox.mitre.org/objects#DomainNameObject-1",
    "HostnameObj": "http://cybox.mitre.org/objects#HostnameObject-1",
    "AddressObj": "http://cybox.mitre.org/objects#AddressObject-2",
    "URIObj": "http://cybox.mitre.org/objects#URIObject-2",
    "MutexObj": "http://cybox.mitre.org/objects#MutexObject-2",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Return a function that reads a text from a file."""
    folder = tmp_path_factory.mktemp("xml")

    def read_text(text, name="list.xml", encoding="utf-8", **options):
        path = folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_seeds(path, **options)

    return read_text


# --- STIX 1 --------------------------------------------------------------------------------------


def package(*objects, root="stix:STIX_Package"):
    spaces = " ".join(f'xmlns:{name}="{address}"' for name, address in NAMESPACES.items())
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- made up -->\n'
    return f"{declaration}<{root} {spaces}>\n{chr(10).join(objects)}\n</{root}>\n"


def properties(kind, content, **attributes):
    stated = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f'<cybox:Object><cybox:Properties xsi:type="{kind}:{kind}ectType"{stated}>{content}'
        "</cybox:Properties></cybox:Object>"
    )


def hash_of(value, kind="", condition="Equals"):
    stated = f"<cyboxCommon:Type>{kind}</cyboxCommon:Type>" if kind else ""
    return (
        f'<cyboxCommon:Hash>{stated}<cyboxCommon:Simple_Hash_Value condition="{condition}">{value}'
        "</cyboxCommon:Simple_Hash_Value></cyboxCommon:Hash>"
    )


def file_of(*hashes, name="", element="FileObj:Hashes"):
    stated = f"<FileObj:File_Name>{name}</FileObj:File_Name>" if name else ""
    return properties("FileObj", f"{stated}<{element}>{''.join(hashes)}</{element}>")


def domain_of(name):
    return properties("DomainNameObj", f"<DomainNameObj:Value>{name}</DomainNameObj:Value>")


def host_of(name):
    value = f"<HostnameObj:Hostname_Value>{name}</HostnameObj:Hostname_Value>"
    return properties("HostnameObj", value)


def address_of(text, category="ipv4-addr"):
    value = f'<AddressObj:Address_Value condition="Equals">{text}</AddressObj:Address_Value>'
    return properties("AddressObj", value, category=category)


def url_of(text):
    return properties("URIObj", f"<URIObj:Value>{escape(text)}</URIObj:Value>", type="URL")


_WRAPPERS = [
    lambda content: f"<stix:Observables>{content}</stix:Observables>",
    lambda content: (
        f"<stix:Indicators><stix:Indicator>{content}</stix:Indicator></stix:Indicators>"
    ),
    lambda content: (
        f"<cybox:Observable><cybox:Observable_Composition>{content}"
        "</cybox:Observable_Composition></cybox:Observable>"
    ),
    lambda content: properties(
        "MutexObj", f"<cybox:Related_Objects>{content}</cybox:Related_Objects>"
    ),
]
_DOMAINS = st.integers(0, 999).map("host{}.example".format)
_SHA256 = st.integers(2**252, 2**255).map("{:064x}".format)
_OBJECTS = st.one_of(
    _DOMAINS.map(lambda name: (domain_of(name), [("domain", name)])),
    _DOMAINS.map(lambda name: (host_of(name), [("domain", name)])),
    _DOMAINS.map(
        lambda name: (url_of(f"http://{name}/?a=1&b=<>"), [("url", f"http://{name}/?a=1&b=<>")])
    ),
    st.integers(1, 254).map(
        lambda last: (address_of(f"8.8.8.{last}"), [("ip_address", f"8.8.8.{last}")])
    ),
    _SHA256.map(lambda sha: (file_of(hash_of(sha, "SHA256")), [("file", sha)])),
    _SHA256.map(lambda sha: (file_of(hash_of(C, "MD5"), hash_of(sha)), [("file", sha)])),
)


@given(
    st.lists(_OBJECTS, min_size=1, max_size=8),
    st.sampled_from(_WRAPPERS),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_objects_of_stix_1_are_found_wherever_they_are(read, objects, wrap, encoding):
    found = read(package(*(wrap(content) for content, _ in objects)), "list", encoding)
    assert found.formats[0].format == "stix1"
    assert seeds_of(found) == list(dict.fromkeys(seed for _, names in objects for seed in names))
    assert (found.rejected, found.skipped) == ([], 0)


def test_the_hashes_of_an_object_are_one_file_with_its_name(read):
    (seed,) = read(package(file_of(hash_of(C, "MD5"), hash_of(A, "SHA256"), name="a.exe")))
    assert seed.entity.id == A
    assert dict(seed.attributes) == {"md5": C, "file_name": "a.exe"}


def test_an_element_can_contain_several_values(read):
    values = f"{A}##comma##{A[::-1]}"
    found = read(package(file_of(hash_of(values, "SHA256")), address_of("8.8.8.8##comma##8.8.4.4")))
    assert seeds_of(found) == [
        ("file", A),
        ("file", A[::-1]),
        ("ip_address", "8.8.8.8"),
        ("ip_address", "8.8.4.4"),
    ]


def test_objects_that_are_no_seeds_are_counted_by_type(read):
    found = read(
        package(
            properties("MutexObj", "<MutexObj:Name>x</MutexObj:Name>"),
            address_of("a@evil.example", "e-mail"),
            file_of(hash_of("3:x:y", "SSDEEP")),
            file_of(hash_of(A, "SHA256"), element="FileObj:Data_Hashes"),
            file_of(hash_of(A, "SHA256", condition="StartsWith")),
        )
    )
    assert not found
    types, conditions = sorted(found.warnings, key=lambda text: "conditions" in text)
    for name in ("MutexObjectType (1)", "e-mail (1)", "SSDEEP (1)", "FileObjectType (1)"):
        assert name in types
    assert "conditions other than Equals" in conditions


def test_a_response_of_taxii_1_is_read(read):
    content = package(domain_of("a.example")).partition("-->\n")[2]
    root = "taxii_11:Poll_Response"
    text = f'<{root} xmlns:taxii_11="http://taxii.mitre.org/messages/x">{content}</{root}>'
    assert seeds_of(read(text)) == [("domain", "a.example")]


# --- OpenIOC -------------------------------------------------------------------------------------


def ioc(*items, root="ioc", part="definition"):
    return (
        f'<?xml version="1.0" encoding="us-ascii"?>\n<{root} xmlns="http://schemas.mandiant.com/2010/ioc">'
        f'<short_description>x</short_description><{part}><Indicator operator="OR">'
        f"{''.join(items)}</Indicator></{part}></{root}>"
    )


def item(search, content, **attributes):
    stated = "".join(
        f' {name}="{value}"' for name, value in {"condition": "is", **attributes}.items()
    )
    return (
        f'<IndicatorItem id="x"{stated}><Context document="{search.partition("/")[0]}" '
        f'search="{search}" type="mir"/><Content type="string">{escape(content)}</Content>'
        "</IndicatorItem>"
    )


_ITEMS = st.one_of(
    _SHA256.map(lambda sha: (item("FileItem/Sha256sum", sha), ("file", sha))),
    _SHA256.map(lambda sha: (item("FileItem/Md5sum", sha[:32]), ("file", sha[:32]))),
    _SHA256.map(lambda sha: (item("DriverItem/Sha1sum", sha[:40]), ("file", sha[:40]))),
    _DOMAINS.map(lambda name: (item("Network/DNS", name), ("domain", name))),
    _DOMAINS.map(
        lambda name: (item("DnsEntryItem/Host", name, condition="contains"), ("domain", name))
    ),
    _DOMAINS.map(
        lambda name: (
            item("UrlHistoryItem/URL", f"http://{name}/?a&b"),
            ("url", f"http://{name}/?a&b"),
        )
    ),
    st.integers(1, 254).map(
        lambda last: (item("PortItem/remoteIP", f"8.8.8.{last}"), ("ip_address", f"8.8.8.{last}"))
    ),
)


@given(
    st.lists(_ITEMS, min_size=1, max_size=8),
    st.sampled_from([("ioc", "definition"), ("OpenIOC", "criteria")]),
    st.booleans(),
)
def test_indicator_items_of_openioc_are_read(read, items, names, nested):
    root, part = names
    contents = [content for content, _ in items]
    if nested:
        contents = [f'<Indicator operator="AND">{content}</Indicator>' for content in contents]
    found = read(ioc(*contents, root=root, part=part), "list")
    assert found.formats[0].format == "openioc"
    assert seeds_of(found) == list(dict.fromkeys(seed for _, seed in items))
    assert found.rejected == []


def test_items_that_are_no_seeds_are_counted_by_search_term(read):
    found = read(
        ioc(
            item("FileItem/FileName", "evil.example"),
            item("FileItem/PEInfo/Sections/Section/Md5sum", C),
            item("FileItem/Md5sum", C, negate="true"),
            item("Network/DNS", "evil.example", condition="ends-with"),
            item("FileItem/Md5sum", "zz"),
            "<IndicatorItem/>",
            '<IndicatorItem><Context search="FileItem/Md5sum"/></IndicatorItem>',
        ),
        "x.ioc",
    )
    assert not found
    assert [each.line for each in found.rejected] == [2, 2, 2]
    warnings = "\n".join(found.warnings)
    assert "FileItem/FileName (1), FileItem/PEInfo/Sections/Section/Md5sum (1)" in warnings
    assert "conditions other than is and contains" in warnings


# --- invalid and hostile documents ---------------------------------------------------------------

_ENTITIES = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{_ENTITIES}<STIX_Package>&c;</STIX_Package>", "neither STIX 1 nor OpenIOC"),
        ("<ioc>" + "<a>" * 100 + "</a>" * 100 + "</ioc>", "nested deeper than 64 levels"),
        ("<ioc>" + "<a>" * 100_000, "nested deeper than 64 levels"),
        ("<ioc><a></ioc>", "is not valid XML: mismatched tag in line 1"),
        ("<ioc>\n<a>", "is not valid XML: no element found in line 2"),
        ("<ioc>&undefined;</ioc>", "is not valid XML: undefined entity"),
        ("<ioc><a b='" + "x" * (3 * 2**20) + "'/></ioc>", "is larger than 1048576 bytes"),
        ("<ioc><!--" + "x" * (3 * 2**20) + "--></ioc>", "is larger than 1048576 bytes"),
        ("<ioc>\x01</ioc>", "is not valid XML"),
        ("<?xml version='1.0'?><rss><item/></rss>", "neither STIX 1 nor OpenIOC; .*--format text"),
        ("<?xml version='1.0'?>", "neither STIX 1 nor OpenIOC; .*--format text"),
    ],
    ids=lambda text: text[:30],
)
def test_an_invalid_document_is_refused_with_the_reason(read, text, reason):
    with pytest.raises(SeedError, match=reason):
        read(text)


@pytest.mark.parametrize("format_name", ["stix1", "openioc"])
@pytest.mark.parametrize("declaration", [_ENTITIES, '<!DOCTYPE a SYSTEM "file:///etc/passwd">'])
def test_a_document_type_is_refused(read, format_name, declaration):
    with pytest.raises(SeedError, match="line 1: document types"):
        read(f"{declaration}<ioc>&c;</ioc>", format=format_name)


@pytest.mark.parametrize("format_name", ["stix1", "openioc"])
def test_a_stated_format_needs_xml(read, format_name):
    with pytest.raises(SeedError, match="is not valid XML"):
        read(f"{A}\n", format=format_name)
    assert not read(package() if format_name == "openioc" else ioc(), format=format_name)


def test_a_long_text_and_many_elements_take_little_memory(read):
    items = [item("Network/DNS", f"h{number}.example") for number in range(1_000)]
    long = item("Network/DNS", "a" * (4 * 2**20))
    text = ioc(long, *items, "<a/>\n" * 30_000)
    tracemalloc.start()
    found = read(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(found), len(found.rejected)) == (1_000, 1)
    assert peak < 20 * 2**20


@given(
    st.binary(max_size=100),
    st.integers(0, 600),
    st.integers(0, 600),
    st.sampled_from(["auto", "stix1", "openioc"]),
)
def test_a_damaged_document_is_a_list_or_a_seed_error(read, junk, start, length, format_name):
    text = package(file_of(hash_of(A, "SHA256")), domain_of("a.example")).encode()
    damaged = text[:start] + junk + text[start + length :]
    with suppress(SeedError):
        found = read(damaged, format=format_name)
        assert {seed.entity.type for seed in found} <= {"file", "domain", "ip_address", "url"}
