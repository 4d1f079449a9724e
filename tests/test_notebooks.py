"""Notebooks: offline runs, correct answers, the embedded page and the static image."""

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

import matplotlib.colors
import networkx as nx
import pytest

import graphbuild
from graphbuild.emulator import generate_world
from graphbuild.errors import ExportError
from graphbuild.exporters.static_image import draw
from graphbuild.graph.builder import build_graph
from graphbuild.graph.layout import compute_layout
from graphbuild.models import Entity, Observation
from tests.support.chromium import launch_chromium
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from types import ModuleType

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAX_BYTES = 600_000
PNG = b"\x89PNG\r\n\x1a\n"
ABSOLUTE_PATH = re.compile(r"/(?:home|work|root|tmp|Users|var)/|[A-Za-z]:\\\\?[A-Za-z]")
KEY = re.compile(r"(?:api_?key|VT_APIKEY)\W{0,20}[0-9a-z]{64}", re.IGNORECASE)
# First cell of every run: connections to other hosts fail.
OFFLINE_GUARD = """
import sys

def _reject_other_hosts(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        assert args[1][0] in {"127.0.0.1", "::1"}, f"a notebook connects to {args[1]}"
    if event == "socket.getaddrinfo":
        assert args[0] in {None, "127.0.0.1", "::1", "localhost"}, f"a notebook looks up {args[0]}"

sys.addaudithook(_reject_other_hosts)
"""


def read_notebook(path):
    import nbformat  # noqa: PLC0415  a slow import, which processes without these tests would pay

    return nbformat.read(path, as_version=4)


def load_executor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("execute", ROOT / "notebooks" / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def data_of_type(notebook, kind):
    return [o["data"][kind] for o in outputs(notebook) if kind in o.get("data", {})]


def output_texts(notebook):
    """Yield the texts of all outputs except images."""
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
    return read_notebook(path)


@pytest.fixture(scope="module")
def executed(path, tmp_path_factory):
    """Return the notebook after a run of all cells: empty folder, offline, no API key."""
    import nbformat  # noqa: PLC0415  a slow import

    folder = tmp_path_factory.mktemp("notebook")
    for data_file in path.parent.glob("*.gz"):
        shutil.copy(data_file, folder)
    copy = folder / path.name
    notebook = read_notebook(path)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(OFFLINE_GUARD))
    nbformat.write(notebook, copy)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(folder / ".jupyter"))
        patch.setenv("TMPDIR", str(folder))
        patch.delenv("VT_APIKEY", raising=False)
        result = load_executor().run(copy, folder=folder)
    del result.cells[0]
    load_executor().keep_pictures(result, path.stem)
    return result


# --- the notebooks -------------------------------------------------------------------------------


def test_there_are_five_notebooks():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


def test_notebook_runs_without_errors_or_warnings(executed):
    assert [o for o in outputs(executed) if o.output_type in {"error", "stream"}] == []


def test_notebook_shows_an_image_a_page_and_tables(executed):
    assert base64.b64decode(data_of_type(executed, "image/png")[0]).startswith(PNG)
    pages = data_of_type(executed, "text/html")
    assert sum("<table" in page for page in pages) >= 2
    assert sum("<iframe" in page for page in pages) == 1


def test_notebook_starts_with_the_demo(committed):
    code = [cell.source for cell in committed.cells if cell.cell_type == "code"]
    assert "gb.demo(" in code[0]
    assert not any("Emulator(" in source or "Api(" in source for source in code)


def test_notebook_truncates_no_text_in_a_table(committed):
    """pandas ends truncated texts with three dots."""
    for page in data_of_type(committed, "text/html"):
        assert not re.search(r"\.\.\.</t[dh]>", page)


def test_images_of_a_run_are_saved_in_the_output_folder(path, executed):
    for number, image in enumerate(data_of_type(executed, "image/png"), 1):
        saved = ROOT / "output" / "notebooks" / f"{path.stem}-{number}.png"
        assert saved.read_bytes() == base64.b64decode(image)


