"""Free text: the indicators in reports, and generated variants of what readers got wrong."""

from __future__ import annotations

from itertools import count, product

import pytest

from graphbuild.seeds import read_seeds
from tests.seeds.seed_lists import CASES

SHA256 = "38fcde7f602376e3a92d094162fb73080b0b9d93b54167a54b4b7902495853ae"
MD5 = "2d20f1cd235afc9538202b25f2e68428"


@pytest.fixture
def read_lines(tmp_path):
    """Return a function that reads lines as text, and returns the seeds of each line."""

    def read(lines):
        path = tmp_path / "report.txt"
        path.write_text("\n".join(lines), encoding="utf-8")
        found = read_seeds(path, format="text")
        by_line = {line: [] for line in lines}
        for seed, text in zip(found, seeds_of(found), strict=True):
            by_line[lines[seed.line - 1]].append(text)
        return by_line, found.warnings

    return read


def rejected_in(warnings):
    """Return the quoted text of each warning about rejected text."""
    return [message.split("'")[1] for message in warnings if message.endswith("; skipped")]


def seeds_of(found):
    """Return the text of each seed."""
    return [seed.entity.attributes.get("url", seed.entity.id) for seed in found]


def hash_of(value, length=32):
    return f"c{value:0{length - 1}x}"


def number(templates, *values):
    """Fill templates; every ``{n}`` becomes a number of its own, so that no line repeats a seed."""
    numbers = count(100)
    for template, *each in product(templates, *values):
        yield template, *[value.replace("{n}", str(next(numbers))) for value in each]


# --- the cases -----------------------------------------------------------------------------------


# The expected seeds of each case. Lines 7 and 8 of case 19 repeat the domain of line 6.
_EXPECTED = {
    "case01/report.txt": [
        "example.net",
        "c2.example.net",
        "backup.example.org",
        "mail.example.net",
        "8.8.8.8",
        "https://blog.example.net",
        "evil.example.net",
        "panel.example.net",
        "https://panel.example.net/login",
    ],
    "case03/report.txt": [
        "https://c2.example.com/dATa/upload",
        "https://c2.example.com/getETag?x=1",
        "http://c2.example.com/http/login.php",
        "https://c2.example.com/hELps/a",
    ],
    "case04/report.txt": [
        "https://c2.example.com/rdp.ps1",
        "http://8.8.8.8/update.exe",
        "https://c2.example.com/pattern.exe",
        "https://www.example.org/awards/",
        "http://a.example.com/x",
        "http://b.example.com/y",
        "http://c.example.com/x",
        "http://d.example.com/y",
    ],
    "case05/report.md": [
        "https://c2.example.com/index?key=1",
        "https://panel.example.org",
        "https://img.example.com/b.svg",
        "https://ci.example.com/x",
    ],
    "case08/report.txt": [
        "https://c2.example.com/a",
        "https://c2.example.org/b",
        "https://c2.example.com/c",
    ],
    "case11/report.txt": [
        f"{MD5}.example.com",
        "4abfb640cb9e63d4cb42b3f7f98a9796.bihcreuom.example.org",
        "0027998a647175eb55a587edf515aef0-9591beae439b860.example.com",
    ],
    "case13/report.txt": [],
    "case15/report.txt": [
        MD5,
    ],
    "case18/report.txt": [
        "csil.wp.mil.pl",
        "www.gov.rs",
        "bank.com.py",
        "www.example.pl",
        "portal.example.md",
        "evil-shop.pl",
    ],
    "case19/report.txt": [
        "http://www.example.com/a",
        "https://www.example.com/b",
        "https://c2.example.com/x",
        "https://c2.example.com/y",
        "http://www.example.com/c",
        "c2.example.com",
        "http://c2.example.com/x",
        "www.bullet.example.com",
        "second.example.com",
    ],
    "case35/report.md": [
        SHA256,
    ],
    "case41/report.txt": [
        SHA256[:32],
        SHA256[32:],
        "26bf6cb9df564de02dd1723dd704f6b9419a10fe",
    ],
    "case43/list.txt": [
        "8.8.8.8",
        "1.1.1.1",
        "8.8.4.4",
        "9.9.9.9",
        "8.8.4.8",
    ],
}


