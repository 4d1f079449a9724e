"""A report as one HTML page: no script, no request, no link out of it.

Jinja escapes all that stands in it, but for the style we ship and the drawings, which escape what
strangers wrote themselves. The policy in the first line of the page allows that one style, by its
hash, and nothing else: even a title that became markup could neither run nor fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from graphbuild._util import UntrustedText, escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbuild._util import MixedText
    from graphbuild.report.blocks import Block


def as_page(blocks: Sequence[Block]) -> str:
    """The report; the first block is its heading."""
    from jinja2 import DictLoader, Environment  # noqa: PLC0415  only for those who write a page
    from markupsafe import Markup  # noqa: PLC0415  the same

    environment = Environment(
        loader=DictLoader({"page.html": _read("page.html")}),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = _read("style.css")
    return environment.get_template("page.html").render(
        blocks=[(type(block).__name__, block) for block in blocks],
        parts=_parts,
        style=Markup(style),  # noqa: S704  ours
        drawn=Markup,
        policy=_policy(style),
    )


def _parts(text: MixedText) -> list[tuple[bool, str]]:
    """Of each part of a text whether a stranger wrote it, and what it says."""
    return [
        (True, escape_unprintable(part.text)) if isinstance(part, UntrustedText) else (False, part)
        for part in text
    ]


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )


def _read(name: str) -> str:
    """A text of the page, as an HTML parser hands it on: the hash is of that."""
    content = (files("graphbuild.report") / name).read_text(encoding="utf-8")
    return content.replace("\r\n", "\n")