def test_notebook_starts_with_a_question_and_ends_with_an_answer(executed):
    first, last = executed.cells[0], executed.cells[-1]
    assert first.cell_type == last.cell_type == "markdown"
    assert first.source.splitlines()[0].endswith("?")
    assert last.source.startswith("## Answer\n")


def test_committed_outputs_equal_those_of_a_run(committed, executed):
    normalized = deepcopy(executed)
    load_executor().normalize(normalized)
    assert list(output_texts(committed)) == list(output_texts(normalized)), "run: make notebooks"


def test_committed_notebook_contains_no_local_path_and_no_key(committed):
    for text in output_texts(committed):
        assert not ABSOLUTE_PATH.search(text)
        assert not KEY.search(text)
    assert set(committed.metadata) == {"kernelspec", "language_info"}
    assert committed.metadata.kernelspec.name == "python3"
    assert all(not cell.metadata for cell in committed.cells)


def test_committed_notebook_is_small_and_has_static_outputs(path, committed):
    import nbformat  # noqa: PLC0415  a slow import

    nbformat.validate(committed)
    assert path.stat().st_size < MAX_BYTES
    assert not any("<iframe" in page for page in data_of_type(committed, "text/html"))
    assert any("open it in Jupyter" in text for text in output_texts(committed))
    assert data_of_type(committed, "image/png")
    counts = [cell.execution_count for cell in committed.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_answer_01_equals_the_generated_world():
    world = generate_world(seed=1)
    notebook = read_notebook(ROOT / "notebooks" / "01-first-campaign.ipynb")
    answer = notebook.cells[-1].source
    for name, files in world.campaigns.items():
        assert f"**{name}**" in answer
        assert f" {len(files)}" in answer
    grouped = frozenset.union(*world.campaigns.values())
    assert f"Of the {len(world.files)} files, {len(grouped)} " in answer
    unknown = [file for file in world.files.values() if not world.related_references(file)]
    assert len(unknown) == len(world.files) - len(grouped) == 2
    assert "two files have no reference" in answer
    minimum, maximum = map(int, re.search(r"Between (\d+) and (\d+) references", answer).groups())
    counts = [len(references_of_one_campaign(world, name)) for name in world.campaigns]
    assert (minimum, maximum) == (min(counts), max(counts))
    shared = set.intersection(*(references_of(world, files) for files in world.campaigns.values()))
    assert shared == set(world.collections["atlas_roundup"].references)
    assert len(shared) == 6
    assert "six\nreferences" in answer or "six references" in answer
    assert data_of_type(notebook, "text/plain")[-1] == "True"


def read_answer(name):
    notebook = read_notebook(ROOT / "notebooks" / f"{name}.ipynb")
    return " ".join(notebook.cells[-1].source.split()), data_of_type(notebook, "text/plain")[-1]


def test_answer_02_equals_the_generated_world():
    world = generate_world(seed=2, campaigns=6, files_per_campaign=14, references_per_campaign=24)
    answer, last_output = read_answer("02-which-files-belong-together")
    assert last_output == "True"
    for name, files in world.campaigns.items():
        assert f"**{name}**" in answer
        assert len(files) == (5 if name == "Emotet" else 14)
    with_references = [file for file in world.files.values() if world.related_references(file)]
    assert f"The {len(with_references)} files with a known reference form seven clusters" in answer
    assert len(world.campaigns) == 7
    campaigns = [{world.file(each) for each in hashes} for hashes in world.campaigns.values()]
    sizes = [sum(file in with_references for file in files) for files in campaigns]
    pairs = sum(math.comb(size, 2) for size in sizes)
    assert (
        f"All {pairs} pairs of files of one cluster are beyond chance, and no other pair" in answer
    )
    in_roundup = [file for file in with_references if "atlas_roundup" in file.collections]
    assert f"which contains {len(in_roundup)} of the files" in answer
    bits = round(2 * math.log2(len(with_references) / len(in_roundup))) / 2
    assert f"gives {bits} bits for each" in answer


def test_answer_03_equals_the_generated_world():
    world = generate_world(seed=6, campaigns=4, files_per_campaign=10, references_per_campaign=16)
    answer, last_output = read_answer("03-what-is-new")
    assert last_output == "True"
    for name in ("Brindlefox", "Emotet"):
        assert f"**{name}** ({len(world.campaigns[name])} files)" in answer
    emotet = [world.file(each).collections for each in world.campaigns["Emotet"]]
    collections = {key for of_file in emotet for key in of_file} - {"atlas_roundup"}
    assert len(collections) == 1
    assert "are in only one other collection" in answer


def test_answer_04_equals_the_generated_world():
    world = generate_world(seed=4, campaigns=3, files_per_campaign=8, references_per_campaign=12)
    answer, last_output = read_answer("04-from-gephi-and-back")
    assert last_output == "True"
    exported = {name: hashes for name, hashes in world.campaigns.items() if name != "Emotet"}
    files = [world.file(each) for hashes in exported.values() for each in hashes]
    nodes, _, observations = graph_size(world, files)
    assert f"{nodes} nodes and {observations} observations went to Gephi" in answer
    sizes = {name: len(hashes) for name, hashes in exported.items()}
    assert sizes == dict.fromkeys(["Brindlefox", "GlassHeron", "Tallowrat"], 8)


def test_answer_05_equals_the_generated_world():
    world = generate_world(
        seed=5, campaigns=24, files_per_campaign=30, references_per_campaign=60, siblings=20
    )
    answer, last_output = read_answer("05-large-graphs")
    nodes, edges, _ = graph_size(world, world.files.values())
    assert f"597 of {nodes:,} nodes and 3,416 of {edges:,} edges" in answer
    assert f"the map of the collections has {len(world.collections)} nodes" in answer
    assert last_output == f"(True, {len(world.campaigns)}, {len(world.campaigns)})"
    assert f"the {len(world.campaigns)} campaigns that were planted" in answer


def graph_size(world, files):
    """Return the number of nodes, edges and observations of these files."""
    nodes, edges, observations = {file.id for file in files}, set(), 0
    for file in files:
        for item in world.related_references(file):
            collections = item.related_from or ()
            nodes |= {item.id, *collections}
            edges |= {(file.id, item.id), *((item.id, each) for each in collections)}
            observations += max(1, len(collections))
    return len(nodes), len(edges), observations


def references_of(world, hashes):
    return {item.id for each in hashes for item in world.related_references(world.file(each))}


def references_of_one_campaign(world, name):
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


def show(graph, **options):
    return graphbuild.show(graph, static=True, **options)


def frame_attributes(graph, **options):
    """Return the attributes of the frame that contains the page."""
    tag = re.fullmatch(
        r"<iframe ([^>]*)>[^<]*</iframe>", show(graph, **options)._repr_html_(), re.DOTALL
    )
    return {name: html.unescape(text) for name, text in re.findall(r'([a-z]+)="([^"]*)"', tag[1])}


def text_without_tags(markup):
    """Return the text of HTML without its tags."""
    parser, texts = HTMLParser(), []
    parser.handle_data = texts.append
    parser.feed(markup)
    parser.close()
    return "".join(texts)


def test_frame_contains_the_page_in_a_restrictive_sandbox():
    graph = campaign()
    frame = frame_attributes(graph, height=432)
    assert frame["srcdoc"] == show(graph).page
    assert frame["srcdoc"].startswith("<!DOCTYPE html>")
    assert "Content-Security-Policy" in frame["srcdoc"]
    assert frame["sandbox"] == (
        "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"
    )
    assert "allow-same-origin" not in show(graph)._repr_html_()
    assert "src" not in frame
    assert "height: 432px" in frame["style"]


def test_embedded_page_equals_the_exported_page(tmp_path):
    graph = campaign()
    path = graphbuild.export(graph, tmp_path / "graph.html")
    assert show(graph).page == path.read_text(encoding="utf-8")


def test_show_uses_the_given_positions():
    graph = campaign()
    positions = {node: (1000.0 * n, 0.0) for n, node in enumerate(graph)}
    assert show(graph, positions=positions).page != show(graph).page


def test_hostile_title_cannot_close_the_frame():
    frame = frame_attributes(campaign(title='"></iframe><script>alert(1)</script>'))
    assert set(frame) == {"title", "sandbox", "allow", "style", "srcdoc"}


def test_removed_frames_leave_a_description():
    """Jupyter removes frames in untrusted notebooks."""
    assert text_without_tags(show(campaign())._repr_html_()) == (
        "graph of 3 files, 3 references, 1 collection; "
        "to see it, run the cell again or trust this notebook"
    )


def test_text_output_is_a_description():
    assert repr(show(campaign())) == (
        "graph of 3 files, 3 references, 1 collection; open it in Jupyter"
    )
    assert repr(show(nx.DiGraph())) == "graph of nothing; open it in Jupyter"
    assert repr(draw(campaign())) == "graph of 3 files, 3 references, 1 collection"


def test_other_types_have_a_correct_plural():
    graph: nx.DiGraph[str] = nx.DiGraph()
    for entity_type in ("domain", "ip_address", "vulnerability", "key"):
        graph.add_nodes_from([f"{entity_type}:{n}" for n in "12"], type=entity_type, label="")
    expected = "graph of 2 domains, 2 ip_addresses, 2 keys, 2 vulnerabilities"
    assert repr(draw(graph)) == expected


def test_importing_the_notebook_module_loads_no_heavy_library():
    code = (
        "import graphbuild.exporters.notebook, json, sys; "
        "print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert {"IPython", "matplotlib", "pyvis", "pandas"}.isdisjoint(json.loads(process.stdout))


# --- the static image ----------------------------------------------------------------------------


def labels_of(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_equal_graphs_give_equal_images():
    graph = campaign()
    image = draw(graph)._repr_png_()
    assert image.startswith(PNG)
    assert image == draw(graph)._repr_png_()


def test_image_has_a_legend_of_types_and_labels_of_collections():
    graph = campaign()
    graph.add_node("domain:d.example", type="domain", label="d.example", id="d.example")
    figure = draw(graph)
    assert legend_of(figure) == ["3 files", "3 references", "1 collection", "1 domain"]
    assert labels_of(figure) == ["Emotet"]
    assert not figure.axes[0].axison


def test_image_is_colored_by_cluster():
    graph = campaign("$x$\u202e <b>")
    for node in graph.nodes.values():
        node.update(cluster=1, cluster_name="$x$\u202e <b>")
    graph.add_node("domain:d.example", type="domain", label="d.example", id="d.example")
    figure = draw(graph)
    types, clusters = ([text.get_text() for text in each.get_texts()] for each in figure.legends)
    assert types == ["3 files", "3 references", "1 collection", "1 domain"]
    assert clusters == ["1 $x$ <b>"]
    layers = figure.axes[0].collections[-4:]  # the nodes, after the lines
    colors = [
        {matplotlib.colors.to_hex(each) for each in layer.get_facecolor()} for layer in layers
    ]
    assert colors == [{"#332288"}, {"#332288"}, {"#332288"}, {"#8a8f98"}]
    assert figure._repr_png_().startswith(PNG)


def test_draw_does_not_change_the_graph_or_import_pyplot():
    graph = campaign()
    before = nx.node_link_data(graph)
    code = (
        "import networkx as nx, sys; from graphbuild.exporters.static_image import draw; "
        "draw(nx.DiGraph())._repr_png_(); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    draw(graph)
    assert nx.node_link_data(graph) == before


def test_omitted_labels_are_counted():
    files = Entity("file", "ab" * 32), Entity("reference", "cd" * 32)
    graph = build_graph(Observation(*files, Entity("collection", f"c{n}")) for n in range(5))
    figure = draw(graph, max_labels=3)
    assert len(labels_of(figure)) == 3
    assert [text.get_text() for text in figure.texts] == ["2 more collections without a label"]


def test_labels_do_not_overlap_and_are_inside_the_image():
    files = Entity("file", "ab" * 32), Entity("reference", "cd" * 32)
    collections = [Entity("collection", f"c{n}", {"name": f"Collection {n}"}) for n in range(8)]
    figure = draw(build_graph(Observation(*files, each) for each in collections))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == len(collections)
    assert all(box.count_overlaps(boxes) == 1 for box in boxes)  # itself
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("$\\frac{", "$\\frac{"),  # not a formula
        ("$100 and $200", "$100 and $200"),
        ("样本 b", "□□ b"),  # letters that the font of matplotlib lacks
        ("a\u202egpj.exe", "agpj.exe"),
        ("x" * 50, "x" * 31 + "…"),
        ("two\nlines", "two lines"),
    ],
)
def test_untrusted_name_is_drawn_as_text(name, label):
    figure = draw(campaign(name))
    assert labels_of(figure) == [label]
    assert figure._repr_png_().startswith(PNG)


def test_collection_without_a_name_is_labeled_with_its_short_id():
    unnamed = Entity("collection", "report--" + "8b" * 32)
    graph = build_graph(
        [Observation(Entity("file", "ab" * 32), Entity("reference", "cd" * 32), unnamed)]
    )
    assert labels_of(draw(graph)) == ["report--8b8b8b8…"]


@pytest.mark.parametrize("graph", [nx.DiGraph(), campaign()], ids=["empty", "campaign"])
def test_draw_accepts_any_graph(graph):
    assert draw(graph)._repr_png_().startswith(PNG)


@pytest.mark.parametrize("position", [None, (0.0, math.inf)], ids=["missing", "infinite"])
def test_draw_refuses_positions_that_are_not_those_of_all_nodes(position):
    graph = campaign()
    positions = compute_layout(graph)
    last = list(graph)[-1]
    positions |= {last: position}
    if position is None:
        del positions[last]
    with pytest.raises(ExportError, match=f"{last}: no position with finite x and y"):
        draw(graph, positions=positions)


def test_missing_matplotlib_is_reported_with_the_install_command(monkeypatch):
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install anywidget ipykernel matplotlib traitlets"):
        draw(campaign())


# --- the page in a browser -----------------------------------------------------------------------


@pytest.mark.browser
def test_page_works_inside_the_frame(chromium):
    """The page works with its own policy, in the sandbox, and with the outer policy of VS Code."""
    outer_policy = (
        "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src https: http: data:; child-src https: data: blob:"
    )
    page = chromium.new_page()
    messages, requests = [], []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    frame = show(campaign())._repr_html_()
    policy = f'<meta http-equiv="Content-Security-Policy" content="{outer_policy}">'
    page.set_content(f"<!DOCTYPE html>{policy}{frame}")
    embedded = page.frame_locator("iframe")
    embedded.locator("#status", has_text="7 of 7 nodes").wait_for()
    embedded.locator("#query").fill("Emotet")
    embedded.locator("#query").press("Enter")
    embedded.locator("#details", has_text="Emotet").wait_for()
    # All controls work, although a sandboxed frame has no origin.
    embedded.get_by_role("button", name="Two hops").click()
    embedded.locator("#color").select_option("cluster")
    embedded.locator("#list-box summary").click()
    embedded.locator("#list button").first.click()
    embedded.get_by_role("button", name=re.compile("as CSV")).click()
    embedded.get_by_role("button", name=re.compile("Copied|Not allowed")).wait_for()
    for name in ("png", "svg"):
        with page.expect_download() as download:
            embedded.locator(f"#{name}").click()
        assert download.value.suggested_filename == f"files-references-and-collections.{name}"
    assert embedded.locator("#keep").is_hidden()  # a frame has no URL to share
    embedded.get_by_role("button", name="Untangle").click()
    embedded.get_by_role("button", name="Freeze").click()
    assert (messages, [url for url in requests if not url.startswith("blob:")]) == ([], [])


@pytest.fixture
def chromium():
    with launch_chromium() as browser:
        yield browser