@pytest.mark.parametrize("name", _EXPECTED)
def test_cases(name):
    assert seeds_of(read_seeds(CASES / name, format="text")) == _EXPECTED[name]


def test_repeated_domains_are_counted():
    assert read_seeds(CASES / "case19/report.txt", format="text").duplicates == 2


@pytest.mark.parametrize(("name", "rejected"), [("case13/report.txt", 8), ("case15/report.txt", 7)])
def test_rejected_text_is_reported(name, rejected):
    assert len(rejected_in(read_seeds(CASES / name, format="text").warnings)) == rejected


@pytest.mark.parametrize("name", ["case41/report.txt", "case41/list.txt"])
def test_a_wrapped_hash_is_reported(name):
    warnings = read_seeds(CASES / name, format="text").warnings
    assert any("two lines may be one SHA-256" in message for message in warnings)


@pytest.mark.parametrize("separator", [",", ";", "|", " ", "\t", "', '", '","', "\\n"])
def test_one_long_line_has_all_hashes(read_lines, separator):
    hashes = [hash_of(each, 64) for each in range(3_000)]
    by_line, _ = read_lines([separator.join(hashes)])
    assert list(by_line.values()) == [hashes]


# --- text around hosts and URLs ------------------------------------------------------------------

_AROUND_HOST = [
    *("{}", "({})", "[{}]", "<{}>", "{{{}}}", "`{}`", '"{}"', "'{}'", "“{}”", "‘{}’", "«{}»"),
    *("The C2 ({}), which", "the host [{}] and", "{} (primary).", "({} (at night))", "{}…"),
    *("Received: from {} (unknown)", "{}, and", "{}; and", "{}: and", "{}!", "**{}**", "_{}_"),
    *("| {} |", "|{}|", "<td>{}</td>", "&lt;{}&gt;", "- {}", "-{}", "--{}", "* {}", "*.{}", ".{}"),
    *(
        "host={}",
        "Host:{}",
        "{}'s",
        "{}’s",
        "在{}上",
        "域名{}。",
        "“{}”，",
        "//{}",
        "\\\\{}\\share",
    ),
]


@pytest.mark.parametrize("host", ["c{n}.example.net", "a{n}.example.at", "b{n}[.]example[.]net"])
def test_a_host_is_found_in_any_context(read_lines, host):
    rows = list(number(_AROUND_HOST, [host]))
    expected = {template.format(name): [name.replace("[.]", ".")] for template, name in rows}
    found, _ = read_lines(list(expected))
    assert found == expected


AROUND_URL = [
    *(
        "{}",
        "({})",
        "[{}]",
        "<{}>",
        "{{{}}}",
        "`{}`",
        '"{}"',
        "'{}'",
        "“{}”",
        "‘{}’",
        "«{}»",
        "「{}」",
    ),
    *("{}.", "{},", "{};", "{}!", "{}…", "{} (dropper)", "({})for", "see {}: it", "_{}_", "~~{}~~"),
    *(
        "[text]({})",
        "[{}](x.md)",
        "![x]({})",
        "[1]: {}",
        "<{}>",
        "**{}**",
        "*{}*",
        "| {} |",
        "|{}|",
    ),
    *(
        "{}[text]",
        "link:{}[text]",
        "image::{}[text]",
        "`text <{}>`_",
        "`+{}+`",
        "\\url{{{}}}",
        "[{} text]",
    ),
    *('<a href="{}">x</a>', "<a href='{}'>x</a>", "<td>{}</td>", "{}<br/>", "&quot;{}&quot;"),
    *("f('{}');g", "f('{}','C:\\x')", 'f("{}",$path)', "f(r'{}', 1)", "url({})", "wget '{}',$p"),
    *('{{"u":"{}","v":1}}', '"{}\\nfoo"', "'{}'+x", "curl {} | sh", "URL={}", "\\n{}", "C2:{}"),
    *("访问{}。", "见{}，", "（{}）", "{}—then", "'{}', 'x'", "\u200b{}\u200b"),
]
_URLS = [
    "https://c{n}.example.com",
    "https://c{n}.example.com/",
    "http://c{n}.example.com/a_(b)",
    "https://c{n}.example.com/x/pattern.exe",
    "https://c{n}.example.com/dATa/hELps/http/login.php?q=ETag&b[]=1&c=%20#frag",
    "https://user:pw@c{n}.example.com:8443/@51.5,-0.12,15z/a;b=1/a.js,b.js",
    "https://web.archive.org/web/2020/http://c{n}.example.com/x",
    "ftp://8.8.8.8/c{n}/file.txt",
    "http://[2606:4700::1111]/c{n}",
]


