"""The commands, their options and their exit codes.

Exit codes: 0 done; 1 an error, told in one sentence; 2 wrong usage; 3 paused, run the same command
again to go on; 4 done, but some files failed or stayed incomplete. A signal ends a crawl with 3
and everything else as the system means it, which a shell shows as 130 for an interrupt.

Nothing but typer is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeGuard

import typer

from graphbuild.cli import analysis, compare, explain, options, quota, report, sources
from graphbuild.cli import demo as demo_run
from graphbuild.cli import export as export_run
from graphbuild.cli import plan as plan_run
from graphbuild.cli import status as status_text
from graphbuild.cli.console import Progress, notice, result, result_json
from graphbuild.cli.crawl import Limits, as_json, ask, ask_again, refuse_key
from graphbuild.cli.errors import Exit, told
from graphbuild.errors import SeedError

if TYPE_CHECKING:
    from graphbuild.cli.crawl import Outcome
    from graphbuild.models import Entity
    from graphbuild.seeds import SeedList
    from graphbuild.store import Store


app = typer.Typer(
    name="graphbuild",
    help="See which public reports and which collections (malware families, campaigns, actors) "
    "tie a set of files together.\n\n"
    "\b\n"
    "  graphbuild demo                                   no key needed\n"
    "  graphbuild crawl hashes.txt --store campaign.db   asks VirusTotal\n"
    "  graphbuild export --store campaign.db --out maps  writes the files\n\n"
    "The key is read from VT_APIKEY, or from apikey in ~/.vt.toml.",
    epilog="Exit codes: 0 done · 1 error · 2 wrong usage · 3 paused, run again to go on · "
    "4 done, but some files failed or stayed incomplete · 130 interrupted",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(short_help="Ask VirusTotal about files, keep every answer.")
def crawl(
    store: options.StoreOption,
    seeds: options.SeedsArgument = None,
    form: options.FormOption = "auto",
    column: options.ColumnOption = None,
    base_url: options.BaseUrlOption = options.BASE_URL,
    per_minute: options.PerMinuteOption = None,
    per_day: options.PerDayOption = None,
    max_calls: options.MaxCallsOption = None,
    depth: options.DepthOption = 0,
    per_node: options.PerNodeOption = None,
    refresh: options.RefreshOption = None,
    audit: options.AuditOption = None,
    workers: options.WorkersOption = 1,
    api_flavor: options.ApiFlavorOption = "auto",
    api_key: options.ApiKeyOption = None,  # noqa: ARG001  only there to be refused
    *,
    allow_empty: options.AllowEmptyOption = False,
    frugal: options.FrugalOption = False,
    json: options.JsonOption = False,
) -> None:
    """Ask VirusTotal for the references of each seed, and keep every answer.

    Without seeds it goes on with what the campaign file still has to ask.

    Stop it whenever you like (Ctrl-C) and run the same command again: it goes on where it was and
    asks nothing twice. A finished campaign costs no call.
    """
    with told():
        found = _read_seeds(seeds or [], form, column, allow_empty=allow_empty)
        limits = Limits(
            per_minute=per_minute,
            per_day=per_day,
            max_calls=max_calls,
            frugal=frugal,
            depth=depth,
            per_node=per_node,
            workers=workers,
            api_flavor=api_flavor,
        )
        _check_address(base_url)
        refuse_key(found)
        with _campaign(store, new=bool(seeds)) as campaign:
            added = campaign.add_seeds(found)
            ask_again(
                campaign,
                refresh=options.seconds_of(refresh) if refresh else None,
                audit=options.share_of(audit) if audit else None,
            )
            outcome = ask(campaign, base_url, limits, Progress(quiet=json))
            outcome.added, outcome.rejected = added, len(found.rejected)
            _finish(campaign, outcome, json=json)


@app.command(short_help="Tell what a crawl would cost, at no cost.")
def plan(
    seeds: options.SeedsArgument = None,
    form: options.FormOption = "auto",
    column: options.ColumnOption = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", "-s", metavar="FILE", help="The campaign file, if there is one."),
    ] = None,
    per_minute: options.PerMinuteOption = None,
    per_day: options.PerDayOption = None,
    refresh: options.RefreshOption = None,
    user: options.UserOption = None,
    base_url: options.BaseUrlOption = options.BASE_URL,
    *,
    allow_empty: options.AllowEmptyOption = False,
    json: options.JsonOption = False,
) -> None:
    """Tell how many calls a crawl would make, and when it would be done; makes none that count.

    Exact once every first page is in; before that, at least, and by the files known so far. The
    one question to the service, for what is left of the quota, is free and needs your name.
    """
    from graphbuild.store import Store

    with told(), ExitStack() as opened:
        _check_address(base_url)
        found = _read_seeds(seeds or [], form, column, allow_empty=allow_empty)
        campaign = opened.enter_context(Store.read(store)) if _is_there(store) else None
        name = quota.named(user)
        left = quota.ask(name, base_url)
        age = options.seconds_of(refresh) if refresh else None
        limits = Limits(per_minute, per_day)
        planned = plan_run.plan(found, campaign, limits, left, refresh=age)
        if json:
            result_json(plan_run.as_json(planned))
            return
        plan_run.tell(planned)
        if not name:
            result(quota.HOW)


@app.command(short_help="Tell what is known and what is missing.")
def status(
    store: options.StoreOption,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="List every file, complete ones too.")
    ] = False,
    remarks: Annotated[
        bool,
        typer.Option("--remarks", help="List what was set aside or changed while reading pages."),
    ] = False,
    user: options.UserOption = None,
    base_url: options.BaseUrlOption = options.BASE_URL,
    json: options.JsonOption = False,
) -> None:
    """Tell what is known, what is missing, and why; and what is left of your quota."""
    from graphbuild.store import Store

    with told(), Store.read(store) as campaign:
        _check_address(base_url)
        if json:
            left = quota.ask(quota.named(user), base_url)
            result_json({**status_text.status_json(campaign), "quota": quota.as_json(left)})
        elif remarks:
            status_text.remarks(campaign)
        else:
            status_text.status(campaign, everything=everything)
            if left := quota.ask(quota.named(user), base_url):
                quota.tell(left)


@app.command(short_help="Verify that a campaign file is what was stored.")
def check(store: options.StoreOption, *, json: options.JsonOption = False) -> None:
    """Hold every stored page against its digest, and every observation against the pages.

    Ends with 1 if anything is not as it was stored, naming the file it concerns.
    """
    from graphbuild.store import Store

    with told(), Store.read(store) as campaign:
        sound = status_text.check(campaign, json=json)
    if not sound:
        raise typer.Exit(Exit.ERROR)


@app.command(short_help="Write files for Gephi, browser and tables.")
def export(
    store: options.StoreOption,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMATS",
            help="Any of graphml, gexf, html, csv, parquet, json, jsonl, cytoscape, stix,"
            " stix-indicators, misp, neo4j, dot; commas between.",
        ),
    ] = "graphml,html,csv",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder to write into; made if missing.")
    ] = Path("output"),
    *,
    view: Annotated[
        str,
        typer.Option(
            callback=export_run.view_name,
            metavar="NAME",
            help="full; folded: equal nodes as one; backbone: of like references one;"
            " files or collections: tied by the references they share.",
        ),
    ] = export_run.FULL,
    observed_only: Annotated[
        bool, typer.Option("--observed-only", help="Leave out what a frugal crawl inferred.")
    ] = False,
    times: Annotated[
        bool,
        typer.Option("--times", help="Tell on each edge when answers said so, first and last."),
    ] = False,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help="CSV for programs: texts as they are, without the apostrophe that keeps a "
            "spreadsheet from running those that look like formulas. Open no such file in one.",
        ),
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Let the page begin with the whole picture even where more than 15,000 nodes "
            "and lines are left after folding.",
        ),
    ] = False,
    json: options.JsonOption = False,
) -> None:
    """Write the graph: for Gephi, a browser, spreadsheets, and the platforms of others.

    A file is replaced when the new one is whole, not before.
    """
    from graphbuild.store import Store

    names = export_run.formats(to)
    export_run.refuse_idle(names, raw=raw, full=full)
    export_run.refuse_derived(names, view)
    with told(), Store.read(store) as campaign:
        exported = export_run.write(
            campaign,
            out,
            names,
            view=view,
            observed_only=observed_only,
            times=times,
            raw=raw,
            full=full,
        )
        if json:
            result_json(export_run.as_json(exported))
        else:
            export_run.tell(exported)
            status_text.gaps(campaign)


@app.command("import", short_help="Take in saved API answers.")
def import_(
    store: options.StoreOption,
    answers: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="Saved answers of files/{hash}/related_references, one JSON page a file.",
        ),
    ],
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What they are about, where their links.self is missing."
        ),
    ] = None,
    *,
    json: options.JsonOption = False,
) -> None:
    """Take in saved API answers, without a key and without a call."""
    with told():
        about = _subject(subject)
        pages, refused = export_run.read(answers, about)
        with _campaign(store, new=True) as campaign:
            code = export_run.take_in(campaign, pages, refused, json=json)
    raise typer.Exit(code)


@app.command(short_help="Stand in for the API on this machine.")
def emulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A world to serve (JSON lines); made up without one."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which made-up world.")] = 1,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Accept only this key; repeat for more. Any, without."),
    ] = None,
    per_minute: Annotated[int | None, typer.Option(callback=options.positive, metavar="N")] = None,
    per_day: Annotated[int | None, typer.Option(callback=options.positive, metavar="N")] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append a JSON line for each request.")
    ] = None,
    api_flavor: Annotated[
        str,
        typer.Option(
            callback=options.generation,
            metavar="NAME",
            help="API flavor: classic (references), gti (reports), or both.",
        ),
    ] = "classic",
) -> None:
    """Stand in for the API on this machine, to try things without a key."""
    with told():
        demo_run.serve(
            port=port,
            data=data,
            seed=seed,
            keys=key,
            per_minute=per_minute,
            per_day=per_day,
            log=log,
            api_flavor=api_flavor,
        )


@app.command(short_help="Try the whole path on made-up campaigns.")
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to leave the files.")] = Path(
        "output/demo"
    ),
) -> None:
    """Show the whole path on made-up campaigns, without a key: crawl, campaign file, exports."""
    with told():
        demo_run.demo(out)


analysis.add_to(app)
explain.add_to(app)
sources.add_to(app)
compare.add_to(app)
report.add_to(app)


# --- what the commands share ---------------------------------------------------------------------


def _read_seeds(
    sources: list[str], form: str, column: str | None, *, allow_empty: bool
) -> SeedList:
    from graphbuild.seeds import read_seeds

    found = read_seeds(*sources, form=form, column=column, allow_empty=allow_empty)
    for rejected in found.rejected:
        notice(f"not a seed: {rejected}")
    for remark in found.remarks:
        notice(remark)
    if sources and not found:
        raise SeedError(
            f"no file hash in {', '.join(sources)}, and no domain, IP address or URL; expected one"
            " a line"
        )
    return found


def _is_there(store: Path | None) -> TypeGuard[Path]:
    return store is not None and store.exists()


def _check_address(base_url: str) -> None:
    from graphbuild.api.transport import check_base_url

    try:
        check_base_url(base_url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--base-url") from None


def _subject(text: str | None) -> Entity | None:
    from graphbuild.seeds.indicators import parse_indicator

    if text is None:
        return None
    try:
        return parse_indicator(text.strip()).entity
    except ValueError as error:
        raise typer.BadParameter(f"{text!a} {error}", param_hint="--subject") from None


def _campaign(path: Path, *, new: bool) -> Store:
    """The campaign file, for writing; a new one only where there is something to put into it."""
    from graphbuild.store import Store

    if not new:
        Store.read(path).close()
    return Store.open(path)


def _finish(campaign: Store, outcome: Outcome, *, json: bool) -> None:
    totals = campaign.totals()
    if json:
        result_json(as_json(outcome, totals))
    else:
        status_text.summary(campaign, outcome)
    if outcome.paused:
        raise typer.Exit(Exit.PAUSED)
    if totals.failed or totals.incomplete:
        raise typer.Exit(Exit.PARTIAL)


def main() -> None:
    """Run the command that the arguments name."""
    app()
