"""``graphbuild mcp``: serve a campaign file to AI applications."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from io import TextIOWrapper
from typing import Annotated

import typer

from graphbuild._util import require
from graphbuild.cli import options
from graphbuild.cli.campaign_file import find_campaign_file, read_store
from graphbuild.cli.console import error, notice
from graphbuild.errors import GraphbuildError

_TERMS = "https://github.com/VirusTotal/gti-dev-kit"


def mcp(
    store_path: options.StoreOption = None,
    *,
    accept_ai_terms: Annotated[
        bool,
        typer.Option(
            "--accept-ai-terms",
            help="Confirmation that you may use the data of the campaign with AI. The rules for "
            "integrations of Google Threat Intelligence forbid this without an explicit approval "
            f"({_TERMS}).",
        ),
    ] = False,
) -> None:
    """Serve a campaign file to AI applications (MCP, read-only).

    The application starts this command, and talks to it over standard input and output with the
    Model Context Protocol. The server makes no API calls and no network connection, and does not
    change the file. Titles, names and other text of strangers are in fields whose names begin with
    "untrusted_".
    """
    if not accept_ai_terms:
        raise typer.BadParameter(
            "the rules for integrations of Google Threat Intelligence forbid the use of its data"
            f" with AI without an explicit approval. Read {_TERMS} and the terms of your license."
            " If you may use the data of this campaign with AI, add this option.",
            param_hint="--accept-ai-terms",
        )
    require("mcp", extra="mcp")
    path = find_campaign_file(store_path)
    read_store(path).close()  # report an unusable file before a client waits for a response
    from graphbuild.mcp import serve

    notice("serving on standard input and output; end the input or press Ctrl-C to stop")
    stdout = sys.stdout
    if not isinstance(stdout, TextIOWrapper):
        raise GraphbuildError("standard output is closed, so no client can read the responses")
    stdout.reconfigure(encoding="utf-8", newline="\n")
    with redirect_stdout(sys.stderr):  # other output must not mix with the responses
        serve(path, stdout, error)