@pytest.mark.parametrize("url", _URLS)
def test_a_url_comes_back_from_any_context(read_lines, url):
    rows = [(template, each) for template, each in number(AROUND_URL, [url])]
    expected = {template.format(each): [each] for template, each in rows}
    found, _ = read_lines(list(expected))
    assert found == expected


def test_urls_end_before_the_next_item_of_a_list(read_lines):
    next_items = [
        *("http://b{n}.example.com/y", "hxxps://b{n}[.]example[.]com/y", "www.b{n}.example.com"),
        *("b{n}.example.com", "8.8.8.{n}", f"{{n}}{MD5[:29]}", "b{n}[.]example[.]com"),
    ]
    urls = ["http://a.example.com/{}", "http://a.example.com/{}?q=x"]
    expected = {}
    for url, separator, item in number(urls, [",", ";", ", ", "; ", "|"], next_items):
        if "?" in url and separator in ",;" and item.startswith("b"):
            continue  # a query can contain names with dots
        first = url.format(len(expected))
        refanged = item.replace("[.]", ".").replace("hxxp", "http")
        expected[first + separator + item] = [first, refanged]
    assert len(expected) >= 50
    found, _ = read_lines(list(expected))
    assert found == expected


def test_xml_namespaces_are_not_urls(read_lines):
    names = ["xmlns", "xmlns:a", "xmlns:xsi-1"]
    lines = [f'<a b="1" {name}="http://a{each}.example/x">' for each, name in enumerate(names)]
    found, warnings = read_lines([*lines, '<a href="http://b.example/x">'])
    assert [seed for seeds in found.values() for seed in seeds] == ["http://b.example/x"]
    assert any("line 1 and 2 more: names of XML namespaces" in message for message in warnings)


# --- defanged text -------------------------------------------------------------------------------

_DOTS = [
    *(
        "[.]",
        "(.)",
        "{.}",
        "[dot]",
        "(dot)",
        "[DOT]",
        " [.] ",
        "[ . ]",
        "[.",
        ".]",
        "\\.",
        "\\[.\\]",
    ),
    *(
        "&#46;",
        "&#x2e;",
        "&period;",
        "&#91;.&#93;",
        "&lsqb;.&rsqb;",
        "&#40;dot&#41;",
        "。",
        "．",
        ".\u200b",
        "\u2060.",
    ),
]
_SCHEMES = {
    "http": ["hxxp", "hXXp", "h**p", "h[tt]p", "h(tt)p", "hxtp", "htxp", "meow", "http", "h__p"],
    "https": ["hxxps", "hXXpS", "h**ps", "h[tt]ps", "http[s]", "hxxp(s)", "hxxp[s]", "https"],
    "ftp": ["fxp", "f*p", "ftp"],
}
_SCHEME_ENDS = ["://", "[:]//", "[://]", ":[//]", "(:)//", ":\\/\\/", ":\\\\", "[:]\\/\\/"]


@pytest.mark.parametrize("host", ["c{n}.example.com", "4abf.c{n}.example.zip", f"{MD5}.c{{n}}.md"])
def test_a_host_is_refanged(read_lines, host):
    rows = [
        (dot, template, name)
        for dot in _DOTS
        for template, name in number(["{}", "the ({})", "- {}:443 up"], [host])
        if not (dot == "\\." and name.endswith(".zip"))  # as in regular expressions
    ]
    expected = {}
    for each, (dot, template, name) in enumerate(rows):
        unique = f"u{each}.{name}"
        expected[template.format(unique.replace(".", dot))] = [unique]
    found, _ = read_lines(list(expected))
    assert len(expected) >= 50
    assert found == expected


