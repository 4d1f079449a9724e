"""Refusals: final only in the API's own words, and no refused subject holds up the others."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbuild.crawler import Crawl
from graphbuild.emulator import generate_family_world
from graphbuild.emulator.http_messages import Response
from graphbuild.errors import BaseUrlError, CrawlPaused, ForbiddenError, GraphbuildError
from graphbuild.models import COMPLETE, FAILED, PENDING
from graphbuild.store import Store
from tests.crawler.campaign import Campaign
from tests.support.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "You are not authorized to perform the requested operation"
CLASSIC_LICENSE = "a VirusTotal Enterprise license with the Threat Landscape module"
GTI_LICENSE = "a Google Threat Intelligence license (Enterprise or higher)"


def campaign(folder: Path, files: int = 6, **options: object) -> Campaign:
    folder.mkdir(exist_ok=True)
    return Campaign(folder / "c.db", generate_family_world(files, 3), **options)


def faults(made: Campaign, kind: str, value: object, *files: int) -> None:
    hashes = made.world.hashes()
    made.api.add_faults(
        *[Fault(kind, value, match=hashes[each], times=None) for each in files]  # type: ignore[arg-type]
    )


def states(made: Campaign) -> list[str]:
    return [made.states()[each] for each in made.world.hashes()]


# --- responses that are not from the API ---------------------------------------------------------


@pytest.mark.parametrize("fault", [("html", 404), ("html", 451), ("html", 400), ("redirect", "")])
def test_a_wrong_address_settles_nothing_and_the_next_run_requests_everything(
    tmp_path, fault: tuple[str, object]
) -> None:
    made = campaign(tmp_path)
    faults(made, *fault, *range(6))
    for run in range(3):
        with pytest.raises(BaseUrlError, match=r"https://\S+ (answers|does not answer) .*--base-u"):
            made.crawl()
        assert len(made.api.log) == 3 * (run + 1)
        assert states(made) == [PENDING] * 6
    made.api.clear_faults()
    made.crawl()
    assert states(made) == [COMPLETE] * 6


@pytest.mark.parametrize("files", [1, 2])
def test_a_short_list_at_a_wrong_address_is_an_error_too(tmp_path, files: int) -> None:
    made = campaign(tmp_path, files)
    faults(made, "html", 404, *range(files))
    with pytest.raises(BaseUrlError):
        made.crawl()
    assert states(made) == [PENDING] * files


@pytest.mark.parametrize("place", range(6))
def test_one_foreign_response_does_not_hold_up_other_subjects(tmp_path, place: int) -> None:
    made = campaign(tmp_path)
    faults(made, "html", 403, place)
    for _ in range(2):
        (failed,) = [event for event in made.crawl() if event.error]
        assert isinstance(failed.error, BaseUrlError)
        assert states(made) == [FAILED if each == place else COMPLETE for each in range(6)]
    assert len(made.api.log) == 6 + 1
    made.api.clear_faults()
    made.crawl()
    assert states(made) == [COMPLETE] * 6


# --- refused subjects ----------------------------------------------------------------------------


@pytest.mark.parametrize("private", [(0,), (3,), (5,), (0, 1), (0, 2, 4), (2, 3, 4, 5), (1, 2, 3)])
def test_refused_subjects_are_failures_and_the_others_are_read(
    tmp_path, private: tuple[int, ...]
) -> None:
    made = campaign(tmp_path)
    faults(made, "status", 403, *private)
    errors = [event.error for event in made.crawl() if event.error]
    assert [str(error) for error in errors] == [
        f"the service refuses access to this file (ForbiddenError: {WORDS})"
    ] * len(private)
    assert states(made) == [FAILED if each in private else COMPLETE for each in range(6)]
    assert len(made.api.log) == 6
    assert made.crawl() == []
    assert len(made.api.log) == 6


@pytest.mark.parametrize("files", [1, 2, 6])
def test_a_key_without_a_license_ends_the_run_and_settles_nothing(tmp_path, files: int) -> None:
    made = campaign(tmp_path, files, public_keys=["k" * 64])
    with pytest.raises(ForbiddenError, match=r"may not read related_references .* license"):
        made.crawl()
    assert len(made.api.log) == min(3, files)
    assert states(made) == [PENDING] * files


@pytest.mark.parametrize(
    ("flavor", "needed"),
    [
        ("classic", f"needs {CLASSIC_LICENSE}"),
        ("gti", f"needs {GTI_LICENSE}"),
        ("auto", f"needs {CLASSIC_LICENSE}, or {GTI_LICENSE}"),
    ],
)
def test_a_refusal_of_all_subjects_names_the_license_of_the_flavor(
    tmp_path, flavor: str, needed: str
) -> None:
    made = campaign(tmp_path, 1, public_keys=["k" * 64], api_flavor="both")
    with (
        Store.open(made.path) as store,
        made.client(api_flavor=flavor) as client,
        pytest.raises(ForbiddenError) as caught,
    ):
        list(Crawl(client, store))
    name = "related_reports" if flavor == "gti" else "related_references"
    assert f"may not read {name} (ForbiddenError)" in str(caught.value)
    assert str(caught.value).endswith(needed)


def test_many_private_files_at_the_start_of_a_list_do_not_block_it(tmp_path) -> None:
    made = campaign(tmp_path, 12)
    faults(made, "status", 403, *range(7))
    runs = 0
    while PENDING in states(made) and runs < 9:
        runs += 1
        with suppress(ForbiddenError):
            made.crawl()
    assert runs == 3
    assert states(made) == [FAILED] * 7 + [COMPLETE] * 5


def test_a_license_that_has_lapsed_ends_a_later_run(tmp_path) -> None:
    made = campaign(tmp_path, 12)
    with Store.open(made.path) as store, made.client() as client:
        next(iter(Crawl(client, store)))
    made.api.add_faults(Fault("status", 403, times=None))
    with pytest.raises(CrawlPaused, match="3 subjects in a row could not be read"):
        made.crawl()
    made.api.clear_faults()
    made.crawl()
    assert states(made).count(FAILED) == 3
    with Store.open(made.path) as store:
        assert store.tasks.retry_failed() == 3
    calls = made.api.calls
    made.crawl()
    assert states(made) == [COMPLETE] * 12
    assert made.api.calls == calls + 3


# --- on demand -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("page", [1, 2, 3])
def test_failed_subjects_are_requested_again_on_demand_only(tmp_path, status, page) -> None:
    made = Campaign(tmp_path / "c.db", generate_family_world(2, 90))
    first, second = made.world.hashes()
    made.api.add_faults(Fault("status", status, match=first, after=page - 1, times=None))
    made.crawl()
    assert states(made) == [FAILED, COMPLETE]
    made.api.clear_faults()
    requests = len(made.api.log)
    assert made.crawl() == []
    with Store.open(made.path) as store:
        assert store.tasks.retry_failed() == 1
    made.crawl()
    assert states(made) == [COMPLETE] * 2
    assert made.triples() == made.world.triples()
    again = [entry.path for entry in made.api.log[requests:]]
    # An invalid cursor is not used again, so that list is read from its start.
    assert len(again) == (3 if status == 400 else 4 - page)
    assert not any(second in path for path in again)


# --- any responses -------------------------------------------------------------------------------


NOT_FOUND = b'{"error": {"code": "NotFoundError", "message": "Not found"}}'


# Each response, and whether it is final for its subject. None is the page.
RESPONSES = {
    "page": (None, True),
    "unknown": (Response.from_json(404, {"error": {"code": "NotFoundError"}}), True),
    "invalid": (Response.from_json(400, {"error": {"code": "BadRequestError"}}), True),
    "private": (Response.from_json(403, {"error": {"code": "ForbiddenError"}}), True),
    "other API": (Response.from_json(404, {"error": {"code": "ResourceNotFound"}}), False),
    "HTML": (Response(404, {"Content-Type": "text/html"}, b"<html>"), False),
    "proxy": (Response(407, {}, b""), False),
    "legal": (Response(451, {}, b"No"), False),
    "cut": (Response(404, {}, NOT_FOUND[:-1]), False),
    "encoded": (Response(404, {"Content-Encoding": "br"}, NOT_FOUND), False),
    "long": (Response(404, {}, NOT_FOUND + b" " * 99_999), False),
    "redirect": (Response(302, {"Location": "/"}, b""), False),
    "down": (Response(503, {}, b"<html>"), False),
}


@given(st.lists(st.sampled_from(sorted(RESPONSES)), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_a_subject_is_settled_exactly_by_a_final_response(tmp_path_factory, kinds) -> None:
    made = campaign(tmp_path_factory.mktemp("refusals"), len(kinds))
    by_hash = dict(zip(made.world.hashes(), kinds, strict=True))
    respond, served = made.api.respond, set()

    def answer(method: str, path: str, headers: dict) -> Response:
        subject = path.split("/")[4]
        served.add(subject)
        regular = respond(method, path, headers)
        return RESPONSES[by_hash[subject]][0] or regular

    made.api.respond = answer  # type: ignore[method-assign]
    for _ in range(len(kinds)):  # each run that ends early has requested three subjects
        crawl_quietly(made)
    made.api.respond = respond  # type: ignore[method-assign]
    crawl_quietly(made)
    for subject, state in made.states().items():
        kind = by_hash[subject]
        is_settled = RESPONSES[kind][1] and (kind != "private" or "page" in kinds)
        assert subject in served
        assert state == (FAILED if is_settled and kind != "page" else COMPLETE), kinds


def crawl_quietly(made: Campaign) -> None:
    with suppress(GraphbuildError):
        made.crawl()
