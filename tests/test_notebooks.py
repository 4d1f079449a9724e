"""The notebooks run offline and say what is true; the page and the picture they show."""

from __future__ import annotations

import base64
import html
import importlib.util
import json
import math
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import nbformat
import networkx as nx
import pytest

import graphbuild
from graphbuild.emulator import generate_world
from graphbuild.exporters.notebook import show
from graphbuild.exporters.static_image import draw
from graphbuild.graph.builder import build_graph
from graphbuild.models import Entity, Observation
from tests.support.chromium import launch_chromium
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from types import ModuleType

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 600_000
PNG = b"\x89PNG\r\n\x1a\n"
ABSOLUTE = re.compile(r"/(?:home|work|root|tmp|Users|var)/|[A-Za-z]:\\\\?[A-Za-z]")
KEY = re.compile(r"(?:api_?key|VT_APIKEY)\W{0,20}[0-9a-z]{64}", re.IGNORECASE)
# The first cell of every run: whoever leaves this machine fails.
GUARD = """
import sys

def _stay_here(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        assert args[1][0] in {"127.0.0.1", "::1"}, f"a notebook connects to {args[1]}"
    if event == "socket.getaddrinfo":
        assert args[0] in {None, "127.0.0.1", "::1", "localhost"}, f"a notebook looks up {args[0]}"

sys.addaudithook(_stay_here)
"""


def load_executor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("execute", ROOT / "notebooks" / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def shown(notebook, kind):
    return [o["data"][kind] for o in outputs(notebook) if kind in o.get("data", {})]


def texts(notebook):
    """All that the outputs say, pictures aside."""
    for output in outputs(notebook):
        yield output.get("text", "")
        for kind, value in sorted(output.get("data", {}).items()):
            if not kind.startswith("image/"):
                yield value if isinstance(value, str) else json.dumps(value)


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def committed(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def ran(path, tmp_path_factory):
    """A notebook after a run from the top, in an empty folder, offline, by nobody."""
    folder = tmp_path_factory.mktemp("notebook")
    for beside in path.parent.glob("*.gz"):
        shutil.copy(beside, folder)
    guarded = folder / path.name
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(GUARD))
    nbformat.write(notebook, guarded)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(folder / ".jupyter"))
        patch.setenv("TMPDIR", str(folder))
        patch.delenv("VT_APIKEY", raising=False)
        result = load_executor().run(guarded, folder=folder)
    del result.cells[0]
    load_executor().keep_pictures(result, path.stem)
    return result


# --- the notebooks -------------------------------------------------------------------------------


def test_there_is_a_notebook_for_each_question():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


def test_a_notebook_runs_from_the_top_without_errors_or_warnings(ran):
    assert [o for o in outputs(ran) if o.output_type in {"error", "stream"}] == []


def test_a_notebook_shows_a_picture_a_page_and_tables(ran):
    assert base64.b64decode(shown(ran, "image/png")[0]).startswith(PNG)
    pages = shown(ran, "text/html")
    assert sum("<table" in page for page in pages) >= 2
    assert sum("<iframe" in page for page in pages) == 1


def test_the_pictures_of_a_run_are_kept_where_output_goes(path, ran):
    for number in range(1, len(shown(ran, "image/png")) + 1):
        kept = ROOT / "output" / "notebooks" / f"{path.stem}-{number}.png"
        assert kept.read_bytes() == base64.b64decode(shown(ran, "image/png")[number - 1])


def test_a_notebook_begins_with_a_question_and_ends_with_an_answer(ran):
    first, last = ran.cells[0], ran.cells[-1]
    assert first.cell_type == last.cell_type == "markdown"
    assert first.source.splitlines()[0].endswith("?")
    assert last.source.startswith("## Answer\n")


def test_what_is_committed_is_what_a_run_shows(committed, ran):
    again = deepcopy(ran)
    load_executor().normalize(again)
    assert list(texts(committed)) == list(texts(again)), "run: make notebooks"


def test_what_is_committed_names_no_machine_no_time_and_no_key(committed):
    for text in texts(committed):
        assert not ABSOLUTE.search(text)
        assert not KEY.search(text)
    assert set(committed.metadata) == {"kernelspec", "language_info"}
    assert committed.metadata.kernelspec.name == "python3"
    assert all(not cell.metadata for cell in committed.cells)