def test_a_url_is_refanged(read_lines):
    expected = {}
    for scheme, spellings in _SCHEMES.items():
        for spelling, end, dot in product(spellings, _SCHEME_ENDS, ["[.]", ".", "[dot]"]):
            if spelling == "meow" and end == ":\\\\":
                continue
            rest = f"c{len(expected)}{dot}example{dot}com/dATa/getETag?x=http"
            url = f"{scheme}://{rest.replace(dot, '.')}"
            expected[f"{spelling}{end}{rest} was seen"] = [url]
    found, _ = read_lines(list(expected))
    assert found == expected


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("evil [.] com", "evil.com"),
        ("C2/evil[.]com", "evil.com"),
        (r"https://evil.com/a\_b\-c\~d", "https://evil.com/a_b-c~d"),
        (r"https://evil.com/\<id\>", "https://evil.com/"),
        (
            "hxxps://archive[.]example/web/hxxp://evil.com",
            "https://archive.example/web/http://evil.com",
        ),
        ("https://archive.example/hxxp://evil.com", "https://archive.example/http://evil.com"),
        ("evil.top(8.8.8.300)", "evil.top"),
        ("evil.top = 300.8.8.8", "evil.top"),
        ("transfer.sh/abc", "http://transfer.sh/abc"),
    ],
)
def test_other_forms(read_lines, text, seed):
    found, _ = read_lines([text])
    assert found == {text: [seed]}


def test_an_address_or_url_after_a_host_is_not_a_path(read_lines):
    texts = ["evil.com/8.8.8.8", "8.8.4.4/1.1.1.1", "bad.com/9.9.9.9/x", "a.com.http://b.com/"]
    found, _ = read_lines(texts)
    assert list(found.values()) == [
        ["evil.com", "8.8.8.8"],
        ["8.8.4.4", "1.1.1.1"],
        ["http://bad.com/9.9.9.9/x"],
        ["a.com", "http://b.com/"],
    ]


def test_html_tags_around_a_defanged_dot_are_ignored(read_lines):
    lines = {
        "<li>esign<span>[.]</span>portal<span>[.]</span>com</li>": ["esign.portal.com"],
        "<td>cpanel.netbar[.]<wbr>org</td>": ["cpanel.netbar.org"],
        '<p>a.evil<b class="x">(.)</b>net, x': ["a.evil.net"],
        "<p>hxxp://b.evil<span>[.]</span>com/x</p>": ["http://b.evil.com/x"],
        "8<span>[.]</span>8<span>[.]</span>4[.]<wbr/>4": ["8.8.4.4"],
        "<i>c.evil[.]com</i><b>d.evil.com</b>": ["c.evil.com", "d.evil.com"],
    }
    found, _ = read_lines(list(lines))
    assert found == lines


def test_defanged_hosts_with_a_slash_between_them_are_two_hosts(read_lines):
    lines = {
        "cdn1.evil[.]su/cdn2.evil[.]su. The": ["cdn1.evil.su", "cdn2.evil.su"],
        "(a.evil(.)com/b.evil(.)net)": ["a.evil.com", "b.evil.net"],
        "c.evil[.]com/run[.]sh": ["http://c.evil.com/run.sh"],
        "d.evil[.]com/x[.]php": ["http://d.evil.com/x.php"],
        "e.evil.com/f.evil.com": ["http://e.evil.com/f.evil.com"],
        "g.evil[.]com/h.evil[.]com/x": ["http://g.evil.com/h.evil.com/x"],
    }
    found, _ = read_lines(list(lines))
    assert found == lines


def test_a_name_with_a_spelled_dot_is_reported(read_lines):
    found, warnings = read_lines(["evil dot com", "c2 dot evil dot example", "a dot of ink"])
    assert not any(found.values())
    assert rejected_in(warnings) == [
        "evil dot com",
        "c2 dot evil dot example",
    ]


