"""``plan --probe``: check with one call whether the API key may read references."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import typer

from graphbuild.cli.campaign_file import open_for_writing
from graphbuild.cli.console import notice
from graphbuild.cli.errors import ExitCode
from graphbuild.errors import CrawlPaused
from graphbuild.models import RELATED_REFERENCES

if TYPE_CHECKING:
    from pathlib import Path


def probe_key(
    path: Path | None,
    *,
    base_url: str,
    api_flavor: str,
    per_minute: int | None,
    per_day: int | None,
) -> str:
    """Send one request to check the API key; return the name of the relationship that it may read.

    ``path`` is the campaign file in which the call is recorded, or None to record nothing.

    Raises:
        ForbiddenError: The key may not read the relationship. The message names the license.
        GraphbuildError: The request failed for another permanent reason.
        typer.Exit: The request failed for a reason that may be temporary, or ``per_day`` calls were
            already made today. The reason is logged. The exit code is that of a paused crawl.
    """
    from graphbuild.api.auth import find_api_key
    from graphbuild.api.client import Client
    from graphbuild.api.endpoints import relationship_name
    from graphbuild.api.rate_limit import RateLimiter
    from graphbuild.crawler.probe import probe_access

    limiter = RateLimiter(per_minute)
    with (
        Client(
            find_api_key(), base_url=base_url, rate_limiter=limiter, api_flavor=api_flavor
        ) as client,
        nullcontext() if path is None else open_for_writing(path, create=False) as store,
    ):
        try:
            probe_access(client, store, per_day=per_day)
        except CrawlPaused as reason:
            notice(f"paused: {reason}")
            raise typer.Exit(ExitCode.PAUSED) from None
        return relationship_name(RELATED_REFERENCES, client.api_flavor)
