"""``graphbuild verify``: verify the claims of an earlier report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild._util import format_count
from graphbuild.cli import options
from graphbuild.cli.campaign_file import find_campaign_file, open_for_reading, warn_if_incomplete
from graphbuild.cli.console import notice, print_json, print_line, shorten, spinner
from graphbuild.cli.errors import ExitCode
from graphbuild.cli.report import read_baseline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbuild.report.claims_file import ClaimsFile
    from graphbuild.report.content import Value
    from graphbuild.report.verification import Verification

_MAX_TEXT = 200  # characters of a sentence or a value
_MAX_MISSING = 20  # missing observations to print; --json prints all
_TOPICS = ("conclusion", "crawl", "timeline")  # in the order of the output


def verify(
    claims_path: Annotated[
        Path,
        typer.Argument(
            metavar="CLAIMS.json",
            help="Output of 'graphbuild report --json'.",
            exists=True,
            dir_okay=False,
        ),
    ],
    store_path: options.StoreOption = None,
    baseline: options.BaselineOption = None,
    *,
    show_all: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also list each fact about the crawl, and each claim about a year or month, that"
            " changed.",
        ),
    ] = False,
    json: options.JsonOption = False,
) -> None:
    """Verify the claims of an earlier report.

    A claim is a sentence of a report with its numbers and the observations that prove it. The
    command makes each claim again from the campaign file, and lists the claims that no longer hold.
    A claim no longer holds if a number, a name or a subject differs, or if an observation of its
    proof is missing. A cluster is the same if it has the same files; its number is ignored.

    Claims about changes since a date are compared with the same date. For claims about changes
    since another campaign file, give this file with --baseline; otherwise, they are not verified.

    Facts about the crawl, such as the time of the last response, change with each further call. The
    command prints only their number, and they do not affect the exit code.

    The exit code is 6 if another claim no longer holds. If all verified claims hold, but some were
    not verified, it is 4. It is 1 if the claims or the campaign file cannot be read.
    """
    from graphbuild.analysis.method_version import method_version
    from graphbuild.report import collect_data, read_claims, verify_claims

    claims = read_claims(claims_path)
    if baseline and not (claims.baseline_name and claims.since is None):
        raise typer.BadParameter(
            "the claims do not compare with another campaign file; omit this option",
            param_hint="--baseline",
        )
    if claims.method != method_version():
        notice(
            "another version of graphbuild made these claims; clusters may differ because of its"
            " method"
        )
    path = find_campaign_file(store_path)
    with open_for_reading(path) as store, spinner() as show_step:
        _warn_of_other_files(claims, store.path, baseline)
        show_step("verifying the claims")
        earlier = read_baseline(path, baseline, claims.since)
        found = verify_claims(claims, collect_data(store, earlier, seed=claims.seed))
        warn_if_incomplete(store)
    if json:
        print_json(_as_json(found))
    else:
        _print(found, show_all=show_all)
    raise typer.Exit(_find_exit_code(found))


def _warn_of_other_files(claims: ClaimsFile, path: Path, baseline: Path | None) -> None:
    """Log a notice for each file whose name is not the one in the claims."""
    if path.name != claims.campaign:
        notice(f"the claims are about {claims.campaign}, but {path.name} is compared with them")
    if baseline and baseline.name != claims.baseline_name:
        notice(
            f"the claims are about changes since {claims.baseline_name}, but the option --baseline"
            f" names {baseline.name}"
        )


def _find_exit_code(found: Sequence[Verification]) -> ExitCode:
    """Return the exit code. Changed facts about the crawl do not affect it."""
    if any(each.outcome == "no longer holds" and each.topic != "crawl" for each in found):
        return ExitCode.CLAIM_FALSE
    if any(each.outcome == "not verified" for each in found):
        return ExitCode.INCOMPLETE
    return ExitCode.SUCCESS


def _print(found: Sequence[Verification], *, show_all: bool) -> None:
    """Print the claims that do not hold, the observations that they miss, and the totals.

    Claims about other topics than conclusions are only counted, unless ``show_all`` is true.
    """
    others = [each for each in found if each.outcome != "holds"]
    # The sort is stable, so the claims of each topic remain in the order of the report.
    others.sort(key=lambda each: _TOPICS.index(each.topic))
    for each in others:
        if show_all or each.topic == "conclusion" or each.outcome == "not verified":
            _print_claim(each)
    all_of = Counter(each.topic for each in found)
    false_of = Counter(each.topic for each in found if each.outcome == "no longer holds")
    hint = "" if show_all else "; --all lists them"
    if number := false_of["crawl"]:
        facts = format_count(all_of["crawl"], "fact")
        print_line(f"{number:,} of {facts} about the crawl changed{hint}")
    if number := false_of["timeline"]:
        claims = format_count(all_of["timeline"], "claim")
        verb = "holds" if number == 1 else "hold"
        print_line(f"{number:,} of {claims} about years and months no longer {verb}{hint}")
    _print_missing(others)
    counts = Counter(each.outcome for each in found)
    false = counts["no longer holds"] - false_of["crawl"]
    changed = f", {false_of['crawl']:,} about the crawl changed" if false_of["crawl"] else ""
    print_line(
        f"{format_count(len(found), 'claim')}: {counts['holds']:,} hold, {false:,} no longer hold,"
        f" {counts['not verified']:,} not verified{changed}"
    )


def _print_claim(each: Verification) -> None:
    has_changed = each.topic == "crawl" and each.outcome == "no longer holds"
    outcome = "changed" if has_changed else each.outcome
    print_line(f"{outcome}: {shorten(each.record.text, _MAX_TEXT)}")
    print_line(f"  claim: {each.record.id}")
    if each.reason:
        print_line(f"  {each.reason}")
    for name, claimed, now in each.differences:
        print_line(f"  {name}: claimed {_value(claimed)}, now {_value(now)}")
    if each.missing:
        same = "" if each.reason or each.differences else "same numbers and names, but "
        verb = "is" if len(each.missing) == 1 else "are"
        count = format_count(len(each.missing), "observation")
        print_line(f"  {same}{count} of the proof {verb} missing")


def _print_missing(found: Iterable[Verification]) -> None:
    """Print the missing observations, those that the most claims need first."""
    counts = Counter(triple for each in found for triple in each.missing)
    if not counts:
        return
    count = format_count(len(counts), "observation")
    print_line(f"missing from the campaign file: {count} of proofs")
    for triple, claims in counts.most_common(_MAX_MISSING):
        keys = " → ".join(filter(None, triple))
        print_line(f"  {keys} ({format_count(claims, 'claim')})")
    if len(counts) > _MAX_MISSING:
        print_line(f"  … and {len(counts) - _MAX_MISSING:,} more; --json lists all")


def _value(value: Value) -> str:
    if isinstance(value, str):
        return f'"{shorten(value, _MAX_TEXT)}"'
    return "nothing" if value is None else str(value)


def _as_json(found: list[Verification]) -> dict[str, object]:
    counts = Counter(each.outcome for each in found)
    return {
        "claims": len(found),
        "holds": counts["holds"],
        "no_longer_holds": [_claim_json(e) for e in found if e.outcome == "no longer holds"],
        "not_verified": [_claim_json(e) for e in found if e.outcome == "not verified"],
    }


def _claim_json(each: Verification) -> dict[str, object]:
    record = each.record
    return {
        "id": record.id,
        "kind": record.kind,
        "topic": each.topic,
        "text": record.text,
        "subjects": record.subjects,
        "reason": each.reason or None,
        "differences": [difference._asdict() for difference in each.differences],
        "missing": each.missing,
    }