def test_a_domain_with_spaces_around_its_dot_at_the_end_of_a_line_is_reported(read_lines):
    names = ["third-mango . top", "a . evil . com", "evil . example"]
    digits = hash_of(1)
    other = {
        "The end . It goes on": [],
        f"{digits} . top": [digits],
        "x . a.com": ["a.com"],
        "x . http://b.com/": ["http://b.com/"],
    }
    found, warnings = read_lines([f"3. {names[0]}", *names[1:], *other])
    assert {line: found[line] for line in other} == other
    assert rejected_in(warnings) == names


# --- hashes --------------------------------------------------------------------------------------


def test_a_hash_with_a_hexadecimal_sign_is_a_hash(read_lines):
    templates = ["0x{}", "0X{}", "hash: 0x{},", '"0x{}"', "(0x{})", "| 0x{} |"]
    hashes = [hash_of(each, 32 + 32 * (each % 2)) for each in range(len(templates))]
    lines = {
        template.format(each): [each] for template, each in zip(templates, hashes, strict=True)
    }
    other = {f"0x{hash_of(1, 40)}": [], f"0x{hash_of(1, 80)}": [], f"a0x{hash_of(9, 64)}": []}
    found, warnings = read_lines([*lines, *other])
    assert found == lines | other
    assert rejected_in(warnings) == [hash_of(1, 40)]


@pytest.mark.parametrize("length", [32, 40, 63])
def test_a_hash_in_a_host_name_is_the_host(read_lines, length):
    names = [
        *("{h}.example.com", "{h}[.]example[.]com", "a.{h}.example.com", "{h}.a.b.example.org"),
        *("{h}(dot)example.com", "{h}-9.example.com", "x-{h}.example.com", "c2.x{h}y.example.net"),
    ]
    expected = {}
    for name, around in product(names, ["{}", "hf: {}", "({})", "[{}]", "{},", "| {} |", "`{}`"]):
        digits = hash_of(len(expected), length - (2 if length > 40 else 0))
        host = name.replace("{h}", digits)
        expected[around.format(host)] = [host.replace("[.]", ".").replace("(dot)", ".")]
    found, _ = read_lines(list(expected))
    assert len(expected) >= 50
    assert found == expected


@pytest.mark.parametrize("length", [32, 40, 64])
def test_a_hash_in_the_name_of_a_file_is_the_hash(read_lines, length):
    names = ["{}.exe", "{}.zip", "VirusShare_{}", "VirusShare_{}.bin", "/tmp/{}.sh", "C:\\x\\{}.py"]
    around = ["{}", "({})", "seen: {}", "`{}`", "{},", "{} x", "- {}", "|{}|", '"{}"']
    expected = {}
    for name, each in product(names, around):
        digits = hash_of(len(expected), length)
        expected[each.format(name.format(digits))] = [digits]
    found, _ = read_lines(list(expected))
    assert len(expected) >= 50
    assert found == expected


_OTHER_HASHES = [
    *("imphash", "Imphash", "IMPHASH", "imp hash".replace(" ", "-"), "authentihash", "JA3", "JA3S"),
    *(
        "JARM",
        "vhash",
        "pehash",
        "Thumbprint",
        "thumbprint (SHA-1)",
        "Fingerprint",
        "Serial number",
    ),
    *("serial", "Serial no.", "commit", "Commit", "Password", "Password of the archive", "cdhash"),
    *("Rich header hash", "icon dhash", "session key", "API key", "GUID", "build id", "Mutex"),
    *("certificate SHA1", "certificate hash", "imphash of a.exe", "signer_thumbprint", "NTLM hash"),
]


def test_a_hash_that_the_text_calls_something_else_is_rejected(read_lines):
    templates = [
        "{} {h}",
        "{}: {h}",
        '"{}": "{h}"',
        "{} = {h}",
        "| {} | {h} |",
        "- `{}`: `{h}`",
        "the {} is <code>{h}</code>",
        "<td><b>{}</b></td><td>{h}</td>",
    ]
    lines, rejected = [], []
    for template, label in product(templates, _OTHER_HASHES):
        digits = hash_of(len(lines))
        lines.append(template.replace("{h}", digits).replace("{}", label))
        rejected.append(digits)
    found, warnings = read_lines(lines)
    assert not any(found.values())
    assert rejected_in(warnings) == rejected


