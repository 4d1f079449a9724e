"""The options that commands share, and what is refused before a command runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphbuild.models import HASH_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

BASE_URL = "https://www.virustotal.com/api/v3"
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds_of(age: str) -> float:
    """Seconds in an age such as ``30d``, ``12h``, ``90m``, ``2w``.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", age.strip().lower())
    if not found:
        raise ValueError(f"{age[:20]!a} is no age; say 90m, 12h, 30d or 2w")
    return int(found[1]) * float(_UNITS[found[2]])


def share_of(text: str) -> float:
    """A share such as ``0.1`` or ``10%``, above 0, up to 1.

    Raises:
        ValueError: it is none.
    """
    bare = text.strip().removesuffix("%")
    found = re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", bare)
    share = float(bare) / (100 if text.strip().endswith("%") else 1) if found else 0.0
    if not 0 < share <= 1:
        raise ValueError(f"{text[:20]!a} is no share; say 0.1 or 10%")
    return share


def time_of(text: str) -> float:
    """Seconds since 1970 of a day or a moment in UTC: ``2026-10-01``, ``2026-10-01T12:30``.

    A day is its beginning.

    Raises:
        ValueError: it is neither.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text[:30]!a} is no date; say 2026-10-01 or 2026-10-01T12:30") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def refuse_no_side(against: Path | None, since: str | None, until: str | None) -> None:
    """Refuse to compare with nothing, or with two things at once.

    Raises:
        typer.BadParameter: neither or both of ``--against`` and ``--since`` are given, or
            ``--until`` is no later than ``--since``.
    """
    if (against is None) == (since is None):
        raise typer.BadParameter(
            "say what to compare with: --against OLD.db, or --since DATE for the file itself"
        )
    if since and until and time_of(until) <= time_of(since):
        raise typer.BadParameter("expected a date after --since", param_hint="--until")


def positive(value: int | None) -> int | None:
    """A number from 1 up, or none."""
    if value is not None and value < 1:
        raise typer.BadParameter("expected a number from 1 up")
    return value


def _age(value: str | None) -> str | None:
    return _checked(seconds_of, value)


def _time(value: str | None) -> str | None:
    return _checked(time_of, value)


def share(value: str | None) -> str | None:
    """A share, as text; :func:`share_of` reads it."""
    return _checked(share_of, value)


def _checked(read: Callable[[str], float], value: str | None) -> str | None:
    if value is not None:
        try:
            read(value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return value


def _api_flavor(value: str) -> str:
    return _one_of(("auto", "classic", "gti"), value)


def generation(value: str) -> str:
    """A generation of the service that the emulator speaks."""
    return _one_of(("classic", "gti", "both"), value)


def side(value: str) -> str:
    """Whose ties are asked about."""
    return _one_of(("files", "collections"), value)


def _one_of(names: tuple[str, ...], value: str) -> str:
    if value not in names:
        raise typer.BadParameter(f"expected one of {', '.join(names)}")
    return value


def _user_name(value: str | None) -> str | None:
    from graphbuild.api.quotas import is_user_name

    if value is not None and not is_user_name(value):
        raise typer.BadParameter("expected your user name at VirusTotal, which is not the key")
    return value


def _no_key_here(value: str | None) -> None:
    if value is not None:
        raise typer.BadParameter(
            "a key on the command line can be read by every user of this machine; put it into "
            'the variable VT_APIKEY, or into ~/.vt.toml as apikey = "..." with chmod 600'
        )


BaseUrlOption = Annotated[
    str, typer.Option(metavar="URL", help="Where the API is; plain http only to loopback.")
]
UserOption = Annotated[
    str | None,
    typer.Option(
        callback=_user_name,
        metavar="NAME",
        help="Your name at VirusTotal: ask, at no cost, what is left of your quota. "
        "VT_USER or user in ~/.vt.toml does the same.",
    ),
]
_FORMS = ("auto", "list", "csv", "stix", "misp", "text")  # as seeds has them, without its cost


def _known_form(value: str) -> str:
    if value not in _FORMS:
        raise typer.BadParameter(f"no form {value!a}; we have {', '.join(_FORMS)}")
    return value


SeedsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SEEDS]...",
        help=f"Lists of hashes ({', '.join(each.label for each in HASH_TYPES)}), domains, IP "
        "addresses and URLs, defanged or "
        "not; - is standard input.",
    ),
]
FormOption = Annotated[
    str,
    typer.Option(
        "--format",
        callback=_known_form,
        metavar="FORM",
        help="What the lists are: list (one a line), csv, stix, misp, text (a report), or auto: "
        "by suffix and content.",
    ),
]
ColumnOption = Annotated[
    str | None,
    typer.Option("--column", metavar="NAME", help="The column of a table, by name or number."),
]
AllowEmptyOption = Annotated[
    bool, typer.Option("--allow-empty", help="Ask about the empty file's hash and its like, too.")
]
StoreOption = Annotated[
    Path, typer.Option("--store", "-s", metavar="FILE", help="The campaign file.")
]
MergeOption = Annotated[
    bool,
    typer.Option(
        "--merge-reports", help="Count a report once that stands under several addresses."
    ),
]
AgainstOption = Annotated[
    Path | None,
    typer.Option("--against", metavar="OLD", help="An older campaign file to compare with."),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        callback=_time,
        metavar="DATE",
        help="Compare with what the same file knew as this day (UTC) began.",
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        callback=_time, metavar="DATE", help="Of what was known as this day began, not now."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of text, for scripts.")
]
FEW = 20  # rows of a listing
LimitOption = Annotated[
    int, typer.Option("--limit", min=1, metavar="N", help="How many rows of each listing.")
]
SeedOption = Annotated[
    int,
    typer.Option(
        min=0, max=2**32 - 1, metavar="N", help="Of the first of the runs that find the clusters."
    ),
]
PerMinuteOption = Annotated[
    int | None,
    typer.Option(
        callback=positive, metavar="N", help="At most N calls in any minute (public key: 4)."
    ),
]
PerDayOption = Annotated[
    int | None,
    typer.Option(
        callback=positive, metavar="N", help="At most N calls a UTC day (public key: 500)."
    ),
]
MaxCallsOption = Annotated[
    int | None,
    typer.Option(
        callback=positive,
        metavar="N",
        help="At most N calls for this campaign file in all, over every run.",
    ),
]
DepthOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=9,
        metavar="N",
        help="Go N questions beyond the seeds: 1 asks the collections and references found "
        "for their files and references, 2 asks these files, nearest first.",
    ),
]
PerNodeOption = Annotated[
    int | None,
    typer.Option(
        callback=positive,
        metavar="N",
        help="With --depth: read no list further than N entries (200); what is cut is told.",
    ),
]
RefreshOption = Annotated[
    str | None,
    typer.Option(
        callback=_age,
        metavar="AGE",
        help="Ask again for what is older: 12h, 30d, 2w. Both answers are kept, with times.",
    ),
]
AuditOption = Annotated[
    str | None,
    typer.Option(
        callback=share,
        metavar="SHARE",
        help="Ask for a random share (0.1, 10%) of what was inferred, and tell how it agrees.",
    ),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=32,
        metavar="N",
        help="Questions in flight at once, for keys that allow it; --per-minute holds for all.",
    ),
]
ApiFlavorOption = Annotated[
    str,
    typer.Option(
        callback=_api_flavor,
        metavar="NAME",
        help="API flavor: classic (related_references), gti (related_reports) or auto "
        "(default: detect it with the first request).",
    ),
]
ApiKeyOption = Annotated[str | None, typer.Option(hidden=True, callback=_no_key_here)]
FrugalOption = Annotated[
    bool,
    typer.Option(
        "--frugal",
        help="Ask for no page whose content follows from what is known: a collection's "
        "references are the same for every file in it. What is inferred is marked so.",
    ),
]
