"""Options that several commands share, and the parsers of their values.

Values are parsed before the function of the command is called, so that a command with an invalid
value changes nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from graphbuild.models import HASH_TYPES

DEFAULT_BASE_URL = "https://www.virustotal.com/api/v3"
DEFAULT_OUT = Path("output")
DEFAULT_LIMIT = 20  # rows per listing
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


# --- parsers -------------------------------------------------------------------------------------


def parse_age(text: str) -> float:
    """Return an age, such as ``90m``, ``12h``, ``30d`` or ``2w``, as a number of seconds."""
    match = re.fullmatch(r"([0-9]{1,6})([mhdw])", text.strip().lower())
    if not match:
        raise typer.BadParameter(f"{text[:20]!a} is not an age; use 90m, 12h, 30d or 2w")
    return int(match[1]) * float(_SECONDS[match[2]])


def parse_share(text: str | float) -> float:
    """Return a share, written as ``0.1`` or ``10%``, as a number above 0 and at most 1."""
    text = str(text).strip()
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)(%?)", text)
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < share <= 1:
        raise typer.BadParameter(f"{text[:20]!a} is not a share; use 0.1 or 10%")
    return share


def parse_date(text: str) -> float:
    """Return a date or time (``2026-10-01``, ``2026-10-01T12:30``) as seconds since 1970.

    A date without a time means 00:00. A text without an offset from UTC, such as ``+02:00``, is
    a time in UTC.
    """
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{text[:30]!a} is not a date; use 2026-10-01 or 2026-10-01T12:30"
        ) from None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _parse_base_url(text: str) -> str:
    from graphbuild.api.base_url import check_base_url

    try:
        return check_base_url(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


def _parse_format(text: str) -> str:
    from graphbuild.seeds.formats import FORMAT_NAMES

    if text not in FORMAT_NAMES:
        raise typer.BadParameter(f"no format {text!a}; use one of {', '.join(FORMAT_NAMES)}")
    return text


def _parse_shard(text: str) -> str:
    from graphbuild.store.shards import Shard

    try:
        return str(Shard.parse(text))
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


def _parse_describe(text: str) -> frozenset[str]:
    from graphbuild.api.endpoints import DESCRIBABLE_TYPES

    names = frozenset(name.strip() for name in text.split(","))
    if unknown := sorted(names - DESCRIBABLE_TYPES.keys()):
        expected = ", ".join(DESCRIBABLE_TYPES)
        raise typer.BadParameter(
            f"cannot describe {unknown[0][:40]!a}; use {expected} or {','.join(DESCRIBABLE_TYPES)}"
        )
    return names


def _parse_user(text: str) -> str:
    from graphbuild.api.quotas import is_user_name

    if not is_user_name(text):
        raise typer.BadParameter("expected your VirusTotal user name, which is not the API key")
    return text


def _user_or_configured(user: str | None) -> str:
    from graphbuild.api.auth import find_user_name

    return find_user_name() if user is None else user


def _refuse_api_key(value: str | None) -> None:
    if value is not None:
        raise typer.BadParameter(
            "every user of this machine can read keys on the command line; put your key into the "
            'variable VT_APIKEY, or into ~/.vt.toml as apikey = "..." with chmod 600'
        )


def check_comparison(baseline: Path | None, since: float | None, until: float | None) -> None:
    """Raise BadParameter unless exactly one of ``baseline`` and ``since`` is given.

    Also raise it if ``until`` is not after ``since``. Times are in seconds since 1970.
    """
    if (baseline is None) == (since is None):
        raise typer.BadParameter(
            "choose what to compare with: --baseline OLD.db, or --since DATE for the same file"
        )
    if since is not None and until is not None and until <= since:
        raise typer.BadParameter("expected a date after --since", param_hint="--until")


_count = partial(typer.Option, min=1, metavar="N")
_date = partial(typer.Option, parser=parse_date, metavar="DATE")

# --- options of every command: added in main.py, applied in console.py ---------------------------

VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Log every API request to standard error.")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print no progress and no notices.")
]

# --- campaign file, seeds and output -------------------------------------------------------------

StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        "-s",
        metavar="FILE",
        help="Campaign file (default: the only one in the current folder, *.db).",
    ),
]
_hash_names = ", ".join(each.label for each in HASH_TYPES)
_seeds = partial(
    typer.Argument,
    help=f"Seed lists: files with hashes ({_hash_names}), domains, IP addresses or URLs, defanged "
    "or not; - is standard input. A hash, domain, IP address or URL itself is also accepted.",
)
SeedsArgument = Annotated[list[str] | None, _seeds(metavar="SEEDS")]
RequiredSeedsArgument = Annotated[list[str], _seeds(metavar="SEEDS")]
FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        parser=_parse_format,
        metavar="NAME",
        help="Format of the seed lists: list (one per line), csv, stix, stix1, misp, openioc, "
        "virustotal (objects of the API), json (an array), text (free text), or auto (by file "
        "extension and content).",
    ),
]
ColumnOption = Annotated[
    str | None,
    typer.Option(
        "--column",
        metavar="NAME",
        help="Name, or number from 1, of the column with seeds in CSV lists (default: detected).",
    ),
]
AllowEmptyOption = Annotated[
    bool,
    typer.Option(
        "--allow-empty",
        help="Accept the hashes of the empty file, and hashes that consist only of 0 or only of f.",
    ),
]
OutOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Output folder, created if missing.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

# --- crawling ------------------------------------------------------------------------------------

BaseUrlOption = Annotated[
    str,
    typer.Option(
        parser=_parse_base_url,
        metavar="URL",
        help="Base URL of the API: https, or http for this machine.",
    ),
]
UserOption = Annotated[
    str | None,
    typer.Option(
        parser=_parse_user,
        callback=_user_or_configured,
        metavar="NAME",
        help="VirusTotal user name (default: VT_USER, or user in ~/.vt.toml). If the name is "
        "known, the remaining quota is requested and shown, which costs no call.",
    ),
]
PerMinuteOption = Annotated[
    int | None, _count(help="Maximum calls per minute (default: no limit; public API keys: 4).")
]
PerDayOption = Annotated[
    int | None, _count(help="Maximum calls per UTC day (default: no limit; public API keys: 500).")
]
MaxCallsOption = Annotated[
    int | None,
    _count(help="Maximum calls for this campaign file over all runs (default: no limit)."),
]
DepthOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=9,
        metavar="N",
        help="Levels to follow beyond the seeds: 1 requests the files, domains, IP addresses, "
        "URLs, references and (gti) associations of the collections found, and the files of the "
        "references found; 2 also requests the lists of the nodes found at level 1, and so on.",
    ),
]
DirectOption = Annotated[
    bool,
    typer.Option(
        "--direct",
        help="Also request the references that are attached to each subject itself, not only those "
        "of its collections: one more list per subject.",
    ),
]
PerNodeOption = Annotated[
    int | None,
    _count(
        help="With --depth: stop reading the list of a subject that is not a seed after N entries "
        "(default: 200). A list with more pages gets the state 'limited'.",
    ),
]
DescribeOption = Annotated[
    frozenset[str] | None,
    typer.Option(
        "--describe",
        parser=_parse_describe,
        metavar="KINDS",
        help="Objects to describe with one call each: collections (type, aliases, dates, targets), "
        "files (name, type, other hashes, detections; only files of seed lists), or "
        "collections,files.",
    ),
]
RefreshOption = Annotated[
    float | None,
    typer.Option(
        parser=parse_age,
        metavar="AGE",
        help="Request lists and descriptions again whose last response or failure is older than "
        "AGE, such as 90m, 12h, 30d or 2w; earlier responses are kept.",
    ),
]
RetryFailedOption = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="Request lists and descriptions again that failed, are short or are incomplete; "
        "complete lists cost no call.",
    ),
]
CompleteOption = Annotated[
    bool,
    typer.Option(
        "--complete",
        help="Request the pages that --frugal left out, to find all collections of inferred "
        "references.",
    ),
]
QuickOption = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Request only the first page of each list: one call per subject. Lists with more "
        "pages stay pending; a crawl without --quick requests only their other pages.",
    ),
]
DecideOption = Annotated[
    int | None,
    _count(
        help="Make only N more calls, for first pages and then for the pages that can change the "
        "clusters of 'communities' most."
    ),
]
OnlyOption = Annotated[
    bool,
    typer.Option(
        "--only",
        help="Request only subjects of the seed lists in this command, not of earlier seed lists.",
    ),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        parser=_parse_shard,
        metavar="I/N",
        help="Request only part I of N of the lists, such as 2/4, so that N machines with N keys "
        "request different lists. Use the same seed lists on all machines, and unite the campaign "
        "files with 'merge'.",
    ),
]
VerifyInferredOption = Annotated[
    float | None,
    typer.Option(
        "--verify-inferred",
        parser=parse_share,
        metavar="SHARE",
        help="Request the lists of a random share (0.1, 10%) of the subjects with inferred "
        "references; inferred edges that the responses do not contain are removed.",
    ),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=32,
        metavar="N",
        help="Maximum number of concurrent requests; --per-minute limits all workers together.",
    ),
]
ApiFlavorOption = Annotated[
    Literal["auto", "classic", "gti"],
    typer.Option(
        "--api-flavor",
        help="Names that the service uses: classic (related_references), gti (Google Threat "
        "Intelligence: related_reports), or auto (as stored in the campaign file, or else detected "
        "by the first requests of a crawl).",
    ),
]
ProbeOption = Annotated[
    bool,
    typer.Option(
        "--probe",
        help="Make one call to check whether your API key may request references. The exit code is "
        "1 if it may not, and 3 if the call failed for a reason that may be temporary.",
    ),
]
ApiKeyOption = Annotated[str | None, typer.Option(hidden=True, callback=_refuse_api_key)]
FrugalOption = Annotated[
    bool,
    typer.Option(
        "--frugal",
        help="Make fewer requests: do not request the remaining references of a subject if the "
        "lists of other subjects in the same collections prove them. Inferred edges are marked. "
        "Without effect in the API flavor gti, or if the campaign file contains reports of gti.",
    ),
]

# --- analysis ------------------------------------------------------------------------------------

LimitOption = Annotated[int, _count(help="Maximum number of entries in each printed list.")]
SeedOption = Annotated[
    int,
    typer.Option(min=0, max=2**32 - 1, metavar="N", help="Seed of the random number generator."),
]
MergeOption = Annotated[
    bool,
    typer.Option(
        "--merge-duplicates", help="Count references to the same article once (see 'dedupe')."
    ),
]
BaselineOption = Annotated[
    Path | None,
    typer.Option("--baseline", metavar="OLD", help="Older campaign file to compare with."),
]
SinceOption = Annotated[
    float | None,
    _date(help="Compare with the state of the same file at DATE, such as 2026-10-01 (00:00 UTC)."),
]
UntilOption = Annotated[
    float | None,
    _date(help="Use the state at DATE, such as 2026-10-01 (00:00 UTC), not the latest state."),
]