def test_labels_belong_to_the_hashes_next_to_them(read_lines):
    h = [hash_of(each) for each in range(20)]
    lines = {
        f"imphash: {h[0]}, MD5: {h[1]}": [h[1]],
        f"MD5 {h[2]}, imphash {h[3]}; SHA-1 n/a": [h[2]],
        f"{h[4]} (imphash), {h[5]}": [h[5]],
        f"imphashes {h[6]}, {h[7]}": [],
        f"password: infected; sample {h[8]}": [h[8]],
        f"the password-protected archive {h[9]}": [h[9]],
        f"(password: infected) {h[10]}": [h[10]],
        f"{h[16]} (password: infected)": [h[16]],
        "Certificate thumbprints": [],
        "-----------------------": [],
        f"* {h[11]}": [],
        f"* {h[12]}": [],
        f"imphash {h[13]}": [],
        f"{h[14]}": [h[14]],
        "We commit to this.": [],
        f"{h[15]} a.exe": [h[15]],
    }
    found, _ = read_lines(list(lines))
    assert found == lines


def test_labels_of_rules_of_json_and_of_tables_are_found(read_lines):
    h = [hash_of(each) for each in range(20)]
    lines = {
        f'(msg:"x"; ja3.hash; content:"{h[0]}"; sid:1;)': [],
        f'(msg:"x"; file_data; content:"{h[1]}"; sid:1;)': [h[1]],
        f'{{"ja3":{{"hash":"{h[2]}"}}}}': [],
        f'"icon_hash":"{h[3]}","icon_fuzzy":"{h[4]}","dhash_icon":"{h[5]}","md5":"{h[6]}"': [h[6]],
        f'"mutexes":["{h[7]}"]': [],
        f"| {h[8]} | Certificate SHA-1 thumbprint | Signer |": [],
        f"| `{h[9]}` | imphash | x |": [],
        f"| MD5 | {h[10]} | imphash | {h[11]} |": [h[10]],
        f"| {h[12]} | password stealer |": [h[12]],
        f"git clone https://git.example/x.git at {h[13]}": ["https://git.example/x.git"],
        f"https://git.example/x.exe at {h[14]}": ["https://git.example/x.exe", h[14]],
        "ja3": [],
        "hash": [],
        h[15]: [],
    }
    found, _ = read_lines(list(lines))
    assert found == lines


def test_every_neighbouring_pair_of_halves_is_reported(read_lines):
    for first, second, start, end in product(
        [32, 40], [32, 24], ["", "| ", "  "], ["", " ", "  a.exe", " | x |", "\t1 KB"]
    ):
        lines = [f"{start}{SHA256[:first]}", f"{start}{SHA256[-second:]}{end}", "next"]
        _, warnings = read_lines(lines)
        is_half = any("two lines may be one SHA-256" in message for message in warnings)
        assert is_half == (first + second == 64), lines


def test_each_wrapped_hash_of_a_table_is_counted(read_lines):
    rows = [f"{hash_of(each)}{' a.exe' if each % 2 else ''}" for each in range(60)]
    _, warnings = read_lines(rows)
    assert any("line 1 and 29 more: hexadecimal text on two lines" in each for each in warnings)


@pytest.mark.parametrize("extension", ["", ".bin"])
def test_a_list_of_md5_is_not_reported_as_halves(read_lines, extension):
    lines = [f"{hash_of(each)}{extension}" for each in range(60)]
    found, warnings = read_lines(lines)
    assert list(found.values()) == [[each[:32]] for each in lines]
    assert warnings == []


# --- hosts and other names -----------------------------------------------------------------------

