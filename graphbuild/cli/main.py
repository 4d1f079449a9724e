"""The ``graphbuild`` command: register all subcommands, and add the options that all of them have.

To add a command, write a module with a function that has the name of the command, and add the
function to ``COMMANDS``. If the name is a Python keyword, append an underscore, as in ``import_``.
``graphbuild --help`` shows the first sentence of the function's docstring.

The modules of commands import slow libraries inside functions, so that ``--help`` is fast.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Annotated

import typer

import graphbuild
from graphbuild.cli import dataset, options
from graphbuild.cli.backup import backup
from graphbuild.cli.bridges import bridges
from graphbuild.cli.centrality import centrality
from graphbuild.cli.check import check
from graphbuild.cli.communities import communities
from graphbuild.cli.compare import compare
from graphbuild.cli.console import configure_logging
from graphbuild.cli.crawl import crawl
from graphbuild.cli.dedupe import dedupe
from graphbuild.cli.demo import demo
from graphbuild.cli.emulate import emulate
from graphbuild.cli.errors import handle_errors
from graphbuild.cli.explain import explain
from graphbuild.cli.export import export
from graphbuild.cli.import_ import import_
from graphbuild.cli.mcp import mcp
from graphbuild.cli.merge import merge
from graphbuild.cli.output import mask_output
from graphbuild.cli.overlap import overlap
from graphbuild.cli.plan import plan
from graphbuild.cli.report import report
from graphbuild.cli.seeds import seeds
from graphbuild.cli.status import status
from graphbuild.cli.timeline import timeline
from graphbuild.cli.verify import verify
from graphbuild.cli.watch import watch

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = (
    seeds,
    crawl,
    plan,
    status,
    check,
    backup,
    export,
    import_,
    merge,
    emulate,
    demo,
    communities,
    overlap,
    bridges,
    centrality,
    dedupe,
    explain,
    timeline,
    compare,
    report,
    verify,
    watch,
    mcp,
)

app = typer.Typer(
    name="graphbuild",
    help="Find the public references and collections (malware families, campaigns, actors) that "
    "connect a set of files.\n\n"
    "\b\n"
    "  graphbuild demo                                   try it without an API key\n"
    "  graphbuild crawl hashes.txt --store campaign.db   request references from VirusTotal\n"
    "  graphbuild export --store campaign.db --out maps  write graph and tables\n\n"
    "The API key is read from the environment variable VT_APIKEY, or from apikey in ~/.vt.toml.",
    epilog="Exit codes: 0 success · 1 error · 2 wrong usage · 3 paused, run again to continue · "
    "4 finished, but some subjects failed or are not complete · 5 campaign file deleted, moved or "
    "replaced during the run · 6 a claim no longer holds (verify) · 10 structural changes reported "
    "(watch) · 130 interrupted",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:  # noqa: FBT001  typer passes the value by position
    if value:
        typer.echo(f"graphbuild {graphbuild.__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    *,
    version: Annotated[  # noqa: ARG001  the callback uses the value
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    verbose: options.VerboseOption = False,
    quiet: options.QuietOption = False,
) -> None:
    configure_logging(verbose=verbose, quiet=quiet)


def _with_common_behavior(command: Callable[..., None]) -> Callable[..., None]:
    """Return ``command`` with error handling and the options ``--verbose`` and ``--quiet``."""

    @functools.wraps(command)
    def run(*args: object, verbose: bool, quiet: bool, **options: object) -> None:
        if verbose or quiet:
            configure_logging(verbose=verbose, quiet=quiet)
        with handle_errors():
            command(*args, **options)

    signature = inspect.signature(command, eval_str=True)
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=option)
        for name, option in (("verbose", options.VerboseOption), ("quiet", options.QuietOption))
    ]
    parameters = [*signature.parameters.values(), *common]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    # typer reads __annotations__ and __signature__.
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    return run


for _command in COMMANDS:
    app.command(_command.__name__.rstrip("_"))(_with_common_behavior(_command))
_dataset_app = typer.Typer(help=dataset.HELP, no_args_is_help=True, rich_markup_mode=None)
for _subcommand in dataset.COMMANDS:
    _dataset_app.command(_subcommand.__name__)(_with_common_behavior(_subcommand))
app.add_typer(_dataset_app, name="dataset")


def main() -> None:
    """Run the command named on the command line."""
    mask_output()
    with handle_errors():  # also catches errors of --help and --version
        app()
