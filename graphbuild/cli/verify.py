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
    from graphbuild.report.content import Value
    from graphbuild.report.verification import Verification

_MAX_TEXT = 200  # characters of a sentence or a value
_MAX_MISSING = 3  # missing observations to print per claim; --json prints all


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
    json: options.JsonOption = False,
) -> None:
    """Verify the claims of an earlier report.

    A claim is a sentence of a report with its numbers and the observations that prove it. The
    command makes each claim again from the campaign file, and lists the claims that no longer hold.
    A claim no longer holds if a number, a name or a subject differs, or if an observation of its
    proof is missing. A cluster is the same if it has the same files; its number is ignored.

    Claims about changes since a date are compared with the same date. For claims about changes
    since another campaign file, give this file with --baseline; otherwise, they are not verified.

    The exit code is 1 if a claim no longer holds, and 4 if the others hold, but some claims were
    not verified.
    """
    from graphbuild.analysis.cluster_method import method_version
    from graphbuild.report import collect_data, read_claims, verify_claims

    claims = read_claims(claims_path)
    if baseline and not (claims.baseline_name and claims.since is None):
        raise typer.BadParameter(
            "the claims do not compare with another campaign file; omit this option",
            param_hint="--baseline",
        )
    if claims.method != method_version():
        notice(
            "another version of graphbuild made these claims; differences of clusters may be due to"
            " its method"
        )
    path = find_campaign_file(store_path)
    with open_for_reading(path) as store, spinner() as show_step:
        show_step("verifying the claims")
        earlier = read_baseline(path, baseline, claims.since)
        found = verify_claims(claims, collect_data(store, earlier, seed=claims.seed))
        warn_if_incomplete(store)
    if json:
        print_json(_as_json(found))
    else:
        _print(found)
    outcomes = {each.outcome for each in found}
    if "no longer holds" in outcomes:
        raise typer.Exit(ExitCode.ERROR)
    if "not verified" in outcomes:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _print(found: list[Verification]) -> None:
    for each in found:
        if each.outcome != "holds":
            print_line(f"{each.outcome}: {shorten(each.record.text, _MAX_TEXT)}")
            print_line(f"  claim: {each.record.id}")
            for line in _describe(each):
                print_line(f"  {line}")
    counts = Counter(each.outcome for each in found)
    print_line(
        f"{format_count(len(found), 'claim')}: {counts['holds']:,} hold,"
        f" {counts['no longer holds']:,} no longer hold, {counts['not verified']:,} not verified"
    )


def _describe(each: Verification) -> list[str]:
    """Return lines that describe why a claim does not hold."""
    lines = [each.reason] if each.reason else []
    lines += [
        f"{name}: claimed {_value(claimed)}, now {_value(now)}"
        for name, claimed, now in each.differences
    ]
    if each.missing:
        count = format_count(len(each.missing), "observation")
        same = "" if lines else "same numbers and names, but "
        lines.append(f"{same}{count} of the proof missing from the campaign file:")
        lines += [f"  {' → '.join(filter(None, triple))}" for triple in each.missing[:_MAX_MISSING]]
        if len(each.missing) > _MAX_MISSING:
            lines.append(f"  … and {len(each.missing) - _MAX_MISSING:,} more; --json lists all")
    return lines


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
        "text": record.text,
        "subjects": record.subjects,
        "reason": each.reason or None,
        "differences": [difference._asdict() for difference in each.differences],
        "missing": each.missing,
    }