_FILES = (
    "README{n}.footer.md Setup{n}.Test.py"
    " tze{n}.cab setup{n}.zip run{n}.sh main{n}.py notes{n}.md lib{n}.so x{n}.rs a{n}.properties"
)
_CODE = (
    "g.codes{n}.degree self.a{n}.info cls.b{n}.id _log{n}.info a_b{n}.info system.io{n}.zone "
    "req{n}.open el{n}.map Array{n}.prototype.slice.call WScript{n}.shell T{n}.run wx{n}.select"
    " hashArray{n}.info2.map com.example{n}.chat java.net{n}.io this{n}.zero obj{n}.name"
    " hashArray{n}.id sTUlsWa{n}.cr"
)


@pytest.mark.parametrize("names", [_FILES, _CODE], ids=["files", "code"])
def test_names_of_files_and_code_are_accepted_only_if_they_are_defanged(read_lines, names):
    templates = ["{}", "dropped {}", "GET /x.php?l={}", 'f("{}")', "{};", "`{}`", "({})", "{}, x"]
    rows = [template.format(name) for template, name in number(templates, names.split())]
    assert len(rows) >= 50
    found, warnings = read_lines(rows)
    assert not any(found.values())
    assert sum("; skipped" in message for message in warnings) == len(rows)
    found, _ = read_lines([row.replace(".", "[.]").replace("x[.]php", "x.php") for row in rows])
    assert all(len(seeds) == 1 for seeds in found.values())


def test_calls_and_assignments_are_not_domains(read_lines):
    names = ["a{n}.click", "el{n}.download", "doc{n}.link", "list{n}.live", "e{n}.id", "x{n}.to"]
    templates = ["{}()", "{}('x')", "{} = y", "{}=y", "{} += y", "if {}(b) then", "{}(b => b)"]
    rows = [template.format(name) for template, name in number(templates, names)]
    found, _ = read_lines([*rows, "evil.download == 1"])
    assert [line for line, seeds in found.items() if seeds] == ["evil.download == 1"]


def test_names_of_html_elements_are_not_domains(read_lines):
    lines = {
        "h1{x:y} #main.net{color:#ffaa00}": [],
        "#b.evil.com {margin: 0}": [],
        '<img src="x.png" id="a.b.click">': [],
        "<p class='c.d.live'>": [],
        'host="e.f.click" ip={8.8.8.8}': ["e.f.click", "8.8.8.8"],
        "#g.evil.com": ["g.evil.com"],
        '{"h.evil.com":{"port":1}}': ["h.evil.com"],
    }
    found, warnings = read_lines(list(lines))
    assert found == lines
    assert sum("may be the name of an HTML element" in each for each in warnings) == 4


def test_hosts_below_country_domains_that_are_file_extensions_are_domains(read_lines):
    hosts = [
        *("csil.wp{n}.mil.pl", "www.gov{n}.rs", "bank{n}.com.py", "www.example{n}.pl", "a.b{n}.so"),
        *("portal.example{n}.md", "evil-shop{n}.pl", "www.x{n}.sh", "a.b.c{n}.ps"),
    ]
    templates = ["{}", "Targets: {}, x", "C2 {}", "({})", "| {} |", "{}.", "- {}"]
    expected = {template.format(host): [host] for template, host in number(templates, hosts)}
    found, _ = read_lines(list(expected))
    assert len(expected) >= 50
    assert found == expected


def test_numbers_of_versions_and_networks_are_not_addresses(read_lines):
    templates = [
        *("v{}", "v {}", "version {}", "Version:{}", "build {}", "release {}", "Ver. {}"),
        *("Chrome/{}", "nginx/{}", "(curl/{})", "{}.5", "{}-beta", "{}/24", "{}/8"),
    ]
    lines = [template.format(f"1.2.3.{each}") for each, template in enumerate(templates)]
    found, warnings = read_lines([*lines, "Chrome 119.0.0.0", "10.0.0.0/8"])
    assert not any(found.values())
    assert warnings


def test_numbers_of_known_products_are_versions(read_lines):
    templates = [
        *("OpenSSL {}", "the version is {}.", 'ProductVersion == "{}"', '"version": "{}"'),
        *("Mozilla/{} (X11)", "Foo/{} Safari/537.36", "Microsoft-IIS/{}"),
    ]
    lines = [template.format(f"14.10.0.{each}") for each, template in enumerate(templates, 1)]
    found, warnings = read_lines(lines)
    assert not any(found.values())
    assert len(rejected_in(warnings)) == len(lines)