def test_what_is_committed_is_small_and_shows_something_on_a_code_host(path, committed):
    nbformat.validate(committed)
    assert path.stat().st_size < MOST_BYTES
    assert not any("<iframe" in page for page in shown(committed, "text/html"))
    assert any("open it in Jupyter" in text for text in texts(committed))
    assert shown(committed, "image/png")
    counts = [cell.execution_count for cell in committed.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_the_answer_to_the_first_campaign_is_what_was_planted():
    world = generate_world(seed=1)
    notebook = nbformat.read(ROOT / "notebooks" / "01-first-campaign.ipynb", as_version=4)
    answer = notebook.cells[-1].source
    for name, files in world.campaigns.items():
        assert f"**{name}**" in answer
        assert f" {len(files)}" in answer
    grouped = frozenset.union(*world.campaigns.values())
    assert f"Of the {len(world.files)} files, {len(grouped)} " in answer
    unknown = [file for file in world.files.values() if not world.related_references(file)]
    assert len(unknown) == len(world.files) - len(grouped) == 2
    assert "two files have no reference" in answer
    low, high = map(int, re.search(r"Between (\d+) and (\d+) references", answer).groups())
    own = [len(references_of_one_group(world, name)) for name in world.campaigns]
    assert (low, high) == (min(own), max(own))
    everywhere = set.intersection(
        *(references_of(world, files) for files in world.campaigns.values())
    )
    assert everywhere == set(world.collections["atlas_roundup"].references)
    assert len(everywhere) == 6
    assert "six\nreferences" in answer or "six references" in answer
    assert shown(notebook, "text/plain")[-1] == "True"


def answer_of(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    return " ".join(notebook.cells[-1].source.split()), shown(notebook, "text/plain")[-1]


def test_the_answer_to_which_belong_together_is_what_was_planted():
    world = generate_world(seed=2, campaigns=6, files_per_campaign=14, references_per_campaign=24)
    answer, checked = answer_of("02-which-files-belong-together")
    assert checked == "True"
    for name, files in world.campaigns.items():
        assert f"**{name}**" in answer
        assert len(files) == (5 if name == "Emotet" else 14)
    known = [file for file in world.files.values() if world.related_references(file)]
    assert f"The {len(known)} files with a known reference form seven clusters" in answer
    assert len(world.campaigns) == 7
    assert f"one shared collection proves little among {len(world.collections)}" in answer
    gathered = [file for file in known if "atlas_roundup" in file.collections]
    assert f"which contains {len(gathered)} of the files" in answer
    bits = round(2 * math.log2(len(known) / len(gathered))) / 2
    assert f"gives {bits} bits for each" in answer


def test_the_answer_to_what_is_new_is_what_was_published():
    world = generate_world(seed=6, campaigns=4, files_per_campaign=10, references_per_campaign=16)
    answer, checked = answer_of("03-what-is-new")
    assert checked == "True"
    for name in ("Brindlefox", "Emotet"):
        assert f"**{name}** ({len(world.campaigns[name])} files)" in answer
    emotet = [world.file(each).collections for each in world.campaigns["Emotet"]]
    own = {collection for held in emotet for collection in held} - {"atlas_roundup"}
    assert len(own) == 1
    assert "are in only one other collection" in answer


def test_the_answer_to_what_gephi_does_is_what_was_sent():
    world = generate_world(seed=4, campaigns=3, files_per_campaign=8, references_per_campaign=12)
    answer, checked = answer_of("04-from-gephi-and-back")
    assert checked == "True"
    sent = [world.file(h) for name, own in world.campaigns.items() if name != "Emotet" for h in own]
    nodes, _, observed = size_of(world, sent)
    assert f"{nodes} nodes and {observed} observations went to Gephi" in answer
    assert {name: len(own) for name, own in world.campaigns.items() if name != "Emotet"} == (
        dict.fromkeys(["Brindlefox", "GlassHeron", "Tallowrat"], 8)
    )


def test_the_answer_to_large_graphs_is_what_was_planted():
    world = generate_world(
        seed=5, campaigns=24, files_per_campaign=30, references_per_campaign=60, siblings=20
    )
    answer, checked = answer_of("05-large-graphs")
    nodes, edges, _ = size_of(world, world.files.values())
    assert f"597 of {nodes:,} nodes and 3,416 of {edges:,} edges" in answer
    assert f"the map of the collections has {len(world.collections)} nodes" in answer
    assert checked == f"(True, {len(world.campaigns)}, {len(world.campaigns)})"
    assert f"the {len(world.campaigns)} campaigns that were planted" in answer


def size_of(world, files):
    """Nodes, edges and observations of what the world says of some files."""
    nodes, edges, observed = {file.id for file in files}, set(), 0
    for file in files:
        for item in world.related_references(file):
            behind = item.related_from or ()
            nodes |= {item.id, *behind}
            edges |= {(file.id, item.id), *((item.id, each) for each in behind)}
            observed += max(1, len(behind))
    return len(nodes), len(edges), observed


def references_of(world, hashes):
    return {item.id for each in hashes for item in world.related_references(world.file(each))}


def references_of_one_group(world, name):
    others = [files for other, files in world.campaigns.items() if other != name]
    return references_of(world, world.campaigns[name]).difference(
        *(references_of(world, files) for files in others)
    )


# --- the page in a notebook ----------------------------------------------------------------------


def campaign(name="Emotet", title="A report"):
    files = [Entity("file", f"{n:064x}") for n in range(3)]
    reports = [Entity("reference", f"{n:064x}", {"title": title}) for n in range(4)]
    found = Entity("collection", "malpedia_win_emotet", {"name": name})
    return build_graph(
        Observation(file, report, found) for file in files for report in reports[:-1]
    )


def the_frame(graph, **choices):
    """The attributes of the frame."""
    tag = re.fullmatch(
        r"<iframe ([^>]*)>[^<]*</iframe>", show(graph, **choices)._repr_html_(), re.DOTALL
    )
    return {name: html.unescape(text) for name, text in re.findall(r'([a-z]+)="([^"]*)"', tag[1])}


def texts_of(markup):
    """What is left of HTML without its tags, as where frames are taken out."""
    parser, left = HTMLParser(), []
    parser.handle_data = left.append
    parser.feed(markup)
    parser.close()
    return "".join(left)


def test_the_frame_holds_the_whole_page_and_may_do_little():
    graph = campaign()
    frame = the_frame(graph, height=432)
    assert frame["srcdoc"] == show(graph).page
    assert frame["srcdoc"].startswith("<!DOCTYPE html>")
    assert "Content-Security-Policy" in frame["srcdoc"]
    assert frame["sandbox"] == (
        "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"
    )
    assert "allow-same-origin" not in show(graph)._repr_html_()
    assert "src" not in frame
    assert "height: 432px" in frame["style"]


def test_the_page_is_the_one_that_is_exported(tmp_path):
    graph = campaign()
    path = graphbuild.export(graph, tmp_path / "graph.html")
    assert show(graph).page == path.read_text(encoding="utf-8")


def test_the_page_stands_where_told():
    graph = campaign()
    apart = {node: (1000.0 * n, 0.0) for n, node in enumerate(graph)}
    assert show(graph, positions=apart).page != show(graph).page


def test_a_title_cannot_leave_the_frame():
    frame = the_frame(campaign(title='"></iframe><script>alert(1)</script>'))
    assert set(frame) == {"title", "sandbox", "allow", "style", "srcdoc"}


def test_where_frames_are_taken_out_a_sentence_stands():
    """As in a notebook that is not trusted."""
    assert texts_of(show(campaign())._repr_html_()) == (
        "graph of 3 files, 3 references, 1 collection; "
        "to see it, run the cell again or trust this notebook"
    )


def test_where_no_html_is_shown_a_sentence_stands():
    assert repr(show(campaign())) == (
        "graph of 3 files, 3 references, 1 collection; open it in Jupyter"
    )
    assert repr(show(nx.DiGraph())) == "graph of nothing; open it in Jupyter"
    assert repr(draw(campaign())) == "graph of 3 files, 3 references, 1 collection"


def test_loading_the_room_loads_nothing_heavy():
    code = (
        "import graphbuild.exporters.notebook, json, sys; "
        "print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert {"IPython", "matplotlib", "pyvis", "pandas"}.isdisjoint(json.loads(done.stdout))


# --- the still picture ---------------------------------------------------------------------------


def names_in(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_same_graph_gives_the_same_picture():
    graph = campaign()
    drawn = draw(graph)._repr_png_()
    assert drawn.startswith(PNG)
    assert drawn == draw(graph)._repr_png_()


def test_the_picture_has_one_legend_entry_a_type_and_names_collections_only():
    graph = campaign()
    graph.add_node("domain:d.example", type="domain", label="d.example", id="d.example")
    figure = draw(graph)
    assert legend_of(figure) == ["3 files", "3 references", "1 collection", "1 domain"]
    assert names_in(figure) == ["Emotet"]
    assert not figure.axes[0].axison


def test_a_picture_leaves_the_graph_and_pyplot_alone():
    graph = campaign()
    before = nx.node_link_data(graph)
    code = (
        "import networkx as nx, sys; from graphbuild.exporters.static_image import draw; "
        "draw(nx.DiGraph())._repr_png_(); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    draw(graph)
    assert nx.node_link_data(graph) == before


def test_names_that_stay_out_are_counted():
    files = Entity("file", "ab" * 32), Entity("reference", "cd" * 32)
    graph = build_graph(Observation(*files, Entity("collection", f"c{n}")) for n in range(5))
    figure = draw(graph, max_labels=3)
    assert len(names_in(figure)) == 3
    assert [text.get_text() for text in figure.texts] == ["2 more collections without a label"]


def test_names_keep_clear_of_each_other_and_stay_on_the_paper():
    files = Entity("file", "ab" * 32), Entity("reference", "cd" * 32)
    known = [Entity("collection", f"c{n}", {"name": f"Collection {n}"}) for n in range(8)]
    figure = draw(build_graph(Observation(*files, each) for each in known))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == len(known)
    assert all(box.count_overlaps(boxes) == 1 for box in boxes)  # itself
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("$\\frac{", "$\\frac{"),  # no formula
        ("$100 and $200", "$100 and $200"),
        ("样本 b", "□□ b"),  # no letters of the font that matplotlib brings along
        ("a\u202egpj.exe", "agpj.exe"),
        ("x" * 50, "x" * 31 + "…"),
        ("two\nlines", "two lines"),
    ],
)
def test_a_stranger_s_name_is_drawn_as_text(name, drawn):
    figure = draw(campaign(name))
    assert names_in(figure) == [drawn]
    assert figure._repr_png_().startswith(PNG)


def test_a_collection_without_a_name_bears_its_short_id():
    nameless = Entity("collection", "report--" + "8b" * 32)
    graph = build_graph(
        [Observation(Entity("file", "ab" * 32), Entity("reference", "cd" * 32), nameless)]
    )
    assert names_in(draw(graph)) == ["report--8b8b8b8…"]


@pytest.mark.parametrize("graph", [nx.DiGraph(), campaign()], ids=["empty", "campaign"])
def test_any_graph_has_a_picture(graph):
    assert draw(graph)._repr_png_().startswith(PNG)


def test_without_matplotlib_the_picture_says_what_to_install(monkeypatch):
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install ipykernel matplotlib"):
        draw(campaign())


# --- the page in a browser -----------------------------------------------------------------------


@pytest.mark.browser
def test_the_page_works_inside_the_frame(chromium):
    """Under its own policy, the frame's sandbox, and a policy around like VS Code's."""
    outer = (
        "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src https: http: data:; child-src https: data: blob:"
    )
    page = chromium.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    frame = show(campaign())._repr_html_()
    page.set_content(
        f'<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="{outer}">{frame}'
    )
    inside = page.frame_locator("iframe")
    inside.locator("#status", has_text="7 of 7 nodes").wait_for()
    inside.locator("#query").fill("Emotet")
    inside.locator("#query").press("Enter")
    inside.locator("#details", has_text="Emotet").wait_for()
    # Nothing that a frame without an origin forbids breaks a control.
    inside.get_by_role("button", name="Two hops").click()
    inside.locator("#color").select_option("cluster")
    inside.locator("#list-box summary").click()
    inside.locator("#list button").first.click()
    inside.get_by_role("button", name=re.compile("as CSV")).click()
    inside.get_by_role("button", name=re.compile("Copied|Not allowed")).wait_for()
    for name in ("png", "svg"):
        with page.expect_download() as download:
            inside.locator(f"#{name}").click()
        assert download.value.suggested_filename == f"graph.{name}"
    assert inside.locator("#keep").is_hidden()  # a frame has no address to share
    inside.get_by_role("button", name="Untangle").click()
    inside.get_by_role("button", name="Freeze").click()
    assert (said, [url for url in asked if not url.startswith("blob:")]) == ([], [])


@pytest.fixture
def chromium():
    with launch_chromium() as browser:
        yield browser
