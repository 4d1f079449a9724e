"""STIX, TAXII, MISP, OpenIOC, results of a sandbox, and objects of the API."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tests.support.seed_documents.names import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.seed_documents.names import Document

_TIME = "2026-10-05T00:42:15.000Z"


def _object(facts: Facts, kind: str, **properties: object) -> dict[str, object]:
    identifier = f"{kind}--{uuid.UUID(int=facts.random.getrandbits(128), version=4)}"
    times = {"created": _TIME, "modified": _TIME}
    return {"type": kind, "spec_version": "2.1", "id": identifier, **times, **properties}


def _indicator(facts: Facts, pattern: str) -> dict[str, object]:
    return _object(facts, "indicator", pattern=pattern, pattern_type="stix", valid_from=_TIME)


def _file_pattern(facts: Facts) -> str:
    sha256, md5 = facts.file(64, 32)
    return f"[file:hashes.'SHA-256' = '{sha256}' AND file:hashes.MD5 = '{md5}']"


def _indicators(facts: Facts) -> list[dict[str, object]]:
    patterns = [
        *(_file_pattern(facts) for _ in range(6)),
        *(f"[domain-name:value = '{facts.domain()}']" for _ in range(5)),
        *(f"[ipv4-addr:value = '{facts.address()}' ]" for _ in range(3)),
        *(f"[ipv4-addr:value = '{facts.address()}/32']" for _ in range(2)),
        *(f"[url:value = '{facts.url()}']" for _ in range(5)),
        f"[domain-name:value = '{facts.domain()}' OR domain-name:value = '{facts.domain()}']",
    ]
    others = [
        _object(facts, "malware", name="Copperwick", is_family=True),
        _object(
            facts,
            "report",
            name="Inside Copperwick",
            published=_TIME,
            object_refs=["malware--8761abbd-7f85-42ee-b272-a76179687c63"],
            external_references=[
                {"source_name": "Northlight", "url": "https://posts.northlight.com/copperwick"}
            ],
        ),
        _object(facts, "attack-pattern", name="PowerShell"),
        _indicator(facts, "[mutex:name = 'Global\\\\QmX7']"),
    ]
    return [*(_indicator(facts, pattern) for pattern in patterns), *others]


def _observables(facts: Facts) -> list[dict[str, object]]:
    def hashes() -> dict[str, str]:
        return dict(zip(("SHA-256", "SHA-1", "MD5"), facts.file(64, 40, 32), strict=True))

    return [
        *(_object(facts, "file", name="a.exe", hashes=hashes()) for _ in range(5)),
        *(
            _object(facts, "artifact", payload_bin="TVo=", hashes={"SHA-256": facts.hash(64)})
            for _ in range(2)
        ),
        *(_object(facts, "domain-name", value=facts.domain()) for _ in range(4)),
        *(_object(facts, "ipv4-addr", value=facts.address()) for _ in range(3)),
        *(_object(facts, "ipv6-addr", value=facts.address6()) for _ in range(2)),
        *(_object(facts, "url", value=facts.url()) for _ in range(4)),
        _object(facts, "email-addr", value="sender@northlight.com"),
        _object(facts, "x509-certificate", hashes={"SHA-1": facts.digits(40)}),
    ]


def _bundle(objects: list[dict[str, object]]) -> dict[str, object]:
    return {
        "type": "bundle",
        "id": "bundle--8761abbd-7f85-42ee-b272-a76179687c63",
        "objects": objects,
    }


def _stix_indicators(facts: Facts) -> Document:
    return facts.document("indicators.json", json.dumps(_bundle(_indicators(facts)), indent=1))


def _stix_observables(facts: Facts) -> Document:
    return facts.document("observables.json", json.dumps(_bundle(_observables(facts))))


def _stix_2_0(facts: Facts) -> Document:
    def observed(content: dict[str, object]) -> dict[str, object]:
        times = {"first_observed": _TIME, "last_observed": _TIME, "number_observed": 1}
        return {**_object(facts, "observed-data", objects={"0": content}, **times)}

    objects = [
        *(observed({"type": "file", "hashes": {"MD5": facts.hash(32)}}) for _ in range(4)),
        *(observed({"type": "domain-name", "value": facts.domain()}) for _ in range(4)),
        *(observed({"type": "ipv4-addr", "value": facts.address()}) for _ in range(4)),
        *(observed({"type": "url", "value": facts.url()}) for _ in range(4)),
        *_indicators(facts),
    ]
    for each in objects:
        del each["spec_version"]
        each.pop("pattern_type", None)
    return facts.document("stix2.0.json", json.dumps({**_bundle(objects), "spec_version": "2.0"}))


def _taxii(facts: Facts) -> Document:
    objects = [*_indicators(facts), *_observables(facts)]
    return facts.document("objects.json", json.dumps({"more": False, "objects": objects}))


def _stix_array(facts: Facts) -> Document:
    return facts.document("array.json", json.dumps(_indicators(facts)))


# --- MISP ----------------------------------------------------------------------------------------


def _attribute(kind: str, value: str, **more: object) -> dict[str, object]:
    return {"type": kind, "value": value, "to_ids": True, "category": "Other", **more}


def _misp_attributes(facts: Facts) -> list[dict[str, object]]:
    return [
        *(_attribute("sha256", facts.hash(64)) for _ in range(6)),
        *(_attribute("filename|md5", f"a.exe|{facts.hash(32)}") for _ in range(4)),
        *(_attribute("domain", facts.domain()) for _ in range(4)),
        *(_attribute("hostname", facts.domain()) for _ in range(4)),
        *(_attribute("ip-dst", facts.address()) for _ in range(4)),
        *(_attribute("ip-dst|port", f"{facts.address()}|8080") for _ in range(3)),
        *(_attribute("url", facts.url()) for _ in range(5)),
        _attribute("link", "https://posts.northlight.com/copperwick", to_ids=False),
        _attribute("imphash", facts.digits(32)),
        _attribute("email-src", "sender@northlight.com"),
        _attribute("comment", "seen in March", to_ids=False),
    ]


def _misp_object(facts: Facts) -> dict[str, object]:
    names = ("sha256", "sha1", "md5")
    hashes = zip(names, facts.file(64, 40, 32), strict=True)
    attributes = [_attribute(name, text, object_relation=name) for name, text in hashes]
    attributes.append(_attribute("filename", "a.exe", object_relation="filename"))
    attributes.append(_attribute("imphash", facts.digits(32), object_relation="imphash"))
    return {"name": "file", "meta-category": "file", "Attribute": attributes}


def _misp_event(facts: Facts) -> Document:
    event = {"info": "Copperwick", "date": "2026-10-05", "Attribute": _misp_attributes(facts)}
    return facts.document("event.json", json.dumps({"Event": event}))


def _misp_search_result(facts: Facts) -> Document:
    objects = [_misp_object(facts) for _ in range(5)]
    event = {"info": "Copperwick", "Attribute": _misp_attributes(facts), "Object": objects}
    return facts.document("search.json", json.dumps({"response": [{"Event": event}]}))


# --- XML -----------------------------------------------------------------------------------------


def _open_ioc(facts: Facts) -> Document:
    def item(document: str, search: str, kind: str, content: str) -> str:
        return (
            f'<IndicatorItem id="{facts.digits(8)}" condition="is"><Context document="{document}" '
            f'search="{search}" type="mir"/><Content type="{kind}">{escape(content)}</Content>'
            "</IndicatorItem>"
        )

    items = [
        *(item("FileItem", "FileItem/Md5sum", "md5", facts.hash(32)) for _ in range(6)),
        *(item("FileItem", "FileItem/Sha256sum", "sha256", facts.hash(64)) for _ in range(4)),
        *(item("Network", "Network/DNS", "string", facts.domain()) for _ in range(6)),
        *(item("PortItem", "PortItem/remoteIP", "IP", facts.address()) for _ in range(4)),
        *(item("UrlHistoryItem", "UrlHistoryItem/URL", "string", facts.url()) for _ in range(4)),
        item("FileItem", "FileItem/FileName", "string", "setup.exe"),
    ]
    return facts.document(
        "copperwick.ioc",
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<ioc xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns="http://schemas.mandiant.com/2010/ioc" id="8761abbd-7f85-42ee-b272-a76179687c63">\n'
        "<short_description>Copperwick</short_description>\n<definition>\n"
        '<Indicator operator="OR" id="1">\n' + "\n".join(items) + "\n</Indicator>\n"
        "</definition>\n</ioc>\n",
    )


def _stix_1(facts: Facts) -> Document:
    def observable(kind: str, content: str) -> str:
        return (
            f'<cybox:Observable id="x:o-{facts.digits(8)}"><cybox:Object><cybox:Properties '
            f'xsi:type="{kind}">{content}</cybox:Properties></cybox:Object></cybox:Observable>'
        )

    def hashed(kind: str, text: str) -> str:
        return (
            f"<FileObj:Hashes><cyboxCommon:Hash><cyboxCommon:Type>{kind}</cyboxCommon:Type>"
            f"<cyboxCommon:Simple_Hash_Value>{text}</cyboxCommon:Simple_Hash_Value>"
            "</cyboxCommon:Hash></FileObj:Hashes>"
        )

    def value(prefix: str, text: str) -> str:
        return f'<{prefix}Value condition="Equals">{escape(text)}</{prefix}Value>'

    observables = [
        *(observable("FileObj:FileObjectType", hashed("MD5", facts.hash(32))) for _ in range(5)),
        *(observable("FileObj:FileObjectType", hashed("SHA256", facts.hash(64))) for _ in range(5)),
        *(
            observable(
                "DomainNameObj:DomainNameObjectType", value("DomainNameObj:", facts.domain())
            )
            for _ in range(5)
        ),
        *(
            observable(
                "AddressObj:AddressObjectType", value("AddressObj:Address_", facts.address())
            )
            for _ in range(4)
        ),
        *(observable("URIObj:URIObjectType", value("URIObj:", facts.url())) for _ in range(4)),
    ]
    spaces = " ".join(
        f'xmlns:{name}="{address}"'
        for name, address in {
            "stix": "http://stix.mitre.org/stix-1",
            "cybox": "http://cybox.mitre.org/cybox-2",
            "cyboxCommon": "http://cybox.mitre.org/common-2",
            "FileObj": "http://cybox.mitre.org/objects#FileObject-2",
            "DomainNameObj": "http://cybox.mitre.org/objects#DomainNameObject-1",
            "AddressObj": "http://cybox.mitre.org/objects#AddressObject-2",
            "URIObj": "http://cybox.mitre.org/objects#URIObject-2",
            "xsi": "http://www.w3.org/2001/XMLSchema-instance",
        }.items()
    )
    return facts.document(
        "package.xml",
        f'<?xml version="1.0" encoding="UTF-8"?>\n<stix:STIX_Package {spaces} version="1.2">\n'
        "<stix:Observables>\n" + "\n".join(observables) + "\n</stix:Observables>\n"
        "</stix:STIX_Package>\n",
    )


# --- other JSON ----------------------------------------------------------------------------------


def _sandbox(facts: Facts) -> Document:
    report = {
        "info": {"id": 4711, "version": "2.4-CAPE", "machine": {"name": "win10-2"}},
        "target": {
            "category": "file",
            "file": {"name": "setup.exe", "sha256": facts.hash(64), "crc32": facts.digits(8)},
        },
        "network": {
            "hosts": [{"ip": facts.address(), "country_name": "unknown"} for _ in range(4)],
            "domains": [{"domain": facts.domain(), "ip": ""} for _ in range(4)],
            "http": [{"uri": facts.url(), "method": "GET", "port": 80} for _ in range(4)],
        },
        "dropped": [{"name": "x.dll", "sha256": facts.hash(64), "md5": facts.hash(32)}],
        "behavior": {
            "summary": {
                "files": ["C:\\Users\\Public\\run.ps1", "C:\\Windows\\System32\\kernel32.dll"],
                "resolved_apis": ["kernel32.dll.LoadLibraryW", "ws2_32.dll.connect"],
                "mutexes": ["Global\\QmX7"],
                "executed_commands": ["powershell.exe -enc " + _encoded()],
            }
        },
    }
    return facts.document("report.json", json.dumps(report, indent=2), "text")


def _encoded() -> str:
    return base64.b64encode("iex (gc x)".encode("utf-16-le")).decode()


def _pulse_json(facts: Facts) -> Document:
    def entry(kind: str, text: str) -> dict[str, str]:
        return {"indicator": text, "type": kind, "title": "", "created": "2026-10-05T00:42:15"}

    entries = [
        *(entry("FileHash-SHA256", facts.hash(64)) for _ in range(6)),
        *(entry("hostname", facts.domain()) for _ in range(6)),
        *(entry("URL", facts.url()) for _ in range(6)),
        *(entry("IPv4", facts.address()) for _ in range(6)),
    ]
    pulse = {"name": "Copperwick", "references": [facts.link()], "indicators": entries}
    return facts.document("pulse.json", json.dumps(pulse))


def _feed_json(facts: Facts) -> Document:
    """Return a feed in JSON in which slashes are escaped."""
    entries = {
        str(number): [{"url": facts.url(), "url_status": "online", "tags": ["elf", "mips"]}]
        for number in range(20)
    }
    text = json.dumps(entries, indent=4).replace("/", "\\/")
    return facts.document("urls.json", text)


def _api_objects(facts: Facts) -> Document:
    objects = [
        *({"type": "file", "id": facts.hash(64)} for _ in range(6)),
        *({"type": "domain", "id": facts.domain()} for _ in range(5)),
        *({"type": "ip_address", "id": facts.address()} for _ in range(5)),
        {"type": "collection", "id": "alienvault_5f1e"},
    ]
    return facts.document("iocs.json", json.dumps({"data": objects, "meta": {"count": 17}}))


def _json_array(facts: Facts) -> Document:
    values = [facts.hash(64) for _ in range(6)] + [facts.domain() for _ in range(6)]
    return facts.document("list.json", json.dumps([*values, *(facts.url() for _ in range(4))]))


_MAKERS = (
    _stix_indicators,
    _stix_observables,
    _stix_2_0,
    _taxii,
    _stix_array,
    _misp_event,
    _misp_search_result,
    _open_ioc,
    _stix_1,
    _sandbox,
    _pulse_json,
    _feed_json,
    _api_objects,
    _json_array,
)


def structured_documents() -> Iterator[Document]:
    """Yield one document per structured format."""
    for number, make in enumerate(_MAKERS):
        yield make(Facts(3_000 + number))