def test_an_address_after_a_word_and_a_slash_is_an_address(read_lines):
    templates = ["HIER_DIRECT/{} text/html", "AS/{}", "tcp/{}", "c2/{}", "conversion {}", "Foo/{}"]
    lines = {
        template.format(f"8.8.{each}.8"): [f"8.8.{each}.8"]
        for each, template in enumerate(templates, 101)
    }
    found, _ = read_lines(list(lines))
    assert found == lines


def test_email_addresses_are_reported(read_lines):
    addresses = [
        *("me{n}@evil.com", "first.last{n}@evil.com", "a.gm{n}+b@evil.com", "me{n}[@]evil[.]com"),
        *(
            "me{n}[at]evil(dot)com",
            "me{n} (at) evil.com",
            "x-y_{n}@mail.evil.co.uk",
            "@evil{n}.com",
        ),
    ]
    templates = ["{}", "<{}>", "mailto:{}", "From: {};", "({})", "'{}'", "| {} |"]
    lines = [template.format(address) for template, address in number(templates, addresses)]
    found, warnings = read_lines([*lines, "me AT evil.com"])
    assert not any(found.values())
    assert sum("is an email address" in message for message in warnings) == len(lines) + 1
    found, _ = read_lines(["root@8.8.8.8", "ssh root@8[.]8[.]4[.]4 -p 22"])
    assert list(found.values()) == [["8.8.8.8"], ["8.8.4.4"]]


def test_names_in_paths_and_in_percent_encoded_text_are_not_domains(read_lines):
    names = [
        "C:\\x\\{}",
        "C:\\\\x\\\\{}",
        "/usr/{}",
        "./{}",
        "~/{}",
        "%TEMP%\\{}",
        "u=http%3A%2F%2F{}",
    ]
    around = ["{}", '"{}"', "({})", "- {}", "run {} now", "`{}`", "{},", "| {} |"]
    lines = [each.format(name.format("command.com")) for name, each in product(names, around)]
    found, warnings = read_lines(lines)
    assert len(lines) >= 50
    assert not any(found.values())
    assert len(warnings) == 1
    assert "line 1 and 55 more: names in paths or in percent-encoded text" in warnings[0]


# --- protocols and links -------------------------------------------------------------------------


def test_hosts_with_ports_and_protocols_are_hosts(read_lines):
    templates = ["{}:443/tcp", "{}/udp", "tcp://{}:8443", "udp://{}", "file://{}/share/x.exe"]
    templates.append("smb://{}/share/x.exe")
    around = ["{}", "({})", "C2: {},", "`{}`", "[{}]", '"{}"', "- {}.", "| {} |", "<{}>", "'{}'"]
    expected = {}
    for template, each in product(templates, around):
        address = f"8.8.{len(expected) + 1}.8"
        expected[each.format(template.format(address))] = [address]
    found, _ = read_lines(list(expected))
    assert found == expected


def test_a_link_to_virustotal_is_its_object(read_lines):
    base = "https://www.virustotal.com/gui/"
    around = [
        "{}",
        "[VT]({})",
        "[{}](x.md)",
        "<{}>",
        '<a href="{}">',
        "({}).",
        "`{}`",
        "'{}',",
        "| {} |",
    ]
    pages = {
        "file/{}/detection": ("f1{}".format, 64),
        "file/{}": ("f2{}".format, 32),
        "domain/{}": ("c{}.example.com".format, 0),
        "domain/{}/relations": ("d{}.example.com".format, 0),
        "ip-address/{}": ("8.8.8.{}".format, 0),
        "url/{}": ("e3{}".format, 64),
    }
    expected = {}
    for each, (page, (fill, length)) in product(around, pages.items()):
        name = fill(len(expected))
        name = name.ljust(length, "a")
        expected[each.format(base + page.format(name))] = [name]
    found, _ = read_lines(list(expected))
    assert len(expected) >= 50
    assert found == expected
