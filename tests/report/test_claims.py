"""Claims: every sentence about the data is one, has a proof, and can be verified."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphbuild.analysis import Snapshot
from graphbuild.models import Entity, Observation
from graphbuild.report import (
    Baseline,
    collect_data,
    make_report,
    read_claims,
    verify_claims,
    write_report,
)
from graphbuild.report.blocks import (
    BulletList,
    Figure,
    FoldedList,
    Heading,
    KeyFigures,
    Paragraph,
    Summary,
    Table,
)
from graphbuild.report.claim_kinds import KINDS, find_topic
from graphbuild.report.content import Stated, parts, plain_text
from graphbuild.seeds import parse_seeds
from graphbuild.store import Store
from tests.report.parsed_report import parse_page
from tests.support.campaign_files import write_campaign, write_pages
from tests.support.paths import ROOT
from tests.support.planted_campaigns import Size, plant
from tests.torture.claims import make_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from graphbuild.report import Report
    from graphbuild.report.blocks import Block
    from graphbuild.report.content import Content
    from graphbuild.report.verification import Verification

_DAY = 86_400
ANALYSIS = (ROOT / "docs" / "analysis.md").read_text(encoding="utf-8")


@dataclass
class Written:
    """A report and its claims as JSON."""

    report: Report
    json: dict[str, Any]
    page: str

    @property
    def claims(self) -> list[dict[str, Any]]:
        claims: list[dict[str, Any]] = self.json["claims"]
        return claims

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.claims if each["kind"] == kind]

    def proof(self, claim: dict[str, Any]) -> set[tuple[str, str, str | None]]:
        """Return the observations that prove a claim."""
        return {tuple(self.json["observations"][number]) for number in indices_of(claim)}


def indices_of(claim: dict[str, Any]) -> list[int]:
    """Return the indices of the observations that prove a claim."""
    return [number for first, last in claim["proof"] for number in range(first, last + 1)]


def write(folder: Path, seed: int, prefix: str, size: Size) -> Written:
    """Write a report with all sections about a campaign whose names begin with ``prefix``."""
    observations = [renamed(each, prefix) for each in make_observations(seed, size)]
    old = earlier(observations)
    added = dated(Entity("reference", "aa" * 32, {"title": f"{prefix} added report"}))
    observations.append(Observation(observations[-1].subject, added, None))
    path = folder / f"{prefix}.db"
    write_campaign(path, observations)
    write_pages(path, {Entity("file", f"{prefix.encode().hex():0<64}"): []})
    with Store.open(path) as store:
        store.add_seeds(parse_seeds([f"{prefix.encode().hex():f<64}"]))
    with Store.read(path) as store:
        report = make_report(
            store, Baseline(f"{prefix} baseline", Snapshot.from_observations(old)), seed=0
        )
        report.write(folder)
    page = (folder / "report.html").read_text("utf-8")
    return Written(report, report.claims_json(), page)


def earlier(observations: list[Observation]) -> list[Observation]:
    """Return observations of an earlier snapshot: fewer, but one that is now removed."""
    first = observations[0]
    gone = Observation(
        observations[-1].subject,
        dated(Entity("reference", "ee" * 32, {"title": "Removed report"})),
        Entity("collection", "removed", {"name": "Removed collection"}),
    )
    kept = [
        each
        for each in observations[len(observations) // 10 :]
        if each.related_from != first.related_from
    ]
    return [*kept, gone]


def make_observations(seed: int, size: Size) -> list[Observation]:
    return [
        replace(each, reference=dated(each.reference)) for each in plant(seed, size).observations()
    ]


def dated(reference: Entity) -> Entity:
    number = int(reference.id[:6], 16)
    known: dict[str, str | int] = {
        "url": f"https://blog-{number % 5}.example/{number}",
        "creation_date": 1_300_000_000 + number % 2_000 * _DAY,
    }
    return Entity("reference", reference.id, {**reference.attributes, **known})


def renamed(observation: Observation, prefix: str) -> Observation:
    collection = observation.related_from
    if collection is not None:
        name = f"{prefix} {collection.id}"
        collection = Entity("collection", f"{prefix}-{collection.id}", {"name": name})
    title = f"{prefix} {observation.reference.name}"
    attributes = {**observation.reference.attributes, "title": title}
    reference = Entity("reference", observation.reference.id, attributes)
    return Observation(observation.subject, reference, collection)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("claims"), 3, "north", Size(5, 4, 9))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("other"), 8, "southern", Size(7, 3, 11))


# --- every sentence is a claim --------------------------------------------------------------------


def texts(block: Block) -> Iterator[Content]:
    match block:
        case Heading() | Paragraph() | Figure():
            yield block.text
        case Summary():
            yield from block.sentences
        case BulletList():
            yield from block.lines
        case FoldedList():
            yield block.title
        case KeyFigures():
            yield from (content for figure in block.figures for content in figure)
        case Table():
            yield from block.head
            yield from (cell for row in block.rows for cell in row)


def texts_without_claims(report: Report) -> set[str]:
    """Return the texts of a report in which no claim is stated, except its title."""
    found = {
        plain_text(part)
        for block in report.blocks[1:]
        for content in texts(block)
        for part in parts(content)
        if not isinstance(part, Stated)
    }
    # A note about omitted rows of a table states nothing about the campaign.
    return {text for text in found if not re.match(r"… and [\d,]+ more; ", text)}


def test_text_outside_claims_does_not_depend_on_the_data(written: Written, other: Written) -> None:
    texts = texts_without_claims(written.report)
    differing = texts ^ texts_without_claims(other.report)
    assert not [text for text in differing if re.search(r"\d|north|southern", text)]
    assert len(texts - differing) > 40  # headings, column names, and how to read the report


def test_report_has_claims_of_all_sections(written: Written) -> None:
    kinds = {each["kind"] for each in written.claims}
    absent = {
        *("no_clusters", "complete_lists", "last_day", "inferred_references", "response_warnings"),
        *("incomplete_before", "inferred_before", "inferred_after", "cluster_map"),
        *("unclustered_files", "sole_connection", "moved_file", "moved_files"),
        *("subclusters", "doubtful_files"),
    }
    assert kinds <= KINDS.keys()
    assert KINDS.keys() - kinds <= absent


def test_ids_are_unique_and_depend_on_kind_and_subjects_only(written: Written) -> None:
    ids = Counter(each["id"] for each in written.claims)
    assert set(ids.values()) == {1}
    for claim in written.claims:
        start, _, digest = claim["id"].partition("-")
        assert start == claim["kind"]
        assert bool(digest) == bool(claim["subjects"])


def test_one_id_always_names_the_same_statement(written: Written) -> None:
    found: dict[str, object] = {}
    for block in written.report.blocks:
        for content in texts(block):
            for part in parts(content):
                if isinstance(part, Stated):
                    claim = part.claim
                    statement = claim.kind, claim.subjects, dict(claim.numbers), dict(claim.names)
                    assert found.setdefault(claim.id, statement) == statement


def test_clusters_are_listed_by_their_files(written: Written) -> None:
    listed = {
        key for each in written.claims for key in each["subjects"] if key.startswith("cluster:")
    }
    assert listed == written.json["clusters"].keys()
    for claim in written.of_kind("cluster_files"):
        cluster = written.json["clusters"][claim["subjects"][0]]
        assert len(cluster["files"]) == claim["numbers"]["files"]
        assert cluster["name"] in claim["names"].values()


def test_values_that_all_rows_share_are_still_claims(tmp_path: Path) -> None:
    observations = [
        Observation(
            Entity("file", f"{group}{n}" * 32),
            Entity("reference", f"{group}{n % 2}" * 32, {"title": f"{group}{n % 2}"}),
            Entity("collection", f"x_{group}", {"name": f"Group {group}"}),
        )
        for group in "ab"
        for n in range(4)
    ]
    write_campaign(tmp_path / "c.db", observations)
    with Store.read(tmp_path / "c.db") as store:
        report = make_report(store)
    sentences = [plain_text(each.text) for each in report.blocks if isinstance(each, Paragraph)]
    assert any("stability 1.00" in each for each in sentences)
    claims = [each for each in report.claims if each.kind == "cluster_stability"]
    assert [each.numbers["stability"] for each in claims] == [1.0, 1.0]


def test_the_documented_kinds_are_all_kinds() -> None:
    section = ANALYSIS.partition("| kind | what it states |")[2].partition("\n\n")[0]
    documented = re.findall(r"`(\w+)`", section)
    assert len(documented) == len(set(documented))
    assert set(documented) == KINDS.keys()


def test_the_documented_topics_of_claims_are_those_of_all_kinds() -> None:
    section = ANALYSIS.partition("| `topic` | kinds |")[2].partition("\n\n")[0]
    documented = {
        kind: row[0]
        for row in (re.findall(r"`(\w+)`", line) for line in section.splitlines())
        for kind in row[1:]
    }
    topics = {kind: find_topic(kind) for kind in KINDS}
    assert set(topics.values()) == {"conclusion", "crawl", "timeline"}
    assert documented == {kind: topic for kind, topic in topics.items() if topic != "conclusion"}


def test_the_documented_fields_are_all_fields(written: Written) -> None:
    section = ANALYSIS.partition("## verify: ")[2].partition("| kind |")[0]
    documented = re.findall(r"^\| `(\w+)`(?:, `(\w+)`)? \|", section, re.MULTILINE)
    fields = {name for names in documented for name in names if name}
    assert fields == {"files", *written.json, *written.claims[0]}


# --- proofs ---------------------------------------------------------------------------------------


def test_proofs_are_ascending_ranges_with_gaps(written: Written) -> None:
    for claim in written.claims:
        ends = [number for first, last in claim["proof"] for number in (first, last + 1)]
        assert all(one < other for one, other in pairwise(ends))
    (total,) = written.of_kind("total_observations")
    assert len(total["proof"]) < len(indices_of(total)) / 10


def test_proofs_of_collections_prove_the_numbers_of_files(written: Written) -> None:
    claims = written.of_kind("distinctive_collection")
    assert claims
    for claim in claims:
        cluster, *collections = claim["subjects"]
        proof = written.proof(claim)
        assert {collection for _, _, collection in proof} == set(collections)
        files = {file for file, _, _ in proof}
        members = set(written.json["clusters"][cluster]["files"])
        assert len(files & members) == claim["numbers"]["inside"]
        assert len(files - members) == claim["numbers"]["outside"]


def test_proofs_of_clusters_connect_their_files(written: Written) -> None:
    for claim in written.of_kind("cluster_files"):
        members = set(written.json["clusters"][claim["subjects"][0]]["files"])
        files_of: dict[str, set[str]] = defaultdict(set)
        for file, reference, collection in written.proof(claim):
            files_of[collection or reference].add(file)
        assert set().union(*files_of.values()) == members


def test_proofs_of_references_prove_their_numbers(written: Written) -> None:
    for kind in ("cluster_references", "timeline_month", "timeline_year", "total_references"):
        for claim in written.of_kind(kind):
            references = {reference for _, reference, _ in written.proof(claim)}
            assert len(references) == claim["numbers"]["references"]


def test_proofs_of_totals_and_bridges_prove_their_numbers(written: Written) -> None:
    (total,) = written.of_kind("total_observations")
    assert len(written.proof(total)) == total["numbers"]["observations"]
    (collections,) = written.of_kind("total_collections")
    named = {collection for _, _, collection in written.proof(collections)}
    assert len(named) == collections["numbers"]["collections"]
    assert written.of_kind("bridge")
    for claim in written.of_kind("bridge"):
        proof = written.proof(claim)
        assert all(claim["subjects"][0] in triple for triple in proof)
        assert len({file for file, _, _ in proof}) == claim["numbers"]["files"]


def test_proofs_of_changes_contain_observations_of_both_snapshots(written: Written) -> None:
    (changes,) = written.of_kind("changed_observations")
    numbers = changes["numbers"]
    assert min(numbers["added"], numbers["removed"]) > 0
    assert len(written.proof(changes)) == numbers["added"] + numbers["removed"]
    (removed,) = written.of_kind("removed_reference")
    assert {reference for _, reference, _ in written.proof(removed)} == set(removed["subjects"])
    (added,) = written.of_kind("added_reference")
    assert {reference for _, reference, _ in written.proof(added)} == set(added["subjects"])


# --- the page -------------------------------------------------------------------------------------


def test_each_link_of_the_page_leads_to_the_proof_of_its_claim(written: Written) -> None:
    parsed = parse_page(written.page)
    ids = [value for _, name, value in parsed.attributes if name == "id"]
    links = {
        str(value)[1:]
        for tag, name, value in parsed.attributes
        if (tag, name) == ("a", "href") and str(value).startswith("#claim-")
    }
    assert len(ids) == len(set(ids))
    assert links <= set(ids)
    in_texts = {
        f"claim-{each['id']}" for each in written.claims if each["kind"] != "timeline_month"
    }
    assert {each for each in ids if str(each).startswith("claim-")} == in_texts
    assert links == in_texts - unlinked(written)


def unlinked(written: Written) -> set[str]:
    """Return the claims about dates of clusters without dates: the cells are empty."""
    return {
        f"claim-{each['id']}"
        for each in written.of_kind("cluster_dates")
        if each["numbers"]["first"] is None
    }


def test_the_page_sums_proofs_by_collection(written: Written) -> None:
    parsed = parse_page(written.page)
    for claim in written.of_kind("distinctive_collection"):
        proof = written.proof(claim)
        lines = parsed.listings["Distinctive collection", claim["text"]]
        assert lines[0] == f"{len(proof):,} observations:"
        (line,) = lines[1:]
        files, references = ({triple[column] for triple in proof} for column in (0, 1))
        name = next(iter(claim["names"].values()))
        verb = "reference" if len(references) == 1 else "references"
        noun = "file" if len(files) == 1 else "files"
        assert line == f"{name}: {len(files)} {noun}, {len(references)} {verb}"


def test_large_proofs_do_not_enlarge_the_page(written: Written) -> None:
    (claim,) = written.of_kind("total_observations")
    lines = parse_page(written.page).listings["Campaign", claim["text"]]
    assert len(indices_of(claim)) > 1_000
    assert len(lines) == 7
    assert re.fullmatch(r"… and \d+ more collections", lines[-1])


# --- verification ---------------------------------------------------------------------------------


def outcomes(
    folder: Path, observations: list[Observation], content: dict[str, Any]
) -> Counter[str]:
    """Verify claims with the campaign of these observations; return the number of each outcome."""
    (folder / "claims.json").write_text(json.dumps(content), encoding="utf-8")
    write_campaign(folder / "now.db", observations)
    claims = read_claims(folder / "claims.json")
    with Store.read(folder / "now.db") as store:
        found = verify_claims(claims, collect_data(store, seed=claims.seed))
    return Counter(each.outcome for each in found)


def claims_of(path: Path, observations: list[Observation]) -> dict[str, Any]:
    write_campaign(path, observations)
    with Store.read(path) as store:
        content: dict[str, Any] = json.loads(json.dumps(make_report(store).claims_json()))
    return content


_triples = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 9), st.none() | st.integers(0, 5)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(triples=_triples, seed=st.integers(0, 99))
def test_claims_hold_for_the_same_observations_in_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    triples: list[tuple[int, int, int | None]],
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("same")
    observations = [
        Observation(
            Entity("file", f"{file:064x}"),
            Entity("reference", f"{reference:064x}", {"title": f"Report {reference}"}),
            None if number is None else Entity("collection", f"c{number}", {"name": f"C{number}"}),
        )
        for file, reference, number in triples
    ]
    content = claims_of(folder / "before.db", observations)
    Random(seed).shuffle(observations)
    assert set(outcomes(folder, observations, content)) == {"holds"}


def test_a_removed_observation_is_named_by_every_claim_that_it_proves(tmp_path: Path) -> None:
    observations = make_world(2).observations
    content = claims_of(tmp_path / "before.db", observations)
    removed = observations[len(observations) // 2]
    triple: list[str | None] = [removed.subject.key, removed.reference.key]
    triple.append(removed.related_from.key if removed.related_from else None)
    number = content["observations"].index(triple)
    proved = {each["id"] for each in content["claims"] if number in indices_of(each)}
    false = false_claims(tmp_path, content, [each for each in observations if each is not removed])
    assert {each.record.id for each in false if tuple(triple) in each.missing} == proved


def test_numbers_of_clusters_are_ignored(tmp_path: Path) -> None:
    """A new, larger cluster changes the numbers of the clusters, but not their files."""

    def family(name: str, files: range) -> list[Observation]:
        return [
            Observation(
                Entity("file", f"{number:064x}"),
                Entity("reference", name.encode().hex().ljust(64, "0"), {"title": f"About {name}"}),
                Entity("collection", name, {"name": name}),
            )
            for number in files
        ]

    observations = [*family("Emotet", range(1, 5)), *family("Loader", range(10, 13))]
    content = claims_of(tmp_path / "before.db", observations)
    numbers = [each["number"] for each in content["clusters"].values()]
    assert sorted(numbers) == [1, 2]
    (tmp_path / "claims.json").write_text(json.dumps(content))
    write_campaign(tmp_path / "now.db", [*observations, *family("Large", range(20, 40))])
    with Store.read(tmp_path / "now.db") as store:
        found = verify_claims(read_claims(tmp_path / "claims.json"), collect_data(store))
    holding = Counter(each.record.kind for each in found if each.outcome == "holds")
    assert holding["cluster_files"] == holding["cluster_sources"] == 2
    false = {each.record.kind for each in found if each.outcome != "holds"}
    assert {"clustered_files", "total_clusters"} <= false


def test_write_report_and_make_report_write_the_same_bytes(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c.db", make_world(1).observations)
    with Store.read(tmp_path / "c.db") as store:
        one = write_report(store, tmp_path / "one")
        other = make_report(store).write(tmp_path / "other")
    assert [each.sha256 for each in one] == [each.sha256 for each in other]


def test_renamed_collections_make_claims_with_their_names_false(tmp_path: Path) -> None:
    file = Entity("file", "ab" * 32)
    references = [Entity("reference", f"{n:064x}", {"title": f"Report {n}"}) for n in range(3)]

    def named(name: str) -> list[Observation]:
        collection = Entity("collection", "c1", {"name": name})
        files = [file, Entity("file", "cd" * 32)]
        return [Observation(each, one, collection) for each in files for one in references]

    content = claims_of(tmp_path / "before.db", named("Emotet"))
    false = false_claims(tmp_path, content, named("Heodo"))
    names = {each["kind"] for each in content["claims"] if "Emotet" in each["names"].values()}
    assert {each.record.kind for each in false} == names
    assert {"cluster_files", "distinctive_collection", "most_distinctive"} <= names
    for each in false:
        assert {(one.claimed, one.now) for one in each.differences} == {("Emotet", "Heodo")}


def test_other_subjects_with_the_same_number_make_a_claim_false(tmp_path: Path) -> None:
    def empty(file: str) -> Store:
        write_pages(tmp_path / f"{file}.db", {Entity("file", file * 64): []})
        return Store.read(tmp_path / f"{file}.db")

    with empty("a") as store:
        (tmp_path / "claims.json").write_text(json.dumps(make_report(store).claims_json()))
    with empty("b") as store:
        found = verify_claims(read_claims(tmp_path / "claims.json"), collect_data(store))
    (false,) = [each for each in found if each.outcome != "holds"]
    assert false.record.kind == "subjects_without_references"
    assert (false.differences, false.reason) == ((), "other subjects: 1 no longer, 1 new")


def false_claims(
    folder: Path, content: dict[str, Any], observations: list[Observation]
) -> list[Verification]:
    """Return the claims that do not hold in the campaign of these observations."""
    (folder / "claims.json").write_text(json.dumps(content), encoding="utf-8")
    write_campaign(folder / "now.db", observations)
    with Store.read(folder / "now.db") as store:
        found = verify_claims(read_claims(folder / "claims.json"), collect_data(store))
    return [each for each in found if each.outcome != "holds"]
